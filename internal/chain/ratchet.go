package chain

import (
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// Labels of everything that this package derives, hashes and signs. They are
// part of the wire format.
const (
	labelTag        = "hotline/1/group-tag"
	labelHeaderKey  = "hotline/1/header-key"
	labelMask       = "hotline/1/mask"
	labelLane       = "hotline/1/lane"
	labelReceipts   = "hotline/1/receipts"
	labelKey        = "hotline/1/message-key"
	labelNext       = "hotline/1/next-key"
	labelStart      = "hotline/1/running-start"
	labelInside     = "hotline/1/inside"
	labelRunning    = "hotline/1/running"
	labelMessage    = "hotline/1/message"
	labelCommitment = "hotline/1/commitment"
	labelGeneration = "hotline/1/generation"
	labelSlice      = "hotline/1/slice"
	labelSliceTag   = "hotline/1/slice-tag"
	labelRepair     = "hotline/1/repair"
	labelControl    = "hotline/1/control"
	labelControlTag = "hotline/1/control-tag"
	labelFileTag    = "hotline/1/file-tag"
	labelChunkKey   = "hotline/1/chunk-key"
)

// names is what identifies one generation of one desk's sending key.
type names struct {
	group       ident.Group
	desk        ident.Desk
	generation  Generation
	predecessor [32]byte // identity of the generation before; zeros: none known
}

// identity is the hash by which a successor names this generation.
func (n names) identity(s Symmetric) [32]byte {
	return short(s.Hash(labelGeneration, n.group[:], n.desk[:], n.generation[:], n.predecessor[:]))
}

// start is the running hash before the first message of a chain.
func (n names) start(s Symmetric, purpose []byte) [32]byte {
	return short(s.Hash(labelStart, n.group[:], n.desk[:], n.generation[:], purpose))
}

// commit binds a sending key to its names, and shows nothing of it.
func (n names) commit(s Symmetric, key []byte) [48]byte {
	return s.Hash(labelCommitment, key, n.desk[:], n.group[:], n.generation[:])
}

// keying is what the sender and the receivers of a sending key have in
// common.
type keying struct {
	s Suite
	names
	commitment [48]byte
	tag        [16]byte
	headerKey  [32]byte
	created    time.Time
}

// Tag is what the header of every envelope of this generation carries.
func (g *keying) Tag() [16]byte { return g.tag }

// Group is the group that it seals to.
func (g *keying) Group() ident.Group { return g.group }

// Generation is the random name of this generation.
func (g *keying) Generation() Generation { return g.generation }

// Predecessor is the identity of the generation before, or zeros.
func (g *keying) Predecessor() [32]byte { return g.predecessor }

// Identity is the hash by which the next generation names this one.
func (g *keying) Identity() [32]byte { return g.identity(g.s) }

// Commitment binds the sending key, as its slices and attestations say.
func (g *keying) Commitment() [48]byte { return g.commitment }

// Created is when the key was drawn, or its slice opened, to the millisecond.
func (g *keying) Created() time.Time { return g.created }

// schedule derives everything that comes from one sending key. Afterwards the
// key is needed for slices only.
type schedule struct {
	s   Suite
	prk []byte
	n   names
}

func newSchedule(s Suite, n names, key []byte) schedule {
	return schedule{s, s.Extract(n.group[:], key), n}
}

func (d schedule) expand(label string, purpose []byte, n int) []byte {
	return d.s.Expand(d.prk, label, slices.Concat(d.n.desk[:], d.n.generation[:], purpose), n)
}

// begin returns what both ends of a generation hold.
func (d schedule) begin(commitment [48]byte, now time.Time) keying {
	return keying{
		s: d.s, names: d.n, commitment: commitment, created: toMilli(now),
		tag: [16]byte(d.expand(labelTag, nil, 16)), headerKey: [32]byte(d.expand(labelHeaderKey, nil, 32)),
	}
}

// lane returns the chain of one precedence at its start.
func (d schedule) lane(l Lane) ratchet { return d.ratchet(labelLane, []byte{byte(l)}) }

// receipts returns the chain of receipts to one party at its start.
func (d schedule) receipts(p ident.Party) ratchet { return d.ratchet(labelReceipts, p[:]) }

func (d schedule) ratchet(label string, purpose []byte) ratchet {
	return ratchet{key: [32]byte(d.expand(label, purpose, 32)), next: 1, running: d.n.start(d.s, purpose)}
}

// ratchet is a chain at one point: the key from which the next message's key
// and the next chain key come, and the running hash of all that went before.
type ratchet struct {
	key     [32]byte
	next    uint32 // sequence of the next message; the first is 1
	running [32]byte
}

// step returns the key of message r.next and moves on.
func (r *ratchet) step(s Symmetric) (key [32]byte) {
	copy(key[:], s.Expand(r.key[:], labelKey, nil, len(key)))
	copy(r.key[:], s.Expand(r.key[:], labelNext, nil, len(r.key)))
	r.next++
	return key
}

// last is the sequence of the newest message; 0 when there is none.
func (r *ratchet) last() uint32 { return r.next - 1 }

// insideHash stands for one message in its chain: a hash of what is signed.
func insideHash(s Symmetric, signed []byte) [32]byte { return short(s.Hash(labelInside, signed)) }

// Follow returns the running hash after a message that has that hash of its
// inside. So a place in a chain is proven without showing what else is in it.
func Follow(s Symmetric, previous, inside [32]byte) [32]byte {
	return short(s.Hash(labelRunning, previous[:], inside[:]))
}

// short is the first 32 bytes of a hash.
func short(sum [48]byte) [32]byte { return [32]byte(sum[:32]) }

// mask hides lane and sequence in an envelope's header under the header key's
// mask for its nonce, and undoes itself.
func mask(s Symmetric, headerKey [32]byte, header []byte) {
	for i, m := range s.Expand(headerKey[:], labelMask, header[envelope.PrefixSize:envelope.HeaderSize], 5) {
		header[20+i] ^= m
	}
}
