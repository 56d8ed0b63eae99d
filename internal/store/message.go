package store

import (
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
)

// Message is a message as stored, sent or received.
type Message struct {
	ID          ident.Message
	Seq         int64 // order on this desk
	Line        ident.Line
	Group       ident.Group
	Outgoing    bool
	Party       ident.Party // originator
	Desk        ident.Desk
	Precedence  precedence.Level
	Exercise    bool
	Content     [32]byte // hash of label and body
	Body        []byte   // wire.Message; once RemovedAt is set, without text, subject and files
	Envelope    envelope.ID
	Evidence    []byte
	CommittedAt time.Time
	DueAt       time.Time // zero: no acknowledgement was asked for
	NextAt      time.Time // zero: no step of escalation is left
	Step        int
	SettledAt   time.Time // zero: waits, when DueAt is set
	OpenedAt    time.Time // zero: nobody at this desk opened it
	RemovedAt   time.Time // zero: Body is what was signed
}

// PutMessage adds a message and gives it its place in the order of this desk.
// A message that is there already is [ErrExists].
func (tx *Tx) PutMessage(m *Message) error {
	return tx.Row(`INSERT INTO message (id, seq, line, grp, outgoing, party, desk, precedence, exercise, content, body,
			envelope, evidence, committed_at, due_at, next_at, step, settled_at, told)
		VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM message), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		RETURNING seq`,
		m.ID, m.Line, m.Group, m.Outgoing, m.Party, m.Desk, m.Precedence, m.Exercise, m.Content, m.Body,
		m.Envelope, m.Evidence, m.CommittedAt, m.DueAt, m.NextAt, m.Step, m.SettledAt, m.Outgoing).Scan(&m.Seq)
}

const messageColumns = `SELECT id, seq, line, grp, outgoing, party, desk, precedence, exercise, content, body,
	envelope, evidence, committed_at, due_at, next_at, step, settled_at, opened_at, removed_at FROM message`

func scanMessage(r Row) (m Message, err error) {
	err = r.Scan(m.ID[:], &m.Seq, m.Line[:], m.Group[:], &m.Outgoing, m.Party[:], m.Desk[:], &m.Precedence, &m.Exercise,
		m.Content[:], &m.Body, m.Envelope[:], &m.Evidence, &m.CommittedAt, &m.DueAt, &m.NextAt, &m.Step, &m.SettledAt,
		&m.OpenedAt, &m.RemovedAt)
	return m, err
}

// Message returns one message, or [ErrNone].
func (tx *Tx) Message(id ident.Message) (Message, error) {
	return scanMessage(tx.Row(messageColumns+" WHERE id = ?", id))
}

// MessageByEnvelope returns the message that came or left in an envelope.
func (tx *Tx) MessageByEnvelope(id envelope.ID) (Message, error) {
	return scanMessage(tx.Row(messageColumns+" WHERE envelope = ?", id))
}

// MessageFilter selects messages; the zero value selects all.
type MessageFilter struct {
	Line     *ident.Line
	Outgoing *bool
	Waiting  bool  // an acknowledgement was asked for and has not come
	Before   int64 // only Seq below it; zero for no bound
	Limit    int   // zero for 100
}

// Messages lists messages, newest first; with Waiting the most urgent first,
// and among these the one that falls due first.
func (tx *Tx) Messages(f MessageFilter) ([]Message, error) {
	q, args := messageColumns+" WHERE 1", []any{}
	if f.Line != nil {
		q, args = q+" AND line = ?", append(args, *f.Line)
	}
	if f.Outgoing != nil {
		q, args = q+" AND outgoing = ?", append(args, *f.Outgoing)
	}
	if f.Before > 0 {
		q, args = q+" AND seq < ?", append(args, f.Before)
	}
	if f.Waiting {
		q += " AND settled_at IS NULL AND due_at IS NOT NULL ORDER BY precedence DESC, due_at, seq"
	} else {
		q += " ORDER BY seq DESC"
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	return Collect(tx, scanMessage, q+" LIMIT ?", append(args, f.Limit)...)
}

// MessagesAfter lists up to limit messages behind a number, oldest first.
func (tx *Tx) MessagesAfter(seq int64, limit int) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
}

// MessagesOn lists up to limit messages of a line behind a number, oldest first.
func (tx *Tx) MessagesOn(line ident.Line, seq int64, limit int) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE line = ? AND seq > ? ORDER BY seq LIMIT ?", line, seq, limit)
}

// CountMessages counts all messages.
func (tx *Tx) CountMessages() (n int64, err error) {
	err = tx.Row("SELECT count(*) FROM message").Scan(&n)
	return n, err
}

// MessagesLike lists up to two messages whose id begins with the bytes of
// prefix: enough to tell one from many.
func (tx *Tx) MessagesLike(from, to ident.Message) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE id BETWEEN ? AND ? LIMIT 2", from, to)
}

// Waiting counts messages that wait for an acknowledgement, by direction.
// line is nil for all lines.
func (tx *Tx) Waiting(line *ident.Line) (us, them int, err error) {
	q, args := `SELECT coalesce(sum(outgoing = 0), 0), coalesce(sum(outgoing = 1), 0) FROM message
		WHERE settled_at IS NULL AND due_at IS NOT NULL`, []any{}
	if line != nil {
		q, args = q+" AND line = ?", append(args, *line)
	}
	err = tx.Row(q, args...).Scan(&us, &them)
	return us, them, err
}

// Settle stops the clock of a message. It returns false when it had stopped.
func (tx *Tx) SettleMessage(id ident.Message, at time.Time) (bool, error) {
	n, err := tx.Exec("UPDATE message SET settled_at = ?, next_at = NULL WHERE id = ? AND settled_at IS NULL", at, id)
	return n > 0, err
}

// ReopenMessage starts the clock of a message again, after a receipt was
// withdrawn.
func (tx *Tx) ReopenMessage(id ident.Message, next time.Time) error {
	return tx.one("UPDATE message SET settled_at = NULL, next_at = ?, done_at = NULL WHERE id = ?", next, id)
}

// SetStep records how far a message's escalation has come.
func (tx *Tx) SetStep(id ident.Message, step int, next time.Time) error {
	return tx.one("UPDATE message SET step = ?, next_at = ? WHERE id = ? AND settled_at IS NULL", step, next, id)
}

// NextStep returns the message whose next step comes first, or [ErrNone].
func (tx *Tx) NextStep() (Message, error) {
	return scanMessage(tx.Row(messageColumns + " WHERE next_at IS NOT NULL AND settled_at IS NULL ORDER BY next_at LIMIT 1"))
}

// Untold lists incoming messages for which no "delivered" was sealed yet, the
// most urgent first.
func (tx *Tx) Untold(limit int) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE told = 0 AND outgoing = 0 ORDER BY precedence DESC, seq LIMIT ?", limit)
}

// Told lists the newest incoming messages since a time for which "delivered"
// was sealed, the most urgent first.
func (tx *Tx) Told(since time.Time, limit int) ([]Message, error) {
	return Collect(tx, scanMessage, "SELECT * FROM ("+messageColumns+
		" WHERE told = 1 AND outgoing = 0 AND committed_at >= ? ORDER BY seq DESC LIMIT ?) ORDER BY precedence DESC, seq", since, limit)
}

// SetTold notes whether "delivered" was sealed for a message.
func (tx *Tx) SetTold(id ident.Message, told bool) error {
	return tx.one("UPDATE message SET told = ? WHERE id = ?", told, id)
}

// Rung is one step of a message's ladder as stored.
type Rung struct {
	Message  ident.Message
	Desk     ident.Desk // zero for a relay's word
	Party    ident.Party
	State    string
	Role     string
	Text     string
	At       time.Time
	AnswerBy time.Time
	Verified bool
	Evidence []byte
}

// PutRung adds a step. The same step again changes nothing and returns false.
func (tx *Tx) PutRung(r Rung) (bool, error) {
	if r.Evidence == nil {
		r.Evidence = []byte{}
	}
	n, err := tx.Exec(`INSERT OR IGNORE INTO rung (message, desk, party, state, role, text, at, answer_by, verified, evidence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Message, r.Desk, r.Party, r.State, r.Role, r.Text, r.At, r.AnswerBy, r.Verified, r.Evidence)
	return n > 0, err
}

// Rungs counts the steps that a desk made on a message's ladder.
func (tx *Tx) Rungs(id ident.Message, desk ident.Desk) (n int, err error) {
	err = tx.Row("SELECT count(*) FROM rung WHERE message = ? AND desk = ?", id, desk).Scan(&n)
	return n, err
}

// Ladder lists the steps of a message by their time. Within one second, which
// is as well as the clocks of two machines agree, queued and accepted come
// first. Both ends list the same steps in the same order.
func (tx *Tx) Ladder(id ident.Message) ([]Rung, error) {
	return Collect(tx, func(r Row) (g Rung, err error) {
		err = r.Scan(g.Message[:], g.Desk[:], g.Party[:], &g.State, &g.Role, &g.Text, &g.At, &g.AnswerBy, &g.Verified, &g.Evidence)
		return g, err
	}, `SELECT message, desk, party, state, role, text, at, answer_by, verified, evidence FROM rung
		WHERE message = ? ORDER BY at / 1000, CASE state WHEN 'queued' THEN 0 WHEN 'accepted' THEN 1 ELSE 2 END, at, desk, state, role`, id)
}
