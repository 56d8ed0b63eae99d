package exchange_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// benchPair starts two desks on a line over h.
func benchPair(b *testing.B, h *hub) (from, to *desk, line ident.Line) {
	b.Helper()
	a, c := newParty(b, "JPN", h), newParty(b, "NATO", h)
	ch := charter(b, "JPN-NATO", a, c)
	a.found(b, ch, a, c)
	c.found(b, ch, a, c)
	return a.start(b, h), c.start(b, h), ch.ID(one)
}

// maxKeyState is the most key state that a message may cost a desk's disk, in
// bytes: it is written anew for each message that travels alone, and a disk
// bears only so much of it.
const maxKeyState = 4 << 10

// BenchmarkKeyState measures the key state that one message has written at each
// desk: the sealed cells of sending key and receiver, and a slot for each.
func BenchmarkKeyState(b *testing.B) {
	from, to, line := benchPair(b, newHub())
	for b.Loop() {
		s, err := from.Send(b.Context(), flash(line, "EXERCISE"), nil)
		if err != nil {
			b.Fatal(err)
		}
		from.until(b, "delivered", has(s.ID, "delivered"))
	}
	for name, d := range map[string]*desk{"sender": from, "recipient": to} {
		var size int
		err := d.store.View(b.Context(), func(tx *store.Tx) error {
			return tx.Row("SELECT sum(length(sealed) + 64) FROM cell WHERE kind IN ('sender', 'receiver')").Scan(&size)
		})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size), name+"-B/message")
		if size == 0 || size > maxKeyState {
			b.Errorf("%s writes %d bytes of key state for a message, want at most %d", name, size, maxKeyState)
		}
	}
}

// BenchmarkBacklog queues messages while there is no relay, and measures how
// fast they are delivered once there is one. Ten times as many must not go
// slower: what a message costs may not depend on how many others wait.
func BenchmarkBacklog(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("queued=%d", n), func(b *testing.B) {
			for b.Loop() {
				h := newHub()
				h.open = make(chan struct{})
				from, _, line := benchPair(b, h)
				queueUp(b, from, line, n)
				began := time.Now()
				close(h.open)
				from.untilDelivered(b, n)
				b.ReportMetric(float64(n)/time.Since(began).Seconds(), "delivered/s")
			}
		})
	}
}

func queueUp(b *testing.B, d *desk, line ident.Line, n int) {
	b.Helper()
	draft := exchange.Draft{
		Line: line, Kind: traffic.Informal, Status: traffic.Exercise, ExerciseName: "EXERCISE", Precedence: precedence.Routine,
		Label: marking.Label{TLP: marking.TLPAmber}, Text: strings.Repeat("EXERCISE backlog of a line ", 10),
	}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range n / 64 {
				if _, err := d.Send(b.Context(), draft, nil); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for range n % 64 {
		if _, err := d.Send(b.Context(), draft, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// untilDelivered waits until the journal says "delivered" n times.
func (d *desk) untilDelivered(b *testing.B, n int) {
	b.Helper()
	deadline := time.Now().Add(5 * time.Minute)
	for got, head := 0, int64(0); got < n; {
		changed := d.Changed()
		var leaves []store.Leaf
		err := d.store.View(b.Context(), func(tx *store.Tx) (err error) { leaves, err = tx.Journal(head, 500); return err })
		if err != nil {
			b.Fatal(err)
		}
		for _, l := range leaves {
			head = l.Number
			if l.Kind == "delivered" {
				got++
			}
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d delivered", got, n)
		}
		if len(leaves) == 0 {
			<-changed
		}
	}
}
