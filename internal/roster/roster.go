// Package roster says who belongs to a line: certificates, signed statements
// and charters as bytes, and the roster as a pure function of them.
//
// Who may read is never a server's word. A party's root signs certificates of
// desks and statements that add or remove them; parties sign a charter that
// makes a line. Statements form a set that only grows, and [Set.Roster] is a
// function of that set alone, so that every desk that holds the same
// statements has the same roster in whatever order they came. A removal wins
// over every addition and is final (docs/spec/line.md).
//
// Every layout has exactly one spelling (package octets), so what was parsed
// encodes to the same bytes. Layouts reserve what is to come (delegates,
// dormant desks, suspension, charter versions, rotation) and refuse it until
// it exists.
//
// This package is on floor 1: bytes in, values out. It reads no clock and no
// disk, and it gets its cryptography from above through [Verifier] and
// [Signer], which package suite satisfies.
package roster

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"hotline/internal/ident"
)

// Verifier is what this package needs of a suite to check signatures.
// Implementations are safe for use by several goroutines.
type Verifier interface {
	// Hash returns SHA-384 over the label and the parts, each delimited.
	Hash(label string, parts ...[]byte) [48]byte
	// VerifyRoot checks a signature by a party's root; both halves must hold.
	VerifyRoot(public []byte, label string, signature []byte, parts ...[]byte) error
	// VerifyDesk checks a signature by a desk key; both halves must hold.
	VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error
}

// Signer is a party's root key or a desk key: it signs under a label.
type Signer interface {
	Public() []byte
	Sign(label string, parts ...[]byte) []byte
}

// The errors of this package. Every refusal wraps one of them.
var (
	// ErrMalformed means that bytes or fields are not one of our layouts.
	ErrMalformed = errors.New("malformed trust data")
	// ErrReserved means a type, version, suite or policy that this version
	// reserves and does not have yet.
	ErrReserved = errors.New("reserved for a later version")
	// ErrSignature means that a signature, or the key it names, does not hold.
	ErrSignature = errors.New("signature does not hold")
	// ErrForeign means a statement by a party that is not on the line, about
	// another party's desk, or for another line.
	ErrForeign = errors.New("not this party's, or not this line's")
	// ErrExpired means that a certificate was not valid when its desk was added.
	ErrExpired = errors.New("certificate is not valid at this time")
	// ErrEquivocation means that one author gave one number to two things. It
	// comes inside a [*Conflict], which holds both.
	ErrEquivocation = errors.New("two different things under one number")
	// ErrFull means that an author made more statements than a set keeps.
	ErrFull = errors.New("too many statements of one author")
	// ErrUnknownDesk means a signature by a desk that no statement ever added.
	ErrUnknownDesk = errors.New("unknown desk")
)

// PartyOf returns the id of the party with that root public key.
func PartyOf(v Verifier, rootPublic []byte) (p ident.Party) {
	sum := v.Hash(labelParty, rootPublic)
	copy(p[:], sum[:])
	return p
}

// GroupID returns the id of the group that the parties form on a line: the
// audience of a message. Order and repetition of parties do not matter.
func GroupID(v Verifier, line ident.Line, parties []ident.Party) (g ident.Group) {
	sorted := slices.Clone(parties)
	slices.SortFunc(sorted, compareParties)
	sorted = slices.Compact(sorted)
	parts := make([][]byte, 0, len(sorted)+1)
	parts = append(parts, line[:])
	for i := range sorted {
		parts = append(parts, sorted[i][:])
	}
	sum := v.Hash(labelGroup, parts...)
	copy(g[:], sum[:])
	return g
}

func compareParties(a, b ident.Party) int { return bytes.Compare(a[:], b[:]) }

// Entry is one desk of a roster.
type Entry struct {
	Desk        ident.Desk
	Party       ident.Party
	Certificate Certificate
	Mailboxes   []Mailbox
	SealKey     Announcement    // the first one; later ones travel outside the set
	Line        ident.Line      // scope of the addition: zero for all lines of the party
	Added       time.Time       // the author's word
	Statement   ident.Statement // that added it
}

// Removal says when and why a desk was removed. It is final.
type Removal struct {
	Desk      ident.Desk
	Party     ident.Party
	Reason    string
	Time      time.Time // the author's word
	Statement ident.Statement
}

// Roster is who belongs to a line, computed from a set of statements. It never
// changes and is safe for use by several goroutines.
type Roster struct {
	entries []Entry // by party, then desk id
	byDesk  map[ident.Desk]int
	removed map[ident.Desk]Removal
}

// Desks lists the desks on the line, by party and then by id.
func (r *Roster) Desks() []Entry { return slices.Clone(r.entries) }

// Desk returns the entry of a desk that is on the line now.
func (r *Roster) Desk(id ident.Desk) (Entry, bool) {
	i, ok := r.byDesk[id]
	if !ok {
		return Entry{}, false
	}
	return r.entries[i], true
}

// Removed returns the removal of a desk. A removal is known even when the
// desk's addition is not.
func (r *Roster) Removed(id ident.Desk) (Removal, bool) {
	m, ok := r.removed[id]
	return m, ok
}

// DesksOf lists the desks of the given parties: the readers of a group.
func (r *Roster) DesksOf(parties ...ident.Party) []Entry {
	var out []Entry
	for _, e := range r.entries {
		if slices.Contains(parties, e.Party) {
			out = append(out, e)
		}
	}
	return out
}

// checkText refuses names and sentences that could mislead on a screen:
// control and format characters, broken UTF-8, space at the ends.
func checkText(what, s string, limit int, mayBeEmpty bool) error {
	if s == "" && mayBeEmpty {
		return nil
	}
	if s == "" || len(s) > limit || !utf8.ValidString(s) {
		return fmt.Errorf("%w: %s of %d bytes, want 1 to %d of UTF-8", ErrMalformed, what, len(s), limit)
	}
	for _, c := range s {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || unicode.Is(unicode.Zl, c) || unicode.Is(unicode.Zp, c) {
			return fmt.Errorf("%w: %s holds a control character", ErrMalformed, what)
		}
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		return fmt.Errorf("%w: %s begins with a space", ErrMalformed, what)
	}
	if last, _ := utf8.DecodeLastRuneInString(s); unicode.IsSpace(last) {
		return fmt.Errorf("%w: %s ends with a space", ErrMalformed, what)
	}
	return nil
}

// checkSize refuses a key or signature that is not of its fixed size.
func checkSize(what string, b []byte, want int) error {
	if len(b) != want {
		return fmt.Errorf("%w: %s of %d bytes, want %d", ErrMalformed, what, len(b), want)
	}
	return nil
}
