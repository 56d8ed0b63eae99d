package roster

import (
	"errors"
	"testing"
	"time"

	"hotline/internal/ident"
)

// keeper returns a key with an office, warranted by the party's root.
func (p testParty) keeper(tb testing.TB, office Office, n int) Keeper {
	tb.Helper()
	key, err := plain.DeskKeyFromSeed(keySeed("%v %s %d", office, p.name, n))
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
	return SortHolders(out)
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
	cut, err := NewStatementBy(one, d.removal(ident.Line{}, 1, "EXERCISE seized"), b)
	if err != nil {
		t.Fatal(err)
	}
	for name, order := range map[string][]Statement{"after": {add, cut}, "before": {cut, add}} {
		s := newSet(t, c, order...)
		m, off := s.Roster().Removed(d.id)
		if s.Roster().State(d.id) != StateRemoved || !off || m.Statement != cut.ID(one) {
			t.Errorf("removal %s the addition: %v, %+v", name, s.Roster().State(d.id), m)
		}
	}
	// A delegate of the party that this addition does not name has no say.
	other, err := NewStatementBy(one, d.removal(ident.Line{}, 1, ""), stranger)
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
	theirs, err := NewStatementBy(one, d.removal(ident.Line{}, 1, ""), nato.keeper(t, Delegate, 1))
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

// dormant returns the unsigned statement that keeps the desk in reserve.
func (d testDesk) dormant(tb testing.TB, number uint64, custodians ...Keeper) Statement {
	s := d.addition(tb, ident.Line{}, number, "spare.example:1")
	s.Type, s.Add.SealKey, s.Add.Custodians = DormantDesk, Announcement{}, holders(custodians...)
	return s
}

// activation returns the statement by which two custodians activate the desk
// with its seal key of that number.
func (d testDesk) activation(tb testing.TB, number, key uint64, a, b Keeper) Statement {
	tb.Helper()
	s, err := NewStatementBy(one, Statement{
		Type: ActivateDesk, Number: number, Time: epoch.Add(2 * time.Hour), Activate: &Activation{d.announce(tb, key)},
	}, a, b)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestASpareDeskNeedsTwoCustodians: it is made in advance, and stands still
// until two of those that its statement names agree.
func TestASpareDeskNeedsTwoCustodians(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	a, b, x := jpn.keeper(t, Custodian, 1), jpn.keeper(t, Custodian, 2), jpn.keeper(t, Custodian, 3)
	d := newDesk(t, jpn, 9)
	spare := jpn.sign(t, d.dormant(t, 1, a, b))
	on, again, once := d.activation(t, 1, 1, a, b), d.activation(t, 2, 1, a, b), d.activation(t, 3, 2, b, a)
	stranger := d.activation(t, 1, 1, x, a)
	tests := map[string]struct {
		statements []Statement
		want       State
	}{
		"alone":                                {[]Statement{spare}, StateDormant},
		"activated":                            {[]Statement{spare, on}, StateIn},
		"activated before it is known":         {[]Statement{on, spare}, StateIn},
		"an activation of nothing":             {[]Statement{on}, StateUnknown},
		"the same seal key said again":         {[]Statement{on, again, spare}, StateIn},
		"two copies, each with a seal key":     {[]Statement{on, spare, once}, StateVoid},
		"by a custodian that it does not name": {[]Statement{spare, stranger}, StateDormant},
		"removed after it was activated":       {[]Statement{spare, on, jpn.sign(t, d.removal(ident.Line{}, 2, ""))}, StateRemoved},
		"removed before":                       {[]Statement{jpn.sign(t, d.removal(ident.Line{}, 2, "")), on, spare}, StateRemoved},
		"added as well":                        {[]Statement{spare, jpn.sign(t, d.addition(t, ident.Line{}, 2, "a.example:1"))}, StateIn},
	}
	for name, tt := range tests {
		r := newSet(t, c, tt.statements...).Roster()
		e, in := r.Desk(d.id)
		if got := r.State(d.id); got != tt.want || in != (tt.want == StateIn) || len(r.Dormant()) > 0 != (tt.want == StateDormant) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if in && len(e.SealKey.Public) == 0 {
			t.Errorf("%s: the desk has no seal key", name)
		}
	}
	bad := on
	bad.Endorsements = []Endorsement{on.Endorsements[0], on.Endorsements[0]}
	if _, err := newSet(t, c, spare).Add(bad, epoch); !errors.Is(err, ErrForeign) {
		t.Errorf("one custodian twice: %v, want ErrForeign", err)
	}
	if _, err := NewStatementBy(one, Statement{Type: ActivateDesk, Number: 1, Time: epoch, Activate: &Activation{d.announce(t, 1)}}, a); !errors.Is(err, ErrMalformed) {
		t.Errorf("one custodian alone: %v, want ErrMalformed", err)
	}
	if _, err := NewStatementBy(one, Statement{Type: ActivateDesk, Number: 1, Time: epoch}); !errors.Is(err, ErrMalformed) {
		t.Errorf("nobody: %v, want ErrMalformed", err)
	}
	// A seal key that is not the spare desk's own makes it nobody's.
	other := newDesk(t, jpn, 8).announce(t, 1)
	other.Desk = d.id
	swapped, err := NewStatementBy(one, Statement{Type: ActivateDesk, Number: 1, Time: epoch, Activate: &Activation{other}}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if s := newSet(t, c, spare, swapped); s.Roster().State(d.id) != StateDormant {
		t.Error("another desk's seal key activated the spare desk")
	}
}

// TestSuspensionsByTheHighestNotice: a suspension is by the root or a delegate,
// a reopening by the root or two custodians, and order does not matter.
func TestSuspensionsByTheHighestNotice(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d, a, b := jpn.keeper(t, Delegate, 1), jpn.keeper(t, Custodian, 1), jpn.keeper(t, Custodian, 2)
	notice := func(typ Type, number, n uint64, subject testParty, by ...Keeper) Statement {
		st := Statement{Type: typ, Number: number, Time: epoch, Suspend: &Suspension{Subject: subject.id, Notice: n, Reason: "EXERCISE", Until: epoch.Add(time.Hour)}}
		if len(by) == 0 {
			return jpn.sign(t, st)
		}
		st, err := NewStatementBy(one, st, by...)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	first, open, same := notice(SuspendParty, 1, 1, nato, d), notice(ReopenParty, 1, 2, nato, a, b), notice(SuspendParty, 2, 2, nato, d)
	last, own := notice(ReopenParty, 1, 3, nato), notice(SuspendParty, 2, 1, jpn)
	for name, tt := range map[string]struct {
		statements []Statement
		want       bool
	}{
		"nothing":                   {nil, false},
		"suspended":                 {[]Statement{first}, true},
		"reopened":                  {[]Statement{first, open}, false},
		"reopened, then known":      {[]Statement{open, first}, false},
		"one notice for both":       {[]Statement{same, open, first}, true},
		"one notice for both, late": {[]Statement{first, open, same}, true},
		"reopened by the root":      {[]Statement{last, same, open, first}, false},
	} {
		s := newSet(t, c, tt.statements...)
		n, got := s.Roster().Suspended(jpn.id, nato.id)
		if got != tt.want || got && n.Author != jpn.id || len(s.Roster().Suspensions()) > 0 != tt.want {
			t.Errorf("%s: suspended %v, want %v", name, got, tt.want)
		}
		if _, theirs := s.Roster().Suspended(nato.id, nato.id); theirs {
			t.Errorf("%s: JPN's notice counts for others", name)
		}
	}
	if _, yes := newSet(t, c, own).Roster().Suspended(nato.id, jpn.id); !yes {
		t.Error("a party that suspends itself is sent something")
	}
	// A delegate reopens nothing, and a custodian alone suspends nobody.
	if _, err := NewStatementBy(one, Statement{Type: ReopenParty, Number: 1, Time: epoch, Suspend: first.Suspend}, d); !errors.Is(err, ErrMalformed) {
		t.Errorf("a delegate reopens: %v", err)
	}
	if _, err := NewStatementBy(one, Statement{Type: SuspendParty, Number: 1, Time: epoch, Suspend: first.Suspend}, a, b); !errors.Is(err, ErrMalformed) {
		t.Errorf("custodians suspend: %v", err)
	}
}

func TestContactCards(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	card := func(number, notice uint64, phone string) Statement {
		return jpn.sign(t, Statement{Type: ContactCard, Number: number, Time: epoch, Contact: &Contact{Notice: notice, Role: "EXERCISE duty desk", Phone: phone}})
	}
	s := newSet(t, c, card(2, 2, "+81 3 0000 0002"), card(1, 1, "+81 3 0000 0001"))
	if got, ok := s.Roster().Contact(jpn.id); !ok || got.Phone != "+81 3 0000 0002" {
		t.Errorf("contact = %+v, want the one of the highest notice", got)
	}
	if _, ok := s.Roster().Contact(nato.id); ok {
		t.Error("NATO has a contact that it never stated")
	}
	if _, err := NewStatement(one, jpn.root, Statement{Type: ContactCard, Number: 3, Time: epoch, Contact: &Contact{Notice: 1, Role: "nobody"}}); !errors.Is(err, ErrMalformed) {
		t.Errorf("a contact without phone and mail: %v", err)
	}
}
