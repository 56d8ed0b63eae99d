// Package rendezvous turns a short code into a place at a relay and a key for
// what is left there, so that the three files of a pairing pass without a
// courier.
//
// The code is for convenience and against the curious. It makes nothing true: a
// relay that guesses it, or a person who overhears it, is in the middle of a
// pairing and no further, because the words are compared afterwards
// (docs/spec/pairing.md, Section 7).
//
// This package is on floor 1: it reads no clock and knows no network.
package rendezvous

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"hotline/internal/ident"
)

const (
	letters = 10 // of five bits
	// alphabet has no i, l, o and u: they are taken for others, or make words.
	alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	// rounds makes a guess at the code cost some tenths of a second: 2^50 of them
	// are out of reach for the day that a code lives.
	rounds = 600_000
	label  = "hotline/1/rendezvous"
	// pad hides how many desks a card has.
	pad = 4 << 10
	// maxAddr is the longest address of a relay, in bytes.
	maxAddr = 255
)

// The errors of this package.
var (
	// ErrCode means that a text is not a code.
	ErrCode = errors.New("not a rendezvous code")
	// ErrOpen means that a blob was not sealed under this code, for this relay
	// and this step.
	ErrOpen = errors.New("blob does not open")
)

// Code is what one officer tells the other.
type Code struct {
	Addr   string // of the relay, host and port
	Secret string // ten letters of the alphabet
}

// New draws a code for a relay.
func New(addr string) Code {
	b := make([]byte, letters)
	rand.Read(b) // never fails: crypto/rand ends the process instead
	for i := range b {
		b[i] = alphabet[b[i]%32]
	}
	return Code{addr, string(b)}
}

// String returns the code as it is told: "relay.example:7402/k7q2m-9xt4a".
func (c Code) String() string {
	return c.Addr + "/" + c.Secret[:letters/2] + "-" + c.Secret[letters/2:]
}

// Parse reads a code as somebody typed it: case, spaces and dashes in the
// letters do not matter, and o, i and l are the digits that they look like.
func Parse(s string) (Code, error) {
	s = strings.TrimSpace(s)
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return Code{}, fmt.Errorf("%w: no / between relay and letters", ErrCode)
	}
	c := Code{Addr: strings.TrimSpace(s[:i])}
	if j := strings.LastIndexByte(c.Addr, ':'); j < 1 || j == len(c.Addr)-1 || len(c.Addr) > maxAddr {
		return Code{}, fmt.Errorf("%w: no address of a relay before the /", ErrCode)
	}
	for _, r := range strings.ToLower(s[i+1:]) {
		switch r {
		case ' ', '-':
			continue
		case 'o':
			r = '0'
		case 'i', 'l':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) {
			return Code{}, fmt.Errorf("%w: a letter that no code has", ErrCode)
		}
		c.Secret += string(r)
	}
	if len(c.Secret) != letters {
		return Code{}, fmt.Errorf("%w: %d letters, not %d", ErrCode, len(c.Secret), letters)
	}
	return c, nil
}

// Keys are what both sides compute from a code: where, and under which key.
type Keys struct {
	Slot [16]byte
	key  [32]byte
}

// Keys computes the keys for the relay that answers at the code's address. It
// takes some tenths of a second on purpose. Behind another relay they are others.
func (c Code) Keys(relay ident.Relay) (k Keys, err error) {
	salt := append([]byte(label), relay[:]...)
	b, err := pbkdf2.Key(sha512.New384, c.Secret, salt, rounds, len(k.Slot)+len(k.key))
	if err != nil {
		return k, fmt.Errorf("compute rendezvous: %w", err)
	}
	copy(k.Slot[:], b)
	copy(k.key[:], b[len(k.Slot):])
	return k, nil
}

// Bytes returns the stored form; it is a secret while the code lives.
func (k Keys) Bytes() []byte { return append(k.Slot[:], k.key[:]...) }

// ParseKeys reads what [Keys.Bytes] wrote.
func ParseKeys(b []byte) (k Keys, err error) {
	if len(b) != len(k.Slot)+len(k.key) {
		return k, fmt.Errorf("read rendezvous keys: %d bytes", len(b))
	}
	copy(k.Slot[:], b)
	copy(k.key[:], b[len(k.Slot):])
	return k, nil
}

// Seal seals the file of a step, padded.
func (k Keys) Seal(step uint8, file []byte) ([]byte, error) {
	g, err := k.gcm()
	if err != nil {
		return nil, err
	}
	n := (4 + len(file) + pad - 1) / pad * pad
	plain := binary.BigEndian.AppendUint32(make([]byte, 0, n), uint32(len(file)))
	plain = append(plain, file...)
	return g.Seal(nil, nil, plain[:n], aad(step)), nil
}

// Open opens what [Keys.Seal] sealed for the same step.
func (k Keys) Open(step uint8, blob []byte) ([]byte, error) {
	g, err := k.gcm()
	if err != nil {
		return nil, err
	}
	plain, err := g.Open(nil, nil, blob, aad(step))
	if err != nil || len(plain) < 4 {
		return nil, ErrOpen
	}
	n := binary.BigEndian.Uint32(plain)
	if int64(n) > int64(len(plain)-4) {
		return nil, ErrOpen
	}
	return plain[4 : 4+n], nil
}

func aad(step uint8) []byte { return append([]byte(label), step) }

func (k Keys) gcm() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.key[:])
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}
