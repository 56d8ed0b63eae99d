// Package spool is what stands behind a relay's word "accepted": a durable
// place for sealed envelopes on their way.
//
// A put is answered after the commit and may be repeated: the same envelope is
// taken once per mailbox until it expires. Readers keep their own cursors, so
// the spool remembers nothing about a reader that it would have to recover.
// Sequences belong to an [Epoch]; a wiped or restored spool has a new one, and
// desks then put again what is still in their outboxes. The outbox is the
// truth: a lost spool costs time, never a message (docs/spec/link.md,
// Section 4).
//
// [Memory] serves tests; package sqlitespool is the real one; spooltest is the
// contract that both pass. This package is on floor 2.
package spool

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// Lanes is how many lanes a mailbox has: the precedence levels and files.
const Lanes = 5

// FlashLane may use a mailbox's reserve.
const FlashLane = 3

// Refusals. Each stands for one mailbox of one put and is shown to the sender.
var (
	ErrUnknownMailbox = errors.New("no such mailbox")
	ErrNotAllowed     = errors.New("putter is not on the owner's list")
	ErrQuota          = errors.New("mailbox is full")
	ErrShare          = errors.New("putter's share of the mailbox is full")
	ErrExpired        = errors.New("envelope has expired")
	ErrBusy           = errors.New("spool cannot write now")
	ErrClosed         = errors.New("spool is closed")
	ErrToken          = errors.New("invitation is unknown, used up or expired")
)

// Putter is the public mailbox key of whoever puts.
type Putter [ed25519.PublicKeySize]byte

// Put is one envelope for one or many mailboxes. The caller has parsed the
// envelope's header and vouches for Lane and Expiry.
type Put struct {
	To       []ident.Mailbox
	Putter   Putter
	Lane     uint8
	ID       envelope.ID
	Expiry   time.Time
	Envelope []byte
	// Part says that the envelope is a part of a file: one that waits is not
	// taken twice, one that its owner has taken may come again, for the owner
	// asks for parts that it lost.
	Part bool
}

// Placed is the outcome of a put for one mailbox, in the order of Put.To.
type Placed struct {
	// Seq is the number in the mailbox's lane; zero when the mailbox already
	// had the envelope, or when Err is set.
	Seq uint64
	// Err is one of the refusals above, or nil: then the envelope is on disk.
	Err error
}

// Item is one envelope waiting in a mailbox.
type Item struct {
	Seq      uint64
	Envelope []byte
}

// Usage is what a mailbox holds.
type Usage struct {
	Quota, Used uint64 // bytes
	Items       int
	// AllowHash is [HashPutters] of the list. It tells the owner whether the list is the one that it wants.
	AllowHash [8]byte
}

// Spool keeps envelopes. Its methods are safe for use by several goroutines.
type Spool interface {
	// Epoch identifies this spool's history; see the package comment.
	Epoch() uint64
	// Put submits p and returns. After the commit, or the refusal, done is
	// called exactly once from a goroutine of the spool, which it must not
	// hold up; for puts of one goroutine on one lane in the order of the calls.
	// Put blocks while too much is waiting.
	Put(p Put, done func([]Placed))
	// Next returns what waits in a lane behind after, in order, about limit
	// bytes but at least one item if there is one. A commit that was answered
	// before the call is seen.
	Next(ctx context.Context, box ident.Mailbox, lane uint8, after uint64, limit int) ([]Item, error)
	// Done deletes a lane's items up to and including to. It returns before
	// that is durable: a repeat does no harm.
	Done(box ident.Mailbox, lane uint8, to uint64)
	// Expire deletes envelopes and remembered ids whose time has passed, and
	// returns how many envelopes it deleted unread.
	Expire(ctx context.Context, now time.Time) (int, error)
	// Err returns the error that stopped the spool, if one did.
	Err() error
}

// Registry says which mailboxes exist and who may put into them. It is kept in
// the same place as the envelopes, so that a put is checked and written in one
// transaction.
type Registry interface {
	// Usage returns what a mailbox holds, or [ErrUnknownMailbox].
	Usage(box ident.Mailbox) (Usage, error)
	// Known reports whether putter owns a mailbox or is on somebody's list.
	Known(putter Putter) bool
	// Enrol makes a mailbox for owner by an invitation. An owner that is
	// enrolled already gets nil, and nothing is used up.
	Enrol(ctx context.Context, box ident.Mailbox, owner Putter, secret []byte, now time.Time) error
	// Allow replaces the list of putters of a mailbox; the owner is always
	// allowed.
	Allow(ctx context.Context, box ident.Mailbox, putters []Putter) error
	// Revoke takes putters off the list of a mailbox, drops what they put there
	// and its owner has not taken, and returns how many envelopes that were.
	// What the spool was given before the call is dropped too.
	Revoke(ctx context.Context, box ident.Mailbox, putters []Putter) (int, error)
	// Forget drops what a putter put into a mailbox and its owner has not taken,
	// also what the spool was given before the call.
	Forget(ctx context.Context, box ident.Mailbox, putter Putter) (int, error)
	// Invite records an invitation.
	Invite(ctx context.Context, inv Invitation) error
	// Totals counts for a status display.
	Totals() Totals
}

// Invitation lets desks enrol.
type Invitation struct {
	Secret []byte // only its hash is kept
	Uses   int
	Quota  uint64
	Expiry time.Time
}

// Totals are counts over a whole spool.
type Totals struct {
	Mailboxes int
	Items     int
	Bytes     uint64
}
