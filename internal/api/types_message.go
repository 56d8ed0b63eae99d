package api

import "encoding/json"

// Label is a message's label as shown: four independent fields and caveats.
type Label struct {
	Classification string   `json:"classification"`
	TLP            string   `json:"tlp"`
	PAP            string   `json:"pap"`
	REL            []string `json:"rel"` // names of parties, or ANY
	Caveats        []string `json:"caveats"`
	Text           string   `json:"text"` // all of it in one line
}

// LabelIn is a label as asked for. An empty field is left to the charter's
// written rule; there is none for TLP.
type LabelIn struct {
	Classification string   `json:"classification"`
	TLP            string   `json:"tlp"`
	PAP            string   `json:"pap"`
	REL            []string `json:"rel"` // names or ids of parties, or ANY
	Caveats        []string `json:"caveats"`
}

// Message is one message with its ladder as this desk knows it.
type Message struct {
	ID           string   `json:"id"`
	Line         string   `json:"line"`
	LineName     string   `json:"line_name"`
	Direction    string   `json:"direction"` // in, out
	From         string   `json:"from"`
	FromDesk     string   `json:"from_desk"`
	To           []string `json:"to"`
	Serial       string   `json:"serial"`
	Kind         string   `json:"kind"`
	Status       string   `json:"status"` // actual, exercise, test
	ExerciseName string   `json:"exercise_name,omitempty"`
	Precedence   string   `json:"precedence"`
	Label        Label    `json:"label"`
	DTG          string   `json:"dtg"` // 230209ZNOV26
	DTGAt        Time     `json:"dtg_at,omitzero"`
	DTGSuspect   bool     `json:"dtg_suspect"` // implausible: shown with ???
	CommittedAt  Time     `json:"committed_at,omitzero"`
	Subject      string   `json:"subject"`
	Language     string   `json:"language,omitempty"`
	Text         string   `json:"text"`
	// OpenedAt is when somebody at this desk opened a message that came.
	OpenedAt Time `json:"opened_at,omitzero"`
	// RemovedAt is when this desk removed the text, and the bundle with it.
	RemovedAt Time `json:"removed_at,omitzero"`
	// Attested: the sender's long-lived signature covers it; until then its
	// Ed25519 signature alone does.
	Attested    bool     `json:"attested"`
	Reference   string   `json:"reference,omitempty"`
	AckRequired string   `json:"ack_required"`
	AckDueAt    Time     `json:"ack_due_at,omitzero"`
	Overdue     bool     `json:"overdue"`
	Escalation  int      `json:"escalation"`
	STIX        *STIX    `json:"stix"` // null: the message carries none
	State       string   `json:"state"`
	Ladder      []Rung   `json:"ladder"`
	Actions     []string `json:"actions"` // outcomes that may be acknowledged now
}

// STIX is the state of a message's STIX bundle at this desk.
type STIX struct {
	Name    string  `json:"name"`
	Size    int64   `json:"size"` // bytes
	SHA256  string  `json:"sha256"`
	State   string  `json:"state"` // none, waiting, partial, whole
	Have    int64   `json:"have"`  // bytes on this desk; at the sender, bytes confirmed by the recipients
	Objects int     `json:"objects"`
	Summary []Count `json:"summary"`
}

// Count is how many objects of a STIX type a bundle holds.
type Count struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Rung is one step of the ladder (docs/glossary.md).
type Rung struct {
	State    string `json:"state"`
	Party    string `json:"party"`
	Desk     string `json:"desk"`
	Role     string `json:"role,omitempty"`
	At       Time   `json:"at"`
	Verified bool   `json:"verified"` // the signature was checked by this desk
	Text     string `json:"text,omitempty"`
}

// Draft is the body of POST /messages and of POST /review.
type Draft struct {
	Line         string  `json:"line"` // id, unique prefix of it, or name
	Kind         string  `json:"kind"` // empty: alert with a bundle, else formal
	Precedence   string  `json:"precedence"`
	Label        LabelIn `json:"label"`
	Subject      string  `json:"subject"`
	Language     string  `json:"language"`
	Text         string  `json:"text"`
	Upload       string  `json:"upload"`       // from POST /uploads; empty: no bundle
	AckByS       int64   `json:"ack_by_s"`     // seconds; 0: the precedence's clock
	AckRequired  string  `json:"ack_required"` // none, receipt, readback, answer; empty: the kind's
	Reference    string  `json:"reference"`
	ExerciseName string  `json:"exercise_name"`
	Status       string  `json:"status"` // actual, exercise, test; empty: exercise on an exercise line or with a name, else actual
	// Action names the parties that have to act; empty: all who can read it.
	Action []string `json:"action,omitempty"`
	// ActionFirst has new keys go first to those, and to the rest behind the
	// message: see Review.NewKeys.
	ActionFirst bool `json:"action_first,omitempty"`
}

// Sent is the answer to POST /messages. The message is on disk.
type Sent struct {
	ID      string   `json:"id"`
	State   string   `json:"state"`
	Label   Label    `json:"label"`
	Filled  []string `json:"filled"` // sentences: which field came from which written rule
	Serial  string   `json:"serial"`
	Readers []Reader `json:"readers"`
	// Reachable is false when no relay is up, so that the message waits here.
	Reachable bool `json:"reachable"`
}

// Reader is a party that will be able to read a message, with its desks.
type Reader struct {
	Party string   `json:"party"`
	Self  bool     `json:"self"`
	Desks []string `json:"desks"`
}

// Excluded is a member of the line that will not be able to read a message.
type Excluded struct {
	Party  string `json:"party"`
	Reason string `json:"reason"`
}

// Review is the answer to POST /review: what would be sent, and to whom.
type Review struct {
	Label       Label      `json:"label"`
	Filled      []string   `json:"filled"`
	Readers     []Reader   `json:"readers"`
	Not         []Excluded `json:"not"`
	SealedBytes int64      `json:"sealed_bytes"`
	LinkSeconds float64    `json:"link_seconds"`
	Warnings    []string   `json:"warnings"`
	NewKeys     *KeyCost   `json:"new_keys"` // null: everybody has the key that this goes under
	Refused     *string    `json:"refused"`  // null: it may be sent
	Hash        string     `json:"hash"`
}

// KeyCost is what goes ahead of a message that needs new keys, and how to have
// less ahead of it.
type KeyCost struct {
	Desks        int      `json:"desks"` // each gets one key message
	Bytes        int64    `json:"bytes"`
	Seconds      float64  `json:"seconds"`       // at the rate that the link has shown; 0: not known
	FirstDesks   int      `json:"first_desks"`   // of parties that have to act
	FirstSeconds float64  `json:"first_seconds"` // with action_first
	OtherDesks   []string `json:"other_desks"`   // of the own party, which may have a better link
	Text         string   `json:"text"`
}

// Upload is the answer to POST /uploads. The bytes are on disk and wait for a
// message that names them; unused ones go after 24 hours.
type Upload struct {
	Upload  string  `json:"upload"`
	SHA256  string  `json:"sha256"`
	Size    int64   `json:"size"` // bytes
	Objects int     `json:"objects"`
	Summary []Count `json:"summary"`
}

// Ack is the body of POST /messages/{id}/ack.
type Ack struct {
	Outcome  string `json:"outcome"`            // receipt, comply, cannot, hold, withdraw
	Role     string `json:"role"`               // empty: the officer's
	Text     string `json:"text"`               // reason; needed with cannot
	AnswerBy Time   `json:"answer_by,omitzero"` // needed with hold
}

// Event is one entry of the stream: the whole new state of one thing, so that
// applying it twice is harmless.
type Event struct {
	ID   uint64 // monotone per desk, survives a restart
	Kind string // snapshot, alarm, message, ladder, line, desk, pairing, cutoff
	Data json.RawMessage
}

// Snapshot is the data of a snapshot event: sent first to a new client, and to
// one that asks for events older than the ring.
type Snapshot struct {
	Desk     Desk      `json:"desk"`
	Lines    []Line    `json:"lines"`
	Messages []Message `json:"messages"` // what waits, and the newest 100
}

// MessageData is the data of the events message, ladder and alarm.
type MessageData struct {
	Message Message `json:"message"`
}

// LineData is the data of a line event.
type LineData struct {
	Line Line `json:"line"`
}

// DeskData is the data of a desk event.
type DeskData struct {
	Desk Desk `json:"desk"`
}

// Beat is the data of a beat event.
type Beat struct {
	Now Time `json:"now"`
}
