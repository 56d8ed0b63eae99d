package exchange

import (
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// partyGone reports whether a party had desks on a line, and has none any more.
func (e *Engine) partyGone(l *line, p ident.Party) bool {
	if len(l.readers(e.cfg.Self.Desk, []ident.Party{p})) > 0 || p == e.cfg.Self.Party {
		return false
	}
	for d, c := range e.dir.certs {
		if c.Party == p && (slices.Contains(l.gone, d) || l.roster.State(d) == roster.StateRemoved) {
			return true
		}
	}
	return false
}

// maxMoot bounds how many waiting messages are looked at when desks have gone.
const maxMoot = 1000

// settleMoot stops the clocks of messages that nobody is left to answer.
func (b *Batch) settleMoot() error {
	for id, l := range b.e.lines {
		gone := slices.ContainsFunc(l.parties, func(p ident.Party) bool { return b.e.partyGone(l, p) })
		if !gone {
			continue
		}
		waiting, err := b.Tx.Messages(store.MessageFilter{Line: &id, Outgoing: new(true), Waiting: true, Limit: maxMoot})
		if err != nil {
			return fmt.Errorf("list messages that wait: %w", err)
		}
		for i := range waiting {
			if err := b.moot(&waiting[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// moot settles a message of ours when all who are left to answer it have.
func (b *Batch) moot(m *store.Message) error {
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return fmt.Errorf("read message %s: %w", m.ID, err)
	}
	all, err := b.receiptedByAll(m, body)
	if err != nil || !all {
		return err
	}
	if err := b.settle(m, traffic.Receipted); err != nil {
		return err
	}
	if err := b.Leaf("moot", messageLeaf(m)); err != nil {
		return err
	}
	return b.Event(EventLadder, m.ID[:])
}
