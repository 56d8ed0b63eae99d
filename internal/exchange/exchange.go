// Package exchange sends and receives: it takes a marked message to the desks
// that may read it, and takes theirs in, each exactly once.
//
// One goroutine, [Engine.Run], owns the state of all lines: sending keys,
// receivers, rosters. Everything that happens (a send, a delivery, a relay's
// word, a receipt) is put before it as one step. Steps that wait together
// share one transaction, so that a burst costs one fsync and not a hundred. A
// step that fails leaves no trace, in memory or on disk. What the step says to
// the world (an envelope to a relay, an acknowledgement, an answer to the
// caller) is said only after the transaction is durable and used keys are
// erased:
//
//	send:     {chain advanced, sealed envelope in the outbox, journal leaf}, then the first byte leaves
//	receive:  {chain advanced, plaintext, journal leaf}, then "delivered" is signed
//	outbox:   an envelope stays until every desk it is for has signed "delivered"
//
// This package is on floor 3. Stores, links and the rules of trust are given
// from above; the line's cryptography is package chain's.
package exchange

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// Self is this desk: who it is and what it signs with.
type Self struct {
	Party      ident.Party
	PartyName  string
	Desk       ident.Desk
	DeskName   string
	MessageKey suite.MessageKey
	DeskKey    suite.DeskKey
	Control    suite.SealKey
}

// Link is the part of a link to one relay that the engine needs.
type Link interface {
	Put(p link.Put) error
	Ack(lane uint8, seq uint64)
	Allow(putters []ed25519.PublicKey)
	// Revoke takes putters off at once, with what they put and we have not
	// fetched.
	Revoke(putters ...ed25519.PublicKey)
	// Withdraw takes back a put of which nothing has left yet, and reports
	// whether it could. No answer for it comes then.
	Withdraw(ref uint64) bool
	// Forget asks the relay to drop what it holds for a mailbox from this desk.
	Forget(box ident.Mailbox)
	Status() link.Status
}

// Config is what an [Engine] is made of. All fields but Retention, Memo and
// Wall are required.
type Config struct {
	Store *store.Store
	Blobs *blob.Dir
	Suite suite.Suite
	Self  Self
	// Connect starts a link to a relay and keeps it up until ctx ends. It is
	// called from the engine's goroutine, once per relay, and must not block.
	Connect func(ctx context.Context, m roster.Mailbox, h link.Handler) Link
	// Control handles what a peer's control envelope says, inside the step
	// that opened it. An error drops the envelope and is logged.
	Control func(b *Batch, from roster.Entry, c chain.Control) error
	Log     *slog.Logger
	// Retention is how long the text of a message is kept after nothing needs it
	// any more; zero: for good.
	Retention time.Duration
	// Memo may be shared by the desks of one process; nil: a new one.
	Memo *Memo
	// Wall is the machine's clock; nil: [time.Now].
	Wall func() time.Time
}

// Limits of our own, with their reasons.
const (
	// maxBatch bounds what one transaction takes: more would delay a FLASH
	// that comes behind it by more than a few milliseconds.
	maxBatch = 64
	// window is how many envelopes per relay and lane are on their way at
	// once; the rest waits on disk. Once it was full, more is read when half of
	// it is free, so that what is still on its way is read again rarely.
	window = 256
	// fileWindow is the same for parts of files: 512 kB at the usual chunk.
	fileWindow = 8
	// maxParked bounds what waits for keys, in bytes; FLASH has as much again
	// for itself.
	maxParked = 64 << 20
	// parkedFor is how long a key may take to come.
	parkedFor = 7 * 24 * time.Hour
	// envelopeLife is how long relays keep an envelope.
	envelopeLife = 30 * 24 * time.Hour
	// sliceLife is how long relays keep a slice: the longest life of the seal
	// key that opens it.
	sliceLife = 8 * 24 * time.Hour
	// retryFirst is when a message that a relay accepted is put again because
	// nobody signed for it; it doubles up to retryMost.
	retryFirst = 30 * time.Second
	retryMost  = 10 * time.Minute
	// sliceAgain is when a slice that a relay accepted is put again because its
	// desk has not shown that it holds the key; it doubles up to sliceSeldom.
	// What that desk is told under the key (receipts, line checks) waits there
	// unread, and no message of ours need ever ask for it.
	sliceAgain  = 5 * time.Minute
	sliceSeldom = time.Hour
	// allowFirst is when a put is tried again whose mailbox does not list this
	// desk: a new desk's first message waits for a list that is being sent.
	allowFirst = time.Second
	// lazy is how long a relay's word waits for company before it is written
	// down: nothing depends on it.
	lazy = 25 * time.Millisecond
	// tick is the period of the engine's own chores.
	tick = 5 * time.Second
	// maxFile is the largest attachment in bytes.
	maxFile = 25 << 20
	// chunkSize is the plaintext of one part of a file, in bytes.
	chunkSize = 64 << 10
)

// Kinds of control envelopes that are handled here; the others are given to
// Config.Control. Their numbers are part of the wire format.
const (
	controlOffer     uint8 = 1  // a charter version with its signatures; package trust reads it
	ControlStatement uint8 = 3  // statements of a party
	ControlSealKey   uint8 = 4  // an announcement of a seal key
	ControlVector    uint8 = 5  // a checkpoint.Vector, where line checks differ
	ControlProof     uint8 = 6  // an attestation of a third desk's, for one that lacks it
	ControlWant      uint8 = 10 // asks a desk for an attestation of its own, by its hash
	// ControlConfirmation is a desk's word that it refuses a removed one, to a
	// desk with which it shares no key.
	ControlConfirmation uint8 = 8
)

// Kinds of statement bodies in a chain envelope, their first byte.
const (
	statementHeads   byte = 1 // what the sender's set holds
	statementSet     byte = 2 // statements that the reader lacks
	statementSealKey byte = 3 // an announcement of a seal key
	statementVoid    byte = 4 // envelopes of the sender that may never arrive
	// statementComplaint is a complaint.Complaint of the sender.
	statementComplaint byte = 5
)

// Events say what changed. Their data is the id of the thing, as bytes; a
// screen asks for the thing itself.
const (
	EventMessage = "message" // a message was sent, or came
	EventAlarm   = "alarm"   // a message came that wakes the watch, or its clock took a step
	EventLadder  = "ladder"  // a message's ladder grew, or its file did
	EventLine    = "line"    // a line changed
	EventDesk    = "desk"    // links or counts changed
	EventCutoff  = "cutoff"  // a desk was cut off, or its removal confirmed; by desk
)
