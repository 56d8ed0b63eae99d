package exchange

import (
	"errors"
	"fmt"
	"time"

	"hotline/internal/chain"
	"hotline/internal/ident"
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

// compare notices that a desk holds other statements than we do, and says what
// we hold. It never delays the message that showed it.
func (b *Batch) compare(l *line, o chain.Opened) error {
	if o.Inside.Digest == l.digest {
		return nil
	}
	told := l.heads[o.Sender]
	again := told.ours == l.digest && told.theirs == o.Inside.Digest
	wait := headsEvery
	if again {
		wait = min(told.wait*2, headsMost) // it did not help: say it less and less often
	}
	if since := b.Now.Sub(told.at); since >= 0 && since < max(told.wait, headsEvery) {
		return nil
	}
	l.heads[o.Sender] = heads{at: b.Now, wait: wait, ours: l.digest, theirs: o.Inside.Digest, pushed: told.pushed}
	b.undo = append(b.undo, func() { l.heads[o.Sender] = told })
	return b.state(l, append([]byte{statementHeads}, roster.MarshalHeads(l.set.Heads())...))
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
		return b.TakeStatement(rest)
	case statementSealKey:
		return b.TakeSealKey(rest)
	default:
		b.drop("statement body of unknown kind", nil)
		return nil
	}
}

// pushMissing sends the statements that a peer's set lacks, one an envelope. A
// peer that asks all the time gets them at most every headsEvery: each is much
// longer than the question.
func (b *Batch) pushMissing(l *line, desk ident.Desk, raw []byte) error {
	theirs, err := roster.ParseHeads(raw)
	if err != nil {
		b.drop("statement heads", err)
		return nil
	}
	told := l.heads[desk]
	if since := b.Now.Sub(told.pushed); since >= 0 && since < headsEvery {
		return nil
	}
	next := told
	next.pushed = b.Now
	l.heads[desk] = next
	b.undo = append(b.undo, func() { l.heads[desk] = told })
	for _, st := range l.set.Missing(theirs) {
		if err := b.state(l, append([]byte{statementSet}, st.Bytes()...)); err != nil {
			return err
		}
	}
	return nil
}

// TakeStatements verifies statements of parties that this desk knows, keeps
// what is new, journals it and reads lines again. What does not verify is
// dropped: nobody becomes a member without a signature of the party's root.
func (b *Batch) TakeStatements(all []roster.Statement) error {
	e := b.e
	changed := false
	for _, st := range all {
		root, ok := e.dir.roots[st.Author]
		if !ok {
			b.drop("statement of an unknown party", nil)
			continue
		}
		added, err := b.checkStatement(st, root)
		if err != nil && !errors.Is(err, roster.ErrEquivocation) {
			b.drop("statement", err)
			continue
		}
		if !added {
			continue
		}
		id := st.ID(e.cfg.Suite)
		if _, err := b.Tx.PutStatement(id, st.Author, st.Line, st.Bytes()); err != nil {
			return fmt.Errorf("store statement %s: %w", id, err)
		}
		if err := b.Leaf("statement", st.Bytes()); err != nil {
			return err
		}
		changed = true
	}
	if !changed {
		return nil
	}
	if err := b.Reload(); err != nil {
		return err
	}
	for id := range e.lines {
		if err := b.Event(EventLine, id[:]); err != nil {
			return err
		}
	}
	return nil
}

// checkStatement tries a statement on a set of its author's alone.
func (b *Batch) checkStatement(st roster.Statement, root []byte) (bool, error) {
	e := b.e
	members := []roster.Member{{Party: st.Author, Name: e.dir.name(st.Author), Root: root}}
	set, err := roster.NewSet(e.cfg.Suite, st.Line, members)
	if err != nil {
		return false, err
	}
	if err := e.fillSet(b.Tx, set, []ident.Party{st.Author}); err != nil {
		return false, err
	}
	return set.Add(st, b.Now)
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
	if err := b.Tx.PutSealKey(a.Desk, a.Number, announcement, b.Now); err != nil {
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
func (b *Batch) TakeStatement(raw []byte) error {
	st, err := roster.ParseStatement(raw)
	if err != nil {
		b.drop("statement", err)
		return nil
	}
	return b.TakeStatements([]roster.Statement{st})
}
