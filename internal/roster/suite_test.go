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

// TestReceivedChangesPassTheSamePolicy: whatever this program would not say
// itself, it does not take from somebody whose program says it.
func TestReceivedChangesPassTheSamePolicy(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d := newDesk(t, jpn, 1)
	for name, change := range map[string]func(*Statement){
		"a name that turns the writing": func(s *Statement) { s.Add.Certificate.Name = "JPN\u202e1" },
		"a name of two lines":           func(s *Statement) { s.Add.Certificate.Role = "watch\nofficer" },
		"one delegate alone":            func(s *Statement) { s.Add.Delegates = []Holder{{"EXERCISE", ident.Key{1}}} },
		"a delegate named twice":        func(s *Statement) { s.Add.Delegates = []Holder{{"A", ident.Key{1}}, {"A", ident.Key{1}}} },
		"delegates without end":         func(s *Statement) { s.Add.Delegates = make([]Holder, MaxHolders+1) },
		"no place where it is reached":  func(s *Statement) { s.Add.Mailboxes = nil },
		"two contents":                  func(s *Statement) { s.Contact = &Contact{Notice: 1, Phone: "1"} },
		"a spare desk with a seal key":  func(s *Statement) { s.Type = DormantDesk; s.By = Delegate },
		"a suspension without a notice": func(s *Statement) { *s = Statement{Type: SuspendParty, Number: 1, Time: epoch, Suspend: &Suspension{}} },
		"a suspension that ends in 1969": func(s *Statement) {
			*s = Statement{Type: SuspendParty, Number: 1, Time: epoch, Suspend: &Suspension{Notice: 1, Until: time.Unix(-1, 0)}}
		},
	} {
		s := d.addition(t, ident.Line{}, 1, "a.example:1")
		change(&s)
		if name != "a spare desk with a seal key" { // NewStatement signs as the root, whatever it is told
			if _, err := NewStatement(one, jpn.root, s); err == nil {
				t.Errorf("%s: this program says it", name)
			}
		}
		forged := jpn.forge(s)
		if name == "a spare desk with a seal key" {
			forged.By = Delegate
		}
		set := newSet(t, c)
		if added, err := set.Add(forged, epoch); added || err == nil || len(set.byID) != 0 {
			t.Errorf("%s: this program takes it: %v", name, err)
		}
		if st, err := ParseStatement(forged.Bytes()); err == nil {
			if _, err := set.Add(st, epoch); err == nil {
				t.Errorf("%s: this program takes its bytes", name)
			}
		}
	}
	for name, change := range map[string]func(*Charter){
		"a deniable record":            func(c *Charter) { c.Record = Deniable },
		"a quorum of half":             func(c *Charter) { c.Quorum = 1 },
		"a quorum beyond everybody":    func(c *Charter) { c.Quorum = 3 },
		"two members of one name":      func(c *Charter) { c.Members[1].Name = c.Members[0].Name },
		"a successor of nothing":       func(c *Charter) { c.Version = 2 },
		"a first version after others": func(c *Charter) { c.Previous = []ident.Line{{1}} },
	} {
		own := newCharter(t, "JPN-NATO", jpn, nato)
		change(&own)
		if _, err := NewCharter(one, own); err == nil {
			t.Errorf("%s: this program proposes it", name)
		}
		if _, err := ParseOffer(one, Offer{Charter: own}.Bytes()); err == nil {
			t.Errorf("%s: this program reads it", name)
		}
		if err := newSet(t, c).TakeVersion(Offer{Charter: own}); err == nil {
			t.Errorf("%s: this program takes it", name)
		}
	}
}
