package api

import (
	"encoding/json"
	"fmt"
	"time"
)

// Time is an instant in JSON: RFC 3339 in UTC with milliseconds. The zero
// value means "not yet" or "unknown", and is left out of objects.
type Time struct{ time.Time }

// TimeMS returns the instant of Unix milliseconds as the store keeps them.
// Zero milliseconds give the zero Time.
func TimeMS(ms int64) Time {
	if ms == 0 {
		return Time{}
	}
	return Time{time.UnixMilli(ms).UTC()}
}

const timeForm = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements [json.Marshaler]. The zero value is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(timeForm))
}

// UnmarshalJSON implements [json.Unmarshaler]: any RFC 3339 time, or null.
func (t *Time) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = Time{}
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("read time: %w", err)
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("read time: %w", err)
	}
	t.Time = at.UTC()
	return nil
}

// Problem is the body of every answer that is not a success.
type Problem struct {
	Kind string `json:"kind"`           // fault.Kind's name
	Msg  string `json:"msg"`            // one sentence for whoever asked
	Hint string `json:"hint,omitempty"` // what mends it
	Ref  string `json:"ref"`            // stands in the desk's log too
}

// Desk is the answer to GET /desk: this desk, its links and what waits.
type Desk struct {
	Party    string  `json:"party"`
	PartyID  string  `json:"party_id"`
	Desk     string  `json:"desk"`
	DeskID   string  `json:"desk_id"`
	Version  string  `json:"version"`
	Now      Time    `json:"now"`
	Role     string  `json:"role"`     // of the officer who asks; filled by this package
	Officer  string  `json:"officer"`  // filled by this package
	Exercise bool    `json:"exercise"` // any open line carries exercise traffic only
	Store    string  `json:"store"`    // open, locked; damaged: its journal does not verify
	Relays   []Relay `json:"relays"`
	Clock    Clock   `json:"clock"`
	Counts   Counts  `json:"counts"`
	// ExpiresAt is the end of this desk's certificate. Whoever adds the desk to
	// a line after it refuses; lines that it is on go on.
	ExpiresAt Time      `json:"expires_at,omitzero"`
	Retention Retention `json:"retention"`
	// Alarms are about the party's own desks, and stand until an officer
	// settles them.
	Alarms []Alarm `json:"alarms"`
}

// ExpiryWarning is how long before its certificate's end a desk warns.
const ExpiryWarning = 30 * 24 * time.Hour

// Alarm is a banner above every screen.
type Alarm struct {
	Kind   string `json:"kind"` // duress; of a line: divergence, cutoff, removed
	Text   string `json:"text"`
	At     Time   `json:"at"`
	DeskID string `json:"desk_id"`
	Desk   string `json:"desk"` // its name
}

// Retention is what this desk does with texts that nobody needs any more.
type Retention struct {
	AfterS  int64 `json:"after_s"` // seconds after which a text is removed; 0: kept for good
	Removed int64 `json:"removed"` // messages whose text was removed
}

// Relay is the desk's view of one relay.
type Relay struct {
	ID      string `json:"id"`
	Addr    string `json:"addr"`
	State   string `json:"state"` // up, down, connecting
	Since   Time   `json:"since,omitzero"`
	RTTms   int64  `json:"rtt_ms,omitempty"`
	Waiting int    `json:"waiting"` // envelopes that this relay has not accepted yet
	Error   string `json:"error,omitempty"`
}

// Clock says whether the desk's clock can be believed.
type Clock struct {
	Suspect bool   `json:"suspect"`
	Text    string `json:"text,omitempty"`
}

// Counts is how much waits, in messages.
type Counts struct {
	AwaitingUs   int `json:"awaiting_us"`
	AwaitingThem int `json:"awaiting_them"`
	Queued       int `json:"queued"`
}

// Line is one line as this desk sees it.
type Line struct {
	ID           string      `json:"id"`
	Name         string      `json:"name"`
	State        string      `json:"state"` // proposed, open, left, stopped
	Profile      string      `json:"profile"`
	Exercise     bool        `json:"exercise"`
	Parties      []LineParty `json:"parties"`
	Health       Health      `json:"health"`
	AwaitingUs   int         `json:"awaiting_us"`
	AwaitingThem int         `json:"awaiting_them"`
	Rule         LineRule    `json:"rule"`
	CreatedAt    Time        `json:"created_at,omitzero"`
	Keys         LineKeys    `json:"keys"`
	// Accepted lists the names of the parties that signed the charter.
	Accepted []string `json:"accepted,omitempty"`
	// Alarms stand above every screen: records that differ (divergence), what
	// another desk proved of one (complaint), a cut-off that somebody has not
	// confirmed (cutoff), this desk cut off (removed).
	Alarms []Alarm `json:"alarms"`
}

// LineParty is a member of a line.
type LineParty struct {
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	Self  bool       `json:"self"`
	Desks []LineDesk `json:"desks"`
}

// LineDesk is a desk that reads a line.
type LineDesk struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Self        bool   `json:"self"`
	LastHeardAt Time   `json:"last_heard_at,omitzero"`
}

// Health is the state of a line with its evidence (docs/glossary.md).
type Health struct {
	State       string `json:"state"` // up, uplink_down, relay_down, peer_dark, unknown
	Text        string `json:"text"`
	Since       Time   `json:"since,omitzero"`
	LastHeardAt Time   `json:"last_heard_at,omitzero"`
}

// LineRule is the charter's written rule for fields that a person left open.
type LineRule struct {
	Classification string   `json:"classification"`
	PAP            string   `json:"pap"`
	REL            []string `json:"rel"`
}

// LineKeys says how many of the other desks hold our present sending key.
type LineKeys struct {
	SealedFor int `json:"sealed_for"`
	Of        int `json:"of"`
}

// LineNew is the body of POST /lines.
type LineNew struct {
	Name     string   `json:"name"`
	Parties  []string `json:"parties"` // the others; names or ids of paired parties
	Exercise bool     `json:"exercise"`
	// Rule is the rule to write into the charter; empty fields take the
	// profile's.
	Classification string `json:"classification,omitempty"`
	PAP            string `json:"pap,omitempty"`
	Record         string `json:"record,omitempty"` // attributable
	Attest         string `json:"attest,omitempty"` // amortised, or every: with each message
}

// Party is one party that this desk is paired with, or its own.
type Party struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Self     bool   `json:"self"`
	PairedAt Time   `json:"paired_at,omitzero"`
	Desks    int    `json:"desks"`
	// How says who verified its root: self, words, introduced.
	How string `json:"how"`
	// State is paired, or stopped: its lines stand still until a new ceremony.
	State     string `json:"state"`
	Stopped   string `json:"stopped,omitempty"` // why
	StoppedAt Time   `json:"stopped_at,omitzero"`
}

// File is bytes that a person carries: a desk's card, a joining pack.
type File struct {
	Name string `json:"name"` // suggested file name
	File []byte `json:"file"` // base64 in JSON
	// LeftOut counts messages that may not leave in a file of evidence.
	LeftOut int `json:"left_out,omitempty"`
	// Removed counts messages in it whose text this desk has removed.
	Removed int `json:"removed,omitempty"`
}

// CardIn is the body of POST /lines/{id}/desks.
type CardIn struct {
	Card []byte `json:"card"` // base64 in JSON
}

// PackIn is the body of POST /lines/join.
type PackIn struct {
	Pack []byte `json:"pack"` // base64 in JSON
}

// Leaf is one entry of the journal.
type Leaf struct {
	Seq  uint64          `json:"seq"`
	At   Time            `json:"at"`
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data,omitempty"`
	Hash string          `json:"hash"` // hex: its place in the Merkle tree (docs/spec/journal.md)
}

// JournalStatus says how the record stands.
type JournalStatus struct {
	Size         int64  `json:"size"` // leaves
	Root         string `json:"root"` // hex, of all of them
	Generation   uint64 `json:"generation"`
	CheckpointAt Time   `json:"checkpoint_at,omitzero"`
	Covered      int64  `json:"covered"` // leaves under the last checkpoint
	VerifiedAt   Time   `json:"verified_at,omitzero"`
	OK           bool   `json:"ok"` // it verified when it was last looked at
	Error        string `json:"error,omitempty"`
	Running      bool   `json:"running"` // it is being verified
	Done         int64  `json:"done"`
	Of           int64  `json:"of"`
}

// VerifyIn is the body of POST /journal/verify.
type VerifyIn struct {
	Signatures bool `json:"signatures"` // of messages, receipts and attestations too
}

// Presence is what an open console reports every 20 s (docs/console.md, Section 1).
type Presence struct {
	Sound   string `json:"sound"` // proven, muted, none
	Visible bool   `json:"visible"`
	// Sounding lists the messages for which a tone has started at this console
	// since the last report; the desk signs that to their senders.
	Sounding []string `json:"sounding,omitempty"`
}

// Backup is the answer to POST /backup.
type Backup struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// BackupIn is the body of POST /backup.
type BackupIn struct {
	Path string `json:"path"` // absolute; must not exist
}

// ZeroizeIn is the body of POST /zeroize.
type ZeroizeIn struct {
	Confirm string `json:"confirm"` // the desk's name, as a person typed it
}

// SignInLink is the answer to POST /sign-in-links: a one-time link for a
// browser on the desk's console.
type SignInLink struct {
	URL       string `json:"url"`
	ExpiresAt Time   `json:"expires_at"`
}

// SignInLinkIn is the body of POST /sign-in-links.
type SignInLinkIn struct {
	Officer string `json:"officer"` // empty: the first officer
}
