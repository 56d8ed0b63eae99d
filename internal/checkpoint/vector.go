package checkpoint

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// MaxChains bounds the senders of a vector: a line has fewer desks.
const MaxChains = 1024

// Chain is what a desk holds, attested, of one sender: its newest generation.
// Before stands for all generations before it.
type Chain struct {
	Sender     ident.Desk
	Generation [16]byte
	Before     [32]byte
	Lanes      []Lane // 0 to 3; receipts are their reader's alone
}

// Vector is what one desk holds, attested, of everybody in a group, itself
// included. Two desks that hold the same have the same [Vector.Digest].
type Vector struct {
	Holder  ident.Desk
	Group   ident.Group
	Time    time.Time
	Answers [32]byte // hash of the vector that this one answers, or zeros
	Chains  []Chain  // ascending by sender, each once

	signature []byte
}

// Digest is the same for all desks that hold the same chains, whoever they are
// and whenever they look.
func (v Vector) Digest(s Hasher) [32]byte {
	return cut(s.Hash(labelVector, v.Group[:], octets.Encode(v.chains)))
}

// Hash names one vector, for the one that answers it.
func (v Vector) Hash(s Hasher) [32]byte { return cut(s.Hash(labelVector, v.unsigned(s))) }

func cut(sum [48]byte) [32]byte { return [32]byte(sum[:32]) }

func (v *Vector) chains(c *octets.Coder) {
	bySender := func(a, b Chain) int { return slices.Compare(a.Sender[:], b.Sender[:]) }
	octets.List(c, "chains", &v.Chains, 0, MaxChains, bySender, func(x *Chain) {
		c.Array(x.Sender[:], x.Generation[:], x.Before[:])
		lanes(c, &x.Lanes)
		c.Must(At(x.Lanes, Receipts).Last == 0, "receipts of %v", x.Sender)
	})
}

func (v *Vector) body(c *octets.Coder, s Hasher) {
	begin(c, s, &v.Holder, &v.Group, &v.Time)
	c.Array(v.Answers[:])
	v.chains(c)
}

func (v *Vector) unsigned(s Hasher) []byte { return encode(s, v.body) }

// Sign returns v with the signature of its holder's desk key.
func (v Vector) Sign(s Hasher, key Signer) Vector {
	v.signature = key.Sign(labelVector, v.unsigned(s))
	return v
}

// Verify checks the signature with the desk key of v's holder. Errors wrap
// [ErrSignature].
func (v Vector) Verify(s Verifier, deskKey []byte) error {
	if s.VerifyDesk(deskKey, labelVector, v.signature, v.unsigned(s)) != nil {
		return fmt.Errorf("verify vector of %v: %w", v.Holder, ErrSignature)
	}
	return nil
}

// Bytes is the vector as it travels.
func (v Vector) Bytes(s Hasher) []byte { return append(v.unsigned(s), v.signature...) }

// ParseVector reads what [Vector.Bytes] wrote and nothing else. The signature
// is still to be verified. Errors wrap [ErrMalformed].
func ParseVector(s Hasher, b []byte) (v Vector, err error) {
	v.signature, err = decode(s, b, v.body)
	return v, err
}
