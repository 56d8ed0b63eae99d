package relay_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"hotline/internal/link"
	"hotline/internal/relay"
)

// desk is somebody at a relay's door, with a mailbox there or without.
func meeter(t *testing.T, r *running, enrolled bool) link.ClientConfig {
	t.Helper()
	i := invite(t, r, relay.InviteOptions{})
	cfg := link.ClientConfig{Addr: r.addr, Pin: i.Pin, Key: newKey(t)}
	if enrolled {
		if _, err := link.Enrol(t.Context(), i, cfg); err != nil {
			t.Fatal(err)
		}
	}
	return cfg
}

func refusedFor(t *testing.T, err error, want link.Reason, what string) {
	t.Helper()
	if r, ok := errors.AsType[*link.RefusedError](err); !ok || r.Reason != want {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestRendezvousPassesThreeBlobs: owner and guest exchange three blobs, the
// largest too; each is put once; nobody but the owner puts the first and third.
func TestRendezvousPassesThreeBlobs(t *testing.T) {
	r := newRelay(t, nil)
	owner, guest, third := meeter(t, r, true), meeter(t, r, false), meeter(t, r, true)
	slot := link.Slot{1}
	ctx := t.Context()
	blob := func(n int, b byte) []byte { return bytes.Repeat([]byte{b}, n) }

	refusedFor(t, link.MeetPut(ctx, guest, slot, 1, blob(10, 1)), link.ReasonNoMeeting, "a guest opens a rendezvous")
	refusedFor(t, link.MeetPut(ctx, owner, slot, 2, blob(10, 1)), link.ReasonNoMeeting, "the second blob first")
	_, err := link.MeetGet(ctx, guest, slot, 1)
	refusedFor(t, err, link.ReasonNoMeeting, "a blob of no rendezvous")

	one, two, three := blob(100, 1), blob(link.MaxMeeting, 2), blob(link.MaxFrame+1, 3)
	if err := link.MeetPut(ctx, owner, slot, 1, one); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, link.MeetPut(ctx, owner, slot, 3, three), link.ReasonNoMeeting, "the third blob before the second")
	arrived := make(chan []byte, 1)
	go func() { b, _ := link.MeetGet(ctx, owner, slot, 2); arrived <- b }()
	if b, err := link.MeetGet(ctx, guest, slot, 1); err != nil || !bytes.Equal(b, one) {
		t.Fatalf("first blob: %d bytes, %v", len(b), err)
	}
	for range 2 { // the same again is no other answer
		if err := link.MeetPut(ctx, guest, slot, 2, two); err != nil {
			t.Fatal(err)
		}
	}
	refusedFor(t, link.MeetPut(ctx, third, slot, 2, blob(10, 9)), link.ReasonMet, "a second answer")
	if b := <-arrived; !bytes.Equal(b, two) {
		t.Fatalf("the owner who waited got %d bytes", len(b))
	}
	refusedFor(t, link.MeetPut(ctx, third, slot, 3, three), link.ReasonNotAllowed, "a third blob from another desk")
	if err := link.MeetPut(ctx, owner, slot, 3, three); err != nil {
		t.Fatal(err)
	}
	if b, err := link.MeetGet(ctx, guest, slot, 3); err != nil || !bytes.Equal(b, three) {
		t.Fatalf("third blob: %d bytes, %v", len(b), err)
	}
	id, err := link.RelayAt(ctx, r.addr, nil)
	if err != nil || id != owner.Pin {
		t.Errorf("RelayAt = %v, %v, want the relay's id", id, err)
	}
}

// TestRendezvousIsBounded: eight of a desk, and none waits for ever.
func TestRendezvousIsBounded(t *testing.T) {
	r := newRelay(t, nil)
	owner, other := meeter(t, r, true), meeter(t, r, true)
	for i := range byte(8) {
		if err := link.MeetPut(t.Context(), owner, link.Slot{i}, 1, []byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	refusedFor(t, link.MeetPut(t.Context(), owner, link.Slot{9}, 1, []byte{1}), link.ReasonLimit, "a ninth rendezvous of one desk")
	if err := link.MeetPut(t.Context(), other, link.Slot{9}, 1, []byte{1}); err != nil {
		t.Errorf("another desk's first: %v", err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	if _, err := link.MeetGet(ctx, other, link.Slot{9}, 2); err == nil || ctx.Err() == nil {
		t.Errorf("a desk that gives up waiting: %v", err)
	}
}
