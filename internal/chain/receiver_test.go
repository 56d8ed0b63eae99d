package chain

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

// TestSealedOnceOpenedByEveryDesk: one envelope, three desks, each opens it.
func TestSealedOnceOpenedByEveryDesk(t *testing.T) {
	from := newEnd("JPN", "JPN-1")
	to := []end{newEnd("NATO", "NATO-1"), newEnd("AUS", "AUS-1"), newEnd("JPN", "JPN-2")}
	tx := mustStart(t, from, nil, to[0].party, to[1].party)
	in := message(precedence.Flash, 1)
	for _, e := range to {
		rx, _ := mustSlice(t, tx, from, e)
		tx := tx.Clone()
		s := mustSeal(t, tx, from.sign, in)
		o := mustOpen(t, rx, s.Envelope)
		if !bytes.Equal(o.Body, in.Body) || o.Inside.Message != in.Message || o.Inside.Digest != in.Digest || o.Sender != from.desk || o.Group != group {
			t.Errorf("opened %+v", o)
		}
		if o.Lane != 3 || o.Sequence != 1 || o.History != Intact || o.Missing != nil || o.Running != s.Running {
			t.Errorf("opened at %d/%d, history %d, missing %v", o.Lane, o.Sequence, o.History, o.Missing)
		}
		if n := len(s.Envelope); n != envelope.Bucket(n) {
			t.Errorf("envelope of %d bytes is no bucket", n)
		}
	}
}

func TestReplayRefusedAfterRestart(t *testing.T) {
	p := newPair(t)
	var sent [][]byte
	for i := range 5 {
		sent = append(sent, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, i)).Envelope)
	}
	for _, i := range []int{0, 3, 1, 4} {
		mustOpen(t, p.rx, sent[i])
	}
	for _, rx := range []*Receiver{p.rx, restart(t, p.rx), p.rx.Clone()} {
		before := state(t, rx)
		for _, i := range []int{0, 1, 3, 4} {
			if _, err := rx.Open(sent[i], start); !errors.Is(err, ErrReplay) {
				t.Errorf("message %d again: %v, want ErrReplay", i, err)
			}
		}
		unchanged(t, rx, before, "a replay")
		mustOpen(t, rx, sent[2])
	}
}

// TestLateMessagesOpenAfterRestart: all orders of six messages of one lane,
// with a restart between any two; each is read once, and the history is whole.
func TestLateMessagesOpenAfterRestart(t *testing.T) {
	p := newPair(t)
	var sent [][]byte
	for i := range 6 {
		sent = append(sent, mustSeal(t, p.tx, p.from.sign, message(precedence.Routine, i)).Envelope)
	}
	first := state(t, p.rx)
	orders := permutations(6)
	if testing.Short() {
		orders = orders[:60]
	}
	for _, order := range orders {
		rx, err := UnmarshalReceiver(one, first)
		if err != nil {
			t.Fatal(err)
		}
		for n, i := range order {
			o, err := rx.Open(sent[i], start)
			if err != nil || o.Sequence != uint32(i+1) {
				t.Fatalf("order %v: message %d: %v", order, i, err)
			}
			// Proven as soon as the message before it was opened, and never Broken.
			if want := proven(order[:n], i); o.History != want {
				t.Fatalf("order %v: message %d has history %d, want %d", order, i, o.History, want)
			}
			rx = restart(t, rx)
			if _, err := rx.Open(sent[i], start); !errors.Is(err, ErrReplay) {
				t.Fatalf("order %v: message %d again: %v", order, i, err)
			}
		}
		if gaps := rx.Missing(); gaps != nil {
			t.Fatalf("order %v: still missing %v", order, gaps)
		}
		if seq, running := rx.chains[0].last(), rx.chains[0].running; seq != 6 || running != p.tx.lanes[0].running {
			t.Fatalf("order %v: ends at %d with another running hash", order, seq)
		}
	}
}

func proven(opened []int, i int) History {
	if i == 0 || slices.Contains(opened, i-1) {
		return Intact
	}
	return Unproven
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// TestTwoHistoriesAreNoticed: a sender that shows two desks two messages at one
// place is found out by either desk at the first message that follows the other.
func TestTwoHistoriesAreNoticed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		order []int // 0 other second message, 1 third, 2 fourth
	}{
		{"in order", []int{0, 1, 2}},
		{"the other one late", []int{1, 0, 2}},
		{"the other one last", []int{1, 2, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t)
			mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, 1)).Envelope)
			fork := p.tx.Clone()
			other := mustSeal(t, fork, p.from.sign, message(precedence.Flash, 99)).Envelope
			mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, 2))
			env := [][]byte{other, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, 3)).Envelope, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, 4)).Envelope}
			var broken int
			for _, i := range tt.order {
				p.rx = restart(t, p.rx)
				if mustOpen(t, p.rx, env[i]).History == Broken {
					broken++
				}
			}
			if broken != 1 {
				t.Errorf("noticed %d times, want once", broken)
			}
		})
	}
}

// TestSerialJumpIsRefusedCheaply: the limit comes before any key is derived.
func TestSerialJumpIsRefusedCheaply(t *testing.T) {
	p := newPair(t)
	counted := &counting{Suite: one}
	p.rx.s = counted
	for _, tt := range []struct {
		sequence uint32
		want     error
		most     int // derivations: one unmasks, and a refused jump needs no other
		bytes    uint64
	}{
		{1<<32 - 1, ErrOpen, 1, 4 << 10}, // no chain is that long
		{MaxSequence, ErrJump, 1, 4 << 10},
		{MaxSkipped + 2, ErrJump, 1, 4 << 10},
		{MaxSkipped + 1, ErrOpen, 1 + 2*(MaxSkipped+1), 4 << 20}, // derived, and then it does not open
	} {
		env := mustSeal(t, p.tx.Clone(), p.from.sign, message(precedence.Flash, 1)).Envelope
		remask(t, p.tx, env, 3, tt.sequence)
		before := state(t, p.rx)
		counted.expands = 0
		_, err := p.rx.Open(env, start)
		if !errors.Is(err, tt.want) {
			t.Errorf("sequence %d: %v, want %v", tt.sequence, err, tt.want)
		}
		if got := counted.expands; got > tt.most {
			t.Errorf("sequence %d: %d derivations, want at most %d", tt.sequence, got, tt.most)
		}
		if got := allocated(func() { _, _ = p.rx.Open(env, start) }); got > tt.bytes {
			t.Errorf("sequence %d takes %d bytes of memory, want at most %d", tt.sequence, got, tt.bytes)
		}
		unchanged(t, p.rx, before, fmt.Sprintf("sequence %d", tt.sequence))
	}
	// An honest jump of exactly the limit opens.
	p.rx.s = one
	for range MaxSkipped {
		p.tx.lanes[3].step(one)
	}
	if o := mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, 1)).Envelope); !slices.Equal(o.Missing, []Gap{{3, 1, MaxSkipped}}) {
		t.Errorf("missing %v", o.Missing)
	}
}

// allocated is how many bytes of memory one call of f takes, whoever frees them.
func allocated(f func()) uint64 {
	const calls = 5
	var before, after runtime.MemStats
	f() // what is made once, is made
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / calls
}

// counting counts derivations.
type counting struct {
	suite.Suite
	expands int
}

func (c *counting) Expand(prk []byte, label string, context []byte, n int) []byte {
	c.expands++
	return c.Suite.Expand(prk, label, context, n)
}

// remask writes another lane and sequence into an envelope, as somebody can who
// holds the header key.
func remask(t *testing.T, m *Sender, env []byte, l Lane, sequence uint32) {
	t.Helper()
	b := position(l, sequence)
	copy(env[20:], b[:])
	mask(one, m.headerKey, env)
}

// TestOldestSkippedKeysGiveWay: more than MaxSkipped missing in one chain costs
// the oldest keys and says so.
func TestOldestSkippedKeysGiveWay(t *testing.T) {
	p := newPair(t)
	kept := mustSeal(t, p.tx, p.from.sign, message(0, 1)).Envelope // sequence 1
	for range 600 {
		p.tx.lanes[0].step(one) // 2 to 601
	}
	mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(0, 2)).Envelope) // 602
	for range 500 {
		p.tx.lanes[0].step(one) // 603 to 1,102
	}
	o := mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(0, 3)).Envelope)
	if want := []Gap{{0, 1, 101}}; !slices.Equal(o.Lost, want) {
		t.Errorf("lost %v, want %v", o.Lost, want)
	}
	if want := []Gap{{0, 102, 601}, {0, 603, 1102}}; !slices.Equal(p.rx.Missing(), want) {
		t.Errorf("missing %v, want %v", p.rx.Missing(), want)
	}
	if _, err := p.rx.Open(kept, start); !errors.Is(err, ErrReplay) {
		t.Errorf("message whose key gave way: %v", err)
	}
	restart(t, p.rx)
}

func TestSkippedKeysExpire(t *testing.T) {
	p := newPair(t)
	late := mustSeal(t, p.tx, p.from.sign, message(2, 1)).Envelope
	mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, message(2, 2)).Envelope)
	if lost := p.rx.Expire(start.Add(KeepSkipped - time.Millisecond)); lost != nil {
		t.Errorf("expired early: %v", lost)
	}
	mustOpen(t, p.rx.Clone(), late)
	p.rx = restart(t, p.rx)
	if lost := p.rx.Expire(start.Add(KeepSkipped)); !slices.Equal(lost, []Gap{{2, 1, 1}}) {
		t.Errorf("expired %v", lost)
	}
	if _, err := p.rx.Open(late, start); !errors.Is(err, ErrReplay) {
		t.Errorf("after its key expired: %v", err)
	}
}

// TestFlippedByteChangesNothing flips every byte, and cuts at every length.
func TestFlippedByteChangesNothing(t *testing.T) {
	p := newPair(t)
	mustSeal(t, p.tx, p.from.sign, message(3, 1)) // so that there is a gap to open
	good := mustSeal(t, p.tx, p.from.sign, message(3, 2)).Envelope
	before := state(t, p.rx)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x41
		if o, err := p.rx.Open(bad, start); err == nil || o.Body != nil {
			t.Errorf("byte %d flipped: opens", i)
		}
	}
	for n := range good {
		if _, err := p.rx.Open(good[:n], start); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	unchanged(t, p.rx, before, "a damaged envelope")
	mustOpen(t, p.rx, good)
}

// TestForgedSignatureConsumesNoKey: another member of the group holds the same
// sending key and can seal under it, but not sign.
func TestForgedSignatureConsumesNoKey(t *testing.T) {
	p := newPair(t)
	member := p.tx.Clone()
	forged := mustSeal(t, member, p.to.sign, message(3, 666)).Envelope
	ahead := mustSeal(t, member, p.to.sign, message(3, 667)).Envelope
	before := state(t, p.rx)
	for _, env := range [][]byte{forged, ahead} {
		if _, err := p.rx.Open(env, start); !errors.Is(err, ErrSignature) {
			t.Errorf("forged message: %v, want ErrSignature", err)
		}
	}
	unchanged(t, p.rx, before, "a forged message")
	real := mustSeal(t, p.tx, p.from.sign, message(3, 1)).Envelope
	if o := mustOpen(t, p.rx, real); o.Sequence != 1 {
		t.Errorf("the real message opened at %d", o.Sequence)
	}
}

// TestSignedNonsenseIsRefused: the sender itself breaks the format. Each case
// is sealed and signed as it should be, but for one thing.
func TestSignedNonsenseIsRefused(t *testing.T) {
	tests := map[string]struct {
		lane   Lane
		mutate func(i *envelope.Inside, size *int, padding []byte)
		want   error
	}{
		"nothing wrong":              {3, func(*envelope.Inside, *int, []byte) {}, nil},
		"kind 0":                     {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Kind = 0 }, ErrRefused},
		"kind 99":                    {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Kind = 99 }, ErrRefused},
		"precedence of another lane": {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Precedence = 0 }, ErrRefused},
		"flash override":             {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Precedence = 4 }, ErrRefused},
		"receipt in a message lane":  {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Kind = envelope.Receipt }, ErrRefused},
		"message among receipts":     {Receipts, func(*envelope.Inside, *int, []byte) {}, ErrRefused},
		"flags":                      {3, func(i *envelope.Inside, _ *int, _ []byte) { i.Flags = 1 }, ErrRefused},
		"body longer than there is":  {3, func(i *envelope.Inside, _ *int, _ []byte) { i.BodyLength = 1 << 20 }, ErrRefused},
		"not padded":                 {3, func(_ *envelope.Inside, size *int, _ []byte) { *size -= 23 }, ErrRefused},
		"padding is not zero":        {3, func(_ *envelope.Inside, _ *int, p []byte) { p[len(p)-1] = 1 }, ErrRefused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			before := state(t, p.rx)
			_, err := p.rx.Open(craft(p, tt.lane, tt.mutate), start)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Open: %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				unchanged(t, p.rx, before, name)
			}
		})
	}
}

// craft seals as Sender.Seal does, without its checks.
func craft(p *pair, lane Lane, mutate func(*envelope.Inside, *int, []byte)) []byte {
	body := []byte("EXERCISE message")
	in := envelope.Inside{Kind: envelope.Message, Precedence: 3, BodyLength: uint32(len(body))}
	c := p.tx.lanes[3].ratchet
	if lane == Receipts {
		i := slices.IndexFunc(p.tx.receipts, func(c sendChain) bool { return c.party == p.to.party })
		c = p.tx.receipts[i].ratchet
	}
	in.Previous = c.running
	size := envelope.Bucket(envelope.Overhead + one.Sizes().MessageSignature + len(body))
	mutate(&in, &size, make([]byte, 1))
	h := envelope.Header{Suite: one.ID(), Type: envelope.Chain, Lane: 3, Tag: p.tx.tag, Length: uint32(size), Masked: position(lane, 1)}
	header := h.Append(nil)[:envelope.PrefixSize]
	signed := append(in.Append(nil), body...)
	signature := p.from.sign.Sign(labelMessage, group[:], p.tx.desk[:], p.tx.generation[:], header, signed)
	plain := make([]byte, size-envelope.HeaderSize-envelope.TagSize)
	n := copy(plain, append(signed, signature...))
	if n < len(plain) {
		mutate(&envelope.Inside{}, new(int), plain[n:])
	}
	key := c.step(one)
	return sealRaw(h, key[:], plain, &p.tx.headerKey)
}

// TestReceiptsHaveAChainPerParty: receipts to one party leave no gap in another's.
func TestReceiptsHaveAChainPerParty(t *testing.T) {
	from, nato, aus := newEnd("JPN", "JPN-1"), newEnd("NATO", "NATO-1"), newEnd("AUS", "AUS-1")
	tx := mustStart(t, from, nil, nato.party, aus.party)
	toNATO, _ := mustSlice(t, tx, from, nato)
	toAUS, _ := mustSlice(t, tx, from, aus)
	receipt := func(p ident.Party) SealInput {
		in := message(precedence.Flash, 1)
		in.Kind, in.ReceiptTo = envelope.Receipt, p
		return in
	}
	for range 3 {
		env := mustSeal(t, tx, from.sign, receipt(nato.party)).Envelope
		if o := mustOpen(t, toNATO, env); o.Lane != Receipts || o.Missing != nil || o.History != Intact {
			t.Errorf("receipt at %d/%d, missing %v", o.Lane, o.Sequence, o.Missing)
		}
		before := state(t, toAUS)
		if _, err := toAUS.Open(env, start); !errors.Is(err, ErrOpen) {
			t.Errorf("another party opens a receipt: %v", err)
		}
		unchanged(t, toAUS, before, "a receipt to another party")
	}
	if o := mustOpen(t, toAUS, mustSeal(t, tx, from.sign, receipt(aus.party)).Envelope); o.Sequence != 1 || o.Missing != nil {
		t.Errorf("first receipt to the other party at %d, missing %v", o.Sequence, o.Missing)
	}
	if _, err := tx.Seal(from.sign, receipt(named("party nobody"))); !errors.Is(err, ErrInput) {
		t.Errorf("receipt outside the group: %v", err)
	}
}
