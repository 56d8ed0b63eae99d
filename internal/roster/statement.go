package roster

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Type is the type of a statement. Its numbers are part of the format.
type Type uint8

// The types. [AdmitParty] and [RemoveParty] keep their numbers and are refused
// as statements: parties come and go with a charter version.
const (
	AddDesk      Type = 1 // a desk of the author's belongs to the line
	RemoveDesk   Type = 2 // final
	ContactCard  Type = 3 // how the author is reached at any hour; the highest notice counts
	DormantDesk  Type = 4 // a spare desk, made in advance
	ActivateDesk Type = 5 // two for one desk void both
	SuspendParty Type = 6 // the author sends a party nothing new; the highest notice counts
	ReopenParty  Type = 7 // ends that
	AdmitParty   Type = 8
	RemoveParty  Type = 9
	RotateRoot   Type = 10 // the committed successor takes the root's place
)

// kind is the name of a type of statement, and who may sign it.
type kind struct {
	name string
	by   []Office
}

var kinds = map[Type]kind{
	AddDesk:      {"add desk", []Office{Root}},
	RemoveDesk:   {"remove desk", []Office{Root, Delegate}},
	ContactCard:  {"contact card", []Office{Root, Custodian}},
	DormantDesk:  {"dormant desk", []Office{Root}},
	ActivateDesk: {"activate desk", []Office{Custodian}},
	SuspendParty: {"suspend party", []Office{Root, Delegate}},
	ReopenParty:  {"reopen party", []Office{Root, Custodian}},
	AdmitParty:   {"admit party", nil},
	RemoveParty:  {"remove party", nil},
	RotateRoot:   {"rotate root", []Office{Root}},
}

// String returns the words that officers see, "add desk".
func (t Type) String() string {
	if k, ok := kinds[t]; ok {
		return k.name
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

// Addition is the content of an [AddDesk] or [DormantDesk] statement.
type Addition struct {
	Certificate Certificate
	Mailboxes   []Mailbox    // 1 to [MaxMailboxes], best first
	Delegates   []Holder     // who may remove this desk besides the root: none, or two and more
	Custodians  []Holder     // two of these activate it, if it is dormant: none, or two and more
	SealKey     Announcement // of an AddDesk; a dormant desk has none yet
}

// Cut is the content of a [RemoveDesk] statement. The fingerprint proves that
// the desk is the author's: see [DeskID].
type Cut struct {
	Desk        ident.Desk
	Fingerprint [48]byte // [Certificate.Fingerprint] of the removed desk
	Reason      string   // may be empty
}

// Activation is the content of an [ActivateDesk] statement.
type Activation struct{ SealKey Announcement } // names the desk

// Suspension is the content of a [SuspendParty] or [ReopenParty] statement: the
// author sends the subject nothing new, or again.
type Suspension struct {
	Subject ident.Party // the author itself: nobody sends it anything
	Notice  uint64      // the highest of author and subject counts; a suspension before a reopening
	Reason  string
	Until   time.Time // an announced end, for people, in whole milliseconds; zero: none
}

// Rotation is the content of a [RotateRoot] statement. What adds desks under
// an older root and is not listed is void from then on.
type Rotation struct {
	Root      []byte            // the successor's public key and its own commitment
	Survivors []ident.Statement // additions, dormant desks and activations, rising
	Signature []byte            // by the successor, over its Root and the list
}

// Contact is the content of a [ContactCard] statement: the author's desk that
// answers at any hour, in case the line does not.
type Contact struct {
	Notice             uint64
	Role, Phone, Email string // at least one of phone and mail
	Note               string // hours, languages
}

// Statement is one signed change of who belongs. Exactly one of the contents is
// set, as Type says. Values are not changed after they were made or parsed.
type Statement struct {
	Suite  uint8
	Type   Type
	Line   ident.Line  // zero: every line of the author
	Author ident.Party // whose desks it is about
	By     Office      // who signed it for the author
	Signer ident.Key   // with which key; of two custodians the first
	// Number counts the signer's statements of this scope (one line, or all
	// lines) from 1 without gaps, so that a desk can say what it lacks.
	Number   uint64
	Time     time.Time // the signer's word, whole milliseconds
	Add      *Addition
	Remove   *Cut
	Activate *Activation
	Suspend  *Suspension
	Rotate   *Rotation
	Contact  *Contact

	Endorsements []Endorsement
}

func (s *Statement) body(c *octets.Coder) {
	Version(c, "statement", &s.Suite)
	c.Uint8((*uint8)(&s.Type))
	if k, known := kinds[s.Type]; !known {
		c.Must(false, "statement type %d", uint8(s.Type))
	} else if k.by == nil {
		c.Fail(fmt.Errorf("%w: %q comes with a charter version", ErrReserved, s.Type))
	}
	c.Array(s.Line[:], s.Author[:])
	c.Uint8((*uint8)(&s.By))
	c.Must(slices.Contains(kinds[s.Type].by, s.By), "%q signed by a %v", s.Type, s.By)
	c.Array(s.Signer[:])
	c.Number("statement number", &s.Number, MaxNumber)
	c.Time("time of the statement", &s.Time)
	if c.OK() {
		s.content(c)
	}
}

// content is the one that Type says, and no other.
func (s *Statement) content(c *octets.Coder) {
	t := s.Type
	optional(c, "addition", &s.Add, t == AddDesk || t == DormantDesk, func(a *Addition, c *octets.Coder) { a.fields(c, t == DormantDesk) })
	optional(c, "removal", &s.Remove, t == RemoveDesk, (*Cut).fields)
	optional(c, "activation", &s.Activate, t == ActivateDesk, func(a *Activation, c *octets.Coder) { a.SealKey.fields(c) })
	optional(c, "suspension", &s.Suspend, t == SuspendParty || t == ReopenParty, (*Suspension).fields)
	optional(c, "rotation", &s.Rotate, t == RotateRoot, (*Rotation).fields)
	optional(c, "contact", &s.Contact, t == ContactCard, (*Contact).fields)
}

func (a *Addition) fields(c *octets.Coder, dormant bool) {
	a.Certificate.fields(c)
	octets.List(c, "mailboxes", &a.Mailboxes, 1, MaxMailboxes, nil, func(m *Mailbox) {
		c.Text("relay address", &m.Addr, MaxAddr, false)
		c.Must(!slices.ContainsFunc([]byte(m.Addr), func(b byte) bool { return b <= ' ' || b > '~' }), "relay address %q", m.Addr)
		c.Array(m.Relay[:], m.Box[:])
		c.Key("putter key", &m.Putter, PutterSize)
	})
	for i, m := range a.Mailboxes {
		c.Must(!slices.ContainsFunc(a.Mailboxes[:i], func(o Mailbox) bool { return o.Box == m.Box && o.Relay == m.Relay }), "one mailbox twice")
	}
	office(c, "delegates", &a.Delegates)
	office(c, "custodians", &a.Custodians)
	if !dormant {
		a.SealKey.fields(c)
	}
}

// office is who holds an office. One alone would be a single key that nobody
// may lose.
func office(c *octets.Coder, what string, p *[]Holder) {
	octets.List(c, what, p, 0, MaxHolders, func(a, b Holder) int { return ident.Compare(a.Key, b.Key) }, func(h *Holder) {
		c.Text("name among the "+what, &h.Name, MaxName, false)
		c.Array(h.Key[:])
	})
	c.Must(len(*p) != 1, "one of the %s alone; want none, or two and more", what)
}

func (x *Cut) fields(c *octets.Coder) {
	c.Array(x.Desk[:], x.Fingerprint[:])
	c.Text("reason", &x.Reason, MaxReason, true)
}

func (s *Suspension) fields(c *octets.Coder) {
	c.Array(s.Subject[:])
	c.Number("notice", &s.Notice, MaxNumber)
	c.Text("reason", &s.Reason, MaxReason, true)
	ends := !s.Until.IsZero()
	if c.Flag("end", &ends); ends {
		c.Time("end of the suspension", &s.Until)
	}
}

func (r *Rotation) body(c *octets.Coder) {
	RootKey(c, &r.Root)
	octets.List(c, "survivors", &r.Survivors, 0, 3*MaxPerSigner, ident.Compare[ident.Statement], func(id *ident.Statement) { c.Array(id[:]) })
}

func (r *Rotation) fields(c *octets.Coder) {
	r.body(c)
	c.Key("signature of the successor", &r.Signature, c.Sizes.RootSignature)
}

func (x *Contact) fields(c *octets.Coder) {
	c.Number("notice", &x.Notice, MaxNumber)
	c.Text("role of the contact", &x.Role, MaxContact, true)
	c.Text("phone", &x.Phone, MaxContact, true)
	c.Text("mail address", &x.Email, MaxContact, true)
	c.Text("note", &x.Note, MaxContact, true)
	c.Must(x.Phone != "" || x.Email != "", "a contact without phone and mail")
}

func (s *Statement) fields(c *octets.Coder) {
	s.body(c)
	if c.OK() {
		n := 1
		if s.By == Custodian {
			n = 2
		}
		endorsements(c, s.By, &s.Endorsements, n)
	}
}

// NewStatement checks s's fields and returns it signed by the author's root. A
// zero s.Author is set from the root, which is right until the root rotates.
// Take the number from [Set.NextNumber], or 1 for a root's first statement.
func NewStatement(v Verifier, root Signer, s Statement) (Statement, error) {
	if s.Author == (ident.Party{}) {
		s.Author = PartyOf(v, root.Public())
	}
	s.By, s.Signer = Root, RootID(v, root.Public())
	return s.sign(v, Keeper{Signer: root})
}

// NewStatementBy is [NewStatement] by a delegate, or by two custodians.
func NewStatementBy(v Verifier, s Statement, keepers ...Keeper) (Statement, error) {
	if len(keepers) == 0 {
		return Statement{}, fmt.Errorf("make statement: %w: nobody signs it", ErrMalformed)
	}
	w := keepers[0].Warrant
	s.Author, s.By, s.Signer = w.Party, w.Office, KeyID(v, w.Public)
	return s.sign(v, keepers...)
}

func (s Statement) sign(v Verifier, keepers ...Keeper) (Statement, error) {
	s.Suite, s.Time = v.ID(), wholeMilli(s.Time)
	if err := octets.Check(s.body); err != nil {
		return Statement{}, fmt.Errorf("make statement: %w", err)
	}
	s.Endorsements = nil
	for _, k := range keepers {
		e := Endorsement{Signature: k.Sign(labelStatement, octets.Encode(s.body))}
		if s.By != Root {
			e.Warrant = &k.Warrant
		}
		s.Endorsements = append(s.Endorsements, e)
	}
	if err := octets.Check(s.fields); err != nil {
		return Statement{}, fmt.Errorf("make statement: %w", err)
	}
	return s, nil
}

// NewRotation returns the content of a rotation, signed by the successor, which
// is a [CommittedRoot] when it has named its own successor.
func NewRotation(v Verifier, author ident.Party, successor Signer, survivors []ident.Statement) (r *Rotation, err error) {
	r = &Rotation{Root: successor.Public(), Survivors: octets.Sorted(survivors, ident.Compare[ident.Statement])}
	r.Signature, err = sign("rotate root", successor, labelRotation, r.signed(v.ID(), author))
	return r, err
}

// signed is what the successor signs.
func (r *Rotation) signed(suite uint8, author ident.Party) fields {
	return func(c *octets.Coder) {
		Version(c, "rotation", &suite)
		c.Array(author[:])
		r.body(c)
	}
}

// ParseStatement reads a statement and checks its form, not its signature. A
// reserved type is an error wrapping [ErrReserved].
func ParseStatement(b []byte) (Statement, error) {
	return parse[Statement]("statement", b, MaxStatement)
}

// Bytes returns the one spelling of s.
func (s Statement) Bytes() []byte { return octets.Encode(s.fields) }

// ID returns the id of s: the hash of everything that its author signed. The
// signature is left out, because signing twice gives two signatures.
func (s Statement) ID(v Verifier) ident.Statement {
	return ident.Statement(short(v.Hash(labelStatement, octets.Encode(s.body))))
}

// Desk returns the desk that s is about, if it is about one.
func (s Statement) Desk(v Verifier) (d ident.Desk) {
	switch {
	case s.Add != nil:
		return s.Add.Certificate.ID(v)
	case s.Remove != nil:
		return s.Remove.Desk
	case s.Activate != nil:
		return s.Activate.SealKey.Desk
	}
	return d
}
