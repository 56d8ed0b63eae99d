package exchange_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// trio starts desks of three parties on one open line, in virtual time.
func trio(t *testing.T) (h *hub, jpn, nato, aus *desk, line ident.Line) {
	t.Helper()
	h = newHub()
	a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	ch := charter(t, "JPN-NATO-AUS", a, b, c)
	var all []*desk
	for _, p := range []*party{a, b, c} {
		p.found(t, ch, a, b, c)
		d := p.start(t, h)
		d.virtual = true
		all = append(all, d)
	}
	return h, all[0], all[1], all[2], ch.ID(one)
}

// quiesce ends the desks of a bubble.
func quiesce(all ...*desk) {
	for _, d := range all {
		d.stop()
	}
	synctest.Wait()
}

func attested(id ident.Message) func(tx *store.Tx) bool {
	return func(tx *store.Tx) bool { ok, _ := tx.Attested(id); return ok }
}

func (d *desk) now(t *testing.T, what string, ok func(tx *store.Tx) bool) bool {
	t.Helper()
	good := false
	if err := d.store.View(t.Context(), func(tx *store.Tx) error { good = ok(tx); return nil }); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return good
}

// TestMessageIsAttested: a message shows "not yet" until its sender's hybrid
// signature covers it: within 15 minutes, with the 64th envelope, and at the end
// of a key. The reader comes to the same.
func TestMessageIsAttested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, aus, line := trio(t)
		id := send(t, jpn, flash(line, "EXERCISE"))
		nato.until(t, "delivered", has(id, "delivered"))
		if jpn.now(t, "attested", attested(id)) || nato.now(t, "attested", attested(id)) {
			t.Error("attested before anybody signed")
		}
		time.Sleep(16 * time.Minute)
		for _, d := range []*desk{jpn, nato, aus} {
			if !d.now(t, "attested", attested(id)) {
				t.Errorf("%s: not attested after 16 minutes", d.name)
			}
		}
		var last ident.Message
		for range 70 {
			last = send(t, jpn, flash(line, "EXERCISE"))
			if id == (ident.Message{}) || !jpn.now(t, "attested", attested(id)) {
				id = last
			}
		}
		nato.until(t, "the first of 70 attested within the minute", attested(id))
		if nato.now(t, "attested", attested(last)) {
			t.Error("the last of 70 is attested with the 64th")
		}
		if err := jpn.RenewKeys(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		nato.until(t, "the last one attested at the end of its key", attested(last))
		quiesce(jpn, nato, aus)
	})
}

// TestReceiptsAreAttestedToTheirReaderAlone: other parties learn nothing of the
// chains of receipts.
func TestReceiptsAreAttestedToTheirReaderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, aus, line := trio(t)
		id := send(t, jpn, flash(line, "EXERCISE"))
		jpn.until(t, "delivered", has(id, "delivered"))
		time.Sleep(16 * time.Minute)
		receipts := func(d *desk, party ident.Party) (n int) {
			_ = d.store.View(t.Context(), func(tx *store.Tx) error {
				return tx.Row("SELECT count(*) FROM attestation a JOIN generation g ON g.id = a.generation WHERE a.party = ? AND g.sender = ?",
					party, nato.self.Desk).Scan(&n)
			})
			return n
		}
		if n := receipts(jpn, jpn.id); n != 1 {
			t.Errorf("JPN holds %d attestations of NATO's receipts, want 1", n)
		}
		if n := receipts(aus, jpn.id) + receipts(aus, aus.id); n != 0 {
			t.Errorf("AUS holds %d attestations of NATO's receipts to JPN", n)
		}
		quiesce(jpn, nato, aus)
	})
}

// alarms lists what a desk holds against somebody.
func (d *desk) alarms(t *testing.T, line ident.Line) (all []store.Proof) {
	t.Helper()
	err := d.store.View(t.Context(), func(tx *store.Tx) (err error) { all, err = tx.Proofs(line, 99); return err })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// convicted reports whether a desk holds two values that convict another.
func (d *desk) convicted(t *testing.T, line ident.Line, of ident.Desk) (p store.Proof, ok bool) {
	t.Helper()
	for _, p := range d.alarms(t, line) {
		if p.Verdict == "sender" && p.Sender == of {
			return p, true
		}
	}
	return p, false
}

// TestDesksThatHoldTheSameAgree: without a fault, checks agree and nothing is
// alarmed, for hours of traffic and a key change.
func TestDesksThatHoldTheSameAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, aus, line := trio(t)
		for range 7 {
			id := send(t, jpn, flash(line, "EXERCISE"))
			send(t, aus, flash(line, "EXERCISE"))
			nato.until(t, "delivered", has(id, "delivered"))
			time.Sleep(50 * time.Minute)
		}
		if err := jpn.RenewKeys(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if err := jpn.Check(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		for _, d := range []*desk{jpn, nato, aus} {
			if all := d.alarms(t, line); len(all) != 0 {
				t.Errorf("%s alarms without a fault: %+v", d.name, all)
			}
			f, err := d.Record(t.Context(), line)
			if err != nil || f.Agree == nil || !*f.Agree || len(f.Desks) != 2 {
				t.Errorf("%s: %s, %d desks, %v", d.name, f.Text, len(f.Desks), err)
			}
		}
		quiesce(jpn, nato, aus)
	})
}

// TestDifferenceReport: two desks made to differ name the first serial and the
// side within one line check, on both sides.
func TestDifferenceReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		draft := flash(line, "EXERCISE")
		for i := range 5 {
			if i == 2 { // from here on the relay keeps JPN's FLASHes, repairs included, from AUS
				h.mu.Lock()
				h.withhold = func(from, to ident.Mailbox, env []byte) bool {
					head, err := envelope.Parse(env)
					return err == nil && from == jpn.box && to == aus.box && head.Lane == 3
				}
				h.mu.Unlock()
			}
			id := send(t, jpn, draft)
			nato.until(t, "delivered", has(id, "delivered"))
		}
		if err := nato.Check(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		want := map[*desk][]string{
			nato: {"AUS-1 holds 2 of JPN-1 at FLASH where we hold 5", "JPN-1/0003"},
			aus:  {"NATO-1 holds 5 of JPN-1 at FLASH where we hold 2", "JPN-1/0003"},
		}
		for d, texts := range want {
			found := false
			for _, p := range d.alarms(t, line) {
				found = found || strings.Contains(p.Text, texts[0]) && strings.Contains(p.Text, texts[1])
				if p.Verdict != "path or sender" {
					t.Errorf("%s: a relay that withholds convicts %s: %s", d.name, p.Sender, p.Text)
				}
			}
			if !found {
				t.Errorf("%s: %+v, want %v", d.name, d.alarms(t, line), texts)
			}
			if f, _ := d.Record(t.Context(), line); f.Agree == nil || *f.Agree {
				t.Errorf("%s: the line shows %q", d.name, f.Text)
			}
		}
		quiesce(jpn, nato, aus)
	})
}

// TestForkedRelayIsConvicted: a sender shows two desks two histories, with two
// relays' worth of help. At the next line check both hold two values that it
// signed, which convict it, and suspect nobody else: not either the desk that
// is named before it in what they compare, whose words are still on their way.
func TestForkedRelayIsConvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
		for slices.Compare(c.self.Desk[:], a.self.Desk[:]) > 0 { // vectors list desks by their ids
			c = newParty(t, "AUS", h)
		}
		ch := charter(t, "JPN-NATO-AUS", a, b, c)
		line := ch.ID(one)
		b.found(t, ch, a, b, c)
		c.found(t, ch, a, b, c)
		nato, aus := b.start(t, h), c.start(t, h)
		nato.virtual, aus.virtual = true, true
		q := a.puppet(t, h, line, b, chain.Start{}, a, b, c)
		q.slice(c)
		fork := *q
		fork.sender, fork.victim = q.sender.Clone(), c
		for _, q := range []*puppet{q, &fork} {
			d := map[*party]*desk{b: nato, c: aus}[q.victim]
			id := q.send([]*party{a, b, c}, func(m *wire.Message) {
				m.Serial = "JPN-1/0001"
				m.Action = []ident.Party{b.id, c.id}
				sortParties(m.Action)
			})
			d.until(t, "delivered", has(id, "delivered"))
			q.attest()
		}
		nato.until(t, "attested", func(tx *store.Tx) bool { at, _ := tx.LastAttested(line, a.self.Desk); return !at.IsZero() })
		aus.until(t, "attested", func(tx *store.Tx) bool { at, _ := tx.LastAttested(line, a.self.Desk); return !at.IsZero() })
		if err := nato.Check(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		for _, d := range []*desk{nato, aus} {
			p, ok := d.convicted(t, line, a.self.Desk)
			if !ok {
				t.Fatalf("%s: not convicted: %+v", d.name, d.alarms(t, line))
			}
			for _, alarm := range d.alarms(t, line) {
				if alarm.Sender != a.self.Desk {
					t.Errorf("%s: another desk is suspected: %s", d.name, alarm.Text)
				}
			}
			x, errX := checkpoint.ParseAttestation(one, p.A)
			y, errY := checkpoint.ParseAttestation(one, p.B)
			if errX != nil || errY != nil || x.Verify(one, a.self.DeskKey.Public()) != nil || y.Verify(one, a.self.DeskKey.Public()) != nil || !x.Contradicts(y) {
				t.Errorf("%s: what is kept proves nothing", d.name)
			}
		}
		quiesce(nato, aus)
	})
}

// TestSenderThatAttestsAnotherMessageIsConvicted: what it signed message by
// message and what it attests must be one.
func TestSenderThatAttestsAnotherMessageIsConvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		fork := *q
		fork.sender = q.sender.Clone()
		id := q.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(id, "delivered"))
		if _, err := fork.sender.Seal(a.self.MessageKey, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Message: ident.NewMessage(), Expiry: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		a1 := fork.attestation()
		q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Attestation, Body: a1})
		nato.until(t, "convicted", func(*store.Tx) bool { _, ok := nato.convicted(t, line, a.self.Desk); return ok })
		if nato.now(t, "attested", attested(id)) {
			t.Error("a message shows as attested by a signature over another one")
		}
		quiesce(nato)
	})
}

// TestAcceptedAndNotDeliveredIsAlarmed: a relay takes a message and keeps it
// from a desk that is alive: the sender hears of it after five minutes, and not
// of one whose desk is silent.
func TestAcceptedAndNotDeliveredIsAlarmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		aus.stop() // merely off
		h.mu.Lock()
		h.withhold = func(from, to ident.Mailbox, env []byte) bool { return from == jpn.box && to == nato.box }
		h.mu.Unlock()
		id := send(t, jpn, flash(line, "EXERCISE"))
		time.Sleep(4 * time.Minute)
		send(t, nato, flash(line, "EXERCISE, NATO is alive"))
		time.Sleep(30 * time.Second)
		if jpn.now(t, "undelivered", has(id, exchange.StateUndelivered)) {
			t.Error("alarmed before five minutes")
		}
		time.Sleep(time.Minute)
		_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
			ladder, err := tx.Ladder(id)
			n := 0
			for _, g := range ladder {
				if g.State == exchange.StateUndelivered {
					n++
					if !strings.Contains(g.Text, "NATO-1") || strings.Contains(g.Text, "AUS-1") {
						t.Errorf("it says %q", g.Text)
					}
				}
			}
			if n != 1 {
				t.Errorf("%d alarms, want one: %+v", n, ladder)
			}
			return err
		})
		quiesce(jpn, nato)
	})
}

// TestEveryUndeliveredMessageIsAlarmedInTime: also when a relay keeps back more
// than one transaction alarms about.
func TestEveryUndeliveredMessageIsAlarmedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, aus, line := trio(t)
		h.mu.Lock()
		h.withhold = func(from, to ident.Mailbox, env []byte) bool { return from == jpn.box && to == nato.box }
		h.mu.Unlock()
		var ids []ident.Message
		for range 600 {
			m := flash(line, "EXERCISE")
			m.Precedence = precedence.Routine
			ids = append(ids, send(t, jpn, m))
		}
		time.Sleep(4 * time.Minute)
		send(t, nato, flash(line, "EXERCISE, NATO is alive"))
		time.Sleep(66 * time.Second)
		missing := 0
		for _, id := range ids {
			if !jpn.now(t, "undelivered", has(id, exchange.StateUndelivered)) {
				missing++
			}
		}
		if missing > 0 {
			t.Errorf("%d of %d messages were not alarmed about in time", missing, len(ids))
		}
		quiesce(jpn, nato, aus)
	})
}

// TestAlarmNamesEveryDesk: also where the desks of one message stand on both sides
// of what one transaction alarms about.
func TestAlarmNamesEveryDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		parties := []*party{newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h), newParty(t, "NZL", h)}
		c := charter(t, "EXERCISE four", parties...)
		var desks []*desk
		for _, p := range parties {
			p.found(t, c, parties...)
			desks = append(desks, p.start(t, h))
		}
		for _, d := range desks {
			d.virtual = true
		}
		jpn := desks[0]
		first := send(t, jpn, flash(c.ID(one), "EXERCISE"))
		for _, d := range desks[1:] {
			d.until(t, "delivered", has(first, "delivered"))
		}
		h.mu.Lock()
		h.withhold = func(from, _ ident.Mailbox, _ []byte) bool { return from == jpn.box }
		h.mu.Unlock()
		var ids []ident.Message
		for range 90 { // 270 pairs of message and desk
			m := flash(c.ID(one), "EXERCISE")
			m.Precedence = precedence.Routine
			ids = append(ids, send(t, jpn, m))
		}
		time.Sleep(4 * time.Minute)
		for _, d := range desks[1:] {
			send(t, d, flash(c.ID(one), "EXERCISE, alive"))
		}
		time.Sleep(2 * time.Minute)
		err := jpn.store.View(t.Context(), func(tx *store.Tx) error {
			for _, id := range ids {
				ladder, err := tx.Ladder(id)
				if err != nil {
					return err
				}
				text := ""
				for _, g := range ladder {
					if g.State == exchange.StateUndelivered {
						text += g.Text
					}
				}
				for _, name := range []string{"NATO-1", "AUS-1", "NZL-1"} {
					if strings.Count(text, name) != 1 {
						t.Errorf("%s: %q does not name %s once", id, text, name)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		quiesce(desks...)
	})
}

// TestTwoMessagesUnderOneIDConvict: the second is not shown, and both are kept.
func TestTwoMessagesUnderOneIDConvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nato, q, a, b, line := against(t)
		nato.virtual = true
		id := q.send([]*party{a, b}, nil)
		nato.until(t, "delivered", has(id, "delivered"))
		q.sendAs([]*party{a, b}, id, func(m *wire.Message) { m.Text = []byte("EXERCISE, another text") })
		nato.until(t, "convicted", func(*store.Tx) bool { _, ok := nato.convicted(t, line, a.self.Desk); return ok })
		if p, _ := nato.convicted(t, line, a.self.Desk); len(p.A) == 0 || len(p.B) == 0 {
			t.Error("only one of the two is kept")
		}
		quiesce(nato)
	})
}
