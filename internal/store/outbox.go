package store

import (
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// Purposes of what waits in the outbox.
const (
	ForMessage   = "message"
	ForReceipt   = "receipt"
	ForSlice     = "slice"
	ForControl   = "control"
	ForStatement = "statement"
)

// Out is one sealed envelope that has to leave. A message stays until every
// desk it is for has signed "delivered", a slice until its desk has shown that
// it holds the key; the others until a relay has them.
type Out struct {
	ID       int64
	Envelope envelope.ID
	Purpose  string
	Message  *ident.Message // of a message or receipt
	Group    *ident.Group   // of a slice
	Tag      *[16]byte      // of a slice: the generation
	Lane     uint8
	Bytes    []byte
	MadeAt   time.Time
}

// Target is one desk that an outbox row is for, and the mailbox it has there.
type Target struct {
	Outbox int64
	Desk   ident.Desk
	Relay  ident.Relay
	Box    ident.Mailbox
	State  TargetState
	Tries  int
}

// TargetState says how far an envelope has come towards a desk.
type TargetState uint8

// The states, as stored.
const (
	Queued   TargetState = 0 // no relay has it
	Accepted TargetState = 1 // the relay has it on disk
	Arrived  TargetState = 2 // the desk has signed for it
	Refused  TargetState = 3 // the relay will not take it
)

// PutOut queues an envelope for desks and returns its number.
func (tx *Tx) PutOut(o Out, to []Target) (int64, error) {
	id, err := tx.Insert(`INSERT INTO outbox (envelope, purpose, message, grp, tag, lane, bytes, made_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, o.Envelope, o.Purpose, o.Message, o.Group, o.Tag, o.Lane, o.Bytes, o.MadeAt)
	if err != nil {
		return 0, err
	}
	for _, t := range to {
		if _, err := tx.Exec("INSERT INTO target (outbox, desk, relay, box, state) VALUES (?, ?, ?, ?, ?)",
			id, t.Desk, t.Relay, t.Box, Queued); err != nil {
			return 0, err
		}
	}
	return id, nil
}

const outColumns = "SELECT id, envelope, purpose, message, grp, tag, lane, bytes, made_at FROM outbox"

func scanOut(r Row) (o Out, err error) {
	err = r.Scan(&o.ID, o.Envelope[:], &o.Purpose, &o.Message, &o.Group, &o.Tag, &o.Lane, &o.Bytes, &o.MadeAt)
	return o, err
}

// Queue lists what waits for a relay in a lane, oldest first, from the row
// after.
func (tx *Tx) Queue(relay ident.Relay, lane uint8, after int64, limit int) ([]Out, error) {
	// The order of the join is that of the index, so that the cost is that of
	// the rows returned and not of the whole backlog.
	return Collect(tx, scanOut, `SELECT o.id, o.envelope, o.purpose, o.message, o.grp, o.tag, o.lane, o.bytes, o.made_at
		FROM target t CROSS JOIN outbox o ON o.id = t.outbox
		WHERE t.relay = ? AND t.state = 0 AND t.outbox > ? AND o.lane = ?
		GROUP BY t.outbox ORDER BY t.outbox LIMIT ?`, relay, after, lane, limit)
}

// Boxes lists the mailboxes at a relay that an outbox row still has to reach.
func (tx *Tx) Boxes(outbox int64, relay ident.Relay) ([]Target, error) {
	return Collect(tx, scanTarget, `SELECT outbox, desk, relay, box, state, tries FROM target
		WHERE outbox = ? AND relay = ? AND state = 0`, outbox, relay)
}

// Targets lists all desks of an outbox row.
func (tx *Tx) Targets(outbox int64) ([]Target, error) {
	return Collect(tx, scanTarget, "SELECT outbox, desk, relay, box, state, tries FROM target WHERE outbox = ?", outbox)
}

func scanTarget(r Row) (t Target, err error) {
	err = r.Scan(&t.Outbox, t.Desk[:], t.Relay[:], t.Box[:], &t.State, &t.Tries)
	return t, err
}

// Out returns one row of the outbox, or [ErrNone].
func (tx *Tx) Out(id int64) (Out, error) { return scanOut(tx.Row(outColumns+" WHERE id = ?", id)) }

// Retry says when an envelope is put again if nobody signs for it: after
// First, then twice as long each time, up to Most. The zero value is never.
type Retry struct{ First, Most time.Duration }

// SetAccepted notes that a relay has an envelope on disk, and when to put it
// again. It returns how often that relay has accepted it, and 0 when it did
// not wait for that.
func (tx *Tx) SetAccepted(outbox int64, relay ident.Relay, now time.Time, again Retry) (tries int, err error) {
	for row, err := range tx.Rows(`UPDATE target SET state = 1, tries = tries + 1,
			retry_at = CASE WHEN ? > 0 THEN ? + min(? << min(tries, 10), ?) END
			WHERE outbox = ? AND relay = ? AND state = 0 RETURNING tries`,
		again.First.Milliseconds(), now.UnixMilli(), again.First.Milliseconds(), again.Most.Milliseconds(), outbox, relay) {
		if err != nil {
			return 0, err
		}
		var n int
		if err := row.Scan(&n); err != nil {
			return 0, err
		}
		tries = max(tries, n)
	}
	return tries, nil
}

// SetRefused notes that a relay refused an envelope for a mailbox. With a
// retry time it is queued again then, else it stays refused.
func (tx *Tx) SetRefused(outbox int64, relay ident.Relay, box ident.Mailbox, retry time.Time) error {
	_, err := tx.Exec(`UPDATE target SET state = 3, tries = tries + 1, retry_at = ?
		WHERE outbox = ? AND relay = ? AND box = ? AND state IN (0, 1)`, retry, outbox, relay, box)
	return err
}

// Again is a desk that has not signed for what its relay accepted.
type Again struct {
	Outbox  int64
	Message ident.Message
	Desk    ident.Desk
	Tries   int // how often its relay has accepted it
	MadeAt  time.Time
	Bytes   []byte
}

// DueAgain lists messages whose next try is due.
func (tx *Tx) DueAgain(now time.Time) ([]Again, error) {
	return Collect(tx, func(r Row) (a Again, err error) {
		err = r.Scan(&a.Outbox, a.Message[:], a.Desk[:], &a.Tries, &a.MadeAt, &a.Bytes)
		return a, err
	}, `SELECT o.id, o.message, t.desk, t.tries, o.made_at, o.bytes FROM target t JOIN outbox o ON o.id = t.outbox
		WHERE t.retry_at <= ? AND t.state = 1 AND o.purpose = 'message' LIMIT 256`, now)
}

// Requeue queues again what fell due for another try, and returns the relays
// that have work. Only messages and slices, and what was refused for a time,
// have a retry time.
func (tx *Tx) Requeue(now time.Time) ([]ident.Relay, error) {
	return Collect(tx, func(r Row) (id ident.Relay, err error) { err = r.Scan(id[:]); return id, err },
		"UPDATE target SET state = 0, retry_at = NULL WHERE retry_at <= ? AND state IN (1, 3) RETURNING relay", now)
}

// RequeueRelay queues again all that a relay accepted and nobody signed for:
// its spool was lost.
func (tx *Tx) RequeueRelay(relay ident.Relay) (int64, error) {
	return tx.Exec("UPDATE target SET state = 0, retry_at = NULL WHERE relay = ? AND state = 1", relay)
}

// Arrived notes that a desk signed for a message. It returns false when that
// was known.
func (tx *Tx) Arrived(message ident.Message, desk ident.Desk) (bool, error) {
	n, err := tx.Exec(`UPDATE target SET state = 2, retry_at = NULL WHERE desk = ? AND state <> 2 AND outbox IN
		(SELECT id FROM outbox WHERE message = ? AND purpose = 'message')`, desk, message)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.Exec(`DELETE FROM outbox WHERE message = ? AND purpose = 'message' AND NOT EXISTS
		(SELECT 1 FROM target t WHERE t.outbox = outbox.id AND t.state <> 2)`, message)
	return true, err
}

// SliceHeld notes that a desk holds our sending key of a generation.
func (tx *Tx) SliceHeld(tag [16]byte, desk ident.Desk) error {
	_, err := tx.Exec(`DELETE FROM outbox WHERE purpose = 'slice' AND tag = ? AND EXISTS
		(SELECT 1 FROM target t WHERE t.outbox = outbox.id AND t.desk = ?)`, tag, desk)
	return err
}

// SlicesPending counts the desks that have not shown that they hold our
// sending key of a generation, and of these the ones whose slice waits in a
// lane below that one.
func (tx *Tx) SlicesPending(tag [16]byte, lane uint8) (unheld, unsent int, err error) {
	err = tx.Row(`SELECT count(DISTINCT t.desk), coalesce(sum(t.state = 0 AND o.lane < ?), 0) FROM outbox o JOIN target t ON t.outbox = o.id
		WHERE o.purpose = 'slice' AND o.tag = ?`, lane, tag).Scan(&unheld, &unsent)
	return unheld, unsent, err
}

// SlicesBelow lists the desks whose slice of a generation no relay has, and
// waits in a lane below that one.
func (tx *Tx) SlicesBelow(tag [16]byte, lane uint8) ([]ident.Desk, error) {
	return Collect(tx, func(r Row) (d ident.Desk, err error) { err = r.Scan(d[:]); return d, err },
		`SELECT DISTINCT t.desk FROM outbox o JOIN target t ON t.outbox = o.id
		WHERE o.purpose = 'slice' AND o.tag = ? AND t.state = 0 AND o.lane < ?`, tag, lane)
}

// RaiseSlice puts again, now, the slice of a generation for a desk.
func (tx *Tx) RaiseSlice(tag [16]byte, desk ident.Desk) (int64, error) {
	return tx.Exec(`UPDATE target SET state = 0, retry_at = NULL WHERE desk = ? AND state IN (1, 3) AND outbox IN
		(SELECT id FROM outbox WHERE purpose = 'slice' AND tag = ?)`, desk, tag)
}

// Reseal puts another envelope in the place of one that nobody signed for, for
// the desks that it still has to reach.
func (tx *Tx) Reseal(outbox int64, id envelope.ID, b []byte, at time.Time) error {
	return tx.one("UPDATE outbox SET envelope = ?, bytes = ?, made_at = ? WHERE id = ?", id, b, at, outbox)
}

// DropOut removes a row of the outbox.
func (tx *Tx) DropOut(id int64) error {
	_, err := tx.Exec("DELETE FROM outbox WHERE id = ?", id)
	return err
}

// DropSlicesBefore removes slices that no relay keeps any more.
func (tx *Tx) DropSlicesBefore(t time.Time) error {
	_, err := tx.Exec("DELETE FROM outbox WHERE purpose = 'slice' AND made_at < ?", t)
	return err
}

// DropTargets forgets a desk that is no longer to be reached: with messages of
// a line, or, when line is nil, with anything. What was for nobody else goes.
func (tx *Tx) DropTargets(desk ident.Desk, line *ident.Line) (int64, error) {
	q, args := "DELETE FROM target WHERE desk = ?", []any{desk}
	if line != nil {
		q += " AND outbox IN (SELECT o.id FROM outbox o JOIN message m ON m.id = o.message WHERE o.purpose = 'message' AND m.line = ?)"
		args = append(args, *line)
	}
	n, err := tx.Exec(q, args...)
	if err != nil || n == 0 {
		return n, err
	}
	_, err = tx.Exec("DELETE FROM outbox WHERE id NOT IN (SELECT outbox FROM target WHERE state <> 2)")
	return n, err
}

// TargetDesks lists the desks for which anything waits.
func (tx *Tx) TargetDesks() ([]ident.Desk, error) {
	return Collect(tx, func(r Row) (d ident.Desk, err error) { err = r.Scan(d[:]); return d, err },
		"SELECT desk FROM target UNION SELECT desk FROM file_target WHERE whole = 0")
}

// WaitingFor counts the envelopes that a relay has not accepted.
func (tx *Tx) WaitingFor(relay ident.Relay) (n int, err error) {
	err = tx.Row("SELECT count(*) FROM target WHERE relay = ? AND state IN (0, 3)", relay).Scan(&n)
	return n, err
}

// QueuedMessages counts the messages that no relay has accepted for some desk.
func (tx *Tx) QueuedMessages() (n int, err error) {
	err = tx.Row(`SELECT count(DISTINCT o.id) FROM outbox o JOIN target t ON t.outbox = o.id
		WHERE o.purpose = 'message' AND t.state IN (0, 3)`).Scan(&n)
	return n, err
}

// Parked is an envelope whose key has not come yet.
type Parked struct {
	Envelope envelope.ID
	Tag      [16]byte
	Lane     uint8
	Bytes    []byte
	At       time.Time
}

// Park keeps an envelope until its key comes.
func (tx *Tx) Park(p Parked) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO parked (envelope, tag, lane, bytes, at) VALUES (?, ?, ?, ?, ?)",
		p.Envelope, p.Tag, p.Lane, p.Bytes, p.At)
	return err
}

// ParkedUnder lists what waits for a key, in the order in which it came.
func (tx *Tx) ParkedUnder(tag [16]byte) ([]Parked, error) {
	return Collect(tx, func(r Row) (p Parked, err error) {
		err = r.Scan(p.Envelope[:], p.Tag[:], &p.Lane, &p.Bytes, &p.At)
		return p, err
	}, "SELECT envelope, tag, lane, bytes, at FROM parked WHERE tag = ? ORDER BY rowid", tag)
}

// ParkedTags lists the keys that something waits for.
func (tx *Tx) ParkedTags() ([][16]byte, error) {
	return Collect(tx, func(r Row) (tag [16]byte, err error) { err = r.Scan(tag[:]); return tag, err }, "SELECT DISTINCT tag FROM parked")
}

// ParkedSize returns how much is parked in lanes below FLASH and in FLASH.
func (tx *Tx) ParkedSize() (lower, flash int64, err error) {
	err = tx.Row(`SELECT coalesce(sum(CASE WHEN lane <> 3 THEN length(bytes) END), 0),
		coalesce(sum(CASE WHEN lane = 3 THEN length(bytes) END), 0) FROM parked`).Scan(&lower, &flash)
	return lower, flash, err
}

// Unpark removes a parked envelope.
func (tx *Tx) Unpark(id envelope.ID) error {
	_, err := tx.Exec("DELETE FROM parked WHERE envelope = ?", id)
	return err
}

// UnparkBefore removes what was parked before t, and returns how many.
func (tx *Tx) UnparkBefore(t time.Time) (int64, error) {
	return tx.Exec("DELETE FROM parked WHERE at < ?", t)
}
