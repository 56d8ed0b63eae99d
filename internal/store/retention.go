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

// MarkDone notes, by the steady clock, that from now on nothing needs the text
// of up to limit messages: no clock runs, every desk has it and its files, and
// somebody has read what came. A copy of what another desk of the own party
// sent counts as read.
func (tx *Tx) MarkDone(own ident.Party, now time.Time, limit int) error {
	_, err := tx.Exec(`UPDATE message SET done_at = ? WHERE id IN (SELECT m.id FROM message m
		WHERE m.done_at IS NULL AND m.removed_at IS NULL AND (m.settled_at IS NOT NULL OR m.due_at IS NULL)
		AND (m.outgoing = 1 OR m.told = 1 AND (m.settled_at IS NOT NULL OR m.opened_at IS NOT NULL OR m.party = ?))
		AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.message = m.id AND o.purpose = 'message')
		AND NOT EXISTS (SELECT 1 FROM file f WHERE f.message = m.id AND f.state = 'partial')
		ORDER BY m.seq LIMIT ?)`, now, own, limit)
	return err
}

// DoneBefore lists up to limit messages whose text nothing has needed since
// before t, by the steady clock.
func (tx *Tx) DoneBefore(t time.Time, limit int) ([]Message, error) {
	return Collect(tx, scanMessage, messageColumns+" WHERE done_at <= ? ORDER BY done_at, seq LIMIT ?", t, limit)
}

// KeepAnew starts the period anew for a message whose text is gone, when
// something with a text came about it.
func (tx *Tx) KeepAnew(id ident.Message, now time.Time) error {
	_, err := tx.Exec("UPDATE message SET done_at = ? WHERE id = ? AND removed_at IS NOT NULL", now, id)
	return err
}

// RemoveText puts rest in the place of a message's body, and empties what
// people wrote about it: on its ladder, and in the receipts named. Answers to
// requests that were about it go. The leaf, the hash of the content and the
// evidence stay. When the update is durable the pages are overwritten and the
// log is cut: see the package comment.
func (tx *Tx) RemoveText(id ident.Message, rest []byte, receipts []int64, at time.Time) error {
	if err := tx.one(`UPDATE message SET body = ?, done_at = NULL, removed_at = coalesce(removed_at, ?) WHERE id = ?`, rest, at, id); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE rung SET text = '' WHERE message = ? AND text <> ''", id); err != nil {
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

// CountRemoved counts the messages whose text was removed.
func (tx *Tx) CountRemoved() (n int64, err error) {
	err = tx.Row("SELECT count(*) FROM message WHERE removed_at IS NOT NULL").Scan(&n)
	return n, err
}
