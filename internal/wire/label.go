package wire

import (
	"bytes"
	"errors"
	"slices"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
)

// Label is a message's label as it is sealed: that of package marking with
// party ids in the place of names, which each desk gives for itself.
type Label struct {
	Classification marking.Classification
	TLP            marking.TLP
	PAP            marking.PAP
	Any            bool          // REL is ANY
	REL            []ident.Party // sorted, each once
	Caveats        []marking.Caveat
}

// NewLabel returns l for the wire. The function party finds the id of a party
// by the name that this desk has for it; a name that it does not know is a
// [fault.Error], and so is a label that [marking.Label.Check] refuses.
func NewLabel(l marking.Label, party func(name string) (ident.Party, bool)) (Label, error) {
	if err := l.Check(); err != nil {
		return Label{}, labelFault(err)
	}
	out := Label{Classification: l.Classification, TLP: l.TLP, PAP: l.PAP, Any: l.REL.Any, Caveats: l.Caveats}
	for _, n := range l.REL.Parties {
		id, ok := party(n)
		if !ok {
			return Label{}, fault.New(fault.Invalid, "REL names %q, and this desk knows no party of that name.", clip(n))
		}
		out.REL = append(out.REL, id)
	}
	slices.SortFunc(out.REL, func(a, b ident.Party) int { return bytes.Compare(a[:], b[:]) })
	out.REL = slices.Compact(out.REL) // two names may stand for one party
	return out, nil
}

// labelFault makes a fault of a marking error, with its sentence and hint.
func labelFault(err error) error {
	f := fault.Wrap(err, fault.Invalid, "%s", err.Error())
	if m, ok := errors.AsType[*marking.Error](err); ok && m.Hint != "" {
		return f.WithHint("%s", m.Hint)
	}
	return f
}

// Marking returns l with names. The function name returns the name that this
// desk has for a party, or the id as text if it has none.
func (l Label) Marking(name func(ident.Party) string) marking.Label {
	out := marking.Label{Classification: l.Classification, TLP: l.TLP, PAP: l.PAP, REL: marking.REL{Any: l.Any}, Caveats: l.Caveats}
	for _, id := range l.REL {
		out.REL.Parties = append(out.REL.Parties, name(id))
	}
	return out
}

// Covers reports whether every one of parties may have what bears l, by REL.
// Both ends ask it of the audience that an envelope is sealed to.
func (l Label) Covers(parties []ident.Party) bool {
	for _, p := range parties {
		if !l.Any && !slices.Contains(l.REL, p) {
			return false
		}
	}
	return len(parties) > 0
}
