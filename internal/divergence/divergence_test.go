package divergence_test

import (
	"crypto/sha256"
	"slices"
	"testing"

	"hotline/internal/checkpoint"
	"hotline/internal/divergence"
	"hotline/internal/ident"
)

func named(s string) [32]byte { return sha256.Sum256([]byte(s)) }

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
	v := checkpoint.Vector{Holder: named("desk NATO-1"), Group: named("group"), Chains: chains}
	if len(chains) == 0 {
		v.Chains = []checkpoint.Chain{chainOf("JPN-1", 17), chainOf("NATO-1", 4), chainOf("PACNET-1", 0)}
	}
	slices.SortFunc(v.Chains, func(a, b checkpoint.Chain) int { return slices.Compare(a.Sender[:], b.Sender[:]) })
	return v
}

// TestDifferenceIsNamed: the first sequence that differs, and on whose side.
func TestDifferenceIsNamed(t *testing.T) {
	forked, rooted, renewed := chainOf("JPN-1", 17), chainOf("JPN-1", 17), chainOf("JPN-1", 1)
	forked.Lanes[0].Running = named("another history")
	rooted.Before = named("another past")
	renewed.Generation = [16]byte{9}
	jpn := ident.Desk(named("desk JPN-1"))
	for name, c := range map[string]struct {
		theirs checkpoint.Vector
		want   []divergence.Difference
	}{
		"the same": {vector(), nil},
		"they hold more": {vector(chainOf("JPN-1", 20), chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Behind, Sender: jpn, Generation: forked.Generation, Lane: 3, Sequence: 18}}},
		"they hold less": {vector(chainOf("JPN-1", 16), chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Ahead, Sender: jpn, Generation: forked.Generation, Lane: 3, Sequence: 17}}},
		"they hold nothing": {vector(chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Ahead, Sender: jpn, Generation: forked.Generation, Lane: 3, Sequence: 1}}},
		"something else": {vector(forked, chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Forked, Sender: jpn, Generation: forked.Generation, Lane: 3, Sequence: 17}}},
		"something else before": {vector(rooted, chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Forked, Sender: jpn, Generation: forked.Generation}}},
		"another generation": {vector(renewed, chainOf("NATO-1", 4), chainOf("PACNET-1", 0)),
			[]divergence.Difference{{Kind: divergence.Elsewhere, Sender: jpn, Generation: renewed.Generation}}},
	} {
		if got := divergence.Compare(vector(), c.theirs); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	back := divergence.Compare(vector(chainOf("NATO-1", 4), chainOf("PACNET-1", 0)), vector())
	if len(back) != 1 || back[0].Kind != divergence.Behind || back[0].Sequence != 1 {
		t.Errorf("seen from the other side: %+v", back)
	}
}
