// Package suite is the cryptography of a line: hashing, key derivation, sealing
// and signing, each under a label that says what for.
//
// A line's charter fixes one suite for ever; nothing is negotiated and nothing
// falls back. Suite 1 is X-Wing (MLKEM768X25519) in HPKE, Ed25519 for single
// messages, and Ed25519 together with ML-DSA for what lives long. Suite 2 has the
// algorithms of CNSA 2.0: ML-KEM-1024, ECDSA over P-384 for single messages, and
// ML-DSA-87. Both have HKDF, SHA-384 and AES-256-GCM (docs/spec/suite.md).
// Packages that need a part of it declare the few methods they use and are given
// a [Suite], so that this package is the only one that imports the primitives.
//
// Every label and every part is written behind its length before it is hashed,
// signed or expanded: no two different inputs give the same bytes, and nothing
// made for one purpose is good for another.
//
// This package is on floor 1: bytes in, values out; the standard library,
// filippo.io/mldsa and packages of floor 0. Its only state is the random generator of the machine.
package suite

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/mlkem"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"filippo.io/mldsa"

	"hotline/internal/octets"
)

const (
	// HashSize is the length of a hash in bytes.
	HashSize = sha512.Size384
	// KeySize is the length of an AES-256-GCM key and of a chain key, in bytes.
	KeySize = 32
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
	// ErrSuite means that there is no suite of this number.
	ErrSuite = errors.New("no such suite")
)

// Suite is a suite by its number in charters, certificates and envelopes. The
// zero value is no suite, and panics when it is used. A suite has no state and
// serves several goroutines at once.
type Suite uint8

// The suites. Their numbers are part of the wire format.
const (
	One Suite = 1 // X-Wing, Ed25519, ML-DSA: the default
	Two Suite = 2 // CNSA 2.0
)

// profile is what tells suites apart.
type profile struct {
	kem                 hpke.KEM
	octets.Sizes        // of keys and signatures
	sealSeed            int
	message, desk, root signing
}

var profiles = [...]profile{
	One: newProfile(hpke.MLKEM768X25519(), 1216, 32, 1120,
		signing{"", ed},
		signing{"hotline/1/hybrid/ed25519+ml-dsa-65", both(ed, quantum(mldsa.MLDSA65()))},
		signing{"hotline/1/hybrid/ed25519+ml-dsa-87", both(ed, quantum(mldsa.MLDSA87()))}),
	Two: newProfile(hpke.MLKEM1024(), mlkem.EncapsulationKeySize1024, mlkem.SeedSize, mlkem.CiphertextSize1024,
		signing{"", p384},
		signing{"hotline/1/desk/ml-dsa-87", quantum(mldsa.MLDSA87())},
		signing{"hotline/1/root/ml-dsa-87", quantum(mldsa.MLDSA87())}),
}

func newProfile(kem hpke.KEM, public, seed, encapsulation int, message, desk, root signing) profile {
	return profile{kem, octets.Sizes{
		Message: message.public, MessageSignature: message.signature,
		Desk: desk.public, DeskSignature: desk.signature,
		Root: root.public, RootSignature: root.signature,
		Seal: public, Encapsulation: encapsulation,
	}, seed, message, desk, root}
}

// ByID returns the suite with this number. Errors wrap [ErrSuite].
func ByID(id uint8) (Suite, error) {
	if id == 0 || int(id) >= len(profiles) {
		return 0, fmt.Errorf("suite %d: %w", id, ErrSuite)
	}
	return Suite(id), nil
}

func (s Suite) profile() *profile {
	if s == 0 {
		panic("suite: none was chosen")
	}
	return &profiles[s]
}

// ID returns the number of the suite.
func (s Suite) ID() uint8 { return uint8(s) }

// Sizes are the lengths of the suite's public keys and signatures.
func (s Suite) Sizes() octets.Sizes { return s.profile().Sizes }

// Hash returns SHA-384 over label and parts, each behind its length.
func (s Suite) Hash(label string, parts ...[]byte) (sum [HashSize]byte) {
	h := sha512.New384()
	writeFrame(h, s.label(label), parts)
	h.Sum(sum[:0])
	return sum
}

// Extract returns the 48-byte pseudorandom key of secret under salt (HKDF,
// RFC 5869, Section 2.2).
func (s Suite) Extract(salt, secret []byte) []byte {
	return must(hkdf.Extract(sha512.New384, secret, salt))
}

// Expand returns n bytes for one purpose from prk (RFC 5869, Section 2.3). It
// panics when n is over 255 hashes, which no caller asks for.
func (s Suite) Expand(prk []byte, label string, context []byte, n int) []byte {
	return must(hkdf.Expand(sha512.New384, prk, string(s.frame(label, context)), n))
}

// Seal encrypts plain with AES-256-GCM under a key of 32 bytes, binds aad, and
// appends a nonce of 12 bytes, ciphertext and tag to dst. The nonce is drawn
// here and nowhere else, because no (key, nonce) pair may serve twice. It panics
// on other keys.
func (s Suite) Seal(dst, key, aad, plain []byte) []byte { return aead(key).Seal(dst, nil, plain, aad) }

// Open undoes [Suite.Seal]. It returns [ErrOpen] and nothing else.
func (s Suite) Open(key, aad, sealed []byte) ([]byte, error) {
	plain, err := aead(key).Open(nil, nil, sealed, aad)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

func aead(key []byte) cipher.AEAD {
	if len(key) != KeySize {
		panic("suite: AES-256-GCM key is not 32 bytes")
	}
	return must(cipher.NewGCMWithRandomNonce(must(aes.NewCipher(key))))
}

// label writes the number of the suite into a label, so that nothing made in one
// suite means anything in another.
func (s Suite) label(label string) string {
	if s == One {
		return label
	}
	return labelPrefix + strconv.Itoa(int(s)) + strings.TrimPrefix(label, labelPrefix+"1")
}

// labelPrefix begins all labels; the number of the suite comes next. Callers
// write that of suite 1.
const labelPrefix = "hotline/"

// frame returns label and parts, each behind its length.
func (s Suite) frame(label string, parts ...[]byte) []byte {
	var b bytes.Buffer
	writeFrame(&b, s.label(label), parts)
	return b.Bytes()
}

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
