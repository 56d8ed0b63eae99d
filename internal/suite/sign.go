package suite

import (
	"crypto/ed25519"
	"fmt"

	"filippo.io/mldsa"
)

// Sizes in bytes. Hybrid keys and signatures are the Ed25519 part, then the
// ML-DSA part.
const (
	MessagePublicSize    = ed25519.PublicKeySize
	MessageSignatureSize = ed25519.SignatureSize
	MessageSeedSize      = ed25519.SeedSize

	HybridSeedSize = ed25519.SeedSize + mldsa.PrivateKeySize

	DeskPublicSize    = ed25519.PublicKeySize + mldsa.MLDSA65PublicKeySize
	DeskSignatureSize = ed25519.SignatureSize + mldsa.MLDSA65SignatureSize

	RootPublicSize    = ed25519.PublicKeySize + mldsa.MLDSA87PublicKeySize
	RootSignatureSize = ed25519.SignatureSize + mldsa.MLDSA87SignatureSize
)

// MessageKey signs single messages and slices, with Ed25519. The zero value
// holds no key and must not be used. It cannot be printed.
type MessageKey struct {
	redacted
	k func() ed25519.PrivateKey
}

// NewMessageKey draws a key.
func NewMessageKey() MessageKey {
	_, k, err := ed25519.GenerateKey(nil)
	return MessageKey{k: hide(must(k, err))}
}

// MessageKeyFromSeed reads what [MessageKey.Seed] wrote. Errors wrap [ErrKey].
func MessageKeyFromSeed(seed []byte) (MessageKey, error) {
	if len(seed) != MessageSeedSize {
		return MessageKey{}, fmt.Errorf("parse message key of %d bytes: %w", len(seed), ErrKey)
	}
	return MessageKey{k: hide(ed25519.NewKeyFromSeed(seed))}, nil
}

// Public returns the 32 bytes that verify.
func (k MessageKey) Public() []byte { return append([]byte(nil), k.k()[32:]...) }

// Seed returns the private half as 32 bytes, for the keyring alone.
func (k MessageKey) Seed() []byte { return k.k().Seed() }

// Sign returns the 64-byte signature of label and parts. Parts are bound with
// their lengths, so that none can lend bytes to its neighbour.
func (k MessageKey) Sign(label string, parts ...[]byte) []byte {
	return ed25519.Sign(k.k(), frame(label, parts...))
}

// VerifyMessage returns nil or [ErrSignature].
func (One) VerifyMessage(public []byte, label string, signature []byte, parts ...[]byte) error {
	if !verifyEd25519(public, frame(label, parts...), signature) {
		return ErrSignature
	}
	return nil
}

func verifyEd25519(public, message, signature []byte) bool {
	return len(public) == ed25519.PublicKeySize && len(signature) == ed25519.SignatureSize &&
		ed25519.Verify(public, message, signature)
}

// hybrid is a pair of signing keys of which both sign. Its signed bytes begin
// with the name of the pair, so that no half is good on its own for another
// purpose, or beside another half.
type hybrid struct {
	name    string
	classic ed25519.PrivateKey
	quantum *mldsa.PrivateKey
}

const (
	deskPair = "hotline/1/hybrid/ed25519+ml-dsa-65"
	rootPair = "hotline/1/hybrid/ed25519+ml-dsa-87"
)

func newHybrid(name string, p mldsa.Parameters) *hybrid {
	_, classic, err := ed25519.GenerateKey(nil)
	return &hybrid{name, must(classic, err), must(mldsa.GenerateKey(p))}
}

func hybridFromSeed(name string, p mldsa.Parameters, seed []byte) (*hybrid, error) {
	if len(seed) != HybridSeedSize {
		return nil, fmt.Errorf("parse signing key of %d bytes: %w", len(seed), ErrKey)
	}
	quantum, err := mldsa.NewPrivateKey(p, seed[ed25519.SeedSize:])
	if err != nil {
		return nil, fmt.Errorf("parse signing key: %w", ErrKey)
	}
	return &hybrid{name, ed25519.NewKeyFromSeed(seed[:ed25519.SeedSize]), quantum}, nil
}

func (h *hybrid) seed() []byte { return append(h.classic.Seed(), h.quantum.Bytes()...) }

func (h *hybrid) public() []byte {
	return append(append([]byte(nil), h.classic[32:]...), h.quantum.PublicKey().Bytes()...)
}

func (h *hybrid) sign(label string, parts [][]byte) []byte {
	message := hybridFrame(h.name, label, parts)
	return append(ed25519.Sign(h.classic, message), must(h.quantum.Sign(nil, message, nil))...)
}

func hybridFrame(name, label string, parts [][]byte) []byte {
	return frame(name, append([][]byte{[]byte(label)}, parts...)...)
}

// verifyHybrid checks both halves, each against its part of public.
func verifyHybrid(name string, p mldsa.Parameters, public []byte, label string, signature []byte, parts [][]byte) error {
	if len(public) != ed25519.PublicKeySize+p.PublicKeySize() || len(signature) != ed25519.SignatureSize+p.SignatureSize() {
		return ErrSignature
	}
	message := hybridFrame(name, label, parts)
	if !verifyEd25519(public[:ed25519.PublicKeySize], message, signature[:ed25519.SignatureSize]) {
		return ErrSignature
	}
	quantum, err := mldsa.NewPublicKey(p, public[ed25519.PublicKeySize:])
	if err != nil {
		return ErrSignature
	}
	if mldsa.Verify(quantum, message, signature[ed25519.SignatureSize:], nil) != nil {
		return ErrSignature
	}
	return nil
}

// DeskKey signs what lives long on behalf of one desk: charters, seal keys,
// control envelopes. Ed25519 and ML-DSA-65, and both must verify. The zero
// value holds no key and must not be used. It cannot be printed.
type DeskKey struct {
	redacted
	h func() *hybrid
}

// NewDeskKey draws a key.
func NewDeskKey() DeskKey { return DeskKey{h: hide(newHybrid(deskPair, mldsa.MLDSA65()))} }

// DeskKeyFromSeed reads what [DeskKey.Seed] wrote. Errors wrap [ErrKey].
func DeskKeyFromSeed(seed []byte) (DeskKey, error) {
	h, err := hybridFromSeed(deskPair, mldsa.MLDSA65(), seed)
	if err != nil {
		return DeskKey{}, err
	}
	return DeskKey{h: hide(h)}, nil
}

// Seed returns the private half as 64 bytes, for the keyring alone.
func (k DeskKey) Seed() []byte { return k.h().seed() }

// Public returns the 1,984 bytes that verify.
func (k DeskKey) Public() []byte { return k.h().public() }

// Sign returns the 3,373-byte signature of label and parts.
func (k DeskKey) Sign(label string, parts ...[]byte) []byte { return k.h().sign(label, parts) }

// VerifyDesk returns nil when both halves verify, else [ErrSignature].
func (One) VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error {
	return verifyHybrid(deskPair, mldsa.MLDSA65(), public, label, signature, parts)
}

// RootKey is the root of a party: it signs certificates and statements.
// Ed25519 and ML-DSA-87, and both must verify. The zero value holds no key and
// must not be used. It cannot be printed.
type RootKey struct {
	redacted
	h func() *hybrid
}

// NewRootKey draws a key.
func NewRootKey() RootKey { return RootKey{h: hide(newHybrid(rootPair, mldsa.MLDSA87()))} }

// RootKeyFromSeed reads what [RootKey.Seed] wrote. Errors wrap [ErrKey].
func RootKeyFromSeed(seed []byte) (RootKey, error) {
	h, err := hybridFromSeed(rootPair, mldsa.MLDSA87(), seed)
	if err != nil {
		return RootKey{}, err
	}
	return RootKey{h: hide(h)}, nil
}

// Seed returns the private half as 64 bytes, for the root file alone.
func (k RootKey) Seed() []byte { return k.h().seed() }

// Public returns the 2,624 bytes that verify. Their hash is the party's id.
func (k RootKey) Public() []byte { return k.h().public() }

// Sign returns the 4,691-byte signature of label and parts.
func (k RootKey) Sign(label string, parts ...[]byte) []byte { return k.h().sign(label, parts) }

// VerifyRoot returns nil when both halves verify, else [ErrSignature].
func (One) VerifyRoot(public []byte, label string, signature []byte, parts ...[]byte) error {
	return verifyHybrid(rootPair, mldsa.MLDSA87(), public, label, signature, parts)
}
