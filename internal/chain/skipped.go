package chain

import (
	"slices"
	"time"
)

// recvChain is one chain as its receiver follows it.
type recvChain struct {
	ratchet
	skipped []skippedKey // ordered by sequence, all below next
	end     uint32       // last sequence; meaningful when the receiver is closed
}

// skippedKey is the key of a message that has not come yet. At the borders of
// a gap it also holds the running hashes that its neighbours fix, so that the
// history is proven in whatever order messages come.
type skippedKey struct {
	sequence  uint32
	key       [32]byte
	at        time.Time // when it was skipped, to the millisecond
	hasBefore bool
	before    [32]byte // running hash after sequence-1, which was opened
	hasAfter  bool
	after     [32]byte // what sequence+1, which was opened, signed as its previous
}

// taken is a key taken out of a chain, and what has to change when the message
// proves good. Nothing has changed yet.
type taken struct {
	key     [32]byte
	late    bool
	index   int // of a late message's key in skipped
	ahead   ratchet
	skipped []skippedKey // by a message ahead of the chain
}

func (t *taken) wipe() {
	clear(t.key[:])
	clear(t.ahead.key[:])
	clear(t.skipped)
}

// take finds or derives the key of a message. The jump is limited before
// anything is derived, because the sequence is not authenticated yet.
func (c *recvChain) take(s Symmetric, sequence uint32, now time.Time) (*taken, error) {
	if sequence < c.next {
		i, ok := c.find(sequence)
		if !ok {
			return nil, ErrReplay
		}
		return &taken{key: c.skipped[i].key, late: true, index: i}, nil
	}
	jump := sequence - c.next
	if jump > MaxSkipped {
		return nil, ErrJump
	}
	t := &taken{ahead: c.ratchet}
	if jump > 0 {
		t.skipped = make([]skippedKey, 0, jump)
	}
	for t.ahead.next < sequence {
		k := skippedKey{sequence: t.ahead.next, at: toMilli(now)}
		k.key = t.ahead.step(s)
		t.skipped = append(t.skipped, k)
	}
	t.key = t.ahead.step(s)
	return t, nil
}

func (c *recvChain) find(sequence uint32) (int, bool) {
	return slices.BinarySearchFunc(c.skipped, sequence, func(k skippedKey, s uint32) int { return int(k.sequence) - int(s) })
}

// verdict is what it proves that two running hashes are the same, or not.
var verdict = map[bool]History{true: Intact, false: Broken}

// commit makes the change that t stands for and fills in what it means for o.
func (c *recvChain) commit(t *taken, o *Opened) {
	if t.late {
		c.commitLate(t.index, o)
		return
	}
	if n := len(t.skipped); n > 0 {
		t.skipped[0].before, t.skipped[0].hasBefore = c.running, true
		t.skipped[n-1].after, t.skipped[n-1].hasAfter = o.Inside.Previous, true
		o.Missing = []Gap{{o.Lane, t.skipped[0].sequence, t.skipped[n-1].sequence}}
	} else {
		o.History = verdict[c.running == o.Inside.Previous]
	}
	clear(c.key[:])
	c.ratchet = t.ahead
	c.running = o.Running
	c.skipped = append(c.skipped, t.skipped...)
	if over := len(c.skipped) - MaxSkipped; over > 0 {
		for _, k := range c.skipped[:over] {
			o.Lost = addGap(o.Lost, o.Lane, k.sequence, k.sequence)
		}
		c.skipped = slices.Delete(c.skipped, 0, over) // clears what it vacates
	}
}

// commitLate drops a used key and hands its hashes to the neighbours that are
// still missing.
func (c *recvChain) commitLate(i int, o *Opened) {
	k := &c.skipped[i]
	if k.hasBefore {
		o.History = verdict[k.before == o.Inside.Previous]
	}
	if k.hasAfter && k.after != o.Running {
		o.History = Broken
	}
	if i > 0 && c.skipped[i-1].sequence == k.sequence-1 {
		c.skipped[i-1].after, c.skipped[i-1].hasAfter = o.Inside.Previous, true
	}
	if i+1 < len(c.skipped) && c.skipped[i+1].sequence == k.sequence+1 {
		c.skipped[i+1].before, c.skipped[i+1].hasBefore = o.Running, true
	}
	c.skipped = slices.Delete(c.skipped, i, i+1)
}
