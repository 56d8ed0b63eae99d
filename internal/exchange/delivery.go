package exchange

import (
	"errors"
	"slices"
	"syscall"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/store"
)

// held is what the disk did not take of a lane. A relay's acknowledgement
// counts everything before it, so nothing behind a held delivery is
// acknowledged until that one is committed: the relay would delete it.
type held struct {
	waiting []link.Delivery
	tries   map[uint64]int // of those, by number, that fail for no want of room
	done    uint64         // highest number committed meanwhile
	// full: more failed than is held. Nothing of the lane is acknowledged
	// before the link comes up again, and then the relay delivers it again.
	full bool
}

// maxHeld bounds the deliveries held per relay and lane: 16 MiB of the largest.
const maxHeld = 256

// delivery is the step that takes one envelope from a relay.
func (e *Engine) delivery(id ident.Relay, d link.Delivery) step {
	return step{
		apply: func(b *Batch) error { return b.deliver(d) },
		settle: func(err error) {
			e.logged("deliver")(err)
			if r := e.relays[id]; !r.hopeless(d, err) {
				r.settle(d, err)
				return
			}
			e.cfg.Log.Error("envelope given up: it fails every time, and holds up those behind it", "relay", id.String(), "err", err)
			e.relays[id].settle(d, nil)
		},
	}
}

// maxTries is how often a delivery is tried that fails for another reason than
// a full disk: what fails then fails for ever, and a peer that found out how
// must not fill our mailbox with it.
const maxTries = 12

// hopeless counts the failures of a delivery and reports whether it is to be
// given up.
func (r *relay) hopeless(d link.Delivery, err error) bool {
	h := &r.held[d.Lane]
	if err == nil || passes(err) {
		return false
	}
	if h.tries == nil {
		h.tries = map[uint64]int{}
	}
	if h.tries[d.Seq]++; h.tries[d.Seq] < maxTries {
		return false
	}
	delete(h.tries, d.Seq)
	return true
}

// passes reports whether an error is the machine's, and may pass.
func passes(err error) bool {
	if k, _, _ := fault.Visible(err); k == fault.Busy {
		return true
	}
	for _, e := range []error{store.ErrStopped, store.ErrClosed, syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.EIO} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// settle acknowledges a delivery that is committed, or holds it.
func (r *relay) settle(d link.Delivery, err error) {
	h := &r.held[d.Lane]
	at := slices.IndexFunc(h.waiting, func(w link.Delivery) bool { return w.Seq == d.Seq })
	switch {
	case err != nil && at >= 0:
		return
	case err != nil && len(h.waiting) >= maxHeld:
		h.full = true
		return
	case err != nil:
		h.waiting = append(h.waiting, d)
		return
	case at >= 0:
		h.waiting = slices.Delete(h.waiting, at, at+1)
		delete(h.tries, d.Seq)
	}
	h.done = max(h.done, d.Seq)
	if len(h.waiting) == 0 && !h.full {
		r.link.Ack(d.Lane, h.done)
	}
}

// heldSteps tries again what the disk did not take.
func (e *Engine) heldSteps() (all []step) {
	for id, r := range e.relays {
		for lane := range r.held {
			for _, d := range r.held[lane].waiting {
				all = append(all, e.delivery(id, d))
			}
		}
	}
	return all
}

// acceptedOrNot settles a relay's word. When it could not be written down the
// envelopes are put once more, and the relay says the same again; otherwise
// they would fill the window for ever.
func (e *Engine) acceptedOrNot(id ident.Relay, refs []uint64, err error) {
	if err == nil {
		return
	}
	e.logged("relay accepted")(err)
	r := e.relays[id]
	for _, ref := range refs {
		if j, ok := r.onTheWay[ref]; ok && j.outbox != 0 {
			r.backlog[j.lane] = true
		}
		r.finish(ref)
	}
}

// less notes that n mailboxes of a put refused it. The relay's word for the
// others is still to come.
func (r *relay) less(ref uint64, n int) {
	j, ok := r.onTheWay[ref]
	if !ok {
		return
	}
	if j.boxes -= n; j.boxes <= 0 {
		r.finish(ref)
		return
	}
	r.onTheWay[ref] = j
}
