package exchange

import (
	"errors"
	"fmt"
	"slices"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// repair gives a desk that has not signed for a message what was signed, sealed
// to its newest seal key: it may have lost the key that opens the envelope. It
// reports false where that cannot be done.
func (b *Batch) repair(l *line, desk ident.Desk, m *store.Message) (bool, error) {
	e := b.e
	entry, on := l.roster.Desk(desk)
	seal, known := e.dir.seal[desk]
	if !on || !known || slices.Contains(l.gone, desk) || !m.RemovedAt.IsZero() {
		return false, nil
	}
	env, err := chain.SealRepair(e.cfg.Suite, seal.Public, m.Precedence, e.expiry(envelopeLife), chain.Repair{
		Sender: m.Desk, Group: m.Group, Evidence: m.Evidence, Body: m.Body,
	})
	if errors.Is(err, chain.ErrInput) {
		return false, nil // too long for one envelope
	}
	if err != nil {
		return false, err
	}
	if err := b.Leaf("repair", append(messageLeaf(m), desk[:]...)); err != nil {
		return false, err
	}
	return true, b.out(store.Out{Purpose: store.ForControl, Lane: uint8(m.Precedence), Bytes: env}, targets(entry))
}

// openRepair takes a message that its sender signed before, and whose envelope
// this desk could not open, or has not got.
func (b *Batch) openRepair(k sealKey, env []byte) error {
	e := b.e
	r, err := chain.OpenRepair(e.cfg.Suite, env, k.key, e.messageKey)
	if err != nil {
		b.drop("repair", err)
		return nil
	}
	o := chain.Opened{
		Sender: r.Sender, Group: r.Group, Lane: r.Signed.Lane, Sequence: r.Signed.Sequence, Inside: r.Signed.Inside, Body: r.Body, Evidence: r.Evidence,
	}
	l, parties, err := b.lineOf(&receiver{}, o)
	if err != nil {
		return err
	}
	if l == nil || r.Signed.Kind != envelope.Message || r.Signed.Lane >= chain.Receipts {
		b.drop("repair for no line of ours", nil)
		return nil
	}
	if _, member := l.roster.Desk(r.Sender); !member {
		b.drop("repair of a message of a desk that is not on the line", nil)
		return nil // no leaf: a relay can give the same repair again and again
	}
	if known, err := b.refusedBefore(r); known || err != nil {
		return err
	}
	b.opened(envelope.Identify(env))
	if err := b.takeMessage(l, parties, o, env); err != nil {
		return err
	}
	return b.placeRepaired(l, r)
}

// refusedBefore reports whether a repair brings what was refused already: its
// place is taken by this very message, and there is no such message here.
func (b *Batch) refusedBefore(r chain.Repair) (bool, error) {
	_, err := b.Tx.Message(ident.Message(r.Signed.Message))
	if !errors.Is(err, store.ErrNone) {
		return false, err // it is here, and its sender may lack our word for it
	}
	g, err := b.Tx.Generation(r.Sender, r.Group, r.Signed.Generation)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read generation: %w", err)
	}
	p, err := b.Tx.Place(g.ID, uint8(r.Signed.Lane), ident.Party{}, r.Signed.Sequence)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read place: %w", err)
	}
	return p.Kind == uint8(envelope.Message) && p.Inside == chain.EvidenceHash(b.e.cfg.Suite, r.Evidence, r.Body), nil
}

// placeRepaired notes where a repaired message stands, as its sender signed:
// its envelope is missed no longer.
func (b *Batch) placeRepaired(l *line, r chain.Repair) error {
	e := b.e
	g, err := b.Tx.Generation(r.Sender, r.Group, r.Signed.Generation)
	if errors.Is(err, store.ErrNone) {
		return nil // its key never came
	}
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	id := ident.Message(r.Signed.Message)
	p := store.Place{
		Generation: g.ID, Lane: uint8(r.Signed.Lane), Sequence: r.Signed.Sequence, Kind: uint8(envelope.Message),
		Previous: r.Signed.Previous, Inside: chain.EvidenceHash(e.cfg.Suite, r.Evidence, r.Body), Message: &id,
	}
	if err := b.Tx.PutPlace(p); err != nil {
		return fmt.Errorf("note place of a repaired message: %w", err)
	}
	for _, rec := range e.receivers {
		if rec.row == g.ID {
			b.touchReceiver(rec)
			rec.Void(r.Signed.Lane, p.Sequence, p.Previous, p.Inside)
		}
	}
	return b.attestedLate(l, r.Sender, p)
}
