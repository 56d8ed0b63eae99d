package exchange

import (
	"slices"
	"testing"

	"hotline/internal/roster"
)

// TestRemovalsAreSentFirst: who is off must not wait behind anything else that
// a desk lacks.
func TestRemovalsAreSentFirst(t *testing.T) {
	sent := []roster.Type{roster.ContactCard, roster.AddDesk, roster.RotateRoot, roster.RemoveDesk}
	slices.SortFunc(sent, func(a, b roster.Type) int { return urgency(a) - urgency(b) })
	if want := []roster.Type{roster.RemoveDesk, roster.RotateRoot, roster.AddDesk, roster.ContactCard}; !slices.Equal(sent, want) {
		t.Errorf("sent in the order %v, want %v", sent, want)
	}
}
