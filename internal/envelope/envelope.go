// Package envelope lays out the sealed unit that travels: what a relay sees of
// it, what stands inside, and the sizes that it may have.
//
// A relay reads the clear header and nothing else, so the header holds only
// what a relay needs: how urgent, until when, how long. Everything that says
// who, what and in which order is inside, or masked. Sizes come in buckets, so
// that a length tells little (docs/spec/envelope.md).
//
// Sealing and opening are package chain's; this package knows no key. It is on
// floor 0: values and rules, standard library only.
package envelope

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"math/bits"

	"hotline/internal/octets"
)

// Version is the layout written by this program. Others are refused.
const Version = 1

// Type says how the rest of an envelope is sealed.
type Type uint8

// The types. Their numbers are part of the wire format.
const (
	Chain   Type = 1 // under a message key of a sending key: messages and receipts
	Slice   Type = 2 // a sending key, HPKE-sealed to one desk's seal key
	Control Type = 3 // trust between desks, HPKE-sealed to one desk's control key
	Chunk   Type = 4 // a part of a file, under the file's content key
)

// Lanes of the scheduler. 0 to 3 are the precedence levels, Files is below.
const Files uint8 = 4

const (
	// HeaderSize is the length of the clear header in bytes.
	HeaderSize = 45
	// PrefixSize is the length of the header without its nonce, in bytes.
	PrefixSize = HeaderSize - 12
	// InsideSize is the length of the fixed header inside, in bytes.
	InsideSize = 87
	// TagSize is the length of the AEAD tag at the end.
	TagSize = 16
	// Overhead is what a chain envelope adds to its body and signature before
	// padding.
	Overhead = HeaderSize + InsideSize + TagSize
	// MaxSize is the longest envelope in bytes: a 64 KiB chunk and its frame.
	MaxSize = 70 << 10
)

// ErrMalformed means that bytes are not an envelope of this version.
var ErrMalformed = errors.New("malformed envelope")

// Header is the part of an envelope that a relay can read. All of it is
// authenticated: the nonce as such, the rest as associated data.
type Header struct {
	Suite  uint8
	Type   Type
	Lane   uint8    // for the scheduler: 0 to 3, or [Files]
	Tag    [16]byte // finds the key: group tag, seal key, control key or file
	Masked [5]byte  // lane and sequence under a mask; a chunk's index in clear
	Expiry uint32   // Unix time in minutes; relays drop it afterwards
	Length uint32   // of the whole envelope, in bytes
	Nonce  [12]byte
}

// Append appends the 45 bytes of h.
func (h Header) Append(dst []byte) []byte {
	var w octets.Writer
	w.Uint8(Version)
	w.Uint8(h.Suite)
	w.Uint8(uint8(h.Type))
	w.Uint8(h.Lane)
	w.Raw(h.Tag[:])
	w.Raw(h.Masked[:])
	w.Uint32(h.Expiry)
	w.Uint32(h.Length)
	w.Raw(h.Nonce[:])
	return append(dst, w.Bytes()...)
}

// Parse reads the header of a whole envelope and checks version, type, lane
// and length. Nothing of it is authenticated yet.
func Parse(env []byte) (h Header, err error) {
	if len(env) < HeaderSize+TagSize || len(env) > MaxSize {
		return h, fmt.Errorf("%w: %d bytes", ErrMalformed, len(env))
	}
	r := octets.NewReader(env[:HeaderSize])
	version := r.Uint8()
	h.Suite = r.Uint8()
	h.Type = Type(r.Uint8())
	h.Lane = r.Uint8()
	r.Into(h.Tag[:])
	r.Into(h.Masked[:])
	h.Expiry = r.Uint32()
	h.Length = r.Uint32()
	r.Into(h.Nonce[:])
	switch {
	case r.Done() != nil:
		return h, fmt.Errorf("%w: %w", ErrMalformed, r.Err())
	case version != Version:
		return h, fmt.Errorf("%w: version %d", ErrMalformed, version)
	case h.Type < Chain || h.Type > Chunk:
		return h, fmt.Errorf("%w: type %d", ErrMalformed, h.Type)
	case h.Lane > Files:
		return h, fmt.Errorf("%w: lane %d", ErrMalformed, h.Lane)
	case int(h.Length) != len(env):
		return h, fmt.Errorf("%w: says %d bytes, has %d", ErrMalformed, h.Length, len(env))
	}
	return h, nil
}

// ID is the first 16 bytes of SHA-384 over a whole envelope. Relays and desks
// drop duplicates by it; anybody can compute it and nobody can choose it.
type ID [16]byte

// Identify returns the id of an envelope.
func Identify(env []byte) (id ID) {
	sum := sha512.Sum384(env)
	copy(id[:], sum[:])
	return id
}

// String returns the id in hexadecimal.
func (id ID) String() string { return fmt.Sprintf("%x", id[:]) }

// Kind says what the body of a chain envelope is.
type Kind uint8

// The kinds. Their numbers are part of the wire format.
const (
	Message   Kind = 1 // wire.Message
	Receipt   Kind = 2 // wire.Receipt
	Statement Kind = 3 // statements of a roster, pushed in the line's own group
	// Attestation is a checkpoint.Attestation of the sender's own chains: of
	// receipts in the lane of receipts, of all others in lane 0.
	Attestation  Kind = 4
	LineCheck    Kind = 5 // what the sender holds of the group, to be compared
	Confirmation Kind = 6 // a removal has taken effect at the sender; to the cutting party
)

// Fits reports whether a kind is known and may stand in the chain of receipts
// to one party, or in those of the whole group.
func (k Kind) Fits(receipts bool) bool {
	return k >= Message && k <= Confirmation && (k == Attestation || receipts == (k == Receipt || k == Confirmation))
}

// Inside is the fixed header that stands, sealed, before the body.
type Inside struct {
	Previous   [32]byte // running hash of this sender's chain before this one
	Digest     [32]byte // of the sender's statement set for this line
	Message    [16]byte // fixed id, the same after sealing anew
	Kind       Kind
	Precedence uint8
	Flags      uint8 // none yet; must be zero
	BodyLength uint32
}

// Append appends the 87 bytes of i.
func (i Inside) Append(dst []byte) []byte {
	var w octets.Writer
	w.Raw(i.Previous[:])
	w.Raw(i.Digest[:])
	w.Raw(i.Message[:])
	w.Uint8(uint8(i.Kind))
	w.Uint8(i.Precedence)
	w.Uint8(i.Flags)
	w.Uint32(i.BodyLength)
	return append(dst, w.Bytes()...)
}

// ParseInside reads an opened envelope's plaintext: header, body, signature of
// the given length and padding, which must be zeros. Errors match [ErrMalformed].
func ParseInside(plain []byte, signatureSize int) (i Inside, body, signature []byte, err error) {
	r := octets.NewReader(plain)
	r.Into(i.Previous[:])
	r.Into(i.Digest[:])
	r.Into(i.Message[:])
	i.Kind = Kind(r.Uint8())
	i.Precedence = r.Uint8()
	i.Flags = r.Uint8()
	i.BodyLength = r.Uint32()
	if i.BodyLength > MaxSize {
		r.Fail(fmt.Errorf("%w: body of %d bytes", ErrMalformed, i.BodyLength))
	}
	body = r.Raw(int(i.BodyLength))
	signature = r.Raw(signatureSize)
	var rest byte
	for _, b := range r.Rest() {
		rest |= b
	}
	if r.Err() == nil && (rest != 0 || i.Flags != 0) {
		r.Fail(fmt.Errorf("%w: padding or flags are not zero", ErrMalformed))
	}
	if err := r.Err(); err != nil {
		if !errors.Is(err, ErrMalformed) {
			err = fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return Inside{}, nil, nil, err
	}
	return i, body, signature, nil
}

// buckets are the sizes of small envelopes, whole, in bytes.
var buckets = [...]int{256, 320, 384, 512, 768, 1024, 1536, 2048}

// Bucket returns the size that an envelope of n bytes is padded to: the next
// small bucket, the next power of two up to 64 KiB, then Padmé, whose waste is
// at most 12 % ("Reducing Metadata Leakage from Encrypted Files and
// Communication with PURBs", Section 4).
func Bucket(n int) int {
	for _, b := range buckets {
		if n <= b {
			return b
		}
	}
	if n <= 64<<10 {
		return 1 << bits.Len(uint(n-1))
	}
	e := bits.Len(uint(n)) - 1
	s := bits.Len(uint(e))
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}
