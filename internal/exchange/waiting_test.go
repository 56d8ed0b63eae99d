package exchange_test

import (
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// TestStatementWaitsForItsRotation: what a new root signed may come before the
// rotation to it. It is taken in with the rotation, whatever another party makes
// up in the author's name, and however often a relay gives something else again.
func TestStatementWaitsForItsRotation(t *testing.T) {
	h := newHub()
	next := suite.One.NewRootKey()
	founder := roster.CommittedRoot{Signer: suite.One.NewRootKey(), Next: roster.Commitment(one, next.Public())}
	a, b, third := newDesk(t, "JPN", 1, founder, h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	c := charter(t, "three", a, b, third)
	line := c.ID(one)
	b.found(t, c, b, a, third)
	nato := b.start(t, h)
	jpn, aus := a.puppet(t, h, line, b, chain.Start{}, a, b, third), third.puppet(t, h, line, b, chain.Start{}, a, b, third)

	second := newDesk(t, "JPN", 2, next, h)
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert := second.add.Add.Certificate
	cert.Party = a.id
	cert, err := roster.NewCertificate(one, next, cert)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := roster.NewAnnouncement(second.self.DeskKey, roster.Announcement{Desk: cert.ID(one), Number: 1, Public: second.seal.Public(), Time: now})
	if err != nil {
		t.Fatal(err)
	}
	by := func(root roster.Signer, st roster.Statement) []byte {
		st.Author, st.Time = a.id, now
		st, err := roster.NewStatement(one, root, st)
		if err != nil {
			t.Fatal(err)
		}
		return st.Bytes()
	}
	cut := func(root roster.Signer, number uint64) []byte {
		return by(root, roster.Statement{Type: roster.RemoveDesk, Number: number, Remove: &roster.Cut{
			Desk: a.self.Desk, Fingerprint: a.add.Add.Certificate.Fingerprint(one), Reason: "EXERCISE",
		}})
	}
	rotation, err := roster.NewRotation(one, a.id, next, []ident.Statement{a.add.ID(one)})
	if err != nil {
		t.Fatal(err)
	}

	jpn.control(exchange.ControlStatement, by(next, roster.Statement{Type: roster.AddDesk, Number: 1, Add: &roster.Addition{
		Certificate: cert, SealKey: seal, Mailboxes: second.add.Add.Mailboxes,
	}}))
	stranger := suite.One.NewRootKey()
	for number := range uint64(100) {
		aus.control(exchange.ControlStatement, cut(stranger, number+1))
	}
	other := cut(suite.One.NewRootKey(), 1)
	for range 20 {
		jpn.control(exchange.ControlStatement, other)
	}
	nato.until(t, "what came behind", known(jpn.send([]*party{a, b, third}, nil)))
	on := func() int { l, _ := nato.View().Line(line); return len(l.Desks[a.id]) }
	if on() != 1 {
		t.Fatalf("%d desks of JPN are on before its root was rotated", on())
	}
	jpn.control(exchange.ControlStatement, by(founder, roster.Statement{Type: roster.RotateRoot, Number: 2, Rotate: rotation}))
	nato.until(t, "what came behind the rotation", known(jpn.send([]*party{a, b, third}, nil)))
	nato.until(t, "the desk that the new root added", func(*store.Tx) bool { return on() == 2 })
}
