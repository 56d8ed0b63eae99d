// Package wire gives the bodies of messages and receipts their bytes.
//
// A body is signed by its sender, hashed into journals and read by programs
// that others wrote, so it has exactly one spelling: deterministic CBOR (RFC
// 8949, Section 4.2.1) with small numbers as keys. A reader refuses what it
// would not have written itself: unknown, repeated or unsorted keys, trailing
// bytes, long forms of short numbers, values outside the rules of the domain.
// The keys and their rules are in docs/spec/envelope.md; frozen vectors are in
// testdata.
//
// Texts pass packed: package pack has the dictionaries, this package carries
// the bytes and the dictionary's number. Sealing is package chain's.
//
// This package is on floor 1: bytes in, values out. It imports the CBOR
// library, alone in this module.
package wire

import (
	"log/slog"
	"time"

	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/traffic"
)

// Message is the body of a message. The party in whose name it is sent is
// that of the desk whose signature the envelope bears, so it is not repeated
// here; nor is the line, which the group of the envelope names.
type Message struct {
	Kind       traffic.Kind     `cbor:"1,keyasint"`
	Status     traffic.Status   `cbor:"2,keyasint"`
	Exercise   string           `cbor:"19,keyasint,omitempty"` // name of the exercise; only with [traffic.Exercise]
	Precedence precedence.Level `cbor:"3,keyasint,omitempty"`  // for the action addressees
	Serial     string           `cbor:"4,keyasint"`            // "JPN-1/0412"
	Composed   int64            `cbor:"5,keyasint"`            // the date-time group, Unix time in ms; may be wrong
	Role       string           `cbor:"6,keyasint,omitempty"`  // in which the originator speaks; may be empty
	Action     []ident.Party    `cbor:"-"`                     // who must act
	Info       []ident.Party    `cbor:"-"`                     // who is to know
	References []string         `cbor:"9,keyasint,omitempty"`  // serials
	ReplyTo    ident.Message    `cbor:"10,keyasint,omitzero"`  // zero: none
	AckWanted  traffic.Ack      `cbor:"11,keyasint,omitempty"`
	AckDue     uint32           `cbor:"12,keyasint,omitempty"` // seconds after release; zero: the charter's clock
	Label      Label            `cbor:"-"`
	Subject    string           `cbor:"14,keyasint,omitempty"` // one row
	Language   string           `cbor:"15,keyasint,omitempty"` // of the text, a tag of BCP 47; may be empty
	Text       []byte           `cbor:"16,keyasint,omitempty"` // UTF-8, or packed if Dictionary is not zero
	Dictionary uint8            `cbor:"17,keyasint,omitempty"` // of package pack; zero: Text is as written
	Files      []File           `cbor:"18,keyasint,omitempty"`
}

// Purpose says what a file is to the message. The numbers are part of the wire
// format.
type Purpose uint8

// The purposes.
const (
	Attachment Purpose = 0
	STIX       Purpose = 1 // the STIX bundle of an alert
)

// File is what a message says of a file that travels beside it in chunks. It
// holds the file's content key: whoever can read the message can read it.
type File struct {
	Name      string     `cbor:"1,keyasint"`
	Media     string     `cbor:"2,keyasint,omitempty"` // media type, "application/stix+json;version=2.1"
	Size      uint64     `cbor:"3,keyasint,omitempty"` // of the file as given, in bytes
	SHA256    [32]byte   `cbor:"4,keyasint"`           // of the file as given
	Root      [32]byte   `cbor:"5,keyasint"`           // hash over the chunks (docs/spec/envelope.md)
	Key       ContentKey `cbor:"6,keyasint"`
	ChunkSize uint32     `cbor:"7,keyasint"` // of the plaintext of each chunk but the last, in bytes
	Count     uint32     `cbor:"8,keyasint"` // of chunks
	Purpose   Purpose    `cbor:"9,keyasint,omitempty"`
	Packed    uint8      `cbor:"10,keyasint,omitempty"` // how the chunks hold it: zero as given, else a dictionary of package pack
}

// ContentKey opens the chunks of one file. It serves that file only, and is
// never printed.
type ContentKey [32]byte

// String returns a placeholder, so that %v and %s are safe.
func (ContentKey) String() string { return "ContentKey(redacted)" }

// GoString returns a placeholder, so that %#v is safe.
func (k ContentKey) GoString() string { return k.String() }

// LogValue implements [slog.LogValuer].
func (k ContentKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the message without its content, so that %v and %s are safe.
func (m Message) String() string { return "Message(" + m.Kind.String() + " " + m.Serial + ")" }

// LogValue implements [slog.LogValuer].
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }

// Receipt is the body of a receipt: what the recipient's desk says about one
// message, for itself or for a named role. It binds what was read, under which
// label and in whose company.
type Receipt struct {
	State     traffic.State `cbor:"1,keyasint"`
	Message   ident.Message `cbor:"2,keyasint"`
	At        int64         `cbor:"3,keyasint"`            // when it became true there, Unix time in ms
	Content   [32]byte      `cbor:"4,keyasint"`            // [ContentHash] of the message's body
	Label     [32]byte      `cbor:"5,keyasint"`            // [Label.Hash] of its label
	Group     ident.Group   `cbor:"6,keyasint"`            // the audience it was sealed to
	Role      string        `cbor:"7,keyasint,omitempty"`  // who speaks; empty: the desk itself
	Text      string        `cbor:"8,keyasint,omitempty"`  // reason of Cannot and Refused; paraphrase of Readback
	AnswerBy  int64         `cbor:"9,keyasint,omitempty"`  // of Holding, Unix time in ms; else zero
	Withdraws traffic.State `cbor:"10,keyasint,omitempty"` // of Withdrawn; else zero
	File      uint8         `cbor:"11,keyasint,omitempty"` // of Whole and Want: place of the file in the message
	Missing   []Range       `cbor:"-"`                     // of Want
}

// Range is a run of chunks.
type Range struct {
	First uint32 // index
	Count uint32 // at least 1
}

// DTG returns the time of composition.
func (m *Message) DTG() time.Time { return time.UnixMilli(m.Composed).UTC() }
