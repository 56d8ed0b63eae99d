package chain

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

// TestRepairIsTheMessageAsItWasSigned: a desk that lost the key of a message
// gets what its sender signed, whoever brings it, and nothing else passes.
func TestRepairIsTheMessageAsItWasSigned(t *testing.T) {
	p := newPair(t)
	in := message(precedence.Flash, 1)
	sealed := mustSeal(t, p.tx, p.from.sign, in)
	whole := Repair{Sender: p.from.desk, Group: group, Evidence: sealed.Evidence, Body: in.Body}
	make1 := func(change func(r *Repair)) []byte {
		r := whole
		r.Evidence, r.Body = slices.Clone(r.Evidence), slices.Clone(r.Body)
		change(&r)
		env, err := SealRepair(one, p.to.seal.Public(), precedence.Flash, start.Add(time.Hour), r)
		if err != nil {
			t.Fatal(err)
		}
		return env
	}
	good := make1(func(*Repair) {})
	r, err := OpenRepair(one, good, p.to.seal, peers(p.from))
	if err != nil || !bytes.Equal(r.Body, in.Body) || r.Signed.Message != in.Message || r.Sender != p.from.desk {
		t.Fatalf("opens as %+v, %v", r, err)
	}
	for name, c := range map[string]struct {
		env  []byte
		key  suite.SealKey
		who  func(ident.Desk) ([]byte, bool)
		want error
	}{
		"another desk's key": {good, one.NewSealKey(), peers(p.from), ErrOpen},
		"a stranger":         {good, p.to.seal, peers(), ErrUnknownDesk},
		"another sender":     {make1(func(r *Repair) { r.Sender = p.to.desk }), p.to.seal, peers(p.from, p.to), ErrSignature},
		"another group":      {make1(func(r *Repair) { r.Group[0]++ }), p.to.seal, peers(p.from), ErrSignature},
		"another body":       {make1(func(r *Repair) { r.Body[0]++ }), p.to.seal, peers(p.from), ErrSignature},
		"a longer body":      {make1(func(r *Repair) { r.Body = append(r.Body, 0) }), p.to.seal, peers(p.from), ErrRefused},
		"a slice":            {sliceFor(t, p.tx, p.from, p.to), p.to.seal, peers(p.from), ErrOpen},
	} {
		if _, err := OpenRepair(one, c.env, c.key, c.who); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for i := range good {
		bad := slices.Clone(good)
		bad[i] ^= 0x10
		if _, err := OpenRepair(one, bad, p.to.seal, peers(p.from)); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
	}
	if _, err := SealRepair(one, p.to.seal.Public(), precedence.Flash, start, Repair{Evidence: sealed.Evidence, Body: make([]byte, envelope.MaxSize)}); !errors.Is(err, ErrInput) {
		t.Errorf("a repair longer than an envelope: %v", err)
	}
	padded := sealed1(t, p, append(slices.Concat(p.from.desk[:], group[:], []byte{0, byte(len(sealed.Evidence))}, sealed.Evidence, []byte{0, 0, 0, byte(len(in.Body))}, in.Body), 1))
	if _, err := OpenRepair(one, padded, p.to.seal, peers(p.from)); !errors.Is(err, ErrRefused) {
		t.Errorf("padding that is not zero: %v", err)
	}
}

// sealed1 seals any plaintext as a repair.
func sealed1(t *testing.T, p *pair, plain []byte) []byte {
	t.Helper()
	env, err := sealTo(one, sealed{
		kind: envelope.Control, lane: 3, tag: SliceTag(one, p.to.seal.Public()), label: labelRepair, public: p.to.seal.Public(),
		plain: plain,
	})
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// TestVoidMessageLeavesNoGap: what its sender gave up is not waited for, its key
// is gone, and the history on both sides of it is still proven.
func TestVoidMessageLeavesNoGap(t *testing.T) {
	p := newPair(t)
	var all []Sealed
	for i := range 4 {
		all = append(all, mustSeal(t, p.tx, p.from.sign, message(precedence.Flash, i)))
	}
	mustOpen(t, p.rx, all[0].Envelope)
	mustOpen(t, p.rx, all[3].Envelope)
	void := all[1]
	p.rx.Void(3, void.Sequence, void.Previous, void.Inside)
	p.rx = restart(t, p.rx)
	if missing := p.rx.Missing(); !slices.Equal(missing, []Gap{{3, 3, 3}}) {
		t.Fatalf("missing %v", missing)
	}
	if _, err := p.rx.Open(void.Envelope, start); !errors.Is(err, ErrReplay) {
		t.Errorf("a void message opens: %v", err)
	}
	if o := mustOpen(t, p.rx, all[2].Envelope); o.History != Intact {
		t.Errorf("history after a void message: %d", o.History)
	}
	before := state(t, p.rx)
	p.rx.Void(3, 9, [32]byte{}, [32]byte{})
	unchanged(t, p.rx, before, "a void message that was never missed")
}

func TestAttestationsTravelInBothKindsOfLane(t *testing.T) {
	p := newPair(t)
	in := message(precedence.Routine, 1)
	in.Kind = envelope.Attestation
	if o := mustOpen(t, p.rx, mustSeal(t, p.tx, p.from.sign, in).Envelope); o.Lane != 0 {
		t.Errorf("lane %d", o.Lane)
	}
	in.ReceiptTo = p.to.party
	s := mustSeal(t, p.tx, p.from.sign, in)
	if o := mustOpen(t, p.rx, s.Envelope); o.Lane != Receipts || o.Signed != s.Inside || Follow(one, s.Previous, s.Inside) != s.Running {
		t.Errorf("opens as %+v", o)
	}
	if p.rx.Commitment() != p.tx.Commitment() {
		t.Error("commitments differ")
	}
}
