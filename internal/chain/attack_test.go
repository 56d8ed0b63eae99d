package chain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

// recorder is a suite that notes under which key and nonce it sealed.
type recorder struct {
	suite.Suite
	pairs map[[sha256.Size]byte]int // (key, nonce)
	keys  map[[sha256.Size]byte]int
}

func newRecorder() *recorder {
	return &recorder{one, map[[sha256.Size]byte]int{}, map[[sha256.Size]byte]int{}}
}

// Seal notes the key, and the nonce that the suite drew.
func (r *recorder) Seal(dst, key, aad, plain []byte) []byte {
	out := r.Suite.Seal(dst, key, aad, plain)
	nonce := out[len(dst) : len(dst)+12]
	r.keys[sha256.Sum256(key)]++
	r.pairs[sha256.Sum256(append(bytes.Clone(key), nonce...))]++
	return out
}

// TestNoKeyAndNonceTwice: over a run with restarts, transactions that fail, new
// generations, files that are sent again and a desk restored from yesterday, no
// key meets a nonce twice; and without the restore no key of a message seals two
// (attack 12).
func TestNoKeyAndNonceTwice(t *testing.T) {
	from, to := newEnd("JPN", "JPN-1"), newEnd("NATO", "NATO-1")
	rec := newRecorder()
	begin := func(previous *Sender) *Sender {
		m, err := NewSender(rec, Start{Group: group, Desk: from.desk, Parties: []ident.Party{from.party, to.party}, Previous: previous, Now: start})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	sent := 0
	seal := func(m *Sender) {
		in := message(precedence.Level(sent%4), sent)
		if sent%5 == 4 {
			in.Kind, in.ReceiptTo = envelope.Receipt, to.party
		}
		mustSeal(t, m, from.sign, in)
		sent++
	}
	tx := begin(nil)
	yesterday := state(t, tx)
	for range 4 {
		for range 60 {
			seal(tx)
			again, err := UnmarshalSender(rec, state(t, tx))
			if err != nil {
				t.Fatal(err)
			}
			tx = again
		}
		tx = begin(tx)
	}
	if len(rec.keys) != sent || len(rec.pairs) != sent {
		t.Errorf("%d messages under %d keys", sent, len(rec.keys))
	}

	// What a failed transaction sealed never left, and its key comes again: the
	// nonce must not. So too where the whole desk is yesterday's.
	for range 30 {
		kept := tx.Clone()
		seal(tx)
		tx = kept
		seal(tx)
	}
	old, err := UnmarshalSender(rec, yesterday)
	if err != nil {
		t.Fatal(err)
	}
	for range 60 {
		seal(old)
	}
	key := named("content key")
	for range 10 {
		if _, err := SealChunk(rec, ChunkInput{Chunk: Chunk{Data: []byte("EXERCISE"), Final: true}, Key: key}); err != nil {
			t.Fatal(err)
		}
		sent++
	}
	if len(rec.keys) >= sent {
		t.Error("control: no key came twice, so that nonces were not put to the test")
	}
	for pair, n := range rec.pairs {
		if n != 1 {
			t.Errorf("the pair %x sealed %d times", pair[:4], n)
		}
	}
}

// TestReplayAtEachWritePoint: the same envelopes come again at every point where
// a desk may stop: before its transaction, after one that failed, after one that
// held and before or after a restart. Each opens once (attack 3).
func TestReplayAtEachWritePoint(t *testing.T) {
	p := newPair(t)
	var sent [][]byte
	for i := range 6 {
		sent = append(sent, mustSeal(t, p.tx, p.from.sign, message(3, i)).Envelope)
	}
	stored := state(t, p.rx) // what the disk has
	load := func() *Receiver {
		r, err := UnmarshalReceiver(one, stored)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	opened := map[int]bool{}
	// replay holds that of everything sent so far exactly what is not yet
	// opened would open, and leaves r as it is.
	replay := func(when string, r *Receiver) {
		t.Helper()
		for i, env := range sent {
			before := state(t, r)
			_, err := r.Clone().Open(env, start)
			if opened[i] && !errors.Is(err, ErrReplay) || !opened[i] && err != nil {
				t.Errorf("%s, message %d, opened %v: %v", when, i, opened[i], err)
			}
			unchanged(t, r, before, when)
		}
	}
	for _, i := range []int{2, 0, 5, 1, 4, 3} {
		rx := load()
		replay("before it came", rx)
		failed := rx.Clone()
		mustOpen(t, rx, sent[i])
		rx = failed // the disk refused, and the clone went back
		replay("after a transaction that failed", rx)
		replay("after a kill before the commit", load())
		mustOpen(t, rx, sent[i])
		stored, opened[i] = state(t, rx), true
		replay("after the commit", rx)
		replay("after a kill behind the commit", load())
	}
}

// TestReplayElsewhereIsRefused: an envelope of one group, generation, desk or
// suite in another's place, also under the other's tag, which everybody who reads
// there knows (attack 3).
func TestReplayElsewhereIsRefused(t *testing.T) {
	p := newPair(t)
	env := mustSeal(t, p.tx.Clone(), p.from.sign, message(3, 1)).Envelope
	place := func(in Start, from end) *Receiver {
		m, err := NewSender(one, in)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := mustSlice(t, m, from, p.to)
		return r
	}
	in := Start{Group: group, Desk: p.from.desk, Parties: []ident.Party{p.from.party, p.to.party}, Now: start}
	next, line, desk := in, in, in
	next.Previous = p.tx.Clone()
	line.Group = ident.Group(named("group JPN NATO on another line"))
	second := newEnd("JPN", "JPN-2")
	desk.Desk = second.desk
	// The same sending key under other names is what a hostile sender can do.
	key := p.tx.key
	same := func(in Start) *Receiver {
		m, err := newSender(one, in, key, p.tx.generation)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := mustSlice(t, m, p.from, p.to)
		return r
	}
	for name, r := range map[string]*Receiver{
		"the next generation":                 place(next, p.from),
		"another generation":                  place(in, p.from),
		"another line":                        place(line, p.from),
		"another desk of the party":           place(desk, second),
		"another line, made with the one key": same(line),
	} {
		before := state(t, r)
		for _, tag := range [][16]byte{p.rx.Tag(), r.Tag()} {
			moved := bytes.Clone(env)
			copy(moved[4:20], tag[:])
			if _, err := r.Open(moved, start); !errors.Is(err, ErrOpen) {
				t.Errorf("%s: %v, want ErrOpen", name, err)
			}
		}
		unchanged(t, r, before, name)
	}
	moved := bytes.Clone(env)
	moved[1] = other()
	if _, err := p.rx.Open(moved, start); !errors.Is(err, ErrOpen) {
		t.Errorf("another suite: %v, want ErrOpen", err)
	}
	mustOpen(t, p.rx, env)
}
