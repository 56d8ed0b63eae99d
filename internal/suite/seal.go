package suite

import (
	"crypto/hpke"
	"fmt"
)

const (
	// SealPublicSize is the length of a public seal or control key in bytes.
	SealPublicSize = 1216
	// SealSeedSize is the length of the private half as stored, in bytes.
	SealSeedSize = 32
	// EncapsulationSize is what [One.SealTo] writes before the ciphertext.
	EncapsulationSize = 1120
	// SealToOverhead is what [One.SealTo] adds to the plaintext, in bytes.
	SealToOverhead = EncapsulationSize + 16
)

// SealKey is the private half of a seal key or control key: X-Wing, which
// hides as long as either ML-KEM-768 or X25519 holds. The zero value holds no
// key and must not be used. It cannot be printed.
type SealKey struct {
	redacted
	k func() *sealKey
}

type sealKey struct {
	private hpke.PrivateKey
	public  []byte
}

// NewSealKey draws a key.
func NewSealKey() SealKey {
	return wrapSealKey(must(hpke.MLKEM768X25519().GenerateKey()))
}

// ParseSealKey reads what [SealKey.Bytes] wrote. Errors wrap [ErrKey].
func ParseSealKey(seed []byte) (SealKey, error) {
	if len(seed) != SealSeedSize {
		return SealKey{}, fmt.Errorf("parse seal key of %d bytes: %w", len(seed), ErrKey)
	}
	private, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		return SealKey{}, fmt.Errorf("parse seal key: %w", ErrKey)
	}
	return wrapSealKey(private), nil
}

func wrapSealKey(private hpke.PrivateKey) SealKey {
	return SealKey{k: hide(&sealKey{private, private.PublicKey().Bytes()})}
}

// Public returns the public half, 1,216 bytes, a copy.
func (k SealKey) Public() []byte { return append([]byte(nil), k.k().public...) }

// Bytes returns the private half as 32 bytes, for the keyring alone.
func (k SealKey) Bytes() []byte { return must(k.k().private.Bytes()) }

// Open opens what [One.SealTo] sealed to this key under the same label and
// aad. It returns [ErrOpen] and nothing else.
func (k SealKey) Open(label string, aad, sealed []byte) ([]byte, error) {
	if len(sealed) < SealToOverhead {
		return nil, ErrOpen
	}
	r, err := hpke.NewRecipient(sealed[:EncapsulationSize], k.k().private, hpke.HKDFSHA384(), hpke.AES256GCM(), frame(label))
	if err != nil {
		return nil, ErrOpen
	}
	plain, err := r.Open(aad, sealed[EncapsulationSize:])
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// SealTo encrypts plain to a public seal key with HPKE in base mode (RFC 9180,
// Section 5.1.1; info is the label) and binds aad. The result is the
// encapsulated key and the ciphertext, [SealToOverhead] longer than plain. It
// says nothing about who sealed. Errors wrap [ErrKey]: the public key is bad.
func (One) SealTo(public []byte, label string, aad, plain []byte) ([]byte, error) {
	pk, err := hpke.MLKEM768X25519().NewPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("seal to a key of %d bytes: %w", len(public), ErrKey)
	}
	enc, s, err := hpke.NewSender(pk, hpke.HKDFSHA384(), hpke.AES256GCM(), frame(label))
	if err != nil {
		return nil, fmt.Errorf("seal to a key: %w: %w", ErrKey, err)
	}
	return append(enc, must(s.Seal(aad, plain))...), nil
}

// CheckSealPublic returns an error wrapping [ErrKey] unless public can be
// sealed to. Who takes a key from another party asks here before storing it.
func (One) CheckSealPublic(public []byte) error {
	if _, err := hpke.MLKEM768X25519().NewPublicKey(public); err != nil {
		return fmt.Errorf("check seal key of %d bytes: %w", len(public), ErrKey)
	}
	return nil
}
