package exchange

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/divergence"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// differWait is how long two desks may differ before it is an alarm: what one
// of them has may be on its way to the other.
const differWait = 30 * time.Second

// vectorsMost and vectorsEvery are how often one desk has a group compared:
// what is signed for it, and given to it, is much longer than the asking.
const (
	vectorsMost  = 3
	vectorsEvery = 10 * time.Second
)

// openDifference is a difference that may yet resolve itself.
type openDifference struct {
	since  time.Time // steady
	asked  bool      // a second check was asked for
	theirs checkpoint.Vector
}

// sendVector gives one desk all that is held here of a group, signed. One that
// answers nothing waits for an answer.
func (b *Batch) sendVector(l *line, ours checkpoint.Vector, to ident.Desk, answers [32]byte) error {
	e := b.e
	entry, on := l.roster.Desk(to)
	if !on {
		return nil
	}
	if ours.Answers = answers; answers == ([32]byte{}) {
		if !b.spend(ration{"vector", to, ours.Group}, vectorsMost, vectorsEvery) {
			return nil
		}
		e.checking(ours.Group).sent[to] = ours.Hash(e.cfg.Suite)
	}
	return b.control(entry, ControlVector, ours.Sign(e.cfg.Suite, e.cfg.Self.DeskKey).Bytes(e.cfg.Suite))
}

// lineOfGroup finds the line of a group in which somebody has sent.
func (b *Batch) lineOfGroup(g ident.Group) (*line, error) {
	for _, l := range b.e.lines {
		if l.State != "open" {
			continue
		}
		groups, err := b.Tx.Groups(l.ID)
		if err != nil {
			return nil, fmt.Errorf("list groups: %w", err)
		}
		if slices.Contains(groups, g) {
			return l, nil
		}
	}
	return nil, nil
}

// takeVector compares all that a desk holds with what is held here.
func (b *Batch) takeVector(from roster.Entry, raw []byte) error {
	e := b.e
	v, err := checkpoint.ParseVector(e.cfg.Suite, raw)
	if err == nil && v.Holder != from.Desk {
		err = errors.New("of another desk")
	}
	if err != nil {
		b.drop("vector", err)
		return nil
	}
	l, err := b.lineOfGroup(v.Group)
	if err != nil || l == nil {
		return err
	}
	if _, on := l.roster.Desk(from.Desk); !on {
		return nil
	}
	if fresh, err := b.freshVector(l, v); err != nil || !fresh {
		return err
	}
	if err := v.Verify(e.cfg.Suite, from.Certificate.DeskKey); err != nil {
		b.drop("vector", err)
		return nil
	}
	e.checking(v.Group).compared(v)
	ours, err := b.vector(l, v.Group)
	if err != nil {
		return err
	}
	if v.Answers == ([32]byte{}) {
		if err := b.sendVector(l, ours, from.Desk, v.Hash(e.cfg.Suite)); err != nil {
			return err
		}
	}
	return b.judge(l, from.Desk, ours, v)
}

// freshVector reports whether a vector is worth its signature: it answers the
// newest that its holder was sent, or is newer than all that were compared. The
// holder's clock may have been set back; nobody can give an old answer again.
func (b *Batch) freshVector(l *line, v checkpoint.Vector) (bool, error) {
	c := b.e.checking(v.Group)
	if hash, waits := c.sent[v.Holder]; waits && hash == v.Answers {
		return true, nil
	}
	if _, known := c.newest[v.Holder]; !known { // since the start; the store remembers
		k, err := b.checked(l, v)
		if err != nil {
			return false, err
		}
		if old, err := checkpoint.ParseVector(b.e.cfg.Suite, k.Vector); err == nil {
			c.compared(old)
		}
	}
	return v.Time.After(c.newest[v.Holder]) && b.spend(ration{"comparison", v.Holder, v.Group}, vectorsMost, vectorsEvery), nil
}

// compared notes a vector that is being compared.
func (c *checking) compared(v checkpoint.Vector) {
	if c.sent[v.Holder] == v.Answers {
		delete(c.sent, v.Holder)
	}
	if v.Time.After(c.newest[v.Holder]) {
		c.newest[v.Holder] = v.Time
	}
}

// judge acts on the differences between what is held here and at a desk: what
// that desk lacks the proof of is given to it, and what stays different is an
// alarm.
func (b *Batch) judge(l *line, desk ident.Desk, ours, theirs checkpoint.Vector) error {
	c := b.e.checking(ours.Group)
	all := divergence.Compare(ours, theirs)
	if len(all) == 0 {
		delete(c.open, desk)
		return b.result(l, theirs, yes(), "")
	}
	forked, worst := false, 0
	open, known := c.open[desk]
	for i := range all {
		if err := b.resolve(&all[i], ours.Group); err != nil {
			return err
		}
		if all[i].Kind == divergence.Forked && !forked {
			forked, worst = true, i // what else differs may be on its way: it accuses nobody
		}
		if all[i].Kind == divergence.Behind {
			continue
		}
		if err := b.sendProof(l, desk, ours.Group, all[i]); err != nil {
			return err
		}
		if all[i].Kind == divergence.Ahead && all[i].Sender == b.e.cfg.Self.Desk && known && all[i].Sequence > 0 {
			if err := b.giveUpFor(l, desk, ours.Group, all[i]); err != nil {
				return err
			}
		}
	}
	if !known {
		open.since = b.Steady
	}
	open.theirs = theirs
	c.open[desk] = open
	if !forked && (!known || b.Steady.Sub(open.since) < differWait) {
		return b.result(l, theirs, nil, "")
	}
	return b.diverged(l, desk, ours, theirs, all[worst])
}

// resolve resolves a difference of generations: who has attested knowledge of
// the other's newest one is ahead.
func (b *Batch) resolve(d *divergence.Difference, group ident.Group) error {
	if d.Kind != divergence.Elsewhere {
		return nil
	}
	d.Kind = divergence.Behind
	g, err := b.Tx.Generation(d.Sender, group, d.Generation)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	if _, err := b.Tx.Attestation(g.ID, ident.Party{}); err == nil {
		d.Kind = divergence.Ahead
	} else if !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read attestation: %w", err)
	}
	return nil
}

// sendProof gives a desk the newest attestation that this one holds of a
// sender: it heals a lost one, and convicts a sender that attested two things.
func (b *Batch) sendProof(l *line, to ident.Desk, group ident.Group, d divergence.Difference) error {
	entry, on := l.roster.Desk(to)
	if !on {
		return nil
	}
	held, err := b.Tx.NewestAttestation(d.Sender, group)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read attestation of %s: %w", d.Sender, err)
	}
	return b.control(entry, ControlProof, held.Bytes)
}

// takeProof takes an attestation that somebody else than its sender brought.
func (b *Batch) takeProof(raw []byte) error {
	a, err := checkpoint.ParseAttestation(b.e.cfg.Suite, raw)
	if err != nil {
		b.drop("proof", err)
		return nil
	}
	l, err := b.lineOfGroup(a.Group)
	if err != nil || l == nil {
		return err
	}
	return b.takeAttestation(l, raw)
}

// result keeps how the newest check of a desk compared.
func (b *Batch) result(l *line, theirs checkpoint.Vector, agree *bool, text string) error {
	k, err := b.checked(l, theirs)
	if err != nil {
		return err
	}
	k.Agree, k.Text, k.Vector = agree, text, theirs.Bytes(b.e.cfg.Suite)
	return b.putChecked(k)
}

// checked is the newest check of a desk in a group, or the beginning of one.
func (b *Batch) checked(l *line, v checkpoint.Vector) (store.Checked, error) {
	all, err := b.Tx.CheckedOn(l.ID)
	if err != nil {
		return store.Checked{}, fmt.Errorf("list line checks: %w", err)
	}
	for _, k := range all {
		if k.Group == v.Group && k.Desk == v.Holder {
			return k, nil
		}
	}
	return store.Checked{Group: v.Group, Desk: v.Holder, Line: l.ID, At: b.Now}, nil
}

// diverged raises the alarm: two desks hold different records.
func (b *Batch) diverged(l *line, desk ident.Desk, ours, theirs checkpoint.Vector, d divergence.Difference) error {
	st := b.e.cfg.Suite
	text, err := b.differenceText(desk, ours, theirs, d)
	if err != nil {
		return err
	}
	if err := b.result(l, theirs, no(), text); err != nil {
		return err
	}
	return b.prove(store.Proof{
		Line: l.ID, Sender: d.Sender, Kind: "divergence", Verdict: verdictOpen, Text: text,
		A: ours.Sign(st, b.e.cfg.Self.DeskKey).Bytes(st), B: theirs.Bytes(st),
	})
}

// differenceText names the side and the first serial that differs: "NATO-1
// holds 17 of JPN-1 where we hold 12".
func (b *Batch) differenceText(desk ident.Desk, ours, theirs checkpoint.Vector, d divergence.Difference) (string, error) {
	who, whose := b.e.deskName(desk), b.e.deskName(d.Sender)
	if d.Sender == b.e.cfg.Self.Desk {
		whose = "this desk"
	}
	serial, err := b.serialOf(ours.Group, d)
	if err != nil {
		return "", err
	}
	lane := precedence.Level(d.Lane).String()
	switch d.Kind {
	case divergence.Forked:
		return fmt.Sprintf("%s holds another message of %s than we do at place %d of %s (%s).", who, whose, d.Sequence, lane, serial), nil
	default:
		return fmt.Sprintf("%s holds %d of %s at %s where we hold %d; the first that differs is %s.",
			who, lastOf(theirs, d), whose, lane, lastOf(ours, d), serial), nil
	}
}

// lastOf is how much of a chain a vector holds.
func lastOf(v checkpoint.Vector, d divergence.Difference) uint32 {
	for _, c := range v.Chains {
		for _, lane := range c.Lanes {
			if c.Sender == d.Sender && c.Generation == d.Generation && lane.Lane == d.Lane {
				return lane.Last
			}
		}
	}
	return 0
}

// serialOf names the first message from a place on, or, where it is not here,
// the serial after the newest of its sender that is.
func (b *Batch) serialOf(group ident.Group, d divergence.Difference) (string, error) {
	g, err := b.Tx.Generation(d.Sender, group, d.Generation)
	if err == nil && d.Sequence > 0 {
		all, err := b.Tx.Places(g.ID, d.Lane, ident.Party{}, d.Sequence, chain.MaxSkipped)
		if err != nil {
			return "", fmt.Errorf("list places: %w", err)
		}
		for _, p := range all {
			if p.Message != nil {
				return b.serialOfMessage(*p.Message, 0)
			}
		}
	} else if err != nil && !errors.Is(err, store.ErrNone) {
		return "", fmt.Errorf("read generation: %w", err)
	}
	last, err := b.Tx.LastFrom(d.Sender, group)
	if errors.Is(err, store.ErrNone) {
		return "its first message", nil
	}
	if err != nil {
		return "", fmt.Errorf("read newest message: %w", err)
	}
	return b.serialOfMessage(last, 1)
}

// serialOfMessage is a message's serial, plus a number.
func (b *Batch) serialOfMessage(id ident.Message, plus int) (string, error) {
	m, err := b.Tx.Message(id)
	if err != nil {
		return "", fmt.Errorf("read message %s: %w", id, err)
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return "", fmt.Errorf("read message %s: %w", id, err)
	}
	name, number, ok := strings.Cut(body.Serial, "/")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return body.Serial, nil //nolint:nilerr // another spelling is shown as it is
	}
	return fmt.Sprintf("%s/%04d", name, n+plus), nil
}

// settleDifferences asks once more where two desks differed a while ago, and
// alarms where that did not help.
func (b *Batch) settleDifferences() error {
	for group, c := range b.e.checks {
		for desk, open := range c.open {
			age := b.Steady.Sub(open.since)
			if age < differWait || open.asked && age < 2*differWait {
				continue
			}
			l, err := b.lineOfGroup(group)
			if err != nil {
				return err
			}
			if l == nil {
				delete(c.open, desk)
				continue
			}
			if s := b.e.senders[group]; !open.asked && s != nil {
				open.asked = true
				c.open[desk] = open
				if err := b.sayCheck(l, s, true); err != nil {
					return err
				}
				continue
			}
			ours, err := b.vector(l, group)
			if err != nil {
				return err
			}
			delete(c.open, desk) // the next check finds it again
			if err := b.judgeAgain(l, desk, ours, open.theirs); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeAgain alarms on what a desk was shown to hold and this one still lacks.
func (b *Batch) judgeAgain(l *line, desk ident.Desk, ours, theirs checkpoint.Vector) error {
	all := divergence.Compare(ours, theirs)
	for i := range all {
		if err := b.resolve(&all[i], ours.Group); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(all, func(d divergence.Difference) bool { return d.Kind != divergence.Ahead }); i >= 0 {
		return b.diverged(l, desk, ours, theirs, all[i])
	}
	return nil
}
