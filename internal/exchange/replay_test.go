package exchange_test

import (
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// control seals a control message for the victim, puts it and returns it.
func (q *puppet) control(kind uint8, body []byte) []byte {
	q.t.Helper()
	env, err := chain.SealControl(one, q.self.DeskKey, chain.ControlInput{
		Control: chain.Control{Sender: q.self.Desk, Kind: kind, Body: body}, Public: q.victim.self.Control.Public(),
		Precedence: precedence.Priority, Expiry: time.Now().Add(time.Hour),
	})
	if err != nil {
		q.t.Fatal(err)
	}
	q.put(uint8(precedence.Priority), env)
	return env
}

// told lists the control messages of a kind that the victim has put into the
// puppet's mailbox.
func (q *puppet) told(kind uint8) (all [][]byte) {
	q.hub.mu.Lock()
	defer q.hub.mu.Unlock()
	for _, d := range q.hub.boxes[q.box] {
		c, err := chain.OpenControl(one, d.Envelope, q.self.Control, func(chain.Control) ([]byte, bool) { return q.victim.self.DeskKey.Public(), true })
		if err == nil && c.Kind == kind {
			all = append(all, c.Body)
		}
	}
	return all
}

// leaves counts the journal's leaves.
func (d *desk) leaves(t *testing.T, kind string) (n int) {
	t.Helper()
	d.now(t, "journal", func(tx *store.Tx) bool {
		all, _ := tx.Journal(0, 1<<20)
		for _, l := range all {
			if l.Kind == kind {
				n++
			}
		}
		return true
	})
	return n
}

// TestOldVectorChangesNothing: a relay gives again, as they were and as if they
// were new, vectors that a desk signed before. They end no alarm, raise none,
// and are not answered; also not after a restart. A desk whose clock was set
// back is still compared, by its answers.
func TestOldVectorChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		q.attestAfter(a, b)
		nato.until(t, "attested", func(tx *store.Tx) bool { at, _ := tx.LastAttested(line, a.self.Desk); return !at.IsZero() })
		time.Sleep(time.Minute) // NATO's first line check, and what it attests for it
		vector := func(edit func(v *checkpoint.Vector)) checkpoint.Vector {
			all := q.told(exchange.ControlVector)
			v := checkpoint.Vector{Group: q.sender.Group()}
			if len(all) > 0 {
				var err error
				if v, err = checkpoint.ParseVector(one, all[len(all)-1]); err != nil {
					t.Fatal(err)
				}
			}
			v.Holder, v.Time, v.Answers = a.self.Desk, time.Now(), [32]byte{}
			if edit != nil {
				edit(&v)
			}
			return v.Sign(one, a.self.DeskKey)
		}
		agree := func(when string, want bool) {
			t.Helper()
			time.Sleep(time.Second)
			if f, err := nato.Record(t.Context(), line); err != nil || f.Agree == nil || *f.Agree != want {
				t.Errorf("%s: the line shows %q, %v, want agreement %t", when, f.Text, err, want)
			}
		}
		say := func(v checkpoint.Vector) []byte { return q.control(exchange.ControlVector, v.Bytes(one)) }
		fork := func(v *checkpoint.Vector) { v.Chains[0].Lanes[0].Running[0] ^= 1 }

		say(vector(nil)) // knows nothing: NATO shows what it holds
		time.Sleep(10 * time.Second)
		same := vector(nil)
		copied := say(same)
		agree("the same", true)
		forked := vector(fork)
		say(forked)
		agree("a fork", false)
		time.Sleep(10 * time.Second)
		answers := len(q.told(exchange.ControlVector))
		for range 50 {
			q.put(1, copied)
			say(same)
		}
		agree("after the relay gave the agreement again", false)
		if n := len(q.told(exchange.ControlVector)) - answers; n != 0 {
			t.Errorf("%d answers to vectors that had been compared", n)
		}
		time.Sleep(10 * time.Second)
		for range 50 {
			say(vector(fork))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		if n := len(q.told(exchange.ControlVector)) - answers; n < 1 || n > 3 {
			t.Errorf("%d answers to 50 vectors at once, want one to three", n)
		}
		time.Sleep(10 * time.Second)
		say(vector(nil))
		agree("agreed anew", true)

		q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.LineCheck, Body: differs()})
		time.Sleep(time.Second)
		all := q.told(exchange.ControlVector)
		asked, err := checkpoint.ParseVector(one, all[len(all)-1])
		if err != nil || asked.Answers != ([32]byte{}) {
			t.Fatalf("a check that differs is not followed by a vector: %v", err)
		}
		answer := vector(func(v *checkpoint.Vector) { fork(v); v.Time, v.Answers = time.Now().Add(-time.Hour), asked.Hash(one) })
		say(answer)
		agree("a fork, by a clock that was set back", false)
		say(vector(nil))
		agree("agreed again", true)
		say(answer)
		agree("after the relay gave the answer again", true)

		nato.stop()
		nato = b.start(t, q.hub)
		nato.virtual = true
		time.Sleep(time.Minute)
		answers = len(q.told(exchange.ControlVector))
		say(forked)
		agree("after a restart the relay gave the fork again", true)
		if n := len(q.told(exchange.ControlVector)) - answers; n != 0 {
			t.Errorf("%d answers to it", n)
		}
		quiesce(nato)
	})
}

// TestEndIsGivenOnceForManyRequests: however often a desk asks, or its relay has
// it ask, for one attestation, it gets it once in a while.
func TestEndIsGivenOnceForManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, _ := against(t)
		nato.virtual = true
		q.attestAfter(a, b)
		time.Sleep(time.Minute) // NATO's first line check, and what it attests for it
		want := q.sender.Group()
		asks := append([]byte{}, want[:]...)
		nato.now(t, "own attestation", func(tx *store.Tx) bool {
			a, err := tx.NewestAttestation(b.self.Desk, want)
			if err != nil {
				t.Fatal(err)
			}
			asks = append(asks, a.Hash[:]...)
			return true
		})
		for range 2 {
			before := len(q.told(exchange.ControlProof))
			for range 50 {
				q.control(exchange.ControlWant, asks)
			}
			time.Sleep(time.Minute)
			if n := len(q.told(exchange.ControlProof)) - before; n != 1 {
				t.Errorf("%d answers to 50 requests for one attestation, want 1", n)
			}
			time.Sleep(10 * time.Minute)
		}
		quiesce(nato)
	})
}

// TestConflictIsJournalledOnce: what convicts a desk is in the journal once,
// however often a relay gives it again, also after a restart; and a desk that
// signs ever new contradictions does not fill the journal.
func TestConflictIsJournalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, _ := against(t)
		nato.virtual = true
		key := func() []byte {
			k, err := roster.NewAnnouncement(a.self.DeskKey, roster.Announcement{
				Desk: a.self.Desk, Number: 5, Public: one.NewSealKey().Public(), Time: time.Now().UTC().Truncate(time.Millisecond),
			})
			if err != nil {
				t.Fatal(err)
			}
			return k.Bytes()
		}
		q.control(exchange.ControlSealKey, key())
		other := key()
		for range 20 {
			q.control(exchange.ControlSealKey, other)
		}
		time.Sleep(time.Minute)
		if n := nato.leaves(t, "seal-key-conflict"); n != 1 {
			t.Errorf("%d leaves about one conflict, want 1", n)
		}
		nato.stop()
		nato = b.start(t, q.hub)
		nato.virtual = true
		q.control(exchange.ControlSealKey, other)
		time.Sleep(time.Minute)
		if n := nato.leaves(t, "seal-key-conflict"); n != 1 {
			t.Errorf("%d leaves about one conflict after a restart, want 1", n)
		}
		for range 50 {
			q.control(exchange.ControlSealKey, key())
		}
		time.Sleep(time.Minute)
		if n := nato.leaves(t, "seal-key-conflict"); n < 2 || n > 20 {
			t.Errorf("%d leaves about 51 conflicts, want some, and few", n)
		}
		quiesce(nato)
	})
}

// TestRefusedRepairIsJournalledOnce: a message that must be refused comes as a
// repair, again and again, from a relay or from whoever can seal it anew.
func TestRefusedRepairIsJournalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, _ := against(t)
		nato.virtual = true
		body := []byte("no message at all")
		sealed, err := q.sender.Seal(a.self.MessageKey, chain.SealInput{
			Kind: envelope.Message, Precedence: precedence.Flash, Message: ident.NewMessage(), Body: body, Expiry: time.Now().Add(time.Hour),
		})
		if err != nil {
			t.Fatal(err)
		}
		repair := func() []byte {
			env, err := chain.SealRepair(one, b.seal.Public(), precedence.Flash, time.Now().Add(time.Hour), chain.Repair{
				Sender: a.self.Desk, Group: q.sender.Group(), Evidence: sealed.Evidence, Body: body,
			})
			if err != nil {
				t.Fatal(err)
			}
			return env
		}
		first := repair()
		for range 10 {
			q.put(3, first)
			q.put(3, repair())
		}
		time.Sleep(time.Second)
		if n := nato.leaves(t, "refused"); n != 1 {
			t.Errorf("%d leaves about one message, want 1", n)
		}
		quiesce(nato)
	})
}

// differs is the body of a line check that fits nothing.
func differs() []byte {
	var w octets.Writer
	w.Raw(make([]byte, 16))
	w.Uint8(0)
	w.Uint64(1)
	w.Raw(make([]byte, 32))
	w.Var32(nil)
	w.Uint16(0)
	return w.Bytes()
}

// attestAfter sends a message and attests it.
func (q *puppet) attestAfter(rel ...*party) {
	q.send(rel, nil)
	q.attest()
}
