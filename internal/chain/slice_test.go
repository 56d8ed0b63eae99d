package chain

import (
	"bytes"
	"errors"
	"testing"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
)

func TestSliceSaysWhatTheSenderSigned(t *testing.T) {
	p := newPair(t)
	sl := p.slice
	if sl.Sender != p.from.desk || sl.Group != group || sl.Generation != p.tx.Generation() || sl.Commitment != p.tx.Commitment() || sl.Digest != named("digest") || !sl.Time.Equal(start) || sl.Restart || sl.Predecessor != [32]byte{} || sl.Last != [lanes]uint32{} {
		t.Errorf("slice says %+v", sl)
	}
	if p.rx.Tag() != p.tx.Tag() || p.rx.Identity() != p.tx.Identity() || p.rx.Sender() != p.from.desk || p.rx.Group() != group || p.rx.Generation() != sl.Generation {
		t.Error("the two ends do not name the generation alike")
	}
	if p.tx.Group() != group || !p.tx.Created().Equal(start) || !p.rx.Created().Equal(start) {
		t.Error("group or time of making is lost")
	}
	if s := mustSeal(t, p.tx.Clone(), p.from.sign, message(3, 1)); s.Sequence != 1 {
		t.Errorf("first sequence %d", s.Sequence)
	}
	if n, running := p.tx.Last(3); n != 0 || running != p.rx.chains[3].running {
		t.Errorf("before the first message: last %d", n)
	}
	env := sliceFor(t, p.tx, p.from, p.to)
	h, err := envelope.Parse(env)
	if err != nil || len(env) != SliceSize(one) || h.Tag != SliceTag(one, p.to.seal.Public()) || h.Lane != 3 {
		t.Errorf("slice envelope of %d bytes, header %+v, %v", len(env), h, err)
	}
}

func TestSliceIsForOneDeskAlone(t *testing.T) {
	p := newPair(t)
	env := sliceFor(t, p.tx, p.from, p.to)
	with := func(change func(*end)) Recipient {
		e := p.to
		change(&e)
		return e.recipient()
	}
	tests := map[string]struct {
		to    Recipient
		peers func(ident.Desk) ([]byte, bool)
		want  error
	}{
		"another seal key":          {with(func(e *end) { e.seal = one.NewSealKey() }), peers(p.from), ErrOpen},
		"another desk":              {with(func(e *end) { e.desk = named("desk NATO-2") }), peers(p.from), ErrSignature},
		"another seal key number":   {with(func(e *end) { e.number++ }), peers(p.from), ErrSignature},
		"sender unknown":            {p.to.recipient(), peers(), ErrUnknownDesk},
		"sender has another key":    {p.to.recipient(), peers(end{desk: p.from.desk, sign: one.NewMessageKey()}), ErrSignature},
		"all as it should be":       {p.to.recipient(), peers(p.from), nil},
		"party does not bind slice": {with(func(e *end) { e.party = named("party AUS") }), peers(p.from), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, _, err := OpenSlice(one, env, tt.to, tt.peers, start)
			if !errors.Is(err, tt.want) || (r == nil) != (tt.want != nil) {
				t.Errorf("OpenSlice: %v, want %v", err, tt.want)
			}
		})
	}
	for i := range env {
		bad := bytes.Clone(env)
		bad[i] ^= 0x20
		if _, _, err := OpenSlice(one, bad, p.to.recipient(), peers(p.from), start); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
	}
}

// TestGarbageSliceIsRefused: a sender signs a commitment to one key and seals
// another, or seals nonsense.
func TestGarbageSliceIsRefused(t *testing.T) {
	p := newPair(t)
	seal := func(mutate func(m *Sender)) []byte {
		m := p.tx.Clone()
		mutate(m)
		return sliceFor(t, m, p.from, p.to)
	}
	raw := func(plain []byte) []byte {
		env, err := sealTo(one, sealed{kind: envelope.Slice, tag: SliceTag(one, p.to.seal.Public()), label: labelSlice, public: p.to.seal.Public(), plain: plain})
		if err != nil {
			t.Fatal(err)
		}
		return env
	}
	tests := map[string]struct {
		env  []byte
		want error
	}{
		"another key than committed": {seal(func(m *Sender) { m.key[0] ^= 1 }), ErrRefused},
		"commitment of another key":  {seal(func(m *Sender) { m.commitment[0] ^= 1 }), ErrRefused},
		"another generation":         {seal(func(m *Sender) { m.generation[0] ^= 1 }), ErrRefused},
		"another group":              {seal(func(m *Sender) { m.group[0] ^= 1 }), ErrRefused},
		"another sender":             {seal(func(m *Sender) { m.desk[0] ^= 1 }), ErrUnknownDesk},
		"zeros":                      {raw(make([]byte, SliceSize(one)-envelope.HeaderSize-encapsulated(one))), ErrUnknownDesk},
		"bytes of one":               {raw(bytes.Repeat([]byte{1}, SliceSize(one)-envelope.HeaderSize-encapsulated(one))), ErrRefused},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, _, err := OpenSlice(one, tt.env, p.to.recipient(), peers(p.from), start); !errors.Is(err, tt.want) {
				t.Errorf("OpenSlice: %v, want %v", err, tt.want)
			}
		})
	}
}

// TestTwoKeysForOneGenerationConvict: the proofs of two slices show it to
// anybody, and show nothing of the keys.
func TestTwoKeysForOneGenerationConvict(t *testing.T) {
	p := newPair(t)
	repeat, sl := mustSlice(t, p.tx, p.from, p.to)
	if same, err := p.rx.Same(sl); !same || err != nil {
		t.Errorf("a repeat: %v, %v", same, err)
	}
	_ = repeat // a caller drops it: TestRepeatedSliceMustNotReplace
	evil, err := newSender(one, Start{Group: group, Desk: p.from.desk, Parties: []ident.Party{p.from.party, p.to.party}, Now: start}, named("another key"), p.tx.generation)
	if err != nil {
		t.Fatal(err)
	}
	_, second := mustSlice(t, evil, p.from, p.to)
	if _, err := p.rx.Same(second); !errors.Is(err, ErrConflict) {
		t.Errorf("a second key: %v, want ErrConflict", err)
	}
	a, errA := VerifySlice(one, p.slice.Proof, peers(p.from))
	b, errB := VerifySlice(one, second.Proof, peers(p.from))
	if errA != nil || errB != nil || a.Generation != b.Generation || a.Sender != b.Sender || a.Commitment == b.Commitment {
		t.Errorf("the proofs do not convict: %v, %v", errA, errB)
	}
	if key := named("another key"); bytes.Contains(second.Proof, key[:]) || bytes.Contains(p.slice.Proof, p.tx.key[:]) {
		t.Error("a proof shows the key")
	}
	for i := range second.Proof {
		bad := bytes.Clone(second.Proof)
		bad[i] ^= 1
		if _, err := VerifySlice(one, bad, peers(p.from)); err == nil {
			t.Errorf("proof with byte %d flipped verifies", i)
		}
	}
	other, _ := mustSlice(t, mustStart(t, p.from, nil, p.to.party), p.from, p.to)
	if same, err := other.Same(p.slice); same || err != nil {
		t.Errorf("another generation: %v, %v", same, err)
	}
}

func TestForgottenKeyCannotBeSliced(t *testing.T) {
	p := newPair(t)
	p.tx.Forget()
	if p.tx.key != [32]byte{} {
		t.Error("the key is still in memory")
	}
	for _, m := range []*Sender{p.tx, restartSender(t, p.tx), p.tx.Clone()} {
		if _, err := m.SliceFor(p.from.sign, SliceInput{Desk: p.to.desk, Party: p.to.party, SealPublic: p.to.seal.Public()}); !errors.Is(err, ErrForgotten) {
			t.Errorf("SliceFor after Forget: %v", err)
		}
		mustOpen(t, p.rx.Clone(), mustSeal(t, m, p.from.sign, message(3, 1)).Envelope) // it still sends
	}
}

func TestSliceForRefuses(t *testing.T) {
	p := newPair(t)
	good := SliceInput{Desk: p.to.desk, Party: p.to.party, SealPublic: p.to.seal.Public(), Now: start}
	for name, change := range map[string]func(*SliceInput){
		"a party outside the group": func(in *SliceInput) { in.Party = named("party AUS") },
		"a bad seal key":            func(in *SliceInput) { in.SealPublic = in.SealPublic[1:] },
		"an unknown precedence":     func(in *SliceInput) { in.Precedence = 4 },
	} {
		in := good
		change(&in)
		if _, err := p.tx.SliceFor(p.from.sign, in); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
}

// TestSuccessorEndsItsPredecessor, also over a restart; a restored desk that
// starts anew from an old state names the same predecessor, which shows.
func TestSuccessorEndsItsPredecessor(t *testing.T) {
	p := newPair(t)
	in := message(precedence.Priority, 1)
	in.Kind, in.ReceiptTo = envelope.Receipt, p.to.party
	for range 4 {
		mustSeal(t, p.tx, p.from.sign, in)
	}
	mustSeal(t, p.tx, p.from.sign, message(precedence.Priority, 2))
	old := restartSender(t, p.tx)
	next := restartSender(t, mustStart(t, p.from, p.tx, p.to.party))
	p.tx = restartSender(t, p.tx)
	if _, err := p.tx.Seal(p.from.sign, in); !errors.Is(err, ErrSpent) {
		t.Errorf("predecessor seals on: %v", err)
	}
	_, sl := mustSlice(t, next, p.from, p.to)
	if sl.Predecessor != p.tx.Identity() || sl.Last != [lanes]uint32{1: 1, 4: 4} {
		t.Errorf("slice names %x, last %v", sl.Predecessor, sl.Last)
	}
	forked, err := NewSender(one, Start{Group: group, Desk: p.from.desk, Parties: []ident.Party{p.to.party, p.from.party}, Previous: old, Restart: true, Now: start})
	if err != nil {
		t.Fatal(err)
	}
	_, fork := mustSlice(t, forked, p.from, p.to)
	if fork.Predecessor != sl.Predecessor || fork.Generation == sl.Generation || !fork.Restart {
		t.Error("a fork after a restore does not show")
	}
}

func TestNewSenderRefuses(t *testing.T) {
	p := newPair(t)
	many := make([]ident.Party, MaxParties+1)
	for i := range many {
		many[i][0], many[i][1] = byte(i), byte(i>>8)
	}
	good := Start{Group: group, Desk: p.from.desk, Parties: many[:MaxParties], Now: start}
	if m, err := NewSender(one, good); err != nil {
		t.Errorf("%d parties: %v", MaxParties, err)
	} else {
		restartSender(t, m)
	}
	for name, change := range map[string]func(*Start){
		"no party":                     func(in *Start) { in.Parties = nil },
		"a party too many":             func(in *Start) { in.Parties = many },
		"a party twice":                func(in *Start) { in.Parties = []ident.Party{many[0], many[1], many[0]} },
		"previous of another group":    func(in *Start) { in.Previous, in.Group = p.tx, named("other") },
		"previous of another desk":     func(in *Start) { in.Previous, in.Desk = p.tx, p.to.desk },
		"previous of another audience": func(in *Start) { in.Previous = p.tx },
		"previous of other parties":    func(in *Start) { in.Previous, in.Parties = p.tx, many[:2] },
	} {
		in := good
		change(&in)
		before := state(t, p.tx)
		if _, err := NewSender(one, in); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
		if !bytes.Equal(before, state(t, p.tx)) {
			t.Errorf("%s: changed the previous sender", name)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	p := newPair(t)
	before := state(t, p.tx)
	longest := envelope.MaxSize - envelope.Overhead - one.Sizes().MessageSignature
	for name, change := range map[string]func(*SealInput){
		"kind 0":                    func(in *SealInput) { in.Kind = 0 },
		"kind 99":                   func(in *SealInput) { in.Kind = 99 },
		"precedence 4":              func(in *SealInput) { in.Precedence = 4 },
		"a receipt without a party": func(in *SealInput) { in.Kind = envelope.Receipt },
		"a message to a party":      func(in *SealInput) { in.ReceiptTo = p.to.party },
		"a body too long":           func(in *SealInput) { in.Body = make([]byte, longest+1) },
	} {
		in := message(3, 1)
		change(&in)
		if _, err := p.tx.Seal(p.from.sign, in); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
	if !bytes.Equal(before, state(t, p.tx)) {
		t.Error("a refused message changed the sender")
	}
	in := message(3, 1)
	in.Body = make([]byte, longest)
	if o := mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, in).Envelope); len(o.Body) != longest {
		t.Errorf("the longest body opens with %d bytes", len(o.Body))
	}
	p.tx.lanes[3].next = MaxSequence
	mustSeal(t, p.tx, p.from.sign, message(3, 1))
	if _, err := p.tx.Seal(p.from.sign, message(3, 1)); !errors.Is(err, ErrSpent) {
		t.Errorf("after the last sequence: %v", err)
	}
	restartSender(t, p.tx)
}
