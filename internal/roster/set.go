package roster

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Conflict is evidence: an author signed two different statements under one
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
	members map[ident.Party][]byte // root public keys
	byID    map[ident.Statement]Statement
	bySlot  map[slot][]ident.Statement // sorted
	counts  map[count]int
	certs   map[ident.Desk]Certificate // of every desk ever added
	roster  *Roster                    // nil: compute again
}

// slot is where one statement may stand.
type slot struct {
	scope
	number uint64
}

// scope is what an author's numbers count.
type scope struct {
	author ident.Party
	line   ident.Line
}

type count struct {
	author ident.Party
	typ    Type
}

// NewSet returns an empty set for a line and its members. With the zero line
// it holds only what parties say for all their lines, which is what a desk
// keeps of itself and its peers before they share a line.
func NewSet(v Verifier, line ident.Line, members []Member) (*Set, error) {
	s := &Set{
		v: v, line: line,
		members: make(map[ident.Party][]byte),
		byID:    make(map[ident.Statement]Statement),
		bySlot:  make(map[slot][]ident.Statement),
		counts:  make(map[count]int),
		certs:   make(map[ident.Desk]Certificate),
	}
	for _, m := range members {
		if err := checkSize("root key", m.Root, RootPublicSize); err != nil {
			return nil, fmt.Errorf("make statement set: %w", err)
		}
		if PartyOf(v, m.Root) != m.Party {
			return nil, fmt.Errorf("make statement set: %w: %v is not the hash of its root", ErrForeign, m.Party)
		}
		s.members[m.Party] = bytes.Clone(m.Root)
	}
	return s, nil
}

// CharterSet returns an empty set for the line that the charter founds.
func CharterSet(v Verifier, c Charter) (*Set, error) { return NewSet(v, c.ID(v), c.Members) }

// Line returns the line that the set is for.
func (s *Set) Line() ident.Line { return s.line }

// Len returns how many statements the set holds.
func (s *Set) Len() int { return len(s.byID) }

// Add verifies st and takes it in. It reports whether st was new; adding a
// statement again does nothing.
//
// The error wraps [ErrForeign], [ErrSignature], [ErrExpired], [ErrMalformed],
// [ErrReserved] or [ErrFull] when st is refused; then the set is as before.
// [ErrEquivocation] is different: added is true, the set keeps both statements
// and the error is a [*Conflict]. Additions under a number used twice count no
// more, removals do; so the roster is the same in whatever order they come,
// and the author heals it with a fresh number.
//
// now is this desk's clock: an addition whose certificate has run out, or
// begins later, by more than [ClockSkew] is refused. Pass the zero time for
// history (from the store, a pack, or a peer that heals a difference): there
// the author's signed time alone decides, so that all desks end with one set.
func (s *Set) Add(st Statement, now time.Time) (added bool, err error) {
	if err := s.admit(st, now); err != nil {
		return false, fmt.Errorf("add statement %d of %v: %w", st.Number, st.Author, err)
	}
	id := st.ID(s.v)
	if _, known := s.byID[id]; known {
		return false, nil
	}
	if s.counts[count{st.Author, st.Type}] >= MaxPerAuthor {
		return false, fmt.Errorf("add statement %d of %v: %w", st.Number, st.Author, ErrFull)
	}
	at := slot{scope{st.Author, st.Line}, st.Number}
	ids := append(slices.Clone(s.bySlot[at]), id)
	slices.SortFunc(ids, compareStatements)
	s.byID[id] = st
	s.bySlot[at] = ids
	s.counts[count{st.Author, st.Type}]++
	if st.Add != nil {
		s.certs[st.Add.SealKey.Desk] = st.Add.Certificate
	}
	s.roster = nil
	if len(ids) > 1 {
		return true, &Conflict{First: s.byID[ids[0]], Second: s.byID[ids[1]]}
	}
	return true, nil
}

// admit decides whether st may stand in the set at all. Nothing in here
// depends on what the set already holds: that would make order matter.
func (s *Set) admit(st Statement, now time.Time) error {
	root, ok := s.members[st.Author]
	if !ok {
		return fmt.Errorf("%w: author is not on the line", ErrForeign)
	}
	if st.Line != (ident.Line{}) && st.Line != s.line {
		return fmt.Errorf("%w: statement is for %v", ErrForeign, st.Line)
	}
	if err := st.verify(s.v, root); err != nil {
		return err
	}
	if st.Add != nil && !now.IsZero() && !st.Add.Certificate.ValidAt(now, ClockSkew) {
		return fmt.Errorf("%w: now", ErrExpired)
	}
	return nil
}

// Roster returns who belongs to the line. It depends on the statements in the
// set and on nothing else.
func (s *Set) Roster() *Roster {
	if s.roster == nil {
		s.roster = s.compute()
	}
	return s.roster
}

func (s *Set) compute() *Roster {
	r := &Roster{byDesk: make(map[ident.Desk]int), removed: make(map[ident.Desk]Removal)}
	for id, st := range s.byID {
		if st.Remove == nil {
			continue
		}
		m := Removal{Desk: st.Remove.Desk, Party: st.Author, Reason: st.Remove.Reason, Time: st.Time, Statement: id}
		if old, ok := r.removed[m.Desk]; !ok || m.before(old) {
			r.removed[m.Desk] = m
		}
	}
	best := make(map[ident.Desk]Statement)
	ids := make(map[ident.Desk]ident.Statement)
	for id, st := range s.byID {
		if st.Add == nil || s.contested(st) {
			continue
		}
		desk := st.Add.SealKey.Desk
		if _, gone := r.removed[desk]; gone {
			continue
		}
		if old, ok := best[desk]; !ok || st.overrides(old) {
			best[desk], ids[desk] = st, id
		}
	}
	for desk, st := range best {
		r.entries = append(r.entries, Entry{
			Desk: desk, Party: st.Author, Certificate: st.Add.Certificate, Mailboxes: st.Add.Mailboxes,
			SealKey: st.Add.SealKey, Line: st.Line, Added: st.Time, Statement: ids[desk],
		})
	}
	slices.SortFunc(r.entries, func(a, b Entry) int {
		return cmp.Or(compareParties(a.Party, b.Party), bytes.Compare(a.Desk[:], b.Desk[:]))
	})
	for i, e := range r.entries {
		r.byDesk[e.Desk] = i
	}
	return r
}

// contested reports whether st shares its number with another statement.
func (s *Set) contested(st Statement) bool {
	return len(s.bySlot[slot{scope{st.Author, st.Line}, st.Number}]) > 1
}

// before puts the earlier of two removals of one desk first; the ids break ties.
func (m Removal) before(o Removal) bool {
	return cmp.Or(m.Time.Compare(o.Time), compareStatements(m.Statement, o.Statement)) < 0
}

// overrides reports whether the addition s counts instead of old, which is
// about the same desk: what names the line goes before what is for all lines,
// then the later number. Uncontested numbers of one scope differ, so this is
// an order without ties.
func (s Statement) overrides(old Statement) bool {
	if s.Line != old.Line {
		return s.Line != ident.Line{}
	}
	return s.Number > old.Number
}

// Certificate returns the certificate of a desk that was ever added, also if
// it was removed since: what it signed before still verifies.
func (s *Set) Certificate(desk ident.Desk) (Certificate, bool) {
	c, ok := s.certs[desk]
	return c, ok
}

// NextNumber returns the number for the author's next statement of that scope:
// this set's line, or the zero line for all lines.
func (s *Set) NextNumber(author ident.Party, line ident.Line) uint64 {
	var highest uint64
	for at := range s.bySlot {
		if at.author == author && at.line == line {
			highest = max(highest, at.number)
		}
	}
	return highest + 1
}

// Conflicts lists the evidence in the set: two statements for each number that
// was used more than once.
func (s *Set) Conflicts() []Conflict {
	var out []Conflict
	for _, ids := range s.bySlot {
		if len(ids) > 1 {
			out = append(out, Conflict{First: s.byID[ids[0]], Second: s.byID[ids[1]]})
		}
	}
	slices.SortFunc(out, func(a, b Conflict) int { return compareOrder(a.First, b.First) })
	return out
}

// Digest is the hash of the whole set. Every message carries it, so that a
// desk that lacks a statement is noticed by whoever talks to it.
func (s *Set) Digest() (d [32]byte) {
	ids := make([]ident.Statement, 0, len(s.byID))
	for id := range s.byID {
		ids = append(ids, id)
	}
	return digestOf(s.v, s.line, ids)
}

func digestOf(v Verifier, line ident.Line, ids []ident.Statement) (d [32]byte) {
	slices.SortFunc(ids, compareStatements)
	var all octets.Writer
	for _, id := range ids {
		all.Raw(id[:])
	}
	sum := v.Hash(labelDigest, line[:], all.Bytes())
	copy(d[:], sum[:])
	return d
}

// Statement returns a statement of the set.
func (s *Set) Statement(id ident.Statement) (Statement, bool) {
	st, ok := s.byID[id]
	return st, ok
}

// Clone returns a copy that may grow by itself. It shares the statements.
func (s *Set) Clone() *Set {
	c := *s
	c.byID, c.bySlot = maps.Clone(s.byID), maps.Clone(s.bySlot)
	c.counts, c.certs = maps.Clone(s.counts), maps.Clone(s.certs)
	return &c
}

// Statements lists the set's statements by author, scope and number.
func (s *Set) Statements() []Statement {
	out := make([]Statement, 0, len(s.byID))
	for _, st := range s.byID {
		out = append(out, st)
	}
	slices.SortFunc(out, compareOrder)
	return out
}

// Bytes returns the one spelling of the set: for the store, never for a peer.
func (s *Set) Bytes() []byte {
	var w octets.Writer
	w.Raw([]byte(magicSet))
	w.Raw(s.line[:])
	writeStatements(&w, s.Statements())
	return w.Bytes()
}

// LoadSet reads what [Set.Bytes] wrote for the same line and members, and
// verifies all of it again.
func LoadSet(v Verifier, line ident.Line, members []Member, b []byte) (*Set, error) {
	s, err := NewSet(v, line, members)
	if err != nil {
		return nil, err
	}
	r := octets.NewReader(bytes.Clone(b))
	readMagic(r, magicSet)
	var of ident.Line
	r.Into(of[:])
	statements := readStatements(r)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("load statement set: %w", malformed(err))
	}
	if of != line {
		return nil, fmt.Errorf("load statement set: %w: it is for %v", ErrForeign, of)
	}
	if err := s.addHistory(statements); err != nil {
		return nil, fmt.Errorf("load statement set: %w", err)
	}
	return s, nil
}

// compareOrder sorts statements by author, scope and number, and two under one
// number by their bytes.
func compareOrder(a, b Statement) int {
	c := cmp.Or(compareParties(a.Author, b.Author), bytes.Compare(a.Line[:], b.Line[:]), cmp.Compare(a.Number, b.Number))
	if c != 0 {
		return c
	}
	return bytes.Compare(a.body(), b.body())
}

func compareStatements(a, b ident.Statement) int { return bytes.Compare(a[:], b[:]) }
