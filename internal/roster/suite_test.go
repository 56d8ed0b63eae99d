package roster

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/suite"
)

// TestSizesAreThoseOfTheSuites holds the table of sizes to the suites.
func TestSizesAreThoseOfTheSuites(t *testing.T) {
	for id, got := range suites {
		want := suite.Suite(id).Sizes()
		want.Encapsulation, want.MessageSignature = 0, 0 // not in any layout of this package
		if got != want {
			t.Errorf("suite %d: %+v, want %+v", id, got, want)
		}
	}
}

// TestALineOfTheOtherSuite makes a line of suite 2 from its root to its roster,
// and gives it a desk of suite 1.
func TestALineOfTheOtherSuite(t *testing.T) {
	s2 := suite.Two
	root := s2.NewRootKey()
	party := PartyOf(s2, root.Public())
	key, seal := s2.NewDeskKey(), s2.NewSealKey()
	cert, err := NewCertificate(s2, root, Certificate{
		Name: "JPN-1", Role: "watch officer", MessageKey: s2.NewMessageKey().Public(), DeskKey: key.Public(), ControlKey: seal.Public(),
		NotBefore: epoch, NotAfter: epoch.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAnnouncement(key, Announcement{Desk: cert.ID(s2), Number: 1, Public: seal.Public(), Time: epoch})
	if err != nil {
		t.Fatal(err)
	}
	st, err := NewStatement(s2, root, Statement{Type: AddDesk, Number: 1, Time: epoch, Add: &Addition{
		Certificate: cert, SealKey: a, Mailboxes: []Mailbox{{Addr: "a.example:1", Putter: make([]byte, PutterSize)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	st, err = ParseStatement(st.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewSet(s2, ident.Line{}, []Member{{Party: party, Root: root.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := set.Add(st, epoch); err != nil || set.Roster().State(cert.ID(s2)) != StateIn {
		t.Errorf("a desk of suite 2 on a line of suite 2: %v", err)
	}
	jpn := newParty(t, "JPN")
	other := jpn.sign(t, newDesk(t, jpn, 1).addition(t, ident.Line{}, 2, "a.example:1"))
	other.Author, other.Signer = party, st.Signer
	if _, err := set.Add(other, epoch); !errors.Is(err, ErrForeign) {
		t.Errorf("a desk of suite 1 on a line of suite 2: %v, want ErrForeign", err)
	}
	if _, err := NewSet(s2, ident.Line{}, []Member{jpn.member()}); err == nil {
		t.Error("a party of suite 1 is a member of a line of suite 2")
	}
	c := newCharter(t, "JPN-NATO", jpn, newParty(t, "NATO"))
	if err := c.Check(s2); !errors.Is(err, ErrForeign) {
		t.Errorf("a charter of suite 1 = %v, want ErrForeign", err)
	}
}

// TestSentencesForPeople says each statement of the pool.
func TestSentencesForPeople(t *testing.T) {
	_, statements, desks := pool(t)
	jpn := newDynasty(t, "JPN")
	statements = append(statements, jpn.rotate(t, 0, 1), Statement{Type: AdmitParty, By: Root})
	party := func(p ident.Party) string {
		if p == desks[0].party.id || p == jpn.id {
			return "JPN"
		}
		return "NATO"
	}
	var all []string
	for _, st := range statements {
		all = append(all, st.Describe(one, party, func(ident.Desk) string { return "JPN-9" }))
	}
	for _, want := range []string{
		"JPN adds desk JPN-1 (watch officer).",
		"JPN removes desk JPN-9 for ever: EXERCISE seized.",
		"JPN removes desk JPN-9 for ever, signed by JPN delegate: EXERCISE seized at night.",
		"NATO keeps desk NATO-3 in reserve.",
		"NATO activates spare desk JPN-9, signed by NATO custodian and NATO custodian.",
		"JPN suspends NATO until 2026-11-23 03:09Z, signed by JPN delegate: EXERCISE.",
		"NATO reopens to JPN, signed by NATO custodian and NATO custodian.",
		"JPN is reached at any hour through EXERCISE duty desk.",
		"JPN replaces its root; 0 statements of the old one stay.",
	} {
		if !slices.Contains(all, want) {
			t.Errorf("no statement says %q:\n%s", want, strings.Join(all, "\n"))
		}
	}
	for name, s := range map[string]string{
		Root.String(): "root", Delegate.String(): "delegate", Custodian.String(): "custodian", Office(9).String(): "Office(9)", Type(99).String(): "Type(99)",
		StateDormant.String(): "dormant", StateRemoved.String(): "removed",
	} {
		if name != s {
			t.Errorf("%q, want %q", name, s)
		}
	}
}

// TestDeniableIsRefusedWithASentence: an officer must not believe that what is
// signed can be denied.
func TestDeniableIsRefusedWithASentence(t *testing.T) {
	c := newCharter(t, "JPN-NATO", newParty(t, "JPN"), newParty(t, "NATO"))
	c.Record = Deniable
	if _, err := NewCharter(one, c); !errors.Is(err, ErrReserved) || !strings.Contains(err.Error(), "every record of this line will be attributable") {
		t.Errorf("deniable = %v", err)
	}
}
