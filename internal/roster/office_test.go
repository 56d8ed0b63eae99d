package roster

import (
	"errors"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/suite"
)

// keeper returns a key with an office, warranted by the party's root.
func (p testParty) keeper(tb testing.TB, office Office, n int) Keeper {
	tb.Helper()
	key, err := suite.One.DeskKeyFromSeed(seed(64, "%v %s %d", office, p.name, n))
	if err != nil {
		tb.Fatal(err)
	}
	w, err := NewWarrant(one, p.root, Warrant{Office: office, Name: p.name + " " + office.String(), Public: key.Public()})
	if err != nil {
		tb.Fatal(err)
	}
	return Keeper{key, w}
}

// holders names keepers as an addition does.
func holders(keepers ...Keeper) (out []Holder) {
	for _, k := range keepers {
		out = append(out, k.Warrant.Holder(one))
	}
	return sorted(out, func(a, b Holder) int { return compareKeys(a.Key, b.Key) })
}

// TestDelegatesMayOnlyRemove: at 3 a.m. the root is in a safe.
func TestDelegatesMayOnlyRemove(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	a, b, stranger := jpn.keeper(t, Delegate, 1), jpn.keeper(t, Delegate, 2), jpn.keeper(t, Delegate, 3)
	d := newDesk(t, jpn, 1)
	add := d.addition(t, ident.Line{}, 1, "a.example:1")
	add.Add.Delegates = holders(a, b)
	add = jpn.sign(t, add)
	cut, err := NewRemoval(one, b, d.removal(ident.Line{}, 1, "EXERCISE seized"))
	if err != nil {
		t.Fatal(err)
	}
	for name, order := range map[string][]Statement{"after": {add, cut}, "before": {cut, add}} {
		s := newSet(t, c, order...)
		m, off := s.Roster().Removed(d.id)
		if s.Roster().State(d.id) != StateRemoved || !off || m.By != Delegate || m.Signer != b.Warrant.Holder(one).Key {
			t.Errorf("removal %s the addition: %v, %+v", name, s.Roster().State(d.id), m)
		}
	}
	// A delegate of the party that this addition does not name has no say.
	other, err := NewRemoval(one, stranger, d.removal(ident.Line{}, 1, ""))
	if err != nil {
		t.Fatal(err)
	}
	if s := newSet(t, c, add, other); s.Roster().State(d.id) != StateIn {
		t.Error("a delegate that the addition does not name removed the desk")
	}
	// It adds nothing, whatever it signs; nor does another party's delegate remove.
	if _, err := NewStatementBy(one, d.addition(t, ident.Line{}, 1, "a.example:1"), a); !errors.Is(err, ErrMalformed) {
		t.Errorf("an addition by a delegate = %v", err)
	}
	theirs, err := NewRemoval(one, nato.keeper(t, Delegate, 1), d.removal(ident.Line{}, 1, ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newSet(t, c, add).Add(theirs, epoch); !errors.Is(err, ErrForeign) {
		t.Errorf("NATO's delegate removes JPN's desk: %v, want ErrForeign", err)
	}
	forged := cut
	forged.Author = nato.id
	if _, err := newSet(t, c, add).Add(forged, epoch); !errors.Is(err, ErrForeign) {
		t.Errorf("a removal under another author: %v, want ErrForeign", err)
	}
	home := cut
	w := *cut.Endorsements[0].Warrant
	w.Name = "another name"
	home.Endorsements = []Endorsement{{&w, cut.Endorsements[0].Signature}}
	if _, err := newSet(t, c, add).Add(home, epoch); !errors.Is(err, ErrSignature) {
		t.Errorf("a warrant that the root did not sign: %v, want ErrSignature", err)
	}
}
