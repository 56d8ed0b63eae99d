package exchange

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
)

// acks is a link that notes what it is told to acknowledge.
type acks struct{ list []uint64 }

func (a *acks) Put(link.Put) error        { return nil }
func (a *acks) Ack(_ uint8, seq uint64)   { a.list = append(a.list, seq) }
func (a *acks) Allow([]ed25519.PublicKey) {}
func (*acks) Withdraw(uint64) bool        { return false }
func (*acks) Revoke(...ed25519.PublicKey) {}
func (*acks) Forget(ident.Mailbox)        {}
func (a *acks) Status() link.Status       { return link.Status{} }

// An acknowledgement counts all before it: what the disk did not take must hold
// back those behind it, or the relay deletes it.
func TestAcknowledgementWaitsForWhatTheDiskDidNotTake(t *testing.T) {
	disk := errors.New("disk full")
	type came struct {
		seq uint64
		err error
	}
	for name, c := range map[string]struct {
		come []came
		acks []uint64
		held int
	}{
		"all taken":        {[]came{{1, nil}, {2, nil}}, []uint64{1, 2}, 0},
		"one not taken":    {[]came{{1, nil}, {2, disk}, {3, nil}}, []uint64{1}, 1},
		"taken later":      {[]came{{2, disk}, {3, nil}, {2, disk}, {2, nil}, {4, nil}}, []uint64{3, 4}, 0},
		"two, in disorder": {[]came{{2, disk}, {3, disk}, {4, nil}, {3, nil}, {2, nil}}, []uint64{4}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := &acks{}
			r := &relay{link: a}
			for _, x := range c.come {
				r.settle(link.Delivery{Lane: 1, Seq: x.seq}, x.err)
			}
			if !slices.Equal(a.list, c.acks) || len(r.held[1].waiting) != c.held {
				t.Errorf("acknowledged %v with %d held, want %v with %d", a.list, len(r.held[1].waiting), c.acks, c.held)
			}
		})
	}
	t.Run("more than is held", func(t *testing.T) {
		a := &acks{}
		r := &relay{link: a}
		for seq := range uint64(maxHeld + 1) {
			r.settle(link.Delivery{Seq: seq + 1}, disk)
		}
		for seq := range uint64(maxHeld + 10) {
			if seq != maxHeld { // this one is not held
				r.settle(link.Delivery{Seq: seq + 1}, nil)
			}
		}
		if len(a.list) != 0 {
			t.Errorf("acknowledged %v although delivery %d was never taken", a.list, maxHeld+1)
		}
	})
}

// What fails every time, and not for want of room, is given up: it would hold
// up the acknowledgement of all behind it.
func TestDeliveryThatFailsEveryTimeIsGivenUp(t *testing.T) {
	full := fault.New(fault.Busy, "The disk is full.")
	for name, c := range map[string]struct {
		err  error
		acks []uint64
	}{
		"poison":    {errors.New("broken"), []uint64{2}},
		"full disk": {fmt.Errorf("store message: %w", full), nil},
		"no space":  {fmt.Errorf("store part: %w", syscall.ENOSPC), nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := &acks{}
			id := ident.Relay{1}
			e := &Engine{cfg: Config{Log: slog.New(slog.DiscardHandler)}, relays: map[ident.Relay]*relay{id: {link: a}}}
			step := e.delivery(id, link.Delivery{Lane: 2, Seq: 1})
			e.delivery(id, link.Delivery{Lane: 2, Seq: 1}).settle(c.err)
			e.delivery(id, link.Delivery{Lane: 2, Seq: 2}).settle(nil)
			for range 3 * maxTries {
				if len(e.relays[id].held[2].waiting) > 0 {
					step.settle(c.err)
				}
			}
			if !slices.Equal(a.list, c.acks) {
				t.Errorf("acknowledged %v, want %v", a.list, c.acks)
			}
		})
	}
}

// A put to many mailboxes is answered twice when some refuse it: the others are
// accepted after the refusal.
func TestRefusalOfOneMailboxLeavesTheOthers(t *testing.T) {
	id := ident.Relay{1}
	e := &Engine{cfg: Config{Log: slog.New(slog.DiscardHandler)}, relays: map[ident.Relay]*relay{}}
	r := &relay{link: &acks{}, onTheWay: map[uint64]journey{}, queued: map[int64]bool{}}
	e.relays[id] = r
	r.put(e, journey{lane: 2, outbox: 7}, make([]ident.Mailbox, 3), nil)
	r.less(1, 1)
	if len(r.onTheWay) != 1 || !r.queued[7] {
		t.Error("one refusal of three forgot the put: the acceptance of the others is lost")
	}
	r.less(1, 2)
	if len(r.onTheWay) != 0 || r.queued[7] || r.count[2] != 0 {
		t.Errorf("all refused, and %d on the way, %d counted", len(r.onTheWay), r.count[2])
	}
	r.put(e, journey{lane: 2, outbox: 8}, make([]ident.Mailbox, 1), nil)
	e.acceptedOrNot(id, []uint64{2}, errors.New("disk full"))
	if len(r.onTheWay) != 0 || r.count[2] != 0 || !r.backlog[2] {
		t.Error("an acceptance that could not be written down keeps its place in the window, or is not put again")
	}
}
