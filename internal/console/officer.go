package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// Officer is a person who may sign in at this desk.
type Officer struct {
	Name     string // sign-in name, such as "WO1"; unique at the desk
	Role     string // viewer, operator, releaser, custodian, administrator or auditor
	Password string // from [HashPassword]; empty until the first link was used
}

// ErrNoOfficer means that no officer, or no link that still serves, answers
// to what was asked. Callers outside never learn which.
var ErrNoOfficer = errors.New("no such officer or link")

// Accounts is what a console needs to know about officers. The desk backs it
// with its database. Implementations are safe for concurrent use.
type Accounts interface {
	// Officer returns the officer of that name, or an error wrapping
	// [ErrNoOfficer].
	Officer(ctx context.Context, name string) (Officer, error)
	// Link returns the officer whom an unused, unexpired one-time link is for,
	// or an error wrapping [ErrNoOfficer]. It does not use the link up. The
	// desk stores links as the SHA-256 of their secret ([LinkHash]).
	Link(ctx context.Context, hash [32]byte, now time.Time) (Officer, error)
	// UseLink uses the link up and stores the officer's password hash, both or
	// neither; a second use is an error wrapping [ErrNoOfficer].
	UseLink(ctx context.Context, hash [32]byte, password string, now time.Time) (Officer, error)
	// Record notes a sign-in matter in the desk's journal. It must not block
	// for long; an error is the implementation's to log.
	Record(ctx context.Context, e SignIn)
}

// SignIn is a journal note about somebody at the door.
type SignIn struct {
	Act     string // signed_in, link_used, refused, throttled, signed_out
	Officer string // the officer's name; empty where no such officer exists
	At      time.Time
}

// SessionStore keeps sign-ins over a restart. Tokens arrive hashed, so that
// whoever reads the store cannot sign in with what is in it. Implementations
// are safe for concurrent use.
type SessionStore interface {
	// Find returns the data of a token, and false when it is unknown or over.
	Find(ctx context.Context, token string) (data []byte, ok bool, err error)
	// Commit stores data until expiry, replacing what was there.
	Commit(ctx context.Context, token string, data []byte, expiry time.Time) error
	// Delete forgets a token; an unknown one is no error.
	Delete(ctx context.Context, token string) error
}

// LinkLife is how long a one-time link serves.
const LinkLife = 15 * time.Minute

// NewLink draws the secret of a one-time link: 32 random bytes, in base64url.
// Print it with [LinkURL] once, store only its [LinkHash].
func NewLink() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// LinkHash is what is stored of a link's secret. A fast hash is enough for 256
// random bits.
func LinkHash(secret string) [32]byte { return sha256.Sum256([]byte("hotline/1/link " + secret)) }

// LinkURL returns the address to open, such as
// "http://localhost:8421/#/in/…"; base is the console's address.
func LinkURL(base, secret string) string { return base + "/#/in/" + secret }

type officerKey struct{}

// OfficerFrom returns the officer who made the request that ctx belongs to;
// false when the request did not come through a signed-in console.
func OfficerFrom(ctx context.Context) (Officer, bool) {
	o, ok := ctx.Value(officerKey{}).(Officer)
	return o, ok
}

// WithOfficer returns a context that carries o, without the password hash.
func WithOfficer(ctx context.Context, o Officer) context.Context {
	o.Password = ""
	return context.WithValue(ctx, officerKey{}, o)
}
