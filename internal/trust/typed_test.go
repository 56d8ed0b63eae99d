package trust

import (
	"strings"
	"testing"
)

func TestTypedWords(t *testing.T) {
	tests := map[string]struct {
		in   []string
		want string
	}{
		"as it should be":    {[]string{"amber", "bench"}, "amber bench"},
		"one line":           {[]string{" Amber, BENCH "}, "amber bench"},
		"full-width letters": {[]string{"ａｍｂｅｒ　ＢＥＮＣＨ"}, "amber bench"},
		"Japanese commas":    {[]string{"amber、bench"}, "amber bench"},
		"nothing":            {[]string{" "}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := strings.Join(typedWords(tt.in), " "); got != tt.want {
				t.Errorf("typedWords(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}
