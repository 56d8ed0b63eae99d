// Package chain seals messages to a group and opens them, once each.
//
// Every desk has its own sending key per group, seals it pairwise to each desk
// that the roster names (a slice), and ratchets it: one chain per precedence,
// one for receipts per originating party. A message is sealed once and one
// envelope goes to everybody; a key is used once and then gone, at both ends.
// Nobody has to agree with anybody before sending, so there is no order to
// dispute and nothing to fork (docs/spec/chain.md; protocol intent, Sections 5
// and 6). A chunk of a file and a control envelope, which need no chain, are
// sealed here too, so that one package writes all that an envelope may hold.
//
// A [Sender] and a [Receiver] belong to the one goroutine that owns a line's
// state. Whatever fails leaves them as they were, byte for byte. What succeeds
// changes them in memory only: the owner stores MarshalBinary in the same
// transaction as the plaintext or the outbox row, and where that transaction
// fails puts back the clone it took before (or unmarshals what is stored).
// Marshalled state holds keys and goes into key cells, nowhere else.
//
// This package is on floor 1: bytes in, values out. It knows no primitive; the
// assembly hands it a [Suite]. It reads no clock: times are arguments, and only
// their differences matter.
package chain

import (
	"encoding/binary"
	"errors"
	"time"

	"hotline/internal/octets"
)

// Suite is what this package needs of a line's cryptography.
type Suite interface {
	Symmetric
	Asymmetric
}

// Symmetric is the part of a suite that works with shared keys.
type Symmetric interface {
	ID() uint8
	// Hash binds label and parts with their lengths.
	Hash(label string, parts ...[]byte) [48]byte
	Extract(salt, secret []byte) []byte
	Expand(prk []byte, label string, context []byte, n int) []byte
	// Seal draws a nonce of 12 bytes and appends it, ciphertext and tag to dst.
	Seal(dst, key, aad, plain []byte) []byte
	Open(key, aad, sealed []byte) ([]byte, error)
}

// Asymmetric is the part of a suite that works with public keys.
type Asymmetric interface {
	// Sizes are those of public keys and signatures.
	Sizes() octets.Sizes
	SealTo(public []byte, label string, aad, plain []byte) ([]byte, error)
	VerifyMessage(public []byte, label string, signature []byte, parts ...[]byte) error
	VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error
}

// Signer is a message key, or for control envelopes a desk key.
type Signer interface {
	Sign(label string, parts ...[]byte) []byte
}

// Opener is the private half of a seal key or of a control key.
type Opener interface {
	Public() []byte
	Open(label string, aad, sealed []byte) ([]byte, error)
}

var (
	// ErrOpen means that an envelope does not open with this key: another
	// key, or bytes changed on the way. They look alike on purpose.
	ErrOpen = errors.New("envelope does not open")
	// ErrSignature means that an envelope opened and is not signed by the
	// desk that it names. Any member of the group may have made it.
	ErrSignature = errors.New("signature in the envelope is not valid")
	// ErrReplay means that the key of this sequence is gone: the message was
	// opened before, or it comes later than its key was kept.
	ErrReplay = errors.New("envelope was opened before, or its key has expired")
	// ErrJump means that a sequence is so far ahead that opening it would skip
	// more than [MaxSkipped] messages. No key was derived.
	ErrJump = errors.New("sequence is too far ahead")
	// ErrRefused means that an envelope is signed by its sender and breaks the
	// rules of the format all the same. The sender is at fault.
	ErrRefused = errors.New("signed envelope breaks the format")
	// ErrConflict means that two slices for one generation hold two keys, or
	// that a chain goes on after its sender signed where it ends. The signed
	// values convict the sender.
	ErrConflict = errors.New("sender signed two different things")
	// ErrUnknownDesk means that a slice or a control envelope names a desk
	// whose keys are not held. It can be tried again when they are.
	ErrUnknownDesk = errors.New("sender is not known")
	// ErrSpent means that a generation may not send any more: a successor
	// exists, or a chain is at its end. The caller makes a new one.
	ErrSpent = errors.New("sending key is spent")
	// ErrForgotten means that the sending key was wiped, so that nobody else
	// can be given a slice of this generation.
	ErrForgotten = errors.New("sending key is wiped")
	// ErrInput means that what was to be sealed breaks the format: too large,
	// a party outside the group, a kind in the wrong lane.
	ErrInput = errors.New("cannot be sealed")
	// ErrState means that marshalled state cannot be read.
	ErrState = errors.New("malformed chain state")
)

// Lane names one chain of a generation. 0 to 3 are the precedence levels.
type Lane uint8

// Receipts is the chain of receipts to one originating party. Each party has
// its own, and only that party's desks follow it.
const Receipts Lane = 4

// lanes is how many chains a receiver follows.
const lanes = 5

// Generation tells the sending keys of one desk for one group apart. It is
// drawn at random; order is in the predecessors, so that a fork after a restore
// is visible and no crime.
type Generation [16]byte

// Gap is a run of messages of one chain that have not been opened.
type Gap struct {
	Lane     Lane
	From, To uint32 // both included
}

// History says what the running hash of a chain proves about one message.
type History uint8

const (
	// Unproven: the message before this one has not been opened yet.
	Unproven History = 0
	// Intact: this message follows the one before it, as the sender signed.
	Intact History = 1
	// Broken: the sender signed another message before this one than the one
	// that was opened here. It showed two histories.
	Broken History = 2
)

// minutes is a time as envelopes carry it; it rounds up, so that an expiry is
// never early. Times before 1970 and after 10,000 years of minutes are clipped.
func minutes(t time.Time) uint32 {
	m := (t.Unix() + 59) / 60
	return uint32(min(max(m, 0), 1<<32-1))
}

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// toMilli is t as state keeps it, so that storing and reading changes nothing.
func toMilli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
