package chain

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/octets"
)

// Marshalled state: a kind, a version, a suite, and then the fields in order.
// It holds keys. It has one spelling, and what does not spell it is refused.
const (
	stateSender   uint8 = 1
	stateReceiver uint8 = 2
	stateVersion  uint8 = 1
)

// Flags of marshalled state. Each type has its own.
const (
	flagSenderRestart uint8 = 1
	flagSenderSpent   uint8 = 2
	flagSenderHeld    uint8 = 4

	flagReceiverClosed uint8 = 1

	flagBefore uint8 = 1
	flagAfter  uint8 = 2
)

// bit returns f when on.
func bit(on bool, f uint8) uint8 {
	if on {
		return f
	}
	return 0
}

func writeState(w *octets.Writer, kind uint8, s Symmetric, n names) {
	w.Uint8(kind)
	w.Uint8(stateVersion)
	w.Uint8(s.ID())
	w.Raw(n.group[:])
	w.Raw(n.desk[:])
	w.Raw(n.generation[:])
	w.Raw(n.predecessor[:])
}

func readState(r *octets.Reader, kind uint8, s Symmetric) (n names) {
	if k, v, id := r.Uint8(), r.Uint8(), r.Uint8(); r.Err() == nil && (k != kind || v != stateVersion || id != s.ID()) {
		r.Fail(fmt.Errorf("%w: kind %d, version %d, suite %d", ErrState, k, v, id))
	}
	r.Into(n.group[:])
	r.Into(n.desk[:])
	r.Into(n.generation[:])
	r.Into(n.predecessor[:])
	return n
}

func writeRatchet(w *octets.Writer, c ratchet) {
	w.Raw(c.key[:])
	w.Uint32(c.next)
	w.Raw(c.running[:])
}

func readRatchet(r *octets.Reader) (c ratchet) {
	r.Into(c.key[:])
	c.next = r.Uint32()
	r.Into(c.running[:])
	if c.next == 0 || c.next > MaxSequence+1 {
		r.Fail(fmt.Errorf("%w: next sequence %d", ErrState, c.next))
	}
	return c
}

func writeTime(w *octets.Writer, t time.Time) { w.Uint64(uint64(t.UnixMilli())) }

func readTime(r *octets.Reader) time.Time { return time.UnixMilli(int64(r.Uint64())).UTC() }

func readFlags(r *octets.Reader, known uint8) uint8 {
	f := r.Uint8()
	if f&^known != 0 {
		r.Fail(fmt.Errorf("%w: flags %#x", ErrState, f))
	}
	return f
}

// finish turns what is left of reading into this package's error.
func finish(r *octets.Reader, what string) error {
	if err := r.Done(); err != nil {
		return fmt.Errorf("read %s: %w: %w", what, ErrState, err)
	}
	return nil
}

// MarshalBinary returns the whole state, keys included, in about 700 bytes and
// 104 more per party of the group. It never fails.
func (m *Sender) MarshalBinary() ([]byte, error) {
	var w octets.Writer
	writeState(&w, stateSender, m.s, m.names)
	w.Raw(m.commitment[:])
	w.Raw(m.tag[:])
	w.Raw(m.headerKey[:])
	writeTime(&w, m.created)
	w.Uint8(bit(m.restart, flagSenderRestart) | bit(m.spent, flagSenderSpent) | bit(m.held, flagSenderHeld))
	if m.held {
		w.Raw(m.key[:])
	}
	for _, c := range m.lanes {
		writeRatchet(&w, c.ratchet)
		w.Uint32(c.previous)
	}
	w.Uint16(uint16(len(m.receipts)))
	for _, c := range m.receipts {
		w.Raw(c.party[:])
		writeRatchet(&w, c.ratchet)
		w.Uint32(c.previous)
	}
	return w.Bytes(), nil
}

// UnmarshalSender reads what [Sender.MarshalBinary] wrote. Errors wrap
// [ErrState].
func UnmarshalSender(s Suite, b []byte) (*Sender, error) {
	r := octets.NewReader(b)
	m := &Sender{sender: &sender{s: s, names: readState(r, stateSender, s)}}
	r.Into(m.commitment[:])
	r.Into(m.tag[:])
	r.Into(m.headerKey[:])
	m.created = readTime(r)
	f := readFlags(r, flagSenderRestart|flagSenderSpent|flagSenderHeld)
	m.restart, m.spent, m.held = f&flagSenderRestart != 0, f&flagSenderSpent != 0, f&flagSenderHeld != 0
	if m.held {
		r.Into(m.key[:])
	}
	for l := range m.lanes {
		m.lanes[l] = sendChain{ratchet: readRatchet(r), previous: r.Uint32()}
	}
	n := int(r.Uint16())
	if r.Err() == nil && (n == 0 || n > MaxParties) {
		r.Fail(fmt.Errorf("%w: %d parties", ErrState, n))
	}
	for i := 0; i < n && r.Err() == nil; i++ {
		var c sendChain
		r.Into(c.party[:])
		c.ratchet, c.previous = readRatchet(r), r.Uint32()
		if i > 0 && compareParties(m.receipts[i-1].party, c.party) >= 0 {
			r.Fail(fmt.Errorf("%w: parties out of order", ErrState))
		}
		m.receipts = append(m.receipts, c)
	}
	if err := finish(r, "sender"); err != nil {
		return nil, err
	}
	return m, nil
}

// MarshalBinary returns the whole state, keys included: about 640 bytes, and
// 45 to 109 more per missing message. It never fails.
func (r *Receiver) MarshalBinary() ([]byte, error) {
	var w octets.Writer
	writeState(&w, stateReceiver, r.s, r.names)
	w.Raw(r.commitment[:])
	w.Raw(r.messageKey)
	w.Raw(r.tag[:])
	w.Raw(r.headerKey[:])
	writeTime(&w, r.created)
	w.Uint8(bit(r.closed, flagReceiverClosed))
	if r.closed {
		writeTime(&w, r.closedAt)
	}
	for _, c := range r.chains {
		writeRatchet(&w, c.ratchet)
		if r.closed {
			w.Uint32(c.end)
		}
		w.Uint16(uint16(len(c.skipped)))
		for _, k := range c.skipped {
			writeSkipped(&w, k)
		}
	}
	return w.Bytes(), nil
}

// UnmarshalReceiver reads what [Receiver.MarshalBinary] wrote. Errors wrap
// [ErrState].
func UnmarshalReceiver(s Suite, b []byte) (*Receiver, error) {
	in := octets.NewReader(b)
	r := &Receiver{receiver: &receiver{s: s, names: readState(in, stateReceiver, s)}}
	in.Into(r.commitment[:])
	r.messageKey = slices.Clone(in.Raw(s.Sizes().Message))
	in.Into(r.tag[:])
	in.Into(r.headerKey[:])
	r.created = readTime(in)
	r.closed = readFlags(in, flagReceiverClosed) != 0
	if r.closed {
		r.closedAt = readTime(in)
	}
	for l := range r.chains {
		c := &r.chains[l]
		c.ratchet = readRatchet(in)
		if r.closed {
			c.end = in.Uint32()
		}
		c.skipped = readAllSkipped(in, c.next)
		if r.closed && c.end < c.last() {
			in.Fail(fmt.Errorf("%w: chain ends before its newest message", ErrState))
		}
	}
	if err := finish(in, "receiver"); err != nil {
		return nil, err
	}
	return r, nil
}

func writeSkipped(w *octets.Writer, k skippedKey) {
	w.Uint32(k.sequence)
	w.Raw(k.key[:])
	w.Uint64(uint64(k.at))
	w.Uint8(bit(k.hasBefore, flagBefore) | bit(k.hasAfter, flagAfter))
	if k.hasBefore {
		w.Raw(k.before[:])
	}
	if k.hasAfter {
		w.Raw(k.after[:])
	}
}

func readAllSkipped(r *octets.Reader, next uint32) (all []skippedKey) {
	n := int(r.Uint16())
	if r.Err() == nil && n > MaxSkipped {
		r.Fail(fmt.Errorf("%w: %d skipped keys", ErrState, n))
	}
	var before uint32
	for i := 0; i < n && r.Err() == nil; i++ {
		k := skippedKey{sequence: r.Uint32()}
		r.Into(k.key[:])
		k.at = int64(r.Uint64())
		f := readFlags(r, flagBefore|flagAfter)
		if k.hasBefore = f&flagBefore != 0; k.hasBefore {
			r.Into(k.before[:])
		}
		if k.hasAfter = f&flagAfter != 0; k.hasAfter {
			r.Into(k.after[:])
		}
		if k.sequence <= before || k.sequence >= next {
			r.Fail(fmt.Errorf("%w: skipped keys out of order", ErrState))
		}
		before = k.sequence
		all = append(all, k)
	}
	return all
}
