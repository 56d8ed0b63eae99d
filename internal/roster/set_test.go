package roster

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotline/internal/ident"
)

func sortedRemovals(r *Roster) []ident.Desk {
	return slices.SortedFunc(maps.Keys(r.removed), func(a, b ident.Desk) int { return bytes.Compare(a[:], b[:]) })
}

// pool is every kind of statement that two parties can make about four desks,
// contested numbers included.
func pool(tb testing.TB) (Charter, []Statement, []testDesk) {
	jpn, nato := newParty(tb, "JPN"), newParty(tb, "NATO")
	c := newCharter(tb, "JPN-NATO", jpn, nato)
	line := c.ID(one)
	var all ident.Line
	j1, j2, n1, n2 := newDesk(tb, jpn, 1), newDesk(tb, jpn, 2), newDesk(tb, nato, 1), newDesk(tb, nato, 2)
	j3, n3 := newDesk(tb, jpn, 3), newDesk(tb, nato, 3)
	d, e := jpn.keeper(tb, Delegate, 1), jpn.keeper(tb, Delegate, 2)
	k, l := nato.keeper(tb, Custodian, 1), nato.keeper(tb, Custodian, 2)
	by := func(s Statement, keepers ...Keeper) Statement {
		s, err := NewStatementBy(one, s, keepers...)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	named := j3.addition(tb, line, 3, "a.example:1")
	named.Add.Delegates = holders(d, e)
	suspension := Suspension{Subject: nato.id, Notice: 1, Reason: "EXERCISE", Until: epoch.Add(time.Hour)}
	reopening := Suspension{Subject: jpn.id, Notice: 2}
	return c, []Statement{
		jpn.sign(tb, j1.addition(tb, all, 1, "a.example:1")),
		jpn.sign(tb, j2.addition(tb, all, 2, "a.example:1")),
		jpn.sign(tb, j2.addition(tb, all, 3, "b.example:1")),
		jpn.sign(tb, j1.addition(tb, line, 1, "c.example:1")),
		jpn.sign(tb, j2.removal(line, 2, "EXERCISE seized")),
		jpn.sign(tb, j2.removal(all, 4, "EXERCISE lost")),
		jpn.sign(tb, j1.addition(tb, all, 4, "d.example:1")), // contests the removal's number
		nato.sign(tb, n1.addition(tb, all, 1, "a.example:1")),
		nato.sign(tb, n2.addition(tb, all, 1, "a.example:1")), // contests the one before
		nato.sign(tb, n2.addition(tb, all, 2, "a.example:1")), // heals it
		nato.sign(tb, n1.addition(tb, line, 1, "a.example:1")),
		nato.sign(tb, n1.removal(all, 3, "EXERCISE retired")),
		jpn.sign(tb, named),
		by(j3.removal(line, 1, "EXERCISE seized at night"), d),
		by(j1.removal(all, 1, "EXERCISE by a delegate that is not named"), e),
		nato.sign(tb, n3.dormant(tb, 4, k, l)),
		n3.activation(tb, 1, 1, k, l),
		n3.activation(tb, 2, 2, k, l), // a second copy of the spare desk
		by(Statement{Type: SuspendParty, Number: 2, Time: epoch, Suspend: &suspension}, e),
		by(Statement{Type: SuspendParty, Number: 3, Line: line, Time: epoch, Suspend: &Suspension{Subject: jpn.id, Notice: 1}}, nato.keeper(tb, Delegate, 1)),
		by(Statement{Type: ReopenParty, Number: 3, Time: epoch, Suspend: &reopening}, l, k),
		jpn.sign(tb, Statement{Type: ContactCard, Number: 5, Time: epoch, Contact: &Contact{Notice: 1, Role: "EXERCISE duty desk", Phone: "+81 3 0000 0001"}}),
	}, []testDesk{j1, j2, n1, n2, j3, n3}
}

// addAll adds statements in the order given. Conflicts are welcome.
func addAll(t interface{ Fatal(...any) }, s *Set, statements []Statement) {
	for _, st := range statements {
		if _, err := s.Add(st, epoch); err != nil && !errors.Is(err, ErrEquivocation) {
			t.Fatal(err)
		}
	}
}

// TestOrderDoesNotMatter is the property that the whole package is built on.
func TestOrderDoesNotMatter(t *testing.T) {
	c, statements, _ := pool(t)
	rapid.Check(t, func(t *rapid.T) {
		some := statements[:rapid.IntRange(0, len(statements)).Draw(t, "how many")]
		some = rapid.Permutation(statements).Draw(t, "which")[:len(some)]
		other := rapid.Permutation(some).Draw(t, "another order")
		a, _ := CharterSet(one, c)
		b, _ := CharterSet(one, c)
		addAll(t, a, some)
		for _, st := range other {
			addAll(t, b, []Statement{st, other[0]}) // and some of them twice
			b.Roster()                              // asked for in between
		}
		if !same(a, b) {
			t.Fatalf("rosters differ by order:\n%s\n%s", describe(a.Roster()), describe(b.Roster()))
		}
		for _, st := range some {
			if st.Remove == nil || st.By != Root {
				continue
			}
			if _, on := a.Roster().Desk(st.Remove.Desk); on {
				t.Fatal("a removed desk is on the roster")
			}
			if _, off := a.Roster().Removed(st.Remove.Desk); !off {
				t.Fatal("a removal is lost")
			}
		}
		loaded, _ := CharterSet(one, c)
		if err := loaded.AddHistory(other); err != nil || !same(a, loaded) {
			t.Fatalf("history makes another set: %v", err)
		}
	})
}

// TestDesksCatchUp lets two desks that hold different parts send each other
// heads and what the other lacks. They must end with one set.
func TestDesksCatchUp(t *testing.T) {
	c, statements, _ := pool(t)
	rapid.Check(t, func(t *rapid.T) {
		a, _ := CharterSet(one, c)
		b, _ := CharterSet(one, c)
		for _, st := range statements {
			switch rapid.IntRange(0, 3).Draw(t, "who has it") {
			case 0:
				addAll(t, a, []Statement{st})
			case 1:
				addAll(t, b, []Statement{st})
			case 2:
				addAll(t, a, []Statement{st})
				addAll(t, b, []Statement{st})
			}
		}
		for round := 0; a.Digest() != b.Digest(); round++ {
			if round == 3 {
				t.Fatalf("still apart after %d rounds:\n%s\n%s", round, describe(a.Roster()), describe(b.Roster()))
			}
			headsA, err := ParseHeads(MarshalHeads(a.Heads()))
			if err != nil {
				t.Fatal(err)
			}
			forB, _ := a.Missing(b.Heads())
			forA, _ := b.Missing(headsA)
			addAll(t, b, forB)
			addAll(t, a, forA)
		}
		if !same(a, b) {
			t.Fatal("one digest, two rosters")
		}
	})
}

// TestWhatTheRosterSays spells out the pool, so that the property tests cannot
// agree on something wrong.
func TestWhatTheRosterSays(t *testing.T) {
	c, st, desk := pool(t)
	moved := newSet(t, c, st[2], st[1])
	if e, _ := moved.Roster().Desk(desk[1].id); e.Mailboxes[0].Addr != "b.example:1" {
		t.Errorf("J2 is reached at %s, want the mailbox of the later number", e.Mailboxes[0].Addr)
	}
	steps := []struct {
		add  int
		on   []int // desks, by their place in the pool
		note string
	}{
		{0, []int{0}, "J1 on"},
		{1, []int{0, 1}, "J2 on"},
		{2, []int{0, 1}, "J2 moved"},
		{3, []int{0, 1}, "J1 on this line by name"},
		{7, []int{0, 1, 2}, "N1 on"},
		{8, []int{0, 1}, "N2 under N1's number: both void"},
		{9, []int{0, 1, 3}, "N2 again under a number of its own"},
		{4, []int{0, 3}, "J2 off"},
		{10, []int{0, 2, 3}, "N1 again on this line by name"},
		{11, []int{0, 3}, "N1 off"},
	}
	s := newSet(t, c)
	for _, step := range steps {
		_, err := s.Add(st[step.add], epoch)
		if conflict := step.add == 8; errors.Is(err, ErrEquivocation) != conflict || (err != nil) != conflict {
			t.Fatalf("%s: Add = %v", step.note, err)
		}
		var want []ident.Desk
		for _, i := range step.on {
			want = append(want, desk[i].id)
		}
		var got []ident.Desk
		for _, e := range s.Roster().Desks() {
			got = append(got, e.Desk)
		}
		less := func(a, b ident.Desk) int { return bytes.Compare(a[:], b[:]) }
		slices.SortFunc(want, less)
		slices.SortFunc(got, less)
		if !slices.Equal(got, want) {
			t.Errorf("%s: on the roster %v, want %v", step.note, got, want)
		}
	}
	if e, _ := s.Roster().Desk(desk[0].id); e.Mailboxes[0].Addr != "c.example:1" {
		t.Errorf("J1 is reached at %s, want the mailbox named for this line", e.Mailboxes[0].Addr)
	}
	if len(conflicts(s)) != 1 || conflicts(s)[0].First.Number != 1 {
		t.Errorf("conflicts = %v, want the one number used twice", conflicts(s))
	}
	if _, ok := s.Certificate(desk[1].id); !ok {
		t.Error("the certificate of a removed desk is gone")
	}
	if got := s.Roster().DesksOf(desk[2].party.id); len(got) != 1 || got[0].Desk != desk[3].id {
		t.Errorf("NATO's desks = %v, want N2", got)
	}
	if n := s.NextNumber(desk[0].party.id, RootID(one, desk[0].party.root.Public()), ident.Line{}); n != 4 {
		t.Errorf("JPN's next number = %d, want 4", n)
	}
}

// TestRefusals are the statements that must never count (attack 8).
func TestRefusals(t *testing.T) {
	jpn, nato, home := newParty(t, "JPN"), newParty(t, "NATO"), newParty(t, "HOME")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	line := c.ID(one)
	j1, n1 := newDesk(t, jpn, 1), newDesk(t, nato, 1)
	good := jpn.sign(t, j1.addition(t, line, 1, "a.example:1"))
	change := func(f func(*Statement)) Statement {
		s := good
		add := *good.Add
		s.Add = &add
		f(&s)
		return jpn.forge(s)
	}
	expired := j1
	expired.cert, _ = NewCertificate(one, jpn.root, Certificate{
		Name: "JPN-1", Role: "watch officer", MessageKey: j1.cert.MessageKey, DeskKey: j1.cert.DeskKey, ControlKey: j1.cert.ControlKey,
		NotBefore: epoch.Add(-48 * time.Hour), NotAfter: epoch.Add(-time.Minute),
	})
	expired.id = expired.cert.ID(one)
	tests := map[string]struct {
		s    Statement
		want error
	}{
		"a root made at home":              {home.sign(t, newDesk(t, home, 1).addition(t, line, 1, "a.example:1")), ErrForeign},
		"a party adds the other's desk":    {jpn.forge(n1.addition(t, line, 1, "a.example:1")), ErrForeign},
		"a party removes the other's desk": {jpn.forge(n1.removal(line, 1, "")), ErrForeign},
		"for another line":                 {jpn.sign(t, j1.addition(t, ident.Line{9}, 1, "a.example:1")), ErrForeign},
		"the author's name on another's":   {func() Statement { s := good; s.Author = nato.id; return s }(), ErrWaiting},
		"signed by another root":           {func() Statement { s := good; s.Endorsements = nato.forge(good).Endorsements; return s }(), ErrSignature},
		"certificate of another root":      {change(func(s *Statement) { s.Add.Certificate.Signature = n1.cert.Signature }), ErrSignature},
		"seal key of another desk":         {change(func(s *Statement) { s.Add.SealKey = n1.announce(t, 1) }), ErrForeign},
		"seal key not signed by the desk":  {change(func(s *Statement) { s.Add.SealKey.Signature = n1.announce(t, 1).Signature }), ErrSignature},
		"certificate had run out":          {jpn.forge(expired.addition(t, line, 1, "a.example:1")), ErrExpired},
		"reserved: admit party":            {change(func(s *Statement) { s.Type = AdmitParty }), ErrReserved},
		"an addition called a rotation":    {change(func(s *Statement) { s.Type = RotateRoot }), ErrMalformed},
		"unknown type":                     {change(func(s *Statement) { s.Type = 99 }), ErrMalformed},
		"number zero":                      {change(func(s *Statement) { s.Number = 0 }), ErrMalformed},
		"number beyond all":                {change(func(s *Statement) { s.Number = 1<<64 - 1 }), ErrMalformed},
		"no mailbox":                       {change(func(s *Statement) { s.Add.Mailboxes = nil }), ErrMalformed},
		"an addition called a removal":     {change(func(s *Statement) { s.Type = RemoveDesk }), ErrMalformed},
		"Ed25519 good, ML-DSA of another": {func() Statement {
			s := good
			s.Endorsements = []Endorsement{{Signature: halves(good.Endorsements[0].Signature, nato.forge(good).Endorsements[0].Signature)}}
			return s
		}(), ErrSignature},
		"ML-DSA good, Ed25519 of another": {func() Statement {
			s := good
			s.Endorsements = []Endorsement{{Signature: halves(nato.forge(good).Endorsements[0].Signature, good.Endorsements[0].Signature)}}
			return s
		}(), ErrSignature},
		"ML-DSA stripped": {func() Statement {
			s := good
			s.Endorsements = []Endorsement{{Signature: good.Endorsements[0].Signature[:64]}}
			return s
		}(), ErrMalformed},
		"name with a right-to-left override": {change(func(s *Statement) { s.Add.Certificate.Name = "JPN\u202e1" }), ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSet(t, c, nato.sign(t, n1.addition(t, line, 1, "a.example:1")))
			before, digest := stored(s), s.Digest()
			added, err := s.Add(tt.s, epoch)
			if added || !errors.Is(err, tt.want) {
				t.Errorf("Add = %v, %v, want an error wrapping %v", added, err, tt.want)
			}
			if !bytes.Equal(stored(s), before) || s.Digest() != digest || len(s.Roster().DesksOf(jpn.id)) != 0 {
				t.Error("a refused statement changed the set")
			}
		})
	}
	if added, err := newSet(t, c).Add(good, epoch); !added || err != nil {
		t.Errorf("the good statement: Add = %v, %v", added, err)
	}
}

// halves puts the classic half of one signature before the other half of another.
func halves(classic, quantum []byte) []byte {
	return append(bytes.Clone(classic[:64]), quantum[64:]...)
}

// TestClockOfTheReader judges a good statement by clocks that are off
// (attack 22): a day is forgiven, years are not, and history is never judged.
func TestClockOfTheReader(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d := newDesk(t, jpn, 1)
	st := jpn.sign(t, d.addition(t, ident.Line{}, 1, "a.example:1"))
	for name, tt := range map[string]struct {
		now  time.Time
		want error
	}{
		"on time":              {epoch, nil},
		"a day behind":         {epoch.Add(-25 * time.Hour), nil},
		"a day ahead at end":   {d.cert.NotAfter.Add(24 * time.Hour), nil},
		"three days before":    {epoch.Add(-73 * time.Hour), ErrExpired},
		"years later":          {epoch.AddDate(3, 0, 0), ErrExpired},
		"history: never judge": {time.Time{}, nil},
	} {
		if _, err := newSet(t, c).Add(st, tt.now); !errors.Is(err, tt.want) {
			t.Errorf("%s: Add = %v, want %v", name, err, tt.want)
		}
	}
}

// TestNoClockRevivesACertificate: a removed desk stays removed whatever the
// clocks say, the reader's, the remover's, or that of whoever adds it again in
// every order (attack 22).
func TestNoClockRevivesACertificate(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d := newDesk(t, jpn, 1)
	day := 24 * time.Hour
	for _, removed := range []time.Duration{-365 * day, -day, 0, day, 365 * day} {
		add, again := d.addition(t, ident.Line{}, 1, "a.example:1"), d.addition(t, ident.Line{}, 3, "a.example:1")
		again.Time = epoch.Add(2 * day)
		cut := d.removal(ident.Line{}, 2, "EXERCISE seized")
		cut.Time = epoch.Add(removed)
		statements := []Statement{jpn.sign(t, add), jpn.sign(t, cut), jpn.sign(t, again)}
		for _, reader := range []time.Duration{-day, 0, day, 3 * day} {
			for _, order := range [][]int{{0, 1, 2}, {1, 0, 2}, {2, 1, 0}, {0, 2, 1}} {
				s := newSet(t, c)
				for _, i := range order {
					if _, err := s.Add(statements[i], epoch.Add(reader)); err != nil {
						t.Fatalf("removal at %v, reader at %v: %v", removed, reader, err)
					}
				}
				if _, on := s.Roster().Desk(d.id); on || s.Roster().State(d.id) != StateRemoved {
					t.Errorf("removal at %v, reader at %v, order %v: the desk is on", removed, reader, order)
				}
			}
		}
	}
}

// TestFloodOfAdditionsLeavesRoomToRemove fills an author's additions.
func TestFloodOfAdditionsLeavesRoomToRemove(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d := newDesk(t, jpn, 1)
	s := newSet(t, c, jpn.sign(t, d.addition(t, ident.Line{}, 1, "a.example:1")))
	s.counts[count{RootID(one, jpn.root.Public()), AddDesk}] = MaxPerSigner
	if _, err := s.Add(jpn.sign(t, d.addition(t, ident.Line{}, 2, "b.example:1")), epoch); !errors.Is(err, ErrFull) {
		t.Errorf("one addition too many: %v, want ErrFull", err)
	}
	if added, err := s.Add(jpn.sign(t, d.removal(ident.Line{}, 2, "")), epoch); !added || err != nil {
		t.Errorf("removal after a flood: %v, %v", added, err)
	}
	if _, on := s.Roster().Desk(d.id); on {
		t.Error("the removed desk is still on the roster")
	}
}

// TestEveryByteOfAStatementCounts flips each byte of an addition, with the
// certificate and the announcement that it carries: each is refused
// by the parser or by the set, and the set stays as it was (attack 6).
func TestEveryByteOfAStatementCounts(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	s, err := CharterSet(plain, c)
	if err != nil {
		t.Fatal(err)
	}
	raw := jpn.sign(t, newDesk(t, jpn, 1).addition(t, c.ID(one), 1, "a.example:1")).Bytes()
	before := stored(s)
	for at := range raw {
		bad := bytes.Clone(raw)
		bad[at] ^= 1 << (at % 8)
		st, err := ParseStatement(bad)
		if err != nil {
			continue
		}
		if !bytes.Equal(st.Bytes(), bad) {
			t.Fatalf("byte %d: parsed bytes have two spellings", at)
		}
		if added, err := s.Add(st, epoch); added || err == nil {
			t.Fatalf("byte %d: a changed byte went through", at)
		}
	}
	if !bytes.Equal(stored(s), before) {
		t.Error("refused statements changed the set")
	}
	if st, err := ParseStatement(raw); err != nil {
		t.Error(err)
	} else if added, err := s.Add(st, epoch); !added || err != nil {
		t.Errorf("the unchanged statement: %v, %v", added, err)
	}
}

// TestSealKeysMoveOn: the highest number wins, and one number with two keys is
// evidence.
func TestSealKeysMoveOn(t *testing.T) {
	jpn := newParty(t, "JPN")
	d, e := newDesk(t, jpn, 1), newDesk(t, jpn, 2)
	first, second := d.announce(t, 1), d.announce(t, 2)
	if err := second.Verify(one, d.cert); err != nil {
		t.Fatal(err)
	}
	if err := second.Verify(one, e.cert); !errors.Is(err, ErrForeign) {
		t.Errorf("Verify under another certificate = %v, want ErrForeign", err)
	}
	if newer, err := second.Supersedes(first); !newer || err != nil {
		t.Errorf("2 supersedes 1 = %v, %v", newer, err)
	}
	if newer, err := first.Supersedes(second); newer || err != nil {
		t.Errorf("1 supersedes 2 = %v, %v", newer, err)
	}
	twin := e.announce(t, 2)
	twin.Desk = d.id
	if _, err := twin.Supersedes(second); !errors.Is(err, ErrEquivocation) {
		t.Errorf("another key under number 2 = %v, want ErrEquivocation", err)
	}
}

func TestGroupID(t *testing.T) {
	a, b, line := ident.Party{1}, ident.Party{2}, ident.Line{3}
	g := GroupID(one, line, []ident.Party{a, b})
	if g != GroupID(one, line, []ident.Party{b, a, b}) {
		t.Error("order or repetition of parties changes the group")
	}
	if g == GroupID(one, line, []ident.Party{a}) || g == GroupID(one, ident.Line{4}, []ident.Party{a, b}) {
		t.Error("two audiences share a group")
	}
}
