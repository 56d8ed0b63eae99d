package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/fips140"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/crypto/argon2"

	"hotline/internal/fault"
)

// The derivations of a key from a passphrase.
const (
	Argon2id = "argon2id"
	PBKDF2   = "pbkdf2-hmac-sha-512"
)

// Cost is what one guess at a passphrase costs. The zero value is
// [DefaultCost].
type Cost struct {
	KDF     string `json:"kdf"`                  // Argon2id or PBKDF2; empty: Argon2id
	Time    uint32 `json:"time"`                 // passes; iterations of PBKDF2
	Memory  uint32 `json:"memory_kib,omitempty"` // KiB, of Argon2id
	Threads uint8  `json:"threads,omitempty"`    // of Argon2id
}

// DefaultCost returns the cost of docs/spec/store.md, Section 4.1. Argon2id is
// in no FIPS module, so in that mode it is PBKDF2: much weaker against special
// hardware, which is why it is not the rule.
func DefaultCost() Cost {
	if fips140.Enabled() {
		return PBKDF2Cost()
	}
	return Argon2idCost()
}

// Argon2idCost returns the cost of a passphrase by Argon2id.
func Argon2idCost() Cost { return Cost{KDF: Argon2id, Time: 3, Memory: 256 << 10, Threads: 4} }

// PBKDF2Cost returns the cost of a passphrase by PBKDF2: about as long as
// Argon2id takes.
func PBKDF2Cost() Cost { return Cost{KDF: PBKDF2, Time: 1_000_000} }

// Bounds on what a file may ask for, so that a changed one cannot make a desk
// run out of memory. The lower ones are those of the algorithm.
const (
	maxTime       = 16
	maxMemory     = 2 << 20 // KiB: 2 GiB
	maxThreads    = 64
	maxIterations = 20_000_000
	saltSize      = 16
	tagSize       = 16
	sealedMore    = 12 + tagSize // what sealing adds: nonce and tag
	// minPassphrase is in bytes. Length rules beyond this are the business of
	// whoever asks a person for one.
	minPassphrase = 8
	maxPassphrase = 4096
)

// lock is what stands in a file beside the ciphertext.
type lock struct {
	Cost
	Salt []byte `json:"salt"` // 16 bytes
}

// newLock draws the salt.
func newLock(c Cost) (lock, error) {
	if c == (Cost{}) {
		c = DefaultCost()
	}
	if c.KDF == "" {
		c.KDF = Argon2id
	}
	l := lock{Cost: c, Salt: make([]byte, saltSize)}
	_, _ = rand.Read(l.Salt)
	return l, l.check()
}

// checkPassphrase refuses one that no cost can help.
func checkPassphrase(p []byte) error {
	if len(p) < minPassphrase || len(p) > maxPassphrase {
		return fault.New(fault.Invalid, "A passphrase has at least %d characters.", minPassphrase)
	}
	return nil
}

// check refuses parameters that the algorithm or this machine cannot take.
func (l lock) check() error {
	ok := false
	switch l.KDF {
	case Argon2id:
		ok = l.Time >= 1 && l.Time <= maxTime && l.Threads >= 1 && l.Threads <= maxThreads &&
			l.Memory >= 8*uint32(l.Threads) && l.Memory <= maxMemory
	case PBKDF2:
		ok = l.Time >= 1 && l.Time <= maxIterations && l.Memory == 0 && l.Threads == 0
	default:
		return fmt.Errorf("key derivation %q", l.KDF)
	}
	switch {
	case !ok:
		return errors.New("cost out of bounds")
	case len(l.Salt) != saltSize:
		return errors.New("salt of another length")
	}
	return nil
}

// aead derives the cipher. The memory that this takes goes back to the system
// before it returns.
func (l lock) aead(passphrase []byte) (cipher.AEAD, error) {
	var key []byte
	if l.KDF == PBKDF2 {
		var err error
		if key, err = pbkdf2.Key(sha512.New, string(passphrase), l.Salt, int(l.Time), 32); err != nil {
			return nil, err
		}
	} else {
		if fips140.Enforced() {
			return nil, fault.New(fault.Config, "This slot's passphrase goes through argon2id, which FIPS 140 mode does not allow.").
				WithHint("with the ordinary program: hotline desk slot add passphrase --kdf pbkdf2")
		}
		key = argon2.IDKey(passphrase, l.Salt, l.Time, l.Memory, l.Threads, 32)
		debug.FreeOSMemory()
	}
	defer clear(key)
	return newAEAD(key)
}

// seal encrypts plain for one purpose: nonce, ciphertext, tag.
func (l lock) seal(passphrase []byte, purpose string, plain []byte) ([]byte, error) {
	a, err := l.aead(passphrase)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, nil, plain, []byte(purpose)), nil
}

// open undoes seal. The error says nothing about which part was wrong.
func (l lock) open(passphrase []byte, purpose string, sealed []byte) ([]byte, error) {
	a, err := l.aead(passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, nil, sealed, []byte(purpose))
	if err != nil {
		return nil, ErrPassphrase
	}
	return plain, nil
}

// newAEAD returns AES-256-GCM that draws its nonces itself: the only form that
// FIPS 140 mode allows.
func newAEAD(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// secretAEAD derives the cipher from 32 random bytes that a TPM, a credential
// or shares gave back, apart for each kind of slot.
func secretAEAD(kind Kind, secret []byte) (cipher.AEAD, error) {
	if len(secret) != KeySize {
		return nil, fmt.Errorf("secret of %d bytes, want %d", len(secret), KeySize)
	}
	m := hmac.New(sha512.New384, secret)
	m.Write([]byte("hotline/1/keyring-secret\x00" + string(kind)))
	key := m.Sum(nil)[:32]
	defer clear(key)
	return newAEAD(key)
}
