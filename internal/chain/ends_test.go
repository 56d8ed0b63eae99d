package chain

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"hotline/internal/envelope"
)

// TestUsedKeysAreGoneFromDiskAndMemory: nothing in the marshalled state of either end opens an
// envelope that was sent and opened, directly or one derivation away (F1).
func TestUsedKeysAreGoneFromDiskAndMemory(t *testing.T) {
	p := newPair(t)
	fresh := state(t, p.rx)
	withKey := state(t, p.tx)
	s := mustSeal(t, p.tx, p.from.sign, message(3, 1))
	for i := range 3 {
		mustSeal(t, p.tx, p.from.sign, message(3, i))
	}
	mustOpen(t, p.rx, s.Envelope)
	p.tx.Forget()

	if !opensWithAny(p.tx, fresh, s.Envelope) || !opensWithAny(p.tx, withKey, s.Envelope) {
		t.Fatal("control: the search misses a key that is there")
	}
	if opensWithAny(p.tx, state(t, p.rx), s.Envelope) {
		t.Error("the receiver's state still opens a message that was read")
	}
	if opensWithAny(p.tx, state(t, p.tx), s.Envelope) {
		t.Error("the sender's state still opens a message that was sent")
	}
	// A late message's key goes too.
	late := mustSeal(t, p.tx, p.from.sign, message(2, 1)).Envelope
	mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(2, 2)).Envelope)
	if !opensWithAny(p.tx, state(t, p.rx), late) {
		t.Fatal("control: the search misses a skipped key")
	}
	mustOpen(t, p.rx, late)
	if opensWithAny(p.tx, state(t, p.rx), late) {
		t.Error("the receiver's state still opens a late message that was read")
	}
	if opensWithAny(p.tx, image(p.rx), late) {
		t.Error("the receiver's memory still opens a late message that was read")
	}
}

// image is what a receiver keeps of keys in memory, with what lies behind the
// ends of its lists.
func image(r *Receiver) (b []byte) {
	for _, c := range r.chains {
		b = append(b, c.key[:]...)
		for _, k := range c.skipped[:cap(c.skipped)] {
			b = append(b, k.key[:]...)
		}
	}
	return b
}

// opensWithAny tries every 32 bytes of a state as message key, as chain key and
// as sending key.
func opensWithAny(m *Sender, state, env []byte) bool {
	h, _ := envelope.Parse(env)
	clear := bytes.Clone(env)
	mask(one, m.headerKey, clear)
	try := func(key []byte) bool {
		_, err := one.Open(key, clear[:envelope.PrefixSize], env[envelope.PrefixSize:])
		return err == nil
	}
	for i := 0; i+32 <= len(state); i++ {
		w := state[i : i+32]
		if try(w) || try(one.Expand(w, labelKey, nil, 32)) {
			return true
		}
		r := newSchedule(one, m.names, w).lane(Lane(h.Lane))
		if key := r.step(one); try(key[:]) {
			return true
		}
	}
	return false
}

// TestCloseMakesTheEndExact: the successor's slice says where the chains ended.
func TestCloseMakesTheEndExact(t *testing.T) {
	p := newPair(t)
	var sent [][]byte
	for i := range 3 {
		sent = append(sent, mustSeal(t, p.tx, p.from.sign, message(3, i)).Envelope)
	}
	mustOpen(t, p.rx, sent[0])
	if p.rx.Finished(start.Add(30 * 24 * time.Hour)) {
		t.Error("finished before it was closed")
	}
	next := mustStart(t, p.from, p.tx, p.to.party)
	_, sl := mustSlice(t, next, p.from, p.to)
	if sl.Predecessor != p.rx.Identity() || sl.Last != [lanes]uint32{3: 3} {
		t.Fatalf("successor's slice names %x, last %v", sl.Predecessor, sl.Last)
	}
	if err := p.rx.Close(sl.Last, start); err != nil {
		t.Fatalf("Close: %v", err)
	}
	p.rx = restart(t, p.rx)
	if err := p.rx.Close(sl.Last, start); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if got := p.rx.Missing(); !slices.Equal(got, []Gap{{3, 2, 3}}) {
		t.Errorf("missing %v", got)
	}
	if err := p.rx.Close([lanes]uint32{3: 4}, start); !errors.Is(err, ErrConflict) {
		t.Errorf("a second end: %v, want ErrConflict", err)
	}
	late := p.rx.Clone()
	if p.rx.Finished(start.Add(KeepSkipped-time.Second)) || !p.rx.Finished(start.Add(KeepSkipped)) {
		t.Error("an incomplete chain is not finished exactly after a week")
	}
	mustOpen(t, late, sent[2])
	mustOpen(t, late, sent[1])
	if !late.Finished(start) {
		t.Errorf("complete and not finished; missing %v", late.Missing())
	}
	// A copy of the sender that goes on after its signed end is refused.
	copied := p.tx.Clone()
	copied.spent = false
	before := state(t, late)
	if _, err := late.Open(mustSeal(t, copied, p.from.sign, message(3, 9)).Envelope, start); !errors.Is(err, ErrConflict) {
		t.Errorf("message after the signed end: %v", err)
	}
	unchanged(t, late, before, "a message after the signed end")
	open := newPair(t)
	mustOpen(t, open.rx, mustSeal(t, open.tx, open.from.sign, message(3, 1)).Envelope)
	before = state(t, open.rx)
	if err := open.rx.Close([lanes]uint32{}, start); !errors.Is(err, ErrConflict) {
		t.Errorf("an end before what was opened: %v", err)
	}
	unchanged(t, open.rx, before, "an end before what was opened")
}
