package roster

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/suite"
)

// Everything in here is EXERCISE data: keys come from published seeds.

// epoch is when the fixtures' time begins.
var epoch = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)

// cached is suite 1 that remembers which signatures it has verified, so that
// tests can try many orders of the same statements.
type cached struct {
	suite.Suite
	mu sync.Mutex
	ok map[[48]byte]error
}

func (c *cached) remember(what string, f func() error, public []byte, label string, sig []byte, parts [][]byte) error {
	key := c.Hash(what, append([][]byte{public, []byte(label), sig}, parts...)...)
	c.mu.Lock()
	err, known := c.ok[key]
	c.mu.Unlock()
	if known {
		return err
	}
	err = f()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ok[key] = err
	return err
}

func (c *cached) VerifyRoot(public []byte, label string, sig []byte, parts ...[]byte) error {
	return c.remember("root", func() error { return c.Suite.VerifyRoot(public, label, sig, parts...) }, public, label, sig, parts)
}

func (c *cached) VerifyDesk(public []byte, label string, sig []byte, parts ...[]byte) error {
	return c.remember("desk", func() error { return c.Suite.VerifyDesk(public, label, sig, parts...) }, public, label, sig, parts)
}

// one is the verifier of all tests; plain never remembers. They are of suite 1
// but in [inSuite].
var (
	one   = &cached{Suite: suite.One, ok: make(map[[48]byte]error)}
	plain = suite.One
)

// inSuite runs part of a test with everything in here of another suite.
func inSuite(t *testing.T, s suite.Suite, run func(t *testing.T)) {
	t.Helper()
	t.Run(fmt.Sprintf("suite %d", s.ID()), func(t *testing.T) {
		was := one
		one, plain = &cached{Suite: s, ok: make(map[[48]byte]error)}, s
		defer func() { one, plain = was, was.Suite }()
		run(t)
	})
}

// keySeed is the seed of a root's or desk's key.
func keySeed(format string, args ...any) []byte {
	return seed(map[suite.Suite]int{suite.One: 64, suite.Two: 32}[plain], format, args...)
}

func seed(n int, format string, args ...any) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "EXERCISE %d "+format, append([]any{i}, args...)...))
		out = append(out, sum[:]...)
	}
	return out[:n]
}

// testParty is a party with its root.
type testParty struct {
	name string
	root suite.RootKey
	id   ident.Party
}

func newParty(tb testing.TB, name string) testParty {
	tb.Helper()
	root, err := plain.RootKeyFromSeed(keySeed("root %s", name))
	if err != nil {
		tb.Fatal(err)
	}
	return testParty{name, root, PartyOf(one, root.Public())}
}

func (p testParty) member() Member { return Member{Party: p.id, Name: p.name, Root: p.root.Public()} }

// testDesk is a desk with its key and what stands about it in an addition.
type testDesk struct {
	party testParty
	key   suite.DeskKey
	cert  Certificate
	id    ident.Desk
}

func newDesk(tb testing.TB, p testParty, n int) testDesk {
	tb.Helper()
	name := fmt.Sprintf("%s-%d", p.name, n)
	key, err := plain.DeskKeyFromSeed(keySeed("desk %s", name))
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := NewCertificate(one, p.root, Certificate{
		Name: name, Role: "watch officer",
		MessageKey: seed(suites[plain.ID()].Message, "message key %s", name),
		DeskKey:    key.Public(),
		ControlKey: seed(suites[plain.ID()].Seal, "control key %s", name),
		NotBefore:  epoch.Add(-time.Hour), NotAfter: epoch.Add(365 * 24 * time.Hour),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return testDesk{p, key, cert, cert.ID(one)}
}

func (d testDesk) announce(tb testing.TB, number uint64) Announcement {
	tb.Helper()
	a, err := NewAnnouncement(d.key, Announcement{
		Desk: d.id, Number: number, Public: seed(suites[plain.ID()].Seal, "seal key %s %d", d.cert.Name, number), Time: epoch,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func (d testDesk) mailbox(relay string) Mailbox {
	return Mailbox{
		Addr: relay, Relay: ident.Relay(seed(32, "relay %s", relay)), Box: ident.Mailbox(seed(32, "box %s %s", d.cert.Name, relay)),
		Putter: seed(PutterSize, "putter %s %s", d.cert.Name, relay),
	}
}

// addition returns the unsigned statement that adds the desk.
func (d testDesk) addition(tb testing.TB, line ident.Line, number uint64, relay string) Statement {
	tb.Helper()
	return Statement{Type: AddDesk, Line: line, Number: number, Time: epoch, Add: &Addition{
		Certificate: d.cert, Mailboxes: []Mailbox{d.mailbox(relay)}, SealKey: d.announce(tb, 1),
	}}
}

// removal returns the unsigned statement that removes the desk.
func (d testDesk) removal(line ident.Line, number uint64, reason string) Statement {
	return Statement{Type: RemoveDesk, Line: line, Number: number, Time: epoch.Add(time.Hour), Remove: &Cut{
		Desk: d.id, Fingerprint: d.cert.Fingerprint(one), Reason: reason,
	}}
}

// sign makes a statement or ends the test.
func (p testParty) sign(tb testing.TB, s Statement) Statement {
	tb.Helper()
	s, err := NewStatement(one, p.root, s)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// forge signs whatever it is given, as a party that does not use our program.
func (p testParty) forge(s Statement) Statement {
	s.Suite, s.Author, s.Time = plain.ID(), p.id, wholeMilli(s.Time)
	s.By, s.Signer = Root, RootID(one, p.root.Public())
	s.Endorsements = []Endorsement{{Signature: p.root.Sign(labelStatement, octets.Encode(s.body))}}
	return s
}

func newCharter(tb testing.TB, name string, parties ...testParty) Charter {
	tb.Helper()
	c := Charter{
		Nonce: [32]byte(seed(32, "nonce %s", name)), Name: name, Profile: "bilateral", Created: epoch,
		Clocks: DefaultClocks(), Rule: LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: RelMembers, Text: "EXERCISE rule"},
		Ceiling: "none", Exercise: true, Relays: []ident.Relay{{2}, {1}},
		SealKeyPeriod: 24 * time.Hour, Record: Attributable, Release: ReleaseNone,
	}
	for _, p := range parties {
		c.Members = append(c.Members, p.member())
	}
	c, err := NewCharter(one, c)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (d testDesk) consent(tb testing.TB, c Charter) CharterSignature {
	tb.Helper()
	sig, err := SignCharter(one, d.key, c, CharterSignature{Party: d.party.id, Desk: d.id, Time: epoch})
	if err != nil {
		tb.Fatal(err)
	}
	return sig
}

func newSet(tb testing.TB, c Charter, statements ...Statement) *Set {
	tb.Helper()
	s, err := CharterSet(one, c)
	if err != nil {
		tb.Fatal(err)
	}
	for _, st := range statements {
		if _, err := s.Add(st, epoch); err != nil {
			tb.Fatal(err)
		}
	}
	return s
}

// same reports whether two sets and their rosters are the same bytes.
func same(a, b *Set) bool {
	return bytes.Equal(stored(a), stored(b)) && a.Digest() == b.Digest() && describe(a.Roster()) == describe(b.Roster())
}

// stored is all of a set in bytes.
func stored(s *Set) []byte {
	all := s.Statements()
	return octets.Encode(func(c *octets.Coder) { Statements(c, &all) })
}

// describe prints a roster whole.
func describe(r *Roster) string {
	var b bytes.Buffer
	for _, e := range r.Desks() {
		fmt.Fprintf(&b, "on %v %v by %v at %v\n", e.Party, e.Desk, e.Statement, e.Mailboxes)
	}
	for _, id := range sortedRemovals(r) {
		m, _ := r.Removed(id)
		fmt.Fprintf(&b, "off %v %v by %v: %s\n", m.Party, m.Desk, m.Statement, m.Reason)
	}
	fmt.Fprintf(&b, "spare %v\nstates %v\nfrozen %v\nnotices %v\ncontacts %v\nroots %x\n", r.dormant, r.states, r.frozen, r.notices, r.contacts, r.roots)
	return b.String()
}

// conflicts lists the evidence in a set: two statements for each number that
// was used more than once.
func conflicts(s *Set) (out []Conflict) {
	for _, ids := range s.bySlot {
		if len(ids) > 1 {
			out = append(out, Conflict{s.byID[ids[0]].Statement, s.byID[ids[1]].Statement})
		}
	}
	return out
}

// verifyCertificate is what a set asks of a certificate under a root.
func verifyCertificate(v Verifier, c Certificate, root []byte) error {
	return verifyRoot(v, root, labelCertificate, c.Suite, c.Signature, c.body)
}
