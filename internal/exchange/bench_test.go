package exchange_test

import (
	"strings"
	"sync"
	"testing"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// BenchmarkDelivered sends messages of 1 kB from 64 goroutines through two
// engines on real stores and a relay in memory, until the last one's
// "delivered" is on the sender's disk.
func BenchmarkDelivered(b *testing.B) {
	h := newHub()
	a, c := newParty(b, "JPN", h), newParty(b, "NATO", h)
	ch := charter(b, "JPN-NATO", a, c)
	a.found(b, ch, a, c)
	c.found(b, ch, a, c)
	jpn := a.start(b, h)
	c.start(b, h)
	draft := exchange.Draft{
		Line: ch.ID(one), Kind: traffic.Informal, Status: traffic.Exercise, ExerciseName: "EXERCISE", Precedence: precedence.Routine,
		Label: marking.Label{TLP: marking.TLPAmber}, Text: strings.Repeat("EXERCISE throughput of a line ", 22),
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	var mu sync.Mutex
	var ids []ident.Message
	for range 64 {
		wg.Go(func() {
			for range work {
				s, err := jpn.Send(b.Context(), draft, nil)
				if err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, s.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		jpn.until(b, "delivered", has(id, "delivered"))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "delivered/s")
}

// BenchmarkOneAtATime is the time from Send to "delivered" on the sender's
// disk with nothing else under way.
func BenchmarkOneAtATime(b *testing.B) {
	h := newHub()
	a, c := newParty(b, "JPN", h), newParty(b, "NATO", h)
	ch := charter(b, "JPN-NATO", a, c)
	a.found(b, ch, a, c)
	c.found(b, ch, a, c)
	jpn := a.start(b, h)
	c.start(b, h)
	jpn.until(b, "warm", func(*store.Tx) bool { return true })
	for b.Loop() {
		s, err := jpn.Send(b.Context(), flash(ch.ID(one), "EXERCISE"), nil)
		if err != nil {
			b.Fatal(err)
		}
		jpn.until(b, "delivered", has(s.ID, "delivered"))
	}
}
