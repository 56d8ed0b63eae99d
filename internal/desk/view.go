package desk

import (
	"context"
	"errors"
	"time"

	"hotline/internal/store"
)

const (
	// viewTries is how often a reading that was cut off is tried. The store
	// gives a reader 100 ms while a message waits to be written, which is
	// enough for a page, but not on a machine that is out of breath.
	viewTries = 8
	// viewPause is the first pause between them; it doubles.
	viewPause = 20 * time.Millisecond
	// showPage is how many messages with their ladders are read at once.
	showPage = 16
)

// view reads from the store. A reading that was cut off for a message that had
// to be written is tried again: fn may run more than once, and starts anew each
// time. Nobody at a screen shall hear of it.
func (d *Desk) view(ctx context.Context, fn func(tx *store.Tx) error) error {
	return again(ctx, func() error { return d.store.View(ctx, fn) })
}

func again(ctx context.Context, read func() error) error {
	pause := viewPause
	for tries := 1; ; tries++ {
		err := read()
		if !errors.Is(err, store.ErrSlow) || tries == viewTries {
			return err
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return err
		}
		pause *= 2
	}
}
