package suite

import (
	"bytes"
	"crypto/hpke"
	"fmt"

	"hotline/internal/redact"
)

// SealKey is the private half of a seal key or control key. The zero value
// holds no key and must not be used. It cannot be printed.
type SealKey struct {
	redact.Secret
	k func() *sealKey
}

type sealKey struct {
	suite   Suite
	private hpke.PrivateKey
	public  []byte
}

// NewSealKey draws a key.
func (s Suite) NewSealKey() SealKey {
	return wrapSealKey(s, must(s.profile().kem.GenerateKey()))
}

// ParseSealKey reads what [SealKey.Bytes] wrote. Errors wrap [ErrKey].
func (s Suite) ParseSealKey(seed []byte) (SealKey, error) {
	private, err := s.profile().kem.NewPrivateKey(seed)
	if err != nil || len(seed) != s.profile().sealSeed {
		return SealKey{}, fmt.Errorf("parse seal key of %d bytes: %w", len(seed), ErrKey)
	}
	return wrapSealKey(s, private), nil
}

func wrapSealKey(s Suite, private hpke.PrivateKey) SealKey {
	return SealKey{k: hide(&sealKey{s, private, private.PublicKey().Bytes()})}
}

// Suite is the suite that the key is for.
func (k SealKey) Suite() Suite { return k.k().suite }

// Public returns the public half, a copy.
func (k SealKey) Public() []byte { return bytes.Clone(k.k().public) }

// Bytes returns the private half as it is stored, for the keyring alone.
func (k SealKey) Bytes() []byte { return must(k.k().private.Bytes()) }

// Open opens what [Suite.SealTo] sealed to this key under the same label and
// aad. It returns [ErrOpen] and nothing else.
func (k SealKey) Open(label string, aad, sealed []byte) ([]byte, error) {
	own := k.k()
	n := own.suite.Sizes().Encapsulation
	if len(sealed) < n {
		return nil, ErrOpen
	}
	r, err := hpke.NewRecipient(sealed[:n], own.private, hpke.HKDFSHA384(), hpke.AES256GCM(), own.suite.frame(label))
	if err != nil {
		return nil, ErrOpen
	}
	plain, err := r.Open(aad, sealed[n:])
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// SealTo encrypts plain to a public seal key with HPKE in base mode (RFC 9180,
// Section 5.1.1; info is the label) and binds aad. The result is the
// encapsulated key, the ciphertext and its tag. It says nothing about who
// sealed. Errors wrap [ErrKey]: the public key is bad.
func (s Suite) SealTo(public []byte, label string, aad, plain []byte) ([]byte, error) {
	pk, err := s.profile().kem.NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal to a key of %d bytes: %w", len(public), ErrKey)
	}
	enc, sender, err := hpke.NewSender(pk, hpke.HKDFSHA384(), hpke.AES256GCM(), s.frame(label))
	if err != nil {
		return nil, fmt.Errorf("seal to a key: %w: %w", ErrKey, err)
	}
	return append(enc, must(sender.Seal(aad, plain))...), nil
}

// hide returns a closure over v: fmt prints what a pointer leads to byte by
// byte where it may not call methods.
func hide[T any](v T) func() T { return func() T { return v } }
