package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

// one is the suite under test. TestMain runs all tests once in each.
var one = suite.One

func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("HOTLINE_SUITE") == "2" { // scripts/coverage: a profile has one run alone
		one = suite.Two
		os.Exit(m.Run())
	}
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() == "" && flag.Lookup("test.bench").Value.String() == "" {
		one = suite.Two
		fmt.Println("=== suite 2")
		code = max(code, m.Run())
	}
	os.Exit(code)
}

var (
	start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
)

// named returns 32 bytes that differ per name: ids and fixed keys of tests.
func named(name string) [32]byte { return sha256.Sum256([]byte("EXERCISE " + name)) }

// end is one desk of a test.
type end struct {
	desk   ident.Desk
	party  ident.Party
	sign   suite.MessageKey
	seal   suite.SealKey
	number uint64
}

func newEnd(party, desk string) end {
	return end{desk: named("desk " + desk), party: named("party " + party), sign: one.NewMessageKey(), seal: one.NewSealKey(), number: 7}
}

func (e end) recipient() Recipient {
	return Recipient{Desk: e.desk, Party: e.party, Key: e.seal, SealNumber: e.number}
}

// peers is the roster of a test.
func peers(ends ...end) func(ident.Desk) ([]byte, bool) {
	return func(d ident.Desk) ([]byte, bool) {
		for _, e := range ends {
			if e.desk == d {
				return e.sign.Public(), true
			}
		}
		return nil, false
	}
}

// pair is a sender and one receiver that holds its slice.
type pair struct {
	from, to end
	tx       *Sender
	rx       *Receiver
	slice    Slice
}

var group = ident.Group(named("group JPN NATO"))

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{from: newEnd("JPN", "JPN-1"), to: newEnd("NATO", "NATO-1")}
	p.tx = mustStart(t, p.from, nil, p.to.party)
	p.rx, p.slice = mustSlice(t, p.tx, p.from, p.to)
	return p
}

func mustStart(t testing.TB, e end, previous *Sender, others ...ident.Party) *Sender {
	t.Helper()
	m, err := NewSender(one, Start{Group: group, Desk: e.desk, Parties: append(others, e.party), Previous: previous, Now: start})
	if err != nil {
		t.Fatalf("NewSender: %v", err)
	}
	return m
}

func sliceFor(t testing.TB, m *Sender, from, to end) []byte {
	t.Helper()
	env, err := m.SliceFor(from.sign, SliceInput{
		Desk: to.desk, Party: to.party, SealPublic: to.seal.Public(), SealNumber: to.number,
		Digest: named("digest"), Precedence: precedence.Flash, Expiry: start.Add(time.Hour), Now: start,
	})
	if err != nil {
		t.Fatalf("SliceFor: %v", err)
	}
	return env
}

func mustSlice(t testing.TB, m *Sender, from, to end) (*Receiver, Slice) {
	t.Helper()
	r, sl, err := OpenSlice(one, sliceFor(t, m, from, to), to.recipient(), peers(from), start)
	if err != nil {
		t.Fatalf("OpenSlice: %v", err)
	}
	return r, sl
}

// message is what tests send: the body says which.
func message(l precedence.Level, n int) SealInput {
	body := binary.BigEndian.AppendUint32([]byte("EXERCISE message "), uint32(n))
	return SealInput{
		Kind: envelope.Message, Precedence: l, Message: ident.NewMessage(), Digest: named("digest"),
		Body: body, Expiry: start.Add(24 * time.Hour),
	}
}

func mustSeal(t testing.TB, m *Sender, key Signer, in SealInput) Sealed {
	t.Helper()
	s, err := m.Seal(key, in)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return s
}

func mustOpen(t testing.TB, r *Receiver, env []byte) Opened {
	t.Helper()
	o, err := r.Open(env, start)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return o
}

// state is a receiver's or sender's marshalled bytes.
func state(t testing.TB, m interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	b, err := m.MarshalBinary()
	if err != nil {
		t.Fatalf("MarshalBinary: %v", err)
	}
	return b
}

// restart is a receiver after its desk stopped and started.
func restart(t testing.TB, r *Receiver) *Receiver {
	t.Helper()
	n, err := UnmarshalReceiver(one, state(t, r))
	if err != nil {
		t.Fatalf("UnmarshalReceiver: %v", err)
	}
	return n
}

func restartSender(t testing.TB, m *Sender) *Sender {
	t.Helper()
	n, err := UnmarshalSender(one, state(t, m))
	if err != nil {
		t.Fatalf("UnmarshalSender: %v", err)
	}
	return n
}

// unchanged fails the test when r is not what before says.
func unchanged(t testing.TB, r *Receiver, before []byte, what string) {
	t.Helper()
	if !bytes.Equal(state(t, r), before) {
		t.Errorf("%s changed the receiver's state", what)
	}
}

// sealRaw seals plain behind h, whose position is in clear, and masks it where
// there is a header key.
func sealRaw(h envelope.Header, key, plain []byte, headerKey *[32]byte) []byte {
	prefix := h.Append(nil)[:envelope.PrefixSize]
	env := one.Seal(bytes.Clone(prefix), key, prefix, plain)
	if headerKey != nil {
		mask(one, *headerKey, env)
	}
	return env
}

// headerOf is a header for the first FLASH of p with n bytes of plaintext.
func headerOf(p *pair, n int) envelope.Header {
	h := envelope.Header{Suite: one.ID(), Type: envelope.Chain, Lane: 3, Tag: p.tx.tag, Length: uint32(envelope.HeaderSize + n + envelope.TagSize), Masked: position(3, 1)}
	return h
}

func chunkHeader(key [32]byte, n int) envelope.Header {
	return envelope.Header{Suite: one.ID(), Type: envelope.Chunk, Tag: FileTag(one, key), Length: uint32(envelope.HeaderSize + n + envelope.TagSize)}
}

// other is the number of the suite that is not under test.
func other() uint8 { return 3 - one.ID() }
