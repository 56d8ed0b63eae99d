package chain

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// Slice is what a slice says, without its key. Everything here is signed.
type Slice struct {
	Sender      ident.Desk
	Group       ident.Group
	Generation  Generation
	Predecessor [32]byte // identity of the generation before; zeros: none known
	Commitment  [48]byte
	Digest      [32]byte  // of the sender's statement set for this line
	Time        time.Time // of the sender's clock, to the millisecond
	// Restart: earlier generations may exist whose end the sender does not know.
	Restart bool
	// Last is where the predecessor's chains ended: 0 to 3 by precedence, 4 for
	// receipts to the recipient's party. Zeros when there is no predecessor.
	Last [lanes]uint32
	// Proof is the signed part of the slice, which shows nothing of the key:
	// with another one for the same generation it convicts the sender
	// ([VerifySlice]).
	Proof []byte
}

// SliceInput says to whom a slice goes.
type SliceInput struct {
	Desk       ident.Desk
	Party      ident.Party // of that desk; one of the group
	SealPublic []byte
	SealNumber uint64
	Digest     [32]byte
	Precedence precedence.Level // lane at the relay
	Expiry     time.Time
	Now        time.Time
}

// Recipient is the desk that a slice was sealed to: this one.
type Recipient struct {
	Desk       ident.Desk
	Party      ident.Party
	Key        Opener // the seal key that [SliceTag] names
	SealNumber uint64
}

// SliceTag is the tag of slices to a seal key: look it up among the own keys.
func SliceTag(s Symmetric, sealPublic []byte) [16]byte { return tagOf(s, labelSliceTag, sealPublic) }

const (
	// statementSize is the signed part: commitment, group, sender, generation,
	// predecessor, digest, time, flags, last sequences.
	statementSize = 48 + 32 + 32 + 16 + 32 + 32 + 8 + 1 + 4*lanes
)

// SliceSize is the size of every slice envelope of a suite, in bytes.
func SliceSize(s Asymmetric) int {
	return sealedSize(s, 32+statementSize+s.Sizes().MessageSignature)
}

// SliceFor seals this generation's key to one desk: one envelope of
// [SliceSize], signed with the desk's message key. Sealing to the same desk
// again gives another envelope for the same key. Errors wrap [ErrForgotten] or
// [ErrInput] (a party outside the group, a bad seal key).
func (m *Sender) SliceFor(key Signer, in SliceInput) ([]byte, error) {
	receipts := m.receiptsTo(in.Party)
	switch {
	case !m.held:
		return nil, fmt.Errorf("seal slice for %v: %w", in.Desk, ErrForgotten)
	case receipts == nil || !in.Precedence.Valid():
		return nil, fmt.Errorf("seal slice for %v of %v: %w", in.Desk, in.Party, ErrInput)
	}
	sl := Slice{
		Sender: m.desk, Group: m.group, Generation: m.generation, Predecessor: m.predecessor,
		Commitment: m.commitment, Digest: in.Digest, Time: in.Now, Restart: m.restart,
	}
	for l := range m.lanes {
		sl.Last[l] = m.lanes[l].previous
	}
	sl.Last[Receipts] = receipts.previous

	statement := octets.Encode(sl.fields)
	signature := key.Sign(labelSlice, in.Desk[:], be64(in.SealNumber), statement)
	return sealTo(m.s, sealed{
		kind: envelope.Slice, lane: in.Precedence, tag: SliceTag(m.s, in.SealPublic),
		expiry: in.Expiry, label: labelSlice, public: in.SealPublic, plain: slices.Concat(m.key[:], statement, signature),
	})
}

// fields is the signed part of a slice.
func (sl *Slice) fields(c *octets.Coder) {
	c.Array(sl.Commitment[:], sl.Group[:], sl.Sender[:], sl.Generation[:], sl.Predecessor[:], sl.Digest[:])
	stamp(c, &sl.Time)
	c.Flags("flags of a slice", &sl.Restart)
	for l := range sl.Last {
		c.Uint32(&sl.Last[l])
	}
}

func (sl *Slice) names() names {
	return names{group: sl.Group, desk: sl.Sender, generation: sl.Generation, predecessor: sl.Predecessor}
}

// Identity is the hash by which the next generation names that of sl.
func (sl *Slice) Identity(s Symmetric) [32]byte { return sl.names().identity(s) }

// OpenSlice opens a slice that was sealed to this desk and derives its chains.
// peer gives the message key of a sender, from the roster. The receiver is new:
// when one for the same generation is held ([Receiver.Same] says so), keep that
// one, or every message could be opened again. Errors wrap [ErrOpen],
// [ErrUnknownDesk], [ErrSignature] or [ErrRefused]; where its sender did sign
// what is refused, the slice is returned beside the error, with its proof.
func OpenSlice(s Suite, env []byte, to Recipient, peer func(ident.Desk) (messageKey []byte, ok bool), now time.Time) (*Receiver, Slice, error) {
	var key, signed []byte
	plain, err := openSealed(s, env, envelope.Slice, SliceTag(s, to.Key.Public()), labelSlice, to.Key, func(c *octets.Coder) {
		c.Raw(&key, 32)
		c.Raw(&signed, statementSize+s.Sizes().MessageSignature)
	})
	defer clear(plain)
	if err != nil {
		return nil, Slice{}, fmt.Errorf("open slice: %w", err)
	}
	sl, err := VerifySlice(s, slices.Concat(to.Desk[:], be64(to.SealNumber), signed), peer)
	if err != nil {
		return nil, Slice{}, fmt.Errorf("open slice: %w", err)
	}
	rec := newReceiver(s, sl.names(), key, to.Party, now)
	if rec.commitment != sl.Commitment {
		return nil, sl, fmt.Errorf("open slice of %v: commitment: %w", sl.Sender, ErrRefused)
	}
	messageKey, _ := peer(sl.Sender)
	rec.messageKey = slices.Clone(messageKey)
	return rec, sl, nil
}

// VerifySlice checks a slice's proof with the sender's message key alone. Two
// proofs of one sender, group and generation with different commitments
// convict that sender. Errors wrap [ErrUnknownDesk], [ErrSignature], [ErrRefused].
func VerifySlice(s Suite, proof []byte, peer func(ident.Desk) (messageKey []byte, ok bool)) (Slice, error) {
	if len(proof) != 32+8+statementSize+s.Sizes().MessageSignature {
		return Slice{}, fmt.Errorf("verify slice: proof of %d bytes: %w", len(proof), ErrRefused)
	}
	recipient, number, statement, signature := proof[:32], proof[32:40], proof[40:40+statementSize], proof[40+statementSize:]
	var sl Slice
	if err := octets.Decode(statement, sl.fields); err != nil {
		return Slice{}, fmt.Errorf("verify slice: read statement: %w: %w", ErrRefused, err)
	}
	messageKey, ok := peer(sl.Sender)
	if !ok {
		return Slice{}, fmt.Errorf("verify slice: sender %v: %w", sl.Sender, ErrUnknownDesk)
	}
	if s.VerifyMessage(messageKey, labelSlice, signature, recipient, number, statement) != nil {
		return Slice{}, fmt.Errorf("verify slice: sender %v: %w", sl.Sender, ErrSignature)
	}
	sl.Proof = slices.Clone(proof)
	return sl, nil
}
