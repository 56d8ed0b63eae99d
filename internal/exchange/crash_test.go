package exchange_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/pack"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// TestMain makes the coder of package pack, which all tests share, before the
// first test in virtual time: a bubble would keep its channels for itself.
func TestMain(m *testing.M) {
	packed, dictionary := pack.Pack(bytes.Repeat([]byte("EXERCISE "), 100))
	_, _ = pack.Unpack(packed, dictionary, 1<<10)
	os.Exit(m.Run())
}

// gremlin decides, the same for every run of a seed, when things break.
type gremlin struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (g *gremlin) one(in int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rng.IntN(in) == 0
}

func (g *gremlin) between(least, most time.Duration) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return least + time.Duration(g.rng.Int64N(int64(most-least)))
}

// loseSpool gives the hub another life.
func (h *hub) loseSpool() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.epoch++
	h.boxes, h.seen = map[ident.Mailbox][]link.Delivery{}, map[envelope.ID]bool{}
}

// Both desks stop at random moments and start again while one sends, receipts
// come back, and the relay forgets. Whatever Send promised arrives once, and
// both ladders say so. Stopping drops what the link and the engine had in hand,
// at any point between two transactions; what a kill does within one is package
// store's test.
func TestNothingIsLostOrDoubledThroughRandomStops(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) { randomStops(t, seed) })
	}
}

func randomStops(t *testing.T, seed uint64) {
	g := &gremlin{rng: rand.New(rand.NewPCG(seed, 7))}
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	line := c.ID(one)
	sent, receipted := map[ident.Message]bool{}, map[ident.Message]bool{}
	for range 12 {
		jpn, nato := a.start(t, h), b.start(t, h)
		ctx, cancel := context.WithTimeout(t.Context(), g.between(time.Millisecond, 90*time.Second))
		var wg sync.WaitGroup
		wg.Go(func() { // JPN sends until it stops
			for ctx.Err() == nil {
				if s, err := jpn.Send(ctx, flash(line, "EXERCISE"), nil); err == nil {
					sent[s.ID] = true
				}
				pause(ctx, g.between(time.Millisecond, 20*time.Second))
			}
		})
		wg.Go(func() { // NATO receipts what it has
			for ctx.Err() == nil {
				pause(ctx, g.between(time.Second, 10*time.Second))
				for _, id := range nato.messages(t) {
					err := nato.Acknowledge(ctx, id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"})
					if k, _, _ := fault.Visible(err); err == nil || k == fault.Conflict {
						receipted[id] = true
					} else if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Acknowledge: %v", err)
					}
				}
			}
		})
		wg.Wait()
		cancel()
		jpn.stop()
		nato.stop()
		if g.one(3) {
			h.loseSpool()
		}
	}
	jpn, nato := a.start(t, h), b.start(t, h)
	jpn.virtual, nato.virtual = true, true
	for id := range sent {
		jpn.until(t, "delivered", has(id, "delivered"))
		if receipted[id] {
			jpn.until(t, "receipted", has(id, "receipted"))
		}
	}
	here, there := jpn.messages(t), nato.messages(t)
	for id := range sent {
		if !slices.Contains(there, id) {
			t.Errorf("seed %d: NATO has not %s", seed, id)
		}
	}
	for _, id := range there {
		if !slices.Contains(here, id) {
			t.Errorf("seed %d: NATO has %s, which JPN did not send", seed, id)
		}
	}
	if len(there) < len(sent) || len(there) > len(here) {
		t.Errorf("seed %d: %d messages at NATO, %d at JPN, %d promised", seed, len(there), len(here), len(sent))
	}
	jpn.stop()
	nato.stop()
	synctest.Wait()
}

// messages lists all messages of a desk.
func (d *desk) messages(t *testing.T) (ids []ident.Message) {
	err := d.store.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Messages(store.MessageFilter{Limit: 10000})
		for _, m := range all {
			ids = append(ids, m.ID)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return ids
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
