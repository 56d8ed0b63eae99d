// Package emulate puts a slow, long and broken link between two TCP programs,
// in user space and on real sockets, for tests and for `hotline bench`.
//
// A [Proxy] listens on loopback and forwards to a target through a model of a
// link: a rate each way shared by all connections, a bounded queue, one-way
// delay, jitter, loss, outages. The programs on both sides are the real ones.
//
// Its limits: it carries the bytes of TCP connections, not packets. A loss
// shows as what TCP makes of it (the connection's data from there on comes one
// round trip later and costs air time twice), a full queue as a sender that
// blocks, and an outage as silence followed by TCP's back-off. Congestion
// control of the end points does not run across the model, so it says nothing
// about BBR against CUBIC; a connect succeeds at once and pays its round trip
// with the first bytes; the kernel's buffers before the model (16 kB) are more
// queue than its own figure says. What it does show well is what a scheduler
// makes of a link's time: precedence, standing queues, resumption. An emulator
// of IP packets on TUN devices shows the rest and needs root; this one needs
// nothing. This package is on floor 2.
package emulate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"
)

// Link describes a link. The zero value is a perfect one.
type Link struct {
	// RateUp and RateDown are in bit/s from the program that dials to the
	// target and back; zero is unlimited.
	RateUp, RateDown int64
	// Delay is one way: half of the round trip.
	Delay time.Duration
	// Jitter is added to Delay, uniform between zero and this; order is kept.
	Jitter time.Duration
	// Loss is the probability, 0 to 1, that a segment is lost, each way.
	Loss float64
	// Queue bounds the bytes that wait before the link, each way; zero means
	// the larger of 250 ms and one round trip at the rate, at least 30 kB.
	Queue int
	// Outages are counted from the start of the proxy.
	Outages []Outage
	// Seed makes jitter and loss repeatable.
	Seed uint64
}

// Outage is a time in which nothing moves either way.
type Outage struct{ Start, For time.Duration }

const (
	// segment is what one packet of 1,440 B carries.
	segment = 1400
	// header is the bytes of IP and TCP per segment.
	header = 40
	// minRTO is Linux's shortest retransmission time.
	minRTO = 200 * time.Millisecond
	// kernelBuffer is what is asked of the kernel in front of the model.
	kernelBuffer = 8 << 10
)

// Proxy is a running link. Make one with [Start].
type Proxy struct {
	link   Link
	target string
	ln     net.Listener
	start  time.Time
	up     *pipe
	down   *pipe

	mu sync.Mutex
	// mu guards the following.
	conns   map[net.Conn]struct{}
	byHand  bool
	since   time.Time     // of the outage by hand
	changed chan struct{} // closed when byHand changes
}

// Start listens on a free loopback port and forwards to target (host:port)
// until ctx ends.
func Start(ctx context.Context, target string, l Link) (*Proxy, error) {
	lc := net.ListenConfig{Control: smallBuffer}
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start link emulator: %w", err)
	}
	p := &Proxy{link: l, target: target, ln: ln, start: time.Now(), conns: map[net.Conn]struct{}{}, changed: make(chan struct{})}
	p.up = newPipe(l.RateUp, l, 1)
	p.down = newPipe(l.RateDown, l, 2)
	context.AfterFunc(ctx, func() { ln.Close(); p.Cut() })
	go p.accept(ctx)
	return p, nil
}

func smallBuffer(_, _ string, c syscall.RawConn) error {
	var inner error
	err := c.Control(func(fd uintptr) {
		inner = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, kernelBuffer)
	})
	return errors.Join(err, inner)
}

// Addr is where to dial.
func (p *Proxy) Addr() string { return p.ln.Addr().String() }

// SetDown starts or ends an outage by hand.
func (p *Proxy) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byHand == down {
		return
	}
	p.byHand, p.since = down, time.Now()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut breaks every connection that is open now.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // a reset, as from a NAT that forgot
		}
		c.Close()
	}
}

// Bytes returns the bytes on the wire so far, headers and repeats included.
func (p *Proxy) Bytes() (up, down int64) { return p.up.total(), p.down.total() }

func (p *Proxy) accept(ctx context.Context) {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		go p.serve(ctx, c)
	}
}

func (p *Proxy) serve(ctx context.Context, a net.Conn) {
	d := net.Dialer{Control: smallBuffer}
	b, err := d.DialContext(ctx, "tcp", p.target)
	if err != nil {
		a.Close()
		return
	}
	p.mu.Lock()
	p.conns[a], p.conns[b] = struct{}{}, struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Add(2)
	// The round trip of TCP's own handshake is paid by the first bytes.
	go func() { defer both.Done(); p.carry(a, b, p.up, p.down, 2*p.link.Delay) }()
	go func() { defer both.Done(); p.carry(b, a, p.down, p.up, 0) }()
	both.Wait()
	a.Close()
	b.Close()
	p.mu.Lock()
	delete(p.conns, a)
	delete(p.conns, b)
	p.mu.Unlock()
}

// parcel is a segment under way.
type parcel struct {
	at   time.Time
	data []byte
}

// carry moves one direction of one connection.
func (p *Proxy) carry(src, dst net.Conn, way, back *pipe, first time.Duration) {
	ended := make(chan struct{})
	parcels := make(chan parcel, 1024)
	go func() {
		defer close(ended)
		p.arrive(dst, parcels)
	}()
	var last time.Time
	notBefore := time.Now().Add(first)
	for {
		buf := make([]byte, segment)
		n, err := src.Read(buf)
		if n > 0 {
			p.waitUp()
			at := way.enter(n)
			back.burden(header / 2) // an ACK for every second segment
			for _, t := range []time.Time{last, notBefore.Add(p.link.Delay)} {
				if at.Before(t) {
					at = t
				}
			}
			last = at
			parcels <- parcel{at, buf[:n]}
		}
		if err != nil {
			break
		}
	}
	close(parcels)
	<-ended
	if c, ok := dst.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
}

// arrive hands segments over when their time has come. A segment that is under
// way in an outage is lost, and TCP repeats it ever more rarely.
func (p *Proxy) arrive(dst net.Conn, parcels <-chan parcel) {
	broken := false
	for x := range parcels {
		wait(time.Until(x.at))
		if lost, is := p.isDown(); is {
			p.waitUp()
			t, step := lost, max(minRTO, 2*p.link.Delay+p.link.Jitter)
			for up := time.Now(); t.Before(up); step *= 2 {
				t = t.Add(step)
			}
			wait(time.Until(t) + p.link.Delay)
		}
		if !broken {
			if _, err := dst.Write(x.data); err != nil {
				broken = true // go on taking parcels, so that the reader ends
				dst.Close()
			}
		}
	}
}

func wait(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}

// isDown reports whether an outage is under way, and since when.
func (p *Proxy) isDown() (since time.Time, down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byHand {
		return p.since, true
	}
	now := time.Since(p.start)
	for _, o := range p.link.Outages {
		if now >= o.Start && now < o.Start+o.For {
			return p.start.Add(o.Start), true
		}
	}
	return time.Time{}, false
}

// waitUp waits for the end of an outage.
func (p *Proxy) waitUp() {
	for {
		if _, down := p.isDown(); !down {
			return
		}
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		t := time.NewTimer(5 * time.Millisecond) // outages by schedule end by themselves
		select {
		case <-changed:
		case <-t.C:
		}
		t.Stop()
	}
}

// pipe is one direction of the link, shared by its connections.
type pipe struct {
	rate  int64
	queue int
	link  Link

	mu sync.Mutex
	// mu guards the following.
	free time.Time // when the air is free
	rand *rand.Rand
	sent int64
}

func newPipe(rate int64, l Link, n uint64) *pipe {
	queue := l.Queue
	if queue == 0 {
		queue = max(30_000, int(float64(rate)/8*max(0.25, 2*l.Delay.Seconds())))
	}
	return &pipe{rate: rate, queue: queue, link: l, rand: rand.New(rand.NewPCG(l.Seed, n))}
}

// enter puts n bytes on the link, waiting while its queue is full, and returns
// when they arrive.
func (w *pipe) enter(n int) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.rate > 0 {
		room := w.queue - int(float64(w.rate)/8*time.Until(w.free).Seconds())
		if n <= room {
			break
		}
		need := time.Duration(float64(n-room) * 8 / float64(w.rate) * float64(time.Second))
		w.mu.Unlock()
		wait(need + time.Millisecond)
		w.mu.Lock()
	}
	w.take(n + header)
	at := w.free
	if at.IsZero() || w.rate == 0 {
		at = time.Now()
	}
	at = at.Add(w.link.Delay)
	if w.link.Jitter > 0 {
		at = at.Add(time.Duration(w.rand.Int64N(int64(w.link.Jitter))))
	}
	if w.link.Loss > 0 && w.rand.Float64() < w.link.Loss {
		w.take(n + header)
		at = at.Add(2 * w.link.Delay)
	}
	return at
}

// take uses air time; mu is held.
func (w *pipe) take(n int) {
	w.sent += int64(n)
	if w.rate == 0 {
		return
	}
	if now := time.Now(); w.free.Before(now) {
		w.free = now
	}
	w.free = w.free.Add(time.Duration(float64(n) * 8 / float64(w.rate) * float64(time.Second)))
}

// burden takes the air time of small packets that nobody waits for.
func (w *pipe) burden(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.take(n)
}

func (w *pipe) total() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sent
}
