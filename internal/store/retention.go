package store

import (
	"bytes"
	"fmt"
	"time"

	"hotline/internal/ident"
)

// OpenMessage notes when somebody at this desk first opened a message that
// came. It returns false when that was known, and for a message of our own.
func (tx *Tx) OpenMessage(id ident.Message, at time.Time) (bool, error) {
	n, err := tx.Exec("UPDATE message SET opened_at = ? WHERE id = ? AND outgoing = 0 AND opened_at IS NULL", at, id)
	return n > 0, err
}

// MarkDone looks at up to limit messages behind a number, and returns the number
// to go on from, 0 at the end. It notes, by the steady clock, that from now on
// nothing needs the text of those for which no clock runs, that every desk has,
// with their files, and that somebody has read if they came; and that every
// answer to them is at a relay. A copy of what another desk of the own party sent
// counts as read. On a line that was left nobody waits any more.
func (tx *Tx) MarkDone(own ident.Party, now time.Time, after int64, limit int) (next int64, err error) {
	var n int
	if err := tx.Row(`SELECT count(*), coalesce(max(seq), 0) FROM (SELECT seq FROM message
		WHERE done_at IS NULL AND removed_at IS NULL AND seq > ? ORDER BY seq LIMIT ?)`, after, limit).Scan(&n, &next); err != nil || n == 0 {
		return 0, err
	}
	_, err = tx.Exec(`UPDATE message SET done_at = ? WHERE id IN (SELECT m.id FROM message m JOIN line l ON l.id = m.line
		WHERE m.done_at IS NULL AND m.removed_at IS NULL AND m.seq > ? AND m.seq <= ?
		AND (m.outgoing = 1 OR m.settled_at IS NOT NULL OR m.opened_at IS NOT NULL OR m.party = ?)
		AND (l.state = 'left' OR (m.settled_at IS NOT NULL OR m.due_at IS NULL) AND (m.outgoing = 1 OR m.told = 1)
			AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id)
			AND NOT EXISTS (SELECT 1 FROM file f WHERE f.message = m.id AND f.state = 'partial')))`, now, after, next, own)
	if n < limit {
		next = 0
	}
	return next, err
}

// DoneBefore lists up to limit messages whose text nothing has needed since
// before t, by the steady clock.
func (tx *Tx) DoneBefore(t time.Time, limit int) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE done_at <= ? ORDER BY done_at, seq LIMIT ?", t, limit)
}

// PutOffRemoval starts the period of a message anew.
func (tx *Tx) PutOffRemoval(id ident.Message, now time.Time) error {
	_, err := tx.Exec("UPDATE message SET done_at = ? WHERE id = ?", now, id)
	return err
}

// KeepAnew starts the period anew for a message whose text is gone, when
// something with a text came about it.
func (tx *Tx) KeepAnew(id ident.Message, now time.Time) error {
	_, err := tx.Exec("UPDATE message SET done_at = ? WHERE id = ? AND removed_at IS NOT NULL", now, id)
	return err
}

// RemovedText stands on a ladder for what a person wrote, once it was removed.
const RemovedText = "(text removed)"

// RemoveText puts rest in the place of a message's body, and empties what
// people wrote about it: on its ladder, and in the receipts named. Answers to
// requests that were about it go. The leaf, the hash of the content and the
// evidence stay. When the update is durable the pages are overwritten and the
// log is cut: see the package comment.
func (tx *Tx) RemoveText(id ident.Message, rest []byte, receipts []int64, at time.Time) error {
	if err := tx.one(`UPDATE message SET body = ?, done_at = NULL, removed_at = coalesce(removed_at, ?) WHERE id = ?`, rest, at, id); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE rung SET text = ? WHERE message = ? AND text <> ''", RemovedText, id); err != nil {
		return err
	}
	for _, r := range receipts {
		if err := tx.one("UPDATE receipt SET body = x'', removed = 1 WHERE id = ?", r); err != nil {
			return err
		}
	}
	if err := tx.dropAnswers(id); err != nil {
		return err
	}
	tx.scrub = true
	return nil
}

// dropAnswers forgets the kept answers in which a message stands.
func (tx *Tx) dropAnswers(id ident.Message) error {
	var keys []string
	for row, err := range tx.Rows("SELECT key, body FROM answer") {
		if err != nil {
			return err
		}
		var key string
		var body []byte
		if err := row.Scan(&key, &body); err != nil {
			return err
		}
		if bytes.Contains(body, []byte(id.String())) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		if _, err := tx.Exec("DELETE FROM answer WHERE key = ?", key); err != nil {
			return fmt.Errorf("drop answer: %w", err)
		}
	}
	return nil
}

// Removed reports whether a file is of a message whose text was removed.
func (tx *Tx) Removed(tag [16]byte) (removed bool, err error) {
	err = tx.Row("SELECT EXISTS (SELECT 1 FROM file f JOIN message m ON m.id = f.message WHERE f.tag = ? AND m.removed_at IS NOT NULL)", tag).Scan(&removed)
	return removed, err
}

// CountRemoved counts the messages whose text was removed.
func (tx *Tx) CountRemoved() (n int64, err error) {
	err = tx.Row("SELECT count(*) FROM message WHERE removed_at IS NOT NULL").Scan(&n)
	return n, err
}
