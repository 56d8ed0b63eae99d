package desk

import "testing"

func TestPlainLines(t *testing.T) {
	if got := plainLines("a\r\nb\rc\n\r\n"); got != "a\nb\nc\n\n" {
		t.Errorf("plainLines = %q", got)
	}
}
