package ceremony

import (
	"crypto/subtle"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"hotline/internal/octets"
)

// wordCount words of 11 bits each make 132 bits: half of them protect A, half B.
const (
	wordCount = 12
	half      = wordCount / 2
	wordBits  = 11
	listSize  = 1 << wordBits
)

//go:embed words.txt
var wordsFile string

// list is the word list in order. It never changes: words come out of a hash
// by their place in it.
var list = strings.Fields(wordsFile)

// Say returns the six words that this side says aloud. Both sides do. They
// exist once the files have passed, and stay when this side is done: the other
// may have to hear them again.
func (p *Pairing) Say(h Hasher) ([]string, error) {
	switch p.step {
	case Compare:
		said, _ := p.halves(h)
		return spell(said), nil
	case Done:
		return spell(p.said), nil
	}
	return nil, fmt.Errorf("say pairing words: %w: step %d", ErrStep, p.step)
}

// Confirm takes the six words that the other side said, as the list spells
// them. When they match it returns the other side, once, and the pairing is done; store the
// peer and the pairing in one transaction. A wrong set costs one of
// [Attempts], and the last one kills the pairing: store that too.
func (p *Pairing) Confirm(h Hasher, heard []string) (Peer, error) {
	if p.step != Compare {
		return Peer{}, fmt.Errorf("confirm pairing: %w: step %d", ErrStep, p.step)
	}
	if err := checkWords(heard); err != nil {
		return Peer{}, fmt.Errorf("confirm pairing: %w", err)
	}
	say, want := p.halves(h)
	if subtle.ConstantTimeCompare([]byte(strings.Join(heard, " ")), []byte(strings.Join(spell(want), " "))) != 1 {
		p.left--
		if p.left == 0 {
			p.end(Dead)
		}
		return Peer{}, fmt.Errorf("confirm pairing: %w", ErrWords)
	}
	peer := Peer{Name: p.peer.name, Root: p.peer.root, Payload: p.peer.payload}
	p.end(Done)
	p.said = say
	return peer, nil
}

// halves returns the places in the list of the six words that this side says,
// and of the six that it wants to hear. A says the first half.
func (p *Pairing) halves(h Hasher) (say, hear [half]uint16) {
	all := p.words(h)
	first, second := [half]uint16(all[:half]), [half]uint16(all[half:])
	if p.role == A {
		return first, second
	}
	return second, first
}

// words returns the places of all twelve. They come from everything that both
// sides brought, A's first.
func (p *Pairing) words(h Hasher) []uint16 {
	a, b := p.own, p.peer
	if p.role == B {
		a, b = b, a
	}
	sum := h.Hash(labelWords, octets.Encode(a.hello), octets.Encode(b.hello), a.root, b.root, a.nonce, b.nonce, a.payload, b.payload)
	out := make([]uint16, wordCount)
	for i := range out {
		out[i] = bits(sum[:], i*wordBits)
	}
	return out
}

func spell(places [half]uint16) []string {
	out := make([]string, half)
	for i, n := range places {
		out[i] = list[n]
	}
	return out
}

// bits returns the wordBits bits of b that begin at bit from, highest first.
func bits(b []byte, from int) (v uint16) {
	for i := from; i < from+wordBits; i++ {
		v = v<<1 | uint16(b[i/8]>>(7-i%8)&1)
	}
	return v
}

func checkWords(heard []string) error {
	if len(heard) != half {
		return fmt.Errorf("%w: %d words", ErrNotWords, len(heard))
	}
	for i, w := range heard {
		if _, ok := slices.BinarySearch(list, w); !ok {
			return fmt.Errorf("%w: word %d is not on it", ErrNotWords, i+1)
		}
	}
	return nil
}
