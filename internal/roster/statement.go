package roster

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Type is the type of a statement. Its numbers are part of the format.
type Type uint8

// The types. Only AddDesk and RemoveDesk exist in this version. The others keep
// their numbers and are refused with [ErrReserved]: a desk that does not know
// what a statement means must not count it.
const (
	AddDesk      Type = 1  // by the root: a desk of the author's belongs to the line
	RemoveDesk   Type = 2  // final
	NameDelegate Type = 3  // reserved: a key that may only remove
	DormantDesk  Type = 4  // reserved: a spare desk
	ActivateDesk Type = 5  // reserved: by two custodians
	SuspendParty Type = 6  // reserved
	ReopenParty  Type = 7  // reserved
	AdmitParty   Type = 8  // reserved: by charter version
	RemoveParty  Type = 9  // reserved: by charter version
	RotateRoot   Type = 10 // reserved
)

var typeNames = map[Type]string{
	AddDesk: "add desk", RemoveDesk: "remove desk", NameDelegate: "name delegate",
	DormantDesk: "dormant desk", ActivateDesk: "activate desk", SuspendParty: "suspend party",
	ReopenParty: "reopen party", AdmitParty: "admit party", RemoveParty: "remove party",
	RotateRoot: "rotate root",
}

// String returns the words that officers see, "add desk".
func (t Type) String() string {
	if n, ok := typeNames[t]; ok {
		return n
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Mailbox is a place where a desk is reached.
type Mailbox struct {
	Addr   string      // host:port of the relay
	Relay  ident.Relay // the relay's pinned key
	Box    ident.Mailbox
	Putter []byte // Ed25519 key under which this desk puts at other desks' relays
}

// Addition is the content of an [AddDesk] statement.
type Addition struct {
	Certificate Certificate
	Mailboxes   []Mailbox // 1 to [MaxMailboxes], best first
	SealKey     Announcement
}

// Cut is the content of a [RemoveDesk] statement. The fingerprint proves that
// the desk is the author's: see [DeskID].
type Cut struct {
	Desk        ident.Desk
	Fingerprint [48]byte // [Certificate.Fingerprint] of the removed desk
	Reason      string   // may be empty
}

// Statement is one signed change of who belongs. Exactly one of Add and Remove
// is set, as Type says. Values are not changed after [NewStatement] or
// [ParseStatement] made them.
type Statement struct {
	Type   Type
	Line   ident.Line  // zero: every line of the author
	Author ident.Party // whose desks it is about
	// Number counts the author's statements of this scope (one line, or all
	// lines) from 1 without gaps, so that a desk can say what it lacks.
	Number    uint64
	Time      time.Time // the author's word, whole milliseconds
	Add       *Addition
	Remove    *Cut
	Signature []byte // by the author's root
}

// NewStatement checks s's fields and returns it signed by the author's root.
// s.Author is set from the root's public key. Take the number from
// [Set.NextNumber], or 1 for a party's first statement.
func NewStatement(v Verifier, root Signer, s Statement) (Statement, error) {
	s.Author = PartyOf(v, root.Public())
	s.Time = wholeMilli(s.Time)
	if err := s.check(); err != nil {
		return Statement{}, fmt.Errorf("make statement: %w", err)
	}
	s.Signature = root.Sign(labelStatement, s.body())
	if err := s.Verify(v, root.Public()); err != nil {
		return Statement{}, fmt.Errorf("make statement: %w", err)
	}
	return s, nil
}

// ParseStatement reads a statement and checks its form, not its signature. A
// reserved type is an error wrapping [ErrReserved].
func ParseStatement(b []byte) (Statement, error) {
	if len(b) > MaxStatement {
		return Statement{}, fmt.Errorf("parse statement: %w: %d bytes", ErrMalformed, len(b))
	}
	r := octets.NewReader(bytes.Clone(b))
	s := readStatement(r)
	if err := r.Done(); err != nil {
		return Statement{}, fmt.Errorf("parse statement: %w", malformed(err))
	}
	return s, nil
}

func readStatement(r *octets.Reader) (s Statement) {
	readVersion(r, "statement", statementVersion)
	s.Type = Type(r.Uint8())
	r.Into(s.Line[:])
	r.Into(s.Author[:])
	s.Number = r.Uint64()
	s.Time = readTime(r)
	if r.Err() == nil {
		s.readContent(r)
	}
	s.Signature = r.Raw(RootSignatureSize)
	if r.Err() == nil {
		if err := s.check(); err != nil {
			r.Fail(err)
		}
	}
	return s
}

func (s *Statement) readContent(r *octets.Reader) {
	switch s.Type {
	case AddDesk:
		s.Add = readAddition(r)
	case RemoveDesk:
		m := new(Cut)
		r.Into(m.Desk[:])
		r.Into(m.Fingerprint[:])
		m.Reason = r.String(MaxReason)
		s.Remove = m
	default:
		r.Fail(reservedType(s.Type))
	}
}

func readAddition(r *octets.Reader) *Addition {
	a := &Addition{Certificate: readCertificate(r)}
	n := int(r.Uint8())
	if r.Err() == nil && (n == 0 || n > MaxMailboxes) {
		r.Fail(fmt.Errorf("%w: %d mailboxes", ErrMalformed, n))
	}
	for i := 0; i < n && r.Err() == nil; i++ {
		var m Mailbox
		m.Addr = r.String(MaxAddr)
		r.Into(m.Relay[:])
		r.Into(m.Box[:])
		m.Putter = r.Raw(PutterSize)
		a.Mailboxes = append(a.Mailboxes, m)
	}
	a.SealKey = readAnnouncement(r)
	return a
}

func reservedType(t Type) error {
	if t > RemoveDesk && t <= RotateRoot {
		return fmt.Errorf("%w: statement %q", ErrReserved, t)
	}
	return fmt.Errorf("%w: statement type %d", ErrMalformed, uint8(t))
}

// Bytes returns the one spelling of s.
func (s Statement) Bytes() []byte {
	var w octets.Writer
	w.Raw(s.body())
	w.Raw(s.Signature)
	return w.Bytes()
}

// body is what the root signs.
func (s Statement) body() []byte {
	var w octets.Writer
	writeVersion(&w, statementVersion)
	w.Uint8(uint8(s.Type))
	w.Raw(s.Line[:])
	w.Raw(s.Author[:])
	w.Uint64(s.Number)
	writeTime(&w, s.Time)
	switch {
	case s.Add != nil:
		s.Add.Certificate.write(&w)
		w.Uint8(uint8(len(s.Add.Mailboxes)))
		for _, m := range s.Add.Mailboxes {
			w.String(m.Addr)
			w.Raw(m.Relay[:])
			w.Raw(m.Box[:])
			w.Raw(m.Putter)
		}
		s.Add.SealKey.write(&w)
	case s.Remove != nil:
		w.Raw(s.Remove.Desk[:])
		w.Raw(s.Remove.Fingerprint[:])
		w.String(s.Remove.Reason)
	}
	return w.Bytes()
}

func (s Statement) check() error {
	if s.Number == 0 || s.Number > MaxNumber {
		return fmt.Errorf("%w: statement number %d", ErrMalformed, s.Number)
	}
	if err := checkTime("time of the statement", s.Time); err != nil {
		return err
	}
	switch {
	case s.Type == AddDesk && s.Add != nil && s.Remove == nil:
		return s.Add.check()
	case s.Type == RemoveDesk && s.Remove != nil && s.Add == nil:
		return checkText("reason", s.Remove.Reason, MaxReason, true)
	case s.Type == AddDesk || s.Type == RemoveDesk:
		return fmt.Errorf("%w: content does not fit %q", ErrMalformed, s.Type)
	}
	return reservedType(s.Type)
}

func (a *Addition) check() error {
	if err := a.Certificate.check(); err != nil {
		return err
	}
	if err := checkSize("certificate signature", a.Certificate.Signature, RootSignatureSize); err != nil {
		return err
	}
	if len(a.Mailboxes) == 0 || len(a.Mailboxes) > MaxMailboxes {
		return fmt.Errorf("%w: %d mailboxes", ErrMalformed, len(a.Mailboxes))
	}
	for i, m := range a.Mailboxes {
		if err := checkAddr(m.Addr); err != nil {
			return err
		}
		if err := checkSize("putter key", m.Putter, PutterSize); err != nil {
			return err
		}
		if slices.ContainsFunc(a.Mailboxes[:i], func(o Mailbox) bool { return o.Box == m.Box && o.Relay == m.Relay }) {
			return fmt.Errorf("%w: one mailbox twice", ErrMalformed)
		}
	}
	if err := checkSize("seal key signature", a.SealKey.Signature, DeskSignatureSize); err != nil {
		return err
	}
	return a.SealKey.check()
}

// checkAddr accepts printable ASCII without spaces; whether it is an address
// is for the link to find out.
func checkAddr(addr string) error {
	if addr == "" || len(addr) > MaxAddr {
		return fmt.Errorf("%w: relay address of %d bytes", ErrMalformed, len(addr))
	}
	for _, b := range []byte(addr) {
		if b <= ' ' || b > '~' {
			return fmt.Errorf("%w: relay address holds byte %#x", ErrMalformed, b)
		}
	}
	return nil
}

// ID returns the id of s: the hash of everything that its author signed. The
// signature is left out, because signing twice gives two signatures.
func (s Statement) ID(v Verifier) (id ident.Statement) {
	sum := v.Hash(labelStatement, s.body())
	copy(id[:], sum[:])
	return id
}

// Verify checks every signature in s and that s is about the author's own
// desk. It also checks that a certificate was valid at the time that s itself
// names: all desks come to the same result, whatever their clocks say.
func (s Statement) Verify(v Verifier, rootPublic []byte) error {
	if err := s.verify(v, rootPublic); err != nil {
		return fmt.Errorf("verify statement %d of %v: %w", s.Number, s.Author, err)
	}
	return nil
}

func (s Statement) verify(v Verifier, rootPublic []byte) error {
	if err := s.check(); err != nil {
		return err
	}
	if PartyOf(v, rootPublic) != s.Author {
		return fmt.Errorf("%w: root is another party's", ErrForeign)
	}
	if err := v.VerifyRoot(rootPublic, labelStatement, s.Signature, s.body()); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if s.Remove != nil {
		if DeskID(v, s.Author, s.Remove.Fingerprint) != s.Remove.Desk {
			return fmt.Errorf("%w: removed desk is not the author's", ErrForeign)
		}
		return nil
	}
	c := s.Add.Certificate
	if c.Party != s.Author {
		return fmt.Errorf("%w: added desk is another party's", ErrForeign)
	}
	if err := c.Verify(v, rootPublic); err != nil {
		return err
	}
	if !c.ValidAt(s.Time, 0) {
		return fmt.Errorf("%w: statement of %v", ErrExpired, s.Time)
	}
	return s.Add.SealKey.Verify(v, c)
}
