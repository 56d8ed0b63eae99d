package exchange

import (
	"errors"
	"fmt"
	"slices"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// deliver takes one envelope from a relay. An error means that the disk did
// not take it and that it must come again; a bad envelope is not an error, it
// is logged, counted and dropped.
func (b *Batch) deliver(d link.Delivery) error {
	h, err := envelope.Parse(d.Envelope)
	if err != nil {
		b.drop("malformed envelope", err)
		return nil
	}
	return b.open(h, d.Envelope)
}

// open sends an envelope to whoever can open it.
func (b *Batch) open(h envelope.Header, env []byte) error {
	switch h.Type {
	case envelope.Slice:
		return b.openSlice(h, env)
	case envelope.Chain:
		return b.openChain(h, env)
	case envelope.Control:
		return b.openControl(env)
	case envelope.Chunk:
		return b.openChunk(h, env)
	default:
		b.drop("envelope of unknown type", nil)
		return nil
	}
}

// drop logs a bad envelope, without what is in it.
func (b *Batch) drop(why string, err error) {
	b.After(func() { b.e.cfg.Log.Warn("envelope dropped", "reason", why, "err", err) })
}

// park keeps an envelope whose key is not here yet. When there is no room the
// oldest rule of the desk holds: the error leaves it with the relay.
func (b *Batch) park(h envelope.Header, env []byte) error {
	e := b.e
	if e.parked == nil { // a sum over all of it: not for each envelope of a flood
		lower, flash, err := b.Tx.ParkedSize()
		if err != nil {
			return fmt.Errorf("measure parked envelopes: %w", err)
		}
		e.parked = &[2]int64{lower, flash}
	}
	held := &e.parked[0]
	if h.Lane == uint8(precedence.Flash) {
		held = &e.parked[1]
	}
	if *held+int64(len(env)) > maxParked {
		b.drop("too much waits for keys", nil)
		return nil
	}
	*held += int64(len(env))
	b.undo = append(b.undo, func() { e.parked = nil })
	at := b.Steady
	if !b.since.IsZero() {
		at = b.since // it was parked before: its time runs on
	}
	return b.Tx.Park(store.Parked{Envelope: envelope.Identify(env), Tag: h.Tag, Lane: h.Lane, Bytes: env, At: at})
}

// unpark tries again what waited for a key.
func (b *Batch) unpark(tag [16]byte) error {
	waiting, err := b.Tx.ParkedUnder(tag)
	if err != nil {
		return fmt.Errorf("list parked envelopes: %w", err)
	}
	for _, p := range waiting {
		b.e.parked = nil
		b.undo = append(b.undo, func() { b.e.parked = nil })
		if err := b.Tx.Unpark(p.Envelope); err != nil {
			return fmt.Errorf("take parked envelope: %w", err)
		}
		h, err := envelope.Parse(p.Bytes)
		if err != nil {
			continue
		}
		outer := b.since
		b.since = p.At
		err = b.open(h, p.Bytes)
		b.since = outer
		if err != nil {
			return err
		}
	}
	return nil
}

// openSlice takes a peer's sending key.
func (b *Batch) openSlice(h envelope.Header, env []byte) error {
	e := b.e
	k, ok := e.sealKeys[h.Tag]
	if !ok {
		b.drop("slice for a seal key that is gone", nil)
		return b.announceAgain()
	}
	to := chain.Recipient{Desk: e.cfg.Self.Desk, Party: e.cfg.Self.Party, Key: k.key, SealNumber: k.number}
	var sender ident.Desk
	fresh, facts, err := chain.OpenSlice(e.cfg.Suite, env, to, func(d ident.Desk) ([]byte, bool) { sender = d; return e.messageKey(d) }, b.Steady)
	if errors.Is(err, chain.ErrUnknownDesk) {
		if _, gone := e.removed(sender); gone {
			// No leaf: the signature was not checked, and a relay can say it again
			// and again.
			b.drop("slice after its desk was removed", nil)
			return nil
		}
		return b.park(h, env) // its statement may still come
	}
	if err != nil {
		b.drop("slice", err)
		return b.atFault(k, env, sender, facts, err)
	}
	if held := e.receivers[fresh.Tag()]; held != nil {
		if _, err := held.Same(facts); err != nil {
			_, err = b.secondKey(facts)
			return err
		}
		return nil
	}
	if conflict, err := b.secondKey(facts); conflict || err != nil {
		return err
	}
	if err := b.succeed(facts); err != nil {
		return err
	}
	rec := &receiver{Receiver: fresh}
	if rec.row, err = b.noteReceiver(fresh, facts); err != nil {
		return err
	}
	b.signedTime(facts.Sender, facts.Time)
	tag := fresh.Tag()
	e.receivers[tag] = rec
	b.undo = append(b.undo, func() { delete(e.receivers, tag) })
	b.setReceiver(tag, rec)
	return b.unpark(tag)
}

// messageKey finds the key that verifies a desk's messages.
func (e *Engine) messageKey(d ident.Desk) ([]byte, bool) {
	entry, ok := e.dir.desks[d]
	return entry.Certificate.MessageKey, ok
}

// openChain opens a message, a receipt or statements.
func (b *Batch) openChain(h envelope.Header, env []byte) error {
	e := b.e
	r := e.receivers[h.Tag]
	if r == nil {
		// Its generation may be done with, and only our word for it was lost.
		if known, err := b.again(envelope.Identify(env)); known || err != nil {
			return err
		}
		return b.park(h, env)
	}
	b.touchReceiver(r)
	var before *chain.Receiver
	if l := e.lines[r.line]; l == nil || l.State == "stopped" {
		before = r.Receiver.Clone()
	}
	o, err := r.Open(env, b.Steady)
	if errors.Is(err, chain.ErrReplay) {
		known, err := b.again(envelope.Identify(env))
		if known || err != nil {
			return err
		}
		return b.usedTwice(r, envelope.Identify(env))
	}
	if err != nil {
		b.drop("chain envelope", err)
		return nil
	}
	l, parties, err := b.lineOf(r, o)
	if err != nil {
		return err
	}
	if l == nil && before != nil && o.Inside.Kind != envelope.Receipt && e.mayOpen(o.Sender) {
		// Others hold every signature of a charter, or of a new version of it,
		// before we do. The key goes back: what is parked is opened when the line is.
		r.Receiver = before
		return b.park(h, env)
	}
	if l == nil {
		b.drop("message for no line of ours", nil)
		return nil
	}
	b.opened(envelope.Identify(env))
	if err := b.place(l, r, o); err != nil {
		return err
	}
	r.line = l.ID
	if _, member := l.roster.Desk(o.Sender); !member {
		return b.arrivedLate(l, o)
	}
	if err := b.heard(l.ID, o); err != nil {
		return err
	}
	if err := b.claimed(l, o.Sender, o.Inside.Digest); err != nil {
		return err
	}
	return b.take(l, parties, o, env)
}

// take handles what a desk of a line said in its chain.
func (b *Batch) take(l *line, parties []ident.Party, o chain.Opened, env []byte) error {
	if o.Inside.Kind == envelope.Statement { // it may bring just what its sender has more than we
		if err := b.takeStatement(l, o); err != nil {
			return err
		}
		return b.compare(b.e.lines[l.ID], o)
	}
	if err := b.compare(l, o); err != nil {
		return err
	}
	switch o.Inside.Kind {
	case envelope.Message:
		return b.takeMessage(l, parties, o, env)
	case envelope.Receipt:
		return b.takeReceipt(l, o)
	case envelope.Attestation:
		return b.takeAttestation(l, o.Body)
	case envelope.LineCheck:
		return b.takeCheck(l, o)
	case envelope.Confirmation:
		return b.takeConfirmation(o.Sender, o.Body, o.Evidence)
	default:
		b.drop("body of unknown kind", nil)
		return nil
	}
}

// mayOpen reports whether a line with the party of a desk is proposed, or stands
// still.
func (e *Engine) mayOpen(desk ident.Desk) bool {
	party := e.dir.desks[desk].Party
	for _, l := range e.lines {
		if (l.State == "proposed" || l.State == "stopped") && slices.Contains(l.parties, party) {
			return true
		}
	}
	return false
}

// heard notes authenticated traffic, once per batch.
func (b *Batch) heard(l ident.Line, o chain.Opened) error {
	d, digest := o.Sender, o.Inside.Digest
	if !b.first("heard" + string(l[:]) + string(d[:]) + string(digest[:])) {
		return nil
	}
	if err := b.Tx.Heard(l, d, b.Now, b.Steady, digest); err != nil {
		return fmt.Errorf("note traffic: %w", err)
	}
	return nil
}

// lineOf finds the line whose group sealed o. The audience of a message is in
// its label, that of a receipt in the message that it answers; what else is
// sealed says none. A group that fits none of these is nobody's.
func (b *Batch) lineOf(r *receiver, o chain.Opened) (*line, []ident.Party, error) {
	e := b.e
	if k := o.Inside.Kind; k != envelope.Message && k != envelope.Receipt {
		return b.audienceOf(o.Group, o.Sender, r.line)
	}
	for _, l := range e.lines {
		if r.line != (ident.Line{}) && r.line != l.ID || l.State != "open" {
			continue
		}
		if l.whole == o.Group {
			return l, l.parties, nil
		}
		for _, parties := range append(b.audiences(l, o), l.earlier...) {
			if roster.GroupID(e.cfg.Suite, l.ID, parties) == o.Group {
				return l, parties, nil
			}
		}
	}
	return nil, nil, nil
}

// audiences lists which audiences narrower than the line o may belong to.
func (b *Batch) audiences(l *line, o chain.Opened) [][]ident.Party {
	var label wire.Label
	switch o.Inside.Kind {
	case envelope.Message:
		m, err := wire.ParseMessage(o.Body)
		if err != nil {
			return nil
		}
		label = m.Label
	case envelope.Receipt:
		r, err := wire.ParseReceipt(o.Body)
		if err != nil {
			return nil
		}
		m, err := b.Tx.Message(r.Message)
		if err != nil || m.Line != l.ID {
			return nil
		}
		body, err := wire.ParseMessage(m.Body)
		if err != nil {
			return nil
		}
		label = body.Label
	default:
		return nil
	}
	return [][]ident.Party{l.coveredBy(label)}
}

// openControl opens what a paired desk says about trust. Nothing in it tells a
// copy, which a relay can give at any time: copies of the last while are known
// by their bytes, and every kind has to be harmless when it comes again.
func (b *Batch) openControl(env []byte) error {
	e := b.e
	id := envelope.Identify(env)
	if e.recent[id] {
		return nil
	}
	if h, err := envelope.Parse(env); err == nil {
		if k, ok := e.sealKeys[h.Tag]; ok {
			return b.openRepair(k, env)
		}
	}
	c, err := chain.OpenControl(e.cfg.Suite, env, e.cfg.Self.Control, func(c chain.Control) ([]byte, bool) {
		entry, ok := e.dir.desks[c.Sender]
		return entry.Certificate.DeskKey, ok
	})
	if err != nil {
		b.drop("control envelope", err)
		return nil
	}
	b.opened(id)
	return b.takeControl(c)
}

// takeControl handles what a paired desk said outside of any chain.
func (b *Batch) takeControl(c chain.Control) error {
	e := b.e
	switch c.Kind {
	case ControlStatement:
		if err := b.confirmAgain(c.Body, c.Sender); err != nil {
			return err
		}
		return b.takeStatements(c.Body, c.Sender)
	case ControlConfirmation:
		return b.takeConfirmation(c.Sender, c.Body, nil)
	case ControlSealKey:
		return b.TakeSealKey(c.Body)
	case ControlVector:
		return b.takeVector(e.dir.desks[c.Sender], c.Body)
	case ControlProof:
		return b.takeProof(c.Body)
	case ControlWant:
		return b.giveWanted(e.dir.desks[c.Sender], c.Body)
	}
	if err := e.cfg.Control(b, e.dir.desks[c.Sender], c); err != nil {
		if k, _, _ := fault.Visible(err); k == fault.Internal || k == fault.Busy {
			return err
		}
		b.drop("control message", err)
	}
	return nil
}

// Store returns the batch's transaction.
func (b *Batch) Store() *store.Tx { return b.Tx }

// Tell queues a control message for every other desk of a party.
func (b *Batch) Tell(party ident.Party, kind uint8, body []byte) error {
	for id, d := range b.e.dir.desks {
		if d.Party != party || id == b.e.cfg.Self.Desk {
			continue
		}
		if err := b.control(d, kind, body); err != nil {
			return err
		}
	}
	return nil
}

// control queues a control message for one desk.
func (b *Batch) control(to roster.Entry, kind uint8, body []byte) error {
	return b.controlAt(to, kind, body, precedence.Priority)
}

func (b *Batch) controlAt(to roster.Entry, kind uint8, body []byte, level precedence.Level) error {
	env, err := chain.SealControl(b.e.cfg.Suite, b.e.cfg.Self.DeskKey, chain.ControlInput{
		Control: chain.Control{Sender: b.e.cfg.Self.Desk, Kind: kind, Body: body}, Public: to.Certificate.ControlKey,
		Precedence: level, Expiry: b.e.expiry(envelopeLife),
	})
	if err != nil {
		return fmt.Errorf("seal control message: %w", err)
	}
	return b.out(store.Out{Purpose: store.ForControl, Lane: uint8(level), Bytes: env}, targets(to))
}
