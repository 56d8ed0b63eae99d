package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime/debug"

	"golang.org/x/crypto/argon2"

	"hotline/internal/fault"
)

// Cost is what one guess at a passphrase costs. The zero value is
// [DefaultCost].
type Cost struct {
	Time    uint32 `json:"time"`       // passes
	Memory  uint32 `json:"memory_kib"` // KiB
	Threads uint8  `json:"threads"`
}

// DefaultCost is the cost of docs/spec/store.md, Section 4: argon2id with t=3,
// m=256 MiB, p=4.
var DefaultCost = Cost{Time: 3, Memory: 256 << 10, Threads: 4}

// Bounds on what a file may ask for, so that a changed one cannot make a desk
// run out of memory. The lower ones are those of the algorithm.
const (
	maxTime    = 16
	maxMemory  = 2 << 20 // KiB: 2 GiB
	maxThreads = 64
	saltSize   = 16
	nonceSize  = 12
	tagSize    = 16
	// minPassphrase is in bytes. Length rules beyond this are the business of
	// whoever asks a person for one.
	minPassphrase = 8
	maxPassphrase = 4096
)

// lock is what stands in a file beside the ciphertext.
type lock struct {
	KDF string `json:"kdf"` // "argon2id"
	Cost
	Salt  []byte `json:"salt"`  // 16 bytes
	Nonce []byte `json:"nonce"` // 12 bytes
}

const kdfArgon2id = "argon2id"

// newLock draws salt and nonce.
func newLock(c Cost, passphrase []byte) (lock, error) {
	if len(passphrase) < minPassphrase || len(passphrase) > maxPassphrase {
		return lock{}, fault.New(fault.Invalid, "A passphrase has at least %d characters.", minPassphrase)
	}
	if c == (Cost{}) {
		c = DefaultCost
	}
	l := lock{KDF: kdfArgon2id, Cost: c, Salt: make([]byte, saltSize), Nonce: make([]byte, nonceSize)}
	_, _ = rand.Read(l.Salt)
	_, _ = rand.Read(l.Nonce)
	return l, l.check()
}

// check refuses parameters that argon2id or this machine cannot take.
func (l lock) check() error {
	switch {
	case l.KDF != kdfArgon2id:
		return fmt.Errorf("key derivation %q", l.KDF)
	case l.Time < 1 || l.Time > maxTime, l.Threads < 1 || l.Threads > maxThreads,
		l.Memory < 8*uint32(l.Threads) || l.Memory > maxMemory:
		return errors.New("cost out of bounds")
	case len(l.Salt) != saltSize || len(l.Nonce) != nonceSize:
		return errors.New("salt or nonce of another length")
	}
	return nil
}

// aead derives the cipher. The memory that this takes goes back to the system
// before it returns.
func (l lock) aead(passphrase []byte) (cipher.AEAD, error) {
	key := argon2.IDKey(passphrase, l.Salt, l.Time, l.Memory, l.Threads, 32)
	debug.FreeOSMemory()
	defer clear(key)
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(b)
}

// seal encrypts plain for one purpose.
func (l lock) seal(passphrase []byte, purpose string, plain []byte) ([]byte, error) {
	a, err := l.aead(passphrase)
	if err != nil {
		return nil, err
	}
	return a.Seal(nil, l.Nonce, plain, []byte(purpose)), nil
}

// open undoes seal. The error says nothing about which part was wrong.
func (l lock) open(passphrase []byte, purpose string, sealed []byte) ([]byte, error) {
	a, err := l.aead(passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := a.Open(nil, l.Nonce, sealed, []byte(purpose))
	if err != nil {
		return nil, ErrPassphrase
	}
	return plain, nil
}
