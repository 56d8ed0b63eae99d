package traffic

import (
	"strings"
	"testing"

	"hotline/internal/fault"
)

func TestNamesComeBack(t *testing.T) {
	for s := Queued; s <= Want; s++ {
		if got, err := ParseState(s.String()); err != nil || got != s {
			t.Errorf("ParseState(%q) = %v, %v", s, got, err)
		}
	}
	for k := Formal; k <= Check; k++ {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("ParseKind(%q) = %v, %v", k, got, err)
		}
	}
	for s := Actual; s <= Test; s++ {
		if got, err := ParseStatus(s.String()); err != nil || got != s {
			t.Errorf("ParseStatus(%q) = %v, %v", s, got, err)
		}
	}
	for a := AckNone; a <= AckAnswer; a++ {
		if got, err := ParseAck(a.String()); err != nil || got != a {
			t.Errorf("ParseAck(%q) = %v, %v", a, got, err)
		}
	}
	for _, s := range []string{"", "Alert", "alerts"} {
		_, err := ParseKind(s)
		if _, _, hint := fault.Visible(err); err == nil || !strings.Contains(hint, "formal, alert") {
			t.Errorf("ParseKind(%q) error %v, hint %q", s, err, hint)
		}
	}
	if Kind(0).Valid() || Status(0).Valid() || Kind(200).String() != "Kind(200)" {
		t.Error("a zero or unknown value passes for one of ours")
	}
}
