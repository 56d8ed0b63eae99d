package roster

import (
	"bytes"
	"cmp"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Roster returns who belongs to the line. It depends on the statements and
// charter versions in the set and on nothing else.
func (s *Set) Roster() *Roster {
	if s.roster == nil {
		s.roster = s.compute()
	}
	return s.roster
}

func (s *Set) compute() *Roster {
	r := &Roster{
		states: make(map[ident.Desk]State), removed: make(map[ident.Desk]Removal),
		roots: make(map[ident.Party][]byte), frozen: make(map[ident.Party]bool), contacts: make(map[ident.Party]Contact),
	}
	all := s.inOrder() // so that ties are settled alike
	reigns := make(map[ident.Party]reign)
	for p := range s.members {
		reigns[p] = s.reign(p, all)
		r.roots[p], r.frozen[p] = reigns[p].root, reigns[p].frozen
	}
	r.takeRemovals(all)
	r.takeNotices(all, reigns)
	best, spare := make(map[ident.Desk]*held), make(map[ident.Desk]*held)
	for _, st := range all {
		if st.Add == nil {
			continue
		}
		desk := st.desk
		r.states[desk] = max(r.states[desk], StateVoid)
		if r.states[desk] == StateRemoved || !s.Belongs(st.Author) || s.contested(st.Statement) || !reigns[st.Author].holds(st) {
			continue
		}
		in := best
		if st.Type == DormantDesk {
			in = spare
		}
		if old, ok := in[desk]; !ok || reigns[st.Author].overrides(st, old) {
			in[desk] = st
		}
	}
	s.activate(r, reigns, all, best, spare)
	for desk, st := range best {
		r.states[desk] = StateIn
		r.entries = append(r.entries, st.entry())
	}
	slices.SortFunc(r.entries, compareEntries)
	slices.SortFunc(r.dormant, compareEntries)
	return r
}

func (st *held) entry() Entry {
	return Entry{st.desk, st.Author, *st.Add, st.Time, st.id}
}

func compareEntries(a, b Entry) int {
	return cmp.Or(ident.Compare(a.Party, b.Party), bytes.Compare(a.Desk[:], b.Desk[:]))
}

// reign is the roots of a party, one after another.
type reign struct {
	seats  []ident.Key // ids, the founding root first
	lists  [][]*held   // rotations by each: one, or several that compete
	root   []byte      // of the last seat
	frozen bool
}

// reign follows a party's rotations. A root that signed two different ones has
// no successor, and freezes the party.
func (s *Set) reign(p ident.Party, all []*held) (r reign) {
	seat := s.members[p][0]
	for {
		r.seats, r.root = append(r.seats, seat.ID), seat.Root
		var by []*held
		for _, st := range all {
			if st.Author == p && st.Rotate != nil && st.Signer == seat.ID {
				by = append(by, st)
			}
		}
		r.lists = append(r.lists, by)
		if len(by) == 0 {
			return r
		}
		for _, other := range by[1:] {
			if !bytes.Equal(octets.Encode(other.Rotate.body), octets.Encode(by[0].Rotate.body)) {
				r.frozen = true
				return r
			}
		}
		seat = Seat{RootID(s.v, by[0].Rotate.Root), by[0].Rotate.Root}
		if slices.Contains(r.seats, seat.ID) {
			return r // a root that rotates to itself, or back
		}
	}
}

// holds reports whether a statement that adds stands after the rotations that
// followed its root: each must list it.
func (r reign) holds(st *held) bool {
	era := len(r.seats)
	for _, e := range st.Endorsements {
		signer := st.Signer
		if e.Warrant != nil {
			signer = e.Warrant.Root
		}
		era = min(era, slices.Index(r.seats, signer))
	}
	if era < 0 {
		return false
	}
	for _, competing := range r.lists[era:] {
		for _, rotation := range competing {
			if _, listed := slices.BinarySearchFunc(rotation.Rotate.Survivors, st.id, ident.Compare[ident.Statement]); !listed {
				return false
			}
		}
	}
	return true
}

// overrides reports whether the addition a counts instead of b, which is about
// the same desk: what names the line goes before what is for all lines, then a
// later root's, then the higher number. Uncontested numbers of one signer and
// scope differ, so this is an order without ties.
func (r reign) overrides(a, b *held) bool {
	if a.Line != b.Line {
		return a.Line != ident.Line{}
	}
	return cmp.Or(cmp.Compare(slices.Index(r.seats, a.Signer), slices.Index(r.seats, b.Signer)), cmp.Compare(a.Number, b.Number)) > 0
}

// takeRemovals notes who is off. A delegate's word counts for the desks whose
// addition, any of them, names it.
func (r *Roster) takeRemovals(all []*held) {
	for _, st := range all {
		if st.Remove == nil {
			continue
		}
		m := Removal{st.Remove.Desk, st.Author, st.Remove.Reason, st.Time, st.id}
		named := slices.ContainsFunc(all, func(add *held) bool {
			return add.Add != nil && add.desk == m.Desk && slices.ContainsFunc(add.Add.Delegates, func(h Holder) bool { return h.Key == st.Signer })
		})
		if st.By == Delegate && !named {
			continue
		}
		if old, ok := r.removed[m.Desk]; !ok || m.before(old) {
			r.removed[m.Desk] = m
		}
		r.states[m.Desk] = StateRemoved
	}
}

// before puts the earlier of two removals of one desk first; the ids break ties.
func (m Removal) before(o Removal) bool {
	return cmp.Or(m.Time.Compare(o.Time), ident.Compare(m.Statement, o.Statement)) < 0
}

// takeNotices finds the suspensions and contact cards that count: the highest
// notice; of one number a suspension before a reopening, then the later one.
// What opens, like what adds, stands after a rotation only if that lists it.
func (r *Roster) takeNotices(all []*held, reigns map[ident.Party]reign) {
	type pair struct{ author, subject ident.Party }
	latest := make(map[pair]*held)
	cards := make(map[ident.Party]*held)
	for _, st := range all {
		if st.Type != SuspendParty && !reigns[st.Author].holds(st) {
			continue
		}
		if st.Contact != nil {
			if old, ok := cards[st.Author]; !ok || cmp.Or(cmp.Compare(st.Contact.Notice, old.Contact.Notice), st.Time.Compare(old.Time)) > 0 {
				cards[st.Author], r.contacts[st.Author] = st, *st.Contact
			}
		}
		if st.Suspend == nil {
			continue
		}
		at := pair{st.Author, st.Suspend.Subject}
		if old, ok := latest[at]; !ok || cmp.Or(cmp.Compare(st.Suspend.Notice, old.Suspend.Notice), cmp.Compare(old.Type, st.Type), st.Time.Compare(old.Time)) > 0 {
			latest[at] = st
		}
	}
	for _, st := range latest {
		if st.Type == SuspendParty {
			r.notices = append(r.notices, Notice{*st.Suspend, st.Author, st.Time})
		}
	}
	slices.SortFunc(r.notices, func(a, b Notice) int {
		return cmp.Or(ident.Compare(a.Author, b.Author), ident.Compare(a.Subject, b.Subject))
	})
}

// activate moves a spare desk that two of its custodians activated, once, to
// the desks that are on. Two activations with different seal keys are two
// copies of one desk, and void both.
func (s *Set) activate(r *Roster, reigns map[ident.Party]reign, all []*held, best, spare map[ident.Desk]*held) {
	for desk, st := range spare {
		if _, on := best[desk]; on {
			continue
		}
		var by []*held
		for _, act := range all {
			if act.Activate == nil || act.desk != desk || act.Author != st.Author || !s.named(act, st) || !reigns[st.Author].holds(act) ||
				act.Activate.SealKey.Verify(s.v, st.Add.Certificate) != nil {
				continue
			}
			if !slices.ContainsFunc(by, func(o *held) bool { return bytes.Equal(o.Activate.SealKey.Public, act.Activate.SealKey.Public) }) {
				by = append(by, act)
			}
		}
		switch len(by) {
		case 0:
			r.states[desk] = StateDormant
			r.dormant = append(r.dormant, st.entry())
		case 1:
			on := st.entry()
			on.SealKey = by[0].Activate.SealKey
			r.entries = append(r.entries, on)
			r.states[desk] = StateIn
		}
	}
}

// named reports whether the dormant desk names both custodians who signed act.
func (s *Set) named(act, dormant *held) bool {
	return !slices.ContainsFunc(act.Endorsements, func(e Endorsement) bool {
		id := KeyID(s.v, e.Warrant.Public)
		return !slices.ContainsFunc(dormant.Add.Custodians, func(h Holder) bool { return h.Key == id })
	})
}
