package main

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"hotline/internal/api"
)

func TestInert(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain text":            {"Isolate now.", "Isolate now."},
		"Japanese":              {"偽ニュース: 避難", "偽ニュース: 避難"},
		"Arabic":                {"عاجل", "عاجل"},
		"combined letters":      {"é 👩‍🚒", "é 👩<U+200D>🚒"},
		"line ends and tabs":    {"a\n\tb", "a\n\tb"},
		"carriage return":       {"safe\rEVIL", "safe<U+000D>EVIL"},
		"escape":                {"\x1b]52;c;x\a", "<U+001B>]52;c;x<U+0007>"},
		"one byte control":      {"\u009b31m", "<U+009B>31m"},
		"direction override":    {"txt.\u202eexe", "txt.<U+202E>exe"},
		"isolates":              {"\u2066x\u2069", "<U+2066>x<U+2069>"},
		"invisible":             {"a\u200bb\ufeff\u00ad", "a<U+200B>b<U+FEFF><U+00AD>"},
		"tags":                  {"\U000e0041", "<U+E0041>"},
		"line separator":        {"a\u2028b", "a<U+2028>b"},
		"private use":           {"\ue000", "<U+E000>"},
		"broken UTF-8":          {"a\xffb", "a<FF>b"},
		"replacement character": {"a\ufffdb", "a\ufffdb"},
		"delete":                {"\x7f", "<U+007F>"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := inert(tt.in); got != tt.want {
				t.Errorf("inert(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// FuzzInert checks that nothing dangerous is left, and that JSON keeps its value.
func FuzzInert(f *testing.F) {
	f.Add("a\x1b\u202e\U000e0041\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range inert(s) {
			if unsafeRune(r) {
				t.Errorf("inert(%q) holds %U", s, r)
			}
		}
		b, err := json.Marshal(api.Message{Text: s})
		if err != nil {
			t.Fatal(err)
		}
		safe := inertJSON(b)
		for _, r := range string(safe) {
			if unsafeRune(r) {
				t.Errorf("inertJSON(%q) holds %U", b, r)
			}
		}
		var before, after api.Message
		if err := json.Unmarshal(b, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(safe, &after); err != nil || before.Text != after.Text || !utf8.Valid(safe) {
			t.Errorf("inertJSON changes %q into %q (%v)", before.Text, after.Text, err)
		}
	})
}
