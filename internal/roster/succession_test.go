package roster

import (
	"errors"
	"slices"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// founders is a line of three parties with their custodians.
type founders struct {
	c       Charter
	parties [4]testParty // the fourth is no member yet
	keepers map[ident.Party][2]Keeper
}

func newFounders(t *testing.T, n int) (f founders) {
	t.Helper()
	f.keepers = make(map[ident.Party][2]Keeper)
	for i, name := range []string{"JPN", "NATO", "AUS", "KOR"} {
		f.parties[i] = newParty(t, name)
		f.keepers[f.parties[i].id] = [2]Keeper{f.parties[i].keeper(t, Custodian, 1), f.parties[i].keeper(t, Custodian, 2)}
	}
	f.c = newCharter(t, "line of founders", f.parties[:n]...)
	return f
}

// next writes the version after those before it.
func (f founders) next(t *testing.T, version uint64, change func(*Charter), before ...Charter) Charter {
	t.Helper()
	c := before[0]
	c.Version, c.Line, c.Previous = version, f.c.ID(one), nil
	for _, b := range before {
		c.Previous = append(c.Previous, b.Hash(one))
	}
	c.Previous = octets.Sorted(c.Previous, ident.Compare[ident.Line])
	change(&c)
	c, err := NewCharter(one, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// offer has both custodians of the parties sign.
func (f founders) offer(t *testing.T, c Charter, parties ...testParty) Offer {
	t.Helper()
	o := Offer{Charter: c}
	for _, p := range parties {
		for _, k := range f.keepers[p.id] {
			sig, err := SignCharter(one, k, c, CharterSignature{Time: epoch})
			if err != nil {
				t.Fatal(err)
			}
			o.Signatures = append(o.Signatures, sig)
		}
	}
	return o
}

func rename(name string) func(*Charter) { return func(c *Charter) { c.Name = name } }

func without(p testParty) func(*Charter) {
	return func(c *Charter) {
		c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(m Member) bool { return m.Party == p.id })
		c.Quorum = 0
	}
}

// TestSuccession: a version counts with its quorum, in whatever order
// signatures and versions come.
func TestSuccession(t *testing.T) {
	f := newFounders(t, 3)
	jpn, nato, aus, kor := f.parties[0], f.parties[1], f.parties[2], f.parties[3]
	two := f.next(t, 2, rename("second"), f.c)
	three := f.next(t, 3, func(c *Charter) { c.Members = append(c.Members, kor.member()); c.Quorum = 0 }, two)
	all := []Offer{
		f.offer(t, two, jpn), f.offer(t, two, aus),
		f.offer(t, three, jpn), f.offer(t, three, nato), f.offer(t, three, kor),
	}
	d := newDesk(t, kor, 1)
	add := kor.sign(t, d.addition(t, ident.Line{}, 1, "a.example:1"))
	var digest [32]byte
	for turn := range all {
		s := newSet(t, f.c)
		for i := range all {
			if err := s.TakeVersion(all[(turn+i)%len(all)]); err != nil {
				t.Fatal(err)
			}
		}
		current, competing := s.Current()
		if current.Hash(one) != three.Hash(one) || len(competing) != 0 || current.ID(one) != f.c.ID(one) || len(s.Pending()) != 0 {
			t.Fatalf("order %d: version %d counts, %d compete", turn, current.Version, len(competing))
		}
		if _, err := s.Add(add, epoch); err != nil || s.Roster().State(d.id) != StateIn {
			t.Errorf("order %d: the party that version 3 admits has no desk: %v", turn, err)
		}
		if digest == ([32]byte{}) {
			digest = s.Digest()
		} else if digest != s.Digest() {
			t.Errorf("order %d: another digest", turn)
		}
	}
	refused := map[string]struct {
		offers []Offer
		want   uint64
	}{
		"no signature":                      {[]Offer{{Charter: two}}, 1},
		"one of three":                      {[]Offer{f.offer(t, two, jpn)}, 1},
		"one custodian of each":             {[]Offer{{two, []CharterSignature{f.offer(t, two, jpn).Signatures[0], f.offer(t, two, nato).Signatures[0], f.offer(t, two, aus).Signatures[1]}}}, 1},
		"one custodian twice":               {[]Offer{{two, append(f.offer(t, two, jpn).Signatures, f.offer(t, two, nato).Signatures[0], f.offer(t, two, nato).Signatures[0])}}, 1},
		"the party admitted did not agree":  {[]Offer{all[0], all[1], all[2], all[3]}, 2},
		"signatures under another version":  {[]Offer{{two, f.offer(t, three, jpn, nato).Signatures}}, 1},
		"version 3 without version 2":       {[]Offer{all[2], all[3], all[4]}, 1},
		"version 2 twice named version 3":   {[]Offer{f.offer(t, f.next(t, 3, rename("x"), f.c), jpn, nato, aus)}, 1},
		"by somebody whom it does not name": {[]Offer{f.offer(t, f.next(t, 2, without(aus), f.c), jpn)}, 1},
	}
	for name, tt := range refused {
		s := newSet(t, f.c)
		for _, o := range tt.offers {
			if err := s.TakeVersion(o); err != nil {
				t.Fatal(err)
			}
		}
		if c, _ := s.Current(); c.Version != tt.want {
			t.Errorf("%s: version %d counts, want %d", name, c.Version, tt.want)
		}
		if len(s.Pending()) == 0 {
			t.Errorf("%s: nothing is pending", name)
		}
	}
	s := newSet(t, f.c)
	for name, o := range map[string]Offer{
		"the first version":     {Charter: f.c},
		"a line of others":      f.offer(t, newFounders(t, 2).next(t, 2, rename("x"), newFounders(t, 2).c), jpn),
		"a version out of form": {Charter: func() Charter { c := two; c.Quorum = 0; return c }()},
	} {
		if err := s.TakeVersion(o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestCompetingVersions: neither counts, but whom either removes is off, until
// one names both.
func TestCompetingVersions(t *testing.T) {
	f := newFounders(t, 4)
	jpn, nato, aus, kor := f.parties[0], f.parties[1], f.parties[2], f.parties[3]
	d := newDesk(t, aus, 1)
	s := newSet(t, f.c, aus.sign(t, d.addition(t, ident.Line{}, 1, "a.example:1")))
	a, b := f.next(t, 2, without(aus), f.c), f.next(t, 2, rename("another"), f.c)
	for _, o := range []Offer{f.offer(t, a, jpn, nato, kor), f.offer(t, b, jpn, nato, kor)} {
		if err := s.TakeVersion(o); err != nil {
			t.Fatal(err)
		}
	}
	c, competing := s.Current()
	if c.Version != 1 || len(competing) != 2 || s.Roster().State(d.id) != StateVoid {
		t.Fatalf("version %d, %d compete, AUS's desk %v", c.Version, len(competing), s.Roster().State(d.id))
	}
	both := f.next(t, 3, rename("settled"), f.c, b)
	both.Previous = octets.Sorted([]ident.Line{a.Hash(one), b.Hash(one)}, ident.Compare[ident.Line])
	if err := s.TakeVersion(f.offer(t, both, jpn, aus, kor)); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Chain()); got != 4 {
		t.Errorf("%d versions count or compete, want 4", got)
	}
	if c, competing := s.Current(); c.Version != 3 || len(competing) != 0 || s.Roster().State(d.id) != StateIn {
		t.Errorf("version %d, %d compete, AUS's desk %v", c.Version, len(competing), s.Roster().State(d.id))
	}
	// A set that lacks a version is sent it.
	other := newSet(t, f.c)
	statements, versions := s.Missing(other.Heads())
	if len(statements) != 1 || len(versions) != 3 {
		t.Fatalf("missing: %d statements, %d versions", len(statements), len(versions))
	}
	if err := other.AddHistory(statements); err != nil {
		t.Fatal(err)
	}
	for _, o := range versions {
		if err := other.TakeVersion(o); err != nil {
			t.Fatal(err)
		}
	}
	if other.Digest() != s.Digest() {
		t.Error("a set that was sent all it lacked has not caught up")
	}
	if statements, versions := s.Missing(other.Heads()); len(statements)+len(versions) != 0 {
		t.Error("sets of one digest miss something")
	}
	if clone := s.Clone(); !same(clone, s) {
		t.Error("a copy is another set")
	}
}

func TestSignaturesOfLaterVersions(t *testing.T) {
	f := newFounders(t, 2)
	two := f.next(t, 2, rename("second"), f.c)
	s := newSet(t, f.c)
	good := f.offer(t, two, f.parties[0]).Signatures[0]
	stranger := f.parties[2].keeper(t, Custodian, 1)
	delegate, _ := SignCharter(one, f.parties[0].keeper(t, Delegate, 1), two, CharterSignature{Time: epoch})
	if current, err := s.CheckSignature(two, good); !current || err != nil {
		t.Errorf("a custodian's signature: %v, %v", current, err)
	}
	for name, tt := range map[string]struct {
		sig  CharterSignature
		want error
	}{
		"a delegate's":            {delegate, ErrForeign},
		"in another's name":       {func() CharterSignature { x := good; x.Party = f.parties[1].id; return x }(), ErrForeign},
		"with another time":       {func() CharterSignature { x := good; x.Time = epoch.Add(1e9); return x }(), ErrSignature},
		"without a warrant":       {func() CharterSignature { x := good; x.Warrant = nil; return x }(), ErrMalformed},
		"of a party off the line": {func() CharterSignature { x := good; x.Party = f.parties[2].id; return x }(), ErrForeign},
	} {
		if _, err := s.CheckSignature(two, tt.sig); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := SignCharter(one, stranger, two, CharterSignature{Time: epoch}); !errors.Is(err, ErrForeign) {
		t.Errorf("a stranger's custodian signs: %v", err)
	}
	if raw, err := ParseCharterSignature(good.Bytes()); err != nil || string(raw.Bytes()) != string(good.Bytes()) {
		t.Errorf("a custodian's signature does not come back: %v", err)
	}
}
