package chain

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/redact"
)

// Sender is one generation of this desk's sending key for one group. It is not
// safe for use by several goroutines, and cannot be printed.
type Sender struct {
	redact.Secret
	*sender
}

// sender stands behind a pointer of its own, because fmt prints what one
// pointer leads to when it may not call its methods.
type sender struct {
	keying
	restart  bool
	spent    bool     // a successor exists
	held     bool     // key still holds the sending key
	key      [32]byte // zeros after Forget
	lanes    [4]sendChain
	receipts []sendChain // one per party of the group, ordered by its id
}

// sendChain is one chain and where the same chain ended in the generation
// before this one.
type sendChain struct {
	ratchet
	party    ident.Party // receipts only
	previous uint32
}

// Start says what a new generation is for.
type Start struct {
	Group   ident.Group
	Desk    ident.Desk    // this desk
	Parties []ident.Party // the audience of the group, in any order
	// Previous is the generation that this one follows, or nil. It is marked
	// spent: it seals nothing more, and its last sequences go into the slices.
	Previous *Sender
	// Restart says that earlier generations may exist whose state is lost or
	// cannot be trusted (restored, copied, rolled back).
	Restart bool
	Now     time.Time
}

// NewSender draws a sending key and derives its chains. Errors wrap
// [ErrInput]: no party, a party twice, more than [MaxParties], or a previous
// generation of another desk or group.
func NewSender(s Suite, in Start) (*Sender, error) {
	var key [32]byte
	var name Generation
	_, _ = rand.Read(key[:]) // never fails: crypto/rand ends the process instead
	_, _ = rand.Read(name[:])
	defer clear(key[:])
	return newSender(s, in, key, name)
}

func newSender(s Suite, in Start, key [32]byte, name Generation) (*Sender, error) {
	parties := slices.SortedFunc(slices.Values(in.Parties), ident.Compare[ident.Party])
	if len(parties) == 0 || len(parties) > MaxParties || len(slices.Compact(slices.Clone(parties))) != len(parties) {
		return nil, fmt.Errorf("make sending key for %d parties: %w", len(in.Parties), ErrInput)
	}
	n := names{group: in.Group, desk: in.Desk, generation: name}
	if p := in.Previous; p != nil {
		same := slices.EqualFunc(p.receipts, parties, func(c sendChain, q ident.Party) bool { return c.party == q })
		if p.group != in.Group || p.desk != in.Desk || !same {
			return nil, fmt.Errorf("make sending key: previous one is for another desk or group: %w", ErrInput)
		}
		n.predecessor = p.Identity()
	}
	m := &Sender{sender: &sender{restart: in.Restart, held: true, key: key}}
	d := newSchedule(s, n, key[:])
	defer clear(d.prk)
	m.keying = d.begin(n.commit(s, key[:]), in.Now)
	for l := range m.lanes {
		m.lanes[l].ratchet = d.lane(Lane(l))
	}
	for _, p := range parties {
		m.receipts = append(m.receipts, sendChain{ratchet: d.receipts(p), party: p})
	}
	if in.Previous != nil {
		m.takeOver(in.Previous)
	}
	return m, nil
}

// takeOver notes where the chains of p ended and ends p.
func (m *Sender) takeOver(p *Sender) {
	for l := range m.lanes {
		m.lanes[l].previous = p.lanes[l].last()
	}
	for i := range m.receipts {
		m.receipts[i].previous = p.receipts[i].last()
	}
	p.spent = true
}

// Last returns the newest sequence of a precedence's chain and its running
// hash; 0 before the first message.
func (m *Sender) Last(l precedence.Level) (sequence uint32, running [32]byte) {
	c := &m.lanes[l]
	return c.last(), c.running
}

// LastReceipt is [Sender.Last] of the chain of receipts to one party.
func (m *Sender) LastReceipt(p ident.Party) (sequence uint32, running [32]byte) {
	if c := m.receiptsTo(p); c != nil {
		return c.last(), c.running
	}
	return 0, running
}

// receiptsTo returns the chain of receipts to a party, or nil where it is not of
// the group.
func (m *sender) receiptsTo(p ident.Party) *sendChain {
	i, ok := slices.BinarySearchFunc(m.receipts, p, func(c sendChain, p ident.Party) int { return ident.Compare(c.party, p) })
	if !ok {
		return nil
	}
	return &m.receipts[i]
}

// SealInput is one message or receipt to seal.
type SealInput struct {
	Kind       envelope.Kind
	Precedence precedence.Level // picks the chain, and the lane at the relay
	// ReceiptTo is the party whose desks this goes to, where its kind goes to
	// one: the originator of a receipt's message. Otherwise it is zero.
	ReceiptTo ident.Party
	Message   ident.Message // fixed id; of a receipt, an id of its own
	Digest    [32]byte      // of the sender's statement set for this line
	Body      []byte
	Expiry    time.Time // relays drop the envelope afterwards
}

// Sealed is a sealed message and its place in its chain.
type Sealed struct {
	Envelope []byte
	Lane     Lane
	Sequence uint32
	Inside   [32]byte // hash of the signed inside, see [Follow]
	Previous [32]byte // running hash before this message
	Running  [32]byte // and after it
	Evidence []byte   // see [VerifyEvidence]
}

// Seal seals one message for everybody who holds a slice of this generation,
// signed with the desk's message key, and uses up one key. On an error (it
// wraps [ErrInput] or [ErrSpent]) nothing has changed.
//
// Header and signature are made with lane and sequence in clear. The mask comes
// last, because it depends on the nonce, which is drawn as the message is sealed.
func (m *Sender) Seal(key Signer, in SealInput) (Sealed, error) {
	c, lane, err := m.chainFor(in)
	if err != nil {
		return Sealed{}, err
	}
	size := envelope.Bucket(envelope.Overhead + m.s.Sizes().MessageSignature + len(in.Body))
	if len(in.Body) > envelope.MaxSize || size > envelope.MaxSize {
		return Sealed{}, fmt.Errorf("seal message of %d bytes: %w", len(in.Body), ErrInput)
	}
	sequence := c.next
	h := envelope.Header{
		Suite: m.s.ID(), Type: envelope.Chain, Lane: uint8(in.Precedence), Tag: m.tag,
		Masked: position(lane, sequence), Expiry: minutes(in.Expiry), Length: uint32(size),
	}
	inside := envelope.Inside{
		Previous: c.running, Digest: in.Digest, Message: in.Message, Kind: in.Kind,
		Precedence: uint8(in.Precedence), BodyLength: uint32(len(in.Body)),
	}
	env := h.Append(make([]byte, 0, size))[:envelope.PrefixSize]
	plain := make([]byte, 0, size-envelope.HeaderSize-envelope.TagSize)
	plain = append(inside.Append(plain), in.Body...)
	hash := insideHash(m.s, plain)
	c.running = Follow(m.s, inside.Previous, hash)
	signature := key.Sign(labelMessage, m.group[:], m.desk[:], m.generation[:], env, plain)
	evidence := m.evidence(env, plain[:envelope.InsideSize], signature)
	plain = append(plain, signature...)
	messageKey := c.step(m.s)
	env = m.s.Seal(env, messageKey[:], env, plain[:cap(plain)])
	clear(messageKey[:])
	mask(m.s, m.headerKey, env)
	return Sealed{env, lane, sequence, hash, inside.Previous, c.running, evidence}, nil
}

// chainFor picks the chain of a message and refuses what does not fit it.
func (m *Sender) chainFor(in SealInput) (c *sendChain, lane Lane, err error) {
	switch isReceipt := in.ReceiptTo != (ident.Party{}); {
	case m.spent:
		return nil, 0, fmt.Errorf("seal message: %w", ErrSpent)
	case !in.Precedence.Valid() || !in.Kind.Fits(isReceipt):
		return nil, 0, fmt.Errorf("seal kind %d at %v: %w", in.Kind, in.Precedence, ErrInput)
	case isReceipt:
		if c, lane = m.receiptsTo(in.ReceiptTo), Receipts; c == nil {
			return nil, 0, fmt.Errorf("seal receipt to %v, outside the group: %w", in.ReceiptTo, ErrInput)
		}
	default:
		c, lane = &m.lanes[in.Precedence], Lane(in.Precedence)
	}
	if c.next > MaxSequence {
		return nil, 0, fmt.Errorf("seal message %d of a chain: %w", c.next, ErrSpent)
	}
	return c, lane, nil
}

// position is what the header masks: lane and sequence.
func position(l Lane, sequence uint32) (b [5]byte) {
	b[0] = byte(l)
	binary.BigEndian.PutUint32(b[1:], sequence)
	return b
}

// placeOf undoes position.
func placeOf(b [5]byte) (Lane, uint32) { return Lane(b[0]), binary.BigEndian.Uint32(b[1:]) }

// Forget wipes the sending key: from here on nobody can be given a slice of
// this generation, and keys of messages already sent cannot be derived again
// at this desk. The sooner the better: seal all slices, store them in the
// outbox as envelopes (a retry sends the same bytes), then forget, in one
// transaction. A desk that joins later, or cannot open its slice any more, gets
// a slice of the next generation.
func (m *Sender) Forget() {
	clear(m.key[:])
	m.held = false
}

// Clone returns a copy that shares nothing with m.
func (m *Sender) Clone() *Sender {
	c := *m.sender
	c.receipts = slices.Clone(m.receipts)
	return &Sender{sender: &c}
}
