package api

import (
	"context"
	"io"
)

// The rules behind the door, by concern. Every method gets the officer who
// asks in its context ([OfficerFrom]) and returns a fault.Error wherever the
// asker can understand the reason. All are called from many goroutines.

// Status answers who this desk is.
type Status interface {
	// Desk returns the desk's state; Role and Officer are filled in here.
	Desk(ctx context.Context) (Desk, error)
	// Parties lists the own party and the paired ones.
	Parties(ctx context.Context) ([]Party, error)
	// Presence takes what an open console reports; alarms that sound there are
	// signed to the senders.
	Presence(ctx context.Context, p Presence) error
	// SettleDuress ends the alarm about a desk of the own party.
	SettleDuress(ctx context.Context, desk string) error
}

// Lines is the life of a line. A ref is an id, a unique prefix of one, or a
// name.
type Lines interface {
	List(ctx context.Context) ([]Line, error)
	Get(ctx context.Context, ref string) (Line, error)
	// Create proposes a line to paired parties.
	Create(ctx context.Context, in LineNew) (Line, error)
	Accept(ctx context.Context, ref string) (Line, error)
	Leave(ctx context.Context, ref string) (Line, error)
	// Check asks every desk of a line what it holds; Checks returns what came.
	Check(ctx context.Context, ref string) (TrustChecks, error)
	Checks(ctx context.Context, ref string) (TrustChecks, error)
	// RenewKeys makes new sending keys of this desk for a line.
	RenewKeys(ctx context.Context, ref string) (Line, error)
}

// Joining brings a further desk of the own party onto a line.
type Joining interface {
	// Card returns this desk's card, to be carried to a desk that is on the line.
	Card(ctx context.Context) (File, error)
	// AddDesk puts the desk of a card on a line and returns its joining pack.
	AddDesk(ctx context.Context, ref string, card []byte) (File, error)
	// Join opens a joining pack on the new desk.
	Join(ctx context.Context, pack []byte) (Line, error)
}

// Trust is who belongs to lines, by whose word, and who was cut off. A desk is
// named by id or name.
type Trust interface {
	LineTrust(ctx context.Context, ref string) (LineTrust, error)
	// CutOff removes a desk of the own party for good.
	CutOff(ctx context.Context, desk string, in CutoffIn) (Cutoff, error)
	Cutoffs(ctx context.Context) ([]Cutoff, error)
	Cutoff(ctx context.Context, ref string) (Cutoff, error)
	// Delegates lists the delegate keys at this desk.
	Delegates(ctx context.Context) ([]Delegate, error)
	ImportDelegate(ctx context.Context, in DelegateIn) (Delegate, error)
}

// Standing is what parties state about themselves and each other, and the
// versions of charters. A party is named by id or name.
type Standing interface {
	Party(ctx context.Context, ref string) (PartyDetail, error)
	// Suspend has a delegate key at this desk suspend a party.
	Suspend(ctx context.Context, ref string, in SuspendIn) (PartyDetail, error)
	// State takes in a statement of the own party that was signed elsewhere.
	State(ctx context.Context, statement []byte) (TrustStatement, error)
	Versions(ctx context.Context, line string) ([]CharterVersion, error)
	Propose(ctx context.Context, line string, c CharterChange) (CharterVersion, error)
	// Sign takes in signatures that custodians made elsewhere.
	Sign(ctx context.Context, version []byte) (CharterVersion, error)
}

// MessageQuery selects messages; empty fields select all. The list is newest
// first, or most urgent first with Waiting.
type MessageQuery struct {
	Line    string // ref
	Waiting string // us, them
	Box     string // in, out
	After   string // id of the last message of the page before
	Limit   int    // 1 to MaxPage
}

// Messages is the traffic. A ref is an id, a unique prefix of one, or a serial.
type Messages interface {
	List(ctx context.Context, q MessageQuery) ([]Message, error)
	Get(ctx context.Context, ref string) (Message, error)
	// Review computes what Send would do, and keeps nothing.
	Review(ctx context.Context, d Draft) (Review, error)
	// Send commits the message to the outbox before it returns.
	// [IdempotencyKey] of ctx, when there is one, belongs into the same
	// transaction.
	Send(ctx context.Context, d Draft) (Sent, error)
	Ack(ctx context.Context, ref string, a Ack) (Message, error)
	// Opened notes that an officer has opened a message: retention waits for it.
	Opened(ctx context.Context, ref string) error
	// Content opens the message's STIX bundle, byte for byte as it was given,
	// or returns a fault that says how much of it has come.
	Content(ctx context.Context, ref string) (Content, error)
}

// Content is an attachment that is whole at this desk. Body is closed by
// this package.
type Content struct {
	Name   string
	Media  string
	Size   int64 // bytes
	SHA256 string
	Body   io.ReadCloser
}

// Uploads takes a bundle before the message that carries it.
type Uploads interface {
	// Put reads r to its end, checks it, keeps it and returns its name. An
	// error of r itself must be returned wrapped.
	Put(ctx context.Context, name, media string, r io.Reader) (Upload, error)
}

// Pairings is the ceremony between two parties.
type Pairings interface {
	Start(ctx context.Context, in PairingNew) (Pairing, error)
	// Join answers the pairing that lies under a code.
	Join(ctx context.Context, in PairingCode) (Pairing, error)
	Answer(ctx context.Context, in PairingFile) (Pairing, error)
	// Open takes a file for one pairing; with an empty id, for the one that the
	// file belongs to.
	Open(ctx context.Context, id string, file []byte) (Pairing, error)
	List(ctx context.Context) ([]Pairing, error)
	Get(ctx context.Context, id string) (Pairing, error)
	// Confirm checks the words that were heard. The witness is the second
	// officer, checked; empty when there is none.
	Confirm(ctx context.Context, id string, words []string, witness string) (Pairing, error)
	Abandon(ctx context.Context, id string) (Pairing, error)
	// Record returns the signed record of a pairing that held.
	Record(ctx context.Context, id string) (File, error)
	// Stop makes the lines with a party stand still until a new ceremony.
	Stop(ctx context.Context, party, reason, confirm string) (Party, error)
}

// Vouching knows the officers' passwords.
type Vouching interface {
	// Vouch returns the officer of that name and password, or a fault of kind
	// Denied that is the same for every cause, or Busy after too many tries.
	Vouch(ctx context.Context, name, password string) (Officer, error)
}

// Events is the ring of changes behind the stream.
type Events interface {
	// After returns up to limit events with ids above after, oldest first.
	// ok is false when the ring has no longer, or never had, what follows
	// after: the client then gets a snapshot. after == Head returns none, true.
	After(ctx context.Context, after uint64, limit int) (events []Event, ok bool, err error)
	// Snapshot returns the whole state as an event of kind snapshot, with the
	// id of the newest event that it includes.
	Snapshot(ctx context.Context) (Event, error)
	// Changed returns a channel that is closed when an event is added after
	// the call.
	Changed() <-chan struct{}
}

// Journal is the desk's record.
type Journal interface {
	// Leaves returns up to limit leaves with numbers above after.
	Leaves(ctx context.Context, after uint64, limit int) ([]Leaf, error)
	JournalStatus(ctx context.Context) (JournalStatus, error)
	// Verify reads the whole record from the disk, and signs a checkpoint.
	Verify(ctx context.Context, signatures bool) (JournalStatus, error)
	// Prove returns evidence of one message, Export of a line, NonAnswer a
	// certificate about a message that a party did not answer.
	Prove(ctx context.Context, message string) (File, error)
	Export(ctx context.Context, line string) (File, error)
	NonAnswer(ctx context.Context, message, party string, text bool) (File, error)
}

// Custody is what only a person on the desk's own machine may ask: it is
// served on the control socket and nowhere else.
type Custody interface {
	// Backup writes a copy of the store to an absolute path that does not exist.
	Backup(ctx context.Context, path string) (Backup, error)
	// SignInLink makes a one-time link to the console.
	SignInLink(ctx context.Context, officer string) (SignInLink, error)
	// Zeroize destroys the desk whose name is given, after it has answered.
	Zeroize(ctx context.Context, confirm string) error
}

// Answers remembers what was answered to an Idempotency-Key, for 24 hours, so
// that a retry over a bad link does nothing twice. A scope is officer and
// route. See [NewMemoryAnswers].
type Answers interface {
	// Recall returns the answer kept under (scope, key), or ok == false.
	Recall(ctx context.Context, scope, key string) (a Answer, ok bool, err error)
	// Keep stores an answer.
	Keep(ctx context.Context, scope, key string, a Answer) error
}

// Answer is one remembered answer.
type Answer struct {
	Request [32]byte // SHA-256 of the request's body
	Status  int
	Body    []byte
}
