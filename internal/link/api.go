package link

import (
	"crypto/ed25519"
	"crypto/sha512"
	"errors"
	"fmt"
	"time"

	"hotline/internal/ident"
)

// Lanes is how many lanes a link schedules: 0 to 3 are the precedence levels
// ROUTINE to FLASH, 4 is for parts of files.
const Lanes = 5

// Reason says why a relay refused something. Numbers are part of the protocol.
type Reason uint8

// The reasons.
const (
	ReasonNone           Reason = 0
	ReasonUnknownMailbox Reason = 1  // no such mailbox at this relay
	ReasonNotAllowed     Reason = 2  // the mailbox's owner does not list this putter
	ReasonQuota          Reason = 3  // the mailbox is full; FLASH has a reserve
	ReasonTooLarge       Reason = 4  // longer than an envelope may be
	ReasonExpired        Reason = 5  // the envelope's own expiry has passed
	ReasonMalformed      Reason = 6  // not an envelope
	ReasonBusy           Reason = 7  // the relay's disk is full, or it is stopping
	ReasonUnknownDesk    Reason = 8  // key neither enrolled nor on any list
	ReasonReplaced       Reason = 9  // a newer link with the same key took over
	ReasonToken          Reason = 10 // invitation unknown, used up or expired
	ReasonVersion        Reason = 11 // protocol version not spoken here
	ReasonProtocol       Reason = 12 // frames that make no sense
	ReasonLimit          Reason = 13 // too many links or destinations
	ReasonShare          Reason = 14 // the putter has filled its share of the mailbox
	ReasonNoMeeting      Reason = 14 // no rendezvous there, or it is over
	ReasonMet            Reason = 15 // somebody else put that blob first
	ReasonNotYet         Reason = 16 // the blob is not there yet
)

var reasons = [...]string{
	"none", "unknown mailbox", "not allowed by the mailbox's owner", "mailbox full", "too large",
	"expired", "malformed", "relay busy", "unknown desk", "replaced by another link with the same key",
	"invitation unknown, used up or expired", "protocol version", "protocol error", "limit reached",
	"this desk's share of the mailbox is full",
	"no such rendezvous", "rendezvous answered by somebody else", "not there yet",
}

// String returns the reason in words for an officer.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// RefusedError is a refusal by the relay of the whole link: of the HELLO, or of
// an enrolment.
type RefusedError struct{ Reason Reason }

// Error returns the reason in words.
func (e *RefusedError) Error() string { return "relay refused: " + e.Reason.String() }

// ErrPin means that whoever answered does not hold the key that was pinned at
// enrolment. It is never retried with another key.
var ErrPin = errors.New("relay's key is not the one pinned at enrolment")

// ErrFull means that a lane of the client holds as much as it may. The caller
// puts again after the next Accepted or Refused.
var ErrFull = errors.New("link queue is full")

// Put is one envelope for one or many mailboxes at one relay.
type Put struct {
	// Ref is the caller's own number for this put. It comes back in Accepted
	// and Refused and must be unique among the puts not yet answered.
	Ref uint64
	// Lane is 0 to 4 and must equal the lane in the envelope's header.
	Lane uint8
	// To lists the mailboxes, at most [MaxFanOut]. The envelope is sent and
	// stored once however many there are.
	To []ident.Mailbox
	// Envelope is the whole sealed envelope. The client keeps it until the
	// answer; the caller must not change it.
	Envelope []byte
}

// Refusal says that mailboxes did not take a put.
type Refusal struct {
	Ref    uint64
	To     []ident.Mailbox // those that refused; the others follow in Accepted
	Reason Reason
	// RetryAfter is the relay's advice; zero means that trying again unchanged
	// is of no use.
	RetryAfter time.Duration
}

// Delivery is one envelope from the own mailbox.
type Delivery struct {
	Mailbox  ident.Mailbox
	Lane     uint8
	Seq      uint64 // ascending within a lane and spool epoch, not dense
	Envelope []byte // owned by the receiver
}

// Up holds the facts of a link that has just come up.
type Up struct {
	// Epoch is the relay's spool epoch. When it differs from the last one
	// seen, the relay lost or replaced its spool: everything accepted there and
	// not yet delivered must be put again.
	Epoch uint64
	// Enrolled reports whether the desk has a mailbox here; otherwise it is a
	// guest and may only put.
	Enrolled bool
	// Quota and Used are of the own mailbox, in bytes.
	Quota, Used uint64
	// Rival says that another program had a link with the same mailbox key when
	// this one came: a copy of this desk runs somewhere, or it was cut off so
	// suddenly that the relay still believed in its last link.
	Rival bool
	// RelayTime is the relay's clock, to suspect one's own by; it is not
	// trusted for anything.
	RelayTime time.Time
}

// Handler hears what happens on a link. The client calls it from one goroutine
// at a time, in order. Calls may block; a Deliver that blocks stops the reading
// from the relay, which is the back-pressure that is wanted, so it must not
// wait for something that only another call of this handler brings.
type Handler interface {
	// Up is called when the link is authenticated, before anything else.
	Up(Up)
	// Down is called once after each Up when the link is lost.
	Down(err error)
	// Accepted lists puts that are committed on the relay's disk.
	Accepted(refs []uint64)
	// Refused tells of mailboxes that did not take a put. The client has
	// dropped the put for them; whether and when to put again is the caller's
	// decision. Accepted follows if at least one mailbox took it.
	Refused(Refusal)
	// Deliver hands over envelopes that arrived, most urgent first and in
	// order within a lane. After committing them the owner calls
	// [Client.Ack]; what is not acknowledged comes again after a reconnect.
	Deliver([]Delivery)
}

// State says whether a link works.
type State string

// The states.
const (
	StateDown       State = "down"
	StateConnecting State = "connecting"
	StateUp         State = "up"
)

// Status is a snapshot of a link for the console and the command line.
type Status struct {
	State      State
	Since      time.Time     // of State
	RTT        time.Duration // smallest seen in the last minutes; zero if unknown
	Rate       int64         // bit/s towards the relay while it was busy; zero if unknown
	LastError  string        // of the last attempt; empty while up
	Enrolled   bool
	Epoch      uint64
	Waiting    int  // puts not yet answered
	AllowKnown bool // the relay has the allow list that was last set
	// RivalAt is when the relay last said that another program uses the same
	// mailbox key; zero if never.
	RivalAt time.Time
}

// MailboxOf returns the mailbox that belongs to a mailbox key.
func MailboxOf(key ed25519.PublicKey) (m ident.Mailbox) {
	copy(m[:], labelled("hotline/1/mailbox", key))
	return m
}

// RelayOf returns a relay's id, the pin: the hash of its public key in the
// SubjectPublicKeyInfo form of its certificate.
func RelayOf(spki []byte) (r ident.Relay) {
	copy(r[:], labelled("hotline/1/relay", spki))
	return r
}

// labelled returns SHA-384(length of label ‖ label ‖ data), so that no hash of
// this package can be taken for one of another.
func labelled(label string, data []byte) []byte {
	h := sha512.New384()
	h.Write([]byte{byte(len(label))})
	h.Write([]byte(label))
	h.Write(data)
	return h.Sum(nil)
}
