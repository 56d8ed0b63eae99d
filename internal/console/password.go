package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"hotline/internal/fault"
)

// The parameters of new hashes (docs/console.md, Section 1; RFC 9106 names
// 64 MiB and three passes for memory-bound machines). A stored hash carries
// its own, but only these are accepted, so a changed store cannot ask for
// cheap or for ruinous ones.
const (
	argonMemory = 64 << 10 // KiB
	argonTime   = 3
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
)

var argonPrefix = fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, argonMemory, argonTime, argonLanes)

// passwords makes and checks password hashes, at most [hashesAtOnce] together.
type passwords struct {
	slots   chan struct{}
	waiting atomic.Int32
	nobody  string // hash of a password that nobody has, for unknown names
}

func newPasswords() *passwords {
	return &passwords{
		slots: make(chan struct{}, hashesAtOnce),
		// Salt and key of zeroes: the work is the same, and no password is
		// known to have this hash.
		nobody: argonPrefix + base64.RawStdEncoding.EncodeToString(make([]byte, argonSalt)) + "$" + base64.RawStdEncoding.EncodeToString(make([]byte, argonKey)),
	}
}

// run waits for a slot, runs f, and gives the memory back after the last one:
// an idle desk must not keep 128 MiB for a sign-in an hour ago.
func (p *passwords) run(ctx context.Context, f func()) error {
	if p.waiting.Add(1) > hashesWaiting {
		p.waiting.Add(-1)
		return fault.New(fault.Busy, "Too many people sign in at this moment. Try again.")
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		p.waiting.Add(-1)
		return ctx.Err()
	}
	defer func() {
		<-p.slots
		if p.waiting.Add(-1) == 0 {
			debug.FreeOSMemory()
		}
	}()
	f()
	return nil
}

// hash returns the text form of a new hash of password.
func (p *passwords) hash(ctx context.Context, password string) (text string, err error) {
	err = p.run(ctx, func() { text = HashPassword(password) })
	return text, err
}

// verify reports whether password belongs to the hash. An empty hash takes the
// same work as a wrong password.
func (p *passwords) verify(ctx context.Context, hash, password string) (ok bool, err error) {
	known := hash != ""
	if !known {
		hash = p.nobody
	}
	err = p.run(ctx, func() { ok = checkPassword(hash, password) })
	return ok && known, err
}

// HashPassword returns the argon2id hash of password in its PHC text form. It
// takes 64 MiB and some tenths of a second: call it where that is bounded.
func HashPassword(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	return argonPrefix + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

func checkPassword(hash, password string) bool {
	rest, ok := strings.CutPrefix(hash, argonPrefix)
	if !ok {
		return false
	}
	saltText, keyText, ok := strings.Cut(rest, "$")
	if !ok {
		return false
	}
	salt, err := base64.RawStdEncoding.DecodeString(saltText)
	if err != nil || len(salt) != argonSalt {
		return false
	}
	want, err := base64.RawStdEncoding.DecodeString(keyText)
	if err != nil || len(want) != argonKey {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonKey)
	return subtle.ConstantTimeCompare(got, want) == 1
}

// CheckNewPassword returns the reason why a password cannot be taken, as a
// [fault.Error], or nil. It asks for length and nothing else: rules about
// character classes make passwords worse, not better.
func CheckNewPassword(password string) error {
	switch {
	case !utf8.ValidString(password):
		return fault.New(fault.Invalid, "The password is not text.")
	case utf8.RuneCountInString(password) < minPassword:
		return fault.New(fault.Invalid, "The password needs at least %d characters.", minPassword).WithHint("Several words with spaces are good and easy to type.")
	case len(password) > maxPassword:
		return fault.New(fault.Invalid, "The password is longer than %d bytes.", maxPassword)
	}
	return nil
}
