// Package joining is what parties hand over so that others can meet them on a
// line: a desk card when they pair, and a joining pack for each desk of a line
// that is open.
//
// Both are files that carry statements, charters and seal keys of package
// roster, signed by those who made them. This package adds no signature of its
// own: it opens a file, which means to check that everything in it hangs on the
// root that the reader trusts (docs/spec/line.md, Section 5).
//
// This package is on floor 1, above roster: bytes in, values out. It reads no
// clock and no disk, and gets its cryptography from above.
package joining

import (
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
)

// The first bytes of each file, so that a file in the wrong place is named in
// the error and not taken apart.
const (
	magicCard = "hotline/1 desk card\n"
	magicPack = "hotline/1 joining pack\n"
)

// Card is what a party hands out about itself: its root and its statements,
// about desks, delegates and custodians. Its name is only what it calls itself.
// Whose root it is, the pairing ceremony says, or a root that is known already.
type Card struct {
	Name       string
	Root       []byte             // the founding one
	Statements []roster.Statement // by the root's party, for all lines or for one
}

func (x *Card) fields(suite uint8) func(*octets.Coder) {
	return func(c *octets.Coder) {
		c.Magic(magicCard)
		roster.Version(c, "desk card", &suite)
		c.Text("name of the party", &x.Name, roster.MaxName, false)
		roster.RootKey(c, &x.Root)
		roster.Statements(c, &x.Statements)
	}
}

// ParseCard reads a card and verifies its statements under its own root.
func ParseCard(v roster.Verifier, b []byte) (c Card, err error) {
	if err = octets.Parse("desk card", b, roster.MaxFile, c.fields(v.ID())); err == nil {
		_, err = c.Open(v)
	}
	return c, err
}

// Open verifies the card: its root, or one that it rotated to, signed all of
// it. It returns the party's roster for all its lines.
func (x Card) Open(v roster.Verifier) (*roster.Roster, error) {
	if err := octets.Check(x.fields(v.ID())); err != nil {
		return nil, fmt.Errorf("open desk card: %w", err)
	}
	lines := map[ident.Line][]roster.Statement{{}: nil}
	for _, st := range x.Statements {
		lines[st.Line] = append(lines[st.Line], st)
	}
	var general *roster.Roster
	for line, statements := range lines {
		s, err := roster.NewSet(v, line, []roster.Member{{Party: x.Party(v), Name: x.Name, Root: x.Root}})
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
		return nil, fmt.Errorf("open desk card: %w: no statement on it", roster.ErrMalformed)
	}
	return general, nil
}

// Party returns the id of the card's party.
func (x Card) Party(v roster.Verifier) ident.Party { return roster.PartyOf(v, x.Root) }

// Bytes returns the file form of c, with its list in its one order.
func (x Card) Bytes() []byte {
	x.Statements = octets.Sorted(x.Statements, roster.CompareStatements)
	suite := uint8(1)
	if len(x.Statements) > 0 {
		suite = x.Statements[0].Suite
	}
	return octets.Encode(x.fields(suite))
}
