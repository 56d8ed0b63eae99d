package link

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha512"
	"slices"
	"sync"
	"time"

	"hotline/internal/ident"
)

// desk is the desk's end of one session.
type desk struct {
	c       *Client
	s       *session
	answer  Answer
	opening sync.WaitGroup // bulk connections being opened

	mu sync.Mutex
	// mu guards the following.
	commits   [Lanes]uint64
	delivered [Lanes]uint64
	dirty     bool
	timer     *time.Timer
	other     []byte // control frames to send
	bulk      opener
}

// opener is how far the opening of a bulk connection has come. There is one at
// a time: two would tell the relay of the same halves of envelopes, and the
// second one's rest would follow on nothing.
type opener struct {
	busy  bool // somebody opens it
	again bool // it was asked for meanwhile
	relay bool // the relay asked although we had one: it has lost that one
}

// slots remembers which lists of mailboxes the relay knows on a connection.
type slots struct {
	byDest map[string]uint16
	dests  [maxSlots]string
	next   [2]uint16 // of the long lists, and of the short ones
}

const (
	// maxSlots is how many lists a connection has at once; an older one gives
	// way.
	maxSlots = 64
	// longSlots of them are for lists of more than shortList mailboxes. A line
	// of 200 desks has many different lists, since each answer takes a desk off
	// one: in all slots they would be more than the relay keeps (maxBoxes).
	longSlots = 12
	shortList = 16
)

// handleBits is how much of a stamp is the handle; the slot is above.
const handleBits = 48

// submit queues a put on the session.
func (d *desk) submit(w *waiting) {
	w.out = &outgoing{lane: w.Lane, env: w.Envelope, start: func(c *conn) ([]byte, uint64) {
		w.left.Store(true)
		slot, prefix := c.slots.find(w.dest)
		return prefix, uint64(slot)<<handleBits | w.handle
	}}
	d.s.send(w.out)
}

// find returns the slot of a list of mailboxes, and the DEST frame that
// registers it when it is new on this connection.
func (t *slots) find(dest string) (slot uint16, prefix []byte) {
	if slot, ok := t.byDest[dest]; ok {
		return slot, nil
	}
	if t.byDest == nil {
		t.byDest = map[string]uint16{}
	}
	if len(dest) > 32*shortList {
		slot = t.next[0] % longSlots
		t.next[0]++
	} else {
		slot = longSlots + t.next[1]%(maxSlots-longSlots)
		t.next[1]++
	}
	delete(t.byDest, t.dests[slot])
	t.byDest[dest], t.dests[slot] = slot, dest
	prefix = appendHead(nil, frameDest, 2+len(dest))
	prefix = be.AppendUint16(prefix, slot)
	return slot, append(prefix, dest...)
}

// commitDelay is how long acknowledgements of deliveries wait for company.
// Nobody waits for them: the relay deletes a little later.
const commitDelay = 25 * time.Millisecond

// commit notes an acknowledgement.
func (d *desk) commit(lane uint8, seq uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq <= d.commits[lane] {
		return
	}
	d.commits[lane] = seq
	if !d.dirty {
		d.dirty = true
		d.timer = time.AfterFunc(commitDelay, d.s.wakeControl)
	}
}

// allow sends the list of putters, as one frame: [MaxFrame] holds 511 keys, and
// more correspondents than that no mailbox has.
func (d *desk) allow(putters []ed25519.PublicKey) {
	var body []byte
	for _, p := range putters {
		if len(body)+len(p) <= MaxFrame {
			body = append(body, p...)
		}
	}
	d.mu.Lock()
	d.other = appendFrame(d.other, frameAllow, body)
	d.mu.Unlock()
	d.s.wakeControl()
}

// control implements receiver.
func (d *desk) control(dst []byte, _ int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	dst = append(dst, d.other...)
	d.other = nil
	if d.dirty {
		d.dirty = false
		d.timer.Stop()
		start := len(dst)
		dst = appendHead(dst, frameCommitted, 0)
		for l, seq := range d.commits {
			if seq != 0 {
				dst = be.AppendUint64(append(dst, uint8(l)), seq)
			}
		}
		be.PutUint16(dst[start+1:], uint16(len(dst)-start-headSize))
	}
	return dst
}

// begin implements receiver.
func (d *desk) begin(*conn, uint8, uint64) (any, error) { return nil, nil }

// envelope implements receiver: a delivery.
func (d *desk) envelope(_ any, lane uint8, seq uint64, env []byte) error {
	d.c.mu.Lock()
	d.c.top[lane] = max(d.c.top[lane], seq)
	d.c.mu.Unlock()
	if d.seen(lane, seq) {
		return nil
	}
	d.c.out.deliver(d, Delivery{Mailbox: d.c.out.box, Lane: lane, Seq: seq, Envelope: env})
	return nil
}

// seen reports whether this session has delivered seq already: after a bulk
// connection broke the relay sends again what it does not know to be committed.
func (d *desk) seen(lane uint8, seq uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if seq <= d.delivered[lane] {
		return true
	}
	d.delivered[lane] = seq
	return false
}

// frame implements receiver.
func (d *desk) frame(_ *conn, t byte, body []byte) error {
	switch {
	case t == frameAccepted && len(body)%10 == 0:
		return d.accepted(body)
	case t == frameRefuse && len(body) == refuseSize:
		d.refused(be.Uint64(body), be.Uint16(body[8:]), Reason(body[10]), be.Uint32(body[11:]), body[15] != 0)
	case t == frameBulk:
		d.mu.Lock()
		d.bulk.relay = true
		d.mu.Unlock()
		d.needBulk()
	case t == frameAllowed && len(body) == 8:
		d.c.mu.Lock()
		d.c.status.AllowKnown = allowHash(d.c.allow) == [8]byte(body)
		d.c.mu.Unlock()
	case t == frameDropped && len(body) == droppedSize:
		d.c.dropped(body[0], [32]byte(body[1:]))
	case t == frameBye && len(body) == 1:
		return &RefusedError{Reason(body[0])}
	default:
		return protocolError("frame type %d of %d bytes from the relay", t, len(body))
	}
	return nil
}

// accepted takes ranges of handles.
func (d *desk) accepted(body []byte) error {
	var refs []uint64
	c := d.c
	c.mu.Lock()
	for ; len(body) > 0; body = body[10:] {
		for _, h := range c.waitingIn(be.Uint64(body), uint64(be.Uint16(body[8:]))) {
			refs = append(refs, c.answered(h).Ref)
		}
	}
	c.forgetNow()
	c.mu.Unlock()
	c.out.accepted(refs)
	return nil
}

// waitingIn lists the handles of a range that wait for an answer; mu is held. It
// looks at no more than wait: a frame can name a hundred million handles.
func (c *Client) waitingIn(first, n uint64) (all []uint64) {
	if n <= uint64(len(c.byHandle)) {
		for i := range n {
			if c.byHandle[first+i] != nil {
				all = append(all, first+i)
			}
		}
		return all
	}
	for h := range c.byHandle {
		if h-first < n {
			all = append(all, h)
		}
	}
	slices.Sort(all)
	return all
}

// allMailboxes stands in REFUSE for every mailbox of a put.
const allMailboxes = 1<<16 - 1

// refused takes one mailbox off a put, or the whole put. After the last refusal
// nothing of the put is left.
func (d *desk) refused(handle uint64, at uint16, r Reason, after uint32, last bool) {
	c := d.c
	c.mu.Lock()
	w := c.byHandle[handle]
	if w == nil {
		c.mu.Unlock()
		return
	}
	ref := Refusal{Ref: w.Ref, To: w.To, Reason: r, RetryAfter: time.Duration(after) * time.Second}
	if int(at) < len(w.To) {
		ref.To = []ident.Mailbox{w.To[at]}
	}
	if last {
		c.answered(handle)
		c.forgetNow()
	}
	c.mu.Unlock()
	c.out.refused(ref)
}

// room implements receiver: puts come as they like.
func (d *desk) room(uint8) {}

// bulkLost implements receiver: the puts that were on the connection and have
// no answer go again, over the next one.
func (d *desk) bulkLost() {
	d.c.mu.Lock()
	for _, l := range bulkOrder {
		for _, w := range d.c.waiting[l] {
			d.submit(w)
		}
	}
	d.c.mu.Unlock()
	d.mu.Lock()
	asked := d.bulk.relay
	d.mu.Unlock()
	if asked {
		d.needBulk() // the relay knew of the loss before us, and does not ask twice
	}
}

// needBulk implements receiver: it has the bulk connection opened, by one
// goroutine however often it is asked for.
func (d *desk) needBulk() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bulk.busy {
		d.bulk.again = true
		return
	}
	d.bulk.busy = true
	d.opening.Add(1)
	go func() {
		defer d.opening.Done()
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		go func() {
			select {
			case <-d.s.done:
				stop()
			case <-ctx.Done():
			}
		}()
		for more := true; more; more = d.opened() {
			d.openBulk(ctx)
		}
	}()
}

// opened reports whether the connection was asked for once more while it was
// being opened; otherwise the next who asks finds nobody busy.
func (d *desk) opened() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.bulk.busy, d.bulk.again = d.bulk.again, false
	return d.bulk.busy
}

// openBulk tries until it succeeds or the session ends.
func (d *desk) openBulk(ctx context.Context) {
	for backoff := minBackoff; ctx.Err() == nil; backoff = min(2*backoff, maxBackoff) {
		d.s.mu.Lock()
		have := d.s.conns[1] != nil
		wants := wantsOf(&d.s.kept, true)
		d.s.mu.Unlock()
		if have {
			return
		}
		d.mu.Lock()
		d.bulk.relay = false
		d.mu.Unlock()
		tc, a, rtt, err := greet(ctx, &d.c.cfg, &Hello{Purpose: BulkOf, Session: d.answer.Session, Wants: wants})
		if err == nil {
			if !d.s.attach(tc, true, a.Wants, rtt) {
				tc.Close()
			}
			return
		}
		d.c.cfg.Log.Info("bulk connection", "relay", d.c.cfg.Addr, "err", err)
		wait := time.NewTimer(jitter(backoff))
		select {
		case <-ctx.Done():
		case <-wait.C:
		}
		wait.Stop()
	}
}

// allowHash is the first 8 bytes of SHA-384 over the sorted keys.
func allowHash(putters []ed25519.PublicKey) (h [8]byte) {
	sorted := slices.Clone(putters)
	slices.SortFunc(sorted, func(a, b ed25519.PublicKey) int { return bytes.Compare(a, b) })
	d := sha512.New384()
	for i, p := range sorted {
		if i == 0 || !bytes.Equal(p, sorted[i-1]) {
			d.Write(p)
		}
	}
	copy(h[:], d.Sum(nil))
	return h
}
