package exchange_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"hotline/internal/exchange"
)

// TestCallerThatLeavesLeavesNothing: a step whose caller's time ends is not
// begun any more, and one that was begun is waited for: the caller knows which,
// and shares nothing with the engine afterwards (the race detector sees that).
func TestCallerThatLeavesLeavesNothing(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	jpn := a.startOn(t, nil)
	left, stayed := 0, 0
	for i := range 400 {
		ctx, leave := context.WithTimeout(t.Context(), time.Duration(i)*2*time.Microsecond)
		var begun, kept bool
		err := jpn.Transact(ctx, func(*exchange.Batch) error {
			begun = true
			<-ctx.Done() // its caller's time ends while it is at work
			return nil
		})
		kept = begun
		_, of, factsErr := jpn.KeyHolders(ctx, c.ID(one))
		leave()
		switch {
		case errors.Is(err, context.DeadlineExceeded) && !kept:
			left++
		case err == nil && kept:
			stayed++
		default:
			t.Fatalf("Transact = %v, and the step was begun: %v", err, kept)
		}
		if factsErr == nil && of != 1 {
			t.Fatalf("KeyHolders = of %d, want 1", of)
		}
	}
	if left == 0 || stayed == 0 {
		t.Errorf("%d callers left and %d stayed; some of both are needed", left, stayed)
	}
}
