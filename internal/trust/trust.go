// Package trust holds the rules by which parties come to share a line: the
// pairing of two parties, the charter that all of them sign, and the desks that
// join and leave.
//
// Nothing here is anybody's word but a signature's. A party is known once its
// root was verified by words that two people said and typed; a line is open
// once every member has signed the same charter, so that nobody owns it; a desk
// belongs to it once its party's root said so. Each of these is one step of the
// desk: written, journalled and shown together, or not at all.
//
// This package is on floor 3. Formats and their verification are packages
// roster's and ceremony's; the desk gives it a way to write and to be heard.
package trust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// Outlet is one step of the desk while it runs.
type Outlet interface {
	Store() *store.Tx
	// Reload reads parties, lines and keys again, for the rest of the desk.
	Reload() error
	// Tell queues a signed message for every other desk of a party.
	Tell(party ident.Party, kind uint8, body []byte) error
	Leaf(kind string, data []byte) error
	Event(kind string, ref []byte) error
	// TakeStatements verifies statements of known parties and keeps them.
	TakeStatements(all []roster.Statement) error
}

// Suite is the cryptography of statements and ceremonies.
type Suite interface {
	roster.Verifier
	ID() uint8
}

// Kinds of control messages. Their numbers are part of the wire format; the
// others are package exchange's.
const (
	KindOffer     uint8 = 1 // roster.Offer: a charter and the signatures so far
	KindSignature uint8 = 2 // roster.CharterSignature
	KindLeave     uint8 = 7 // the sender's desk left the line whose id is the body
	kindStatement uint8 = 3
)

// Kinds of events.
const (
	eventLine    = "line"
	eventDesk    = "desk"
	eventPairing = "pairing"
)

// Self is this desk.
type Self struct {
	Party     ident.Party
	PartyName string
	Root      []byte // public
	Desk      ident.Desk
	DeskName  string
	DeskKey   roster.Signer
}

// Book keeps whom this desk trusts. Its methods are safe for use by several
// goroutines: each runs as one step of the desk.
type Book struct {
	Suite Suite
	Self  Self
	// Persons is how many officers confirm a pairing: 1, or 2.
	Persons int
	// Step runs fn as one step of the desk.
	Step func(ctx context.Context, fn func(o Outlet) error) error
}

// party finds a paired party by name or id.
func party(tx *store.Tx, ref string) (store.Party, error) {
	all, err := tx.Parties()
	if err != nil {
		return store.Party{}, fmt.Errorf("list parties: %w", err)
	}
	for _, p := range all {
		if p.Name == ref || p.ID.String() == ref {
			return p, nil
		}
	}
	return store.Party{}, fault.New(fault.NotFound, "This desk is not paired with %q.", ref).
		WithHint("pair first: hotline pair start %s", ref)
}

// find finds a line by name, id, or a unique beginning of its id.
func find(tx *store.Tx, ref string) (store.Line, error) {
	all, err := tx.Lines()
	if err != nil {
		return store.Line{}, fmt.Errorf("list lines: %w", err)
	}
	return pick(all, ref)
}

// pick chooses the line that is meant: what is written exactly so, else the
// only one that is meant with any dash, else the only one whose id begins so.
func pick(all []store.Line, ref string) (store.Line, error) {
	var alike, begin []store.Line
	for _, l := range all {
		id := l.ID.String()
		switch {
		case l.Name == ref || id == ref:
			return l, nil
		case plain(l.Name) == plain(ref):
			alike = append(alike, l)
		case len(ref) >= 8 && strings.HasPrefix(id, ref):
			begin = append(begin, l)
		}
	}
	if len(alike) == 0 {
		alike = begin
	}
	switch len(alike) {
	case 0:
		return store.Line{}, fault.New(fault.NotFound, "This desk has no line %q.", ref).WithHint("hotline line list shows the lines")
	case 1:
		return alike[0], nil
	}
	return store.Line{}, fault.New(fault.Invalid, "%q fits %d lines.", ref, len(alike)).WithHint("hotline line list shows their ids")
}

// taken reports whether a line has this name already, whatever its dashes: two
// that look alike would be mistaken for one another.
func taken(tx *store.Tx, name string) (bool, error) {
	all, err := tx.Lines()
	if err != nil {
		return false, fmt.Errorf("list lines: %w", err)
	}
	return slices.ContainsFunc(all, func(l store.Line) bool { return plain(l.Name) == plain(name) }), nil
}

// plain makes dashes alike: "JPN–NATO" is hard to type.
func plain(name string) string {
	return strings.NewReplacer("–", "-", "—", "-", "‐", "-").Replace(name)
}

// Line finds a line by name, id, or a unique beginning of its id.
func Line(tx *store.Tx, ref string) (store.Line, error) { return find(tx, ref) }

// lineSet builds the set of a line: the later versions of its charter, and what
// the parties of any of them stated.
func (k *Book) lineSet(tx *store.Tx, c roster.Charter) (*roster.Set, error) {
	set, err := roster.CharterSet(k.Suite, c)
	if err != nil {
		return nil, fmt.Errorf("make set of line: %w", err)
	}
	raw, err := tx.Versions(set.Line())
	if err != nil {
		return nil, fmt.Errorf("list charter versions: %w", err)
	}
	parties, versions := c.Parties(), []roster.Offer(nil)
	for _, b := range raw {
		o, err := roster.ParseOffer(k.Suite, b)
		if err != nil {
			return nil, fmt.Errorf("read charter version: %w", err)
		}
		versions, parties = append(versions, o), append(parties, o.Charter.Parties()...)
	}
	slices.SortFunc(parties, func(a, b ident.Party) int { return slices.Compare(a[:], b[:]) })
	var statements []roster.Statement
	for _, p := range slices.Compact(parties) {
		all, err := tx.Statements(p)
		if err != nil {
			return nil, fmt.Errorf("list statements of %s: %w", p, err)
		}
		for _, b := range all {
			st, err := roster.ParseStatement(b)
			if err != nil {
				return nil, fmt.Errorf("read statement of %s: %w", p, err)
			}
			if st.Line == (ident.Line{}) || st.Line == set.Line() {
				statements = append(statements, st)
			}
		}
	}
	if _, err := joining.Load(set, versions, statements); err != nil {
		return nil, fmt.Errorf("add statements of line: %w", err)
	}
	return set, nil
}

// signatures reads the signatures that a line's charter has here.
func signatures(tx *store.Tx, line ident.Line) ([]roster.CharterSignature, error) {
	raw, err := tx.CharterSignatures(line)
	if err != nil {
		return nil, fmt.Errorf("list charter signatures: %w", err)
	}
	var all []roster.CharterSignature
	for _, b := range raw {
		s, err := roster.ParseCharterSignature(b)
		if err != nil {
			return nil, fmt.Errorf("read charter signature: %w", err)
		}
		all = append(all, s)
	}
	return all, nil
}
