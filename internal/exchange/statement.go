package exchange

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/precedence"
	"hotline/internal/roster"
)

// headsEvery is how often one desk is told, at most, what our set of
// statements holds: a digest that never fits must not become a flood.
const headsEvery = 10 * time.Second

// headsMost is the longest wait before the same two sets are compared again.
const headsMost = time.Hour

// heads is what was last said to a desk about the statements of a line.
type heads struct {
	at           time.Time
	wait         time.Duration
	ours, theirs [32]byte
	pushed       time.Time // when statements that it lacks were last sent
}

// askEvery is how often anybody on a line is asked at most, however many of its
// desks hold something else than we do.
const askEvery = time.Second

// compare notices that a desk holds other statements than we do, and asks it by
// saying what we hold. It never delays the message that showed it. One desk is
// asked for one difference: on a line of 200 all others would answer too.
func (b *Batch) compare(l *line, o chain.Opened) error {
	if o.Inside.Digest == l.digest {
		return nil
	}
	told, asked := l.heads[o.Sender], l.heads[ident.Desk{}]
	if since := b.Now.Sub(asked.at); since >= 0 && (since < askEvery || since < headsEvery && asked.ours == l.digest && asked.theirs == o.Inside.Digest) {
		return nil
	}
	again := told.ours == l.digest && told.theirs == o.Inside.Digest
	wait := headsEvery
	if again {
		wait = min(told.wait*2, headsMost) // it did not help: say it less and less often
	}
	if since := b.Now.Sub(told.at); since >= 0 && since < max(told.wait, headsEvery) {
		return nil
	}
	next := heads{at: b.Now, wait: wait, ours: l.digest, theirs: o.Inside.Digest, pushed: told.pushed}
	l.heads[o.Sender], l.heads[ident.Desk{}] = next, next
	b.undo = append(b.undo, func() { l.heads[o.Sender], l.heads[ident.Desk{}] = told, asked })
	body := append([]byte{statementHeads}, o.Sender[:]...)
	return b.state(l, append(body, roster.MarshalHeads(l.set.Heads())...))
}

// takeStatement handles a body about trust on a line.
func (b *Batch) takeStatement(l *line, o chain.Opened) error {
	if len(o.Body) == 0 {
		b.drop("empty statement body", nil)
		return nil
	}
	rest := o.Body[1:]
	switch o.Body[0] {
	case statementHeads:
		return b.pushMissing(l, o.Sender, rest)
	case statementSet:
		return b.takeStatements(rest, o.Sender)
	case statementSealKey:
		return b.TakeSealKey(rest)
	case statementVoid:
		return b.takeVoid(l, o, rest)
	case statementComplaint:
		return b.takeComplaint(l, o, rest)
	default:
		b.drop("statement body of unknown kind", nil)
		return nil
	}
}

// pushMissing sends the statements that a peer's set lacks to it alone, one a
// control envelope, when it asked this desk. A peer that asks all the time gets
// them at most every headsEvery: each is much longer than the question.
func (b *Batch) pushMissing(l *line, desk ident.Desk, raw []byte) error {
	self := b.e.cfg.Self.Desk
	if !bytes.HasPrefix(raw, self[:]) {
		return nil // another desk was asked
	}
	to, on := l.roster.Desk(desk)
	theirs, err := roster.ParseHeads(raw[len(self):])
	if err != nil {
		b.drop("statement heads", err)
		return nil
	}
	b.claimedHeads(l, desk, theirs)
	told := l.heads[desk]
	if since := b.Now.Sub(told.pushed); !on || since >= 0 && since < headsEvery {
		return nil
	}
	next := told
	next.pushed = b.Now
	l.heads[desk] = next
	b.undo = append(b.undo, func() { l.heads[desk] = told })
	statements, versions := l.set.Missing(theirs)
	slices.SortStableFunc(statements, func(a, b roster.Statement) int { return cmp.Compare(urgency(a.Type), urgency(b.Type)) })
	for _, version := range versions {
		for _, o := range joining.Portions(version, chain.MaxControlBody) {
			if err := b.controlAt(to, controlOffer, o.Bytes(), precedence.Priority); err != nil {
				return err
			}
		}
	}
	for _, st := range statements {
		level := precedence.Priority
		if st.Remove != nil {
			level = precedence.Flash
		}
		if err := b.controlAt(to, ControlStatement, st.Bytes(), level); err != nil {
			return err
		}
	}
	return nil
}

// urgency orders what is sent: who is off, then which root speaks, then who is
// on, then the rest.
func urgency(t roster.Type) int {
	return -slices.Index([]roster.Type{roster.AddDesk, roster.RotateRoot, roster.RemoveDesk}, t)
}

// TakeStatements verifies statements of parties that this desk knows, keeps
// what is new, journals it and gives it effect. What does not verify is
// dropped: nobody becomes a member without a signature of the party's root.
func (b *Batch) TakeStatements(all []roster.Statement) error {
	changed, again := false, false
	all = rotationsFirst(all)
	for i := 0; i < len(all); i++ {
		st := all[i]
		added, err := b.takeNew(st)
		if err != nil {
			return err
		}
		if !added {
			continue
		}
		changed = true
		if st.Type == roster.RotateRoot {
			if err := b.Reload(); err != nil { // what follows may be signed by the new root
				return err
			}
			all = append(all, b.e.waitingFor(st.Author)...)
		}
		if st.Type != roster.RemoveDesk {
			again = true // an addition may change names, keys and mailboxes: all is read again
			continue
		}
		if err := b.adopt(st); err != nil {
			return fmt.Errorf("take removal in: %w", err)
		}
	}
	if !changed {
		return nil
	}
	if again {
		if err := b.Reload(); err != nil {
			return err
		}
	}
	for id := range b.e.lines {
		if err := b.Event(EventLine, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// rotationsFirst puts the rotations of roots before what may be signed under
// them. Of several, each may wait for another: each has its turn as often as
// there are some.
func rotationsFirst(all []roster.Statement) []roster.Statement {
	var rotations, others []roster.Statement
	for _, st := range all {
		if st.Type == roster.RotateRoot {
			rotations = append(rotations, st)
		} else {
			others = append(others, st)
		}
	}
	return append(slices.Repeat(rotations, len(rotations)), others...)
}

// takeNew stores one statement, when it holds and is new.
func (b *Batch) takeNew(st roster.Statement) (added bool, err error) {
	e := b.e
	if _, ok := e.dir.roots[st.Author]; !ok {
		b.drop("statement of an unknown party", nil)
		return false, nil
	}
	added, err = b.fits(st)
	if errors.Is(err, roster.ErrWaiting) {
		b.hold(st)
	}
	if passedOver(err) != nil {
		b.drop("statement", err)
		return false, nil //nolint:nilerr // a statement that does not hold is dropped, and nothing else
	}
	if !added {
		return false, nil
	}
	id := st.ID(e.cfg.Suite)
	added, err = b.Tx.PutStatement(id, st.Author, st.Line, st.Bytes())
	switch {
	case err != nil:
		return false, fmt.Errorf("store statement %s: %w", id, err)
	case !added:
		return false, nil // twice in one list
	}
	return true, b.Leaf("statement", st.Bytes())
}

// TakeSealKey keeps a peer's announcement of a seal key when it is newer.
func (b *Batch) TakeSealKey(announcement []byte) error {
	e := b.e
	a, err := roster.ParseAnnouncement(announcement)
	if err != nil {
		b.drop("seal key", err)
		return nil
	}
	entry, ok := e.dir.desks[a.Desk]
	if !ok {
		b.drop("seal key of an unknown desk", nil)
		return nil
	}
	if err := a.Verify(e.cfg.Suite, entry.Certificate); err != nil {
		b.drop("seal key", err)
		return nil
	}
	if a.Number > roster.MaxNumber {
		b.drop("seal key with a number that nobody reaches", nil)
		return nil
	}
	old, had := e.dir.seal[a.Desk]
	if had {
		newer, err := a.Supersedes(old)
		if err != nil {
			return b.evidence("seal-key-conflict", a.Desk, announcement)
		}
		if !newer {
			return nil
		}
	}
	if err := b.Tx.PutSealKey(a.Desk, a.Number, announcement, b.Steady); err != nil {
		return fmt.Errorf("store seal key: %w", err)
	}
	e.dir.seal[a.Desk] = a
	dir := e.dir // a reload in the same batch makes another
	b.undo = append(b.undo, func() {
		if dir.seal[a.Desk] = old; !had {
			delete(dir.seal, a.Desk)
		}
	})
	return nil
}

// TakeStatement is [Batch.TakeStatements] for the bytes of one.
func (b *Batch) TakeStatement(raw []byte) error { return b.takeStatements(raw, ident.Desk{}) }

// takeStatements is the same for what a desk sent.
func (b *Batch) takeStatements(raw []byte, from ident.Desk) error {
	st, err := roster.ParseStatement(raw)
	if err != nil {
		b.drop("statement", err)
		return nil
	}
	if st.Remove != nil {
		b.origin(st.Remove.Desk, origin{from: from})
	}
	b.from = from
	defer func() { b.from = ident.Desk{} }()
	return b.TakeStatements([]roster.Statement{st})
}
