package relay_test

import (
	"testing"
	"time"

	"hotline/internal/link"
)

// BenchmarkDeskToDesk measures envelopes of 1 kB from one desk through the
// relay's disk to another, one at a time and with 64 on the way.
func BenchmarkDeskToDesk(b *testing.B) {
	for name, window := range map[string]int{"one": 1, "many": 64} {
		b.Run(name, func(b *testing.B) {
			r := newRelay(b, nil)
			from, to := enrolled(b, r), enrolled(b, r)
			allow(b, to, from)
			envs := make([][]byte, 0, 1<<14)
			for range cap(envs) {
				envs = append(envs, env(2, 1024))
			}
			b.ResetTimer()
			n := min(b.N, cap(envs))
			began := time.Now()
			for i := range n {
				put(b, from, uint64(i), envs[i], to)
				to.wait(b, "window", func() bool { return len(to.got) > i-window })
			}
			to.wait(b, "all", func() bool { return len(to.got) == n })
			took := time.Since(began)
			b.ReportMetric(float64(n)/took.Seconds(), "envelopes/s")
			b.ReportMetric(float64(took.Microseconds())/float64(n), "µs/envelope")
		})
	}
}

var _ link.Handler = (*testDesk)(nil)

// BenchmarkFanOut measures one put for 200 connected mailboxes, from the put to
// the last delivery: what a statement or a FLASH on a line of 200 desks costs.
func BenchmarkFanOut(b *testing.B) {
	r := newRelay(b, nil)
	from := enrolled(b, r)
	to := make([]*testDesk, 200)
	for i := range to {
		to[i] = enrolled(b, r)
		allow(b, to[i], from)
	}
	b.ResetTimer()
	n := 0
	for b.Loop() {
		n++
		put(b, from, uint64(n), env(3, 1024), to...)
		for _, d := range to {
			d.wait(b, "delivery", func() bool { return len(d.got) == n })
		}
	}
}
