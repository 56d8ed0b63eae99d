package checkpoint

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Hasher is the part of a suite that hashes.
type Hasher interface {
	ID() uint8
	Hash(label string, parts ...[]byte) [48]byte
}

// Verifier is the part of a suite that checks what a desk key signed.
type Verifier interface {
	Hasher
	VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error
}

// Signer is a desk key.
type Signer interface {
	Sign(label string, parts ...[]byte) []byte
}

const (
	version          = 1
	labelAttestation = "hotline/1/attestation"
	labelVector      = "hotline/1/vector"
	// maxSignature is the longest signature of a desk key in any suite.
	maxSignature = 5 << 10
	// Lanes is how many lanes a sending key has: 0 to 3 by precedence, and one
	// of receipts to a party.
	Lanes = 5
	// Receipts is the lane of receipts.
	Receipts = Lanes - 1
)

var (
	// ErrMalformed means that bytes are not of this layout.
	ErrMalformed = octets.ErrMalformed
	// ErrSignature means that the desk named did not sign this.
	ErrSignature = errors.New("checkpoint is not signed by its desk")
)

// Lane is how far one chain goes, and the running hash there.
type Lane struct {
	Lane    uint8
	Last    uint32 // 0 is never written
	Running [32]byte
}

// Attestation is a desk's long-lived word for its own chains under one sending
// key. It proves every message up to the sequences it names: the running hash
// covers them all.
type Attestation struct {
	Sender     ident.Desk
	Group      ident.Group
	Generation [16]byte
	Commitment [48]byte // of the sending key: desks that got two different keys find it here
	// Before is [Attestation.Hash] of the final attestation of the generation
	// before, or zeros where there is none: generations cannot be exchanged.
	Before [32]byte
	// To is the party whose receipts are attested. Zeros: lanes 0 to 3, for
	// every desk of the group.
	To    ident.Party
	Time  time.Time // of the sender's clock, to the millisecond
	Final bool      // nothing follows under this generation
	Lanes []Lane    // ascending, each once; chains without a message are left out

	signature []byte
}

// Sign returns a with the signature of its sender's desk key.
func (a Attestation) Sign(s Hasher, key Signer) Attestation {
	a.signature = key.Sign(labelAttestation, a.unsigned(s))
	return a
}

// Hash names an attestation. Signing twice gives two signatures and one hash.
func (a Attestation) Hash(s Hasher) [32]byte { return cut(s.Hash(labelAttestation, a.unsigned(s))) }

func (a *Attestation) unsigned(s Hasher) []byte { return encode(s, a.body) }

func (a *Attestation) body(c *octets.Coder, s Hasher) {
	begin(c, s, &a.Sender, &a.Group, &a.Time)
	c.Array(a.Generation[:], a.Commitment[:], a.Before[:], a.To[:])
	c.Flag("end", &a.Final)
	lanes(c, &a.Lanes)
	for _, l := range a.Lanes {
		c.Must((l.Lane == Receipts) == (a.To != ident.Party{}), "lane %d", l.Lane)
	}
}

// Bytes is the attestation as it travels.
func (a Attestation) Bytes(s Hasher) []byte { return append(a.unsigned(s), a.signature...) }

// ParseAttestation reads what [Attestation.Bytes] wrote and nothing else. The
// signature is still to be verified. Errors wrap [ErrMalformed].
func ParseAttestation(s Hasher, b []byte) (a Attestation, err error) {
	a.signature, err = decode(s, b, a.body)
	return a, err
}

// Verify checks the signature with the desk key of a's sender. Errors wrap
// [ErrSignature].
func (a Attestation) Verify(s Verifier, deskKey []byte) error {
	if s.VerifyDesk(deskKey, labelAttestation, a.signature, a.unsigned(s)) != nil {
		return fmt.Errorf("verify attestation of %v: %w", a.Sender, ErrSignature)
	}
	return nil
}

// Contradicts reports whether no honest desk signs both a and b: one place of a
// chain with two running hashes, one generation with two keys or two
// predecessors, or a chain that goes on after its end. Together they convict
// their sender.
func (a Attestation) Contradicts(b Attestation) bool {
	if a.Sender != b.Sender || a.Group != b.Group || a.Generation != b.Generation {
		return false
	}
	if a.Commitment != b.Commitment || a.Before != b.Before {
		return true
	}
	if a.To != b.To {
		return false
	}
	for l := range uint8(Lanes) {
		x, y := At(a.Lanes, l), At(b.Lanes, l)
		if x.Last == y.Last && x.Running != y.Running || a.Final && y.Last > x.Last || b.Final && x.Last > y.Last {
			return true
		}
	}
	return false
}

// At returns a lane of several; one without a message has last sequence 0.
func At(lanes []Lane, n uint8) Lane {
	if i := slices.IndexFunc(lanes, func(l Lane) bool { return l.Lane == n }); i >= 0 {
		return lanes[i]
	}
	return Lane{Lane: n}
}

// encode writes a layout without the signature that follows it.
func encode(s Hasher, body func(*octets.Coder, Hasher)) []byte {
	return octets.Encode(func(c *octets.Coder) { body(c, s) })
}

// decode reads a layout and returns the signature behind it.
func decode(s Hasher, b []byte, body func(*octets.Coder, Hasher)) (signature []byte, err error) {
	err = octets.Decode(b, func(c *octets.Coder) {
		body(c, s)
		c.Rest("signature", &signature, maxSignature)
	})
	return signature, err
}

// begin is what both layouts begin with.
func begin(c *octets.Coder, s Hasher, desk *ident.Desk, group *ident.Group, at *time.Time) {
	c.Fixed("version", version)
	c.Fixed("suite", s.ID())
	c.Array(desk[:], group[:])
	c.Time("time", at)
}

// lanes are those with a message, in their one order.
func lanes(c *octets.Coder, all *[]Lane) {
	ascending := func(a, b Lane) int { return cmp.Compare(a.Lane, b.Lane) }
	octets.ShortList(c, "lanes", all, 0, Lanes, ascending, func(l *Lane) {
		c.Uint8(&l.Lane)
		c.Uint32(&l.Last)
		c.Must(l.Lane < Lanes && l.Last > 0, "lane %d at %d", l.Lane, l.Last)
		c.Array(l.Running[:])
	})
}
