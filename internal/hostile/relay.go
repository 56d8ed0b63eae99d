package hostile

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"slices"
	"sync"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
)

// Relay speaks the relay's half of the link protocol, and keeps what it is
// given in memory. Without a behaviour it does what a relay should.
type Relay struct {
	// Addr is its name on the network.
	Addr string
	id   *link.Identity

	running sync.WaitGroup
	mu      sync.Mutex
	// mu guards the following.
	how    *Behaviour
	rand   *mrand
	boxes  map[ident.Mailbox]*box
	epoch  uint64
	closed bool
	all    []*Parcel // what it may use later: everything that it was ever given, up to a bound
	held   []func()  // what it holds back until it is healed
	stop   []func() bool
	pick   func(x *Parcel, to ident.Mailbox) bool
	kept   []kept // by pick
	// Counted is what the behaviour did, for the test: a behaviour that did
	// nothing proves nothing.
	counted  int
	puts     int
	observed []Observed
	watching bool
}

// maxRemembered bounds what a relay keeps to replay.
const maxRemembered = 4096

// box is a mailbox: whose it is, what waits in it, and its link.
type box struct {
	id      ident.Mailbox
	waiting [link.Lanes][]item
	seq     [link.Lanes]uint64
	seen    map[envelope.ID]bool
	peer    *link.Peer
	session [16]byte
	allow   [8]byte
}

type item struct {
	seq uint64
	env []byte
}

// Parcel is one put.
type Parcel struct {
	From   ident.Mailbox
	To     []ident.Mailbox
	Lane   uint8
	Header envelope.Header
	Bytes  []byte
	Number int // of the puts that the relay was given

	peer   *link.Peer
	handle uint64
}

// Observed is what a relay sees of one put: nothing else reaches it.
type Observed struct {
	From, To ident.Mailbox
	Lane     uint8
	Size     int
	Header   envelope.Header
}

// NewRelay returns a relay at an address of the network.
func newRelay(n *network, addr string, seed uint64) (*Relay, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	r := &Relay{Addr: addr, rand: newRand(seed), boxes: map[ident.Mailbox]*box{}, epoch: 1}
	if r.id, err = link.NewIdentity(key); err != nil {
		return nil, err
	}
	n.listen(addr, r.accept)
	return r, nil
}

// ID returns the relay's id, which desks pin.
func (r *Relay) ID() ident.Relay { return r.id.ID() }

// Behave makes the relay misbehave, or behave when b is nil. What it held back
// goes on its way then.
func (r *Relay) Behave(b *Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.how = b
	if b != nil {
		if b.Start != nil {
			b.Start(r)
		}
		return
	}
	r.pick = nil
	r.release(nil)
	held := r.held
	r.held = nil
	for _, fn := range held {
		fn()
	}
}

// kept is an envelope that is kept from one mailbox.
type kept struct {
	to ident.Mailbox
	x  *Parcel
}

// Pick sets what a relay that behaves selectively keeps from whom. What it kept
// until then is let go when fn is nil.
func (r *Relay) Pick(fn func(x *Parcel, to ident.Mailbox) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pick = fn; fn == nil {
		r.release(nil)
	}
}

// Release lets go what was kept from one mailbox, and keeps nothing more from it.
func (r *Relay) Release(to ident.Mailbox) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.pick
	r.pick = func(x *Parcel, box ident.Mailbox) bool { return box != to && old(x, box) }
	r.release(&to)
}

func (r *Relay) release(to *ident.Mailbox) {
	r.kept = slices.DeleteFunc(r.kept, func(k kept) bool {
		if to != nil && *to != k.to {
			return false
		}
		r.once(k.to, k.x)
		return true
	})
}

// Do does something while the relay does nothing.
func (r *Relay) Do(fn func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fn()
}

// Counted is how often the behaviour did something.
func (r *Relay) Counted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counted
}

// Close ends every link.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	for _, stop := range r.stop {
		stop()
	}
	for _, b := range r.boxes {
		if b.peer != nil {
			b.peer.Abort(context.Canceled)
		}
	}
	r.mu.Unlock()
	r.running.Wait()
}

// box returns a mailbox; every key has one. r.mu is held.
func (r *Relay) box(id ident.Mailbox) *box {
	b := r.boxes[id]
	if b == nil {
		b = &box{id: id, seen: map[envelope.ID]bool{}}
		r.boxes[id] = b
	}
	return b
}

// accept serves one connection.
func (r *Relay) accept(nc net.Conn) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		nc.Close()
		return
	}
	r.running.Add(1)
	r.mu.Unlock()
	defer r.running.Done()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	p, err := link.Accept(ctx, nc, r.id)
	stop()
	if err != nil {
		return
	}
	switch p.Purpose {
	case link.Urgent:
		r.serve(p)
	case link.BulkOf:
		r.join(p)
	default:
		p.Refuse(link.ReasonProtocol)
	}
}

func (r *Relay) answer(b *box) link.Answer {
	a := link.Answer{Enrolled: true, Session: b.session, Epoch: r.epoch, Quota: 1 << 30, Time: time.Now(), AllowHash: b.allow}
	if r.how != nil && r.how.Answer != nil {
		r.how.Answer(r, &a)
	}
	return a
}

func (r *Relay) serve(p *link.Pending) {
	r.mu.Lock()
	b := r.box(link.MailboxOf(p.Key))
	if old := b.peer; old != nil {
		b.peer = nil
		old.Abort(context.Canceled)
	}
	_, _ = rand.Read(b.session[:])
	a := r.answer(b)
	r.mu.Unlock()
	peer, err := p.Serve(a, nil, r, func(peer *link.Peer) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if b.peer = peer; r.closed {
			peer.Abort(context.Canceled)
			return
		}
		for _, lane := range []uint8{3, 2, 1, 0, 4} {
			for _, it := range b.waiting[lane] {
				peer.Deliver(lane, it.seq, it.env)
			}
		}
	})
	if err != nil {
		return
	}
	_, _ = peer.Wait() // why it ended is the desk's to know
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.peer == peer {
		b.peer = nil
	}
}

func (r *Relay) join(p *link.Pending) {
	r.mu.Lock()
	b := r.box(link.MailboxOf(p.Key))
	peer, a := b.peer, r.answer(b)
	ok := peer != nil && b.session == p.Session
	r.mu.Unlock()
	if !ok {
		p.Refuse(link.ReasonProtocol)
		return
	}
	_ = peer.Join(p, a) // the desk tries again
}

// Put implements [link.PeerHandler].
func (r *Relay) Put(p *link.Peer, in link.PeerPut) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, err := envelope.Parse(in.Envelope)
	if err != nil {
		p.Refused(in.Handle, -1, link.ReasonMalformed, 0, true)
		return
	}
	x := &Parcel{
		From: link.MailboxOf(p.Key), To: slices.Clone(in.To), Lane: in.Lane, Header: h, Bytes: in.Envelope,
		Number: len(r.all), peer: p, handle: in.Handle,
	}
	r.puts++
	if len(r.all) < maxRemembered {
		r.all = append(r.all, x)
	} else {
		r.all[r.rand.IntN(maxRemembered)] = x
	}
	if r.watching {
		for _, to := range x.To {
			r.observed = append(r.observed, Observed{From: x.From, To: to, Lane: x.Lane, Size: len(x.Bytes), Header: h})
		}
	}
	if r.how == nil || r.how.Put == nil {
		r.honest(x)
		return
	}
	r.how.Put(r, x)
}

// honest accepts and delivers to each mailbox once. r.mu is held, as in all
// that follows.
func (r *Relay) honest(x *Parcel) {
	r.say(x)
	for _, to := range x.To {
		r.once(to, x)
	}
}

// say tells the putter that its put is on disk.
func (r *Relay) say(x *Parcel) { x.peer.Accepted(x.handle) }

// refuse tells the putter that none takes its put.
func (r *Relay) refuse(x *Parcel, why link.Reason) {
	x.peer.Refused(x.handle, -1, why, 10*time.Second, true)
}

// once delivers what a mailbox has not had.
func (r *Relay) once(to ident.Mailbox, x *Parcel) {
	b, id := r.box(to), envelope.Identify(x.Bytes)
	if b.seen[id] && x.Header.Type != envelope.Chunk {
		return
	}
	b.seen[id] = true
	r.deliver(to, x.Lane, x.Bytes)
}

// deliver puts bytes into a mailbox, whatever they are.
func (r *Relay) deliver(to ident.Mailbox, lane uint8, env []byte) {
	b := r.box(to)
	b.seq[lane]++
	it := item{b.seq[lane], env}
	b.waiting[lane] = append(b.waiting[lane], it)
	if b.peer != nil {
		b.peer.Deliver(lane, it.seq, env)
	}
}

// later does something after a while, and when the relay is healed at the
// latest if heal is set.
func (r *Relay) later(d time.Duration, heal bool, fn func()) {
	done := false
	once := func() {
		if !done && !r.closed {
			done = true
			fn()
		}
	}
	if heal {
		r.held = append(r.held, once)
	}
	t := time.AfterFunc(d, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		once()
	})
	r.stop = append(r.stop, t.Stop)
}

// chance is true with probability p; what is done then is counted.
func (r *Relay) chance(p float64) bool {
	if r.rand.Float64() >= p {
		return false
	}
	r.counted++
	return true
}

// wipe loses everything, as a relay whose disk is replaced.
func (r *Relay) wipe() {
	r.epoch++
	for _, b := range r.boxes {
		b.waiting, b.seen, b.allow = [link.Lanes][]item{}, map[envelope.ID]bool{}, [8]byte{}
	}
	r.restart()
}

// restart breaks every link.
func (r *Relay) restart() {
	for _, b := range r.boxes {
		if b.peer != nil {
			b.peer.Abort(context.Canceled)
			b.peer = nil
		}
	}
}

// Committed implements [link.PeerHandler].
func (r *Relay) Committed(p *link.Peer, lane uint8, seq uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.box(link.MailboxOf(p.Key))
	b.waiting[lane] = slices.DeleteFunc(b.waiting[lane], func(it item) bool { return it.seq <= seq })
}

// Allow implements [link.PeerHandler]: this relay lets everybody put.
func (r *Relay) Allow(*link.Peer, []ed25519.PublicKey) error { return nil }

// Revoke implements [link.PeerHandler].
func (r *Relay) Revoke(_ *link.Peer, putters []ed25519.PublicKey) ([]int, error) {
	return make([]int, len(putters)), nil
}

// Forget implements [link.PeerHandler].
func (r *Relay) Forget(_ *link.Peer, boxes []ident.Mailbox) ([]int, error) {
	return make([]int, len(boxes)), nil
}

// Room implements [link.PeerHandler].
func (r *Relay) Room(*link.Peer, uint8) {}

// Again implements [link.PeerHandler].
func (r *Relay) Again(p *link.Peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.box(link.MailboxOf(p.Key))
	for _, lane := range []uint8{1, 0, 4} {
		for _, it := range b.waiting[lane] {
			p.Deliver(lane, it.seq, it.env)
		}
	}
}
