package exchange

import (
	"errors"
	"fmt"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/store"
)

// seal seals one envelope under a sending key of this desk and notes its place.
func (b *Batch) seal(s *sender, in chain.SealInput) (chain.Sealed, error) {
	b.touchSender(s)
	in.Expiry = b.e.expiry(envelopeLife)
	sealed, err := s.Seal(b.e.cfg.Self.MessageKey, in)
	if err != nil {
		return sealed, err
	}
	p := store.Place{
		Generation: s.row, Lane: uint8(sealed.Lane), Party: in.ReceiptTo, Sequence: sealed.Sequence, Kind: uint8(in.Kind),
		Previous: sealed.Previous, Inside: sealed.Inside,
	}
	if in.Kind == envelope.Message {
		p.Message = &in.Message
	}
	if err := b.Tx.PutPlace(p); err != nil {
		return sealed, fmt.Errorf("note place of an envelope: %w", err)
	}
	if sealed.Lane == chain.Receipts {
		if err := b.keepReceipt(s.line, s.Group(), b.e.cfg.Self.Desk, in.ReceiptTo, in.Kind, sealed.Sequence, sealed.Evidence, in.Body); err != nil {
			return sealed, err
		}
	}
	s.soil(in.Kind, in.ReceiptTo, b.Steady)
	b.moved(s.Group(), in.Kind)
	return sealed, nil
}

// place notes where an envelope of a peer stands in its chain.
func (b *Batch) place(l *line, r *receiver, o chain.Opened) error {
	if r.line != l.ID {
		if err := b.Tx.SetGenerationLine(r.row, l.ID); err != nil {
			return fmt.Errorf("note line of a generation: %w", err)
		}
	}
	b.moved(o.Group, o.Inside.Kind)
	p := store.Place{
		Generation: r.row, Lane: uint8(o.Lane), Sequence: o.Sequence, Kind: uint8(o.Inside.Kind), Previous: o.Inside.Previous, Inside: o.Signed,
	}
	if o.Lane == chain.Receipts {
		p.Party = b.e.cfg.Self.Party
		if err := b.keepReceipt(l.ID, o.Group, o.Sender, p.Party, o.Inside.Kind, o.Sequence, o.Evidence, o.Body); err != nil {
			return err
		}
	}
	if o.Inside.Kind == envelope.Message {
		id := ident.Message(o.Inside.Message)
		p.Message = &id
	}
	if err := b.Tx.PutPlace(p); err != nil {
		return fmt.Errorf("note place of an envelope: %w", err)
	}
	if o.History == chain.Broken {
		if err := b.twoHistories(l, p, o); err != nil {
			return err
		}
	}
	if err := b.passVoid(r, o.Missing); err != nil {
		return err
	}
	if o.Sequence > r.ahead[o.Lane] {
		return nil // nothing attests it yet
	}
	return b.attestedLate(l, o.Sender, p)
}

// twoHistories keeps what proves that a sender signed one message after
// another than the one that came before it here.
func (b *Batch) twoHistories(l *line, p store.Place, o chain.Opened) error {
	proof := store.Proof{
		Line: l.ID, Sender: o.Sender, Kind: "history-conflict", Verdict: verdictSender, B: signedBody(o.Evidence, o.Body),
		Text: fmt.Sprintf("%s signed two histories: its message %d of lane %d follows another one than came here.", b.e.deskName(o.Sender), p.Sequence, p.Lane),
	}
	for _, n := range []uint32{p.Sequence - 1, p.Sequence + 1} {
		beside, err := b.Tx.Place(p.Generation, p.Lane, p.Party, n)
		if errors.Is(err, store.ErrNone) || n == 0 {
			continue
		}
		if err != nil {
			return fmt.Errorf("read place: %w", err)
		}
		if proof.A, err = b.signedAt(beside); err != nil {
			return err
		}
		if len(proof.A) > 0 {
			break
		}
	}
	if len(proof.A) == 0 {
		proof.Verdict = verdictOpen // nobody else can be shown the first of them
	}
	return b.prove(proof)
}

// signedAt is what the sender of the message at a place signed, or nothing when
// the body is not kept.
func (b *Batch) signedAt(p store.Place) ([]byte, error) {
	if p.Message == nil {
		return nil, nil
	}
	m, err := b.Tx.Message(*p.Message)
	if errors.Is(err, store.ErrNone) {
		return nil, nil // it came after its desk was removed
	}
	if err != nil {
		return nil, fmt.Errorf("read message %s: %w", *p.Message, err)
	}
	return signedText(&m), nil
}

// signedText is what a message's sender signed, or nothing once its text was
// removed.
func signedText(m *store.Message) []byte {
	if !m.RemovedAt.IsZero() {
		return []byte{}
	}
	return signedBody(m.Evidence, m.Body)
}

// noteSender gives a sending key of this desk its row in the record.
func (b *Batch) noteSender(s *sender) (err error) {
	s.row, err = b.Tx.PutGeneration(store.Generation{
		Line: s.line, Sender: b.e.cfg.Self.Desk, Group: s.Group(), Name: s.Generation(), Identity: s.Identity(),
		Predecessor: s.Predecessor(), Commitment: s.Commitment(), At: b.Now,
	})
	if err != nil {
		return fmt.Errorf("note own generation: %w", err)
	}
	return nil
}

// noteReceiver gives a peer's sending key its row, with what its sender signed.
func (b *Batch) noteReceiver(r *chain.Receiver, facts chain.Slice) (int64, error) {
	id, err := b.Tx.PutGeneration(store.Generation{
		Sender: facts.Sender, Group: facts.Group, Name: facts.Generation, Identity: r.Identity(), Predecessor: facts.Predecessor,
		Commitment: facts.Commitment, Slice: facts.Proof, At: b.Now,
	})
	if err != nil {
		return 0, fmt.Errorf("note generation of %s: %w", facts.Sender, err)
	}
	return id, nil
}

// placeSender finds a stored sending key's row again, and what of it is not
// attested.
func (e *Engine) placeSender(tx *store.Tx, s *sender) error {
	g, err := tx.Generation(e.cfg.Self.Desk, s.Group(), s.Generation())
	if err != nil {
		return fmt.Errorf("find own generation: %w", err)
	}
	s.row = g.ID
	open, err := tx.Unattested(g.ID, uint8(envelope.Attestation), uint8(envelope.LineCheck))
	if err != nil {
		return fmt.Errorf("list what is not attested: %w", err)
	}
	for _, to := range open {
		s.setSoiled(to, soiled{count: 1, since: e.steady.now()})
	}
	return nil
}

// find finds a stored receiver's row again, and how far it is attested.
func (r *receiver) find(tx *store.Tx, st checkpoint.Hasher, self ident.Party) error {
	g, err := tx.Generation(r.Sender(), r.Group(), r.Generation())
	if err != nil {
		return fmt.Errorf("find generation of %s: %w", r.Sender(), err)
	}
	r.row = g.ID
	for _, to := range []ident.Party{{}, self} {
		held, err := tx.Attestation(g.ID, to)
		if errors.Is(err, store.ErrNone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read attestation: %w", err)
		}
		a, err := checkpoint.ParseAttestation(st, held.Bytes)
		if err != nil {
			return fmt.Errorf("read attestation: %w", err)
		}
		for _, lane := range a.Lanes {
			r.ahead[lane.Lane] = lane.Last
		}
	}
	return nil
}
