// Package shares splits a secret among people, so that any two of three can
// restore it and one alone knows nothing.
//
// It is Shamir's scheme over GF(2^8) (docs/spec/store.md, Section 4.5): for
// each byte of the secret a polynomial whose constant term is that byte and
// whose other coefficients are random; a share is its value at one place that
// is not zero. One share fits every secret equally well, which no cipher can
// promise; so a share carries no hash of the secret either. Whether what came
// together is right is known only where it is used: a slot opens or not, a
// root has the party's id or another.
//
// The field's arithmetic takes the same time for all values.
//
// This package is on floor 1: bytes in, values out.
package shares

import (
	"bytes"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"hotline/internal/octets"
)

// Purpose says what a share restores. Its numbers are part of the format.
type Purpose uint8

const (
	Slot Purpose = 1 // the key of a desk's recovery slot
	Root Purpose = 2 // the seed of a party's root
)

var (
	// ErrForm means that a text is no share: not ours, or mistyped.
	ErrForm = errors.New("not a share")
	// ErrMix means that shares do not belong together, or are too few.
	ErrMix = errors.New("shares do not belong together")
)

// Limits of the scheme: a party with more than 16 holders has none.
const (
	MaxShares = 16
	maxSecret = 256 // bytes
	checkSize = 8
	version   = 1
)

// Share is one person's part of a secret. It must be kept like a key: it
// prints as a placeholder, and [Share.Text] is what goes on paper.
type Share struct {
	Purpose Purpose
	// Owner says publicly whose secret it is: for a root the beginning of the
	// party's id.
	Owner [16]byte
	Set   [8]byte // drawn at each split: shares of two splits never mix
	Need  uint8   // how many restore the secret
	Of    uint8   // how many there are
	X     uint8   // which one this is, from 1
	y     []byte
}

// String returns a placeholder, so that %v and %s are safe.
func (s Share) String() string { return fmt.Sprintf("Share %d of %d (redacted)", s.X, s.Of) }

// GoString is String, for %#v.
func (s Share) GoString() string { return s.String() }

// LogValue implements [slog.LogValuer].
func (s Share) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Clear forgets the secret part.
func (s Share) Clear() { clear(s.y) }

// Split makes of shares of which any need restore the secret.
func Split(p Purpose, owner [16]byte, secret []byte, need, of int) ([]Share, error) {
	if need < 2 || need > of || of > MaxShares || len(secret) == 0 || len(secret) > maxSecret {
		return nil, fmt.Errorf("split secret of %d bytes: %d of %d shares cannot be", len(secret), need, of)
	}
	all := make([]Share, of)
	var set [8]byte
	_, _ = rand.Read(set[:])
	for i := range all {
		all[i] = Share{
			Purpose: p, Owner: owner, Set: set, Need: uint8(need), Of: uint8(of), X: uint8(i + 1), y: make([]byte, len(secret)),
		}
	}
	more := make([]byte, need-1)
	defer clear(more)
	for b, constant := range secret {
		_, _ = rand.Read(more)
		for _, s := range all {
			s.y[b] = evaluate(constant, more, s.X)
		}
	}
	return all, nil
}

// Join restores the secret. Errors match [ErrMix]. Shares of one split that
// were changed give another secret and no error.
func Join(all []Share) ([]byte, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("join shares: %w: there are none", ErrMix)
	}
	first := all[0]
	seen := map[uint8]bool{}
	for _, s := range all {
		switch {
		case s.Purpose != first.Purpose, s.Owner != first.Owner, s.Set != first.Set, s.Need != first.Need,
			s.Of != first.Of, len(s.y) != len(first.y):
			return nil, fmt.Errorf("join shares: %w: they are of two splits", ErrMix)
		case seen[s.X]:
			return nil, fmt.Errorf("join shares: %w: share %d is there twice", ErrMix, s.X)
		}
		seen[s.X] = true
	}
	if len(all) < int(first.Need) {
		return nil, fmt.Errorf("join shares: %w: %d are needed", ErrMix, first.Need)
	}
	all = all[:first.Need]
	secret := make([]byte, len(first.y))
	for _, s := range all {
		// Lagrange's weight of this share at zero: the product of x/(x - own).
		weight := byte(1)
		for _, other := range all {
			if other.X != s.X {
				weight = multiply(weight, multiply(other.X, inverse(other.X^s.X)))
			}
		}
		for b := range secret {
			secret[b] ^= multiply(weight, s.y[b])
		}
	}
	return secret, nil
}

// alphabet is base32 with a to z and 2 to 7, as in RFC 4648, Section 6.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const prefix = "share1"

// bytes is the layout: version 1, purpose 1, owner 16, set 8, need 1, of 1,
// number 1, the share, check 8.
func (s Share) bytes() []byte {
	var w octets.Writer
	w.Uint8(version)
	w.Uint8(uint8(s.Purpose))
	w.Raw(s.Owner[:])
	w.Raw(s.Set[:])
	w.Uint8(s.Need)
	w.Uint8(s.Of)
	w.Uint8(s.X)
	w.Raw(s.y)
	w.Raw(check(w.Bytes()))
	return w.Bytes()
}

const headSize = 1 + 1 + 16 + 8 + 1 + 1 + 1

// check finds what was mistyped. Over the share itself, not over the secret.
func check(b []byte) []byte {
	sum := sha512.Sum384(append([]byte("hotline/1/share\x00"), b...))
	return sum[:checkSize]
}

// Text returns the share as people write it down: groups of five letters and
// digits, eight a line.
func (s Share) Text() string {
	b := s.bytes()
	defer clear(b)
	var out strings.Builder
	out.WriteString(prefix)
	for i, c := range alphabet.EncodeToString(b) {
		switch {
		case i%40 == 0:
			out.WriteByte('\n')
		case i%5 == 0:
			out.WriteByte(' ')
		}
		out.WriteRune(c)
	}
	out.WriteByte('\n')
	return out.String()
}

// Parse reads the text of a share as a person typed it: blanks, dashes and
// line ends do not matter, nor do capitals. Text before the word "share1" is
// passed over, so a whole share file is read too. Errors match [ErrForm].
func Parse(text string) (s Share, err error) {
	_, body, ok := strings.Cut(strings.ToLower(text), "\n"+prefix)
	if !ok {
		body, ok = strings.CutPrefix(strings.TrimSpace(strings.ToLower(text)), prefix)
	}
	if !ok {
		return s, fmt.Errorf("%w: it does not begin with %s", ErrForm, prefix)
	}
	// The digits that are not in the alphabet are read as what they look like.
	body = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", "-", "", "0", "o", "1", "l", "8", "b").Replace(body)
	b, err := alphabet.DecodeString(body)
	if err != nil || len(b) <= headSize+checkSize || len(b) > headSize+maxSecret+checkSize || alphabet.EncodeToString(b) != body {
		return s, fmt.Errorf("%w: a letter is missing, too many, or wrong", ErrForm)
	}
	payload, sum := b[:len(b)-checkSize], b[len(b)-checkSize:]
	if subtle.ConstantTimeCompare(sum, check(payload)) != 1 {
		return s, fmt.Errorf("%w: a letter is wrong", ErrForm)
	}
	r := octets.NewReader(payload)
	v := r.Uint8()
	s.Purpose = Purpose(r.Uint8())
	r.Into(s.Owner[:])
	r.Into(s.Set[:])
	s.Need, s.Of, s.X = r.Uint8(), r.Uint8(), r.Uint8()
	s.y = bytes.Clone(r.Raw(len(payload) - headSize))
	if err := r.Done(); err != nil || v != version || s.Need < 2 || s.Of > MaxShares || s.Need > s.Of || s.X < 1 || s.X > s.Of ||
		s.Purpose != Slot && s.Purpose != Root {
		return Share{}, fmt.Errorf("%w: of another version", ErrForm)
	}
	return s, nil
}
