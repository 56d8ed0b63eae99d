package joining

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
)

// PartyName is what a party is called here: a local label.
type PartyName struct {
	Party ident.Party
	Name  string
}

func compareNames(a, b PartyName) int { return ident.Compare(a.Party, b.Party) }

// Pack is all that a desk needs to join a line that is open: a desk of its own
// party makes it, and it travels as a file or on a line that both share.
type Pack struct {
	Charter    roster.Charter // the first version
	Signatures []roster.CharterSignature
	Versions   []roster.Offer // the later ones that count, by number
	Statements []roster.Statement
	SealKeys   []roster.Announcement // present ones; may lag behind
	Names      []PartyName
}

func (x *Pack) fields(c *octets.Coder) {
	c.Magic(magicPack)
	first := roster.Offer{Charter: x.Charter, Signatures: x.Signatures}
	first.Fields(c)
	x.Charter, x.Signatures = first.Charter, first.Signatures
	octets.List(c, "versions", &x.Versions, 0, roster.MaxVersions, compareOffers, func(o *roster.Offer) { o.Fields(c) })
	roster.Statements(c, &x.Statements)
	roster.Announcements(c, &x.SealKeys)
	octets.List(c, "names", &x.Names, 0, roster.MaxMembers, compareNames, func(n *PartyName) {
		c.Array(n.Party[:])
		c.Text("name of a party", &n.Name, roster.MaxName, false)
	})
}

func compareOffers(a, b roster.Offer) int {
	return cmp.Or(cmp.Compare(a.Charter.Version, b.Charter.Version), bytes.Compare(a.Charter.Bytes(), b.Charter.Bytes()))
}

// newestFirst sorts seal keys by desk, and those of one desk from the newest.
func newestFirst(a, b roster.Announcement) int {
	return cmp.Or(ident.Compare(a.Desk, b.Desk), cmp.Compare(b.Number, a.Number))
}

// Bytes returns the file form of p, with its lists in their one order. Of
// several seal keys of a desk it keeps the newest.
func (x Pack) Bytes() []byte {
	x.Signatures = roster.Offer{Signatures: x.Signatures}.InOrder().Signatures
	x.Versions = octets.Sorted(x.Versions, compareOffers)
	x.Statements = octets.Sorted(x.Statements, roster.CompareStatements)
	x.SealKeys = slices.CompactFunc(octets.Sorted(x.SealKeys, newestFirst), func(a, b roster.Announcement) bool { return a.Desk == b.Desk })
	x.Names = octets.Sorted(x.Names, compareNames)
	return octets.Encode(x.fields)
}

// ParsePack reads a pack and checks its form and charter. Nothing in it may be
// used before [Pack.Open].
func ParsePack(v roster.Verifier, b []byte) (p Pack, err error) {
	if err = octets.Parse("joining pack", b, roster.MaxFile, p.fields); err == nil {
		err = p.Charter.Check(v)
	}
	return p, err
}

// Open verifies all of p for a desk of the party with that root, and returns
// the line's statements. Every member must have signed the charter with a desk
// that its root certified; the reader's own party, where it founded the line,
// with one that is on the roster now, because that is whose word lets this desk
// in. A party that a later version admitted is held by that version's quorum.
func (x Pack) Open(v roster.Verifier, ownRoot []byte) (*roster.Set, error) {
	s, err := roster.CharterSet(v, x.Charter)
	if err == nil {
		err = x.open(v, s, roster.PartyOf(v, ownRoot))
	}
	if err != nil {
		return nil, fmt.Errorf("open joining pack: %w", err)
	}
	return s, nil
}

func (x Pack) open(v roster.Verifier, s *roster.Set, own ident.Party) error {
	waits, err := Load(s, x.Versions, x.Statements)
	if err != nil {
		return err
	}
	if waits > 0 {
		return fmt.Errorf("%w: statements of %d strangers", roster.ErrForeign, waits)
	}
	current, _ := s.Current()
	if _, ok := current.Member(own); !ok {
		return fmt.Errorf("%w: own party is no member", roster.ErrForeign)
	}
	if err := x.checkSignatures(s, own); err != nil {
		return err
	}
	for _, a := range x.SealKeys {
		cert, ok := s.Certificate(a.Desk)
		if !ok {
			return fmt.Errorf("%w: seal key of %v", roster.ErrUnknownDesk, a.Desk)
		}
		if err := a.Verify(v, cert); err != nil {
			return err
		}
	}
	for _, n := range x.Names {
		if !s.Holds(n.Party) {
			return fmt.Errorf("%w: name for %v", roster.ErrForeign, n.Party)
		}
	}
	return nil
}

// Load takes versions and statements in, of which each may wait for the other:
// a party's statements for the version that admits it. It returns how many
// statements are of no party of the line.
func Load(s *roster.Set, versions []roster.Offer, statements []roster.Statement) (foreign int, err error) {
	for range len(versions) + 1 {
		known := slices.DeleteFunc(slices.Clone(statements), func(st roster.Statement) bool { return !s.Holds(st.Author) })
		if err := s.AddHistory(known); err != nil {
			return 0, err
		}
		foreign = len(statements) - len(known)
		for _, o := range versions {
			if err := s.TakeVersion(o); err != nil {
				return 0, err
			}
		}
	}
	return foreign, nil
}

func (x Pack) checkSignatures(s *roster.Set, own ident.Party) error {
	missing := x.Charter.Parties()
	for _, sig := range x.Signatures {
		current, err := s.CheckSignature(x.Charter, sig)
		if err != nil {
			return err
		}
		if current || sig.Party != own {
			missing = slices.DeleteFunc(missing, func(m ident.Party) bool { return m == sig.Party })
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: charter is not signed by %v", roster.ErrSignature, missing)
	}
	return nil
}
