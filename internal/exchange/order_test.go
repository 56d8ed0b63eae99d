package exchange_test

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// On a line of three, one desk may hold every signature and send before another
// does. The message must wait there, not be lost with its key.
func TestMessageBeforeTheLastSignatureWaits(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	jpn, nato := a.start(t, h), b.start(t, h)
	line := c.ID(one)
	state := func(s string) {
		err := nato.Transact(t.Context(), func(b *exchange.Batch) error {
			if err := b.Tx.SetLineState(line, s); err != nil {
				return err
			}
			return b.Reload()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	state("proposed")
	ids := []ident.Message{send(t, jpn, flash(line, "EXERCISE")), send(t, jpn, flash(line, "EXERCISE"))}
	nato.until(t, "two parked", func(tx *store.Tx) bool { lower, fl, _ := tx.ParkedSize(); return lower+fl > 0 })
	state("open")
	for _, id := range ids {
		jpn.until(t, "delivered", has(id, "delivered"))
	}
}

func TestSliceBeforeTheStatementOfItsDeskWaits(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.foundWithout(t, c, a, b, a)
	jpn, nato := a.start(t, h), b.start(t, h)
	id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
	nato.until(t, "slice and message parked", func(tx *store.Tx) bool { tags, _ := tx.ParkedTags(); return len(tags) == 2 })
	err := nato.Transact(t.Context(), func(b *exchange.Batch) error { return b.TakeStatement(a.add.Bytes()) })
	if err != nil {
		t.Fatal(err)
	}
	jpn.until(t, "delivered", has(id, "delivered"))
}

// A relay that gives everything twice, as two relays do, is answered once.
func TestSecondCopyIsNotAnsweredAgain(t *testing.T) {
	nato, q, a, b, _ := against(t)
	id := q.send([]*party{a, b}, nil)
	nato.until(t, "delivered", has(id, "delivered"))
	first, rounds := q.last, 5
	before := q.puts()
	for range rounds {
		q.put(3, first)
		next := q.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(next, "delivered"))
	}
	// What the first message brought may be counted too: a slice and its receipt.
	if n := q.puts() - before; n >= 2*rounds {
		t.Errorf("%d envelopes after %d copies of one message and %d new ones, want one for each new one", n, rounds, rounds)
	}
}

// An envelope whose generation is done with is answered all the same: what was
// lost was our word for it.
func TestCopyUnderAFinishedGenerationIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		id := q.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(id, "delivered"))
		old := q.last
		next := a.puppet(t, q.hub, line, b, chain.Start{Previous: q.sender}, a, b)
		nato.until(t, "delivered", has(next.send([]*party{a, b}, nil), "delivered"))
		time.Sleep(3 * time.Hour) // the old generation is complete, and dropped
		nato.until(t, "one key left", func(tx *store.Tx) bool { refs, _ := tx.Cells("receiver"); return len(refs) == 1 })
		told := func(tx *store.Tx) bool { untold, _ := tx.Untold(9); return len(untold) == 0 }
		for n := q.heard(1); q.heard(1) == n; { // a line check has just been
			time.Sleep(time.Minute)
		}
		before := q.heard(1)
		q.put(3, old)
		time.Sleep(time.Minute)
		nato.until(t, "told", told)
		if after := q.heard(1); after != before+1 {
			t.Errorf("%d envelopes for a copy, want one delivered", after-before)
		}
		nato.stop()
		synctest.Wait()
	})
}

func TestClockRunsUntilEveryPartyHasReceipted(t *testing.T) {
	h := newHub()
	a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	ch := charter(t, "ALL", a, b, c)
	for _, p := range []*party{a, b, c} {
		p.found(t, ch, a, b, c)
	}
	jpn, nato, aus := a.start(t, h), b.start(t, h), c.start(t, h)
	id := send(t, jpn, flash(ch.ID(one), "EXERCISE"))
	by := func(d *desk, n int, s traffic.State) {
		d.until(t, "message", known(id))
		if err := d.Acknowledge(t.Context(), id, exchange.Ack{State: s, Role: "watch officer"}); err != nil {
			t.Fatal(err)
		}
		jpn.until(t, "receipted", func(tx *store.Tx) bool {
			ladder, _ := tx.Ladder(id)
			for _, g := range ladder {
				if g.State == s.String() && g.Party == d.id {
					n--
				}
			}
			return n <= 0
		})
	}
	waits := func(want bool) {
		t.Helper()
		_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
			if m, err := tx.Message(id); err != nil || m.SettledAt.IsZero() != want || m.NextAt.IsZero() == want {
				t.Errorf("waits = %v, next step %v, %v; want waits %v", m.SettledAt.IsZero(), m.NextAt, err, want)
			}
			return nil
		})
	}
	by(nato, 1, traffic.Receipted)
	waits(true)
	by(aus, 1, traffic.Receipted)
	waits(false)
	by(nato, 1, traffic.Withdrawn)
	waits(true)
}

// A burst at the first moment must not make a sending key for every message.
func TestBurstMakesFewKeys(t *testing.T) {
	h := newHub()
	h.mute = true
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	jpn := a.start(t, h)
	for range 20 {
		send(t, jpn, flash(c.ID(one), "EXERCISE"))
	}
	_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
		n := 0
		for lane := range uint8(4) {
			out, err := tx.Queue(h.id, lane, 0, 1000)
			if err != nil {
				t.Error(err)
			}
			for _, o := range out {
				if o.Purpose == store.ForSlice {
					n++
				}
			}
		}
		if n < 1 || n > 2 {
			t.Errorf("%d slices for one desk and 20 messages, want 1, or 2 with the one made ahead of need", n)
		}
		return nil
	})
}

// What waits for a desk that left the line is let go; what is for others stays.
func TestDeskThatLeftIsNotWaitedFor(t *testing.T) {
	h := newHub()
	h.mute = true
	a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	ch := charter(t, "ALL", a, b, c)
	a.found(t, ch, a, b, c)
	jpn := a.start(t, h)
	draft := flash(ch.ID(one), "EXERCISE for NATO")
	draft.Label.REL = marking.REL{Parties: []string{"JPN", "NATO"}}
	draft.Precedence = precedence.Immediate
	only := send(t, jpn, draft)
	all := send(t, jpn, flash(ch.ID(one), "EXERCISE for all"))
	waits := func(id ident.Message) bool {
		m, _ := jpn.stored(t, id)
		return !m.DueAt.IsZero() && m.SettledAt.IsZero()
	}
	if !waits(only) || !waits(all) {
		t.Fatal("no clock runs before anybody has left")
	}
	line := ch.ID(one)
	err := jpn.Transact(t.Context(), func(bt *exchange.Batch) error {
		if _, err := bt.Tx.PutDeparture(line, b.self.Desk, line[:], time.Now()); err != nil {
			return err
		}
		return bt.Reload()
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
		left := map[ident.Message]int{}
		for lane := range uint8(4) {
			rows, _ := tx.Queue(h.id, lane, 0, 1000)
			for _, o := range rows {
				if o.Purpose == store.ForMessage {
					to, _ := tx.Targets(o.ID)
					left[*o.Message] = len(to)
				}
			}
		}
		if left[only] != 0 || left[all] != 1 {
			t.Errorf("desks waited for = %d and %d, want 0 for NATO's message and AUS for the other", left[only], left[all])
		}
		return nil
	})
	if waits(only) || !waits(all) {
		t.Errorf("clocks run: %t for NATO's message, %t for the other; want the other's alone", waits(only), waits(all))
	}
	if n := jpn.leaves(t, "moot"); n != 1 {
		t.Errorf("%d leaves say that nobody is left to answer, want 1", n)
	}
}

// What is sealed to a seal key may be under way for a whole period after its
// successor: the last two are kept, and no more.
func TestTheSealKeyBeforeTheNewestIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, _, _, _, _ := against(t)
		nato.virtual = true
		numbers := func(want ...uint64) {
			t.Helper()
			_ = nato.store.View(t.Context(), func(tx *store.Tx) error {
				refs, err := tx.Cells("seal")
				got := []uint64{}
				for _, r := range refs {
					got = append(got, binary.BigEndian.Uint64(r))
				}
				if slices.Sort(got); !slices.Equal(got, want) {
					t.Errorf("seal keys %v, %v, want %v", got, err, want)
				}
				return nil
			})
		}
		numbers(1)
		time.Sleep(25 * time.Hour)
		numbers(1, 2)
		time.Sleep(22 * time.Hour)
		numbers(1, 2)
		time.Sleep(3 * time.Hour)
		numbers(2, 3)
		nato.stop()
		synctest.Wait()
	})
}
