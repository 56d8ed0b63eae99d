package suite

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha512"
	"encoding/asn1"
	"fmt"
	"math/big"

	"filippo.io/mldsa"
)

// scheme is one way to sign. Its keys and signatures have fixed lengths, which
// callers check, and a signature has one spelling.
type scheme struct {
	seed, public, signature int // lengths in bytes
	// parse makes the key of a seed. Seeds are random bytes; a scheme may
	// refuse a few.
	parse  func(seed []byte) (signer, error)
	verify func(public, message, signature []byte) bool
}

// signer is a private key of a scheme.
type signer struct {
	public []byte
	sign   func(message []byte) []byte
}

var ed = scheme{
	ed25519.SeedSize, ed25519.PublicKeySize, ed25519.SignatureSize,
	func(seed []byte) (signer, error) {
		k := ed25519.NewKeyFromSeed(seed)
		return signer{k[ed25519.SeedSize:], func(m []byte) []byte { return ed25519.Sign(k, m) }}, nil
	},
	func(public, m, signature []byte) bool { return ed25519.Verify(public, m, signature) },
}

// scalar is the length of a number modulo the order of P-384.
const scalar = 48

// halfOrder is half the order of P-384, rounded down. Of the two numbers s that
// verify, the lower one is written, so that nobody can respell a signature.
var halfOrder = new(big.Int).Rsh(elliptic.P384().Params().N, 1).FillBytes(make([]byte, scalar))

// p384 is ECDSA over SHA-384 with the nonces of RFC 6979. Like Ed25519 it needs
// no random number to sign, so that a copied machine that repeats its random
// numbers gives no key away, and the same message has the same bytes.
var p384 = scheme{
	scalar, 1 + 2*scalar, 2 * scalar,
	func(seed []byte) (signer, error) {
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P384(), seed)
		if err != nil {
			return signer{}, ErrKey
		}
		return signer{must(k.PublicKey.Bytes()), func(m []byte) []byte {
			sum := sha512.Sum384(m)
			return fixed(must(k.Sign(nil, sum[:], crypto.SHA384)))
		}}, nil
	},
	func(public, m, signature []byte) bool {
		k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), public)
		if err != nil || bytes.Compare(signature[scalar:], halfOrder) > 0 {
			return false
		}
		sum := sha512.Sum384(m)
		return ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(signature[:scalar]), new(big.Int).SetBytes(signature[scalar:]))
	},
}

// fixed returns r and the lower s of an ECDSA signature in 48 bytes each.
func fixed(der []byte) []byte {
	var v struct{ R, S *big.Int }
	must(asn1.Unmarshal(der, &v))
	out := make([]byte, 2*scalar)
	v.R.FillBytes(out[:scalar])
	if v.S.FillBytes(out[scalar:]); bytes.Compare(out[scalar:], halfOrder) > 0 {
		v.S.Sub(elliptic.P384().Params().N, v.S).FillBytes(out[scalar:])
	}
	return out
}

// quantum is ML-DSA in its pure form with an empty context; signing is
// randomised.
func quantum(p mldsa.Parameters) scheme {
	return scheme{
		mldsa.PrivateKeySize, p.PublicKeySize(), p.SignatureSize(),
		func(seed []byte) (signer, error) {
			k, err := mldsa.NewPrivateKey(p, seed)
			if err != nil {
				return signer{}, fmt.Errorf("%w: %w", ErrKey, err)
			}
			return signer{k.PublicKey().Bytes(), func(m []byte) []byte { return must(k.Sign(nil, m, nil)) }}, nil
		},
		func(public, m, signature []byte) bool {
			k, err := mldsa.NewPublicKey(p, public)
			return err == nil && mldsa.Verify(k, m, signature, nil) == nil
		},
	}
}

// both signs with a and with b, and both must verify.
func both(a, b scheme) scheme {
	return scheme{
		a.seed + b.seed, a.public + b.public, a.signature + b.signature,
		func(seed []byte) (signer, error) {
			ka, errA := a.parse(seed[:a.seed])
			kb, errB := b.parse(seed[a.seed:])
			if errA != nil || errB != nil {
				return signer{}, ErrKey
			}
			return signer{join(ka.public, kb.public), func(m []byte) []byte { return join(ka.sign(m), kb.sign(m)) }}, nil
		},
		func(public, m, signature []byte) bool {
			return a.verify(public[:a.public], m, signature[:a.signature]) && b.verify(public[a.public:], m, signature[a.signature:])
		},
	}
}

func join(a, b []byte) []byte { return append(bytes.Clone(a), b...) }
