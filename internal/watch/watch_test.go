package watch_test

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/watch"
)

type rung struct {
	id      ident.Message
	past    int
	overdue bool
	after   time.Duration
}

// fakeQueue keeps waiting messages in memory and reports each step.
type fakeQueue struct {
	mu    sync.Mutex
	rows  []watch.Waiting
	start time.Time
	rung  chan rung
}

func (q *fakeQueue) add(w watch.Waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rows = append(q.rows, w)
}

func (q *fakeQueue) settle(id ident.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rows = slices.DeleteFunc(q.rows, func(w watch.Waiting) bool { return w.Message == id })
}

func (q *fakeQueue) NextStep(context.Context) (watch.Waiting, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.rows) == 0 {
		return watch.Waiting{}, false, nil
	}
	return slices.MinFunc(q.rows, func(a, b watch.Waiting) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) }), true, nil
}

func (q *fakeQueue) Stepped(_ context.Context, w watch.Waiting, past int, next time.Time, overdue bool) error {
	q.rung <- rung{w.Message, past, overdue, time.Since(q.start)}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.rows {
		if q.rows[i].Message == w.Message {
			q.rows[i].Step, q.rows[i].At = past, next
		}
	}
	if overdue {
		q.rows = slices.DeleteFunc(q.rows, func(o watch.Waiting) bool { return o.Message == w.Message })
	}
	return nil
}

func waiting(id byte, l precedence.Level, from time.Time) watch.Waiting {
	due := from.Add(l.ReceiptWithin())
	return watch.Waiting{Message: ident.Message{id}, Level: l, From: from, Due: due, At: l.Schedule(from, due)[0]}
}

func start(t *testing.T, rows ...watch.Waiting) (*fakeQueue, chan struct{}) {
	t.Helper()
	q := &fakeQueue{start: time.Now(), rows: rows, rung: make(chan rung, 64)}
	kick := make(chan struct{}, 1)
	c := &watch.Clock{Queue: q, Kick: kick, Log: slog.New(slog.DiscardHandler)}
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	go c.Run(ctx)
	return q, kick
}

func TestFlashEscalatesAtTwoFiveAndTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := start(t, waiting(1, precedence.Flash, time.Now()))
		for i, want := range []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
			got := <-q.rung
			if got.after != want || got.past != i+1 || got.overdue != (i == 2) {
				t.Errorf("step %d = %+v, want after %v", i+1, got, want)
			}
		}
		time.Sleep(24 * time.Hour)
		if n := len(q.rung); n != 0 {
			t.Errorf("rang %d times more after it was overdue", n)
		}
	})
}

func TestReceiptStopsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, kick := start(t, waiting(1, precedence.Flash, time.Now()))
		<-q.rung
		q.settle(ident.Message{1})
		kick <- struct{}{}
		time.Sleep(time.Hour)
		if n := len(q.rung); n != 0 {
			t.Errorf("rang %d times after the receipt", n)
		}
	})
}

func TestStepsMissedWhileDownFireOnceAsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The desk was down for six minutes: steps 1 and 2 are past.
		q, _ := start(t, waiting(1, precedence.Flash, time.Now().Add(-6*time.Minute)))
		if got := <-q.rung; got.past != 2 || got.overdue || got.after != 0 {
			t.Errorf("first step after the restart = %+v, want steps 1 and 2 together, at once", got)
		}
		if got := <-q.rung; got.past != 3 || !got.overdue || got.after != 4*time.Minute {
			t.Errorf("second step = %+v, want overdue after 4m", got)
		}
	})
}

func TestNewMessageIsNotLateBecauseTheClockSlept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, kick := start(t, waiting(1, precedence.Routine, time.Now()))
		time.Sleep(10 * time.Second)
		q.add(waiting(2, precedence.Flash, time.Now()))
		kick <- struct{}{}
		if got := <-q.rung; got.id != (ident.Message{2}) || got.after != 2*time.Minute+10*time.Second {
			t.Errorf("first step = %+v, want the FLASH after 2m10s", got)
		}
	})
}

// TestClockSetBackSilencesNoFlash: a clock that is set back by a day while a
// deadline runs delays no alarm.
func TestClockSetBackSilencesNoFlash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &fakeQueue{start: time.Now(), rows: []watch.Waiting{waiting(1, precedence.Flash, time.Now())}, rung: make(chan rung, 64)}
		var back atomic.Int64
		c := &watch.Clock{Queue: q, Kick: make(chan struct{}), Log: slog.New(slog.DiscardHandler), Wall: func() time.Time {
			return time.Now().Add(-time.Duration(back.Load()))
		}}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go c.Run(ctx)
		time.Sleep(time.Minute)
		back.Store(int64(24 * time.Hour))
		if got := <-q.rung; got.after != 2*time.Minute || got.past != 1 {
			t.Errorf("first step = %+v, want after 2m", got)
		}
	})
}
