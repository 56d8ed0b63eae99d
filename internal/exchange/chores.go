package exchange

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// chores is what the engine does every few seconds: keys ahead of need,
// another try for what nobody signed for, and what has expired.
func (e *Engine) chores(b *Batch) error {
	if err := b.tendKeys(); err != nil {
		return err
	}
	if err := b.retry(); err != nil {
		return err
	}
	if err := b.tendCutoffs(); err != nil {
		return err
	}
	if err := b.askMissing(); err != nil {
		return err
	}
	if err := b.expireReceivers(); err != nil {
		return err
	}
	if err := b.alarmUndelivered(); err != nil {
		return err
	}
	if err := b.settleDifferences(); err != nil {
		return err
	}
	if err := b.checkDue(); err != nil {
		return err
	}
	if err := b.saveSteady(); err != nil {
		return err
	}
	return b.clean()
}

// clean throws away what is of no use any more; nothing while the record does
// not verify, for any of it may mend the rest.
func (b *Batch) clean() error {
	if err := b.Tx.MayClean(); errors.Is(err, store.ErrDamaged) {
		return nil // the keeper of the journal says so, loudly
	} else if err != nil {
		return err
	}
	b.e.parked = nil
	if _, err := b.Tx.UnparkBefore(b.Steady.Add(-parkedFor)); err != nil {
		return fmt.Errorf("drop parked envelopes: %w", err)
	}
	if err := b.Tx.DropSlicesBefore(b.Steady.Add(-sliceLife)); err != nil {
		return fmt.Errorf("drop old slices: %w", err)
	}
	if err := b.expireUploads(); err != nil {
		return err
	}
	if err := b.tendRetention(); err != nil {
		return err
	}
	return b.Tx.Tidy(b.Now, b.Now.Add(-24*time.Hour))
}

// resealAfter is how often a relay has accepted an envelope that nobody signed
// for before it is sealed anew: a relay drops what it has seen by its id, so
// the same bytes again would reach nobody.
const resealAfter = 2

// retry queues again what a relay accepted and no desk signed for, and with it
// the slice of the key that opens it. The second time a desk gets it as it was
// signed, sealed to its seal key; after that it is sealed anew, under the same
// message id: a desk that has it says so once more.
func (b *Batch) retry() error {
	due, err := b.Tx.DueAgain(b.Steady)
	if err != nil {
		return fmt.Errorf("list what is due again: %w", err)
	}
	done := map[int64]bool{}
	for _, d := range due {
		h, err := envelope.Parse(d.Bytes)
		if err != nil {
			return fmt.Errorf("read outbox row %d: %w", d.Outbox, err)
		}
		if _, err := b.Tx.RaiseSlice(h.Tag, d.Desk); err != nil {
			return fmt.Errorf("queue slice again: %w", err)
		}
		if done[d.Outbox] {
			continue
		}
		if done[d.Outbox], err = b.reseal(d); err != nil {
			return err
		}
	}
	return b.requeue()
}

// requeueIn queues again, sooner than the next chores, what falls due in wait.
func (e *Engine) requeueIn(wait time.Duration) {
	if e.requeuing {
		return
	}
	e.requeuing = true
	time.AfterFunc(wait+time.Millisecond, func() {
		s := step{
			apply:  func(b *Batch) error { return b.requeue() },
			settle: func(err error) { e.requeuing = false; e.logged("queue again")(err) },
		}
		select {
		case e.steps <- s:
		case <-e.ctx.Done():
		}
	})
}

// requeue queues again what is due.
func (b *Batch) requeue() error {
	relays, err := b.Tx.Requeue(b.Steady)
	if err != nil {
		return fmt.Errorf("queue again: %w", err)
	}
	if len(relays) == 0 {
		return nil
	}
	b.After(func() {
		for _, r := range b.e.relays {
			for lane := range r.backlog {
				r.backlog[lane] = true
			}
		}
	})
	return nil
}

// reseal seals a message of the outbox anew for the same parties, when that may
// help, and says whether it did.
func (b *Batch) reseal(d store.Again) (bool, error) {
	m, err := b.Tx.Message(d.Message)
	if err != nil {
		return false, fmt.Errorf("read message %s: %w", d.Message, err)
	}
	l := b.e.lines[m.Line]
	if l == nil || l.State != "open" {
		return false, nil
	}
	if !m.RemovedAt.IsZero() {
		return false, nil // it waits no more, or its text would be here
	}
	worth, err := b.worthSealing(d, l)
	if err != nil || !worth {
		return false, err
	}
	if d.Tries == resealAfter {
		if repaired, err := b.repair(l, d.Desk, &m); repaired || err != nil {
			return false, err
		}
	}
	return true, b.sealAnew(d, &m, l)
}

// worthSealing says whether a desk that has not signed may be helped by a new
// envelope: twice it is tried, then only for a desk that was heard since, or
// once a day. A desk that is merely offline must not fill its mailbox.
func (b *Batch) worthSealing(d store.Again, l *line) (bool, error) {
	switch {
	case d.Tries < resealAfter:
		return false, nil
	case d.Tries <= resealAfter+1 || b.Steady.Sub(d.MadeAt) > 24*time.Hour:
		return true, nil
	}
	heard, err := b.Tx.HeardSteady(l.ID, d.Desk)
	if err != nil {
		return false, fmt.Errorf("read traffic: %w", err)
	}
	return heard.After(d.MadeAt), nil
}

// sealAnew seals a message under a new sequence, and from the third try on
// under a new sending key, in case a desk lost its slice of the old one.
func (b *Batch) sealAnew(d store.Again, m *store.Message, l *line) error {
	e := b.e
	parties, err := audienceOf(l, m)
	if err != nil {
		return err
	}
	s, err := b.senderFor(l, parties, m.Precedence)
	if err != nil {
		return err
	}
	if d.Tries > resealAfter && s.Created().Add(renewNotBefore).Before(b.Steady) {
		s, err = b.newSender(l, m.Group, parties, l.readers(e.cfg.Self.Desk, parties), s, m.Precedence)
		if err != nil {
			return err
		}
	}
	if err := b.giveUp(l, parties, m.ID); err != nil {
		return err
	}
	sealed, err := b.seal(s, chain.SealInput{Kind: envelope.Message, Precedence: m.Precedence, Message: m.ID, Digest: l.digest, Body: m.Body})
	if err != nil {
		return fmt.Errorf("seal message %s anew: %w", m.ID, err)
	}
	if err := b.Tx.Reseal(d.Outbox, envelope.Identify(sealed.Envelope), sealed.Envelope, b.Steady); err != nil {
		return fmt.Errorf("store message %s sealed anew: %w", m.ID, err)
	}
	return b.Leaf("sealed-anew", messageLeaf(m))
}

// audienceOf lists the parties that a stored message was sealed to.
func audienceOf(l *line, m *store.Message) ([]ident.Party, error) {
	if m.Group == l.whole {
		return l.parties, nil
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return nil, fmt.Errorf("read message %s: %w", m.ID, err)
	}
	var parties []ident.Party
	for _, p := range l.parties {
		if body.Label.Covers([]ident.Party{p}) {
			parties = append(parties, p)
		}
	}
	return parties, nil
}

// expireReceivers drops keys of closed generations that are complete or have
// waited long enough.
func (b *Batch) expireReceivers() error {
	for tag, r := range b.e.receivers {
		if r.expired.Add(time.Hour).After(b.Steady) {
			continue
		}
		b.touchReceiver(r)
		r.expired = b.Steady
		r.Expire(b.Steady)
		if !r.Finished(b.Steady) {
			continue
		}
		delete(b.receivers, tag)
		if err := b.Tx.DropCell(cellReceiver, tag[:]); err != nil {
			return fmt.Errorf("drop receiver: %w", err)
		}
		b.After(func() { delete(b.e.receivers, tag) })
	}
	return nil
}

// expireUploads removes files that no message took within a day.
func (b *Batch) expireUploads() error {
	old, err := b.Tx.UploadsBefore(b.Now.Add(-24 * time.Hour))
	if err != nil {
		return fmt.Errorf("list uploads: %w", err)
	}
	for _, u := range old {
		if err := b.Tx.DropUpload(u.ID); err != nil {
			return fmt.Errorf("drop upload: %w", err)
		}
		if f, err := parseFile(u.File); err == nil {
			b.After(func() { _ = b.e.cfg.Blobs.Remove(chain.FileTag(b.e.cfg.Suite, f.Key)) })
		}
	}
	return nil
}

// ownRelayUp reports whether a relay that holds a mailbox of ours answers.
func (e *Engine) ownRelayUp() bool {
	for _, r := range e.relays {
		if r.home && r.up {
			return true
		}
	}
	return false
}

// reachable reports whether any relay answers.
func (e *Engine) reachable() bool {
	for _, r := range e.relays {
		if r.up {
			return true
		}
	}
	return false
}

// RelayStatus is the state of the link to one relay.
type RelayStatus struct {
	ID   ident.Relay
	Addr string
	Home bool
	link.Status
	// ClockSkew is this desk's clock less the relay's, when the link came up.
	ClockSkew time.Duration
}

// Relays returns the state of all links.
func (e *Engine) Relays(ctx context.Context) ([]RelayStatus, error) {
	var all []RelayStatus
	if links := e.links.Load(); links != nil {
		for _, l := range *links {
			s := l.RelayStatus
			s.Status = l.link.Status()
			all = append(all, s)
		}
	}
	return all, ctx.Err()
}

// linkView is what the engine's loop lets others see of a link.
type linkView struct {
	RelayStatus // without its Status
	link        Link
}

// publishLinks makes the relays as they are now visible to Relays, which a
// sender asks after each message and which must not wait for the next batch.
func (e *Engine) publishLinks() {
	all := make([]linkView, 0, len(e.relays))
	for id, r := range e.relays {
		all = append(all, linkView{RelayStatus{ID: id, Addr: r.addr, Home: r.home, ClockSkew: r.skew}, r.link})
	}
	e.links.Store(&all)
}

// NextStep returns the message whose escalation takes its next step first, or
// ok == false when none waits.
func (e *Engine) NextStep(ctx context.Context) (m store.Message, ok bool, err error) {
	err = e.cfg.Store.View(ctx, func(tx *store.Tx) (err error) { m, err = tx.NextStep(); return err })
	if errors.Is(err, store.ErrNone) {
		return m, false, nil
	}
	if err != nil {
		return m, false, fmt.Errorf("read next step: %w", err)
	}
	return m, true, nil
}

// Stepped records that a message has taken past steps of escalation in all,
// and alarms.
func (e *Engine) Stepped(ctx context.Context, id ident.Message, past int, next time.Time, overdue bool) error {
	return e.do(ctx, func(b *Batch) error {
		err := b.Tx.SetStep(id, past, next)
		if errors.Is(err, store.ErrNone) {
			return nil // receipted meanwhile
		}
		if err != nil {
			return fmt.Errorf("note step of %s: %w", id, err)
		}
		if err := b.Leaf("escalation", append(id[:], byte(past))); err != nil {
			return err
		}
		if overdue {
			self := b.e.cfg.Self
			g := store.Rung{Message: id, Desk: self.Desk, Party: self.Party, State: "overdue", At: b.Now, Verified: true}
			if err := b.rung(g); err != nil {
				return err
			}
		}
		return b.Event(EventAlarm, id[:])
	})
}

// nextRef numbers puts; the engine's goroutine alone calls it.
func (e *Engine) nextRef() uint64 {
	e.refs++
	return e.refs
}
