package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestKindNamesComeBack(t *testing.T) {
	seen := map[string]bool{}
	for k := Internal; k <= Config; k++ {
		if got := ParseKind(k.String()); got != k || seen[k.String()] {
			t.Errorf("ParseKind(%q) = %v, want %d", k, got, k)
		}
		seen[k.String()] = true
	}
	if Kind(200).String() != "internal" || ParseKind("teapot") != Internal || ParseKind("") != Internal {
		t.Error("an unknown kind is not internal")
	}
}

func TestVisibleHidesCauses(t *testing.T) {
	cause := fmt.Errorf("open /secret/path: %w", fs.ErrPermission)
	sentence := Wrap(cause, Config, "The folder %q is in use.", "x").WithHint("stop the other desk")
	tests := map[string]struct {
		err  error
		kind Kind
		msg  string
		hint string
	}{
		"a fault":                  {sentence, Config, `The folder "x" is in use.`, "stop the other desk"},
		"a fault below":            {fmt.Errorf("run desk: %w", sentence), Config, `The folder "x" is in use.`, "stop the other desk"},
		"a fault beside another":   {errors.Join(errors.New("x"), sentence), Config, `The folder "x" is in use.`, "stop the other desk"},
		"an error without":         {cause, Internal, hidden, ""},
		"no error":                 {nil, Internal, hidden, ""},
		"a fault without sentence": {&Error{Kind: Busy}, Busy, "", ""},
	}
	for name, tt := range tests {
		k, msg, hint := Visible(tt.err)
		if k != tt.kind || msg != tt.msg || hint != tt.hint {
			t.Errorf("%s: Visible = %v, %q, %q, want %v, %q, %q", name, k, msg, hint, tt.kind, tt.msg, tt.hint)
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := Wrap(fs.ErrNotExist, NotFound, "There is no line %q.", "x")
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != `There is no line "x".: file does not exist` {
		t.Errorf("Wrap = %v", err)
	}
	if got := New(Busy, "Try again.").Error(); got != "Try again." {
		t.Errorf("New = %q", got)
	}
	if !Is(fmt.Errorf("a: %w", err), NotFound) || Is(err, Busy) || Is(errors.New("x"), Internal) || Is(nil, Internal) {
		t.Error("Is does not find the kind")
	}
	// WithHint copies: a sentinel fault must not change for everybody.
	if _ = err.WithHint("mend it"); err.Hint != "" {
		t.Error("WithHint changes its receiver")
	}
}
