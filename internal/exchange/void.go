package exchange

import (
	"errors"
	"fmt"

	"hotline/internal/chain"
	"hotline/internal/divergence"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/store"
)

// maxVoid bounds the entries of one list of void sequences.
const maxVoid = 256

// giveUp declares the envelopes in which a message was sealed before void: it
// is sealed anew, and they may never arrive. Whoever misses one misses nothing.
func (b *Batch) giveUp(l *line, parties []ident.Party, id ident.Message) error {
	p, err := b.Tx.PlaceOf(id)
	if errors.Is(err, store.ErrNone) || err == nil && p.Kind == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read place of %s: %w", id, err)
	}
	g, err := b.Tx.GenerationAt(p.Generation)
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	if err := b.Tx.VoidPlace(p); err != nil {
		return fmt.Errorf("give up place of %s: %w", id, err)
	}
	return b.stateIn(l, parties, voidList(g, []store.Place{p}))
}

// voidList is the body that gives up places of one generation.
func voidList(g store.Generation, all []store.Place) []byte {
	var w octets.Writer
	w.Uint8(statementVoid)
	w.Raw(g.Name[:])
	w.Uint16(uint16(len(all)))
	for _, p := range all {
		w.Uint8(p.Lane)
		w.Uint32(p.Sequence)
		w.Raw(p.Previous[:])
		w.Raw(p.Inside[:])
	}
	return w.Bytes()
}

// giveUpFor tells a desk that is behind in a chain of ours what of it will not
// come again: what was given up before, statements and attestations that are
// out of date, and messages that it has by another way.
func (b *Batch) giveUpFor(l *line, desk ident.Desk, group ident.Group, d divergence.Difference) error {
	s := b.e.senders[group]
	g, err := b.Tx.Generation(b.e.cfg.Self.Desk, group, d.Generation)
	if errors.Is(err, store.ErrNone) || s == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read own generation: %w", err)
	}
	places, err := b.Tx.Places(g.ID, d.Lane, ident.Party{}, d.Sequence, maxVoid)
	if err != nil {
		return fmt.Errorf("list own places: %w", err)
	}
	var gone []store.Place
	for _, p := range places {
		waits := false
		if p.Message != nil {
			if waits, err = b.Tx.WaitsFor(*p.Message, desk); err != nil {
				return fmt.Errorf("look for message %s: %w", p.Message, err)
			}
		}
		if p.Attested && !waits {
			gone = append(gone, p)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return b.stateIn(l, s.parties, voidList(g, gone))
}

// parseVoid reads what voidList wrote behind its first byte.
func parseVoid(raw []byte) (name [16]byte, all []store.Place, err error) {
	r := octets.NewReader(raw)
	r.Into(name[:])
	n := r.Uint16()
	if n > maxVoid {
		r.Fail(fmt.Errorf("%d void envelopes", n))
	}
	for i := 0; i < int(n) && r.Err() == nil; i++ {
		p := store.Place{Lane: r.Uint8(), Sequence: r.Uint32()}
		r.Into(p.Previous[:])
		r.Into(p.Inside[:])
		if p.Lane >= uint8(chain.Receipts) || p.Sequence == 0 || p.Sequence > chain.MaxSequence {
			r.Fail(fmt.Errorf("void envelope %d of lane %d", p.Sequence, p.Lane))
		}
		all = append(all, p)
	}
	return name, all, r.Done()
}

// takeVoid notes which envelopes of its own a peer gave up. What it says of
// their place counts in the running hash, so it can hide nothing with it.
func (b *Batch) takeVoid(l *line, o chain.Opened, raw []byte) error {
	name, all, err := parseVoid(raw)
	if err != nil {
		b.drop("list of void envelopes", err)
		return nil
	}
	g, err := b.Tx.Generation(o.Sender, o.Group, name)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	for _, p := range all {
		p.Generation = g.ID
		if err := b.Tx.PutPlace(p); err != nil {
			return fmt.Errorf("note void envelope: %w", err)
		}
		for _, rec := range b.e.receivers {
			if rec.row != g.ID {
				continue
			}
			b.touchReceiver(rec)
			rec.Void(chain.Lane(p.Lane), p.Sequence, p.Previous, p.Inside)
		}
		if err := b.attestedLate(l, o.Sender, p); err != nil {
			return err
		}
	}
	return nil
}

// passVoid takes from what was just found missing what its sender gave up.
func (b *Batch) passVoid(r *receiver, missing []chain.Gap) error {
	for _, gap := range missing {
		all, err := b.Tx.Places(r.row, uint8(gap.Lane), ident.Party{}, gap.From, chain.MaxSkipped)
		if err != nil {
			return fmt.Errorf("list places: %w", err)
		}
		for _, p := range all {
			if p.Kind == 0 && p.Sequence <= gap.To {
				r.Void(gap.Lane, p.Sequence, p.Previous, p.Inside)
			}
		}
	}
	return nil
}
