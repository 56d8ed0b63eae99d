package store

import (
	"time"

	"hotline/internal/ident"
)

// Undelivered is a message that a relay has and a desk has not signed for,
// though that desk was heard since.
type Undelivered struct {
	Message ident.Message
	Desk    ident.Desk
}

// NoteAccepted notes when, by the steady clock, a relay first had a message for
// a desk.
func (tx *Tx) NoteAccepted(outbox int64, relay ident.Relay, at time.Time) error {
	_, err := tx.Exec("UPDATE target SET accepted_at = ? WHERE outbox = ? AND relay = ? AND accepted_at IS NULL", at, outbox, relay)
	return err
}

// WaitsFor reports whether a message still has to reach a desk.
func (tx *Tx) WaitsFor(id ident.Message, desk ident.Desk) (waits bool, err error) {
	err = tx.Row(`SELECT EXISTS (SELECT 1 FROM outbox o JOIN target t ON t.outbox = o.id
		WHERE o.purpose = 'message' AND o.message = ? AND t.desk = ? AND t.state <> 2)`, id, desk).Scan(&waits)
	return waits, err
}

// Undelivered lists up to limit messages that a relay has had since before t,
// and that have no rung of that state yet.
func (tx *Tx) Undelivered(t time.Time, state string, limit int) ([]Undelivered, error) {
	return Collect(tx, func(r Row) (u Undelivered, err error) { err = r.Scan(u.Message[:], u.Desk[:]); return u, err },
		`SELECT DISTINCT o.message, t.desk FROM target t JOIN outbox o ON o.id = t.outbox JOIN message m ON m.id = o.message
		JOIN heard h ON h.line = m.line AND h.desk = t.desk
		WHERE o.purpose = 'message' AND t.state <> 2 AND t.accepted_at <= ? AND h.steady >= t.accepted_at
		AND NOT EXISTS (SELECT 1 FROM rung g WHERE g.message = m.id AND g.state = ?) ORDER BY o.message, t.desk LIMIT ?`, t, state, limit)
}
