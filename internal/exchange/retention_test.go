package exchange_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// remaining lists the columns of all tables in which any of texts stands.
func remaining(t *testing.T, st *store.Store, texts ...[]byte) (places []string) {
	t.Helper()
	err := st.View(t.Context(), func(tx *store.Tx) error {
		columns, err := store.Collect(tx, func(r store.Row) (c [2]string, err error) { err = r.Scan(&c[0], &c[1]); return c, err },
			"SELECT m.name, i.name FROM sqlite_master m, pragma_table_info(m.name) i WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'")
		if err != nil {
			return err
		}
		for _, c := range columns {
			for _, text := range texts {
				var n int
				if err := tx.Row(fmt.Sprintf("SELECT count(*) FROM %q WHERE instr(CAST(%q AS BLOB), ?) > 0", c[0], c[1]), text).Scan(&n); err != nil {
					return err
				}
				if n > 0 {
					places = append(places, fmt.Sprintf("%s.%s: %.20q", c[0], c[1], text))
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return places
}

// stored is a message as its desk has it, and its body.
func (d *desk) stored(t *testing.T, id ident.Message) (m store.Message, body *wire.Message) {
	t.Helper()
	err := d.store.View(t.Context(), func(tx *store.Tx) (err error) {
		if m, err = tx.Message(id); err == nil {
			body, err = wire.ParseMessage(m.Body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, body
}

// keeping starts two desks that keep texts for an hour, on one line.
func keeping(t *testing.T) (h *hub, jpn, nato *desk, line ident.Line) {
	t.Helper()
	h = newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	a.keep, b.keep = time.Hour, time.Hour
	c := hourly(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, a, b)
	jpn, nato = a.start(t, h), b.start(t, h)
	jpn.virtual, nato.virtual = true, true
	return h, jpn, nato, c.ID(one)
}

// TestTextsGoWhenNobodyNeedsThem: an hour after a message is answered, its
// subject, its text, its bundle and what a person wrote back are in no table of
// either desk and in no file; its leaf, hash, label, serial and ladder stay, and
// the copies that a relay kept bring nothing back.
func TestTextsGoWhenNobodyNeedsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, line := keeping(t)
		var wireCopies []link.Put
		h.mu.Lock()
		h.tap = func(p link.Put) bool { wireCopies = append(wireCopies, p); return true }
		h.mu.Unlock()
		bundle := `{"type":"bundle","id":"bundle--7c1c1f6e-0000-4000-8000-000000000001","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--7c1c1f6e-0000-4000-8000-000000000001","name":"EXERCISE"}]}`
		up, err := jpn.Upload(t.Context(), "exercise-4d11.json", strings.NewReader(bundle))
		if err != nil {
			t.Fatal(err)
		}
		draft := flash(line, "EXERCISE canary 5d0092c5 in the text")
		draft.Subject, draft.Upload = "EXERCISE canary 77aa in the subject", up.ID
		id := send(t, jpn, draft)
		nato.until(t, "whole", has(id, "whole"))
		if err := nato.Opened(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		reason := "EXERCISE no ship is near, says 90b1"
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Cannot, Role: "watch officer", Text: reason}); err != nil {
			t.Fatal(err)
		}
		jpn.until(t, "cannot", has(id, "cannot"))
		before, body := jpn.stored(t, id)
		canaries := [][]byte{body.Text, []byte(draft.Subject), []byte("exercise-4d11"), body.Files[0].Key[:], []byte(reason)}
		time.Sleep(50 * time.Minute)
		for _, d := range []*desk{jpn, nato} {
			if got := remaining(t, d.store, canaries...); len(got) < len(canaries) {
				t.Fatalf("%s, before its time: the test sees only %v", d.name, got)
			}
			if _, err := d.Content(body.Files[0]); err != nil {
				t.Errorf("%s, before its time: %v", d.name, err)
			}
		}

		time.Sleep(15 * time.Minute)
		for _, d := range []*desk{jpn, nato} {
			if got := remaining(t, d.store, canaries...); got != nil {
				t.Errorf("%s: left are %v", d.name, got)
			}
			m, left := d.stored(t, id)
			if m.RemovedAt.IsZero() || m.Content != before.Content || left.Serial != body.Serial || left.Label.Hash() != body.Label.Hash() || !slices.Equal(left.Action, body.Action) {
				t.Errorf("%s: left of the message is %+v, removed at %s", d.name, left, m.RemovedAt)
			}
			if _, err := d.Content(body.Files[0]); err == nil {
				t.Errorf("%s: the bundle is still there", d.name)
			}
			if got := d.leaves(t, "text-removed"); got != 1 {
				t.Errorf("%s: %d leaves say that a text was removed", d.name, got)
			}
			if !d.now(t, "ladder", has(id, "cannot")) || !d.now(t, "ladder", has(id, "whole")) {
				t.Errorf("%s: the ladder went with the text", d.name)
			}
		}
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Withdrawn, Role: "watch officer"}); err == nil {
			t.Error("a receipt of a message whose text is gone was withdrawn")
		}

		// Whatever the relay kept comes again.
		h.mu.Lock()
		for _, p := range wireCopies {
			h.give(p, p.To)
		}
		h.mu.Unlock()
		time.Sleep(2 * time.Minute)
		// What is written about it now has its own hour.
		late := "EXERCISE now one is near, says 33cd"
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Holding, Role: "watch officer", Text: late, AnswerBy: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		jpn.until(t, "holding", has(id, "holding"))
		time.Sleep(50 * time.Minute)
		for _, d := range []*desk{jpn, nato} {
			if got := remaining(t, d.store, []byte(late)); got == nil {
				t.Errorf("%s: what came late went at once", d.name)
			}
		}
		time.Sleep(15 * time.Minute)
		for _, d := range []*desk{jpn, nato} {
			if got := remaining(t, d.store, append(canaries, []byte(late))...); got != nil {
				t.Errorf("%s, after the relay's copies: left are %v", d.name, got)
			}
			if got := d.leaves(t, "text-removed"); got != 1 {
				t.Errorf("%s: %d leaves say that a text was removed", d.name, got)
			}
		}
		jpn.stop()
		nato.stop()
		synctest.Wait()
	})
}

// TestTextStaysWhileSomethingNeedsIt: however long ago it came, a text stays
// that nobody has opened, nobody has receipted, or a desk has not got.
func TestTextStaysWhileSomethingNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, line := keeping(t)
		unopened := flash(line, "EXERCISE for information")
		unopened.Kind, unopened.Precedence, unopened.AckWanted = traffic.Informal, 0, traffic.AckNone
		info, due := send(t, jpn, unopened), send(t, jpn, flash(line, "EXERCISE to be receipted"))
		nato.until(t, "delivered", has(due, "delivered"))
		nato.until(t, "delivered", has(info, "delivered"))
		jpn.until(t, "delivered", has(info, "delivered"))
		nato.stop()
		unopened.Text = "EXERCISE for a desk that is off"
		away := send(t, jpn, unopened)
		time.Sleep(3 * time.Hour)
		gone := func(d *desk, id ident.Message) bool { m, _ := d.stored(t, id); return !m.RemovedAt.IsZero() }
		if gone(jpn, away) || gone(jpn, due) {
			t.Error("the sender removed what was not delivered, or not receipted")
		}
		if !gone(jpn, info) {
			t.Error("the sender kept what was delivered and asked for nothing")
		}
		back := nato.start(t, nato.hub)
		back.virtual = true
		back.until(t, "delivered", has(away, "delivered"))
		time.Sleep(2 * time.Hour)
		if gone(back, info) || gone(back, due) || gone(back, away) {
			t.Error("a text went that nobody had opened")
		}
		if err := back.Opened(t.Context(), info); err != nil {
			t.Fatal(err)
		}
		if err := back.Acknowledge(t.Context(), due, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Minute)
		for id, want := range map[ident.Message]bool{info: true, due: true, away: false} {
			if gone(back, id) != want {
				t.Errorf("text of %s removed: %v, want %v", id, !want, want)
			}
		}
		if !gone(jpn, away) || !gone(jpn, due) {
			t.Error("the sender kept what was delivered, or receipted, an hour ago")
		}
		jpn.stop()
		back.stop()
		synctest.Wait()
	})
}

// TestNoClockHurriesRetention: a machine whose clock jumps a year ahead, alone,
// loses nothing.
func TestNoClockHurriesRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, line := keeping(t)
		id := send(t, jpn, flash(line, "EXERCISE"))
		nato.until(t, "delivered", has(id, "delivered"))
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		nato.stop()
		nato.party.wall = func() time.Time { return time.Now().Add(365 * 24 * time.Hour) }
		back := nato.start(t, nato.hub)
		time.Sleep(30 * time.Minute)
		if m, _ := back.stored(t, id); !m.RemovedAt.IsZero() {
			t.Error("a clock that jumped removed a text")
		}
		time.Sleep(40 * time.Minute)
		if m, _ := back.stored(t, id); m.RemovedAt.IsZero() {
			t.Error("the text is still there after an hour of running")
		}
		jpn.stop()
		back.stop()
		synctest.Wait()
	})
}

// TestSeizedDirectoryHoldsNoTextAfterRetention: A1 whole. With the directory,
// its key and all that the relay ever held, a thief neither opens nor reads a
// message whose time is over.
func TestSeizedDirectoryHoldsNoTextAfterRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, line := keeping(t)
		var envelopes [][]byte
		h.mu.Lock()
		h.tap = func(p link.Put) bool { envelopes = append(envelopes, bytes.Clone(p.Envelope)); return true }
		h.mu.Unlock()
		var texts [][]byte
		for i := range 5 {
			id := send(t, jpn, flash(line, fmt.Sprintf("EXERCISE canary %d5d0092c5", i)))
			nato.until(t, "delivered", has(id, "delivered"))
			if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
				t.Fatal(err)
			}
			_, body := nato.stored(t, id)
			texts = append(texts, body.Text)
		}
		time.Sleep(2 * time.Minute)
		if err := jpn.RenewKeys(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Hour + 10*time.Minute) // the seal keys' period, and retention
		nato.stop()
		h.mu.Lock()
		thief := nato.copyOf(t, slices.Clone(envelopes))
		h.mu.Unlock()
		know := func(d ident.Desk) ([]byte, bool) { return jpn.self.MessageKey.Public(), d == jpn.self.Desk }
		if n, _ := thief.opens(t, know); n != 0 {
			t.Errorf("the thief opens %d messages", n)
		}
		st, err := store.Open(t.Context(), thief.dir, thief.key, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if got := remaining(t, st, texts...); got != nil {
			t.Errorf("the thief reads %v", got)
		}
		jpn.stop()
		synctest.Wait()
	})
}

// TestAnswerOutlivesADeadLink: what a person wrote stays until a relay has it, or
// the sender would never learn of it.
func TestAnswerOutlivesADeadLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jpn, nato, line := keeping(t)
		id := send(t, jpn, flash(line, "EXERCISE"))
		nato.until(t, "delivered", has(id, "delivered"))
		jpn.until(t, "delivered", has(id, "delivered"))
		h.stall()
		reason := "EXERCISE no ship is near, says 90b1"
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Cannot, Role: "watch officer", Text: reason}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		if m, _ := nato.stored(t, id); !m.RemovedAt.IsZero() || remaining(t, nato.store, []byte(reason)) == nil {
			t.Error("an answer went before any relay had it")
		}
		h.flow()
		jpn.until(t, "cannot", has(id, "cannot"))
		time.Sleep(70 * time.Minute)
		for _, d := range []*desk{jpn, nato} {
			if got := remaining(t, d.store, []byte(reason)); got != nil {
				t.Errorf("%s: left are %v", d.name, got)
			}
			if !d.now(t, "ladder", has(id, "cannot")) {
				t.Errorf("%s: the answer is off the ladder", d.name)
			}
		}
		// A relay that loses its spool has the desk say it again: that it was
		// answered, without the words.
		h.mu.Lock()
		h.epoch++
		h.mu.Unlock()
		nato.stop()
		back := nato.start(t, h)
		back.virtual = true
		time.Sleep(2 * time.Minute)
		if n := len(ladderOf(t, jpn, id, "cannot")); n != 1 {
			t.Errorf("%d steps say cannot, want 1", n)
		}
		quiesce(jpn, back)
	})
}

// ladderOf lists the steps of a state.
func ladderOf(t *testing.T, d *desk, id ident.Message, state string) (all []store.Rung) {
	t.Helper()
	d.now(t, "ladder", func(tx *store.Tx) bool {
		rungs, _ := tx.Ladder(id)
		for _, g := range rungs {
			if g.State == state {
				all = append(all, g)
			}
		}
		return true
	})
	return all
}

// TestNobodyIsWaitedForOnALineThatWasLeft: its clocks and its outbox would keep
// texts for good.
func TestNobodyIsWaitedForOnALineThatWasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, line := keeping(t)
		nato.stop()
		sent := send(t, jpn, flash(line, "EXERCISE"))
		err := jpn.Transact(t.Context(), func(b *exchange.Batch) error {
			if err := b.Tx.SetLineState(line, "left"); err != nil {
				return err
			}
			return b.Reload()
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Minute)
		if m, _ := jpn.stored(t, sent); m.RemovedAt.IsZero() {
			t.Error("the text of a message on a line that was left is still there")
		}
		quiesce(jpn)
	})
}

// TestOneBadRowStopsNothing: a body that cannot be read keeps its row, and the
// others' texts go.
func TestOneBadRowStopsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, line := keeping(t)
		var ids []ident.Message
		for range 2 {
			id := send(t, jpn, flash(line, "EXERCISE"))
			nato.until(t, "delivered", has(id, "delivered"))
			if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		time.Sleep(time.Minute)
		err := nato.Transact(t.Context(), func(b *exchange.Batch) error {
			_, err := b.Tx.Exec("UPDATE message SET body = x'ff' WHERE id = ?", ids[0])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Minute)
		if m, _ := nato.stored(t, ids[1]); m.RemovedAt.IsZero() {
			t.Error("a bad row before it keeps a text")
		}
		quiesce(jpn, nato)
	})
}

// TestBundleOfARemovedTextIsSweptAtTheStart: the process may end between the
// transaction and the file.
func TestBundleOfARemovedTextIsSweptAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, jpn, nato, line := keeping(t)
		bundle := `{"type":"bundle","id":"bundle--7c1c1f6e-0000-4000-8000-000000000001","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--7c1c1f6e-0000-4000-8000-000000000001","name":"EXERCISE"}]}`
		up, err := jpn.Upload(t.Context(), "exercise.json", strings.NewReader(bundle))
		if err != nil {
			t.Fatal(err)
		}
		draft := flash(line, "EXERCISE")
		draft.Upload = up.ID
		id := send(t, jpn, draft)
		jpn.until(t, "whole", has(id, "whole"))
		if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
			t.Fatal(err)
		}
		before := bundles(t, jpn)
		time.Sleep(70 * time.Minute)
		if got := bundles(t, jpn); len(before) != 1 || len(got) != 0 {
			t.Fatalf("bundles: %d, then %d; want 1, then none", len(before), len(got))
		}
		jpn.stop()
		for name, b := range before {
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		back := jpn.start(t, jpn.hub)
		if got := bundles(t, back); len(got) != 0 {
			t.Errorf("%d bundles are still there after the start", len(got))
		}
		quiesce(back, nato)
	})
}

// bundles reads the files of a desk.
func bundles(t *testing.T, d *desk) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(d.dir, "files", "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, name := range names {
		if all[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
