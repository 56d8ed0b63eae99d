package link

import (
	"sync"

	"hotline/internal/ident"
)

// inbox is what a client's handler is still to hear. One goroutine tells it.
// Deliveries are bounded, so a slow handler stops the reading from the relay;
// everything else is bounded by the puts that are waiting.
type inbox struct {
	h   Handler
	box ident.Mailbox

	mu   sync.Mutex
	cond *sync.Cond
	// mu guards the following.
	links   []any // Up, or the error of a Down, in order
	refs    []uint64
	refusal []Refusal
	lanes   [Lanes][]Delivery
	bytes   [2]int
	gone    *desk // its readers must not wait any more
	closed  bool
}

// maxInboxBytes bounds what waits for the handler, per connection.
const maxInboxBytes = 1 << 20

func newInbox(h Handler, box ident.Mailbox) *inbox {
	b := &inbox{h: h, box: box}
	b.cond = sync.NewCond(&b.mu)
	return b
}

func (b *inbox) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
	b.cond.Broadcast()
}

func (b *inbox) up(u Up)             { b.change(func() { b.links = append(b.links, u) }) }
func (b *inbox) down(err error)      { b.change(func() { b.links = append(b.links, err) }) }
func (b *inbox) accepted(r []uint64) { b.change(func() { b.refs = append(b.refs, r...) }) }
func (b *inbox) refused(r Refusal)   { b.change(func() { b.refusal = append(b.refusal, r) }) }
func (b *inbox) release(d *desk)     { b.change(func() { b.gone = d }) }
func (b *inbox) close()              { b.change(func() { b.closed = true }) }
func (b *inbox) deliver(d *desk, v Delivery) {
	i := index(isBulk(v.Lane))
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.bytes[i] > maxInboxBytes && b.gone != d && !b.closed {
		b.cond.Wait()
	}
	if b.gone == d || b.closed {
		return // not acknowledged, so it comes again
	}
	b.bytes[i] += len(v.Envelope)
	b.lanes[v.Lane] = append(b.lanes[v.Lane], v)
	b.cond.Broadcast()
}

// work is one round of calls.
type work struct {
	link    any
	refs    []uint64
	refusal []Refusal
	deliver []Delivery
}

// next waits for work; ok is false when the inbox is closed and empty.
func (b *inbox) next() (w work, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		if len(b.links) > 0 {
			w.link, b.links = b.links[0], b.links[1:]
			return w, true
		}
		w.refs, b.refs = b.refs, nil
		w.refusal, b.refusal = b.refusal, nil
		b.takeDeliveries(&w)
		if len(w.refs)+len(w.refusal)+len(w.deliver) > 0 {
			b.cond.Broadcast()
			return w, true
		}
		if b.closed {
			return w, false
		}
		b.cond.Wait()
	}
}

// takeDeliveries takes the most urgent ones first.
func (b *inbox) takeDeliveries(w *work) {
	for _, l := range []uint8{flashLane, immediateLane, priorityLane, routineLane, fileLane} {
		n := min(len(b.lanes[l]), maxDeliver-len(w.deliver))
		for _, d := range b.lanes[l][:n] {
			b.bytes[index(isBulk(l))] -= len(d.Envelope)
		}
		w.deliver = append(w.deliver, b.lanes[l][:n]...)
		clear(b.lanes[l][:n])
		if b.lanes[l] = b.lanes[l][n:]; len(b.lanes[l]) == 0 {
			b.lanes[l] = nil
		}
	}
}

// run tells the handler until the inbox is closed.
func (b *inbox) run() {
	for {
		w, ok := b.next()
		if !ok {
			return
		}
		switch v := w.link.(type) {
		case Up:
			b.h.Up(v)
		case error:
			b.h.Down(v)
		}
		for _, r := range w.refusal {
			b.h.Refused(r)
		}
		if len(w.refs) > 0 {
			b.h.Accepted(w.refs)
		}
		if len(w.deliver) > 0 {
			b.h.Deliver(w.deliver)
		}
	}
}
