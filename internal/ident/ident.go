// Package ident holds the identifiers of hotline: of parties, desks, lines,
// groups, messages, mailboxes and relays.
//
// An identifier is a hash of the thing that it names, never a number that
// somebody hands out, so that no server can hand out the wrong one. Each kind
// is a type of its own and has a text prefix of its own, so that a desk's id
// in the place of a party's is an error and not a surprise
// (docs/spec/line.md, Section 1). Names that people see ("NATO") are local labels beside them.
//
// This package is on floor 0: values and rules, standard library only.
package ident

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// ErrForm means that a text is not an identifier of the kind asked for.
var ErrForm = errors.New("not an identifier of this kind")

type (
	// Party is the hash of a party's root key. Text form "party1…".
	Party [32]byte
	// Desk is the hash of a desk's certificate. Text form "desk1…".
	Desk [32]byte
	// Line is the hash of a line's first charter, nonce included. Text form "line1…".
	Line [32]byte
	// Group is the hash of a line's id and the sorted ids of the parties that
	// are its audience. Text form "group1…".
	Group [32]byte
	// Statement is the hash of a signed statement. Text form "stmt1…".
	Statement [32]byte
	// Key is the hash of a public key that a party's root gave a narrow office:
	// a delegate's, a custodian's, or the root's own. Text form "key1…".
	Key [32]byte
	// Mailbox names a place at a relay. It is not an identity: it is the hash
	// of a key that serves nothing else. Text form "box1…".
	Mailbox [32]byte
	// Relay is the hash of a relay's public key, the pin of enrolment. Text
	// form "relay1…".
	Relay [32]byte
	// Message is drawn at random by the originating desk. Text form "msg1…".
	Message [16]byte
)

// Compare is the one order of identifiers of a kind: that of their bytes.
func Compare[T ~[32]byte](a, b T) int { return bytes.Compare(a[:], b[:]) }

// alphabet is base32 in lower case without look-alikes at its end: letters
// and 2 to 7, as in RFC 4648, Section 6.
var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func text(prefix string, b []byte) string { return prefix + alphabet.EncodeToString(b) }

func parse(prefix, s string, dst []byte) error {
	body, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return fmt.Errorf("%w: %q does not begin with %q", ErrForm, clip(s), prefix)
	}
	b, err := alphabet.DecodeString(body)
	// Base32 leaves spare bits at the end; only one spelling is accepted.
	if err != nil || len(b) != len(dst) || alphabet.EncodeToString(b) != body {
		return fmt.Errorf("%w: %q", ErrForm, clip(s))
	}
	copy(dst, b)
	return nil
}

// clip keeps what a stranger typed from filling a log.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func (p Party) String() string     { return text("party1", p[:]) }
func (d Desk) String() string      { return text("desk1", d[:]) }
func (l Line) String() string      { return text("line1", l[:]) }
func (g Group) String() string     { return text("group1", g[:]) }
func (s Statement) String() string { return text("stmt1", s[:]) }
func (k Key) String() string       { return text("key1", k[:]) }
func (m Mailbox) String() string   { return text("box1", m[:]) }
func (r Relay) String() string     { return text("relay1", r[:]) }
func (m Message) String() string   { return text("msg1", m[:]) }

// ParseParty reads the text form of a party's id.
func ParseParty(s string) (p Party, err error) { err = parse("party1", s, p[:]); return p, err }

// ParseDesk reads the text form of a desk's id.
func ParseDesk(s string) (d Desk, err error) { err = parse("desk1", s, d[:]); return d, err }

// ParseLine reads the text form of a line's id.
func ParseLine(s string) (l Line, err error) { err = parse("line1", s, l[:]); return l, err }

// ParseKey reads the text form of a key's id.
func ParseKey(s string) (k Key, err error) { err = parse("key1", s, k[:]); return k, err }

// ParseMailbox reads the text form of a mailbox's id.
func ParseMailbox(s string) (m Mailbox, err error) { err = parse("box1", s, m[:]); return m, err }

// ParseRelay reads the text form of a relay's id.
func ParseRelay(s string) (r Relay, err error) { err = parse("relay1", s, r[:]); return r, err }

// ParseMessage reads the text form of a message's id.
func ParseMessage(s string) (m Message, err error) { err = parse("msg1", s, m[:]); return m, err }

// NewMessage draws a message id.
func NewMessage() (m Message) {
	rand.Read(m[:]) // never fails: crypto/rand ends the process instead
	return m
}
