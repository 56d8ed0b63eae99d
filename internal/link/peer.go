package link

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"sync"
	"time"

	"hotline/internal/ident"
)

// PeerHandler is what a relay does with a desk's frames. Its methods are called
// from the readers of the link; while one blocks, nothing more is read from
// that connection.
type PeerHandler interface {
	// Put takes an envelope. The answer, [Peer.Accepted] or [Peer.Refused],
	// comes from any goroutine, later.
	Put(p *Peer, in PeerPut)
	// Committed says that the desk has committed its lane up to seq.
	Committed(p *Peer, lane uint8, seq uint64)
	// Allow replaces who may put into the desk's mailbox.
	Allow(p *Peer, putters []ed25519.PublicKey) error
	// Revoke takes keys off that list, and drops what they put there. It
	// returns how many envelopes of each that were.
	Revoke(p *Peer, putters []ed25519.PublicKey) ([]int, error)
	// Forget drops what the desk put into mailboxes and their owners have not
	// taken.
	Forget(p *Peer, boxes []ident.Mailbox) ([]int, error)
	// Room says that little is left to send on a lane.
	Room(p *Peer, lane uint8)
	// Again says that what was delivered on the bulk lanes and is not
	// committed is to be delivered again.
	Again(p *Peer)
}

// PeerPut is an envelope as a desk puts it.
type PeerPut struct {
	Handle   uint64 // for the answer
	To       []ident.Mailbox
	Lane     uint8 // by the frame; the envelope's header must agree
	Envelope []byte
}

// Peer is the relay's end of one desk's link.
type Peer struct {
	// Key is the desk's mailbox key.
	Key ed25519.PublicKey
	s   *session
	h   PeerHandler

	mu sync.Mutex
	// mu guards the following.
	accepted spans
	other    []byte // control frames to send
}

// dests are the lists of mailboxes that a desk has registered on a connection.
type dests struct {
	slots [maxSlots][]ident.Mailbox
	boxes int
}

// maxBoxes bounds the lists of one connection, 128 kB.
const maxBoxes = 4096

// Kept holds the halves of envelopes that a link left behind, for the next link
// of the same desk. A nil one is empty.
type Kept struct{ lanes [Lanes]*incoming }

// Size is how many bytes k holds.
func (k *Kept) Size() (n int) {
	if k == nil {
		return 0
	}
	for _, in := range k.lanes {
		if in != nil {
			n += in.total
		}
	}
	return n
}

// peerLimit is how long a desk may owe an answer. It is long: a desk that is
// busy committing reads nothing meanwhile, and costs the relay little.
const peerLimit = 2 * time.Minute

// Serve answers an [Urgent] connection and starts the link. Nothing has been
// handed to h before started returns; there the caller notes the peer.
func (p *Pending) Serve(a Answer, kept *Kept, h PeerHandler, started func(*Peer)) (*Peer, error) {
	peer := &Peer{Key: p.Key, h: h}
	peer.s = newSession(peer, newWindow(), func() time.Duration { return peerLimit })
	if kept != nil {
		peer.s.kept = kept.lanes
	}
	a.Wants = wantsOf(&peer.s.kept, false)
	if err := p.accept(&a); err != nil {
		return nil, err
	}
	started(peer)
	peer.s.attach(p.conn, false, p.Wants, 0)
	return peer, nil
}

// Join adds a [BulkOf] connection to the link. A bulk connection that the relay
// still believes in, though the desk opens another, is given up first.
func (p *Peer) Join(c *Pending, a Answer) error {
	p.s.mu.Lock()
	old := p.s.conns[1]
	p.s.mu.Unlock()
	if old != nil {
		p.s.lost(old, errReplaced)
	}
	p.s.mu.Lock()
	a.Wants = wantsOf(&p.s.kept, true)
	p.s.mu.Unlock()
	if err := c.accept(&a); err != nil {
		return err
	}
	if !p.s.attach(c.conn, true, c.Wants, 0) {
		c.conn.Close()
		return fmt.Errorf("join link: %w", errReplaced)
	}
	return nil
}

// Wait returns when the link has ended, with the reason, and what was left.
func (p *Peer) Wait() (*Kept, error) {
	err := p.s.wait()
	k := &Kept{lanes: p.s.leftovers()}
	return k, err
}

// Deliver queues an envelope of the desk's mailbox. The peer keeps env until it
// is sent; the caller bounds what is queued by [Peer.Queued].
func (p *Peer) Deliver(lane uint8, seq uint64, env []byte) {
	p.s.send(&outgoing{lane: lane, stamp: seq, env: env})
}

// Queued is how many bytes wait to be sent on a lane.
func (p *Peer) Queued(lane uint8) int { return p.s.queued(lane) }

// Accepted says that a put is committed.
func (p *Peer) Accepted(handle uint64) {
	p.mu.Lock()
	p.accepted.add(handle)
	p.mu.Unlock()
	p.s.wakeControl()
}

// Refused says that the mailbox at index at of a put refuses it, or all of them
// when at is negative. last says that none took the put.
func (p *Peer) Refused(handle uint64, at int, r Reason, after time.Duration, last bool) {
	b := be.AppendUint64(appendHead(nil, frameRefuse, refuseSize), handle)
	if at < 0 {
		at = allMailboxes
	}
	b = append(be.AppendUint16(b, uint16(at)), byte(r))
	b = be.AppendUint32(b, uint32(after/time.Second))
	b = append(b, map[bool]byte{true: 1}[last])
	p.say(b)
}

// Allowed tells the desk the hash of the list in force.
func (p *Peer) Allowed(hash [8]byte) { p.say(appendFrame(nil, frameAllowed, hash[:])) }

// byeTime is how long a good-bye has to get out.
const byeTime = 50 * time.Millisecond

// Close says why, and ends the link soon after.
func (p *Peer) Close(r Reason) {
	p.say(appendFrame(nil, frameBye, []byte{byte(r)}))
	time.AfterFunc(byeTime, func() { p.s.close(&RefusedError{r}) })
}

// Abort ends the link at once.
func (p *Peer) Abort(cause error) { p.s.close(cause) }

func (p *Peer) say(frame []byte) {
	p.mu.Lock()
	p.other = append(p.other, frame...)
	p.mu.Unlock()
	p.s.wakeControl()
}

// control implements receiver. Refusals go before the acceptance of the same
// put.
func (p *Peer) control(dst []byte, limit int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	dst = append(dst, p.other...)
	p.other = nil
	if n := min(len(p.accepted), limit/10); n > 0 {
		dst = p.accepted[:n].append(dst)
		p.accepted = append(p.accepted[:0], p.accepted[n:]...)
	}
	return dst
}

// begin implements receiver: the list of mailboxes is the one that is
// registered when the envelope begins.
func (p *Peer) begin(c *conn, _ uint8, stamp uint64) (any, error) {
	slot := stamp >> handleBits
	if slot >= maxSlots || c.dests.slots[slot] == nil {
		return nil, protocolError("put to list %d, which is not registered", slot)
	}
	return c.dests.slots[slot], nil
}

// envelope implements receiver.
func (p *Peer) envelope(ctx any, lane uint8, stamp uint64, env []byte) error {
	to, _ := ctx.([]ident.Mailbox)
	p.h.Put(p, PeerPut{Handle: stamp & (1<<handleBits - 1), To: to, Lane: lane, Envelope: env})
	return nil
}

// frame implements receiver.
func (p *Peer) frame(c *conn, t byte, body []byte) error {
	switch {
	case t == frameDest:
		return c.dests.register(body)
	case t == frameCommitted && len(body)%9 == 0:
		for ; len(body) > 0; body = body[9:] {
			if body[0] >= Lanes {
				return protocolError("commit on lane %d", body[0])
			}
			p.h.Committed(p, body[0], be.Uint64(body[1:]))
		}
	case t == frameAllow && len(body)%ed25519.PublicKeySize == 0:
		return p.h.Allow(p, keysOf(body))
	case (t == frameRevoke || t == frameForget) && len(body)%32 == 0 && len(body) <= 32*maxDropped:
		return p.drop(t, body)
	case t == frameBye:
		return errBye
	default:
		return protocolError("frame type %d of %d bytes from a desk", t, len(body))
	}
	return nil
}

func keysOf(body []byte) (keys []ed25519.PublicKey) {
	for k := range slices.Chunk(body, ed25519.PublicKeySize) {
		keys = append(keys, slices.Clone(k))
	}
	return keys
}

// drop has the handler drop envelopes, and says of each key or mailbox when
// that is durable.
func (p *Peer) drop(t byte, body []byte) (err error) {
	var dropped []int
	if t == frameRevoke {
		dropped, err = p.h.Revoke(p, keysOf(body))
	} else {
		var boxes []ident.Mailbox
		for b := range slices.Chunk(body, 32) {
			boxes = append(boxes, ident.Mailbox(b))
		}
		dropped, err = p.h.Forget(p, boxes)
	}
	if err != nil {
		return err
	}
	for i, n := range dropped {
		b := append(appendHead(nil, frameDropped, droppedSize), t)
		b = append(b, body[32*i:32*i+32]...)
		p.say(be.AppendUint32(b, uint32(n)))
	}
	return nil
}

// register takes a DEST frame.
func (d *dests) register(body []byte) error {
	n := (len(body) - 2) / 32
	if len(body) < 2+32 || (len(body)-2)%32 != 0 || n > MaxFanOut {
		return protocolError("list of %d bytes", len(body))
	}
	slot := be.Uint16(body)
	if slot >= maxSlots {
		return protocolError("list %d", slot)
	}
	d.boxes += n - len(d.slots[slot])
	if d.boxes > maxBoxes {
		return protocolError("lists of %d mailboxes", d.boxes)
	}
	to := make([]ident.Mailbox, n)
	for i := range to {
		copy(to[i][:], body[2+32*i:])
	}
	d.slots[slot] = to
	return nil
}

// room implements receiver.
func (p *Peer) room(lane uint8) { p.h.Room(p, lane) }

// needBulk implements receiver: the desk opens connections, so it is asked.
func (p *Peer) needBulk() { p.say(appendHead(nil, frameBulk, 0)) }

// bulkLost implements receiver.
func (p *Peer) bulkLost() { p.h.Again(p) }
