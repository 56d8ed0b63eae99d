package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// TestNoMessageWalksTheBacklog runs what a message does to the database, and
// has SQLite explain every statement of it: none may walk through a table that
// grows with traffic, or 10,000 queued messages would cost each other time.
func TestNoMessageWalksTheBacklog(t *testing.T) {
	s := open(t, t.TempDir())
	line, desk, relay := ident.Line{1}, ident.Desk{2}, ident.Relay{3}
	id, tag := ident.Message{4}, [16]byte{5}
	target := []store.Target{{Desk: desk, Relay: relay, Box: ident.Mailbox{6}}}
	update(t, s, func(tx *store.Tx) error {
		m := store.Message{ID: id, Line: line, Outgoing: true, Body: []byte{1}, Evidence: []byte{1}, CommittedAt: time.Now()}
		errs := []error{
			tx.PutLine(store.Line{ID: line, Name: "L", Charter: []byte{1}, State: "open", CreatedAt: time.Now()}),
			tx.PutMessage(&m), tx.Heard(line, desk, time.Now(), time.Now(), [32]byte{}), tx.SetTold(id, true),
		}
		out, err := tx.PutOut(store.Out{Purpose: store.ForMessage, Message: &id, Bytes: []byte{1}, MadeAt: time.Now()}, target)
		errs = append(errs, err)
		_, err = tx.PutOut(store.Out{Envelope: envelope.ID{1}, Purpose: store.ForSlice, Tag: &tag, Bytes: []byte{1}, MadeAt: time.Now()}, target)
		errs = append(errs, err)
		_, err = tx.PutRung(store.Rung{Message: id, Desk: desk, State: "queued", At: time.Now()})
		errs = append(errs, err)
		_, err = tx.Queue(relay, 0, 0, 64)
		errs = append(errs, err)
		_, err = tx.Boxes(out, relay)
		errs = append(errs, err)
		_, err = tx.SetAccepted(out, relay, time.Now(), store.Retry{})
		errs = append(errs, err)
		_, err = tx.Out(out)
		errs = append(errs, err)
		_, err = tx.Targets(out)
		errs = append(errs, err)
		_, _, err = tx.SlicesPending(tag, 3)
		errs = append(errs, err)
		_, err = tx.RaiseSlice(tag, desk)
		errs = append(errs, err)
		_, err = tx.Message(id)
		errs = append(errs, err)
		_, err = tx.Ladder(id)
		errs = append(errs, err)
		_, err = tx.Arrived(id, desk)
		errs = append(errs, err, tx.SliceHeld(tag, desk), tx.DropOut(out))
		_, err = tx.AppendJournal("sent", time.Now(), nil)
		errs = append(errs, err)
		_, err = tx.AppendEvent("message", time.Now(), nil)
		return errors.Join(append(errs, err)...)
	})
	update(t, s, func(tx *store.Tx) error {
		for _, q := range store.Statements(s) {
			if q == "SELECT slot, epoch FROM cell" || strings.HasSuffix(q, "ORDER BY seq DESC LIMIT 1") {
				continue // when the store opens; one row from the end
			}
			first, _, _ := strings.Cut(strings.TrimSpace(q), " ")
			if first != "SELECT" && first != "INSERT" && first != "UPDATE" && first != "DELETE" {
				continue
			}
			for row, err := range tx.Rows("EXPLAIN QUERY PLAN "+q, make([]any, strings.Count(q, "?"))...) {
				if err != nil {
					return err
				}
				var node, parent, unused int
				var detail string
				if err := row.Scan(&node, &parent, &unused, &detail); err != nil {
					return err
				}
				if strings.Contains(detail, "SCAN") && !strings.Contains(detail, "CONSTANT ROW") {
					t.Errorf("%s: %s", q, detail)
				}
			}
		}
		return nil
	})
}
