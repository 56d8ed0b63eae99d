package joining_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// Everything in here is EXERCISE data: keys come from published seeds.

// epoch is when the fixtures' time begins.
var epoch = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)

const one = suite.One

func seed(n int, format string, args ...any) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "EXERCISE %d "+format, append([]any{i}, args...)...))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// must ends the test on an error.
func must[T any](tb testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

type testParty struct {
	name string
	root suite.RootKey
	id   ident.Party
}

func newParty(tb testing.TB, name string) testParty {
	root := must[suite.RootKey](tb)(one.RootKeyFromSeed(seed(64, "root %s", name)))
	return testParty{name, root, roster.PartyOf(one, root.Public())}
}

func (p testParty) sign(tb testing.TB, s roster.Statement) roster.Statement {
	return must[roster.Statement](tb)(roster.NewStatement(one, p.root, s))
}

type testDesk struct {
	party testParty
	key   suite.DeskKey
	cert  roster.Certificate
	id    ident.Desk
}

func newDesk(tb testing.TB, p testParty, n int) testDesk {
	name := fmt.Sprintf("%s-%d", p.name, n)
	key := must[suite.DeskKey](tb)(one.DeskKeyFromSeed(seed(64, "desk %s", name)))
	cert := must[roster.Certificate](tb)(roster.NewCertificate(one, p.root, roster.Certificate{
		Name: name, Role: "watch officer",
		MessageKey: seed(one.Sizes().Message, "message key %s", name), DeskKey: key.Public(),
		ControlKey: seed(one.Sizes().Seal, "control key %s", name),
		NotBefore:  epoch.Add(-time.Hour), NotAfter: epoch.Add(365 * 24 * time.Hour),
	}))
	return testDesk{p, key, cert, cert.ID(one)}
}

func (d testDesk) announce(tb testing.TB, number uint64) roster.Announcement {
	return must[roster.Announcement](tb)(roster.NewAnnouncement(d.key, roster.Announcement{
		Desk: d.id, Number: number, Public: seed(one.Sizes().Seal, "seal key %s %d", d.cert.Name, number), Time: epoch,
	}))
}

func (d testDesk) addition(tb testing.TB, number uint64) roster.Statement {
	return roster.Statement{Type: roster.AddDesk, Number: number, Time: epoch, Add: &roster.Addition{
		Certificate: d.cert, Mailboxes: []roster.Mailbox{{Addr: "a.example:1", Putter: seed(roster.PutterSize, "putter %s", d.cert.Name)}},
		SealKey: d.announce(tb, 1),
	}}
}

func (d testDesk) removal(number uint64) roster.Statement {
	return roster.Statement{Type: roster.RemoveDesk, Number: number, Time: epoch.Add(time.Hour), Remove: &roster.Cut{
		Desk: d.id, Fingerprint: d.cert.Fingerprint(one), Reason: "EXERCISE",
	}}
}

func (d testDesk) consent(tb testing.TB, c roster.Charter) roster.CharterSignature {
	return must[roster.CharterSignature](tb)(roster.SignCharter(one, d.key, c, roster.CharterSignature{Party: d.party.id, Desk: d.id, Time: epoch}))
}

// line is an open line of two parties with one desk each.
type line struct {
	c          roster.Charter
	jpn, nato  testParty
	j1, n1     testDesk
	addJ, addN roster.Statement
	sigs       []roster.CharterSignature
}

func openLine(tb testing.TB) line {
	l := line{jpn: newParty(tb, "JPN"), nato: newParty(tb, "NATO")}
	c := roster.Charter{
		Nonce: [32]byte(seed(32, "nonce")), Name: "JPN-NATO", Profile: "bilateral", Created: epoch,
		Clocks: roster.DefaultClocks(), Exercise: true, SealKeyPeriod: 24 * time.Hour, Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	for _, p := range []testParty{l.jpn, l.nato} {
		c.Members = append(c.Members, roster.Member{Party: p.id, Name: p.name, Root: p.root.Public()})
	}
	l.c = must[roster.Charter](tb)(roster.NewCharter(one, c))
	l.j1, l.n1 = newDesk(tb, l.jpn, 1), newDesk(tb, l.nato, 1)
	l.addJ, l.addN = l.jpn.sign(tb, l.j1.addition(tb, 1)), l.nato.sign(tb, l.n1.addition(tb, 1))
	l.sigs = []roster.CharterSignature{l.j1.consent(tb, l.c), l.n1.consent(tb, l.c)}
	return l
}
