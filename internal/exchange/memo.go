package exchange

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"hotline/internal/roster"
)

// Memo remembers which signatures hold, so that a desk verifies each one once
// while it runs and not at every change of a roster: at 200 desks that is the
// difference between milliseconds and a minute. What does not hold is not
// remembered. It is safe for use by several goroutines; desks of one process
// may share one.
type Memo struct {
	roster.Verifier

	mu sync.RWMutex
	// mu guards the following.
	held   map[[sha256.Size]byte]struct{}
	parsed map[[sha256.Size]byte]roster.Statement
}

// maxMemo bounds what is remembered: three signatures for each of the most
// statements that 64 parties may make.
const maxMemo = 1 << 16

// NewMemo returns a memo over v.
func NewMemo(v roster.Verifier) *Memo {
	return &Memo{Verifier: v, held: map[[sha256.Size]byte]struct{}{}, parsed: map[[sha256.Size]byte]roster.Statement{}}
}

// maxParsed bounds the statements that are kept: the most of eight lines of 200
// desks, 17 kB each.
const maxParsed = 2048

// parse reads a statement. What was read before is not read again, so that all
// sets hold one copy of its bytes.
func (m *Memo) parse(raw []byte) (roster.Statement, error) {
	key := sha256.Sum256(raw)
	m.mu.RLock()
	st, known := m.parsed[key]
	m.mu.RUnlock()
	if known {
		return st, nil
	}
	st, err := roster.ParseStatement(raw)
	if err != nil {
		return st, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.parsed) >= maxParsed {
		clear(m.parsed)
	}
	m.parsed[key] = st
	return st, nil
}

// VerifyRoot implements [roster.Verifier].
func (m *Memo) VerifyRoot(public []byte, label string, signature []byte, parts ...[]byte) error {
	return m.once('r', m.Verifier.VerifyRoot, public, label, signature, parts)
}

// VerifyDesk implements [roster.Verifier].
func (m *Memo) VerifyDesk(public []byte, label string, signature []byte, parts ...[]byte) error {
	return m.once('d', m.Verifier.VerifyDesk, public, label, signature, parts)
}

type verify func(public []byte, label string, signature []byte, parts ...[]byte) error

func (m *Memo) once(kind byte, verify verify, public []byte, label string, signature []byte, parts [][]byte) error {
	h := sha256.New()
	h.Write([]byte{kind})
	for _, p := range append([][]byte{public, []byte(label), signature}, parts...) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	key := [sha256.Size]byte(h.Sum(nil))
	m.mu.RLock()
	_, known := m.held[key]
	m.mu.RUnlock()
	if known {
		return nil
	}
	if err := verify(public, label, signature, parts...); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.held) >= maxMemo {
		clear(m.held)
	}
	m.held[key] = struct{}{}
	return nil
}
