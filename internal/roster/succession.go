package roster

import (
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// succession is the charter versions of a line as far as they came.
type succession struct {
	first     Charter
	offers    map[ident.Line]Offer // later versions, by hash
	current   Charter
	chain     []ident.Line // hashes of the later versions that count, or compete
	competing []Charter    // successors of current, of which none counts
}

func (t *succession) exist() bool { return t.first.Version > 0 }

// CharterSet returns an empty set for the line whose first charter is c.
func CharterSet(v Verifier, c Charter) (*Set, error) {
	s, err := NewSet(v, c.ID(v), c.Members)
	if err != nil {
		return nil, err
	}
	s.terms = succession{first: c, current: c, offers: make(map[ident.Line]Offer)}
	return s, nil
}

// TakeVersion takes a later version of the charter in, or more signatures under
// one. What has no quorum is kept and does not count; see [Set.Current]. The
// caller bounds how many versions it keeps.
func (s *Set) TakeVersion(o Offer) error {
	if err := o.Charter.Check(s.v); err != nil {
		return err
	}
	if !s.terms.exist() || o.Charter.ID(s.v) != s.line || o.Charter.Version == 1 {
		return ErrForeign
	}
	hash := o.Charter.Hash(s.v)
	held := s.terms.offers[hash]
	s.terms.offers[hash] = Offer{o.Charter, octets.Sorted(append(held.Signatures, o.Signatures...), compareSignatures)}
	s.succeed()
	return nil
}

// Current returns the version of the charter that counts, and its successors
// when there are several: then none of them does, but a party that any of them
// removes is off, until a version names them all. It is a function of the
// statements and versions in the set, whatever their order was.
func (s *Set) Current() (current Charter, competing []Charter) {
	return s.terms.current, s.terms.competing
}

// Chain lists the versions that count, from the first to the current one, and
// those that compete to follow it.
func (s *Set) Chain() []Charter {
	out := []Charter{s.terms.first}
	for _, hash := range s.terms.chain {
		out = append(out, s.terms.offers[hash].Charter)
	}
	return out
}

// Version returns what the set holds of a later version.
func (s *Set) Version(hash ident.Line) Offer { return s.terms.offers[hash] }

// Pending lists versions that do not count yet, because signatures are
// missing, or not any more, because another version came first.
func (s *Set) Pending() (out []Offer) {
	for hash, o := range s.terms.offers {
		if !slices.Contains(s.terms.chain, hash) {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(a, b Offer) int { return ident.Compare(a.Charter.Hash(s.v), b.Charter.Hash(s.v)) })
	return out
}

// succeed walks from the first version to the one that counts.
func (s *Set) succeed() {
	t := &s.terms
	if !t.exist() {
		return
	}
	t.current, t.competing, t.chain = t.first, nil, nil
	defer func() { s.roster = nil }()
	for {
		before := []ident.Line{t.current.Hash(s.v)}
		next := s.successors(t.current.Version+1, before)
		if len(next) > 1 {
			t.competing, before = next, nil
			for _, c := range next {
				before = append(before, c.Hash(s.v))
			}
			before = octets.Sorted(before, ident.Compare[ident.Line])
			t.chain = append(t.chain, before...)
			next = s.successors(t.current.Version+2, before)
		}
		if len(next) != 1 {
			return
		}
		t.current, t.competing = next[0], nil
		t.chain = append(t.chain, next[0].Hash(s.v))
	}
}

// successors lists the versions that name exactly those before them and are
// signed by a quorum of the present members, and by every member that they
// admit.
func (s *Set) successors(version uint64, before []ident.Line) (out []Charter) {
	admitted := func(p ident.Party) bool {
		_, is := s.terms.current.Member(p)
		return !is
	}
	for _, o := range s.terms.offers {
		c := o.Charter
		if c.Version != version || !slices.Equal(c.Previous, before) {
			continue
		}
		missing := s.Unsigned(c, o.Signatures)
		consent := slices.DeleteFunc(c.Parties(), func(p ident.Party) bool { return admitted(p) || slices.Contains(missing, p) })
		if len(consent) < int(s.terms.current.Quorum) {
			continue
		}
		for _, m := range c.Members {
			s.admitMember(m)
		}
		if !slices.ContainsFunc(s.Unsigned(c, o.Signatures), admitted) {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Charter) int { return ident.Compare(a.Hash(s.v), b.Hash(s.v)) })
	return out
}

// Belongs reports whether a party is on the line: a member of the charter that
// counts, and of every version that competes to follow it.
func (s *Set) Belongs(p ident.Party) bool {
	return !s.terms.exist() || !slices.ContainsFunc(append(slices.Clip(s.terms.competing), s.terms.current), func(c Charter) bool {
		_, is := c.Member(p)
		return !is
	})
}
