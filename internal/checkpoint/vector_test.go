package checkpoint_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/suite"
)

// chainOf is what a desk holds of one sender: FLASH up to last.
func chainOf(desk string, last uint32) checkpoint.Chain {
	c := checkpoint.Chain{Sender: named("desk " + desk), Before: named("before " + desk)}
	g := named("generation " + desk)
	copy(c.Generation[:], g[:])
	if last > 0 {
		c.Lanes = []checkpoint.Lane{{Lane: 3, Last: last, Running: named(desk + string(rune(last)))}}
	}
	return c
}

func vector(chains ...checkpoint.Chain) checkpoint.Vector {
	v := checkpoint.Vector{Holder: named("desk NATO-1"), Group: named("group"), Time: start, Answers: named("answered"), Chains: chains}
	if len(chains) == 0 {
		v.Chains = []checkpoint.Chain{chainOf("JPN-1", 17), chainOf("NATO-1", 4), chainOf("PACNET-1", 0)}
	}
	slices.SortFunc(v.Chains, func(a, b checkpoint.Chain) int { return slices.Compare(a.Sender[:], b.Sender[:]) })
	return v
}

func TestVectorIsItsHoldersWord(t *testing.T) {
	key := suite.One.NewDeskKey()
	b := vector().Sign(one, key).Bytes(one)
	v, err := checkpoint.ParseVector(one, b)
	if err != nil || !bytes.Equal(v.Bytes(one), b) || v.Verify(one, key.Public()) != nil {
		t.Fatalf("reads as %+v, %v", v, err)
	}
	if err := v.Verify(one, suite.One.NewDeskKey().Public()); !errors.Is(err, checkpoint.ErrSignature) {
		t.Errorf("with another desk's key: %v", err)
	}
	other := vector()
	other.Holder, other.Time, other.Answers = named("desk JPN-1"), start.Add(time.Hour), [32]byte{}
	if other.Digest(one) != v.Digest(one) || other.Hash(one) == v.Hash(one) {
		t.Error("a digest is of the chains alone, a hash of all of it")
	}
	for i := range b {
		flipped := slices.Clone(b)
		flipped[i] ^= 1 << (i % 8)
		if got, err := checkpoint.ParseVector(one, flipped); err == nil && got.Verify(one, key.Public()) == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
	}
	for n := range len(vector().Bytes(one)) + 1 {
		if _, err := checkpoint.ParseVector(one, b[:n]); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestMalformedVectorIsRefused(t *testing.T) {
	twice, receipts, many := vector(), vector(), vector()
	twice.Chains[1].Sender = twice.Chains[0].Sender
	receipts.Chains[0].Lanes = []checkpoint.Lane{{Lane: 4, Last: 1}}
	many.Chains = make([]checkpoint.Chain, checkpoint.MaxChains+1)
	for name, v := range map[string]checkpoint.Vector{"a sender twice": twice, "receipts": receipts, "too many": many} {
		if _, err := checkpoint.ParseVector(one, v.Sign(one, suite.One.NewDeskKey()).Bytes(one)); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
