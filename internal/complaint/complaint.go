// Package complaint is a desk's signed word that a slice of another desk is at
// fault.
//
// A desk that refuses a slice which no honest desk can have made says so to all
// others of the slice's group, so that a lie told to one of them alone is not
// that one's alone to know. What the slice's own signature proves, every reader
// proves again from the bytes ([Kind.Proves]); of the rest a complaint is what
// its maker says, and convicts nobody (docs/spec/complaint.md). What to do with
// one, package exchange decides.
//
// This package is on floor 1, above the formats that a complaint quotes: bytes
// in, values out. It reads no clock and no disk, and gets its cryptography from
// above.
package complaint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
)

// Kind says what is wrong with a slice. The numbers are part of the wire format.
type Kind uint8

const (
	// Garbage: the key in the slice is not the one that its signed part commits
	// to. Only who holds the seal key saw it: it is the complainer's word.
	Garbage Kind = 1
	// Astray: it came sealed to the complainer and is made out to another desk.
	// The signer or that other desk gave its key away; which, nobody can say.
	Astray Kind = 2
	// TwoKeys: two slices of one generation differ in key or predecessor.
	TwoKeys Kind = 3
	// Unattested: the slice holds another key than its signer attests for the
	// same generation.
	Unattested Kind = 4
)

// String is the kind as programs read it.
func (k Kind) String() string {
	switch k {
	case Garbage:
		return "garbage"
	case Astray:
		return "astray"
	case TwoKeys:
		return "two-keys"
	case Unattested:
		return "unattested"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Proves reports whether a complaint of this kind that verifies convicts the
// desk that it is about: that desk signed both of what cannot both be true.
func (k Kind) Proves() bool { return k == TwoKeys || k == Unattested }

const (
	version        = 1
	labelComplaint = "hotline/1/complaint"
	// MaxSize is the longest complaint in any suite: 64 parties, a slice and an
	// attestation quoted, a signature.
	MaxSize = 16 << 10
	// maxQuote is more than the longest attestation, and than any slice.
	maxQuote     = 6 << 10
	maxSignature = 5 << 10
	maxParties   = 64
)

var (
	// ErrMalformed means that bytes are not of this layout.
	ErrMalformed = octets.ErrMalformed
	// ErrUnknown means that a complaint names a desk that is not known, or that
	// is of no party of its audience.
	ErrUnknown = errors.New("complaint about or by a stranger")
	// ErrUnfounded means that a complaint is not signed by its maker, or that
	// what it quotes does not say what it claims.
	ErrUnfounded = errors.New("complaint does not hold")
)

// Suite is what verifies a complaint and all that it quotes.
type Suite interface {
	chain.Suite
	roster.Verifier
}

// Complaint is what one desk says of another's slice.
type Complaint struct {
	By    ident.Desk // who complains
	About ident.Desk // who signed the slice
	Line  ident.Line
	// Parties is the audience of the group, ascending: line and audience give
	// the group, so that a reader needs no list of groups.
	Parties    []ident.Party
	Generation chain.Generation
	Kind       Kind
	Time       time.Time // of the complainer's clock
	Slice      []byte    // signed part of the slice, which shows no key
	Beside     []byte    // what it contradicts: of [TwoKeys] a slice, of [Unattested] an attestation

	signature []byte
}

// Group is the group of the slice.
func (x *Complaint) Group(s Suite) ident.Group { return roster.GroupID(s, x.Line, x.Parties) }

// Sign returns x with its parties in order and the signature of its maker's desk
// key.
func (x Complaint) Sign(s Suite, key chain.Signer) Complaint {
	x.Parties = octets.Sorted(x.Parties, ident.Compare[ident.Party])
	x.signature = key.Sign(labelComplaint, x.unsigned(s))
	return x
}

func (x *Complaint) unsigned(s Suite) []byte {
	return octets.Encode(func(c *octets.Coder) { x.body(c, s) })
}

func (x *Complaint) body(c *octets.Coder, s Suite) {
	v, id, kind := uint8(version), s.ID(), uint8(x.Kind)
	c.Uint8(&v)
	c.Uint8(&id)
	c.Must(v == version && id == s.ID(), "version %d, suite %d", v, id)
	c.Array(x.By[:], x.About[:], x.Line[:])
	c.Must(x.By != x.About, "a complaint about oneself")
	octets.ShortList(c, "parties", &x.Parties, 2, maxParties, ident.Compare[ident.Party], func(p *ident.Party) { c.Array(p[:]) })
	c.Array(x.Generation[:])
	c.Uint8(&kind)
	x.Kind = Kind(kind)
	c.Must(x.Kind >= Garbage && x.Kind <= Unattested, "kind %d", kind)
	c.Time("time", &x.Time)
	c.ShortField("slice", &x.Slice, maxQuote)
	c.ShortField("what it contradicts", &x.Beside, maxQuote)
	c.Must((len(x.Beside) > 0) == x.Kind.Proves(), "what it contradicts, of kind %d", kind)
}

// Bytes is the complaint as it travels.
func (x *Complaint) Bytes(s Suite) []byte { return append(x.unsigned(s), x.signature...) }

// Parse reads what [Complaint.Bytes] wrote and nothing else; [Complaint.Verify]
// is still to come. Errors wrap [ErrMalformed].
func Parse(s Suite, b []byte) (x Complaint, err error) {
	err = octets.Parse("complaint", b, MaxSize, func(c *octets.Coder) {
		x.body(c, s)
		c.Rest("signature", &x.signature, maxSignature)
	})
	return x, err
}

// Desks finds the certificate of a desk that a statement added, removed ones too.
type Desks func(ident.Desk) (roster.Certificate, bool)

// Quotes is what a complaint that verifies shows of its subject's own signing.
type Quotes struct {
	Slice       chain.Slice
	Other       *chain.Slice            // of [TwoKeys]
	Attestation *checkpoint.Attestation // of [Unattested]
}

// Verify checks that the complainer signed x, that the desk complained of signed
// what is quoted, and that this is what x claims. Errors wrap [ErrUnknown] or
// [ErrUnfounded].
func (x *Complaint) Verify(s Suite, desks Desks) (q Quotes, err error) {
	by, err := x.member(desks, x.By)
	if err == nil {
		_, err = x.member(desks, x.About)
	}
	if err != nil {
		return q, err
	}
	if s.VerifyDesk(by.DeskKey, labelComplaint, x.signature, x.unsigned(s)) != nil {
		return q, fmt.Errorf("verify complaint of %v: %w: signature", x.By, ErrUnfounded)
	}
	if q.Slice, err = x.quoted(s, desks, x.Slice); err != nil {
		return q, err
	}
	switch x.Kind {
	case Garbage:
		if x.To() != x.By {
			err = fmt.Errorf("%w: the slice is not the complainer's", ErrUnfounded)
		}
	case Astray:
		if x.To() == x.By || x.To() == x.About {
			err = fmt.Errorf("%w: the slice is nobody else's", ErrUnfounded)
		} else {
			_, err = x.member(desks, x.To())
		}
	case TwoKeys:
		var other chain.Slice
		if other, err = x.quoted(s, desks, x.Beside); err == nil && other.Commitment == q.Slice.Commitment && other.Predecessor == q.Slice.Predecessor {
			err = fmt.Errorf("%w: both slices hold one key", ErrUnfounded)
		}
		q.Other = &other
	case Unattested:
		q.Attestation, err = x.unattested(s, desks, q.Slice)
	}
	return q, err
}

// To is the desk that the quoted slice is made out to.
func (x *Complaint) To() (to ident.Desk) {
	copy(to[:], x.Slice)
	return to
}

// member finds a desk of the audience.
func (x *Complaint) member(desks Desks, d ident.Desk) (roster.Certificate, error) {
	cert, ok := desks(d)
	if !ok || !slices.Contains(x.Parties, cert.Party) {
		return cert, fmt.Errorf("desk %v: %w", d, ErrUnknown)
	}
	return cert, nil
}

// quoted verifies the signed part of a slice, and that x is about it.
func (x *Complaint) quoted(s Suite, desks Desks, proof []byte) (chain.Slice, error) {
	sl, err := chain.VerifySlice(s, proof, func(d ident.Desk) ([]byte, bool) {
		cert, ok := desks(d)
		return cert.MessageKey, ok && d == x.About
	})
	if err == nil && (sl.Group != x.Group(s) || sl.Generation != x.Generation) {
		err = errors.New("it is of another group or generation")
	}
	if err != nil {
		return sl, fmt.Errorf("slice in complaint: %w: %w", ErrUnfounded, err)
	}
	return sl, nil
}

// unattested holds the quoted attestation against the slice.
func (x *Complaint) unattested(s Suite, desks Desks, sl chain.Slice) (*checkpoint.Attestation, error) {
	a, err := checkpoint.ParseAttestation(s, x.Beside)
	if err == nil && (a.Sender != x.About || a.Group != sl.Group || a.Generation != sl.Generation || a.Commitment == sl.Commitment) {
		err = errors.New("it does not contradict the slice")
	}
	if err == nil {
		cert, _ := desks(x.About)
		err = a.Verify(s, cert.DeskKey)
	}
	if err != nil {
		return nil, fmt.Errorf("attestation in complaint: %w: %w", ErrUnfounded, err)
	}
	return &a, nil
}

// Text says in a sentence what the complaint comes to: what is proven as a fact,
// the rest as the complainer's word. name is what people call a desk.
func (x *Complaint) Text(name func(ident.Desk) string) string {
	by, about := name(x.By), name(x.About)
	switch x.Kind {
	case Garbage:
		return fmt.Sprintf("%s says that the sending key which %s sealed to it is not the one that %s signed for.", by, about, about)
	case Astray:
		return fmt.Sprintf("%s says that a sending key of %s, made out to %s, came to it: %s or %s gave it away.", by, about, name(x.To()), about, name(x.To()))
	case TwoKeys:
		return fmt.Sprintf("%s signed two sending keys under one name; %s shows both.", about, by)
	default:
		return fmt.Sprintf("%s signed another sending key for %s than it attests; %s shows both.", about, name(x.To()), by)
	}
}
