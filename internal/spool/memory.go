package spool

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"sync"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// Memory is a spool that forgets everything when the process ends. It serves
// tests and shows what the contract asks for in the plainest way.
type Memory struct {
	*Index
	epoch uint64

	mu sync.Mutex
	// mu guards the following.
	items  map[place][]memItem
	seen   map[seenKey]time.Time
	tokens map[[48]byte]*Invitation
	owners map[ident.Mailbox]Putter
}

type place struct {
	box  ident.Mailbox
	lane uint8
}

type seenKey struct {
	box ident.Mailbox
	id  envelope.ID
}

type memItem struct {
	Item
	Held
	id     envelope.ID
	part   bool
	expiry time.Time
}

// NewMemory returns an empty spool.
func NewMemory() *Memory {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return &Memory{
		Index: NewIndex(), epoch: binary.BigEndian.Uint64(b[:]) | 1,
		items: map[place][]memItem{}, seen: map[seenKey]time.Time{},
		tokens: map[[48]byte]*Invitation{}, owners: map[ident.Mailbox]Putter{},
	}
}

// Epoch implements [Spool].
func (m *Memory) Epoch() uint64 { return m.epoch }

// Err implements [Spool].
func (m *Memory) Err() error { return nil }

// Put implements [Spool]; done is called before it returns.
func (m *Memory) Put(p Put, done func([]Placed)) {
	out := make([]Placed, len(p.To))
	m.mu.Lock()
	defer func() { m.mu.Unlock(); done(out) }()
	for i, box := range p.To {
		out[i] = m.put(p, box)
	}
}

func (m *Memory) put(p Put, box ident.Mailbox) (out Placed) {
	if !time.Now().Before(p.Expiry) {
		return Placed{Err: ErrExpired}
	}
	if _, err := m.MayPut(box, p.Putter); err != nil {
		return Placed{Err: err}
	}
	key := seenKey{box, p.ID}
	if _, ok := m.seen[key]; ok {
		return Placed{}
	}
	h := Held{Box: box, Putter: p.Putter, Lane: p.Lane, Size: len(p.Envelope)}
	seq, err := m.Place(h)
	if err != nil {
		return Placed{Err: err}
	}
	m.seen[key] = p.Expiry
	at := place{box, p.Lane}
	m.items[at] = append(m.items[at], memItem{Item{Seq: seq, Envelope: p.Envelope}, h, p.ID, p.Part, p.Expiry})
	return Placed{Seq: seq}
}

// Next implements [Spool].
func (m *Memory) Next(_ context.Context, box ident.Mailbox, lane uint8, after uint64, limit int) ([]Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Item
	for _, it := range m.items[place{box, lane}] {
		if it.Seq <= after {
			continue
		}
		if limit -= len(it.Envelope); limit < 0 && len(out) > 0 {
			break
		}
		out = append(out, it.Item)
	}
	return out, nil
}

// Done implements [Spool].
func (m *Memory) Done(box ident.Mailbox, lane uint8, to uint64) {
	m.keep(place{box, lane}, func(it memItem) bool { return it.Seq > to })
}

// Expire implements [Spool].
func (m *Memory) Expire(_ context.Context, now time.Time) (int, error) {
	m.mu.Lock()
	var places []place
	for at := range m.items {
		places = append(places, at)
	}
	for key, expiry := range m.seen {
		if !now.Before(expiry) {
			delete(m.seen, key)
		}
	}
	m.mu.Unlock()
	n := 0
	for _, at := range places {
		n += m.keep(at, func(it memItem) bool { return now.Before(it.expiry) })
	}
	return n, nil
}

// keep drops the items of a lane that want does not want.
func (m *Memory) keep(at place, want func(memItem) bool) (dropped int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rest []memItem
	for _, it := range m.items[at] {
		if want(it) {
			rest = append(rest, it)
			continue
		}
		m.Free(it.Held)
		if it.part {
			delete(m.seen, seenKey{at.box, it.id})
		}
		dropped++
	}
	m.items[at] = rest
	return dropped
}

// Enrol implements [Registry].
func (m *Memory) Enrol(_ context.Context, box ident.Mailbox, owner Putter, secret []byte, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.owners[box] == owner {
		return nil
	}
	t := m.tokens[sha512.Sum384(secret)]
	if t == nil || t.Uses < 1 || !now.Before(t.Expiry) {
		return ErrToken
	}
	t.Uses--
	m.owners[box] = owner
	m.Add(box, int64(len(m.owners)), owner, t.Quota)
	return nil
}

// Allow implements [Registry].
func (m *Memory) Allow(_ context.Context, box ident.Mailbox, putters []Putter) error {
	if _, ok := m.Row(box); !ok {
		return ErrUnknownMailbox
	}
	m.SetAllow(box, putters)
	return nil
}

// Invite implements [Registry].
func (m *Memory) Invite(_ context.Context, inv Invitation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens[sha512.Sum384(inv.Secret)] = &inv
	return nil
}

// Revoke implements [Registry].
func (m *Memory) Revoke(ctx context.Context, box ident.Mailbox, putters []Putter) (n int, err error) {
	if _, ok := m.Row(box); !ok {
		return 0, ErrUnknownMailbox
	}
	m.Disallow(box, putters)
	for _, p := range putters {
		dropped, err := m.Forget(ctx, box, p)
		if n += dropped; err != nil {
			return n, err
		}
	}
	return n, nil
}

// Forget implements [Registry].
func (m *Memory) Forget(_ context.Context, box ident.Mailbox, putter Putter) (n int, err error) {
	for lane := range uint8(Lanes) {
		n += m.keep(place{box, lane}, func(it memItem) bool { return it.Putter != putter })
	}
	return n, nil
}
