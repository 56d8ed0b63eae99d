package exchange_test

import (
	"bytes"
	"testing"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// say makes a statement of the party's root.
func (p *party) say(t *testing.T, st roster.Statement) roster.Statement {
	t.Helper()
	st.Time = time.Now().UTC().Truncate(time.Millisecond)
	st, err := roster.NewStatement(one, p.root, st)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// takes gives a desk a statement, twice in one list, and reports how many leaves of the journal
// and events of its lines that made.
func (d *desk) takes(t *testing.T, st roster.Statement) (leaves, events int) {
	t.Helper()
	count := func() (leaves, events int) {
		err := d.store.View(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Journal(0, 1<<20)
			if err != nil {
				return err
			}
			for _, l := range all {
				if l.Kind == "statement" && bytes.Equal(l.Data, st.Bytes()) {
					leaves++
				}
			}
			told, _, err := tx.Events(0, 1<<20)
			for _, e := range told {
				if e.Kind == exchange.EventLine {
					events++
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return leaves, events
	}
	before, shown := count()
	twice := []roster.Statement{st, st}
	if err := d.Transact(t.Context(), func(b *exchange.Batch) error { return b.TakeStatements(twice) }); err != nil {
		t.Fatal(err)
	}
	after, told := count()
	return after - before, told - shown
}

// TestNewDeskIsNeverSilent: whatever way a new desk comes by, it is in the
// journal and on the screens before it is sent anything, and only the word of
// its party's root makes it one.
func TestNewDeskIsNeverSilent(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	second := newDesk(t, "JPN", 2, a.root, h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	nato := b.start(t, h)
	on := func() bool {
		l, _ := nato.View().Line(c.ID(one))
		return len(l.Desks[a.id]) == 2
	}
	if on() {
		t.Fatal("the new desk is on before anybody stated it")
	}
	if leaves, events := nato.takes(t, second.add); leaves != 1 || events == 0 || !on() {
		t.Errorf("a new desk: %d leaves, %d events, on %v; want one of each, and on", leaves, events, on())
	}
	if leaves, _ := nato.takes(t, second.add); leaves != 0 {
		t.Error("what is known is journalled again")
	}
}

// TestNobodyAdmitsItself: whoever knows all that a relay or a member knows of a
// line is still no desk of it.
func TestNobodyAdmitsItself(t *testing.T) {
	h := newHub()
	a, b, stranger := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "HOME", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	nato := b.start(t, h)
	line := c.ID(one)
	// The stranger's own desk, certified by its own root, in the name of JPN.
	cert := stranger.add.Add.Certificate
	cert.Party = a.id
	cert, err := roster.NewCertificate(one, stranger.root, cert)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := roster.NewAnnouncement(stranger.self.DeskKey, roster.Announcement{Desk: cert.ID(one), Number: 1, Public: stranger.seal.Public(), Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	add := &roster.Addition{Certificate: cert, SealKey: seal, Mailboxes: stranger.add.Add.Mailboxes}
	// A delegate of JPN who stole its way to a key that the root never warranted.
	key := suite.One.NewDeskKey()
	w, err := roster.NewWarrant(one, stranger.root, roster.Warrant{Party: a.id, Office: roster.Delegate, Name: "EXERCISE", Public: key.Public()})
	if err != nil {
		t.Fatal(err)
	}
	cut, err := roster.NewStatementBy(one, roster.Statement{
		Type: roster.RemoveDesk, Number: 1, Time: time.Now(), Remove: &roster.Cut{Desk: a.self.Desk, Fingerprint: a.add.Add.Certificate.Fingerprint(one)},
	}, roster.Keeper{Signer: key, Warrant: w})
	if err != nil {
		t.Fatal(err)
	}
	// It signs itself and writes the member's root in the place of its own.
	own, theirs := roster.RootID(one, stranger.root.Public()), roster.RootID(one, a.root.Public())
	forged := stranger.say(t, roster.Statement{Type: roster.AddDesk, Author: a.id, Number: 2, Add: add})
	forged, err = roster.ParseStatement(bytes.ReplaceAll(forged.Bytes(), own[:], theirs[:]))
	if err != nil || forged.Signer != theirs {
		t.Fatalf("forge: signer %v, %v", forged.Signer, err)
	}
	for name, st := range map[string]roster.Statement{
		"in the name of a member's root":          forged,
		"a stranger's desk":                       stranger.add,
		"a stranger's desk for this line":         stranger.say(t, roster.Statement{Type: roster.AddDesk, Line: line, Number: 1, Add: stranger.add.Add}),
		"in the name of a member":                 stranger.say(t, roster.Statement{Type: roster.AddDesk, Author: a.id, Number: 2, Add: add}),
		"a member's desk, by a member's other":    b.say(t, roster.Statement{Type: roster.AddDesk, Author: a.id, Number: 2, Add: a.add.Add}),
		"a removal by a delegate of its own make": cut,
	} {
		if leaves, _ := nato.takes(t, st); leaves != 0 {
			t.Errorf("%s: %d leaves, want none", name, leaves)
		}
	}
	l, _ := nato.View().Line(line)
	if len(l.Desks[a.id]) != 1 || len(l.Desks[b.id]) != 1 || len(l.Desks) != 2 {
		t.Errorf("desks on the line: %d of JPN, %d of NATO, %d parties", len(l.Desks[a.id]), len(l.Desks[b.id]), len(l.Desks))
	}
}

// TestSuspendedPartyGetsNothingNew: the others read on under a key that it does
// not get; it is said who is left out, and nothing is lost for the rest.
func TestSuspendedPartyGetsNothingNew(t *testing.T) {
	h := newHub()
	a, b, third := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	c := charter(t, "three", a, b, third)
	for _, p := range []*party{a, b, third} {
		p.found(t, c, p, a, b, third)
	}
	jpn, nato, aus := a.start(t, h), b.start(t, h), third.start(t, h)
	line := c.ID(one)
	first := send(t, jpn, flash(line, "EXERCISE to all"))
	nato.until(t, "the first message", known(first))
	aus.until(t, "the first message", known(first))

	notice := func(typ roster.Type, number, n uint64, subject ident.Party) {
		st := a.say(t, roster.Statement{Type: typ, Number: number, Suspend: &roster.Suspension{Subject: subject, Notice: n, Reason: "EXERCISE silent"}})
		if leaves, events := jpn.takes(t, st); leaves != 1 || events == 0 {
			t.Fatalf("%v: %d leaves, %d events", typ, leaves, events)
		}
	}
	notice(roster.SuspendParty, 2, 1, b.id)
	second := send(t, jpn, flash(line, "EXERCISE to those who are left"))
	aus.until(t, "the second message", known(second))
	jpn.until(t, "delivered", has(second, "delivered"))
	if err := nato.store.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Message(second); return err }); err == nil {
		t.Error("the suspended party has the message")
	}
	if err := jpn.store.View(t.Context(), func(tx *store.Tx) error {
		m, err := tx.Message(second)
		if err == nil && m.Group == roster.GroupID(one, line, c.Parties()) {
			t.Error("the message is for the whole line, whose key the suspended party may hold")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// What it sends is still read, and both suspended: nobody is left, and said.
	back := send(t, nato, flash(line, "EXERCISE still heard"))
	jpn.until(t, "what the suspended party sends", known(back))
	notice(roster.SuspendParty, 3, 1, third.id)
	draft := flash(line, "EXERCISE to nobody")
	if _, err := jpn.Send(t.Context(), draft, nil); err == nil {
		t.Error("a message to nobody is taken")
	}
	notice(roster.ReopenParty, 4, 2, b.id)
	notice(roster.ReopenParty, 5, 2, third.id)
	third2 := send(t, jpn, flash(line, "EXERCISE to all again"))
	nato.until(t, "the message after the reopening", known(third2))
	aus.until(t, "the message after the reopening", known(third2))
}
