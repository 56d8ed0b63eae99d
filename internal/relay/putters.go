package relay

import (
	"context"
	"crypto/ed25519"
	"errors"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/spool"
)

// changeTime bounds how long a desk's frame about putters may take. Its reader
// waits for it, so that what it says next comes behind.
const changeTime = time.Minute

var errGuest = errors.New("a guest has no list of putters")

// Allow implements [link.PeerHandler].
func (m *member) Allow(p *link.Peer, putters []ed25519.PublicKey) error {
	if !m.own {
		return errGuest
	}
	list := make([]spool.Putter, len(putters))
	for i, k := range putters {
		list[i] = spool.Putter(k)
	}
	ctx, stop := context.WithTimeout(context.Background(), changeTime)
	defer stop()
	if err := m.r.spool.Allow(ctx, m.box, list); err != nil {
		return err
	}
	m.r.hub.expel(m.r.spool)
	p.Allowed(spool.HashPutters(list))
	return nil
}

// Revoke implements [link.PeerHandler].
func (m *member) Revoke(p *link.Peer, putters []ed25519.PublicKey) (dropped []int, err error) {
	if !m.own {
		return nil, errGuest
	}
	ctx, stop := context.WithTimeout(context.Background(), changeTime)
	defer stop()
	for _, k := range putters {
		n, err := m.r.spool.Revoke(ctx, m.box, []spool.Putter{spool.Putter(k)})
		if err != nil {
			return nil, err
		}
		dropped = append(dropped, n)
	}
	m.r.hub.expel(m.r.spool)
	u, err := m.r.spool.Usage(m.box)
	if err != nil {
		return nil, err
	}
	p.Allowed(u.AllowHash)
	m.r.log.Info("putters revoked", "box", short(m.box), "putters", len(putters))
	return dropped, nil
}

// Forget implements [link.PeerHandler].
func (m *member) Forget(p *link.Peer, boxes []ident.Mailbox) (dropped []int, err error) {
	ctx, stop := context.WithTimeout(context.Background(), changeTime)
	defer stop()
	for _, box := range boxes {
		n, err := m.r.spool.Forget(ctx, box, spool.Putter(p.Key))
		if err != nil {
			return nil, err
		}
		dropped = append(dropped, n)
	}
	return dropped, nil
}

// expel ends the links of guests whom nobody lists any more.
func (h *hub) expel(reg spool.Registry) {
	h.mu.Lock()
	var gone []*member
	for _, m := range h.members {
		gone = append(gone, m)
	}
	h.mu.Unlock()
	for _, m := range gone {
		if p := m.link(); p != nil && !m.own && !reg.Known(spool.Putter(p.Key)) {
			p.Close(link.ReasonUnknownDesk)
		}
	}
}
