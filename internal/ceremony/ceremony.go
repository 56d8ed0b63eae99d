// Package ceremony pairs two parties: it shows each the other's root to be
// true with twelve words, six said aloud and six typed as heard.
//
// Three files pass between A and B over any channel, watched or altered by
// anybody: A's commitment, B's root and nonce, A's opening. A cannot choose its
// values after it saw B's, nor B after it saw A's, so somebody in the middle of
// both legs gets one try at each side's 66 bits of words, whatever computers
// they have (docs/spec/pairing.md). The words pass over a channel where each
// knows the other's voice.
//
// There is no button that says "same": the only way from two roots to a
// [Peer] is [Pairing.Confirm] with the words that the other side said. A
// pairing verifies the roots and what rides beside them, and nothing else.
//
// This package is on floor 1: bytes in, values out, state that can be stored.
// It reads no clock; it draws nonces. The hash comes from above.
package ceremony

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"hotline/internal/octets"
)

// Hasher is what this package needs of a suite.
type Hasher interface {
	ID() uint8
	// Hash returns SHA-384 over the label and the parts, each delimited.
	Hash(label string, parts ...[]byte) [48]byte
}

// Labels of the two hashes.
const (
	labelCommitment = "hotline/1/pairing-commitment"
	labelAnswer     = "hotline/1/pairing-answer"
	labelWords      = "hotline/1/pairing-words"
)

// The first bytes of the three files.
const (
	magicCommitment = "hotline/1 pairing 1 of 3\n"
	magicAnswer     = "hotline/1 pairing 2 of 3\n"
	magicOpening    = "hotline/1 pairing 3 of 3\n"
)

const (
	version   = 1
	nonceSize = 32
	hashSize  = 48
)

// Our own limits.
const (
	// MaxName is the longest name of a party, in bytes.
	MaxName = 64
	// MaxRoot is the longest root, in bytes. What a root is, is for its suite
	// and the roster to say; the words bind each byte of it.
	MaxRoot = 4096
	// MaxPayload is the longest payload: a card of fifty desks.
	MaxPayload = 1 << 20
	// MaxFile is the longest file, in bytes.
	MaxFile = MaxPayload + 8<<10
	// Attempts is how many sets of words may be typed that do not match. Each
	// is one try at 66 bits for whoever sits in the middle.
	Attempts = 3
)

// The errors of this package.
var (
	// ErrMalformed means that bytes or fields are not one of our layouts.
	ErrMalformed = octets.ErrMalformed
	// ErrVersion means another version or suite. Nothing is negotiated.
	ErrVersion = errors.New("pairing of another version or suite")
	// ErrOtherPairing means a file of another pairing; this one goes on.
	ErrOtherPairing = errors.New("file belongs to another pairing")
	// ErrDiffers means that an opening is not what was committed to. The
	// pairing is dead: somebody changed something.
	ErrDiffers = errors.New("opening differs from the commitment")
	// ErrStep means that the pairing is at another step, or over.
	ErrStep = errors.New("pairing is at another step")
	// ErrWords means six words that are not what the other side says. It does
	// not tell which.
	ErrWords = errors.New("words do not match")
	// ErrNotWords means something else than six words of the list; it costs no
	// attempt, because it says nothing about the other side's words.
	ErrNotWords = errors.New("not six words of the list")
)

// Self is what one side brings. Payload is for the other side when the words
// have matched: its desk card. It may be empty.
type Self struct {
	Name    string // what the party calls itself
	Root    []byte // public key of the party's root
	Payload []byte
}

// Peer is the other side, verified by its words. [Pairing.Confirm] is the only
// function that returns one.
type Peer Self

// Role is a side of a pairing. Its numbers are part of the stored form.
type Role uint8

// The roles.
const (
	A Role = 1 // begins
	B Role = 2 // answers
)

// Step is where a pairing stands. Its numbers are part of the stored form.
type Step uint8

// The steps.
const (
	Waiting Step = 1 // for the other side's next file
	Compare Step = 2 // words can be said and typed
	Done    Step = 3 // words matched; the Peer was handed out once
	Dead    Step = 4 // aborted: a difference, or too many wrong words
)

// Session names a pairing on both sides: the first bytes of A's commitment. A
// side MUST refuse to answer a commitment whose session it has stored, so that
// nobody gets a second nonce out of it.
type Session [16]byte

// side is what one side's words are made from.
type side struct {
	suite   uint8
	name    string
	root    []byte
	nonce   []byte
	payload []byte
}

// Pairing is one side's state. Store [Pairing.MarshalBinary] after every call
// that changes it, before anything leaves the desk. It is not safe for use by
// several goroutines.
type Pairing struct {
	role       Role
	step       Step
	left       uint8 // attempts
	commitment [hashSize]byte
	answer     [hashSize]byte // hash of file 2; zero before A has it
	own, peer  side
	said       [half]uint16 // once done: this side's words, which the other may still wait for
}

// Begin starts a pairing as A and returns file 1 for the other side.
func Begin(h Hasher, self Self) (*Pairing, []byte, error) {
	return begin(h, self, newNonce())
}

func begin(h Hasher, self Self, nonce []byte) (*Pairing, []byte, error) {
	own, err := newSide(h, self, nonce)
	if err != nil {
		return nil, nil, fmt.Errorf("begin pairing: %w", err)
	}
	p := &Pairing{role: A, step: Waiting, left: Attempts, own: own, commitment: own.commit(h)}
	return p, p.commitmentFile(), nil
}

// Answer takes file 1 as B and returns file 2. Call it once per [Session].
func Answer(h Hasher, self Self, file []byte) (*Pairing, []byte, error) {
	return answer(h, self, file, newNonce())
}

func answer(h Hasher, self Self, file, nonce []byte) (*Pairing, []byte, error) {
	own, err := newSide(h, self, nonce)
	if err != nil {
		return nil, nil, fmt.Errorf("answer pairing: %w", err)
	}
	p := &Pairing{role: B, step: Waiting, left: Attempts, own: own}
	if p.peer, p.commitment, err = parseCommitment(file); err == nil {
		err = own.suits(p.peer)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("answer pairing: %w", err)
	}
	reply := p.answerFile()
	p.answer = h.Hash(labelAnswer, reply)
	return p, reply, nil
}

// Open takes the other side's next file: A takes file 2 and gets file 3 to
// send, B takes file 3 and gets nothing. Taking the same file again gives the
// same result. On [ErrDiffers] the pairing is dead; on other errors it is as
// before.
func (p *Pairing) Open(h Hasher, file []byte) (reply []byte, err error) {
	if p.role == A {
		reply, err = p.openAnswer(h, file)
	} else {
		err = p.openOpening(h, file)
	}
	if err != nil {
		return nil, fmt.Errorf("open pairing file: %w", err)
	}
	return reply, nil
}

// openAnswer is A's step.
func (p *Pairing) openAnswer(h Hasher, file []byte) ([]byte, error) {
	commitment, peer, err := p.parseSide(magicAnswer, file)
	if err != nil {
		return nil, err
	}
	hash := h.Hash(labelAnswer, file)
	switch {
	case commitment != p.commitment:
		return nil, ErrOtherPairing
	case p.step == Compare && hash == p.answer:
		return p.openingFile(), nil
	case p.step != Waiting:
		return nil, fmt.Errorf("%w: step %d", ErrStep, p.step)
	case bytes.Equal(peer.root, p.own.root):
		return nil, fmt.Errorf("%w: the other side shows this party's own root", ErrMalformed)
	}
	p.peer, p.answer, p.step = peer, hash, Compare
	return p.openingFile(), nil
}

// openOpening is B's step.
func (p *Pairing) openOpening(h Hasher, file []byte) error {
	hash, peer, err := p.parseSide(magicOpening, file)
	if err != nil {
		return err
	}
	switch {
	case hash != p.answer:
		return ErrOtherPairing
	case p.step == Compare && bytes.Equal(octets.Encode(p.peer.fields), octets.Encode(peer.fields)):
		return nil
	case p.step != Waiting:
		return fmt.Errorf("%w: step %d", ErrStep, p.step)
	case peer.commit(h) != p.commitment || peer.name != p.peer.name:
		p.end(Dead)
		return ErrDiffers
	case bytes.Equal(peer.root, p.own.root):
		return fmt.Errorf("%w: the other side shows this party's own root", ErrMalformed)
	}
	p.peer, p.step = peer, Compare
	return nil
}

// Role returns which side this is.
func (p *Pairing) Role() Role { return p.role }

// Step returns where the pairing stands.
func (p *Pairing) Step() Step { return p.step }

// AttemptsLeft returns how many more wrong sets of words kill the pairing.
func (p *Pairing) AttemptsLeft() int { return int(p.left) }

// Session returns the name of the pairing, the same on both sides.
func (p *Pairing) Session() (s Session) { copy(s[:], p.commitment[:]); return s }

// PeerName returns what the other side calls itself, for the screen. It is not
// verified; A does not know it before file 2.
func (p *Pairing) PeerName() string { return p.peer.name }

// File returns the file that this side handed out last, to hand out again. It
// is nil when the pairing is over.
func (p *Pairing) File() []byte {
	switch {
	case p.step != Waiting && p.step != Compare:
		return nil
	case p.role == B:
		return p.answerFile()
	case p.step == Waiting:
		return p.commitmentFile()
	default:
		return p.openingFile()
	}
}

// Abort ends the pairing for good.
func (p *Pairing) Abort() {
	if p.step != Done {
		p.end(Dead)
	}
}

// end leaves nothing behind that words could be made from.
func (p *Pairing) end(s Step) {
	clear(p.own.nonce)
	p.step, p.own, p.peer = s, side{name: p.own.name}, side{name: p.peer.name}
}

func newNonce() []byte {
	n := make([]byte, nonceSize)
	rand.Read(n) // never fails: crypto/rand ends the process instead
	return n
}

func newSide(h Hasher, self Self, nonce []byte) (side, error) {
	s := side{h.ID(), self.Name, slices.Clone(self.Root), nonce, slices.Clone(self.Payload)}
	return s, octets.Check(s.fields)
}

// commit returns the commitment to everything that a side brings.
func (s *side) commit(h Hasher) [hashSize]byte {
	return h.Hash(labelCommitment, octets.Encode(s.hello), s.root, s.nonce, s.payload)
}
