// Package roster says who belongs to a line: certificates, signed statements
// and charters as bytes, and the roster as a pure function of them.
//
// Who may read is never a server's word. A party's root signs certificates of
// desks and statements that add or remove them, and gives narrow offices to
// other keys: delegates, who may only remove, and custodians, two of whom
// activate a spare desk and sign charters. Parties sign a charter that makes a
// line, and its later versions. Statements form a set that only grows, and
// [Set.Roster] is a function of that set alone, so that every desk that holds
// the same statements has the same roster in whatever order they came. A
// removal wins over every addition and is final (docs/spec/line.md).
//
// Every layout says its fields once, for writing, reading and checking, and has
// exactly one spelling: what was parsed encodes to the same bytes.
//
// This package is on floor 1: bytes in, values out. It reads no clock and no
// disk, and it gets its cryptography from above through [Verifier] and
// [Signer], which package suite satisfies.
package roster

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Verifier is what this package needs of a suite to check signatures.
// Implementations are safe for use by several goroutines.
type Verifier interface {
	// ID returns the number of the suite.
	ID() uint8
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
	ErrMalformed = octets.ErrMalformed
	// ErrReserved means a type, version, suite or policy that this version
	// reserves and does not have yet.
	ErrReserved = errors.New("reserved for a later version")
	// ErrSignature means that a signature, or the key it names, does not hold.
	ErrSignature = errors.New("signature does not hold")
	// ErrForeign means a statement by a party that is not on the line, about
	// another party's desk, or for another line.
	ErrForeign = errors.New("not this party's, or not this line's")
	// ErrWaiting means a signature under a root that its party has not rotated
	// to, as far as this set knows.
	ErrWaiting = errors.New("signed under a root that is not known yet")
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

// short is the first 32 bytes of a hash: an identifier.
func short(sum [48]byte) [32]byte { return [32]byte(sum[:32]) }

// PartyOf returns the id of the party with that founding root: public key and
// commitment.
func PartyOf(v Verifier, root []byte) ident.Party {
	return ident.Party(short(v.Hash(labelParty, root)))
}

// GroupID returns the id of the group that the parties form on a line: the
// audience of a message. Order and repetition of parties do not matter.
func GroupID(v Verifier, line ident.Line, parties []ident.Party) ident.Group {
	parts := [][]byte{line[:]}
	for _, p := range octets.Sorted(parties, ident.Compare[ident.Party]) {
		parts = append(parts, bytes.Clone(p[:]))
	}
	return ident.Group(short(v.Hash(labelGroup, parts...)))
}

// Entry is one desk of a roster.
type Entry struct {
	Desk      ident.Desk
	Party     ident.Party
	Addition                  // of an activated desk with the seal key of its activation
	Added     time.Time       // the author's word
	Statement ident.Statement // that added it
}

// Removal says when and why a desk was removed. It is final.
type Removal struct {
	Desk      ident.Desk
	Party     ident.Party
	Reason    string
	Time      time.Time // the signer's word
	Statement ident.Statement
}

// Notice is a suspension in force.
type Notice struct {
	Suspension
	Author ident.Party
	Time   time.Time
}

// State is where a desk stands on a line.
type State uint8

// The states.
const (
	StateUnknown State = iota // no statement adds it
	StateIn
	StateVoid    // contested, activated twice, dropped by a rotation, or of a party that left the line
	StateDormant // a spare desk that nobody activated
	StateRemoved // for ever
)

// String returns the word that officers see.
func (s State) String() string { return [...]string{"unknown", "in", "void", "dormant", "removed"}[s] }

// Roster is who belongs to a line, computed from a set of statements. It never
// changes and is safe for use by several goroutines.
type Roster struct {
	entries  []Entry // by party, then desk id
	dormant  []Entry
	states   map[ident.Desk]State
	removed  map[ident.Desk]Removal
	roots    map[ident.Party][]byte
	frozen   map[ident.Party]bool
	notices  []Notice
	contacts map[ident.Party]Contact
}

// Desks lists the desks on the line, by party and then by id.
func (r *Roster) Desks() []Entry { return slices.Clone(r.entries) }

// Dormant lists the spare desks that nobody has activated.
func (r *Roster) Dormant() []Entry { return slices.Clone(r.dormant) }

// Desk returns the entry of a desk that is on the line now.
func (r *Roster) Desk(id ident.Desk) (Entry, bool) {
	i := slices.IndexFunc(r.entries, func(e Entry) bool { return e.Desk == id })
	if i < 0 {
		return Entry{}, false
	}
	return r.entries[i], true
}

// State returns where a desk stands.
func (r *Roster) State(id ident.Desk) State { return r.states[id] }

// Removed returns the removal of a desk. One by the root is known even when
// the desk's addition is not.
func (r *Roster) Removed(id ident.Desk) (Removal, bool) {
	m, ok := r.removed[id]
	return m, ok
}

// DesksOf lists the desks of the given parties: the readers of a group.
func (r *Roster) DesksOf(parties ...ident.Party) []Entry {
	return slices.DeleteFunc(r.Desks(), func(e Entry) bool { return !slices.Contains(parties, e.Party) })
}

// Root returns the root that signs for a party now.
func (r *Roster) Root(p ident.Party) []byte { return bytes.Clone(r.roots[p]) }

// Frozen reports whether two rotations of a party's root compete: until a new
// ceremony it may only remove.
func (r *Roster) Frozen(p ident.Party) bool { return r.frozen[p] }

// Suspensions lists the suspensions in force, by author and subject.
func (r *Roster) Suspensions() []Notice { return slices.Clone(r.notices) }

// Suspended returns why one party sends another nothing new: it suspended the
// other, or the other suspended itself.
func (r *Roster) Suspended(by, subject ident.Party) (Notice, bool) {
	for _, n := range r.notices {
		if n.Subject == subject && (n.Author == by || n.Author == subject) {
			return n, true
		}
	}
	return Notice{}, false
}

// Contact returns how a party is reached when the line is not.
func (r *Roster) Contact(p ident.Party) (Contact, bool) {
	c, ok := r.contacts[p]
	return c, ok
}
