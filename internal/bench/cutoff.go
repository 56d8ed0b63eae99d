package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"hotline/internal/emulate"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// Cutoff are the choices of [Options.Cutoff].
type Cutoff struct {
	Desks  int           // on the line; zero: 40
	Rounds int           // desks cut off, one after the other; zero: 1
	Rate   int64         // bit/s of each desk's link, each way; zero: 1,000,000
	RTT    time.Duration // of each desk's link; zero: 50 ms
}

func (c *Cutoff) complete() {
	if c.Desks == 0 {
		c.Desks = 40
	}
	c.Rounds = max(c.Rounds, 1)
	if c.Rate == 0 {
		c.Rate = 1_000_000
	}
	if c.RTT == 0 {
		c.RTT = 50 * time.Millisecond
	}
}

// Cutoff measures how long it takes from the officer's act until every desk of
// a line refuses the desk that was cut off, and until all have confirmed it.
func (o *Options) Cutoff(ctx context.Context, c Cutoff) (err error) {
	c.complete()
	o.say("A line of %d desks, each behind a link of %d bit/s and %s round trip, in this process.", c.Desks, c.Rate, c.RTT)
	f, err := o.launch(ctx, c.Desks, emulate.Link{RateUp: c.Rate, RateDown: c.Rate, Delay: c.RTT / 2})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	var refused, confirmed []float64
	slice := 0
	for round := range c.Rounds {
		if round > 0 {
			// New keys first, for a while: what still moves then is part of the case.
			wait, stop := context.WithTimeout(ctx, 30*time.Second)
			err := f.settle(wait)
			stop()
			if err != nil && (ctx.Err() != nil || wait.Err() == nil) {
				return err
			}
		}
		r, err := f.cut(ctx, round)
		if err != nil {
			return err
		}
		o.say("Cut off %d: refused by the last of %d desks after %.2f s, confirmed by all after %.2f s.",
			round+1, len(r.refused)+1, r.last.Seconds(), r.confirmed.Seconds())
		for _, d := range r.refused {
			refused = append(refused, d.Seconds())
		}
		confirmed = append(confirmed, r.confirmed.Seconds())
		if slice, err = f.sliceSize(ctx); err != nil {
			return err
		}
	}
	name := fmt.Sprintf("cutoff/%d", c.Desks)
	slowest := row(name+"_slowest", "s", refused)
	slowest.P50 = slowest.P99
	for _, s := range refused {
		slowest.P50 = max(slowest.P50, s)
	}
	slowest.P90, slowest.P99 = slowest.P50, slowest.P50
	bytes := float64(slice)
	return o.report([]Row{
		row(name, "s", refused), slowest, row(name+"_confirmed", "s", confirmed),
		Row{Name: "cutoff/bytes_per_slice", Unit: "B", N: c.Desks - 2, P50: bytes, P90: bytes, P99: bytes}.against(1536),
	})
}

// cutoff is how one cut-off went.
type cutoff struct {
	refused   []time.Duration // of each desk but the one that did it
	last      time.Duration
	confirmed time.Duration
}

// refusedWithin is when a measurement gives up.
const refusedWithin = 2 * time.Minute

// cut has the first desk cut off another desk of its party, and times all.
func (f *fleet) cut(ctx context.Context, round int) (c cutoff, err error) {
	ctx, stop := context.WithTimeout(ctx, refusedWithin)
	defer stop()
	by, gone := f.desks[0], f.desks[1+round]
	gone.gone = true
	var all sync.WaitGroup
	var mu sync.Mutex
	var moments []time.Time
	for _, v := range f.desks[1:] {
		if v.gone {
			continue
		}
		all.Go(func() {
			at, ok := v.refuses(ctx, gone.self.Desk)
			mu.Lock()
			defer mu.Unlock()
			if !ok {
				err = fmt.Errorf("%s does not refuse the desk that was cut off", v.self.DeskName)
			}
			moments = append(moments, at)
		})
	}
	at := time.Now()
	f.cutAt = at
	if err := by.engine.Transact(ctx, func(b *exchange.Batch) error {
		st, err := b.Removal(by.delegate, gone.self.Desk, "EXERCISE")
		if err != nil {
			return err
		}
		return b.CutOff(st, "EXERCISE")
	}); err != nil {
		return c, fmt.Errorf("cut off: %w", err)
	}
	all.Wait()
	if err != nil {
		return c, err
	}
	for _, m := range moments {
		c.refused, c.last = append(c.refused, m.Sub(at)), max(c.last, m.Sub(at))
	}
	c.confirmed, err = by.confirmed(ctx, gone.self.Desk, at)
	return c, err
}

// refuses waits until a desk refuses another, and returns when that was.
func (v *vessel) refuses(ctx context.Context, gone ident.Desk) (time.Time, bool) {
	for {
		changed := v.engine.Changed()
		if v.engine.View().Removed[gone] {
			return time.Now(), true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Now(), false
		}
	}
}

// confirmed waits until all desks have confirmed.
func (v *vessel) confirmed(ctx context.Context, gone ident.Desk, began time.Time) (time.Duration, error) {
	for {
		changed := v.engine.Changed()
		var c exchange.Cutoff
		err := v.store.View(ctx, func(tx *store.Tx) (err error) { c, err = v.engine.Cutoff(tx, gone); return err })
		if err != nil && !errors.Is(err, store.ErrSlow) {
			return 0, err
		}
		if err == nil && len(c.Unconfirmed) == 0 {
			return time.Since(began), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, fmt.Errorf("%d desks did not confirm: %w", len(c.Unconfirmed), ctx.Err())
		}
	}
}

// sliceSize waits until the first desk has new keys on their way, and returns
// the largest of what it seals to one desk.
func (f *fleet) sliceSize(ctx context.Context) (size int, err error) {
	for range 600 {
		err := f.desks[0].store.View(ctx, func(tx *store.Tx) error {
			return tx.Row("SELECT coalesce(max(length(bytes)), 0) FROM outbox WHERE purpose = 'slice' AND made_at >= ?", f.cutAt).Scan(&size)
		})
		if err != nil && !errors.Is(err, store.ErrSlow) {
			return 0, err
		}
		if err == nil && size > 0 {
			return size, nil
		}
		if err := rest(ctx, 100*time.Millisecond); err != nil {
			return 0, err
		}
	}
	return 0, errors.New("no new keys were made")
}
