package bench

import (
	"context"
	"crypto/ed25519"
	"sync"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
)

// quay is a desk's link while its fleet is made ready, and hands over to the
// real one then. Until that it takes every put as accepted and keeps, of the
// slices, those that the measurement needs: a line of 200 desks would spend
// minutes on 40,000 of them before anything is measured.
type quay struct {
	f *fleet
	v *vessel
	h link.Handler

	puts chan link.Put // made ready
	mu   sync.Mutex
	// mu guards the following.
	real  *link.Client
	allow []ed25519.PublicKey
}

// moor starts a desk's link.
func (f *fleet) moor(ctx context.Context, v *vessel, h link.Handler) *quay {
	q := &quay{f: f, v: v, h: h, puts: make(chan link.Put, 4*len(f.desks))}
	v.quay = q
	f.running.Go(func() { q.run(ctx) })
	return q
}

func (q *quay) run(ctx context.Context) {
	q.h.Up(link.Up{Epoch: q.f.epoch, Enrolled: true, RelayTime: time.Now()})
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-q.puts:
			refs := []uint64{p.Ref}
			q.f.keep(q.v, p)
			for len(q.puts) > 0 {
				p := <-q.puts
				q.f.keep(q.v, p)
				refs = append(refs, p.Ref)
			}
			q.h.Accepted(refs)
		}
	}
}

// keep takes a slice from a desk for another that needs it.
func (f *fleet) keep(from *vessel, p link.Put) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, box := range p.To {
		if to := f.boxes[box]; to != nil && (from == f.desks[0] || to.party == 0) {
			to.waiting = append(to.waiting, link.Delivery{Mailbox: box, Lane: p.Lane, Envelope: p.Envelope})
		}
	}
}

// sail gives a desk the slices that were kept for it and connects it to the
// relay.
func (q *quay) sail(ctx context.Context) {
	q.f.mu.Lock()
	waiting := q.v.waiting
	q.f.mu.Unlock()
	q.h.Deliver(waiting)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.real = link.NewClient(link.ClientConfig{Addr: q.v.proxy.Addr(), Pin: q.f.relay, Key: q.v.mailbox}, q.h)
	q.real.Allow(q.allow)
	q.f.running.Go(func() { _ = q.real.Run(ctx) }) // it ends with ctx and says nothing else
}

func (q *quay) client() *link.Client {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.real
}

func (q *quay) Put(p link.Put) error {
	if c := q.client(); c != nil {
		return c.Put(p)
	}
	select {
	case q.puts <- p:
		return nil
	default:
		return link.ErrFull
	}
}

func (q *quay) Allow(putters []ed25519.PublicKey) {
	if c := q.client(); c != nil {
		c.Allow(putters)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.allow = putters
}

func (q *quay) Ack(lane uint8, seq uint64) {
	if c := q.client(); c != nil && seq > 0 {
		c.Ack(lane, seq)
	}
}

func (q *quay) Revoke(putters ...ed25519.PublicKey) {
	if c := q.client(); c != nil {
		c.Revoke(putters...)
	}
}

func (q *quay) Withdraw(ref uint64) bool {
	c := q.client()
	return c != nil && c.Withdraw(ref)
}

func (q *quay) Forget(box ident.Mailbox) {
	if c := q.client(); c != nil {
		c.Forget(box)
	}
}

func (q *quay) Status() link.Status {
	if c := q.client(); c != nil {
		return c.Status()
	}
	return link.Status{}
}
