package exchange

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

const (
	// checkEvery is how often a desk says what it holds of a quiet group, and
	// checkAnyway of one that is never quiet. quiet is how long nothing came or
	// went.
	checkEvery  = 15 * time.Minute
	checkAnyway = time.Hour
	quiet       = time.Minute
	// checkAgain is how soon a desk answers two requests for a check, and
	// checkTwice how long after a request comes the second one: what the desks
	// attest for the first is compared in the second.
	checkAgain = 4 * time.Second
	checkTwice = 5 * time.Second
	// maxSeen bounds the desks whose checks one check countersigns.
	maxSeen = 1024
	// maxHeads is longer than the heads of any set of statements.
	maxHeads = 32 << 10
)

// lineCheck is the body of a line check: what its sender holds of a group.
type lineCheck struct {
	Nonce  [16]byte
	Wanted bool     // every desk is to answer with its own at once
	Seal   uint64   // number of the sender's newest seal key
	Vector [32]byte // digest of the attested chains that it holds
	Heads  []byte   // of its statement set
	Seen   []seen   // the newest checks of others, compared: a countersignature
}

// seen is what a desk found when it compared another's check with its own.
type seen struct {
	Desk  ident.Desk
	Nonce [16]byte
	Seal  uint64 // newest seal key of that desk that is known here
	Agree uint8  // 0: being compared; 1: the same; 2: not the same
}

func (c *lineCheck) marshal() []byte {
	var w octets.Writer
	w.Raw(c.Nonce[:])
	w.Uint8(map[bool]uint8{true: 1}[c.Wanted])
	w.Uint64(c.Seal)
	w.Raw(c.Vector[:])
	w.Var32(c.Heads)
	w.Uint16(uint16(len(c.Seen)))
	for _, s := range c.Seen {
		w.Raw(s.Desk[:])
		w.Raw(s.Nonce[:])
		w.Uint64(s.Seal)
		w.Uint8(s.Agree)
	}
	return w.Bytes()
}

func parseCheck(b []byte) (c lineCheck, err error) {
	r := octets.NewReader(b)
	r.Into(c.Nonce[:])
	wanted := r.Uint8()
	c.Wanted = wanted == 1
	c.Seal = r.Uint64()
	r.Into(c.Vector[:])
	c.Heads = r.Var32(maxHeads)
	n := r.Uint16()
	if n > maxSeen || wanted > 1 {
		r.Fail(fmt.Errorf("%d desks, flag %d", n, wanted))
	}
	for i := 0; i < int(n) && r.Err() == nil; i++ {
		var s seen
		r.Into(s.Desk[:])
		r.Into(s.Nonce[:])
		s.Seal, s.Agree = r.Uint64(), r.Uint8()
		if s.Agree > 2 || s.Seal > roster.MaxNumber {
			r.Fail(fmt.Errorf("result %d, seal key %d", s.Agree, s.Seal))
		}
		c.Seen = append(c.Seen, s)
	}
	if err := r.Done(); err != nil {
		return lineCheck{}, fmt.Errorf("read line check: %w", err)
	}
	return c, nil
}

// Check asks every desk of a line what it holds, and says what this one does.
// The answers come as line checks of theirs.
func (e *Engine) Check(ctx context.Context, id ident.Line) error {
	return e.do(ctx, func(b *Batch) error {
		l := e.lines[id]
		if l == nil || l.State != "open" {
			return fault.New(fault.Conflict, "This line is not open; there is nothing to check.")
		}
		if _, err := b.senderFor(l, l.parties, precedence.Routine); err != nil {
			return err
		}
		for group, s := range e.senders {
			if s.line != id {
				continue
			}
			if err := b.sayCheck(l, s, true); err != nil {
				return fmt.Errorf("check group %s: %w", group, err)
			}
			e.checking(group).twice = b.Steady.Add(checkTwice)
		}
		return nil
	})
}

// checkDue says what this desk holds of every group that is due.
func (b *Batch) checkDue() error {
	for group, s := range b.e.senders {
		l := b.e.lines[s.line]
		if l == nil || l.State != "open" || len(l.readers(b.e.cfg.Self.Desk, s.parties)) == 0 {
			continue
		}
		c := b.e.checking(group)
		if c.from.IsZero() { // after a start peers say whether it was set back
			c.from, c.twice = b.Steady, b.Steady.Add(2*tick)
		}
		since, still := b.Steady.Sub(later(c.from, c.said)), b.Steady.Sub(c.moved)
		twice := !c.twice.IsZero() && !c.twice.After(b.Steady)
		if !twice && (since < checkEvery || still < quiet && since < checkAnyway) {
			continue
		}
		if twice {
			c.twice = time.Time{}
		}
		if err := b.sayCheck(l, s, twice && !c.said.IsZero()); err != nil {
			return err
		}
	}
	return nil
}

// sayCheck attests what is not attested yet, and seals a line check.
func (b *Batch) sayCheck(l *line, s *sender, wanted bool) error {
	e := b.e
	_, err := b.Tx.Attestation(s.row, ident.Party{})
	if err != nil && !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read own attestation: %w", err)
	}
	if err != nil || s.soiled[ident.Party{}].count > 0 {
		if err := b.attest(l, s, s, ident.Party{}, false); err != nil {
			return err
		}
	}
	if err := b.wantMissing(l); err != nil {
		return err
	}
	v, err := b.vector(l, s.Group())
	if err != nil {
		return err
	}
	c := lineCheck{
		Wanted: wanted, Seal: e.dir.seal[e.cfg.Self.Desk].Number, Vector: v.Digest(e.cfg.Suite), Heads: roster.MarshalHeads(l.set.Heads()),
	}
	_, _ = rand.Read(c.Nonce[:])
	all, err := b.Tx.CheckedOn(l.ID)
	if err != nil {
		return fmt.Errorf("list line checks: %w", err)
	}
	for _, k := range all {
		if k.Group == s.Group() && len(c.Seen) < maxSeen {
			c.Seen = append(c.Seen, seen{Desk: k.Desk, Nonce: k.Nonce, Seal: e.dir.seal[k.Desk].Number, Agree: agreeNumber(k.Agree)})
		}
	}
	body := c.marshal()
	sealed, err := b.seal(s, chain.SealInput{
		Kind: envelope.LineCheck, Precedence: precedence.Routine, Message: ident.NewMessage(), Digest: l.digest, Body: body,
	})
	if err != nil {
		return fmt.Errorf("seal line check: %w", err)
	}
	e.checking(s.Group()).said = b.Steady
	if err := b.Leaf("line-check", checkLeaf(l.ID, s.Group(), e.cfg.Self.Desk, body)); err != nil {
		return err
	}
	return b.out(store.Out{Purpose: store.ForStatement, Lane: uint8(precedence.Routine), Bytes: sealed.Envelope},
		targets(l.readers(e.cfg.Self.Desk, s.parties)...))
}

func agreeNumber(agree *bool) uint8 {
	switch {
	case agree == nil:
		return 0
	case *agree:
		return 1
	}
	return 2
}

// checkLeaf is what the journal holds of a line check: all of it.
func checkLeaf(l ident.Line, g ident.Group, d ident.Desk, body []byte) []byte {
	leaf := append([]byte{}, l[:]...)
	leaf = append(append(leaf, g[:]...), d[:]...)
	return append(leaf, body...)
}

// takeCheck compares what a desk says that it holds with what is held here.
func (b *Batch) takeCheck(l *line, o chain.Opened) error {
	e := b.e
	c, err := parseCheck(o.Body)
	if err != nil {
		b.drop("line check", err)
		return nil
	}
	if o.Inside.Digest != l.digest {
		self := e.cfg.Self.Desk
		if err := b.pushMissing(l, o.Sender, append(self[:], c.Heads...)); err != nil {
			return err
		}
	}
	for _, s := range c.Seen {
		if s.Desk == e.cfg.Self.Desk && s.Seal < e.dir.seal[s.Desk].Number {
			if err := b.announceAgain(); err != nil {
				return err
			}
		}
	}
	ours, err := b.vector(l, o.Group)
	if err != nil {
		return err
	}
	k, err := b.checked(l, checkpoint.Vector{Group: o.Group, Holder: o.Sender})
	if err != nil {
		return err
	}
	k.At, k.Nonce, k.Seal, k.Agree, k.Text = b.Now, c.Nonce, c.Seal, nil, "" // its vector stays: an older one is no news
	if ours.Digest(e.cfg.Suite) == c.Vector {
		k.Agree = yes()
		delete(e.checking(o.Group).open, o.Sender)
	} else if err := b.sendVector(l, ours, o.Sender, [32]byte{}); err != nil {
		return err
	}
	if err := b.putChecked(k); err != nil {
		return err
	}
	if err := b.Leaf("line-check", checkLeaf(l.ID, o.Group, o.Sender, o.Body)); err != nil {
		return err
	}
	s := e.senders[o.Group]
	if said := e.checking(o.Group).said; c.Wanted && s != nil && (said.IsZero() || b.Steady.Sub(said) >= checkAgain) {
		return b.sayCheck(l, s, false)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func yes() *bool { t := true; return &t }
func no() *bool  { f := false; return &f }

// putChecked keeps the result of a comparison and shows it.
func (b *Batch) putChecked(k store.Checked) error {
	if err := b.Tx.PutChecked(k); err != nil {
		return fmt.Errorf("store line check: %w", err)
	}
	return b.Event(EventLine, k.Line[:])
}

// vector is what this desk holds, without a gap, of what every sender of a group
// that is on the line has attested.
func (b *Batch) vector(l *line, group ident.Group) (checkpoint.Vector, error) {
	e := b.e
	v := checkpoint.Vector{Holder: e.cfg.Self.Desk, Group: group, Time: b.Now}
	for _, d := range l.desksOf(l.parties...) {
		held, err := b.Tx.NewestAttestation(d.Desk, group)
		if errors.Is(err, store.ErrNone) {
			continue
		}
		if err != nil {
			return v, fmt.Errorf("read attestation of %s: %w", d.Desk, err)
		}
		a, err := checkpoint.ParseAttestation(e.cfg.Suite, held.Bytes)
		if err != nil {
			return v, fmt.Errorf("read attestation of %s: %w", d.Desk, err)
		}
		c := checkpoint.Chain{Sender: d.Desk, Generation: a.Generation, Before: a.Before}
		for _, lane := range a.Lanes {
			p, err := b.Tx.HeldUpTo(held.Generation, lane.Lane, lane.Last)
			if errors.Is(err, store.ErrNone) {
				continue
			}
			if err != nil {
				return v, fmt.Errorf("read places of %s: %w", d.Desk, err)
			}
			c.Lanes = append(c.Lanes, checkpoint.Lane{Lane: lane.Lane, Last: p.Sequence, Running: chain.Follow(e.cfg.Suite, p.Previous, p.Inside)})
		}
		v.Chains = append(v.Chains, c)
	}
	slices.SortFunc(v.Chains, func(a, b checkpoint.Chain) int { return slices.Compare(a.Sender[:], b.Sender[:]) })
	return v, nil
}

// checking is what the run loop knows of the line checks of one group.
type checking struct {
	from  time.Time // this desk follows the group since then, steady
	said  time.Time // our last one, steady
	twice time.Time // when a second one is due, steady
	moved time.Time // last traffic that is more than checks, steady
	open  map[ident.Desk]openDifference
	// sent is the hash of our newest vector that a desk has not answered, and
	// newest the time of the newest of its own that was compared.
	sent   map[ident.Desk][32]byte
	newest map[ident.Desk]time.Time
}

func (e *Engine) checking(g ident.Group) *checking {
	c := e.checks[g]
	if c == nil {
		c = &checking{open: map[ident.Desk]openDifference{}, sent: map[ident.Desk][32]byte{}, newest: map[ident.Desk]time.Time{}}
		e.checks[g] = c
	}
	return c
}

// moved notes traffic in a group other than checks: a busy group is checked
// less often.
func (b *Batch) moved(g ident.Group, k envelope.Kind) {
	if k != envelope.Attestation && k != envelope.LineCheck {
		b.e.checking(g).moved = b.Steady
	}
}
