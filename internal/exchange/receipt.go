package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// tell seals "delivered" for messages that are committed and whose keys are
// erased: it always runs in a batch after the one that took them.
func (e *Engine) tell(b *Batch) error {
	due := e.untold[:min(len(e.untold), e.tellMost)]
	for _, id := range due {
		m, err := b.Tx.Message(id)
		if err != nil {
			return fmt.Errorf("read message %s: %w", id, err)
		}
		said, err := b.said(&m)
		if err != nil {
			return err
		}
		for _, r := range said {
			if err := b.say(&m, r); err != nil {
				return err
			}
		}
		if err := b.Tx.SetTold(id, true); err != nil {
			return fmt.Errorf("note delivered of %s: %w", id, err)
		}
	}
	n := len(due)
	b.After(func() { e.untold, e.tellMost = e.untold[n:], maxBatch })
	return nil
}

// said lists what this desk has to say of a message that came: "delivered", and
// when that was said before, all that it said since. A receipt has no receipt,
// so all of them are sent again when the sender shows that one is missing, or a
// relay lost them.
func (b *Batch) said(m *store.Message) ([]wire.Receipt, error) {
	ladder, err := b.Tx.Ladder(m.ID)
	if err != nil {
		return nil, fmt.Errorf("read ladder of %s: %w", m.ID, err)
	}
	all := []wire.Receipt{{State: traffic.Delivered, At: m.CommittedAt.UnixMilli()}}
	var before traffic.State // what a person said last
	for _, g := range ladder {
		s, err := traffic.ParseState(g.State)
		if err != nil || g.Desk != b.e.cfg.Self.Desk || s == traffic.Delivered || !s.Travels() {
			continue
		}
		r := wire.Receipt{State: s, At: g.At.UnixMilli(), Role: g.Role, Text: g.Text}
		if !g.AnswerBy.IsZero() {
			r.AnswerBy = g.AnswerBy.UnixMilli()
		}
		if s == traffic.Withdrawn {
			r.Withdraws = before
		}
		if s.ByPerson() {
			before = s
		}
		if r.Message = m.ID; r.Check() == nil {
			all = append(all, r)
		}
	}
	return all, nil
}

// tellAgain says anew what a relay that lost its spool may have lost: receipts
// leave the outbox when a relay has them.
func (b *Batch) tellAgain(id ident.Relay) error {
	e := b.e
	recent, err := b.Tx.Told(b.Now.Add(-envelopeLife), maxToldAgain)
	if err != nil {
		return fmt.Errorf("list messages that were answered: %w", err)
	}
	reached := map[ident.Party]bool{} // through that relay
	for _, d := range e.dir.desks {
		for _, m := range d.Mailboxes {
			reached[d.Party] = reached[d.Party] || m.Relay == id
		}
	}
	for _, m := range recent {
		if !reached[m.Party] {
			continue
		}
		if err := b.Tx.SetTold(m.ID, false); err != nil {
			return fmt.Errorf("reopen message %s: %w", m.ID, err)
		}
		b.After(func() { e.untold = append(e.untold, m.ID) })
	}
	return nil
}

// maxToldAgain bounds what is said anew when a relay lost its spool: the newest
// thousand, which at the rate of a busy watch is more than a week.
const maxToldAgain = 1000

// tells reports whether "delivered" can be sealed for something now.
func (e *Engine) tells() bool { return len(e.untold) > 0 && !time.Now().Before(e.tellAfter) }

// tellPause is how long "delivered" waits after it could not be sealed.
const tellPause = time.Second

// told settles a step of tell. One message that cannot be answered must not
// silence the desk: after a failure each is tried alone, and the one that
// fails alone goes behind the others.
func (e *Engine) told(err error) {
	if err == nil {
		return
	}
	e.logged("seal delivered")(err)
	if e.tellMost == 1 && len(e.untold) > 1 {
		e.untold = append(e.untold[1:], e.untold[0])
	}
	if e.tellMost == 1 {
		e.tellAfter = time.Now().Add(tellPause)
	}
	e.tellMost = 1
}

// say seals a receipt of an incoming message for the originator's desks, and
// puts the same step on our own copy of the ladder.
func (b *Batch) say(m *store.Message, r wire.Receipt) error {
	e := b.e
	l := e.lines[m.Line]
	if l == nil || l.State != "open" {
		return nil // the line was left: nobody is owed an answer
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return fmt.Errorf("read message %s: %w", m.ID, err)
	}
	parties, err := audienceOf(l, m)
	if err != nil {
		return err
	}
	var s *sender
	err = b.firstTo([]ident.Party{m.Party}, func() (err error) { s, err = b.senderFor(l, parties, m.Precedence); return err })
	if err != nil {
		return err
	}
	r.Message, r.Content, r.Label, r.Group = m.ID, m.Content, body.Label.Hash(), m.Group
	encoded, err := r.Encode()
	if err != nil {
		return err
	}
	evidence, err := b.sealReceipt(l, s, m, m.Party, encoded)
	if err != nil || r.State == traffic.Want {
		return err
	}
	if own := e.cfg.Self.Party; r.State.ByPerson() && m.Party != own && len(l.readers(e.cfg.Self.Desk, []ident.Party{own})) > 0 {
		// What a person of ours has taken rings at no other desk of ours.
		if _, err := b.sealReceipt(l, s, m, own, encoded); err != nil {
			return err
		}
	}
	return b.rung(ladderRung(&r, e.cfg.Self.Desk, e.cfg.Self.Party, evidence))
}

// sealReceipt seals a receipt for one party's desks and queues it.
func (b *Batch) sealReceipt(l *line, s *sender, m *store.Message, to ident.Party, body []byte) (evidence []byte, err error) {
	e := b.e
	sealed, err := b.seal(s, chain.SealInput{
		Kind: envelope.Receipt, Precedence: m.Precedence, ReceiptTo: to, Message: ident.NewMessage(), Digest: l.digest, Body: body,
	})
	if err != nil {
		return nil, fmt.Errorf("seal receipt of %s: %w", m.ID, err)
	}
	desks := targets(l.readers(e.cfg.Self.Desk, []ident.Party{to})...)
	return sealed.Evidence, b.out(store.Out{Purpose: store.ForReceipt, Message: &m.ID, Lane: uint8(m.Precedence), Bytes: sealed.Envelope}, desks)
}

// ladderRung is the step that a receipt makes.
func ladderRung(r *wire.Receipt, desk ident.Desk, party ident.Party, evidence []byte) store.Rung {
	g := store.Rung{
		Message: r.Message, Desk: desk, Party: party, State: r.State.String(), Role: r.Role, Text: r.Text,
		At: time.UnixMilli(r.At).UTC(), Verified: true, Evidence: evidence,
	}
	if r.AnswerBy != 0 {
		g.AnswerBy = time.UnixMilli(r.AnswerBy).UTC()
	}
	return g
}

// takeReceipt puts what a recipient's desk signed on our message's ladder.
func (b *Batch) takeReceipt(l *line, o chain.Opened) error {
	r, err := wire.ParseReceipt(o.Body)
	if err != nil {
		b.drop("receipt", err)
		return nil
	}
	m, err := b.Tx.Message(r.Message)
	if errors.Is(err, store.ErrNone) {
		// A desk signed for a message that we do not know: we may have been
		// set back to an older state. New keys cost little.
		b.After(func() {
			b.e.cfg.Log.Error("receipt for an unknown message: this desk may have been rolled back", "message_id", r.Message.String())
		})
		return b.Leaf("receipt-unknown", append(o.Sender[:], r.Message[:]...))
	}
	if err != nil {
		return fmt.Errorf("read message %s: %w", r.Message, err)
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return fmt.Errorf("read message %s: %w", r.Message, err)
	}
	self := b.e.cfg.Self.Party
	sender, _ := l.roster.Desk(o.Sender)
	// A person at another desk of our party has taken what came to all of them.
	ours := m.Party != self && sender.Party == self && r.State.ByPerson()
	if m.Party != self && !ours || m.Line != l.ID || m.Group != o.Group || r.Group != m.Group || r.Content != m.Content || r.Label != body.Label.Hash() {
		b.drop("receipt of another message than ours", nil)
		return b.evidence("receipt-mismatch", o.Sender, o.Evidence)
	}
	if n, err := b.Tx.Rungs(m.ID, o.Sender); err != nil {
		return fmt.Errorf("count rungs of %s: %w", m.ID, err)
	} else if n >= maxRungs && r.State != traffic.Want {
		b.drop("more receipts of one message than a desk can mean", nil)
		return nil
	}
	if ours {
		if err := b.rung(ladderRung(r, o.Sender, sender.Party, o.Evidence)); err != nil {
			return err
		}
		return b.settle(&m, r.State)
	}
	if !m.Outgoing { // a copy, sent by another desk of our party: its ladder is ours to see
		return b.rung(ladderRung(r, o.Sender, sender.Party, o.Evidence))
	}
	switch r.State {
	case traffic.Delivered:
		if err := b.arrived(&m, o.Sender); err != nil {
			return err
		}
	case traffic.Whole:
		if int(r.File) >= len(body.Files) {
			b.drop("receipt for a file that the message has not", nil)
			return nil
		}
		if err := b.fileWhole(&m, int(r.File), o.Sender); err != nil {
			return err
		}
	case traffic.Want:
		return b.resendChunks(&m, r, o.Sender)
	}
	if err := b.rung(ladderRung(r, o.Sender, sender.Party, o.Evidence)); err != nil {
		return err
	}
	if !r.State.ByPerson() || sender.Party == self {
		return nil
	}
	if err := b.Leaf(r.State.String(), append(messageLeaf(&m), o.Evidence...)); err != nil {
		return err
	}
	all, err := b.receiptedByAll(&m, body)
	if err != nil {
		return err
	}
	switch {
	case all:
		return b.settle(&m, r.State)
	case r.State == traffic.Withdrawn && !m.SettledAt.IsZero():
		return b.settle(&m, traffic.Withdrawn)
	default:
		return nil // "3 of 5 receipted" is not receipted: the clock runs on
	}
}

// maxRungs bounds what one desk may put on one message's ladder: a peer with
// valid keys must not fill our disk with receipts.
const maxRungs = 64

// receiptedByAll reports whether a person of every party that has to act on a
// message of ours has signed for it, and not taken it back. A party whose desks
// have all gone from the line is not waited for.
func (b *Batch) receiptedByAll(m *store.Message, body *wire.Message) (bool, error) {
	ladder, err := b.Tx.Ladder(m.ID)
	if err != nil {
		return false, fmt.Errorf("read ladder of %s: %w", m.ID, err)
	}
	standing := map[ident.Party]bool{}
	for _, g := range ladder {
		if s, err := traffic.ParseState(g.State); err == nil && s.ByPerson() {
			standing[g.Party] = s != traffic.Withdrawn
		}
	}
	l := b.e.lines[m.Line]
	for _, p := range body.Action {
		if !standing[p] && (l == nil || !b.e.partyGone(l, p)) {
			return false, nil
		}
	}
	return true, nil
}

// arrived lets go of what waited for a desk's "delivered".
func (b *Batch) arrived(m *store.Message, desk ident.Desk) error {
	first, err := b.Tx.Arrived(m.ID, desk)
	if err != nil {
		return fmt.Errorf("note arrival of %s: %w", m.ID, err)
	}
	if !first {
		return nil
	}
	if err := b.Tx.SliceHeld(evidenceTag(m.Evidence), desk); err != nil {
		return fmt.Errorf("note key of %s: %w", desk, err)
	}
	return b.Leaf("delivered", append(messageLeaf(m), desk[:]...))
}

// settle stops a clock, or starts it again when a receipt was withdrawn.
func (b *Batch) settle(m *store.Message, s traffic.State) error {
	b.clock = true
	if s == traffic.Withdrawn {
		if m.DueAt.IsZero() {
			return nil
		}
		_, next := precedence.Progress(m.Precedence.Schedule(m.CommittedAt, m.DueAt), b.Now)
		return b.Tx.ReopenMessage(m.ID, next)
	}
	if _, err := b.Tx.SettleMessage(m.ID, b.Now); err != nil {
		return fmt.Errorf("settle message %s: %w", m.ID, err)
	}
	return nil
}

// Ack is what a named role says about a message that came.
type Ack struct {
	State    traffic.State // Receipted, Comply, Cannot, Holding or Withdrawn
	Role     string
	Text     string
	AnswerBy time.Time
}

// withdrawWithin is how long a mistaken receipt can be taken back.
const withdrawWithin = time.Minute

// Acknowledge signs and sends what a named role says about a message.
func (e *Engine) Acknowledge(ctx context.Context, id ident.Message, a Ack) error {
	return e.do(ctx, func(b *Batch) error {
		m, err := b.Tx.Message(id)
		if errors.Is(err, store.ErrNone) {
			return fault.New(fault.NotFound, "This desk has no such message.")
		}
		if err != nil {
			return fmt.Errorf("read message %s: %w", id, err)
		}
		r := wire.Receipt{State: a.State, At: b.Now.UnixMilli(), Role: a.Role, Text: a.Text}
		if !a.AnswerBy.IsZero() {
			r.AnswerBy = a.AnswerBy.UnixMilli()
		}
		if err := b.allowed(&m, &r); err != nil {
			return err
		}
		if l := e.lines[m.Line]; l == nil || l.State != "open" {
			return fault.New(fault.Conflict, "The line of this message was left; nobody can be told any more.")
		}
		if err := b.say(&m, r); err != nil {
			return err
		}
		if err := b.settle(&m, a.State); err != nil {
			return err
		}
		return b.Leaf(a.State.String(), messageLeaf(&m))
	})
}

// allowed holds the rules of the ladder: what may be said, by whom, after what.
func (b *Batch) allowed(m *store.Message, r *wire.Receipt) error {
	if m.Outgoing {
		return fault.New(fault.Conflict, "This desk sent that message itself; the other side acknowledges it.")
	}
	if m.Party == b.e.cfg.Self.Party {
		return fault.New(fault.Conflict, "Another desk of %s sent that message; the other side acknowledges it.", b.e.cfg.Self.PartyName)
	}
	ladder, err := b.Tx.Ladder(m.ID)
	if err != nil {
		return fmt.Errorf("read ladder of %s: %w", m.ID, err)
	}
	last := store.Rung{}
	for _, g := range ladder {
		if s, err := traffic.ParseState(g.State); err == nil && s.ByPerson() && g.Party == b.e.cfg.Self.Party {
			last = g
		}
	}
	standing := last.State != "" && last.State != traffic.Withdrawn.String()
	switch {
	case r.State == traffic.Withdrawn && !standing:
		return fault.New(fault.Conflict, "There is no receipt of this message to withdraw.")
	case r.State == traffic.Withdrawn && !m.RemovedAt.IsZero():
		return fault.New(fault.Conflict, "The text of this message was removed; its receipt stands.")
	case r.State == traffic.Withdrawn && b.Now.Sub(last.At) > withdrawWithin:
		return fault.New(fault.Conflict, "A receipt can be withdrawn for 60 seconds; this one is older.").
			WithHint("send a message that corrects it")
	case r.State == traffic.Withdrawn:
		r.Withdraws, err = traffic.ParseState(last.State)
		return err
	case r.State == traffic.Receipted && standing:
		return fault.New(fault.Conflict, "This message was receipted already, at %s.", last.At.Format("1504:05Z"))
	case standing && last.State == r.State.String():
		return fault.New(fault.Conflict, "That was answered already, at %s.", last.At.Format("1504:05Z"))
	case r.State == traffic.Holding && !time.UnixMilli(r.AnswerBy).After(b.Now):
		return fault.New(fault.Invalid, "A holding reply needs a time in the future by which the answer comes.")
	}
	return nil
}

// evidenceTag is the tag of the generation that sealed a message. Evidence
// begins with the clear header of its envelope.
func evidenceTag(evidence []byte) (tag [16]byte) {
	if len(evidence) >= envelope.PrefixSize {
		copy(tag[:], evidence[4:20])
	}
	return tag
}
