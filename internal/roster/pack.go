package roster

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Card is what a party hands out about itself: its root and the statements
// about its desks. Its name is only what it calls itself. Whose root it is,
// the pairing ceremony says, or a root that is known already.
type Card struct {
	Name       string
	Root       []byte
	Statements []Statement // by the root's party, for all lines or for one
}

// ParseCard reads a card and verifies its statements under its own root.
func ParseCard(v Verifier, b []byte) (Card, error) {
	c, err := parseCard(b)
	if err == nil {
		err = c.Verify(v)
	}
	if err != nil {
		return Card{}, fmt.Errorf("parse desk card: %w", err)
	}
	return c, nil
}

func parseCard(b []byte) (c Card, err error) {
	if len(b) > MaxFile {
		return c, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	r := octets.NewReader(bytes.Clone(b))
	readMagic(r, magicCard)
	c.Name = r.String(MaxName)
	c.Root = r.Raw(RootPublicSize)
	c.Statements = readStatements(r)
	if err := r.Done(); err != nil {
		return Card{}, malformed(err)
	}
	return c, nil
}

// Verify checks that the card is whole and that its root signed everything in it.
func (c Card) Verify(v Verifier) error {
	if err := checkText("name of the party", c.Name, MaxName, false); err != nil {
		return err
	}
	if err := checkSize("root key", c.Root, RootPublicSize); err != nil {
		return err
	}
	if len(c.Statements) == 0 || len(c.Statements) > 2*MaxPerAuthor {
		return fmt.Errorf("%w: %d statements on a card", ErrMalformed, len(c.Statements))
	}
	for _, st := range c.Statements {
		if err := st.Verify(v, c.Root); err != nil {
			return err
		}
	}
	return nil
}

// Party returns the id of the card's party.
func (c Card) Party(v Verifier) ident.Party { return PartyOf(v, c.Root) }

// Bytes returns the file form of c: statements by number, each once.
func (c Card) Bytes() []byte {
	var w octets.Writer
	w.Raw([]byte(magicCard))
	w.String(c.Name)
	w.Raw(c.Root)
	writeStatements(&w, c.Statements)
	return w.Bytes()
}

// Offer is a charter with the signatures that it has so far: what a party that
// proposes a line sends to the others, and what they send back.
type Offer struct {
	Charter    Charter
	Signatures []CharterSignature
}

// ParseOffer reads an offer. The charter is checked whole, the signatures only
// in form: see [Set.CheckSignature].
func ParseOffer(v Verifier, b []byte) (Offer, error) {
	if len(b) > MaxFile {
		return Offer{}, fmt.Errorf("parse line offer: %w: %d bytes", ErrMalformed, len(b))
	}
	r := octets.NewReader(bytes.Clone(b))
	readMagic(r, magicOffer)
	o := Offer{Charter: readWrappedCharter(r), Signatures: readSignatures(r)}
	if err := r.Done(); err != nil {
		return Offer{}, fmt.Errorf("parse line offer: %w", malformed(err))
	}
	if err := o.Charter.Check(v); err != nil {
		return Offer{}, fmt.Errorf("parse line offer: %w", err)
	}
	return o, nil
}

// Bytes returns the file form of o: signatures by desk, one each.
func (o Offer) Bytes() []byte {
	var w octets.Writer
	w.Raw([]byte(magicOffer))
	w.Var32(o.Charter.Bytes())
	writeSignatures(&w, o.Signatures)
	return w.Bytes()
}

// PartyName is what a party is called here: a local label.
type PartyName struct {
	Party ident.Party
	Name  string
}

// Pack is all that a desk needs to join a line that is open: a desk of its own
// party makes it, and it travels as a file or on a line that both share.
type Pack struct {
	Charter    Charter
	Signatures []CharterSignature
	Statements []Statement
	SealKeys   []Announcement // present ones; may lag behind
	Names      []PartyName
}

// Bytes returns the file form of p, with its lists in their one order.
func (p Pack) Bytes() []byte {
	var w octets.Writer
	w.Raw([]byte(magicPack))
	w.Var32(p.Charter.Bytes())
	writeSignatures(&w, p.Signatures)
	writeStatements(&w, p.Statements)
	keys := slices.Clone(p.SealKeys)
	slices.SortFunc(keys, compareAnnouncements)
	keys = slices.CompactFunc(keys, func(a, b Announcement) bool { return a.Desk == b.Desk })
	w.Uint32(uint32(len(keys)))
	for _, a := range keys {
		a.write(&w)
	}
	names := slices.Clone(p.Names)
	slices.SortFunc(names, func(a, b PartyName) int { return compareParties(a.Party, b.Party) })
	w.Uint8(uint8(len(names)))
	for _, n := range names {
		w.Raw(n.Party[:])
		w.String(n.Name)
	}
	return w.Bytes()
}

// ParsePack reads a pack and checks its form and charter. Nothing in it may be
// used before [Pack.Open].
func ParsePack(v Verifier, b []byte) (Pack, error) {
	if len(b) > MaxFile {
		return Pack{}, fmt.Errorf("parse joining pack: %w: %d bytes", ErrMalformed, len(b))
	}
	r := octets.NewReader(bytes.Clone(b))
	readMagic(r, magicPack)
	p := Pack{Charter: readWrappedCharter(r), Signatures: readSignatures(r), Statements: readStatements(r)}
	p.readSealKeys(r)
	for n := readCount(r, "names", MaxMembers); n > 0 && r.Err() == nil; n-- {
		var name PartyName
		r.Into(name.Party[:])
		name.Name = r.String(MaxName)
		if k := len(p.Names); k > 0 && r.Err() == nil && compareParties(p.Names[k-1].Party, name.Party) >= 0 {
			r.Fail(fmt.Errorf("%w: names are not in order", ErrMalformed))
		}
		p.Names = append(p.Names, name)
	}
	if err := r.Done(); err != nil {
		return Pack{}, fmt.Errorf("parse joining pack: %w", malformed(err))
	}
	if err := p.Charter.Check(v); err != nil {
		return Pack{}, fmt.Errorf("parse joining pack: %w", err)
	}
	return p, nil
}

func (p *Pack) readSealKeys(r *octets.Reader) {
	for n := readMany(r, "seal keys", MaxMembers*MaxPerAuthor); n > 0 && r.Err() == nil; n-- {
		a := readAnnouncement(r)
		if k := len(p.SealKeys); k > 0 && r.Err() == nil && bytes.Compare(p.SealKeys[k-1].Desk[:], a.Desk[:]) >= 0 {
			r.Fail(fmt.Errorf("%w: seal keys are not in order", ErrMalformed))
		}
		p.SealKeys = append(p.SealKeys, a)
	}
}

// Open verifies all of p for a desk of the party with that root, and returns
// the line's statements. Every member must have signed the charter with a desk
// that its root certified; the reader's own party with one that is on the
// roster now, because that is whose word lets this desk in.
func (p Pack) Open(v Verifier, ownRoot []byte) (*Set, error) {
	s, err := CharterSet(v, p.Charter)
	if err != nil {
		return nil, fmt.Errorf("open joining pack: %w", err)
	}
	own := PartyOf(v, ownRoot)
	if _, ok := p.Charter.Member(own); !ok {
		return nil, fmt.Errorf("open joining pack: %w: own party is no member", ErrForeign)
	}
	if err := s.addHistory(p.Statements); err != nil {
		return nil, fmt.Errorf("open joining pack: %w", err)
	}
	if err := p.checkSignatures(s, own); err != nil {
		return nil, fmt.Errorf("open joining pack: %w", err)
	}
	for _, a := range p.SealKeys {
		cert, ok := s.Certificate(a.Desk)
		if !ok {
			return nil, fmt.Errorf("open joining pack: %w: seal key of %v", ErrUnknownDesk, a.Desk)
		}
		if err := a.Verify(v, cert); err != nil {
			return nil, fmt.Errorf("open joining pack: %w", err)
		}
	}
	for _, n := range p.Names {
		if err := checkText("name of a party", n.Name, MaxName, false); err != nil {
			return nil, fmt.Errorf("open joining pack: %w", err)
		}
		if _, ok := p.Charter.Member(n.Party); !ok {
			return nil, fmt.Errorf("open joining pack: %w: name for %v", ErrForeign, n.Party)
		}
	}
	return s, nil
}

func (p Pack) checkSignatures(s *Set, own ident.Party) error {
	missing := p.Charter.Parties()
	for _, sig := range p.Signatures {
		current, err := s.CheckSignature(p.Charter, sig)
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

// addHistory adds statements whose time has been judged before. A conflict is
// part of history; everything else that is refused is an error.
func (s *Set) addHistory(statements []Statement) error {
	for _, st := range statements {
		if _, err := s.Add(st, time.Time{}); err != nil && !errors.Is(err, ErrEquivocation) {
			return err
		}
	}
	return nil
}
