package exchange

import (
	"context"
	"errors"
	"fmt"

	"hotline/internal/chain"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/wire"
)

const (
	// markMost and removeMost bound what one round of chores does for
	// retention: a setting that meets years of traffic must not hold up a FLASH.
	markMost   = 2000
	removeMost = 64
)

// Opened notes that somebody at this desk has opened a message that came:
// retention waits for that.
func (e *Engine) Opened(ctx context.Context, id ident.Message) error {
	return e.do(ctx, func(b *Batch) error {
		m, err := b.Tx.Message(id)
		if errors.Is(err, store.ErrNone) {
			return fault.New(fault.NotFound, "This desk has no such message.")
		}
		if err != nil || m.Outgoing || !m.OpenedAt.IsZero() {
			return err
		}
		if _, err := b.Tx.OpenMessage(id, b.Now); err != nil {
			return fmt.Errorf("note that %s was opened: %w", id, err)
		}
		return nil
	})
}

// tendRetention removes the text of messages that nothing has needed for
// Config.Retention. The period runs on the steady clock and begins when this
// desk sees that nothing waits: nobody who sets a clock makes it shorter, and a
// message that still waits for a desk, a file, a reader or a receipt keeps its
// text however old it is.
func (b *Batch) tendRetention() error {
	keep := b.e.cfg.Retention
	if keep == 0 {
		return nil
	}
	next, err := b.Tx.MarkDone(b.e.cfg.Self.Party, b.Steady, b.e.marked, markMost)
	if err != nil {
		return fmt.Errorf("note what is done: %w", err)
	}
	b.After(func() { b.e.marked = next })
	due, err := b.Tx.DoneBefore(b.Steady.Add(-keep), removeMost)
	if err != nil {
		return fmt.Errorf("list what is done: %w", err)
	}
	for i := range due {
		if err := b.removeText(&due[i]); err != nil {
			return fmt.Errorf("remove text of %s: %w", due[i].ID, err)
		}
	}
	return nil
}

// removeText leaves of a message what its journal leaf, its receipts and its
// place in the record need: who, when, to whom, under which label and serial.
// Its bundle goes with it: the key was in the body.
func (b *Batch) removeText(m *store.Message) error {
	body, err := wire.ParseMessage(m.Body)
	if err != nil { // one bad row must not stop the chores of a desk
		b.After(func() { b.e.cfg.Log.Error("text cannot be removed", "message_id", m.ID.String(), "err", err) })
		return b.Tx.PutOffRemoval(m.ID, b.Steady)
	}
	for _, f := range body.Files {
		b.After(func() { _ = b.e.cfg.Blobs.Remove(chain.FileTag(b.e.cfg.Suite, f.Key)) })
	}
	rest, err := withoutText(*body).Encode()
	if err != nil {
		return err
	}
	all, err := b.Tx.ReceiptsOf(m.ID)
	if err != nil {
		return fmt.Errorf("list receipts: %w", err)
	}
	var written []int64
	for _, r := range all {
		if said, err := wire.ParseReceipt(r.Body); err == nil && said.Text != "" {
			written = append(written, r.ID)
		}
	}
	if err := b.Tx.RemoveText(m.ID, rest, written, b.Now); err != nil {
		return err
	}
	if m.RemovedAt.IsZero() {
		if err := b.Leaf("text-removed", messageLeaf(m)); err != nil {
			return err
		}
	}
	return b.Event(EventLadder, m.ID[:])
}

// sweepFiles removes bundles of messages whose text is gone: the process may have
// ended between the one and the other.
func (e *Engine) sweepFiles(tx *store.Tx) error {
	tags, err := e.cfg.Blobs.Tags()
	if err != nil {
		return err
	}
	for _, tag := range tags {
		removed, err := tx.Removed(tag)
		if err == nil && removed {
			err = e.cfg.Blobs.Remove(tag)
		}
		if err != nil {
			return fmt.Errorf("remove file of a message without its text: %w", err)
		}
	}
	return nil
}

// withoutText is what is left of a message. It is no message that anybody
// signed: its content hash stays that of the whole one.
func withoutText(m wire.Message) *wire.Message {
	m.Subject, m.Language, m.Text, m.Dictionary, m.Files = "", "", nil, 0, nil
	return &m
}
