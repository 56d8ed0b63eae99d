package journal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

func be64(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Verify reads the whole record from the files: every leaf and hash, every
// checkpoint, and every message against its leaf. With signatures it also
// verifies what the desks signed: messages, receipts and attestations. The error
// matches [store.ErrDamaged] and names the first thing that does not fit.
func (k *Keeper) Verify(ctx context.Context, signatures bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	err := k.verify(ctx, signatures)
	k.progress(false, 0, 0)
	if errors.Is(err, store.ErrDamaged) {
		k.damaged(ctx, err)
		return err
	}
	if err != nil {
		return err
	}
	was := k.setErr(nil)
	err = k.Store.Update(ctx, func(tx *store.Tx) error {
		if errors.Is(tx.MayClean(), store.ErrDamaged) {
			was = store.ErrDamaged
		}
		return tx.PutSetting(settingVerified, binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli())))
	})
	if err != nil || was == nil {
		return err
	}
	if err := k.Store.SetDamaged(ctx, nil); err != nil {
		return err
	}
	k.Log.Info("the journal verifies again")
	if k.Changed != nil {
		k.Changed()
	}
	return nil
}

func (k *Keeper) progress(running bool, done, of int64) {
	k.state.Lock()
	defer k.state.Unlock()
	k.status.Running, k.status.Done, k.status.Of = running, done, of
}

// audit is one pass over the record.
type audit struct {
	*Keeper
	a        *store.Audit
	edge     checkpoint.Edge
	of       int64
	points   []store.Checkpoint // not reached yet, the smallest first
	messages int64
	removed  int64 // leaves of removed texts
}

func (k *Keeper) verify(ctx context.Context, signatures bool) (err error) {
	a, err := k.Store.Audit()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	v := &audit{Keeper: k, a: a}
	err = a.View(ctx, func(tx *store.Tx) error {
		if v.of, err = tx.JournalSize(); err != nil {
			return err
		}
		v.points, err = tx.Checkpoints(0, page)
		return err
	})
	if err != nil {
		return fmt.Errorf("read checkpoints: %w", err)
	}
	if err := pages(ctx, a, &v.edge, v.leaf); err != nil {
		return err
	}
	if len(v.points) > 0 && v.points[0].Size > v.edge.Size {
		return fmt.Errorf("checkpoint of %d leaves: %w: only %d leaves are there", v.points[0].Size, store.ErrDamaged, v.edge.Size)
	}
	if err := v.count(ctx); err != nil {
		return err
	}
	if !signatures {
		return nil
	}
	return v.signed(ctx)
}

// leaf looks at one leaf, after it was taken into the edge.
func (v *audit) leaf(tx *store.Tx, l checkpoint.Leaf) error {
	if l.Number%page == 0 {
		v.progress(true, l.Number, max(v.of, l.Number))
	}
	for len(v.points) > 0 && v.points[0].Size == l.Number {
		p, err := checkpoint.Open(v.Suite, v.Desk, v.Key.Public(), v.points[0].Note)
		if err != nil || p.Size != v.points[0].Size || p.Generation != v.points[0].Generation || !p.Time.Equal(v.points[0].At) {
			return fmt.Errorf("checkpoint of %d leaves: %w: it is not as it was signed", l.Number, store.ErrDamaged)
		}
		if p.Root != v.edge.Root() {
			return fmt.Errorf("checkpoint of %d leaves: %w: it was signed over another journal", l.Number, store.ErrDamaged)
		}
		if v.points = v.points[1:]; len(v.points) == 0 {
			more, err := tx.Checkpoints(l.Number+1, page)
			if err != nil {
				return err
			}
			v.points = more
		}
	}
	switch l.Kind {
	case "sent", "received":
		v.messages++
		return v.message(tx, l)
	case "text-removed":
		v.removed++
	}
	return nil
}

// message holds a message's row against its leaf.
func (v *audit) message(tx *store.Tx, l checkpoint.Leaf) error {
	if len(l.Data) < 16 {
		return fmt.Errorf("%w: leaf of %d bytes", store.ErrDamaged, len(l.Data))
	}
	id := ident.Message(l.Data[:16])
	m, err := tx.Message(id)
	switch {
	case errors.Is(err, store.ErrNone):
		return fmt.Errorf("message %s: %w: it is missing", id, store.ErrDamaged)
	case err != nil:
		return fmt.Errorf("message %s: %w", id, err)
	case m.RemovedAt.IsZero() && wire.ContentHash(m.Body) != m.Content || !bytes.Equal(Leaf(&m), l.Data) || m.Outgoing != (l.Kind == "sent"):
		return fmt.Errorf("message %s: %w: it is not what the journal says", id, store.ErrDamaged)
	}
	return nil
}

// Leaf is what the journal holds of a message (docs/spec/journal.md, Section 2).
func Leaf(m *store.Message) []byte {
	b := append([]byte{}, m.ID[:]...)
	b = append(append(b, m.Line[:]...), m.Desk[:]...)
	return append(append(b, byte(m.Precedence)), m.Content[:]...)
}

// count takes in what came meanwhile and, in the same view, finds messages that
// no leaf knows.
func (v *audit) count(ctx context.Context) error {
	for more := true; more; {
		err := v.a.View(ctx, func(tx *store.Tx) error {
			n, err := tx.Recount(&v.edge, page, func(l checkpoint.Leaf) error { return v.leaf(tx, l) })
			if more = n == page; more || err != nil {
				return err
			}
			stored, err := tx.CountMessages()
			if err != nil {
				return err
			}
			removed, err := tx.CountRemoved()
			switch {
			case err != nil:
				return err
			case stored != v.messages:
				return fmt.Errorf("messages: %w: %d are stored and the journal has %d", store.ErrDamaged, stored, v.messages)
			case removed != v.removed:
				return fmt.Errorf("messages: %w: %d are without their text and the journal has %d", store.ErrDamaged, removed, v.removed)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// signed verifies what desks signed, message by message.
func (v *audit) signed(ctx context.Context) error {
	var certs map[ident.Desk]roster.Certificate
	err := v.a.View(ctx, func(tx *store.Tx) (err error) { certs, err = certificates(v.Suite, tx); return err })
	if err != nil {
		return err
	}
	for _, step := range []func(tx *store.Tx, after int64, certs map[ident.Desk]roster.Certificate) (int64, error){v.signedMessages, v.signedReceipts, v.signedAttestations} {
		for after := int64(0); after >= 0; {
			err := v.a.View(ctx, func(tx *store.Tx) (err error) { after, err = step(tx, after, certs); return err })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *audit) evidence(what string, group ident.Group, desk ident.Desk, certs map[ident.Desk]roster.Certificate, evidence, body []byte) error {
	cert, ok := certs[desk]
	if !ok {
		return fmt.Errorf("%s: %w: no statement adds desk %s, which signed it", what, store.ErrDamaged, desk)
	}
	if _, err := chain.VerifyEvidence(v.Suite, group, desk, cert.MessageKey, evidence, body); err != nil {
		return fmt.Errorf("%s: %w: %w", what, store.ErrDamaged, err)
	}
	return nil
}

// signedPage is how many signatures are verified in one view.
const signedPage = 200

func (v *audit) signedMessages(tx *store.Tx, after int64, certs map[ident.Desk]roster.Certificate) (int64, error) {
	all, err := tx.MessagesAfter(after, signedPage)
	if err != nil {
		return 0, fmt.Errorf("list messages: %w", err)
	}
	for _, m := range all {
		after = m.Seq
		if !m.RemovedAt.IsZero() {
			continue // what was signed is gone; its hash is in the attested chain
		}
		if err := v.evidence("message "+m.ID.String(), m.Group, m.Desk, certs, m.Evidence, m.Body); err != nil {
			return 0, err
		}
	}
	return next(after, len(all)), nil
}

func (v *audit) signedReceipts(tx *store.Tx, after int64, certs map[ident.Desk]roster.Certificate) (int64, error) {
	all, err := tx.ReceiptsAfter(after, signedPage)
	if err != nil {
		return 0, fmt.Errorf("list receipts: %w", err)
	}
	for _, r := range all {
		after = r.ID
		if r.Removed {
			continue
		}
		if err := v.evidence(fmt.Sprintf("receipt %d", r.ID), r.Group, r.Desk, certs, r.Evidence, r.Body); err != nil {
			return 0, err
		}
	}
	return next(after, len(all)), nil
}

func (v *audit) signedAttestations(tx *store.Tx, after int64, certs map[ident.Desk]roster.Certificate) (int64, error) {
	all, err := tx.AttestationsAfter(after, signedPage)
	if err != nil {
		return 0, fmt.Errorf("list attestations: %w", err)
	}
	for _, row := range all {
		a, err := checkpoint.ParseAttestation(v.Suite, row.Bytes)
		if err == nil {
			err = a.Verify(v.Suite, certs[a.Sender].DeskKey)
		}
		if err != nil {
			return 0, fmt.Errorf("attestation of generation %d: %w: %w", row.Generation, store.ErrDamaged, err)
		}
		after = row.Row
	}
	return next(after, len(all)), nil
}

// next is where the following page begins, or -1 at the end.
func next(after int64, n int) int64 {
	if n < signedPage {
		return -1
	}
	return after
}
