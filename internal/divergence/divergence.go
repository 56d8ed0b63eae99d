// Package divergence finds the first message in which two desks' records of a
// group differ.
//
// Each desk signs a [checkpoint.Vector] of what it holds; this package compares
// two of them. Who lacks what, and who showed two histories, follows from the
// chains alone; what to do about it, package exchange decides
// (docs/spec/linecheck.md).
//
// This package is on floor 1, above the format that it compares: values in,
// values out. It reads no clock and no disk.
package divergence

import (
	"slices"

	"hotline/internal/checkpoint"
	"hotline/internal/ident"
)

// Kind says in which way two vectors differ at one place.
type Kind uint8

const (
	// Behind: they hold more of this chain than we do.
	Behind Kind = 1
	// Ahead: we hold more of this chain than they do.
	Ahead Kind = 2
	// Forked: at one place of a chain they hold something else. What each side
	// has signed by the sender convicts it.
	Forked Kind = 3
	// Elsewhere: they hold another generation as the newest.
	Elsewhere Kind = 4
)

// Difference is one place where two vectors differ.
type Difference struct {
	Kind       Kind
	Sender     ident.Desk
	Generation [16]byte // theirs; ours where they hold none
	Lane       uint8
	Sequence   uint32 // the first that one side lacks, or that is not the same
}

// Compare lists where theirs differs from ours, by sender and lane; the first one
// is the one to name.
func Compare(ours, theirs checkpoint.Vector) (all []Difference) {
	for i, j := 0, 0; i < len(ours.Chains) || j < len(theirs.Chains); {
		order := 0
		switch {
		case i == len(ours.Chains):
			order = 1
		case j == len(theirs.Chains):
			order = -1
		default:
			order = slices.Compare(ours.Chains[i].Sender[:], theirs.Chains[j].Sender[:])
		}
		var mine, other checkpoint.Chain
		if order <= 0 {
			mine = ours.Chains[i]
			i++
		}
		if order >= 0 {
			other = theirs.Chains[j]
			j++
		}
		all = append(all, differ(mine, other)...)
	}
	return all
}

// differ compares one sender's chains; a side that holds nothing of it has the
// zero value.
func differ(ours, theirs checkpoint.Chain) (all []Difference) {
	switch {
	case ours.Sender == ident.Desk{}:
		ours = checkpoint.Chain{Sender: theirs.Sender, Generation: theirs.Generation, Before: theirs.Before}
	case theirs.Sender == ident.Desk{}:
		theirs = checkpoint.Chain{Sender: ours.Sender, Generation: ours.Generation, Before: ours.Before}
	}
	d := Difference{Sender: ours.Sender, Generation: theirs.Generation}
	if ours.Generation != theirs.Generation {
		d.Kind = Elsewhere
		return []Difference{d}
	}
	if ours.Before != theirs.Before {
		d.Kind = Forked
		return []Difference{d}
	}
	for d.Lane = range uint8(checkpoint.Receipts) {
		x, y := checkpoint.At(ours.Lanes, d.Lane), checkpoint.At(theirs.Lanes, d.Lane)
		d.Sequence = min(x.Last, y.Last) + 1
		switch {
		case x.Last < y.Last:
			d.Kind = Behind
		case x.Last > y.Last:
			d.Kind = Ahead
		case x.Running != y.Running:
			d.Kind, d.Sequence = Forked, x.Last
		default:
			continue
		}
		all = append(all, d)
	}
	return all
}
