// Package traffic has the words for what goes over a line and what becomes of
// it: the kinds and statuses of messages, what their originator asks for, and
// the states of the ladder of acknowledgement, each with its number, its name
// and its rules.
//
// The numbers stand in bodies (package wire), the names in answers of the API
// and in the store. What a kind may do is here too: how fast it may go, and
// whether a person must answer for it (docs/spec/envelope.md, Section 5).
//
// This package is on floor 0, on the words there: it holds values and rules,
// and nothing that belongs to one line or one message.
package traffic

// Kind is the kind of a message. The zero value is none. The numbers are part
// of the wire format.
type Kind uint8

// The kinds (docs/glossary.md).
const (
	Formal   Kind = 1 // in the name of the party
	Alert    Kind = 2 // structured threat message
	RFI      Kind = 3 // request for information
	Informal Kind = 4 // working text, not an official statement
	Service  Kind = 5 // about the line, never substance
	Check    Kind = 6 // line check and its answer
)

// Status says whether a message means it. The zero value is none. The numbers
// are part of the wire format.
type Status uint8

// The statuses.
const (
	Actual   Status = 1
	Exercise Status = 2
	Test     Status = 3
)

// Ack is what the originator asks the addressees for. The zero value asks for
// nothing. The numbers are part of the wire format.
type Ack uint8

// What can be asked for.
const (
	AckNone     Ack = 0
	AckReceipt  Ack = 1
	AckReadback Ack = 2
	AckAnswer   Ack = 3
)

// State is a rung of the ladder of acknowledgement, or a side branch of it.
// The zero value is none. The numbers are part of the wire format; only some
// of them travel in receipts ([State.Travels]).
type State uint8

// The states. The comment says who knows it, and whence.
const (
	Queued    State = 1  // own outbox
	Accepted  State = 2  // a relay's word, not end to end
	Delivered State = 3  // recipient desk, after its commit
	Alarmed   State = 4  // recipient desk: its tone started
	Receipted State = 5  // a named role opened it and said so
	Readback  State = 6  // a named role returned the meaning
	Comply    State = 7  // will comply
	Cannot    State = 8  // cannot comply, with the reason
	Holding   State = 9  // authority consulted, answer by a time
	Answered  State = 10 // a message of theirs replies to it
	Refused   State = 11 // recipient desk, with the reason
	Expired   State = 12 // recipient desk: it came after its time
	Overdue   State = 13 // own clock
	Withdrawn State = 14 // the role takes back an earlier state of its own
	Whole     State = 15 // a file is complete and verified
	Want      State = 16 // chunks of a file are missing
)
