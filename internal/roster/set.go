package roster

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Conflict is evidence: one key signed two different statements under one
// number. Anybody who holds the author's root can check it.
type Conflict struct{ First, Second Statement }

// Error says who did it.
func (c *Conflict) Error() string {
	return fmt.Sprintf("%v signed two different statements number %d", c.First.Author, c.First.Number)
}

// Unwrap returns [ErrEquivocation].
func (c *Conflict) Unwrap() error { return ErrEquivocation }

// Set is the statements that a desk holds for one line. It only grows. It is
// not safe for use by several goroutines; the [Roster] it returns is.
type Set struct {
	v       Verifier
	line    ident.Line
	terms   succession             // zero: a set without a charter
	members map[ident.Party][]Seat // roots that verified: the founding one and its successors
	byID    map[ident.Statement]*held
	bySlot  map[slot][]ident.Statement // sorted
	counts  map[count]int
	certs   map[ident.Desk]Certificate // of every desk ever added
	roster  *Roster                    // nil: compute again
}

// Seat is a root that a party's statements may be signed with.
type Seat struct {
	ID   ident.Key
	Root []byte // public key, and the commitment to the successor
}

// held is a statement in a set. It never changes.
type held struct {
	Statement
	id   ident.Statement
	desk ident.Desk // that it is about
}

// slot is where one statement may stand.
type slot struct {
	scope
	number uint64
}

// scope is what a signer's numbers count.
type scope struct {
	author ident.Party
	signer ident.Key
	line   ident.Line
}

type count struct {
	signer ident.Key
	typ    Type
}

// NewSet returns an empty set for a line and its members. With the zero line
// it holds only what parties say for all their lines, which is what a desk
// keeps of itself and its peers before they share a line.
func NewSet(v Verifier, line ident.Line, members []Member) (*Set, error) {
	s := &Set{
		v: v, line: line,
		members: make(map[ident.Party][]Seat),
		byID:    make(map[ident.Statement]*held),
		bySlot:  make(map[slot][]ident.Statement),
		counts:  make(map[count]int),
		certs:   make(map[ident.Desk]Certificate),
	}
	for _, m := range members {
		if err := m.check(v); err != nil {
			return nil, fmt.Errorf("make statement set: %w", err)
		}
		s.admitMember(m)
	}
	return s, nil
}

func (s *Set) admitMember(m Member) {
	if s.members[m.Party] == nil {
		s.members[m.Party] = []Seat{{RootID(s.v, m.Root), bytes.Clone(m.Root)}}
	}
}

// Holds reports whether the set takes in statements of a party: one of any
// version of the charter.
func (s *Set) Holds(p ident.Party) bool { return s.members[p] != nil }

// Line returns the line that the set is for.
func (s *Set) Line() ident.Line { return s.line }

// Add verifies st and takes it in. It reports whether st was new; adding a
// statement again does nothing.
//
// The error wraps [ErrForeign], [ErrSignature], [ErrExpired], [ErrMalformed],
// [ErrReserved] or [ErrFull] when st is refused; then the set is as before.
// Two errors are different. [ErrWaiting]: it is signed under a root whose
// rotation has not come; nobody can say yet whether it holds, and the caller may
// try it again behind a rotation. [ErrEquivocation]: added is true, the set keeps both statements and the error
// is a [*Conflict]. What adds under a number used twice counts no more, what
// removes does; so the roster is the same in whatever order they come, and the
// signer heals it with a fresh number.
//
// now is this desk's clock: an addition whose certificate has run out, or
// begins later, by more than [ClockSkew] is refused. Pass the zero time for
// history (from the store, a pack, or a peer that heals a difference): there
// the author's signed time alone decides, so that all desks end with one set.
func (s *Set) Add(st Statement, now time.Time) (added bool, err error) {
	id := st.ID(s.v)
	if _, known := s.byID[id]; known {
		return false, nil
	}
	if err := s.admit(st, now); err != nil {
		return false, fmt.Errorf("add statement %d of %v: %w", st.Number, st.Author, err)
	}
	if s.counts[count{st.Signer, st.Type}] >= MaxPerSigner {
		return false, fmt.Errorf("add statement %d of %v: %w", st.Number, st.Author, ErrFull)
	}
	at := slot{scope{st.Author, st.Signer, st.Line}, st.Number}
	ids := octets.Sorted(append(s.bySlot[at], id), ident.Compare[ident.Statement])
	in := &held{st, id, st.Desk(s.v)}
	s.byID[id], s.bySlot[at], s.roster = in, ids, nil
	s.counts[count{st.Signer, st.Type}]++
	if st.Add != nil {
		s.certs[in.desk] = st.Add.Certificate
	}
	if st.Rotate != nil {
		s.seat(st)
	}
	if len(ids) > 1 {
		return true, &Conflict{First: s.byID[ids[0]].Statement, Second: s.byID[ids[1]].Statement}
	}
	return true, nil
}

// seat lets the root that st names sign.
func (s *Set) seat(st Statement) {
	next := Seat{RootID(s.v, st.Rotate.Root), st.Rotate.Root}
	if !slices.ContainsFunc(s.members[st.Author], func(o Seat) bool { return bytes.Equal(o.Root, next.Root) }) {
		s.members[st.Author] = append(slices.Clip(s.members[st.Author]), next)
		s.succeed() // custodians of this root may have signed a version
	}
}

// admit decides whether st may stand in the set at all. But for the roots that
// may sign, nothing in here depends on what the set already holds: that would
// make order matter.
func (s *Set) admit(st Statement, now time.Time) error {
	if _, ok := s.members[st.Author]; !ok {
		return fmt.Errorf("%w: author is not on the line", ErrForeign)
	}
	if st.Line != (ident.Line{}) && st.Line != s.line {
		return fmt.Errorf("%w: statement is for %v", ErrForeign, st.Line)
	}
	if err := octets.Check(st.fields); err != nil {
		return err
	}
	root, err := s.checkSigners(st)
	if err != nil {
		return err
	}
	switch {
	case st.Add != nil:
		return s.checkAddition(st, root, now)
	case st.Remove != nil && DeskID(s.v, st.Author, st.Remove.Fingerprint) != st.Remove.Desk:
		return fmt.Errorf("%w: removed desk is not the author's", ErrForeign)
	case st.Rotate != nil:
		return s.checkRotation(st, root)
	}
	return nil
}

// checkSigners checks that the author's root signed st, which it returns, or an
// office that it warranted.
func (s *Set) checkSigners(st Statement) (root []byte, err error) {
	if st.By == Root {
		if root, err = s.root(st.Author, st.Signer); err != nil {
			return nil, err
		}
		return root, verifyRoot(s.v, root, labelStatement, st.Suite, st.Endorsements[0].Signature, st.body)
	}
	for i, e := range st.Endorsements {
		if err := s.CheckWarrant(*e.Warrant, st.Author, st.By); err != nil {
			return nil, err
		}
		id := KeyID(s.v, e.Warrant.Public)
		if i == 0 && id != st.Signer || i > 0 && id == st.Signer {
			return nil, fmt.Errorf("%w: signed by another key than it names, or twice by one", ErrForeign)
		}
		if err := verifyDesk(s.v, e.Warrant.Public, labelStatement, st.Suite, e.Signature, st.body); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// CheckWarrant checks that a root of the party's gave its key that office.
func (s *Set) CheckWarrant(w Warrant, party ident.Party, office Office) error {
	if w.Party != party || w.Office != office {
		return fmt.Errorf("%w: warrant of another party or office", ErrForeign)
	}
	root, err := s.root(party, w.Root)
	if err != nil {
		return err
	}
	return verifyRoot(s.v, root, labelWarrant, w.Suite, w.Signature, w.body)
}

// root returns a root of the party's by its id.
func (s *Set) root(party ident.Party, id ident.Key) ([]byte, error) {
	for _, seat := range s.members[party] {
		if seat.ID == id {
			return seat.Root, nil
		}
	}
	return nil, fmt.Errorf("%w: root %v", ErrWaiting, id)
}

// checkAddition checks that the desk is the author's, by the root that signed
// the statement, and that its first seal key is its own.
func (s *Set) checkAddition(st Statement, root []byte, now time.Time) error {
	c := st.Add.Certificate
	switch {
	case c.Party != st.Author:
		return fmt.Errorf("%w: added desk is another party's", ErrForeign)
	case !c.ValidAt(st.Time, 0):
		return fmt.Errorf("%w: statement of %v", ErrExpired, st.Time)
	case !now.IsZero() && !c.ValidAt(now, ClockSkew):
		return fmt.Errorf("%w: now", ErrExpired)
	}
	if err := verifyRoot(s.v, root, labelCertificate, c.Suite, c.Signature, c.body); err != nil || st.Type == DormantDesk {
		return err
	}
	return st.Add.SealKey.Verify(s.v, c)
}

// checkRotation checks that the successor is the one that the root committed
// to, and that it agreed.
func (s *Set) checkRotation(st Statement, root []byte) error {
	r := st.Rotate
	committed := Commitment(s.v, r.Root)
	if !bytes.Equal(root[len(publicOf(s.v, root)):], committed[:]) {
		return fmt.Errorf("%w: not the successor that the root committed to", ErrForeign)
	}
	return verifyRoot(s.v, r.Root, labelRotation, st.Suite, r.Signature, r.signed(st.Suite, st.Author))
}

// Certificate returns the certificate of a desk that was ever added, also if
// it was removed since: what it signed before still verifies.
func (s *Set) Certificate(desk ident.Desk) (Certificate, bool) {
	c, ok := s.certs[desk]
	return c, ok
}

// NextNumber returns the number for a signer's next statement of that scope:
// this set's line, or the zero line for all lines.
func (s *Set) NextNumber(author ident.Party, signer ident.Key, line ident.Line) uint64 {
	var highest uint64
	for at := range s.bySlot {
		if at.scope == (scope{author, signer, line}) {
			highest = max(highest, at.number)
		}
	}
	return highest + 1
}

// contested reports whether st shares its number with another statement.
func (s *Set) contested(st Statement) bool {
	return len(s.bySlot[slot{scope{st.Author, st.Signer, st.Line}, st.Number}]) > 1
}

// Digest is the hash of the whole set, and of the line's charter versions.
// Every message carries it, so that a desk that lacks a statement is noticed by
// whoever talks to it.
func (s *Set) Digest() (d [32]byte) {
	ids := slices.Collect(maps.Keys(s.byID))
	for _, hash := range s.terms.chain {
		ids = append(ids, ident.Statement(hash))
	}
	return digestOf(s.v, s.line, ids)
}

func digestOf(v Verifier, line ident.Line, ids []ident.Statement) [32]byte {
	var all bytes.Buffer
	for _, id := range octets.Sorted(ids, ident.Compare[ident.Statement]) {
		all.Write(id[:])
	}
	return short(v.Hash(labelDigest, line[:], all.Bytes()))
}

// Statements lists the set's statements by author, signer, scope and number.
func (s *Set) Statements() []Statement {
	out := make([]Statement, 0, len(s.byID))
	for _, h := range s.inOrder() {
		out = append(out, h.Statement)
	}
	return out
}

func (s *Set) inOrder() []*held {
	return slices.SortedFunc(maps.Values(s.byID), func(a, b *held) int { return CompareStatements(a.Statement, b.Statement) })
}

// Statement returns a statement of the set.
func (s *Set) Statement(id ident.Statement) (st Statement, ok bool) {
	if h := s.byID[id]; h != nil {
		return h.Statement, true
	}
	return st, false
}

// Clone returns a copy that may grow by itself. It shares the statements.
func (s *Set) Clone() *Set {
	c := *s
	c.byID, c.bySlot = maps.Clone(s.byID), maps.Clone(s.bySlot)
	c.counts, c.certs = maps.Clone(s.counts), maps.Clone(s.certs)
	c.members = maps.Clone(s.members)
	c.terms.offers = maps.Clone(s.terms.offers)
	return &c
}

// AddHistory adds statements whose time has been judged before, in whatever
// order. A conflict is part of history; everything else that is refused is an
// error.
func (s *Set) AddHistory(statements []Statement) error {
	for len(statements) > 0 {
		var waiting []Statement
		for _, st := range statements {
			if _, err := s.Add(st, time.Time{}); errors.Is(err, ErrWaiting) {
				waiting = append(waiting, st)
			} else if err != nil && !errors.Is(err, ErrEquivocation) {
				return err
			}
		}
		if len(waiting) == len(statements) {
			return fmt.Errorf("%w: %d statements", ErrWaiting, len(waiting))
		}
		statements = waiting
	}
	return nil
}

// CompareStatements sorts statements by author, signer, scope and number, and two
// under one number by their bytes.
func CompareStatements(a, b Statement) int {
	c := cmp.Or(ident.Compare(a.Author, b.Author), ident.Compare(a.Signer, b.Signer), bytes.Compare(a.Line[:], b.Line[:]), cmp.Compare(a.Number, b.Number))
	if c != 0 {
		return c
	}
	return bytes.Compare(octets.Encode(a.body), octets.Encode(b.body))
}
