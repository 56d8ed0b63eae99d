package exchange

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/complaint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

const (
	// attestEvery and attestAfter are how many envelopes of a sending key, and
	// how long, the hybrid signature over them is put off.
	attestEvery = 64
	attestAfter = 15 * time.Minute
)

// Verdicts on a contradiction.
const (
	verdictSender = "sender"         // two values of its own convict it
	verdictOpen   = "path or sender" // one of the two, and nobody can say which
)

// soiled is what a desk has sent and not attested.
type soiled struct {
	count int
	since time.Time // steady
}

// soil notes that an envelope to party, or with a zero party to all, is not
// attested. What only carries attestations asks for none itself.
func (s *sender) soil(k envelope.Kind, to ident.Party, now time.Time) {
	if k == envelope.Attestation || k == envelope.LineCheck {
		return
	}
	d := s.soiled[to]
	if d.count == 0 {
		d.since = now
	}
	d.count++
	s.setSoiled(to, d)
}

// setSoiled never changes the map in place: what a batch undoes still holds it.
func (s *sender) setSoiled(to ident.Party, d soiled) {
	next := maps.Clone(s.soiled)
	if next == nil {
		next = map[ident.Party]soiled{}
	}
	if next[to] = d; d.count == 0 {
		delete(next, to)
	}
	s.soiled = next
}

// attestDue attests what has waited long enough, or, after a batch that sealed
// much, what is enough. A line whose charter asks for every message gets an
// attestation in the same transaction as the message, bound to it by the
// running hash.
func (b *Batch) attestDue() error {
	for _, s := range b.e.senders {
		l := b.e.lines[s.line]
		if l == nil || l.State != "open" {
			continue
		}
		for to, d := range s.soiled {
			if !l.attestsEach() && d.count < attestEvery && b.Steady.Sub(d.since) < attestAfter {
				continue
			}
			if err := b.attest(l, s, s, to, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// attestsEach reports whether the charter asks for an attestation with every
// message.
func (l *line) attestsEach() bool { return l.charter.Attest == roster.AttestEvery }

// attest signs where the chains of s stand and seals that under carrier, which
// is s or its successor.
func (b *Batch) attest(l *line, s, carrier *sender, to ident.Party, final bool) error {
	e := b.e
	a := checkpoint.Attestation{
		Sender: e.cfg.Self.Desk, Group: s.Group(), Generation: s.Generation(), Commitment: s.Commitment(), Before: s.before,
		To: to, Time: b.Now, Final: final,
	}
	add := func(lane uint8, last uint32, running [32]byte) {
		if last > 0 {
			a.Lanes = append(a.Lanes, checkpoint.Lane{Lane: lane, Last: last, Running: running})
		}
	}
	if to == (ident.Party{}) {
		for p := precedence.Routine; p <= precedence.Flash; p++ {
			last, running := s.Last(p)
			add(uint8(p), last, running)
		}
	} else {
		last, running := s.LastReceipt(to)
		add(uint8(chain.Receipts), last, running)
	}
	a = a.Sign(e.cfg.Suite, e.cfg.Self.DeskKey)
	if err := b.keepAttestation(s.row, a); err != nil {
		return err
	}
	for _, lane := range a.Lanes {
		p := store.Place{Generation: s.row, Lane: lane.Lane, Party: to}
		if err := b.Tx.SetAttested(p, 1, lane.Last); err != nil {
			return fmt.Errorf("note attested places: %w", err)
		}
	}
	sealed, err := b.seal(carrier, chain.SealInput{
		Kind: envelope.Attestation, Precedence: precedence.Routine, ReceiptTo: to, Message: ident.NewMessage(), Digest: l.digest, Body: a.Bytes(e.cfg.Suite),
	})
	if err != nil {
		return fmt.Errorf("seal attestation: %w", err)
	}
	b.touchSender(s)
	s.setSoiled(to, soiled{})
	if final && to == (ident.Party{}) {
		carrier.before = a.Hash(e.cfg.Suite)
	}
	readers := carrier.parties
	if to != (ident.Party{}) {
		readers = []ident.Party{to}
	}
	return b.out(store.Out{Purpose: store.ForStatement, Lane: uint8(precedence.Routine), Bytes: sealed.Envelope},
		targets(l.readers(e.cfg.Self.Desk, readers)...))
}

// attestEnd attests, under its successor, where a sending key ended.
func (b *Batch) attestEnd(l *line, old, next *sender) error {
	next.before = old.before
	for p := precedence.Routine; p <= precedence.Flash; p++ {
		if last, _ := old.Last(p); last > 0 {
			if err := b.attest(l, old, next, ident.Party{}, true); err != nil {
				return err
			}
			break
		}
	}
	for to := range old.soiled {
		if err := b.attest(l, old, next, to, true); err != nil {
			return err
		}
	}
	return nil
}

// keepAttestation stores the newest attestation of a generation.
func (b *Batch) keepAttestation(generation int64, a checkpoint.Attestation) error {
	st := b.e.cfg.Suite
	err := b.Tx.PutAttestation(store.Attestation{
		Generation: generation, Party: a.To, At: a.Time, CameAt: b.Steady, Final: a.Final, Hash: a.Hash(st), Bytes: a.Bytes(st),
	})
	if err != nil {
		return fmt.Errorf("store attestation: %w", err)
	}
	return nil
}

// takeAttestation holds what a desk signed about its chains against what this
// desk has opened of them.
func (b *Batch) takeAttestation(l *line, raw []byte) error {
	e := b.e
	a, err := checkpoint.ParseAttestation(e.cfg.Suite, raw)
	if err != nil {
		b.drop("attestation", err)
		return nil
	}
	if a.Sender == e.cfg.Self.Desk {
		return b.ownWord(l, a)
	}
	cert, ok := e.dir.certs[a.Sender]
	if !ok || a.To != (ident.Party{}) && a.To != e.cfg.Self.Party {
		b.drop("attestation of a stranger, or for another party", nil)
		return nil
	}
	if err := a.Verify(e.cfg.Suite, cert.DeskKey); err != nil {
		b.drop("attestation", err)
		return nil
	}
	if err := b.wantBefore(a); err != nil {
		return err
	}
	g, err := b.Tx.Generation(a.Sender, a.Group, a.Generation)
	if errors.Is(err, store.ErrNone) {
		return nil // of a time before this desk, or of a key that it never got
	}
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	held, err := b.Tx.Attestation(g.ID, a.To)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read attestation: %w", err)
	}
	if guilty, err := b.contradicted(l, g, held, a); err != nil || guilty {
		return err
	}
	if had, err := checkpoint.ParseAttestation(e.cfg.Suite, held.Bytes); err == nil && !beyond(a, had) {
		return nil // an older one, late
	}
	if err := b.keepAttestation(g.ID, a); err != nil {
		return err
	}
	for _, lane := range a.Lanes {
		b.raise(g, lane)
		p, err := b.Tx.Place(g.ID, lane.Lane, a.To, lane.Last)
		if errors.Is(err, store.ErrNone) && a.Final && a.To == (ident.Party{}) {
			err = b.want(a.Sender, a.Group, a.Hash(e.cfg.Suite)) // it may have been given up
			if err == nil {
				continue
			}
		}
		if errors.Is(err, store.ErrNone) {
			continue // it may still come
		}
		if err != nil {
			return fmt.Errorf("read place: %w", err)
		}
		if err := b.walk(l, a.Sender, p, lane.Running); err != nil {
			return err
		}
	}
	return nil
}

// beyond reports whether a says more than an attestation held before. Times say
// nothing: a sender's clock may have been set back.
func beyond(a, held checkpoint.Attestation) bool {
	if a.Final != held.Final {
		return a.Final
	}
	total := func(all []checkpoint.Lane) (n uint64) {
		for _, l := range all {
			n += uint64(l.Last)
		}
		return n
	}
	return total(a.Lanes) > total(held.Lanes)
}

// raise notes in memory how far a generation is attested.
func (b *Batch) raise(g store.Generation, lane checkpoint.Lane) {
	for _, r := range b.e.receivers {
		if r.row == g.ID {
			r.ahead[lane.Lane] = max(r.ahead[lane.Lane], lane.Last)
		}
	}
}

// contradicted compares an attestation with everything else that its sender
// signed about the same generation, and keeps what convicts it.
func (b *Batch) contradicted(l *line, g store.Generation, held store.Attestation, a checkpoint.Attestation) (bool, error) {
	st := b.e.cfg.Suite
	proof := store.Proof{Line: l.ID, Sender: a.Sender, Verdict: verdictSender, B: a.Bytes(st)}
	who := b.e.deskName(a.Sender)
	if g.Commitment != a.Commitment && len(g.Slice) > 0 {
		proof.Kind, proof.A = "slice-conflict", g.Slice
		proof.Text = who + " gave this desk another sending key than it attests."
		if err := b.prove(proof); err != nil || a.To != (ident.Party{}) {
			return true, err // how many receipts we were sent is for no third party
		}
		return true, b.complain(complaint.Unattested, chain.Slice{Sender: g.Sender, Group: g.Group, Generation: g.Name}, proof.A, proof.B)
	}
	if had, err := checkpoint.ParseAttestation(st, held.Bytes); err == nil && had.Contradicts(a) {
		proof.Kind, proof.A = "attestation-conflict", held.Bytes
		proof.Text = fmt.Sprintf("%s attested two histories of one sending key.", who)
		return true, b.prove(proof)
	}
	if a.Before == ([32]byte{}) {
		return false, nil
	}
	before, err := b.Tx.Predecessor(g)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read generation: %w", err)
	}
	end, err := b.Tx.Attestation(before.ID, ident.Party{})
	if errors.Is(err, store.ErrNone) || err == nil && (!end.Final || end.Hash == a.Before) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read attestation: %w", err)
	}
	proof.Kind, proof.A = "attestation-conflict", end.Bytes
	proof.Text = fmt.Sprintf("%s attested two ends of one sending key.", who)
	return true, b.prove(proof)
}

// attestedLate marks a message that came after its attestation.
func (b *Batch) attestedLate(l *line, sender ident.Desk, p store.Place) error {
	next, err := b.Tx.Place(p.Generation, p.Lane, p.Party, p.Sequence+1)
	if err == nil && next.Attested {
		return b.walk(l, sender, p, next.Previous)
	}
	if err != nil && !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read place: %w", err)
	}
	held, err := b.Tx.Attestation(p.Generation, p.Party)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read attestation: %w", err)
	}
	a, err := checkpoint.ParseAttestation(b.e.cfg.Suite, held.Bytes)
	if err != nil {
		return fmt.Errorf("read attestation: %w", err)
	}
	for _, lane := range a.Lanes {
		if lane.Lane == p.Lane && lane.Last == p.Sequence {
			return b.walk(l, sender, p, lane.Running)
		}
	}
	return nil
}

// walk follows a chain back from a place whose running hash is attested, and
// marks what that proves, up to a gap or to what was marked before.
func (b *Batch) walk(l *line, sender ident.Desk, p store.Place, running [32]byte) error {
	for {
		if chain.Follow(b.e.cfg.Suite, p.Previous, p.Inside) != running {
			return b.otherHistory(l, sender, p)
		}
		if p.Attested {
			return nil
		}
		if err := b.Tx.SetAttested(p, p.Sequence, p.Sequence); err != nil {
			return fmt.Errorf("note attested place: %w", err)
		}
		if p.Message != nil {
			if err := b.Event(EventLadder, p.Message[:]); err != nil {
				return err
			}
		}
		running = p.Previous
		before, err := b.Tx.Place(p.Generation, p.Lane, p.Party, p.Sequence-1)
		if errors.Is(err, store.ErrNone) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read place: %w", err)
		}
		p = before
	}
}

// otherHistory keeps an attestation that does not fit what its sender signed
// message by message.
func (b *Batch) otherHistory(l *line, sender ident.Desk, p store.Place) error {
	held, err := b.Tx.Attestation(p.Generation, p.Party)
	if err != nil {
		return fmt.Errorf("read attestation: %w", err)
	}
	proof := store.Proof{
		Line: l.ID, Sender: sender, Kind: "message-conflict", Verdict: verdictSender, B: held.Bytes,
		Text: fmt.Sprintf("%s attests another message %d of lane %d than it sent here.", b.e.deskName(sender), p.Sequence, p.Lane),
	}
	if proof.A, err = b.signedAt(p); err != nil {
		return err
	}
	if len(proof.A) == 0 {
		proof.Verdict = verdictOpen // what it signed is not kept: nobody else can be shown
	}
	return b.prove(proof)
}

// signedBody is a message as its sender signed it: evidence and body.
func signedBody(evidence, body []byte) []byte {
	var w octets.Writer
	w.Var16(evidence)
	w.Var32(body)
	return w.Bytes()
}

// prove keeps what shows that a record was tampered with, journals it and tells
// the screens. The same again is one alarm.
func (b *Batch) prove(p store.Proof) error {
	_, err := b.proven(p)
	return err
}

// proven is prove; it reports whether the proof is a new one.
func (b *Batch) proven(p store.Proof) (bool, error) {
	p.At = b.Now
	added, err := b.Tx.PutProof(p)
	if err != nil {
		return false, fmt.Errorf("store proof: %w", err)
	}
	if !added {
		return false, nil
	}
	b.After(func() {
		b.e.cfg.Log.Error("the record does not fit what was signed", "kind", p.Kind, "verdict", p.Verdict, "desk", p.Sender.String(), "line", p.Line.String())
	})
	var w octets.Writer
	w.Raw(p.Line[:])
	w.Raw(p.Sender[:])
	w.String(p.Verdict)
	w.String(p.Text)
	w.Var32(p.A)
	w.Var32(p.B)
	if err := b.Leaf(p.Kind, w.Bytes()); err != nil {
		return false, err
	}
	return true, b.Event(EventLine, p.Line[:])
}

// deskName is a desk's own name, or its id.
func (e *Engine) deskName(d ident.Desk) string {
	if c, ok := e.dir.certs[d]; ok {
		return c.Name
	}
	return d.String()
}
