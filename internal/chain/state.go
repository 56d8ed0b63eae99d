package chain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Marshalled state: a kind, a version, a suite, and then the fields in order.
// It holds keys. It has one spelling, and what does not spell it is refused.
const (
	stateSender   uint8 = 1
	stateReceiver uint8 = 2
	stateVersion  uint8 = 1
)

// MarshalBinary returns the whole state, keys included, in about 700 bytes and
// 104 more per party of the group. It never fails.
func (m *Sender) MarshalBinary() ([]byte, error) { return octets.Encode(m.fields), nil }

// UnmarshalSender reads what [Sender.MarshalBinary] wrote. Errors wrap
// [ErrState].
func UnmarshalSender(s Suite, b []byte) (*Sender, error) {
	m := &Sender{sender: &sender{keying: keying{s: s}}}
	if err := octets.Decode(b, m.fields); err != nil {
		return nil, fmt.Errorf("read sender: %w: %w", ErrState, err)
	}
	return m, nil
}

// MarshalBinary returns the whole state, keys included: about 640 bytes, and
// 45 to 109 more per missing message. It never fails.
func (r *Receiver) MarshalBinary() ([]byte, error) { return octets.Encode(r.fields), nil }

// UnmarshalReceiver reads what [Receiver.MarshalBinary] wrote. Errors wrap
// [ErrState].
func UnmarshalReceiver(s Suite, b []byte) (*Receiver, error) {
	r := &Receiver{receiver: &receiver{keying: keying{s: s}}}
	if err := octets.Decode(b, r.fields); err != nil {
		return nil, fmt.Errorf("read receiver: %w: %w", ErrState, err)
	}
	r.messageKey = slices.Clone(r.messageKey)
	return r, nil
}

func (m *sender) fields(c *octets.Coder) {
	m.begin(c, stateSender)
	m.derived(c)
	if c.Flags("flags of a sender", &m.restart, &m.spent, &m.held); m.held {
		c.Array(m.key[:])
	}
	for l := range m.lanes {
		m.lanes[l].fields(c)
	}
	byParty := func(a, b sendChain) int { return ident.Compare(a.party, b.party) }
	octets.List(c, "parties", &m.receipts, 1, MaxParties, byParty, func(s *sendChain) {
		c.Array(s.party[:])
		s.fields(c)
	})
}

func (s *sendChain) fields(c *octets.Coder) {
	s.ratchet.fields(c)
	c.Uint32(&s.previous)
}

func (r *receiver) fields(c *octets.Coder) {
	r.begin(c, stateReceiver)
	c.Key("message key", &r.messageKey, r.s.Sizes().Message)
	r.derived(c)
	if c.Flags("flags of a receiver", &r.closed); r.closed {
		stamp(c, &r.closedAt)
	}
	for l := range r.chains {
		chain := &r.chains[l]
		if chain.ratchet.fields(c); r.closed {
			c.Uint32(&chain.end)
			c.Must(chain.end >= chain.last(), "a chain that ends before its newest message")
		}
		bySequence := func(a, b skippedKey) int { return cmp.Compare(a.sequence, b.sequence) }
		octets.List(c, "skipped keys", &chain.skipped, 0, MaxSkipped, bySequence, func(k *skippedKey) {
			k.fields(c)
			c.Must(k.sequence > 0 && k.sequence < chain.next, "skipped key %d before message %d", k.sequence, chain.next)
		})
	}
}

func (k *skippedKey) fields(c *octets.Coder) {
	c.Uint32(&k.sequence)
	c.Array(k.key[:])
	stamp(c, &k.at)
	if c.Flags("flags of a skipped key", &k.hasBefore, &k.hasAfter); k.hasBefore {
		c.Array(k.before[:])
	}
	if k.hasAfter {
		c.Array(k.after[:])
	}
}

func (g *keying) begin(c *octets.Coder, kind uint8) {
	c.Fixed("kind", kind)
	c.Fixed("version", stateVersion)
	c.Fixed("suite", g.s.ID())
	c.Array(g.group[:], g.desk[:], g.generation[:], g.predecessor[:], g.commitment[:])
}

// derived is what a schedule makes of the sending key, and when it did.
func (g *keying) derived(c *octets.Coder) {
	c.Array(g.tag[:], g.headerKey[:])
	stamp(c, &g.created)
}

func (r *ratchet) fields(c *octets.Coder) {
	c.Array(r.key[:])
	c.Uint32(&r.next)
	c.Must(r.next > 0 && r.next <= MaxSequence+1, "next sequence %d", r.next)
	c.Array(r.running[:])
}

// stamp is a time to the millisecond, whatever the clock said that gave it.
func stamp(c *octets.Coder, t *time.Time) {
	ms := uint64(t.UnixMilli())
	c.Uint64(&ms)
	*t = time.UnixMilli(int64(ms)).UTC()
}
