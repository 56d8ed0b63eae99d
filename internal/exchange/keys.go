package exchange

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// When a sending key is due for a successor.
const (
	renewAfter    = 24 * time.Hour // at that age
	renewMessages = 1000           // or after so many messages of one chain
	// renewNotBefore keeps a busy line from making a key every second: each
	// costs a slice per desk.
	renewNotBefore = time.Minute
)

// due reports whether a successor of s should be made.
func (s *sender) due(now time.Time) bool {
	var most uint32
	for _, l := range precedence.All() {
		last, _ := s.Last(l)
		most = max(most, last)
	}
	for _, p := range s.parties {
		last, _ := s.LastReceipt(p)
		most = max(most, last)
	}
	age := now.Sub(s.Created())
	return age >= renewAfter || age >= renewNotBefore && most >= renewMessages
}

// senderFor returns a sending key that every desk of parties on the line has
// been sent, making a new one when there is none, when the desks changed, or
// when it is due. urgent is the lane of the slices of a new one: that of the
// message which needs it, or ROUTINE ahead of need.
func (b *Batch) senderFor(l *line, parties []ident.Party, urgent precedence.Level) (*sender, error) {
	e := b.e
	group := roster.GroupID(e.cfg.Suite, l.ID, parties)
	readers := l.readers(e.cfg.Self.Desk, parties)
	print := fingerprint(readers)
	old := e.senders[group]
	if old != nil && old.readers == ([32]byte{}) && old.Created().Add(renewNotBefore).After(b.Steady) && old.Created().After(e.lastCut) {
		return old, nil // a desk that starts over and over must not make us make keys over and over
	}
	if old != nil && old.readers == print && !old.due(b.Steady) {
		if urgent == precedence.Routine {
			return old, nil
		}
		// A message must not overtake the slices that open it by more than a
		// relay's queue: what waits in a lane below it is made anew in its own,
		// once.
		below, err := b.Tx.SlicesBelow(old.Tag(), uint8(urgent))
		if err != nil {
			return nil, fmt.Errorf("list slices: %w", err)
		}
		late := slices.ContainsFunc(readers, func(d roster.Entry) bool { return b.isFirst(d.Party) && slices.Contains(below, d.Desk) })
		if !late || !e.reachable() {
			return old, nil
		}
	}
	return b.newSender(l, group, parties, readers, old, urgent)
}

// isFirst reports whether the slices for a party's desks go in the lane of what
// needs them, and not behind it at ROUTINE.
func (b *Batch) isFirst(p ident.Party) bool { return b.ahead == nil || slices.Contains(b.ahead, p) }

// firstTo has the slices of a new key go first to the desks of some parties,
// while fn runs.
func (b *Batch) firstTo(parties []ident.Party, fn func() error) error {
	before := b.ahead
	b.ahead = parties
	defer func() { b.ahead = before }()
	return fn()
}

// newSender makes a sending key, seals it to every reader and wipes it.
func (b *Batch) newSender(l *line, group ident.Group, parties []ident.Party, readers []roster.Entry, old *sender, urgent precedence.Level) (*sender, error) {
	e := b.e
	start := chain.Start{Group: group, Desk: e.cfg.Self.Desk, Parties: parties, Restart: e.fresh, Now: b.Steady}
	if old != nil {
		b.touchSender(old)
		start.Previous = old.Sender
	}
	made, err := chain.NewSender(e.cfg.Suite, start)
	if err != nil {
		return nil, fmt.Errorf("make sending key: %w", err)
	}
	s := &sender{Sender: made, line: l.ID, parties: parties, readers: fingerprint(readers)}
	if err := b.noteSender(s); err != nil {
		return nil, err
	}
	for _, d := range readers {
		lane := urgent
		if !b.isFirst(d.Party) {
			lane = precedence.Routine
		}
		if err := b.slice(l, s, d, lane); err != nil {
			return nil, err
		}
	}
	s.Forget()
	e.senders[group] = s
	b.undo = append(b.undo, func() {
		if old != nil {
			e.senders[group] = old
		} else {
			delete(e.senders, group)
		}
	})
	b.setSender(group, s)
	if old != nil {
		if err := b.attestEnd(l, old, s); err != nil {
			return nil, err
		}
	}
	return s, b.Event(EventLine, l.ID[:])
}

// slice seals s to one desk's newest seal key and queues it.
func (b *Batch) slice(l *line, s *sender, d roster.Entry, urgent precedence.Level) error {
	e := b.e
	seal, ok := e.dir.seal[d.Desk]
	if !ok {
		return fmt.Errorf("seal sending key for %s: no seal key is known", d.Desk)
	}
	env, err := s.SliceFor(e.cfg.Self.MessageKey, chain.SliceInput{
		Desk: d.Desk, Party: d.Party, SealPublic: seal.Public, SealNumber: seal.Number, Digest: l.digest,
		Precedence: urgent, Expiry: b.e.expiry(sliceLife), Now: b.Now,
	})
	if err != nil {
		return err
	}
	group, tag := s.Group(), s.Tag()
	return b.out(store.Out{Purpose: store.ForSlice, Group: &group, Tag: &tag, Lane: uint8(urgent), Bytes: env}, targets(d))
}

// tendKeys makes, ahead of need, the sending key of every open line, and a new
// seal key when the period of the old one is over.
func (b *Batch) tendKeys() error {
	e := b.e
	if b.Steady.Before(e.rekeyAt) || e.cut[e.cfg.Self.Desk] {
		return b.tendSealKey()
	}
	for _, l := range e.lines {
		if l.State != "open" {
			continue
		}
		if _, err := b.senderFor(l, l.parties, precedence.Routine); err != nil {
			return fmt.Errorf("tend sending key of line %s: %w", l.ID, err)
		}
	}
	// Groups narrower than their line: when their desks changed, so do they.
	for group, s := range e.senders {
		l := e.lines[s.line]
		if l == nil || l.State != "open" || group == l.whole {
			continue
		}
		if s.readers != fingerprint(l.readers(e.cfg.Self.Desk, s.parties)) {
			if _, err := b.senderFor(l, s.parties, precedence.Routine); err != nil {
				return fmt.Errorf("tend sending key of line %s: %w", l.ID, err)
			}
		}
	}
	if e.fresh {
		if err := b.Leaf("fresh-keys", []byte(e.cfg.Store.Provenance().String())); err != nil {
			return err
		}
		if err := b.Tx.Settle(); err != nil {
			return fmt.Errorf("settle provenance: %w", err)
		}
		b.After(func() { e.fresh = false })
	}
	return b.tendSealKey()
}
