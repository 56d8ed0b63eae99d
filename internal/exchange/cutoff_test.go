package exchange_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// alliance is a line of JPN-1, NATO-1, NATO-2 and AUS-1, each of which runs.
type alliance struct {
	hub                   *hub
	line                  ident.Line
	all                   []*party
	jpn, nato, nato2, aus *desk
}

func newAlliance(t *testing.T, virtual bool) *alliance {
	t.Helper()
	h := newHub()
	a, b, d := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	b2 := newDesk(t, "NATO", 2, b.root, h)
	c := charter(t, "ALL", a, b, d)
	v := &alliance{hub: h, line: c.ID(one), all: []*party{a, b, b2, d}}
	for _, p := range v.all {
		p.found(t, c, a, b, b2, d)
	}
	v.jpn, v.nato, v.nato2, v.aus = a.start(t, h), b.start(t, h), b2.start(t, h), d.start(t, h)
	for _, d := range v.desks() {
		d.virtual = virtual
	}
	// One message each way proves that everybody holds everybody's key.
	for _, d := range v.desks() {
		id := send(t, d, flash(v.line, "EXERCISE"))
		d.until(t, "delivered by all", deliveredBy(id, 3))
	}
	for _, d := range v.desks() { // a first key begets a second one: those who start tell so
		d.until(t, "keys with the relay", func(tx *store.Tx) bool {
			n := 1
			err := tx.Row("SELECT count(*) FROM outbox o JOIN target t ON t.outbox = o.id WHERE o.purpose = 'slice' AND t.state = 0").Scan(&n)
			return err == nil && n == 0
		})
	}
	return v
}

func (v *alliance) desks() []*desk { return []*desk{v.jpn, v.nato, v.nato2, v.aus} }

// removal is the root's word that the desk is gone.
func (p *party) removal(t testing.TB, by *party, number uint64) roster.Statement {
	t.Helper()
	c := p.add.Add.Certificate
	st, err := roster.NewStatement(one, by.root, roster.Statement{
		Type: roster.RemoveDesk, Number: number, Time: time.Now().UTC().Truncate(time.Millisecond),
		Remove: &roster.Cut{Desk: p.self.Desk, Fingerprint: c.Fingerprint(one), Reason: "EXERCISE seized"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (v *alliance) cut(t *testing.T) {
	t.Helper()
	if err := v.nato.CutOff(t.Context(), v.nato2.removal(t, v.nato.party, 3), "WO1"); err != nil {
		t.Fatal(err)
	}
}

// deliveredBy reports whether n desks have signed for a message.
func deliveredBy(id ident.Message, n int) func(tx *store.Tx) bool {
	return func(tx *store.Tx) bool {
		ladder, _ := tx.Ladder(id)
		return len(slices.DeleteFunc(ladder, func(g store.Rung) bool { return g.State != "delivered" })) >= n
	}
}

// status is what a desk knows of a cut-off.
func (d *desk) status(t testing.TB, desk ident.Desk) (c exchange.Cutoff) {
	t.Helper()
	if err := d.store.View(t.Context(), func(tx *store.Tx) (err error) { c, err = d.Cutoff(tx, desk); return err }); err != nil {
		t.Fatal(err)
	}
	return c
}

// confirmed reports whether n desks refuse the desk.
func (d *desk) confirmed(desk ident.Desk, n int) func(tx *store.Tx) bool {
	return func(tx *store.Tx) bool { c, err := d.Cutoff(tx, desk); return err == nil && len(c.Confirmed) >= n }
}

// leaves counts the journal's leaves of a kind.
func leaves(d *desk, t testing.TB, kind string) (n int) {
	t.Helper()
	err := d.store.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Journal(0, 1<<20)
		for _, l := range all {
			if l.Kind == kind {
				n++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCutOffIsConfirmedByAllAndTellsThemInOneEnvelope(t *testing.T) {
	v := newAlliance(t, false)
	v.hub.mu.Lock()
	statements, fan := 0, 0
	v.hub.tap = func(p link.Put) bool {
		if len(p.Envelope) >= 4096 { // a removal; everything else here is smaller
			statements, fan = statements+1, len(p.To)
		}
		return true
	}
	v.hub.mu.Unlock()
	gone := v.nato2.self.Desk
	v.cut(t)
	v.nato.until(t, "confirmed by both", v.nato.confirmed(gone, 2))
	c := v.nato.status(t, gone)
	if len(c.Unconfirmed) != 0 || c.Alarm || c.Officer != "WO1" || c.Name != "NATO-2" {
		t.Errorf("status = %+v, want two of two and no alarm", c)
	}
	if statements != 1 || fan != 2 {
		t.Errorf("%d puts of the removal, the last to %d mailboxes; want one to two", statements, fan)
	}
	for _, d := range []*desk{v.jpn, v.nato, v.aus} {
		l, _ := d.View().Line(v.line)
		if len(l.Desks[v.nato.id]) != 1 || !d.View().Removed[gone] {
			t.Errorf("%s still has the removed desk on its line", d.name)
		}
	}
	if err := v.nato.CutOff(t.Context(), v.nato2.removal(t, v.nato.party, 4), "WO1"); err == nil {
		t.Error("a desk was cut off twice")
	}
}

// Assurance, attack 19.
func TestAttack19CutOffDeskReadsNothingAndIsShownToNobody(t *testing.T) {
	v := newAlliance(t, false)
	gone := v.nato2.self.Desk
	// From now on the removed desk hears nothing but what others seal for it:
	// all that is put anywhere is given to it too.
	v.hub.mu.Lock()
	v.hub.tap = func(p link.Put) bool {
		if !slices.Contains(p.To, v.nato2.box) {
			v.hub.seq++
			d := link.Delivery{Mailbox: v.nato2.box, Lane: p.Lane, Seq: v.hub.seq, Envelope: p.Envelope}
			v.hub.on[v.nato2.box].work <- func() { v.hub.on[v.nato2.box].h.Deliver([]link.Delivery{d}) }
		}
		return true
	}
	v.hub.mu.Unlock()
	before := send(t, v.nato2, flash(v.line, "EXERCISE before"))
	v.jpn.until(t, "delivered before", has(before, "delivered"))
	v.cut(t)
	v.nato.until(t, "confirmed", v.nato.confirmed(gone, 2))
	// It is not told: it goes on with all its keys.
	late := ident.Message{}
	if d, err := v.nato2.Send(t.Context(), flash(v.line, "EXERCISE after"), nil); err == nil {
		late = d.ID
	}
	var after []ident.Message
	for _, d := range []*desk{v.jpn, v.nato, v.aus} {
		id := send(t, d, flash(v.line, "EXERCISE secret"))
		d.until(t, "delivered by the others", deliveredBy(id, 2))
		after = append(after, id)
	}
	for _, d := range []*desk{v.jpn, v.nato, v.aus} {
		d.until(t, "held back", func(tx *store.Tx) bool {
			held, _ := tx.LateOf(gone)
			return late == ident.Message{} || slices.ContainsFunc(held, func(l store.Late) bool { return l.Message == late })
		})
		_ = d.store.View(t.Context(), func(tx *store.Tx) error {
			if known(late)(tx) {
				t.Errorf("%s shows a message of a desk that was cut off", d.name)
			}
			return nil
		})
	}
	v.nato2.until(t, "the envelopes there too", func(tx *store.Tx) bool {
		tags, _ := tx.ParkedTags()
		n := len(tags) // one key of each of the three
		for _, id := range after {
			if known(id)(tx) {
				n++
			}
		}
		return n >= 3
	})
	_ = v.nato2.store.View(t.Context(), func(tx *store.Tx) error {
		for _, id := range after {
			if known(id)(tx) {
				t.Error("the removed desk reads what was sealed after the cut")
			}
		}
		return nil
	})
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	if !slices.Contains(v.hub.forgotten, v.nato2.box) {
		t.Error("no relay was asked to drop what it holds for the removed desk")
	}
	if len(v.hub.revoked) != 3 || !v.hub.revoked[0].Equal(ed25519.PublicKey(v.nato2.add.Add.Mailboxes[0].Putter)) {
		t.Errorf("%d tokens revoked, want the removed desk's at three mailboxes", len(v.hub.revoked))
	}
}

// Assurance, attack 20: the relay withholds the removal from one desk.
func TestAttack20WithheldRemovalAlarmsTheCuttingParty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAlliance(t, true)
		gone, victim := v.nato2.self.Desk, v.aus.box
		v.hub.mu.Lock()
		v.hub.tap = func(p link.Put) bool { return !slices.Contains(p.To, victim) || p.Lane != 3 && p.Lane != 2 }
		v.hub.mu.Unlock()
		// What is for several is withheld from all of them by this relay; so
		// nobody but the cutting desk knows.
		began := time.Now()
		v.cut(t)
		v.nato.until(t, "alarmed", func(tx *store.Tx) bool { c, err := v.nato.Cutoff(tx, gone); return err == nil && c.Alarm })
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("alarm after %v, want within 10 s", took)
		}
		if c := v.nato.status(t, gone); !slices.Contains(c.Unconfirmed, v.aus.self.Desk) {
			t.Errorf("unconfirmed = %v, want AUS-1 among them", c.Unconfirmed)
		}
		if n := leaves(v.nato, t, "cutoff-alarm"); n != 1 {
			t.Errorf("%d alarms in the journal, want one", n)
		}
		// The relay gives way; whoever has not confirmed is told again.
		v.hub.mu.Lock()
		v.hub.tap = nil
		v.hub.mu.Unlock()
		v.nato.until(t, "confirmed by all", v.nato.confirmed(gone, 2))
		if c := v.nato.status(t, gone); c.Alarm {
			t.Error("the alarm stays although all have confirmed")
		}
		v.stop()
	})
}

func (v *alliance) stop() {
	for _, d := range v.desks() {
		d.stop()
	}
	synctest.Wait()
}

// A desk from which the removal is withheld learns it from anybody else who
// talks to it: by the digest of statements in a message. Its own line check,
// which says what it holds, would teach it too, a quarter of an hour later: here
// none is said, and the cutting desk does not reach it at all.
func TestDeprivedDeskLearnsTheRemovalFromAThird(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAlliance(t, true)
		time.Sleep(time.Minute) // the checks after a start are over
		gone := v.nato2.self.Desk
		v.hub.mu.Lock()
		v.hub.tap = func(p link.Put) bool { // nothing of the cutting desk reaches AUS
			if slices.Contains(p.To, v.aus.box) && v.hub.putter == v.nato.box {
				rest := slices.DeleteFunc(slices.Clone(p.To), func(m ident.Mailbox) bool { return m == v.aus.box })
				v.hub.give(p, rest)
				return false
			}
			return true
		}
		v.hub.mu.Unlock()
		v.cut(t)
		v.nato.until(t, "confirmed by JPN", v.nato.confirmed(gone, 1))
		if v.aus.View().Removed[gone] {
			t.Fatal("AUS knows of the removal before anybody has talked to it")
		}
		checks := leaves(v.aus, t, "line-check") + leaves(v.jpn, t, "line-check")
		send(t, v.jpn, flash(v.line, "EXERCISE"))
		time.Sleep(10 * time.Second)
		if !v.aus.View().Removed[gone] {
			t.Error("AUS does not know of the removal 10 s after a message whose sender does")
		}
		if n := leaves(v.aus, t, "line-check") + leaves(v.jpn, t, "line-check"); n != checks {
			t.Errorf("%d line checks meanwhile: what has AUS learned it from?", n-checks)
		}
		v.nato.until(t, "confirmed by AUS", v.nato.confirmed(gone, 2))
		v.stop()
	})
}

// Removal wins in every order of arrival: before the addition, after it, twice,
// and before or after what the desk sent.
func TestRemovalWinsInEveryOrder(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	a2 := newDesk(t, "JPN", 2, a.root, h)
	c := charter(t, "JPN-NATO", a, b)
	line, both := c.ID(one), []*party{a, b}
	removal := a2.removal(t, a, 3)
	steps := map[string]func(t *testing.T, nato *desk, q *puppet){
		"add": func(t *testing.T, nato *desk, _ *puppet) { take(t, nato, a2.add) },
		"cut": func(t *testing.T, nato *desk, _ *puppet) { take(t, nato, removal) },
		"say": func(_ *testing.T, _ *desk, q *puppet) { q.send(both, nil) },
	}
	orders := [][]string{
		{"add", "say", "cut", "say"}, {"add", "cut", "say"}, {"cut", "add", "say"}, {"say", "cut", "add"},
		{"cut", "say", "add", "add", "say"}, {"say", "add", "cut", "cut", "say", "add"},
	}
	for _, order := range orders {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			h := newHub()
			b2 := *b
			b2.dir = t.TempDir()
			b2.foundWithout(t, c, a2, b, a, a2)
			nato := b2.start(t, h)
			q := a2.puppet(t, h, line, &b2, chain.Start{}, a, b)
			for _, s := range order {
				steps[s](t, nato, q)
			}
			last := q.send(both, nil)
			good := a.puppet(t, h, line, &b2, chain.Start{}, a, b)
			id := good.send(both, nil)
			nato.until(t, "what the good desk sent", known(id))
			_ = nato.store.View(t.Context(), func(tx *store.Tx) error {
				if known(last)(tx) {
					t.Error("a removed desk's message is shown")
				}
				return nil
			})
			if l, _ := nato.View().Line(line); len(l.Desks[a.id]) != 1 {
				t.Errorf("%d desks of JPN on the line, want one", len(l.Desks[a.id]))
			}
		})
	}
}

func take(t *testing.T, d *desk, st roster.Statement) {
	t.Helper()
	if err := d.Transact(t.Context(), func(b *exchange.Batch) error { return b.TakeStatement(st.Bytes()) }); err != nil {
		t.Fatal(err)
	}
}

// What no relay has accepted goes out under a new key, not under the one that
// the removed desk holds, and only once.
func TestWhatNoRelayHasIsSealedAnew(t *testing.T) {
	v := newAlliance(t, false)
	v.hub.stall()
	ids := []ident.Message{send(t, v.nato, flash(v.line, "EXERCISE one")), send(t, v.nato, flash(v.line, "EXERCISE two"))}
	old := map[envelope.ID]bool{}
	for _, id := range ids {
		old[v.nato.envelopeOf(t, id)] = true
	}
	v.cut(t)
	v.hub.mu.Lock()
	leaked := 0
	v.hub.tap = func(p link.Put) bool {
		if old[envelope.Identify(p.Envelope)] {
			leaked++
		}
		return true
	}
	v.hub.mu.Unlock()
	v.hub.flow()
	for _, id := range ids {
		v.nato.until(t, "delivered by both", deliveredBy(id, 2))
	}
	if leaked != 0 {
		t.Errorf("%d envelopes under the old key left after the cut", leaked)
	}
	if n := leaves(v.nato, t, "sealed-anew"); n != 2 {
		t.Errorf("%d messages sealed anew, want two", n)
	}
	_ = v.nato2.store.View(t.Context(), func(tx *store.Tx) error {
		if known(ids[0])(tx) || known(ids[1])(tx) {
			t.Error("the removed desk reads what left after the cut")
		}
		return nil
	})
}

// envelopeOf is the envelope in which a message waits to leave.
func (d *desk) envelopeOf(t testing.TB, id ident.Message) (e envelope.ID) {
	t.Helper()
	_ = d.store.View(t.Context(), func(tx *store.Tx) error {
		m, err := tx.Message(id)
		e = m.Envelope
		return err
	})
	return e
}

// The count survives a restart of the cutting desk, and so does the refusal at
// a desk that was killed in the middle.
func TestCutOffGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAlliance(t, true)
		gone := v.nato2.self.Desk
		v.aus.stop()
		v.cut(t)
		v.nato.until(t, "confirmed by JPN", v.nato.confirmed(gone, 1))
		v.nato.stop()
		v.jpn.stop()
		time.Sleep(time.Hour)
		v.nato, v.jpn = v.nato.party.start(t, v.hub), v.jpn.party.start(t, v.hub)
		v.nato.virtual, v.jpn.virtual = true, true
		v.nato.until(t, "alarmed", func(tx *store.Tx) bool { c, err := v.nato.Cutoff(tx, gone); return err == nil && c.Alarm })
		if c := v.nato.status(t, gone); len(c.Confirmed) != 1 || len(c.Unconfirmed) != 1 {
			t.Errorf("after the restart: %d confirmed, %d not; want one and one", len(c.Confirmed), len(c.Unconfirmed))
		}
		if l, _ := v.jpn.View().Line(v.line); len(l.Desks[v.nato.id]) != 1 {
			t.Error("JPN has the removed desk on its line again")
		}
		v.aus = v.aus.party.start(t, v.hub)
		v.aus.virtual = true
		v.nato.until(t, "confirmed by all", v.nato.confirmed(gone, 2))
		v.stop()
	})
}

// A confirmation of nothing counts for nothing, and a confirmation counts for
// the desk that signed it alone.
func TestConfirmationOfNothingCountsForNothing(t *testing.T) {
	v := newAlliance(t, false)
	q := v.jpn.puppet(t, v.hub, v.line, v.nato.party, chain.Start{}, v.all[0], v.all[1], v.all[3])
	var w octets.Writer
	w.Raw(make([]byte, 32))
	w.Raw(v.aus.self.Desk[:]) // another party's desk
	w.Uint64(1)
	q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Confirmation, Precedence: 3, ReceiptTo: v.nato.id, Body: w.Bytes()})
	q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Confirmation, Precedence: 3, ReceiptTo: v.nato.id, Body: []byte("short")})
	var ahead octets.Writer // of a cut that nobody made yet: it would silence the alarm of that cut
	ahead.Raw(make([]byte, 32))
	ahead.Raw(v.nato2.self.Desk[:])
	ahead.Uint64(1)
	q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Confirmation, Precedence: 3, ReceiptTo: v.nato.id, Body: ahead.Bytes()})
	id := q.send([]*party{v.all[0], v.all[1], v.all[3]}, func(m *wire.Message) {})
	v.nato.until(t, "what came behind", known(id))
	_ = v.nato.store.View(t.Context(), func(tx *store.Tx) error {
		for _, d := range []*desk{v.aus, v.nato2} {
			if all, _ := tx.Confirmations(d.self.Desk); len(all) != 0 {
				t.Errorf("a confirmation of a removal of %s that never was is kept", d.self.DeskName)
			}
		}
		return nil
	})
}

// A peer that starts over asks for new keys, and gets them a minute later at
// the soonest. A removal meanwhile must not find us sending under the old key.
func TestNothingGoesUnderAKeyOlderThanARemoval(t *testing.T) {
	v := newAlliance(t, false)
	q := v.jpn.puppet(t, v.hub, v.line, v.nato.party, chain.Start{Restart: true}, v.all[0], v.all[1], v.all[3])
	v.nato.until(t, "what came under the new key", known(q.send([]*party{v.all[0], v.all[1], v.all[3]}, nil)))
	v.hub.mu.Lock() // the relay gives the removed desk all that it sees
	v.hub.tap = func(p link.Put) bool {
		if !slices.Contains(p.To, v.nato2.box) {
			v.hub.give(p, []ident.Mailbox{v.nato2.box})
		}
		return true
	}
	v.hub.mu.Unlock()
	v.cut(t)
	id := send(t, v.nato, flash(v.line, "EXERCISE secret"))
	v.nato.until(t, "delivered by AUS", has(id, "delivered"))
	v.nato2.until(t, "the envelope there too", func(tx *store.Tx) bool {
		tags, _ := tx.ParkedTags()
		return known(id)(tx) || len(tags) > 0
	})
	_ = v.nato2.store.View(t.Context(), func(tx *store.Tx) error {
		if known(id)(tx) {
			t.Error("the removed desk reads what was sent after the cut: it went under an old key")
		}
		return nil
	})
}

// On a thin link the slices for those who have to act go with the message, the
// others behind it.
func TestActionAddresseesGetKeysFirst(t *testing.T) {
	v := newAlliance(t, false)
	d := flash(v.line, "EXERCISE act") // to an audience that has no key yet
	d.Label.REL = marking.REL{Parties: []string{"NATO", "AUS"}}
	d.Action = []ident.Party{v.aus.id}
	plan, err := v.nato.Review(t.Context(), d)
	if err != nil || plan.Keys != 2 || plan.First != 1 || plan.NewKeys != 2*1536 {
		t.Fatalf("Review = %d keys, %d first, %d bytes, %v; want 2, 1, 3072", plan.Keys, plan.First, plan.NewKeys, err)
	}
	lanes := map[ident.Mailbox]uint8{}
	v.hub.mu.Lock()
	v.hub.tap = func(p link.Put) bool {
		if h, err := envelope.Parse(p.Envelope); err == nil && h.Type == envelope.Slice && v.hub.putter == v.nato.box {
			lanes[p.To[0]] = p.Lane
		}
		return true
	}
	v.hub.mu.Unlock()
	d.ActionFirst = true
	id := send(t, v.nato, d)
	v.nato.until(t, "delivered by both", deliveredBy(id, 2))
	v.hub.mu.Lock()
	if lanes[v.aus.box] != 3 || lanes[v.nato2.box] != 0 {
		t.Errorf("slices in lanes %d for AUS and %d for NATO-2, want 3 and 0", lanes[v.aus.box], lanes[v.nato2.box])
	}
	v.hub.mu.Unlock()
	d.Action = []ident.Party{v.jpn.id}
	if _, err := v.nato.Review(t.Context(), d); err == nil {
		t.Error("a party was asked to act on what it cannot read")
	}
}

// A confirmation that its reader cannot open, for the key under it is stuck in a
// queue or lost, is given once more to the desk that tells of the removal again.
func TestConfirmationDoesNotWaitForAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newAlliance(t, true)
		gone := v.nato2.self.Desk
		v.hub.mu.Lock()
		v.hub.tap = func(p link.Put) bool { // nothing that AUS seals under its key arrives
			h, err := envelope.Parse(p.Envelope)
			return err != nil || h.Type != envelope.Chain || v.hub.putter != v.aus.box
		}
		v.hub.mu.Unlock()
		began := time.Now()
		v.cut(t)
		v.nato.until(t, "confirmed by both", v.nato.confirmed(gone, 2))
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("confirmed by both after %v, want soon after they were told again", took)
		}
		v.stop()
	})
}

// A wall clock that is set, alone, keeps no alarm back.
func TestClockJumpDelaysNoCutOffAlarm(t *testing.T) {
	for name, by := range map[string]time.Duration{"a day back": -24 * time.Hour, "a year forward": 365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newAlliance(t, true)
				gone := v.nato2.self.Desk
				var jump time.Duration
				v.nato.stop()
				v.nato.party.wall = func() time.Time { return time.Now().Add(jump) }
				v.nato = v.nato.party.start(t, v.hub)
				v.nato.virtual = true
				v.aus.stop()
				began := time.Now()
				v.cut(t)
				synctest.Wait()
				jump = by
				v.nato.until(t, "alarmed", func(tx *store.Tx) bool { c, err := v.nato.Cutoff(tx, gone); return err == nil && c.Alarm })
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("alarm after %v, want within 10 s", took)
				}
				time.Sleep(2 * time.Minute)
				v.aus = v.aus.party.start(t, v.hub)
				v.aus.virtual = true
				v.nato.until(t, "confirmed by all", v.nato.confirmed(gone, 2))
				v.stop()
			})
		})
	}
}
