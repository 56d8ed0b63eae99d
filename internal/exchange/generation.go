package exchange

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// maxGenerations is how many sending keys of one desk for one group are
// followed at once. An honest desk makes one a minute at the most beyond what
// changes of the roster ask for, and the old one is complete when the last of
// its messages is here.
const maxGenerations = 16

// succeed closes the generation before a new one, and makes room for it.
func (b *Batch) succeed(facts chain.Slice) error {
	e := b.e
	var oldest *receiver
	count := 0
	for _, r := range e.receivers {
		if r.Sender() != facts.Sender || r.Group() != facts.Group {
			continue
		}
		if r.Finished(b.Steady) {
			if err := b.dropReceiver(r); err != nil {
				return err
			}
			continue
		}
		if count++; oldest == nil || r.Created().Before(oldest.Created()) {
			oldest = r
		}
		if facts.Restart || r.Identity() != facts.Predecessor {
			continue // after a restart the last sequences are not known
		}
		b.touchReceiver(r)
		if err := r.Close(facts.Last, b.Steady); err != nil {
			if err := b.evidence("chain-conflict", facts.Sender, facts.Proof); err != nil {
				return err
			}
		}
	}
	if count >= maxGenerations {
		if err := b.dropReceiver(oldest); err != nil {
			return err
		}
	}
	if facts.Restart {
		b.renewFor(facts.Sender)
	}
	return nil
}

// dropReceiver forgets a generation.
func (b *Batch) dropReceiver(r *receiver) error {
	tag := r.Tag()
	delete(b.receivers, tag)
	if err := b.Tx.DropCell(cellReceiver, tag[:]); err != nil {
		return fmt.Errorf("drop receiver: %w", err)
	}
	delete(b.e.receivers, tag)
	b.undo = append(b.undo, func() { b.e.receivers[tag] = r })
	return nil
}

// renewFor has new sending keys made for every group that a desk reads: it
// started without its state, and cannot open what the old ones seal.
func (b *Batch) renewFor(desk ident.Desk) {
	entry, ok := b.e.dir.desks[desk]
	if !ok {
		return
	}
	for _, s := range b.e.senders {
		if slices.Contains(s.parties, entry.Party) {
			b.touchSender(s)
			s.readers = [32]byte{}
		}
	}
}

// evidenceMost is how many contradictions of one kind are journalled of a desk
// in an hour. One convicts it; it could sign new ones without end.
const evidenceMost = 16

// evidence journals a signed proof that a desk said two different things. A relay
// can give it again and again: what is kept already is no news.
func (b *Batch) evidence(kind string, desk ident.Desk, proof []byte) error {
	r := ration{what: "evidence " + kind, desk: desk}
	if !b.spare(r, evidenceMost, time.Hour) {
		return nil
	}
	added, err := b.Tx.PutProof(store.Proof{
		At: b.Now, Sender: desk, Kind: kind, Verdict: verdictSender, Text: fmt.Sprintf("%x", sha256.Sum256(proof)), A: proof,
	})
	if err != nil {
		return fmt.Errorf("store proof: %w", err)
	}
	if !added {
		return nil
	}
	b.spend(r, evidenceMost, time.Hour)
	b.After(func() { b.e.cfg.Log.Error("peer signed two different things", "kind", kind, "desk", desk.String()) })
	return b.Leaf(kind, append(desk[:], proof...))
}
