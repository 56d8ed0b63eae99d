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
	return cut(s.Hash(labelVector, v.Group[:], v.chains()))
}

// Hash names one vector, for the one that answers it.
func (v Vector) Hash(s Hasher) [32]byte { return cut(s.Hash(labelVector, v.unsigned(s))) }

func cut(sum [48]byte) (h [32]byte) {
	copy(h[:], sum[:])
	return h
}

func (v Vector) chains() []byte {
	var w octets.Writer
	w.Uint16(uint16(len(v.Chains)))
	for _, c := range v.Chains {
		w.Raw(c.Sender[:])
		w.Raw(c.Generation[:])
		w.Raw(c.Before[:])
		writeLanes(&w, c.Lanes)
	}
	return w.Bytes()
}

func (v Vector) unsigned(s Hasher) []byte {
	w := begin(s, v.Holder, v.Group, v.Time)
	w.Raw(v.Answers[:])
	w.Raw(v.chains())
	return w.Bytes()
}

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
	r := octets.NewReader(b)
	v.Holder, v.Group, v.Time = open(s, r)
	r.Into(v.Answers[:])
	n := r.Uint16()
	if n > MaxChains {
		r.Fail(fmt.Errorf("%d chains", n))
	}
	for i := 0; i < int(n) && r.Err() == nil; i++ {
		var c Chain
		r.Into(c.Sender[:])
		r.Into(c.Generation[:])
		r.Into(c.Before[:])
		c.Lanes = readLanes(r)
		if i > 0 && slices.Compare(v.Chains[i-1].Sender[:], c.Sender[:]) >= 0 || slices.ContainsFunc(c.Lanes, func(l Lane) bool { return l.Lane == receipts }) {
			r.Fail(fmt.Errorf("chain of %v", c.Sender))
		}
		v.Chains = append(v.Chains, c)
	}
	v.signature, err = finish(r)
	return v, err
}

// Kind says in which way two vectors differ at one place.
type Kind uint8

const (
	// Behind: they hold more of this chain than we do.
	Behind Kind = 1
	// Ahead: we hold more of this chain than they do.
	Ahead Kind = 2
	// Forked: at one place of a chain they hold something else. What each side
	// has signed by the sender convicts it.
	Forked Kind = 3
	// Elsewhere: they hold another generation as the newest.
	Elsewhere Kind = 4
)

// Difference is one place where two vectors differ.
type Difference struct {
	Kind       Kind
	Sender     ident.Desk
	Generation [16]byte // theirs; ours where they hold none
	Lane       uint8
	Sequence   uint32 // the first that one side lacks, or that is not the same
}

// Compare lists where theirs differs from v, by sender and lane; the first one
// is the one to name.
func (v Vector) Compare(theirs Vector) (all []Difference) {
	for i, j := 0, 0; i < len(v.Chains) || j < len(theirs.Chains); {
		order := 0
		switch {
		case i == len(v.Chains):
			order = 1
		case j == len(theirs.Chains):
			order = -1
		default:
			order = slices.Compare(v.Chains[i].Sender[:], theirs.Chains[j].Sender[:])
		}
		var ours, other Chain
		if order <= 0 {
			ours = v.Chains[i]
			i++
		}
		if order >= 0 {
			other = theirs.Chains[j]
			j++
		}
		all = append(all, differ(ours, other)...)
	}
	return all
}

// differ compares one sender's chains; a side that holds nothing of it has the
// zero value.
func differ(ours, theirs Chain) (all []Difference) {
	switch {
	case ours.Sender == ident.Desk{}:
		ours = Chain{Sender: theirs.Sender, Generation: theirs.Generation, Before: theirs.Before}
	case theirs.Sender == ident.Desk{}:
		theirs = Chain{Sender: ours.Sender, Generation: ours.Generation, Before: ours.Before}
	}
	d := Difference{Sender: ours.Sender, Generation: theirs.Generation}
	if ours.Generation != theirs.Generation {
		d.Kind = Elsewhere
		return []Difference{d}
	}
	if ours.Before != theirs.Before {
		d.Kind = Forked
		return []Difference{d}
	}
	for d.Lane = range uint8(receipts) {
		x, y := Attestation{Lanes: ours.Lanes}.lane(d.Lane), Attestation{Lanes: theirs.Lanes}.lane(d.Lane)
		d.Sequence = min(x.Last, y.Last) + 1
		switch {
		case x.Last < y.Last:
			d.Kind = Behind
		case x.Last > y.Last:
			d.Kind = Ahead
		case x.Running != y.Running:
			d.Kind, d.Sequence = Forked, x.Last
		default:
			continue
		}
		all = append(all, d)
	}
	return all
}
