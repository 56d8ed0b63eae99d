package relay

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/spool"
)

const (
	// pushAhead is how many bytes of a lane a member's link holds in memory.
	// A slow reader holds no more; the rest waits in the spool.
	pushAhead = 128 << 10
	// retryBusy, retryQuota and retryAllow are advice to a refused sender.
	retryBusy  = 5 * time.Second
	retryQuota = time.Minute
	retryAllow = 5 * time.Second
)

// member is one connected desk.
type member struct {
	r       *Relay
	box     ident.Mailbox
	own     bool // has a mailbox here
	session [16]byte
	process [16]byte // of the desk
	peer    *link.Peer
	ended   chan struct{}

	mu sync.Mutex
	// mu guards the following.
	lanes [link.Lanes]track
}

// track is how far a lane has been pushed.
type track struct {
	last      uint64 // where the link stands
	given     uint64 // highest sequence ever handed to it
	committed uint64 // highest sequence that the desk has
	behind    bool   // the spool has more than the link was given
	missed    bool   // something came while behind
	filling   bool   // a goroutine reads the spool
	again     bool   // it is to look once more
}

func (t *track) give(seq uint64) { t.last, t.given = seq, max(t.given, seq) }

// serve runs a desk's link until it ends.
func (r *Relay) serve(ctx context.Context, p *link.Pending) {
	box := link.MailboxOf(p.Key)
	if !r.spool.Known(spool.Putter(p.Key)) {
		r.log.Warn("unknown desk refused", "box", short(box))
		p.Refuse(link.ReasonUnknownDesk)
		return
	}
	m := &member{r: r, box: box, process: p.Session, ended: make(chan struct{})}
	rand.Read(m.session[:]) // never fails: crypto/rand ends the process instead
	kept, rival, ok := r.hub.arrive(m, r.cfg.Connections)
	if !ok {
		p.Refuse(link.ReasonLimit)
		return
	}
	a := r.answer(box)
	a.Session, a.Rival, m.own = m.session, rival, a.Enrolled
	if rival {
		r.log.Warn("a second program uses the key of a mailbox", "box", short(box))
	}
	_, err := p.Serve(a, kept, m, func(peer *link.Peer) { r.hub.settle(m, peer) })
	if err != nil {
		r.hub.leave(m, kept)
		return
	}
	r.log.Info("desk connected", "box", short(box), "enrolled", m.own)
	stop := context.AfterFunc(ctx, func() { m.peer.Abort(ctx.Err()) })
	defer stop()
	if m.own {
		m.catchUp(allLanes)
	}
	left, err := m.peer.Wait()
	r.hub.leave(m, left)
	r.log.Info("desk gone", "box", short(box), "err", err)
}

// join adds a bulk connection to a desk's link.
func (r *Relay) join(p *link.Pending) {
	m := r.hub.find(link.MailboxOf(p.Key))
	if m == nil || m.session != p.Session || m.link() == nil {
		p.Refuse(link.ReasonProtocol)
		return
	}
	if err := m.link().Join(p, r.answer(m.box)); err != nil {
		r.log.Debug("join link", "box", short(m.box), "err", err)
	}
}

// link returns the member's link, nil before it stands.
func (m *member) link() *link.Peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peer
}

// Put implements [link.PeerHandler].
func (m *member) Put(p *link.Peer, in link.PeerPut) {
	h, err := envelope.Parse(in.Envelope)
	if err != nil || h.Lane != in.Lane {
		m.refuseAll(p, in.Handle, link.ReasonMalformed, 0)
		return
	}
	if total := m.r.spool.Totals().Bytes; !m.r.fits(total, in.Lane) {
		m.refuseAll(p, in.Handle, link.ReasonBusy, retryQuota)
		return
	}
	put := spool.Put{
		To: in.To, Putter: spool.Putter(p.Key), Lane: in.Lane, ID: envelope.Identify(in.Envelope),
		Expiry: time.Unix(60*int64(h.Expiry), 0), Envelope: in.Envelope, Part: h.Type == envelope.Chunk,
	}
	m.r.spool.Put(put, func(out []spool.Placed) { m.placed(p, in, out) })
}

// fits keeps the whole spool within its bound; FLASH has a reserve.
func (r *Relay) fits(total uint64, lane uint8) bool {
	limit := uint64(r.cfg.TotalBytes)
	if lane != spool.FlashLane {
		limit -= limit / 10
	}
	return total < limit
}

func (m *member) refuseAll(p *link.Peer, handle uint64, why link.Reason, after time.Duration) {
	m.r.refused.Add(1)
	m.r.log.Warn("put refused", "reason", why.String())
	p.Refused(handle, -1, why, after, true)
}

// placed answers a put, on the spool's goroutine, and pushes it on.
func (m *member) placed(p *link.Peer, in link.PeerPut, out []spool.Placed) {
	taken, lastRefused := false, -1
	for i, o := range out {
		if o.Err != nil {
			lastRefused = i
			continue
		}
		taken = true
		if o.Seq != 0 {
			if to := m.r.hub.find(in.To[i]); to != nil {
				to.offer(in.Lane, o.Seq, in.Envelope)
			}
		}
	}
	for i, o := range out {
		if o.Err == nil {
			continue
		}
		why, after := reason(o.Err)
		m.r.refused.Add(1)
		m.r.log.Warn("put refused", "box", short(in.To[i]), "reason", why.String())
		p.Refused(in.Handle, i, why, after, !taken && i == lastRefused)
	}
	if taken {
		m.r.accepted.Add(1)
		p.Accepted(in.Handle)
	}
}

// reason translates a refusal of the spool.
func reason(err error) (link.Reason, time.Duration) {
	switch {
	case errors.Is(err, spool.ErrUnknownMailbox):
		return link.ReasonUnknownMailbox, 0
	case errors.Is(err, spool.ErrNotAllowed):
		return link.ReasonNotAllowed, retryAllow
	case errors.Is(err, spool.ErrQuota):
		return link.ReasonQuota, retryQuota
	case errors.Is(err, spool.ErrShare):
		return link.ReasonShare, retryQuota
	case errors.Is(err, spool.ErrExpired):
		return link.ReasonExpired, 0
	default:
		return link.ReasonBusy, retryBusy
	}
}

// Committed implements [link.PeerHandler].
func (m *member) Committed(_ *link.Peer, lane uint8, seq uint64) {
	if !m.own {
		return
	}
	m.mu.Lock()
	t := &m.lanes[lane]
	seq = min(seq, t.given) // a desk cannot be done with what it was not given
	if seq <= t.committed {
		m.mu.Unlock()
		return
	}
	t.committed = seq
	m.mu.Unlock()
	m.r.spool.Done(m.box, lane, seq)
}

// offer pushes an envelope that has just been committed, if the link is at that
// point; otherwise it is read from the spool in its turn.
func (m *member) offer(lane uint8, seq uint64, env []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &m.lanes[lane]
	if m.peer == nil || t.behind {
		t.missed = true
		return
	}
	if m.peer.Queued(lane) > pushAhead {
		t.behind = true // Room comes when the queue is short
		return
	}
	t.give(seq)
	m.peer.Deliver(lane, seq, env)
}

var (
	allLanes  = []uint8{3, 2, 1, 0, 4}
	bulkLanes = []uint8{1, 0, 4}
)

// Room implements [link.PeerHandler].
func (m *member) Room(_ *link.Peer, lane uint8) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lanes[lane].behind {
		m.fill(lane)
	}
}

// Again implements [link.PeerHandler].
func (m *member) Again(*link.Peer) {
	m.mu.Lock()
	for _, l := range bulkLanes {
		m.lanes[l].last = m.lanes[l].committed
	}
	m.mu.Unlock()
	if m.own {
		m.catchUp(bulkLanes)
	}
}

// catchUp reads lanes from the spool.
func (m *member) catchUp(lanes []uint8) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range lanes {
		m.lanes[l].behind = true
		m.fill(l)
	}
}

// fill starts the reading of a lane, once; mu is held.
func (m *member) fill(lane uint8) {
	t := &m.lanes[lane]
	if t.filling {
		t.again = true
		return
	}
	t.filling = true
	m.r.serving.Add(1)
	go func() {
		defer m.r.serving.Done()
		for m.step(lane) {
		}
	}()
}

// step reads some of a lane and reports whether to go on.
func (m *member) step(lane uint8) bool {
	m.mu.Lock()
	t := &m.lanes[lane]
	t.again = false
	last, room := t.last, pushAhead-m.peer.Queued(lane)
	t.missed = false
	m.mu.Unlock()
	var items []spool.Item
	var err error
	if room > 0 {
		if items, err = m.r.spool.Next(context.Background(), m.box, lane, last, room); err != nil {
			m.peer.Abort(err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.last != last && len(items) > 0 {
		return true // started again meanwhile
	}
	for _, it := range items {
		t.give(it.Seq)
		m.peer.Deliver(lane, it.Seq, it.Envelope)
	}
	switch {
	case err == nil && (len(items) > 0 || t.again):
		return true
	case room > 0 && t.missed:
		return err == nil
	case room > 0:
		t.behind = false
	}
	t.filling = false
	return false
}
