package desk

import (
	"testing"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// TestOneReferenceOneMessage: JPN-1/0001 stands on every line. Whoever
// acknowledges must not acknowledge another message than he read.
func TestOneReferenceOneMessage(t *testing.T) {
	a, b := store.Message{ID: ident.Message{1}}, store.Message{ID: ident.Message{2}}
	if got, err := onlyOne([]store.Message{a}, "JPN-1/0001"); err != nil || got.ID != a.ID {
		t.Errorf("one: %v, %v", got.ID, err)
	}
	if _, err := onlyOne([]store.Message{a, b}, "JPN-1/0001"); !fault.Is(err, fault.Invalid) {
		t.Errorf("two: %v, want a refusal", err)
	}
	if _, err := onlyOne(nil, "JPN-1/0001"); !fault.Is(err, fault.NotFound) {
		t.Errorf("none: %v, want not found", err)
	}
}
