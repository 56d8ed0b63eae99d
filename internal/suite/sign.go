package suite

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"hotline/internal/redact"
)

// signing is how a suite signs for one kind of key. What is signed begins with
// the name of the kind, where it has one, so that no half of a pair is good on
// its own, beside another half, or for a key of another kind.
type signing struct {
	name string
	scheme
}

// message is the bytes that a key of this kind signs.
func (g signing) message(s Suite, label string, parts [][]byte) []byte {
	if g.name == "" {
		return s.frame(label, parts...)
	}
	return s.frame(g.name, append([][]byte{[]byte(s.label(label))}, parts...)...)
}

func (g signing) check(s Suite, public []byte, label string, signature []byte, parts [][]byte) error {
	if len(public) != g.public || len(signature) != g.signature || !g.verify(public, g.message(s, label, parts), signature) {
		return ErrSignature
	}
	return nil
}

// signingKey is what all private signing keys are. The zero value holds no key
// and must not be used. It cannot be printed.
type signingKey struct {
	redact.Secret
	k func() *secret
}

type secret struct {
	suite Suite
	kind  signing
	seed  []byte
	signer
}

// newKey draws seeds until the scheme takes one.
func newKey(s Suite, g signing) signingKey {
	for seed := make([]byte, g.seed); ; {
		_, _ = rand.Read(seed) // never fails: it ends the process instead
		if k, err := parseKey(s, g, seed); err == nil {
			clear(seed)
			return k
		}
	}
}

func parseKey(s Suite, g signing, seed []byte) (signingKey, error) {
	if len(seed) != g.seed {
		return signingKey{}, fmt.Errorf("parse signing key of %d bytes: %w", len(seed), ErrKey)
	}
	k, err := g.parse(seed)
	if err != nil {
		return signingKey{}, fmt.Errorf("parse signing key: %w", err)
	}
	return signingKey{k: hide(&secret{s, g, bytes.Clone(seed), k})}, nil
}

// Suite is the suite that the key is for.
func (k signingKey) Suite() Suite { return k.k().suite }

// Seed returns the private half as it is stored, a copy, for the keyring alone.
func (k signingKey) Seed() []byte { return bytes.Clone(k.k().seed) }

// Public returns the bytes that verify, a copy.
func (k signingKey) Public() []byte { return bytes.Clone(k.k().public) }

// Sign returns the signature of label and parts. Parts are bound with their
// lengths, so that none can lend bytes to its neighbour.
func (k signingKey) Sign(label string, parts ...[]byte) []byte {
	s := k.k()
	return s.sign(s.kind.message(s.suite, label, parts))
}

// MessageKey signs single messages and slices.
type MessageKey struct{ signingKey }

// DeskKey signs what lives long on behalf of one desk: charters, seal keys,
// control envelopes.
type DeskKey struct{ signingKey }

// RootKey is the root of a party: it signs certificates and statements. The
// hash of its public half is the party's id.
type RootKey struct{ signingKey }

// NewMessageKey draws a key.
func (s Suite) NewMessageKey() MessageKey { return MessageKey{newKey(s, s.profile().message)} }

// NewDeskKey draws a key.
func (s Suite) NewDeskKey() DeskKey { return DeskKey{newKey(s, s.profile().desk)} }

// NewRootKey draws a key.
func (s Suite) NewRootKey() RootKey { return RootKey{newKey(s, s.profile().root)} }

// MessageKeyFromSeed reads what Seed wrote. Errors wrap [ErrKey].
func (s Suite) MessageKeyFromSeed(seed []byte) (MessageKey, error) {
	k, err := parseKey(s, s.profile().message, seed)
	return MessageKey{k}, err
}

// DeskKeyFromSeed reads what Seed wrote. Errors wrap [ErrKey].
func (s Suite) DeskKeyFromSeed(seed []byte) (DeskKey, error) {
	k, err := parseKey(s, s.profile().desk, seed)
	return DeskKey{k}, err
}

// RootKeyFromSeed reads what Seed wrote. Errors wrap [ErrKey].
func (s Suite) RootKeyFromSeed(seed []byte) (RootKey, error) {
	k, err := parseKey(s, s.profile().root, seed)
	return RootKey{k}, err
}

// VerifyMessage returns nil or [ErrSignature].
func (s Suite) VerifyMessage(public []byte, label string, signature []byte, parts ...[]byte) error {
	return s.profile().message.check(s, public, label, signature, parts)
}

// VerifyDesk returns nil, of a hybrid signature when both halves verify, else
// [ErrSignature].
func (s Suite) VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error {
	return s.profile().desk.check(s, public, label, signature, parts)
}

// VerifyRoot does the same for roots.
func (s Suite) VerifyRoot(public []byte, label string, signature []byte, parts ...[]byte) error {
	return s.profile().root.check(s, public, label, signature, parts)
}
