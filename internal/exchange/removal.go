package exchange

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// origin says how a removal came to be known in this batch.
type origin struct {
	officer string     // who cut the desk off here; empty: it was done elsewhere
	from    ident.Desk // whose envelope brought it; zero: a person or a file here
}

// removed reports whether a desk was removed from all lines of its party.
func (e *Engine) removed(d ident.Desk) (roster.Removal, bool) {
	return e.dir.general.Roster().Removed(d)
}

// fits tries a statement on a copy of the set that it belongs to, and reports
// whether it is new there. Nothing of the batch changes.
func (b *Batch) fits(st roster.Statement) (added bool, err error) {
	e := b.e
	set := e.dir.general
	if st.Line != (ident.Line{}) {
		if l := e.lines[st.Line]; l != nil {
			set = l.set
		} else { // of a line that is not ours, or not yet
			members := []roster.Member{{Party: st.Author, Name: e.dir.name(st.Author), Root: e.dir.roots[st.Author]}}
			if set, err = roster.NewSet(e.memo, st.Line, members); err != nil {
				return false, err
			}
			if err := e.fillSet(b.Tx, set, []ident.Party{st.Author}); err != nil {
				return false, err
			}
		}
	}
	return set.Clone().Add(st, b.Now)
}

// adopt takes a removal into the sets in memory. Nothing is read again: at 200
// desks that would cost more than everything else a removal needs.
func (b *Batch) adopt(st roster.Statement) error {
	e := b.e
	oldLines, oldDir := e.lines, e.dir
	b.undo = append(b.undo, func() { e.lines, e.dir = oldLines, oldDir })
	dir, lines := *oldDir, maps.Clone(oldLines)
	dir.desks = maps.Clone(oldDir.desks)
	if st.Line == (ident.Line{}) {
		dir.general = oldDir.general.Clone()
		if _, err := dir.general.Add(st, time.Time{}); passedOver(err) != nil {
			return err
		}
	}
	on := false // still, on some line
	_, on = dir.general.Roster().Desk(st.Remove.Desk)
	for id, l := range lines {
		if slices.Contains(l.parties, st.Author) && (st.Line == (ident.Line{}) || st.Line == id) {
			next := *l
			next.set = l.set.Clone()
			if _, err := next.set.Add(st, time.Time{}); passedOver(err) != nil {
				return err
			}
			next.roster, next.digest = next.set.Roster(), next.set.Digest()
			lines[id] = &next
		}
		if _, here := lines[id].roster.Desk(st.Remove.Desk); here {
			on = true
		}
	}
	if !on {
		delete(dir.desks, st.Remove.Desk)
	}
	e.lines, e.dir, b.reloaded = lines, &dir, true
	if b.first("roster changed") {
		b.After(func() { e.publish(); e.connect() })
	}
	return nil
}

// settleRemovals gives effect to removals that are new here.
func (b *Batch) settleRemovals() error {
	e := b.e
	for desk, cert := range e.dir.certs {
		r, gone := e.removed(desk)
		if !gone || e.cut[desk] {
			continue
		}
		e.cut[desk] = true
		b.undo = append(b.undo, func() { delete(e.cut, desk) })
		if err := b.refuse(r, cert, b.origins[desk]); err != nil {
			return fmt.Errorf("cut off desk %s: %w", desk, err)
		}
	}
	return nil
}

// refuse gives effect to one removal, the most urgent first: from this batch on
// nothing more of the desk is shown; others are told, and it is confirmed,
// under the keys that there are; what no relay has is sealed anew; and all that
// may wait for new keys waits for [rekeyAfter].
func (b *Batch) refuse(r roster.Removal, cert roster.Certificate, how origin) error {
	e := b.e
	row := store.Cutoff{Desk: r.Desk, Statement: r.Statement, Party: r.Party, Name: cert.Name, Reason: r.Reason, Officer: how.officer, At: b.Now}
	if how.officer != "" {
		row.NextAt = b.Steady.Add(alarmAfter)
		if err := b.keepSteady(); err != nil { // a crash now delays no alarm
			return err
		}
	}
	if err := b.Tx.PutCutoff(row); err != nil {
		return fmt.Errorf("note cut-off: %w", err)
	}
	if err := b.Leaf("cutoff", append(r.Statement[:], r.Desk[:]...)); err != nil {
		return err
	}
	var concerned []*line
	for _, l := range e.lines {
		if _, on := l.roster.Removed(r.Desk); on && l.State == "open" {
			concerned = append(concerned, l)
			if err := b.Event(EventLine, l.ID[:]); err != nil {
				return err
			}
		}
	}
	if err := b.Event(EventCutoff, r.Desk[:]); err != nil || r.Desk == e.cfg.Self.Desk {
		return err // this desk itself: it has nothing more to say to anybody
	}
	was := e.lastCut
	e.lastCut = b.Steady
	b.undo = append(b.undo, func() { e.lastCut = was })
	if err := b.expectConfirmations(r, concerned); err != nil {
		return err
	}
	if err := b.propagate(r, concerned, how); err != nil {
		return err
	}
	if err := b.confirm(r); err != nil {
		return err
	}
	if err := b.releaseFrom(r.Desk, e.dir.boxes[r.Desk]); err != nil {
		return err
	}
	b.After(func() {
		e.cfg.Log.Warn("desk cut off", "desk", r.Desk.String(), "party", r.Party.String())
		wait := rekeyAfter(len(e.dir.desks))
		e.rekeyAt = b.Steady.Add(wait)
		e.later(wait, "new keys after a cut-off", (*Batch).tendKeys)
		if how.officer != "" {
			e.later(alarmAfter, "cut-off", (*Batch).tendCutoffs)
		}
	})
	return nil
}

// rekeyAfter is how long new sending keys wait after a removal, if nothing is
// sent meanwhile: every desk of the line makes n slices, and the removal and
// its confirmations must not stand in that queue. What is sent gets its key at
// once; nothing but the removal and its confirmation goes under an old key.
func rekeyAfter(desks int) time.Duration {
	n := time.Duration(desks)
	var b [1]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Second + n*20*time.Millisecond + n*50*time.Millisecond*time.Duration(b[0])/256
}

// releaseFrom takes a removed desk off all that waits to leave or is coming.
func (b *Batch) releaseFrom(desk ident.Desk, boxes []roster.Mailbox) error {
	e := b.e
	again, err := b.Tx.NotAccepted(desk)
	if err != nil {
		return fmt.Errorf("list what no relay has: %w", err)
	}
	if _, err := b.Tx.DropTargets(desk, nil); err != nil {
		return fmt.Errorf("let go of desk %s: %w", desk, err)
	}
	if err := b.forgetFiles(desk); err != nil {
		return err
	}
	if err := b.Tx.ForgetConfirmation(desk); err != nil {
		return fmt.Errorf("let go of confirmations: %w", err)
	}
	anew := map[int64]bool{}
	for _, a := range again {
		if _, err := b.Tx.Out(a.Outbox); err != nil {
			continue // it was for that desk alone
		}
		m, err := b.Tx.Message(a.Message)
		if err != nil {
			return fmt.Errorf("read message %s: %w", a.Message, err)
		}
		l := e.lines[m.Line]
		if l == nil || l.State != "open" {
			continue
		}
		if err := b.sealAnew(a, &m, l); err != nil {
			return err
		}
		anew[a.Outbox] = true
	}
	b.After(func() { e.takeBack(boxes, anew) })
	return nil
}

// forgetOutgoing stops the files that go to a desk, on one line or on all.
func (b *Batch) forgetOutgoing(desk ident.Desk, line *ident.Line) error {
	tags, err := b.Tx.DropFileTargets(desk, line)
	if err != nil {
		return fmt.Errorf("let go of files for %s: %w", desk, err)
	}
	for _, tag := range tags {
		left, err := b.Tx.FileTargets(tag)
		if err != nil {
			return fmt.Errorf("list targets of file: %w", err)
		}
		b.After(func() { b.e.narrow(tag, left, len(left) == 0) })
	}
	return nil
}

// forgetFiles stops the files that go to a desk, and those that come from it.
func (b *Batch) forgetFiles(desk ident.Desk) error {
	e := b.e
	if err := b.forgetOutgoing(desk, nil); err != nil {
		return err
	}
	for tag, f := range e.files {
		m, err := b.Tx.Message(f.Message)
		if err != nil {
			return fmt.Errorf("read message %s: %w", f.Message, err)
		}
		if m.Desk != desk {
			continue
		}
		if err := b.Tx.SetFileState(tag, "broken"); err != nil {
			return fmt.Errorf("note file: %w", err)
		}
		b.After(func() { delete(e.files, tag) })
	}
	return nil
}

// takeBack takes puts to mailboxes of a removed desk out of the links, as far as
// nothing of them has left, so that they are read from disk again without it;
// and asks its relays to drop what they hold for it from us.
func (e *Engine) takeBack(boxes []roster.Mailbox, anew map[int64]bool) {
	gone := map[ident.Mailbox]bool{}
	for _, m := range boxes {
		gone[m.Box] = true
	}
	for _, r := range e.relays {
		for ref, j := range r.onTheWay {
			if !anew[j.outbox] && !slices.ContainsFunc(j.to, func(m ident.Mailbox) bool { return gone[m] }) {
				continue
			}
			if r.link.Withdraw(ref) {
				r.finish(ref)
			} else if anew[j.outbox] {
				j.void = true // it has left: the relay's word for it is not for what it was sealed into
				r.onTheWay[ref] = j
				delete(r.queued, j.outbox)
			}
		}
		for lane := range r.backlog {
			r.backlog[lane] = true
		}
	}
	for _, m := range boxes {
		if r := e.relays[m.Relay]; r != nil {
			r.link.Forget(m.Box)
		}
	}
	signal(e.kick)
}

// later runs a step after a while, if the engine still runs.
func (e *Engine) later(d time.Duration, what string, apply func(b *Batch) error) {
	if e.ctx == nil {
		return
	}
	time.AfterFunc(d, func() {
		select {
		case e.steps <- step{apply: apply, settle: e.logged(what)}:
		case <-e.ctx.Done():
		}
	})
}

// passedOver is err without the one that says that an author contradicted
// itself: such a statement counts all the same, where it is a removal.
func passedOver(err error) error {
	if errors.Is(err, roster.ErrEquivocation) {
		return nil
	}
	return err
}

// arrivedLate holds back what comes from a desk after its removal: its chain
// has moved on, nobody is shown it, nobody is told "delivered".
func (b *Batch) arrivedLate(l *line, o chain.Opened) error {
	b.drop("message after its desk was removed", nil)
	if _, gone := l.roster.Removed(o.Sender); gone && o.Inside.Kind == envelope.Message {
		late := store.Late{Message: o.Inside.Message, Desk: o.Sender, Line: l.ID, Body: o.Body, At: b.Now}
		if err := b.Tx.HoldLate(late); err != nil {
			return fmt.Errorf("hold message %x: %w", o.Inside.Message, err)
		}
	}
	return b.Leaf("after-removal", append(o.Sender[:], o.Inside.Message[:]...))
}
