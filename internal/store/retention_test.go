package store_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/store"
)

// TestRemovedTextLeavesThePages: once RemoveText is durable no page holds what
// it removed, used or free, and neither does the log; without any key that
// changed.
func TestRemovedTextLeavesThePages(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	line, id := ident.Line{1}, ident.Message{2}
	secret := marker()
	text := bytes.Repeat(secret, 300) // overflow pages too
	words := hex.EncodeToString(secret)
	now := time.Now()
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(
			tx.PutLine(store.Line{ID: line, Name: "EXERCISE", Charter: []byte{1}, State: "open", CreatedAt: now}),
			tx.PutMessage(&store.Message{ID: id, Line: line, Body: text, Evidence: []byte{1}, CommittedAt: now}))
	})
	var receipts []store.Receipt
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.PutRung(store.Rung{Message: id, State: "cannot", Role: "watch officer", Text: words, At: now})
		return errors.Join(err,
			tx.PutReceipt(store.Receipt{Message: id, Line: line, Sequence: 1, Evidence: []byte{1}, Body: []byte(words)}),
			tx.PutReceipt(store.Receipt{Message: id, Line: line, Sequence: 2, Evidence: []byte{1}, Body: []byte("kept")}),
			tx.PutAnswer(store.Answer{Key: "of it", Status: 200, Body: []byte(id.String() + words)}, now),
			tx.PutAnswer(store.Answer{Key: "of another", Status: 200, Body: []byte("kept")}, now))
	})
	for what, b := range map[string][]byte{"text": secret, "words": []byte(words)} {
		if got := findIn(contents(t, dir), b); len(got) == 0 {
			t.Fatalf("the %s is not found where it must be", what)
		}
	}
	update(t, s, func(tx *store.Tx) (err error) { receipts, err = tx.ReceiptsOf(id); return err })
	update(t, s, func(tx *store.Tx) error { return tx.RemoveText(id, []byte("rest"), []int64{receipts[0].ID}, now) })
	for what, b := range map[string][]byte{"text": secret, "words": []byte(words)} {
		if got := findIn(contents(t, dir), b); got != nil {
			t.Errorf("the removed %s is in %v", what, got)
		}
	}
	update(t, s, func(tx *store.Tx) error {
		m, err := tx.Message(id)
		if string(m.Body) != "rest" || m.RemovedAt.UnixMilli() != now.UnixMilli() {
			t.Errorf("Message = %q, removed %s", m.Body, m.RemovedAt)
		}
		all, err2 := tx.ReceiptsOf(id)
		if len(all) != 2 || !all[0].Removed || all[1].Removed || string(all[1].Body) != "kept" {
			t.Errorf("ReceiptsOf = %+v", all)
		}
		_, err3 := tx.Answer("of another")
		if _, err := tx.Answer("of it"); !errors.Is(err, store.ErrNone) {
			t.Errorf("the answer about it = %v, want none", err)
		}
		return errors.Join(err, err2, err3)
	})
}
