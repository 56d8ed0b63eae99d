// Package watch keeps the clocks of messages that somebody has to receipt.
//
// Real hotlines fail by silence: it rang, and nobody came. So every message
// that asks for a receipt carries a schedule of escalation, and the desk, not
// a browser tab, walks through it: on both ends, through restarts, until a
// named role has receipted (docs/spec/line.md, Section 5). The schedule is stored
// with the message; this package only knows when the next step is due.
//
// It is on floor 3. The queue of waiting messages is given from above.
package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"hotline/internal/ident"
	"hotline/internal/precedence"
)

// Waiting is a message whose next step has a time.
type Waiting struct {
	Message ident.Message
	Level   precedence.Level
	From    time.Time // start of its clock
	Due     time.Time
	Step    int // steps taken so far
	At      time.Time
}

// Queue is the part of the desk that a [Clock] needs.
type Queue interface {
	// NextStep returns the message whose next step comes first, or ok == false
	// when nothing waits.
	NextStep(ctx context.Context) (w Waiting, ok bool, err error)
	// Stepped records that w has taken past steps in all and tells whoever
	// must hear it. overdue is true with the last one; next is then zero.
	Stepped(ctx context.Context, w Waiting, past int, next time.Time, overdue bool) error
}

// Clock walks through the schedules of all waiting messages. The zero value is
// not usable; fill all fields but Wall.
type Clock struct {
	Queue Queue
	// Kick is signalled when a message came or was settled.
	Kick <-chan struct{}
	Log  *slog.Logger
	// Wall is the machine's clock; nil: [time.Now].
	Wall func() time.Time
}

// idle bounds how long the clock sleeps when nothing is due: a wall clock that
// was set back, or a machine that slept, is noticed within it.
const idle = time.Minute

// pause is the floor under a retry after an error.
const pause = 5 * time.Second

// Run steps messages as they fall due, until ctx ends. Steps that passed while
// the desk was down are taken at once, together: one alarm and not a flood.
func (c *Clock) Run(ctx context.Context) error {
	began, running := c.wall(), time.Now()
	for {
		now := c.wall()
		if ran := began.Add(time.Since(running)); ran.After(now) {
			now = ran // a wall clock that was set back silences nothing; too early is the safe mistake
		}
		wait, err := c.once(ctx, now)
		if err != nil {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the desk stops
			}
			c.Log.ErrorContext(ctx, "watch step", "err", err)
			wait = pause
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-c.Kick:
		case <-t.C:
		}
		t.Stop()
	}
}

func (c *Clock) wall() time.Time {
	if c.Wall != nil {
		return c.Wall()
	}
	return time.Now()
}

// errStuck means that a message was stepped and is still first in the queue.
var errStuck = errors.New("message is due again at once")

// once steps all that is due at now and returns how long to wait for the next.
func (c *Clock) once(ctx context.Context, now time.Time) (time.Duration, error) {
	var last ident.Message
	for {
		w, ok, err := c.Queue.NextStep(ctx)
		if err != nil {
			return 0, fmt.Errorf("read next step: %w", err)
		}
		if !ok {
			return idle, nil
		}
		if w.At.After(now) {
			return min(idle, w.At.Sub(now)), nil
		}
		if w.Message == last {
			return 0, fmt.Errorf("step message %s: %w", w.Message, errStuck)
		}
		last = w.Message
		past, next := precedence.Progress(w.Level.Schedule(w.From, w.Due), now)
		if err := c.Queue.Stepped(ctx, w, past, next, next.IsZero()); err != nil {
			return 0, fmt.Errorf("step message %s: %w", w.Message, err)
		}
	}
}
