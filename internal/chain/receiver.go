package chain

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/redact"
)

// Receiver follows one generation of another desk's sending key. It is not
// safe for use by several goroutines, and cannot be printed.
type Receiver struct {
	redact.Secret
	*receiver
}

// receiver stands behind a pointer of its own, as sender does.
type receiver struct {
	keying
	messageKey []byte    // verifies the sender's signatures
	closed     bool      // a successor named the last sequences
	closedAt   time.Time // when this desk heard of it
	chains     [lanes]recvChain
}

// Opened is an envelope that opened: sent by this desk to this group, in this
// place of its chain, and never opened before.
type Opened struct {
	Sender   ident.Desk
	Group    ident.Group
	Lane     Lane
	Sequence uint32
	Inside   envelope.Inside
	Body     []byte
	History  History
	Signed   [32]byte // hash of the signed inside, see [Follow]
	Running  [32]byte // running hash after this message, as its sender signed
	Evidence []byte   // proves it with the body, see [VerifyEvidence]
	Missing  []Gap    // newly skipped by this message
	Lost     []Gap    // given up for it: more than MaxSkipped were missing
}

func newReceiver(s Suite, n names, key []byte, party ident.Party, now time.Time) *Receiver {
	d := newSchedule(s, n, key)
	defer clear(d.prk)
	r := &Receiver{receiver: &receiver{keying: d.begin(n.commit(s, key), now)}}
	for l := range Receipts {
		r.chains[l].ratchet = d.lane(l)
	}
	r.chains[Receipts].ratchet = d.receipts(party)
	return r
}

// Sender is the desk whose sending key this is.
func (r *Receiver) Sender() ident.Desk { return r.desk }

// Same reports whether sl is another slice of this generation: a repeat, to be
// dropped. It returns [ErrConflict] when it names the same generation and
// another key; both slices' proofs are the evidence.
func (r *Receiver) Same(sl Slice) (bool, error) {
	switch {
	case sl.Sender != r.desk || sl.Group != r.group || sl.Generation != r.generation:
		return false, nil
	case sl.Commitment != r.commitment || sl.Predecessor != r.predecessor:
		return false, fmt.Errorf("second slice of %v: %w", sl.Sender, ErrConflict)
	}
	return true, nil
}

// Open opens one envelope of this generation, uses up its key and moves the
// chain on. On any error the receiver is unchanged: [ErrOpen], [ErrReplay],
// [ErrJump], [ErrSignature], [ErrRefused] or [ErrConflict].
func (r *Receiver) Open(env []byte, now time.Time) (Opened, error) {
	h, err := envelope.Parse(env)
	if err != nil {
		return Opened{}, fmt.Errorf("open envelope: %w: %w", ErrOpen, err)
	}
	if h.Suite != r.s.ID() || h.Type != envelope.Chain || h.Tag != r.tag {
		return Opened{}, fmt.Errorf("open envelope: %w", ErrOpen)
	}
	header := slices.Clone(env[:envelope.HeaderSize])
	mask(r.s, r.headerKey, header)
	// They are whatever the header says until the envelope has opened.
	lane, sequence := placeOf([5]byte(header[20:25]))
	if lane >= lanes || sequence == 0 || sequence > MaxSequence {
		return Opened{}, fmt.Errorf("open envelope: %w", ErrOpen)
	}
	o, err := r.open(header[:envelope.PrefixSize], env, lane, sequence, now)
	if err != nil {
		return Opened{}, fmt.Errorf("open message %d of lane %d: %w", sequence, lane, err)
	}
	return o, nil
}

// open opens a message at its place, and then moves the chain on.
func (r *Receiver) open(prefix, env []byte, lane Lane, sequence uint32, now time.Time) (Opened, error) {
	c := &r.chains[lane]
	t, err := c.take(r.s, sequence, now)
	if err != nil {
		return Opened{}, err
	}
	defer t.wipe()
	o, signed, err := r.unseal(prefix, env, t.key)
	if err == nil {
		err = r.check(lane, sequence, o.Inside)
	}
	if err != nil {
		return Opened{}, err
	}
	o.Lane, o.Sequence = lane, sequence
	o.Signed = insideHash(r.s, signed)
	o.Running = Follow(r.s, o.Inside.Previous, o.Signed)
	c.commit(t, &o)
	return o, nil
}

// unseal decrypts and verifies. prefix is the header without mask and nonce,
// signed is what the running hash covers.
func (r *Receiver) unseal(prefix, env []byte, key [32]byte) (o Opened, signed []byte, err error) {
	plain, err := r.s.Open(key[:], prefix, env[envelope.PrefixSize:])
	if err != nil {
		return o, nil, ErrOpen
	}
	inside, body, signature, err := envelope.ParseInside(plain, r.s.Sizes().MessageSignature)
	if err != nil {
		return o, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	signed = plain[:envelope.InsideSize+len(body)]
	if r.s.VerifyMessage(r.messageKey, labelMessage, signature, r.group[:], r.desk[:], r.generation[:], prefix, signed) != nil {
		return o, nil, ErrSignature
	}
	// Only a bucket's size, and one that holds the message: a sender that does
	// not pad is noticed here.
	if envelope.Bucket(len(env)) != len(env) {
		return o, nil, fmt.Errorf("%w: %d bytes is no bucket", ErrRefused, len(env))
	}
	return Opened{
		Sender: r.desk, Group: r.group, Inside: inside, Body: body,
		Evidence: r.evidence(prefix, signed[:envelope.InsideSize], signature),
	}, signed, nil
}

// check refuses what the sender signed against the format: the kind and
// precedence fit the lane, and nothing follows a signed end.
func (r *Receiver) check(lane Lane, sequence uint32, in envelope.Inside) error {
	switch isReceipt := lane == Receipts; {
	case !in.Kind.Fits(isReceipt) || in.Precedence > 3 || !isReceipt && Lane(in.Precedence) != lane:
		return fmt.Errorf("%w: kind %d and precedence %d in lane %d", ErrRefused, in.Kind, in.Precedence, lane)
	case r.closed && sequence > r.chains[lane].end:
		return fmt.Errorf("%w: the chain ended at %d", ErrConflict, r.chains[lane].end)
	}
	return nil
}

// Close notes the last sequences that a successor's slice gives for this
// generation, so that what is missing is exact to the end. It returns an error
// wrapping [ErrConflict] when messages beyond them were opened, or when another
// successor gave other ends; a slice with Restart says nothing of ends and must
// not be passed here. The receiver goes on opening what is missing.
func (r *Receiver) Close(last [lanes]uint32, now time.Time) error {
	for l := range r.chains {
		c := &r.chains[l]
		if last[l] < c.last() || (r.closed && last[l] != c.end) {
			return fmt.Errorf("close lane %d at %d, have %d: %w", l, last[l], c.last(), ErrConflict)
		}
	}
	if r.closed {
		return nil
	}
	for l := range r.chains {
		r.chains[l].end = last[l]
	}
	r.closed, r.closedAt = true, toMilli(now)
	return nil
}

// Missing lists what has not been opened, oldest first within each lane. What
// its sender sent last is known only after [Receiver.Close].
func (r *Receiver) Missing() (gaps []Gap) {
	for l := range r.chains {
		c := &r.chains[l]
		for _, k := range c.skipped {
			gaps = addGap(gaps, Lane(l), k.sequence, k.sequence)
		}
		if r.closed && c.end > c.last() {
			gaps = addGap(gaps, Lane(l), c.next, c.end)
		}
	}
	return gaps
}

// Void gives up a message of which its sender signed that it may not arrive,
// and the hash of its inside. Its key goes; its neighbours stay comparable.
func (r *Receiver) Void(l Lane, sequence uint32, previous, inside [32]byte) {
	c := &r.chains[l]
	if i, ok := c.find(sequence); ok {
		o := Opened{Running: Follow(r.s, previous, inside)}
		o.Inside.Previous = previous
		c.commitLate(i, &o)
	}
}

// Finished reports whether the receiver can be dropped: it is closed,
// and complete or closed for [KeepSkipped].
func (r *Receiver) Finished(now time.Time) bool {
	return r.closed && (len(r.Missing()) == 0 || now.Sub(r.closedAt) >= KeepSkipped)
}

// Expire drops the keys of messages that have been missing for [KeepSkipped]
// and returns which. A caller stores the receiver when there are any.
func (r *Receiver) Expire(now time.Time) (lost []Gap) {
	for l := range r.chains {
		c := &r.chains[l]
		c.skipped = slices.DeleteFunc(c.skipped, func(k skippedKey) bool {
			old := now.Sub(k.at) >= KeepSkipped
			if old {
				lost = addGap(lost, Lane(l), k.sequence, k.sequence)
			}
			return old
		})
	}
	return lost
}

// Clone returns a copy that shares nothing with r.
func (r *Receiver) Clone() *Receiver {
	c := *r.receiver
	for l := range c.chains {
		c.chains[l].skipped = slices.Clone(c.chains[l].skipped)
	}
	return &Receiver{receiver: &c}
}

// addGap appends from..to to gaps and joins it to the last one where they meet.
func addGap(gaps []Gap, l Lane, from, to uint32) []Gap {
	if n := len(gaps); n > 0 && gaps[n-1].Lane == l && gaps[n-1].To+1 == from {
		gaps[n-1].To = to
		return gaps
	}
	return append(gaps, Gap{l, from, to})
}
