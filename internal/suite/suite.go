// Package suite is the cryptography of a line: hashing, key derivation, sealing
// and signing, each under a label that says what for.
//
// A line's charter fixes one suite for ever; nothing is negotiated and nothing
// falls back. Only suite 1 exists: X-Wing (MLKEM768X25519) in HPKE, HKDF and
// SHA-384, AES-256-GCM, Ed25519 for single messages, and Ed25519 together with
// ML-DSA for what lives long (docs/spec/suite.md). Packages that need a part of
// it declare the few methods they use and are given [One], so that this package
// is the only one that imports the primitives.
//
// Every label and every part is written behind its length before it is hashed,
// signed or expanded: no two different inputs give the same bytes, and nothing
// made for one purpose is good for another.
//
// This package is on floor 1: bytes in, values out; the standard library and
// filippo.io/mldsa. Its only state is the random generator of the machine.
package suite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"io"
)

const (
	// ID is the number of suite 1 in charters and envelopes.
	ID uint8 = 1
	// HashSize is the length of a hash in bytes.
	HashSize = sha512.Size384
	// KeySize is the length of an AES-256-GCM key and of a chain key, in bytes.
	KeySize = 32
	// NonceSize is the length of an AES-256-GCM nonce in bytes.
	NonceSize = 12
)

var (
	// ErrOpen means that sealed bytes do not open: another key, another
	// label, or bytes changed on the way. The three look alike on purpose.
	ErrOpen = errors.New("sealed bytes do not open")
	// ErrSignature means that a signature is not valid for these bytes, this
	// label and this key. Of a hybrid signature, either half may be wrong.
	ErrSignature = errors.New("signature is not valid")
	// ErrKey means that bytes are not a key of the kind asked for.
	ErrKey = errors.New("not a key of this kind")
)

// One is suite 1. It has no state; the zero value is ready to use, by several
// goroutines at once.
type One struct{}

// ID returns the number of the suite.
func (One) ID() uint8 { return ID }

// Hash returns SHA-384 over label and parts, each behind its length.
func (One) Hash(label string, parts ...[]byte) (sum [HashSize]byte) {
	h := sha512.New384()
	writeFrame(h, label, parts)
	h.Sum(sum[:0])
	return sum
}

// Extract returns the 48-byte pseudorandom key of secret under salt (HKDF,
// RFC 5869, Section 2.2).
func (One) Extract(salt, secret []byte) []byte {
	return must(hkdf.Extract(sha512.New384, secret, salt))
}

// Expand returns n bytes for one purpose from prk (RFC 5869, Section 2.3). It
// panics when n is over 255 hashes, which no caller asks for.
func (One) Expand(prk []byte, label string, context []byte, n int) []byte {
	return must(hkdf.Expand(sha512.New384, prk, string(frame(label, context)), n))
}

// Seal encrypts plain with AES-256-GCM under a key of 32 bytes and a nonce of
// 12, binds aad, and appends ciphertext and tag to dst. A (key, nonce) pair
// serves once; the caller sees to that. It panics on other lengths.
func (One) Seal(dst, key, nonce, aad, plain []byte) []byte {
	return aead(key).Seal(dst, nonce, plain, aad)
}

// Open undoes [One.Seal]. It returns [ErrOpen] and nothing else.
func (One) Open(key, nonce, aad, sealed []byte) ([]byte, error) {
	plain, err := aead(key).Open(nil, nonce, sealed, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func aead(key []byte) cipher.AEAD {
	if len(key) != KeySize {
		panic("suite: AES-256-GCM key is not 32 bytes")
	}
	return must(cipher.NewGCM(must(aes.NewCipher(key))))
}

// frame returns label and parts, each behind its length.
func frame(label string, parts ...[]byte) []byte {
	n := 2 + len(label)
	for _, p := range parts {
		n += 4 + len(p)
	}
	b := make(buffer, 0, n)
	writeFrame(&b, label, parts)
	return b
}

// buffer is the least io.Writer.
type buffer []byte

func (b *buffer) Write(p []byte) (int, error) { *b = append(*b, p...); return len(p), nil }

// writeFrame writes label and parts, each behind its length. Writers of this
// package never fail.
func writeFrame(w io.Writer, label string, parts [][]byte) {
	var n [4]byte
	binary.BigEndian.PutUint16(n[:2], uint16(len(label)))
	_, _ = w.Write(n[:2])
	_, _ = w.Write([]byte(label))
	for _, p := range parts {
		binary.BigEndian.PutUint32(n[:], uint32(len(p)))
		_, _ = w.Write(n[:])
		_, _ = w.Write(p)
	}
}

// must panics on errors that only a broken invariant of this package causes.
func must[T any](v T, err error) T {
	if err != nil {
		panic("suite: " + err.Error())
	}
	return v
}
