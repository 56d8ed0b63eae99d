package link

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"hotline/internal/ident"
)

// ClientConfig says where a relay is and who the desk is to it.
type ClientConfig struct {
	// Addr is the relay's host and port.
	Addr string
	// Pin is the hash of the relay's key.
	Pin ident.Relay
	// Key is the mailbox key. The desk's mailbox is [MailboxOf] its public
	// half; without enrolment the desk is a guest that may put where owners
	// allow this key.
	Key ed25519.PrivateKey
	// Dial opens the TCP connection; nil means a plain one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Log hears of connects and losses; nil discards.
	Log *slog.Logger
}

// Client is a desk's link to one relay. Make one with [NewClient]. Its methods
// are safe for use by several goroutines.
type Client struct {
	cfg ClientConfig
	out *inbox // what the handler is to hear

	mu sync.Mutex
	// mu guards the following.
	waiting  [Lanes][]*waiting // not answered, in order
	byHandle map[uint64]*waiting
	bytes    [Lanes]int
	handle   uint64
	revoke   []ed25519.PublicKey    // the relay has not said that it dropped what they put
	forget   map[ident.Mailbox]bool // the same; false: not to be asked before what waits is answered
	allow    []ed25519.PublicKey
	allowSet bool
	live     *desk // the session that is up, or nil
	status   Status
	epoch    uint64
	top      [Lanes]uint64 // highest sequence delivered in this epoch
	win      window        // outlives a session: the path is the same
	kick     chan struct{} // a FLASH waits

	process [16]byte // tells this client from a copy of the desk
}

// waiting is a put that the relay has not answered.
type waiting struct {
	Put
	handle uint64
	dest   string // the mailboxes, as bytes
	out    *outgoing
	left   atomic.Bool // a first byte has gone, in whatever session
}

// NewClient returns a client that does nothing before [Client.Run].
func NewClient(cfg ClientConfig, h Handler) *Client {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{
		cfg: cfg, out: newInbox(h, MailboxOf(cfg.Key.Public().(ed25519.PublicKey))),
		byHandle: map[uint64]*waiting{}, win: newWindow(),
		status: Status{State: StateDown, Since: time.Now()},
		kick:   make(chan struct{}, 1),
		forget: map[ident.Mailbox]bool{},
	}
	_, _ = rand.Read(c.process[:]) // never fails
	return c
}

// Mailbox returns the desk's own mailbox at this relay.
func (c *Client) Mailbox() ident.Mailbox { return c.out.box }

// Put queues an envelope and returns at once, connected or not. What is queued
// is sent again after every reconnect until the relay answers. It returns
// [ErrFull] when the lane holds too much.
func (c *Client) Put(p Put) error {
	if p.Lane >= Lanes || len(p.To) == 0 || len(p.To) > MaxFanOut {
		return fmt.Errorf("put envelope: lane %d, %d mailboxes", p.Lane, len(p.To))
	}
	dest := make([]byte, 0, len(p.To)*32)
	for _, m := range p.To {
		dest = append(dest, m[:]...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bytes[p.Lane] > maxQueuedBytes {
		return ErrFull
	}
	c.handle++
	w := &waiting{Put: p, handle: c.handle, dest: string(dest)}
	c.waiting[p.Lane] = append(c.waiting[p.Lane], w)
	c.byHandle[w.handle] = w
	c.bytes[p.Lane] += len(p.Envelope)
	if c.live != nil {
		c.live.submit(w)
	} else if p.Lane == flashLane {
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// answered takes a put off the list; mu is held. Answers come nearly in order.
func (c *Client) answered(handle uint64) *waiting {
	w := c.byHandle[handle]
	if w == nil {
		return nil
	}
	delete(c.byHandle, handle)
	c.bytes[w.Lane] -= len(w.Envelope)
	q := c.waiting[w.Lane]
	for i, x := range q {
		if x == w {
			copy(q[1:i+1], q[:i]) // the front is where the answered ones are
			q[0] = nil
			q = q[1:]
			break
		}
	}
	if len(q) == 0 {
		q = nil
	}
	c.waiting[w.Lane] = q
	return w
}

// Ack says that everything delivered on a lane up to and including seq is
// committed at the desk; the relay may delete it. It needs no link: what is
// not heard now is delivered again and acknowledged then.
func (c *Client) Ack(lane uint8, seq uint64) {
	c.mu.Lock()
	live := c.live
	// A number from before the relay lost its spool would delete what the desk
	// has not seen.
	if lane >= Lanes || seq > c.top[lane] {
		live = nil
	}
	c.mu.Unlock()
	if live != nil {
		live.commit(lane, seq)
	}
}

// Allow replaces the list of putter keys that may put into the own mailbox. It
// is kept and sent whenever the relay has another list.
func (c *Client) Allow(putters []ed25519.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.allowSet && allowHash(c.allow) == allowHash(putters) {
		return // it was said, and is said again after a reconnect as long as the relay has another
	}
	c.allow, c.allowSet = append([]ed25519.PublicKey(nil), putters...), true
	c.status.AllowKnown = false
	if c.live != nil && c.status.Enrolled {
		c.live.allow(c.allow)
	}
}

// Status returns a snapshot.
func (c *Client) Status() Status {
	c.mu.Lock()
	st, live := c.status, c.live
	st.Waiting = len(c.byHandle)
	c.mu.Unlock()
	if live != nil {
		st.RTT, st.Rate = live.s.stats()
	}
	return st
}

// flashWaits reports whether a FLASH has not been answered.
func (c *Client) flashWaits() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting[flashLane]) > 0
}

// answerLimit is how long the relay may owe an answer before the link counts as
// dead: briefly while a FLASH waits, because a fresh connection may get
// through where an old one waits for TCP's back-off.
func (c *Client) answerLimit() time.Duration {
	if c.flashWaits() {
		return 5 * time.Second
	}
	return 20 * time.Second
}

func (c *Client) setState(st State, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State != st {
		c.status.State, c.status.Since = st, time.Now()
	}
	if err != nil {
		c.status.LastError = err.Error()
	} else if st == StateUp {
		c.status.LastError = ""
	}
}

// Withdraw takes back a put of which nothing has left yet, in this session or
// an earlier one, and reports whether it could. No answer for it comes then.
func (c *Client) Withdraw(ref uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.byHandle {
		if w.Ref != ref {
			continue
		}
		if c.live != nil && !c.live.s.unsend(w.out) || w.left.Load() {
			return false
		}
		c.answered(w.handle)
		return true
	}
	return false
}
