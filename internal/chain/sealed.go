package chain

import (
	"fmt"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// sealed is an envelope that is HPKE-sealed to one public key: a slice or a
// control envelope.
type sealed struct {
	kind   envelope.Type
	lane   precedence.Level
	tag    [16]byte
	expiry time.Time
	label  string
	public []byte
	plain  []byte
}

// encapsulated is what HPKE adds to a plaintext: the encapsulated key and the
// tag.
func encapsulated(s Asymmetric) int { return s.Sizes().Encapsulation + envelope.TagSize }

// sealedSize is the size of the envelope of n bytes that are sealed to a key.
func sealedSize(s Asymmetric, n int) int {
	return envelope.Bucket(envelope.HeaderSize + encapsulated(s) + n)
}

// tagOf names the key that an envelope is sealed to.
func tagOf(s Symmetric, label string, public []byte) [16]byte {
	sum := s.Hash(label, public)
	return [16]byte(sum[:16])
}

// sealTo pads, seals and binds the header. Masked and nonce stay zero: there is
// no chain, and HPKE has its own nonce.
func sealTo(s Suite, in sealed) ([]byte, error) {
	size := sealedSize(s, len(in.plain))
	h := envelope.Header{
		Suite: s.ID(), Type: in.kind, Lane: uint8(in.lane), Tag: in.tag,
		Expiry: minutes(in.expiry), Length: uint32(size),
	}
	header := h.Append(make([]byte, 0, size))
	plain := make([]byte, size-envelope.HeaderSize-encapsulated(s))
	defer clear(plain)
	copy(plain, in.plain)
	clear(in.plain) // it may hold a key
	box, err := s.SealTo(in.public, in.label, header, plain)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w: %w", in.label, ErrInput, err)
	}
	return append(header, box...), nil
}

// openSealed undoes sealTo: it reads the plaintext, and holds that only zeros
// follow what belongs there, and no more of them than fill the bucket. What was
// read points into the plaintext, and says nothing yet about who made it.
func openSealed(s Suite, env []byte, kind envelope.Type, tag [16]byte, label string, key Opener, fields func(*octets.Coder)) (plain []byte, err error) {
	h, err := envelope.Parse(env)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOpen, err)
	}
	if h.Suite != s.ID() || h.Type != kind || h.Tag != tag || h.Lane >= envelope.Files || h.Masked != [5]byte{} || h.Nonce != [12]byte{} {
		return nil, ErrOpen
	}
	if plain, err = key.Open(label, env[:envelope.HeaderSize], env[envelope.HeaderSize:]); err != nil {
		return nil, ErrOpen
	}
	c := octets.Coder{From: octets.NewReader(plain)}
	fields(&c)
	padding := c.From.Rest()
	if c.Err() != nil || !zeros(padding) || envelope.Bucket(len(env)-len(padding)) != len(env) {
		return plain, fmt.Errorf("layout: %w", ErrRefused)
	}
	return plain, nil
}

// zeros reports whether b is padding.
func zeros(b []byte) bool {
	var or byte
	for _, x := range b {
		or |= x
	}
	return or == 0
}
