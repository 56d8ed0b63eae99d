package exchange_test

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// pair starts two desks on one open line.
func pair(t *testing.T) (h *hub, jpn, nato *desk, line ident.Line) {
	t.Helper()
	h = newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	return h, a.start(t, h), b.start(t, h), c.ID(one)
}

func flash(line ident.Line, text string) exchange.Draft {
	return exchange.Draft{
		Line: line, Kind: traffic.Alert, Status: traffic.Exercise, ExerciseName: "EXERCISE", Precedence: precedence.Flash,
		Label: marking.Label{TLP: marking.TLPAmber}, Subject: "EXERCISE", Language: "en", Text: text, AckWanted: traffic.AckReceipt,
	}
}

func send(t *testing.T, d *desk, draft exchange.Draft) ident.Message {
	t.Helper()
	s, err := d.Send(t.Context(), draft, nil)
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	return s.ID
}

func TestAlertIsDeliveredReceiptedAndBothLaddersAgree(t *testing.T) {
	_, jpn, nato, line := pair(t)
	id := send(t, jpn, flash(line, "EXERCISE early warning"))
	jpn.until(t, "delivered", has(id, "delivered"))
	if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
		t.Fatal(err)
	}
	jpn.until(t, "receipted", has(id, "receipted"))

	ladder := func(d *desk) (s string) {
		err := d.store.View(t.Context(), func(tx *store.Tx) error {
			rungs, err := tx.Ladder(id)
			for _, r := range rungs {
				if r.State == "queued" || r.State == "accepted" {
					continue
				}
				s += r.State + " " + r.Desk.String() + " " + r.Role + " " + r.At.Format(time.RFC3339Nano) + "\n"
				if !r.Verified {
					t.Errorf("%s: rung %s is not verified", d.name, r.State)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	jpn.until(t, "accepted by the relay", has(id, "accepted"))
	if a, b := ladder(jpn), ladder(nato); a != b || strings.Count(a, "\n") != 2 {
		t.Errorf("ladders differ:\nJPN\n%sNATO\n%s", a, b)
	}
	err := jpn.store.View(t.Context(), func(tx *store.Tx) error {
		m, err := tx.Message(id)
		if m.SettledAt.IsZero() {
			t.Error("the sender's clock still runs after the receipt")
		}
		if n, _ := tx.QueuedMessages(); n != 0 {
			t.Errorf("%d messages left in the outbox after delivered", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileArrivesByteForByte(t *testing.T) {
	_, jpn, nato, line := pair(t)
	bundle := []byte(`{"type":"bundle","id":"bundle--7c1c1f6e-0000-4000-8000-000000000001","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--7c1c1f6e-0000-4000-8000-000000000001","name":"` +
		strings.Repeat("EXERCISE ", 40000) + `"}]}`)
	up, err := jpn.Upload(t.Context(), "exercise.json", bytes.NewReader(bundle))
	if err != nil {
		t.Fatal(err)
	}
	draft := flash(line, "EXERCISE with a bundle")
	draft.Upload = up.ID
	id := send(t, jpn, draft)
	nato.until(t, "whole", has(id, "whole"))
	jpn.until(t, "whole", has(id, "whole"))
	var body *wire.Message
	err = nato.store.View(t.Context(), func(tx *store.Tx) error {
		m, err := tx.Message(id)
		if err == nil {
			body, err = wire.ParseMessage(m.Body)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := nato.Content(body.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(bundle) {
		t.Errorf("content = %d bytes, %v, want %d bytes as given", len(got), err, len(bundle))
	}
}

func TestEachMessageOnceThroughRestartsOfBothDesks(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	var sent []ident.Message
	for range 5 {
		jpn, nato := a.start(t, h), b.start(t, h)
		for range 10 {
			sent = append(sent, send(t, jpn, flash(c.ID(one), "EXERCISE")))
		}
		jpn.stop()
		nato.stop()
	}
	jpn, nato := a.start(t, h), b.start(t, h)
	for _, id := range sent {
		jpn.until(t, "delivered", has(id, "delivered"))
	}
	err := nato.store.View(t.Context(), func(tx *store.Tx) error {
		all, err := tx.Messages(store.MessageFilter{Limit: 1000})
		if len(all) != len(sent) {
			t.Errorf("%d messages arrived, want %d", len(all), len(sent))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRelayThatLosesItsSpoolLosesNothing(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, b, a)
	jpn := a.start(t, h)
	var sent []ident.Message
	for range 20 {
		sent = append(sent, send(t, jpn, flash(c.ID(one), "EXERCISE")))
	}
	jpn.until(t, "accepted", has(sent[19], "accepted"))
	jpn.stop()
	h.mu.Lock()
	h.epoch, h.boxes, h.seen = 2, map[ident.Mailbox][]link.Delivery{}, map[envelope.ID]bool{}
	h.mu.Unlock()
	jpn, _ = a.start(t, h), b.start(t, h)
	for _, id := range sent {
		jpn.until(t, "delivered", has(id, "delivered"))
	}
}

func TestUnmarkedMessageIsRefused(t *testing.T) {
	_, jpn, _, line := pair(t)
	draft := flash(line, "EXERCISE")
	draft.Label = marking.Label{}
	_, err := jpn.Send(t.Context(), draft, nil)
	if k, msg, _ := fault.Visible(err); k != fault.Refused || !strings.Contains(msg, "TLP") {
		t.Errorf("Send without TLP = %v, want a refusal that names TLP", err)
	}
}

func TestNarrowAudienceIsAGroupOfItsOwn(t *testing.T) {
	h := newHub()
	a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	ch := charter(t, "ALL", a, b, c)
	for _, p := range []*party{a, b, c} {
		p.found(t, ch, a, b, c)
	}
	jpn, nato, aus := a.start(t, h), b.start(t, h), c.start(t, h)
	draft := flash(ch.ID(one), "EXERCISE for NATO alone")
	draft.Label.REL = marking.REL{Parties: []string{"JPN", "NATO"}}
	id := send(t, jpn, draft)
	jpn.until(t, "delivered", has(id, "delivered"))
	whole := send(t, jpn, flash(ch.ID(one), "EXERCISE for all"))
	aus.until(t, "the message to all", func(tx *store.Tx) bool { _, err := tx.Message(whole); return err == nil })
	nato.until(t, "both", func(tx *store.Tx) bool { _, err := tx.Message(id); return err == nil })
	_ = aus.store.View(t.Context(), func(tx *store.Tx) error {
		if _, err := tx.Message(id); err == nil {
			t.Error("AUS has a message that REL keeps from it")
		}
		m, _ := tx.Message(whole)
		body, err := wire.ParseMessage(m.Body)
		if err != nil || body.Serial != "JPN-1/0001" {
			t.Errorf("serial of the line's first message = %q, %v, want JPN-1/0001: another audience's numbers must not show", body.Serial, err)
		}
		return nil
	})
}

func TestBacklogLargerThanTheWindowLeaves(t *testing.T) {
	h := newHub()
	h.open = make(chan struct{})
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, a, b)
	jpn := a.start(t, h)
	b.start(t, h)
	var sent []ident.Message
	for range 64*3 + 5 {
		sent = append(sent, send(t, jpn, flash(c.ID(one), "EXERCISE")))
	}
	close(h.open) // the relay answers only now
	for _, id := range sent {
		jpn.until(t, "delivered", has(id, "delivered"))
	}
}

func TestMessageIsSealedAnewWhenNobodySignsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		c := charter(t, "JPN-NATO", a, b)
		a.found(t, c, a, b)
		b.found(t, c, a, b)
		// The relay says that it has them, and loses the first two FLASH envelopes:
		// the message, and then the "delivered" of the one sealed anew.
		lost := 0
		h.tap = func(p link.Put) bool {
			head, _ := envelope.Parse(p.Envelope)
			if p.Lane == uint8(precedence.Flash) && head.Type == envelope.Chain && lost < 2 {
				lost++
				return false
			}
			return true
		}
		jpn, nato := a.start(t, h), b.start(t, h)
		jpn.virtual, nato.virtual = true, true
		id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
		jpn.until(t, "delivered", has(id, "delivered"))
		if lost != 2 {
			t.Fatalf("the relay lost %d envelopes, want 2", lost)
		}
		err := nato.store.View(t.Context(), func(tx *store.Tx) error {
			all, err := tx.Messages(store.MessageFilter{})
			if len(all) != 1 {
				t.Errorf("%d messages at NATO, want the one", len(all))
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		jpn.stop()
		nato.stop()
		synctest.Wait()
	})
}

func TestAlarmIsSignedOnceAndNotForWhatIsTaken(t *testing.T) {
	_, jpn, nato, line := pair(t)
	id := send(t, jpn, flash(line, "EXERCISE"))
	nato.until(t, "the message", func(tx *store.Tx) bool { _, err := tx.Message(id); return err == nil })
	for range 2 {
		if err := nato.Alarmed(t.Context(), []ident.Message{id, {}}); err != nil {
			t.Fatal(err)
		}
	}
	jpn.until(t, "alarmed", has(id, "alarmed"))
	taken := send(t, jpn, flash(line, "EXERCISE"))
	nato.until(t, "the second", func(tx *store.Tx) bool { _, err := tx.Message(taken); return err == nil })
	if err := nato.Acknowledge(t.Context(), taken, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
		t.Fatal(err)
	}
	if err := nato.Alarmed(t.Context(), []ident.Message{taken}); err != nil {
		t.Fatal(err)
	}
	jpn.until(t, "receipted", has(taken, "receipted"))
	_ = jpn.store.View(t.Context(), func(tx *store.Tx) error {
		for message, want := range map[ident.Message]int{id: 1, taken: 0} {
			n := 0
			ladder, err := tx.Ladder(message)
			for _, g := range ladder {
				if g.State == "alarmed" {
					n++
				}
			}
			if n != want || err != nil {
				t.Errorf("%d alarms on the ladder of %s, %v, want %d", n, message, err, want)
			}
		}
		return nil
	})
}

func TestReceiptAtOneDeskStopsTheClockAtItsPartysOthers(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	b2 := newDesk(t, "NATO", 2, b.root, h)
	c := charter(t, "JPN-NATO", a, b)
	for _, p := range []*party{a, b, b2} {
		p.found(t, c, a, b, b2)
	}
	jpn, nato, second := a.start(t, h), b.start(t, h), b2.start(t, h)
	id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
	for _, d := range []*desk{nato, second} {
		d.until(t, "the message", func(tx *store.Tx) bool { _, err := tx.Message(id); return err == nil })
	}
	if err := nato.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"}); err != nil {
		t.Fatal(err)
	}
	second.until(t, "told of the receipt", has(id, "receipted"))
	_ = second.store.View(t.Context(), func(tx *store.Tx) error {
		if m, err := tx.Message(id); err != nil || m.SettledAt.IsZero() {
			t.Errorf("NATO-2's clock still runs after NATO-1's receipt (%v)", err)
		}
		return nil
	})
	jpn.until(t, "receipted", has(id, "receipted"))
	err := second.Acknowledge(t.Context(), id, exchange.Ack{State: traffic.Receipted, Role: "watch officer"})
	if k, _, _ := fault.Visible(err); k != fault.Conflict {
		t.Errorf("a second receipt of the same party = %v, want a conflict", err)
	}
}
