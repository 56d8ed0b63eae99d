package roster

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotline/internal/ident"
	"hotline/internal/suite"
)

// dynasty is a party whose first root committed to a second, and that to a third.
type dynasty struct {
	testParty
	roots [3]CommittedRoot
}

func newDynasty(tb testing.TB, name string) (d dynasty) {
	tb.Helper()
	var next Signer
	for i := 2; i >= 0; i-- {
		key, err := plain.RootKeyFromSeed(keySeed("root %d %s", i, name))
		if err != nil {
			tb.Fatal(err)
		}
		d.roots[i].Signer = key
		if next != nil {
			d.roots[i].Next = Commitment(one, next.Public())
		}
		next = key
	}
	d.root = d.roots[0].Signer.(suite.RootKey)
	d.name, d.id = name, PartyOf(one, d.roots[0].Public())
	return d
}

func (d dynasty) member() Member { return Member{Party: d.id, Name: d.name, Root: d.roots[0].Public()} }

// by signs a statement with one of the roots.
func (d dynasty) by(tb testing.TB, root int, s Statement) Statement {
	tb.Helper()
	s.Author = d.id
	s, err := NewStatement(one, d.roots[root], s)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// desk returns a desk certified by one of the roots.
func (d dynasty) desk(tb testing.TB, root, n int) testDesk {
	tb.Helper()
	made := newDesk(tb, testParty{name: d.name, root: d.roots[root].Signer.(suite.RootKey)}, n)
	made.cert.Party = d.id
	var err error
	if made.cert, err = NewCertificate(one, d.roots[root], made.cert); err != nil {
		tb.Fatal(err)
	}
	made.id = made.cert.ID(one)
	return made
}

func (d dynasty) rotate(tb testing.TB, from int, number uint64, survivors ...Statement) Statement {
	tb.Helper()
	var ids []ident.Statement
	for _, s := range survivors {
		ids = append(ids, s.ID(one))
	}
	r, err := NewRotation(one, d.id, d.roots[from+1], ids)
	if err != nil {
		tb.Fatal(err)
	}
	return d.by(tb, from, Statement{Type: RotateRoot, Number: number, Time: epoch, Rotate: r})
}

func (d dynasty) line(tb testing.TB, other testParty) *Set {
	tb.Helper()
	c := Charter{
		Nonce: [32]byte(seed(32, "nonce rotation")), Name: "rotation", Profile: "bilateral", Created: epoch, Clocks: DefaultClocks(),
		SealKeyPeriod: 24 * time.Hour, Record: Attributable, Release: ReleaseNone, Members: []Member{d.member(), other.member()},
	}
	c, err := NewCharter(one, c)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := CharterSet(one, c)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestRotation: what the old root added and the new one does not take over is
// void; what it removed stays removed; the old root adds nothing any more.
func TestRotation(t *testing.T) {
	jpn, nato := newDynasty(t, "JPN"), newParty(t, "NATO")
	kept, dropped, gone, fresh, stolen := jpn.desk(t, 0, 1), jpn.desk(t, 0, 2), jpn.desk(t, 0, 3), jpn.desk(t, 1, 4), jpn.desk(t, 0, 5)
	var all ident.Line
	addKept, addDropped, addGone := jpn.by(t, 0, kept.addition(t, all, 1, "a.example:1")), jpn.by(t, 0, dropped.addition(t, all, 2, "a.example:1")), jpn.by(t, 0, gone.addition(t, all, 3, "a.example:1"))
	cut := jpn.by(t, 0, gone.removal(all, 4, "EXERCISE"))
	rotation := jpn.rotate(t, 0, 5, addKept, addGone)
	addFresh, theft := jpn.by(t, 1, fresh.addition(t, all, 1, "a.example:1")), jpn.by(t, 0, stolen.addition(t, all, 6, "evil.example:1"))
	statements := []Statement{addKept, addDropped, addGone, cut, rotation, addFresh, theft}
	want := map[ident.Desk]State{kept.id: StateIn, dropped.id: StateVoid, gone.id: StateRemoved, fresh.id: StateIn, stolen.id: StateVoid}
	first := jpn.line(t, nato)
	if err := first.AddHistory(statements); err != nil {
		t.Fatal(err)
	}
	for turn := range statements { // each order begins with another one
		s := jpn.line(t, nato)
		offer(t, s, slices.Concat(statements[turn:], statements[:turn])...)
		if !same(s, first) {
			t.Errorf("order %d makes another set", turn)
		}
		for desk, state := range want {
			if got := s.Roster().State(desk); got != state {
				t.Errorf("order %d: desk %v is %v, want %v", turn, desk, got, state)
			}
		}
		if got := s.Roster().Root(jpn.id); string(got) != string(jpn.roots[1].Public()) || s.Roster().Frozen(jpn.id) {
			t.Errorf("order %d: the root is not the second one", turn)
		}
	}
	// And once more: the second list counts too.
	if err := first.AddHistory([]Statement{jpn.rotate(t, 1, 2, addFresh)}); err != nil {
		t.Fatal(err)
	}
	if r := first.Roster(); r.State(fresh.id) != StateIn || r.State(kept.id) != StateVoid || string(r.Root(jpn.id)) != string(jpn.roots[2].Public()) {
		t.Errorf("after the second rotation: fresh %v, kept %v", r.State(fresh.id), r.State(kept.id))
	}
}

// TestCompetingRotationsFreeze: two lists of survivors, and nobody knows who
// holds the root. The party may only remove.
func TestCompetingRotationsFreeze(t *testing.T) {
	jpn, nato := newDynasty(t, "JPN"), newParty(t, "NATO")
	a, b, fresh := jpn.desk(t, 0, 1), jpn.desk(t, 0, 2), jpn.desk(t, 1, 3)
	addA, addB := jpn.by(t, 0, a.addition(t, ident.Line{}, 1, "a.example:1")), jpn.by(t, 0, b.addition(t, ident.Line{}, 2, "a.example:1"))
	addFresh := jpn.by(t, 1, fresh.addition(t, ident.Line{}, 1, "a.example:1"))
	s := jpn.line(t, nato)
	again := jpn.rotate(t, 0, 3, addA, addB)
	if err := s.AddHistory([]Statement{addA, addB, again, addFresh}); err != nil {
		t.Fatal(err)
	}
	twin := jpn.rotate(t, 0, 9, addA, addB) // the same said once more
	if _, err := s.Add(twin, epoch); err != nil || s.Roster().Frozen(jpn.id) {
		t.Errorf("one rotation said twice freezes the party: %v", err)
	}
	if _, err := s.Add(jpn.rotate(t, 0, 4, addA), epoch); err != nil {
		t.Fatal(err)
	}
	r := s.Roster()
	if !r.Frozen(jpn.id) || r.State(a.id) != StateIn || r.State(b.id) != StateVoid || r.State(fresh.id) != StateVoid {
		t.Errorf("frozen %v: on both lists %v, on one %v, of the new root %v", r.Frozen(jpn.id), r.State(a.id), r.State(b.id), r.State(fresh.id))
	}
	if _, err := s.Add(jpn.by(t, 1, a.removal(ident.Line{}, 2, "")), epoch); err != nil || s.Roster().State(a.id) != StateRemoved {
		t.Errorf("a frozen party cannot remove: %v", err)
	}
}

func TestRotationRefusals(t *testing.T) {
	jpn, nato, other := newDynasty(t, "JPN"), newParty(t, "NATO"), newDynasty(t, "HOME")
	good := jpn.rotate(t, 0, 1)
	rotation := func(f func(r *Rotation)) Statement {
		r := *good.Rotate
		f(&r)
		return jpn.by(t, 0, Statement{Type: RotateRoot, Number: 1, Time: epoch, Rotate: &r})
	}
	theirs := other.rotate(t, 0, 1)
	bare := nato.sign(t, Statement{Type: RotateRoot, Number: 1, Time: epoch, Rotate: good.Rotate})
	for name, tt := range map[string]struct {
		s    Statement
		want error
	}{
		"to a root that was not committed to": {jpn.by(t, 0, Statement{Type: RotateRoot, Number: 1, Time: epoch, Rotate: theirs.Rotate}), ErrForeign},
		"without any commitment":              {bare, ErrForeign},
		"the successor did not agree":         {rotation(func(r *Rotation) { r.Signature = theirs.Rotate.Signature }), ErrSignature},
		"another list than it agreed to":      {rotation(func(r *Rotation) { r.Survivors = []ident.Statement{{1}} }), ErrSignature},
		"by a root that is not known":         {jpn.rotate(t, 1, 1), ErrWaiting},
	} {
		s := jpn.line(t, nato)
		before := stored(s)
		if _, err := s.Add(tt.s, epoch); !errors.Is(err, tt.want) || string(stored(s)) != string(before) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	// What waits in vain is told, and no set keeps what nobody has verified.
	s := jpn.line(t, nato)
	if err := s.AddHistory([]Statement{jpn.by(t, 1, jpn.desk(t, 1, 1).removal(ident.Line{}, 1, ""))}); !errors.Is(err, ErrWaiting) || len(s.byID) != 0 {
		t.Errorf("history with a statement that waits: %v", err)
	}
}

// offer adds statements in their order, and those that wait again and again, as
// whoever holds a set does.
func offer(t failer, s *Set, statements ...Statement) {
	for range statements {
		for _, st := range statements {
			if _, err := s.Add(st, epoch); err != nil && !errors.Is(err, ErrEquivocation) && !errors.Is(err, ErrWaiting) {
				t.Fatal(err)
			}
		}
	}
}

type failer interface{ Fatal(args ...any) }

// TestRotationsInEveryOrder is the property that the whole package is built on,
// for parties whose root changes and lines whose charter does.
func TestRotationsInEveryOrder(t *testing.T) {
	jpn, nato := newDynasty(t, "JPN"), newParty(t, "NATO")
	d := [4]testDesk{jpn.desk(t, 0, 1), jpn.desk(t, 0, 2), jpn.desk(t, 1, 3), jpn.desk(t, 2, 4)}
	var all ident.Line
	a, b, c := jpn.by(t, 0, d[0].addition(t, all, 1, "a.example:1")), jpn.by(t, 0, d[1].addition(t, all, 2, "a.example:1")), jpn.by(t, 1, d[2].addition(t, all, 1, "a.example:1"))
	pool := []Statement{
		a, b, c, jpn.by(t, 0, d[0].removal(all, 3, "EXERCISE")), jpn.by(t, 2, d[1].removal(all, 1, "EXERCISE")), jpn.by(t, 2, d[3].addition(t, all, 2, "a.example:1")),
		jpn.rotate(t, 0, 4, a, b), jpn.rotate(t, 1, 2, b, c), jpn.rotate(t, 1, 2, b), // two that compete, under one number
	}
	first := jpn.line(t, nato).terms.first
	two := first
	two.Version, two.Line, two.Previous, two.Name = 2, first.ID(one), []ident.Line{first.Hash(one)}, "second"
	var custodians []Keeper
	for n := 1; n <= 2; n++ {
		k := jpn.keeper(t, Custodian, n) // by the second root, who was not there when the line was made
		w, err := NewWarrant(one, jpn.roots[1], Warrant{Party: jpn.id, Office: Custodian, Name: "EXERCISE", Public: k.Public()})
		if err != nil {
			t.Fatal(err)
		}
		custodians = append(custodians, Keeper{k.Signer, w}, nato.keeper(t, Custodian, n))
	}
	version := Offer{Charter: two}
	for _, k := range custodians {
		sig, err := SignCharter(one, k, two, CharterSignature{Time: epoch})
		if err != nil {
			t.Fatal(err)
		}
		version.Signatures = append(version.Signatures, sig)
	}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.Permutation(pool).Draw(t, "which")[:rapid.IntRange(0, len(pool)).Draw(t, "how many")]
		at, bt := rapid.IntRange(0, len(some)).Draw(t, "version"), rapid.IntRange(0, len(some)).Draw(t, "version there")
		x, _ := CharterSet(one, first)
		y, _ := CharterSet(one, first)
		fill(t, x, some, at, version)
		fill(t, y, rapid.Permutation(some).Draw(t, "another order"), bt, version)
		if !same(x, y) {
			t.Fatalf("rosters differ by order:\n%s\n%s", describe(x.Roster()), describe(y.Roster()))
		}
		cx, _ := x.Current()
		cy, _ := y.Current()
		if cx.Version != cy.Version {
			t.Fatalf("versions %d and %d count", cx.Version, cy.Version)
		}
	})
}

// fill adds statements, and a charter version before the one at that place.
func fill(t *rapid.T, s *Set, statements []Statement, at int, o Offer) {
	offer(t, s, statements[:at]...)
	if err := s.TakeVersion(o); err != nil {
		t.Fatal(err)
	}
	offer(t, s, statements...)
}
