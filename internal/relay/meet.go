package relay

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"sync"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
)

// Bounds of the rendezvous that a relay keeps, in memory: all together stay
// below 24 MiB, and whoever is no desk of this relay can open none.
const (
	// meetingLife is long enough for a code that goes by letter overnight.
	meetingLife = 24 * time.Hour
	// maxMeetings bounds all, maxMeetingsOf those of one desk.
	maxMeetings   = 256
	maxMeetingsOf = 8
	// maxMeetingBytes bounds the blobs of all.
	maxMeetingBytes = 16 << 20
	// maxMeetingConns bounds the connections that put or wait at once.
	maxMeetingConns = 32
)

// meetings are the rendezvous of a relay. They do not survive a restart: the
// desk that opened one puts it again.
type meetings struct {
	conns chan struct{}

	mu sync.Mutex
	// mu guards the following.
	slots map[link.Slot]*meeting
	of    map[ident.Mailbox]int
	size  int
}

// meeting is one rendezvous.
type meeting struct {
	owner   ident.Mailbox
	until   time.Time
	blobs   [link.MeetingSteps][]byte
	changed chan struct{} // closed and replaced with each blob
}

func newMeetings() *meetings {
	return &meetings{conns: make(chan struct{}, maxMeetingConns), slots: map[link.Slot]*meeting{}, of: map[ident.Mailbox]int{}}
}

// meet serves one request for a rendezvous.
func (r *Relay) meet(ctx context.Context, p *link.Pending) {
	select {
	case r.meets.conns <- struct{}{}:
		defer func() { <-r.meets.conns }()
	default:
		p.Refuse(link.ReasonLimit)
		return
	}
	box := link.MailboxOf(p.Key)
	a := r.answer(box)
	if err := p.Meet(ctx, a, place{r.meets, box, a.Enrolled}); err != nil {
		r.log.Debug("rendezvous", "err", err)
	}
}

// place is the rendezvous as one desk sees them.
type place struct {
	m        *meetings
	box      ident.Mailbox
	enrolled bool
}

// Room implements [link.MeetingPlace].
func (p place) Room(_ ed25519.PublicKey, slot link.Slot, step uint8, size int) link.Reason {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	return p.room(slot, step, size, time.Now())
}

// room says whether a blob may be put; mu is held. The owner puts the first and
// the third, whoever has the code the second: each once.
func (p place) room(slot link.Slot, step uint8, size int, now time.Time) link.Reason {
	at := p.m.live(slot, now)
	switch {
	case at == nil && (step != 1 || !p.enrolled):
		return link.ReasonNoMeeting
	case at == nil && (p.m.of[p.box] >= maxMeetingsOf || len(p.m.slots) >= maxMeetings):
		return link.ReasonLimit
	case at != nil && step != 2 && at.owner != p.box:
		return link.ReasonNotAllowed
	case at != nil && step > 1 && at.blobs[step-2] == nil:
		return link.ReasonNoMeeting
	case p.m.size+size > maxMeetingBytes:
		return link.ReasonBusy
	}
	return link.ReasonNone
}

// Put implements [link.MeetingPlace].
func (p place) Put(_ ed25519.PublicKey, slot link.Slot, step uint8, blob []byte) link.Reason {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	now := time.Now()
	at := p.m.live(slot, now)
	if at != nil && bytes.Equal(at.blobs[step-1], blob) {
		return link.ReasonNone
	}
	if why := p.room(slot, step, len(blob), now); why != link.ReasonNone {
		return why
	}
	if at == nil {
		at = &meeting{owner: p.box, until: now.Add(meetingLife), changed: make(chan struct{})}
		p.m.slots[slot] = at
		p.m.of[p.box]++
	}
	if at.blobs[step-1] != nil {
		return link.ReasonMet
	}
	at.blobs[step-1] = blob
	p.m.size += len(blob)
	close(at.changed)
	at.changed = make(chan struct{})
	return link.ReasonNone
}

// Get implements [link.MeetingPlace].
func (p place) Get(ctx context.Context, slot link.Slot, step uint8) ([]byte, link.Reason) {
	for {
		p.m.mu.Lock()
		at := p.m.live(slot, time.Now())
		if at == nil {
			p.m.mu.Unlock()
			return nil, link.ReasonNoMeeting
		}
		blob, changed := at.blobs[step-1], at.changed
		p.m.mu.Unlock()
		if blob != nil {
			return blob, link.ReasonNone
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, link.ReasonNotYet
		}
	}
}

// live returns a rendezvous that is not over; mu is held.
func (m *meetings) live(slot link.Slot, now time.Time) *meeting {
	at := m.slots[slot]
	if at != nil && !now.Before(at.until) {
		m.drop(slot, at)
		return nil
	}
	return at
}

// drop forgets a rendezvous; mu is held.
func (m *meetings) drop(slot link.Slot, at *meeting) {
	delete(m.slots, slot)
	if m.of[at.owner]--; m.of[at.owner] == 0 {
		delete(m.of, at.owner)
	}
	for _, b := range at.blobs {
		m.size -= len(b)
	}
	close(at.changed)
}

// forget drops what is over.
func (m *meetings) forget(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for slot := range m.slots {
		m.live(slot, now)
	}
}
