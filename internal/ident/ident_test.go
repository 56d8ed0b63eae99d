package ident

import (
	"errors"
	"strings"
	"testing"
)

// kinds lists every kind that can be read, with a reader that prints again.
var kinds = map[string]struct {
	size  int
	again func(string) (string, error)
}{
	"party1": {32, func(s string) (string, error) { id, err := ParseParty(s); return id.String(), err }},
	"desk1":  {32, func(s string) (string, error) { id, err := ParseDesk(s); return id.String(), err }},
	"line1":  {32, func(s string) (string, error) { id, err := ParseLine(s); return id.String(), err }},
	"box1":   {32, func(s string) (string, error) { id, err := ParseMailbox(s); return id.String(), err }},
	"relay1": {32, func(s string) (string, error) { id, err := ParseRelay(s); return id.String(), err }},
	"msg1":   {16, func(s string) (string, error) { id, err := ParseMessage(s); return id.String(), err }},
}

func TestIdsComeBack(t *testing.T) {
	for prefix, kind := range kinds {
		b := make([]byte, kind.size)
		for i := range b {
			b[i] = byte(i * 7)
		}
		s := text(prefix, b)
		if got, err := kind.again(s); err != nil || got != s {
			t.Errorf("%s reads back as %s, %v", s, got, err)
		}
		// An id of any other kind, and any other spelling, is refused.
		for other := range kinds {
			if other == prefix {
				continue
			}
			if _, err := kind.again(text(other, b)); !errors.Is(err, ErrForm) {
				t.Errorf("a %s passes for a %s: %v", other, prefix, err)
			}
		}
		for name, bad := range map[string]string{
			"nothing": "", "prefix alone": prefix, "upper case": strings.ToUpper(s), "a space": s + " ", "padding": s + "=",
			"short": s[:len(s)-1], "long": s + "a", "a digit too low": prefix + "1" + s[len(prefix)+1:], "a newline": s + "\n",
		} {
			if _, err := kind.again(bad); !errors.Is(err, ErrForm) {
				t.Errorf("%s with %s passes: %v", prefix, name, err)
			}
		}
	}
}

// TestOneSpelling walks through every last letter: base32 has spare bits there.
func TestOneSpelling(t *testing.T) {
	for prefix, kind := range kinds {
		s := text(prefix, make([]byte, kind.size))
		good := 0
		for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
			if _, err := kind.again(s[:len(s)-1] + string(c)); err == nil {
				good++
			}
		}
		// 32 bytes are 51 letters and a bit; 16 bytes are 25 letters and 3 bits.
		if want := map[int]int{32: 2, 16: 8}[kind.size]; good != want {
			t.Errorf("%s: %d last letters pass, want %d", prefix, good, want)
		}
	}
}

func TestErrorsStayShort(t *testing.T) {
	_, err := ParseParty(strings.Repeat("x", 1<<20))
	if err == nil || len(err.Error()) > 300 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

func TestNewMessageDrawsAnew(t *testing.T) {
	if a, b := NewMessage(), NewMessage(); a == b || a == (Message{}) {
		t.Errorf("drew %v and %v", a, b)
	}
}

// FuzzParse checks that every id that parses prints back to the same text.
func FuzzParse(f *testing.F) {
	for prefix, kind := range kinds {
		f.Add(text(prefix, make([]byte, kind.size)))
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := 0
		for prefix, kind := range kinds {
			got, err := kind.again(s)
			if err == nil {
				n++
			} else if !errors.Is(err, ErrForm) {
				t.Fatalf("another error: %v", err)
			}
			if err == nil && got != s {
				t.Fatalf("%s: %q prints as %q", prefix, s, got)
			}
		}
		if n > 1 {
			t.Fatalf("%q is an id of %d kinds", s, n)
		}
	})
}
