package exchange

import (
	"errors"
	"fmt"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/store"
)

// ownWord handles an attestation that this desk signed itself, brought by a
// peer. One that says more than this desk knows to have sent can only mean that
// its whole machine was set back, or that a copy of it runs elsewhere: nothing
// more is sealed under the old keys. A peer can make nothing of the kind up,
// since it cannot sign it.
func (b *Batch) ownWord(l *line, a checkpoint.Attestation) error {
	e := b.e
	if err := a.Verify(e.cfg.Suite, e.cfg.Self.DeskKey.Public()); err != nil {
		b.drop("own attestation", err)
		return nil
	}
	ahead, err := b.beyondOwn(a)
	if err != nil || !ahead {
		return err
	}
	fresh, err := b.proven(store.Proof{
		Line: l.ID, Sender: a.Sender, Kind: "set-back", Verdict: verdictOpen, B: a.Bytes(e.cfg.Suite),
		Text: fmt.Sprintf("This desk signed more than it knows of (attested %s): it was set back, or a copy of it runs elsewhere. It goes on under new keys.",
			a.Time.Format("2006-01-02 15:04:05Z")),
	})
	if err != nil || !fresh {
		return err
	}
	for group, s := range e.senders {
		if err := b.Tx.DropCell(cellSender, group[:]); err != nil {
			return fmt.Errorf("drop sending key: %w", err)
		}
		delete(b.senders, group)
		delete(e.senders, group)
		b.undo = append(b.undo, func() { e.senders[group] = s })
	}
	was := e.fresh
	e.fresh = true
	b.undo = append(b.undo, func() { e.fresh = was })
	b.After(func() { e.lastTick = e.lastTick.Add(-tick); signal(e.kick) })
	return nil
}

// beyondOwn reports whether an own attestation says more than the record here.
func (b *Batch) beyondOwn(a checkpoint.Attestation) (bool, error) {
	g, err := b.Tx.Generation(a.Sender, a.Group, a.Generation)
	if errors.Is(err, store.ErrNone) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read own generation: %w", err)
	}
	for _, lane := range a.Lanes {
		_, err := b.Tx.Place(g.ID, lane.Lane, a.To, lane.Last)
		if errors.Is(err, store.ErrNone) {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("read own place: %w", err)
		}
	}
	return false, nil
}

const (
	// maxRecent bounds the envelopes that are remembered as opened.
	maxRecent = 1 << 13
	// remindEvery is how often a desk is shown its own word, at most.
	remindEvery = time.Minute
)

// opened remembers an envelope, to tell its copies from others in its place.
func (b *Batch) opened(id envelope.ID) {
	b.After(func() {
		if len(b.e.recent) >= maxRecent {
			clear(b.e.recent)
		}
		b.e.recent[id] = true
	})
}

// usedTwice handles an envelope whose place in its chain was taken before by
// another one. Its key is gone, so nobody can say what it holds; but where its
// sender was set back, or a copy of it runs, its own signature tells it so.
func (b *Batch) usedTwice(r *receiver, id envelope.ID) error {
	e := b.e
	if e.recent[id] {
		return nil // the copy of another relay
	}
	to, on := e.dir.desks[r.Sender()]
	if !on || !b.spare(ration{what: "reminder", desk: r.Sender()}, 1, remindEvery) {
		return nil
	}
	held, err := b.Tx.NewestAttestation(r.Sender(), r.Group())
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read attestation: %w", err)
	}
	b.spend(ration{what: "reminder", desk: r.Sender()}, 1, remindEvery)
	return b.control(to, ControlProof, held.Bytes)
}
