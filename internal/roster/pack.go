package roster

import (
	"bytes"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Bounds of lists in files. A file's size is bounded before.
const (
	maxStatements = 1<<16 - 1
	maxSignatures = 16 * MaxMembers // several desks or custodians of each member
)

func statements(c *octets.Coder, p *[]Statement) {
	octets.List(c, "statements", p, 0, maxStatements, compareOrder, func(st *Statement) {
		nested(c, "statement", st, MaxStatement, (*Statement).fields)
	})
}

func offer(c *octets.Coder, o *Offer) {
	nested(c, "charter", &o.Charter, MaxCharter, (*Charter).fields)
	octets.List(c, "charter signatures", &o.Signatures, 0, maxSignatures, compareSignatures, func(s *CharterSignature) { s.fields(c) })
}

// Card is what a party hands out about itself: its root and its statements,
// about desks, delegates and custodians. Its name is only what it calls itself.
// Whose root it is, the pairing ceremony says, or a root that is known already.
type Card struct {
	Name       string
	Root       []byte      // the founding one
	Statements []Statement // by the root's party, for all lines or for one
}

func (x *Card) fields(suite uint8) fields {
	return func(c *octets.Coder) {
		c.Magic(magicCard)
		version(c, "desk card", &suite)
		c.Text("name of the party", &x.Name, MaxName, false)
		rootKey(c, &x.Root)
		statements(c, &x.Statements)
	}
}

// ParseCard reads a card and verifies its statements under its own root.
func ParseCard(v Verifier, b []byte) (c Card, err error) {
	if err = decode("desk card", b, MaxFile, c.fields(v.ID())); err == nil {
		_, err = c.Open(v)
	}
	return c, err
}

// Open verifies the card: its root, or one that it rotated to, signed all of
// it. It returns the party's roster for all its lines.
func (x Card) Open(v Verifier) (*Roster, error) {
	if err := octets.Check(x.fields(v.ID())); err != nil {
		return nil, fmt.Errorf("open desk card: %w", err)
	}
	lines := map[ident.Line][]Statement{{}: nil}
	for _, st := range x.Statements {
		lines[st.Line] = append(lines[st.Line], st)
	}
	var general *Roster
	for line, statements := range lines {
		s, err := NewSet(v, line, []Member{{Party: x.Party(v), Name: x.Name, Root: x.Root}})
		if err == nil {
			err = s.AddHistory(append(statements, lines[ident.Line{}]...))
		}
		if err != nil {
			return nil, fmt.Errorf("open desk card: %w", err)
		}
		if line == (ident.Line{}) {
			general = s.Roster()
		}
	}
	if len(x.Statements) == 0 {
		return nil, fmt.Errorf("open desk card: %w: no statement on it", ErrMalformed)
	}
	return general, nil
}

// Party returns the id of the card's party.
func (x Card) Party(v Verifier) ident.Party { return PartyOf(v, x.Root) }

// Bytes returns the file form of c, with its list in its one order.
func (x Card) Bytes() []byte {
	x.Statements = octets.Sorted(x.Statements, compareOrder)
	suite := uint8(1)
	if len(x.Statements) > 0 {
		suite = x.Statements[0].Suite
	}
	return octets.Encode(x.fields(suite))
}

// Offer is a version of a charter with the signatures that it has so far: what
// a party that proposes it sends to the others, and what they send back.
type Offer struct {
	Charter    Charter
	Signatures []CharterSignature
}

func (x *Offer) fields(c *octets.Coder) { c.Magic(magicOffer); offer(c, x) }

// ParseOffer reads an offer. The charter is checked whole, the signatures only
// in form: see [Set.CheckSignature].
func ParseOffer(v Verifier, b []byte) (o Offer, err error) {
	if err = decode("line offer", b, MaxFile, o.fields); err == nil {
		err = o.Charter.Check(v)
	}
	return o, err
}

// Bytes returns the file form of o, with its list in its one order.
func (x Offer) Bytes() []byte {
	x.Signatures = octets.Sorted(x.Signatures, compareSignatures)
	return octets.Encode(x.fields)
}

// Portions returns o as several offers of the same version, each with some of
// the signatures and, where that can be, no longer than limit.
func (x Offer) Portions(limit int) (out []Offer) {
	for part := (Offer{Charter: x.Charter}); ; {
		n := len(part.Signatures)
		if n == len(x.Signatures) {
			return append(out, part)
		}
		next := Offer{x.Charter, x.Signatures[:n+1]}
		if n > 0 && len(next.Bytes()) > limit {
			out, x.Signatures, next = append(out, part), x.Signatures[n:], Offer{Charter: x.Charter}
		}
		part = next
	}
}

// PartyName is what a party is called here: a local label.
type PartyName struct {
	Party ident.Party
	Name  string
}

func compareNames(a, b PartyName) int { return ident.Compare(a.Party, b.Party) }

// Pack is all that a desk needs to join a line that is open: a desk of its own
// party makes it, and it travels as a file or on a line that both share.
type Pack struct {
	Charter    Charter // the first version
	Signatures []CharterSignature
	Versions   []Offer // the later ones that count, by number
	Statements []Statement
	SealKeys   []Announcement // present ones; may lag behind
	Names      []PartyName
}

func (x *Pack) fields(c *octets.Coder) {
	c.Magic(magicPack)
	first := Offer{x.Charter, x.Signatures}
	offer(c, &first)
	x.Charter, x.Signatures = first.Charter, first.Signatures
	octets.List(c, "versions", &x.Versions, 0, MaxVersions, compareOffers, func(o *Offer) { offer(c, o) })
	statements(c, &x.Statements)
	octets.List(c, "seal keys", &x.SealKeys, 0, maxStatements, compareAnnouncements, func(a *Announcement) { a.fields(c) })
	octets.List(c, "names", &x.Names, 0, MaxMembers, compareNames, func(n *PartyName) {
		c.Array(n.Party[:])
		c.Text("name of a party", &n.Name, MaxName, false)
	})
}

func compareOffers(a, b Offer) int { return bytes.Compare(a.Charter.order(), b.Charter.order()) }

// order is the version, and then the bytes.
func (x Charter) order() []byte {
	return octets.Encode(func(c *octets.Coder) { c.Number("", &x.Version, MaxNumber); x.fields(c) })
}

func compareAnnouncements(a, b Announcement) int { return bytes.Compare(a.Desk[:], b.Desk[:]) }

// Bytes returns the file form of p, with its lists in their one order. Of
// several seal keys of a desk it keeps the newest.
func (x Pack) Bytes() []byte {
	x.Signatures = octets.Sorted(x.Signatures, compareSignatures)
	x.Versions = octets.Sorted(x.Versions, compareOffers)
	x.Statements = octets.Sorted(x.Statements, compareOrder)
	x.SealKeys = slices.Clone(x.SealKeys)
	slices.SortFunc(x.SealKeys, func(a, b Announcement) int { return int(b.Number) - int(a.Number) })
	x.SealKeys = octets.Sorted(x.SealKeys, compareAnnouncements)
	x.Names = octets.Sorted(x.Names, compareNames)
	return octets.Encode(x.fields)
}

// ParsePack reads a pack and checks its form and charter. Nothing in it may be
// used before [Pack.Open].
func ParsePack(v Verifier, b []byte) (p Pack, err error) {
	if err = decode("joining pack", b, MaxFile, p.fields); err == nil {
		err = p.Charter.Check(v)
	}
	return p, err
}

// Open verifies all of p for a desk of the party with that root, and returns
// the line's statements. Every member must have signed the charter with a desk
// that its root certified; the reader's own party, where it founded the line,
// with one that is on the roster now, because that is whose word lets this desk
// in. A party that a later version admitted is held by that version's quorum.
func (x Pack) Open(v Verifier, ownRoot []byte) (*Set, error) {
	s, err := CharterSet(v, x.Charter)
	if err == nil {
		err = x.open(s, PartyOf(v, ownRoot))
	}
	if err != nil {
		return nil, fmt.Errorf("open joining pack: %w", err)
	}
	return s, nil
}

func (x Pack) open(s *Set, own ident.Party) error {
	waits, err := s.Load(x.Versions, x.Statements)
	if err != nil {
		return err
	}
	if waits > 0 {
		return fmt.Errorf("%w: statements of %d strangers", ErrForeign, waits)
	}
	current, _ := s.Current()
	if _, ok := current.Member(own); !ok {
		return fmt.Errorf("%w: own party is no member", ErrForeign)
	}
	if err := x.checkSignatures(s, own); err != nil {
		return err
	}
	for _, a := range x.SealKeys {
		cert, ok := s.Certificate(a.Desk)
		if !ok {
			return fmt.Errorf("%w: seal key of %v", ErrUnknownDesk, a.Desk)
		}
		if err := a.Verify(s.v, cert); err != nil {
			return err
		}
	}
	for _, n := range x.Names {
		if s.members[n.Party] == nil {
			return fmt.Errorf("%w: name for %v", ErrForeign, n.Party)
		}
	}
	return nil
}

// Load takes versions and statements in, of which each may wait for the other:
// a party's statements for the version that admits it. It returns how many
// statements are of no party of the line.
func (s *Set) Load(versions []Offer, statements []Statement) (foreign int, err error) {
	for range len(versions) + 1 {
		known := slices.DeleteFunc(slices.Clone(statements), func(st Statement) bool { return s.members[st.Author] == nil })
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

func (x Pack) checkSignatures(s *Set, own ident.Party) error {
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
		return fmt.Errorf("%w: charter is not signed by %v", ErrSignature, missing)
	}
	return nil
}
