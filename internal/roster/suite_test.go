package roster

import (
	"errors"
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

// TestWordsOfficersSee spells out the names of offices, types and states.
func TestWordsOfficersSee(t *testing.T) {
	for name, s := range map[string]string{
		Root.String(): "root", Delegate.String(): "delegate", Custodian.String(): "custodian", Office(9).String(): "Office(9)", Type(99).String(): "Type(99)",
		StateDormant.String(): "dormant", StateRemoved.String(): "removed", RotateRoot.String(): "rotate root",
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
