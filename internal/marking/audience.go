package marking

import (
	"slices"
	"strings"
)

// Rule is the part of a charter that fills what the drafter left open. It is
// written and signed by all parties, so it is a choice and not a default. It
// never fills TLP.
type Rule struct {
	Classification Classification // zero: fills nothing
	PAP            PAP            // zero: fills nothing
	REL            REL            // zero: fills nothing, unless Members
	Members        bool           // REL is filled with the line's members
}

// Members is how a rule that fills REL with the line's members is written.
const Members = "members"

// ParseRule reads a rule from the texts of a charter: rel is "members", "ANY",
// "" or party names, one by one or as "JPN,NATO".
func ParseRule(classification, pap string, rel ...string) (r Rule, err error) {
	if r.Classification, err = ParseClassification(classification); err != nil {
		return Rule{}, err
	}
	if r.PAP, err = ParsePAP(pap); err != nil {
		return Rule{}, err
	}
	if len(rel) == 1 && rel[0] == Members {
		r.Members = true
		return r, nil
	}
	var names []string
	for _, n := range rel {
		for name := range strings.SplitSeq(n, ",") {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	r.REL, err = ParseREL(names)
	return r, err
}

// Fill returns l with what is not chosen filled by the rule, and the names of
// the fields that it filled: "PAP", "REL", "classification". What a person
// chose is never changed.
func (r Rule) Fill(l Label, members []string) (Label, []string) {
	var filled []string
	if l.PAP == 0 && r.PAP != 0 {
		l.PAP = r.PAP
		filled = append(filled, "PAP")
	}
	rel := r.REL
	if r.Members {
		rel = REL{Parties: slices.Clone(members)}
	}
	if !l.REL.Chosen() && rel.Chosen() {
		l.REL = rel
		filled = append(filled, "REL")
	}
	if !l.Classification.Chosen() && r.Classification.Chosen() {
		l.Classification = r.Classification
		filled = append(filled, "classification")
	}
	return l, filled
}

// Audience returns the parties that a message with label l is sealed to: the
// members of the line that REL names, in the order of members. It is an
// [Error] if REL leaves nobody else, or leaves out self, the originator: a
// desk that could not read its own message could not answer for it.
func Audience(l Label, members []string, self string) ([]string, error) {
	if !slices.Contains(members, self) {
		return nil, sentence("rel", "%s is not a party of this line.", self)
	}
	if !l.REL.Chosen() {
		return nil, sentence("rel", "REL names nobody, so nobody could read this.")
	}
	if !l.REL.Names(self) {
		e := sentence("rel", "REL leaves out %s, in whose name this is sent.", self)
		e.Hint = "add " + self + " to REL"
		return nil, e
	}
	var out []string
	for _, m := range members {
		if l.REL.Names(m) {
			out = append(out, m)
		}
	}
	if len(out) < 2 {
		e := sentence("rel", "REL leaves nobody on this line but %s itself.", self)
		e.Hint = "the parties of this line are " + list(members)
		return nil, e
	}
	return out, nil
}

// Addressees returns an [Error] that names the first of to that is not in
// audience, the result of [Audience], or not on the line at all.
func Addressees(audience, members, to []string) error {
	for _, p := range to {
		switch {
		case !slices.Contains(members, p):
			e := sentence("label", "%s is not a party of this line.", clip(p))
			e.Hint = "the parties of this line are " + list(members)
			return e
		case !slices.Contains(audience, p):
			e := sentence("rel", "The marking keeps this from %s, which it is addressed to.", p)
			e.Hint = "add " + p + " to REL, or take it from the addressees"
			return e
		}
	}
	return nil
}

// Combine returns the label of what holds both a and b: the highest
// classification, the strictest TLP and PAP, the intersection of REL, the
// union of caveats. A field that is not chosen in one of them is not chosen in
// the result, so that what nobody marked never borrows a marking: such a
// label passes no check and no door. An empty intersection of REL likewise
// reaches nobody, and stays so whatever it is combined with.
func Combine(a, b Label) Label {
	return Label{
		Classification: higher(a.Classification, b.Classification),
		TLP:            strictest(tlpOrder, a.TLP, b.TLP),
		PAP:            strictest(papOrder, a.PAP, b.PAP),
		REL:            intersect(a.REL, b.REL),
		Caveats:        unionCaveats(a.Caveats, b.Caveats),
	}
}

// The one place where levels have an order, and only to combine: not chosen
// comes first, then the strictest.
var (
	tlpOrder = []TLP{0, TLPRed, TLPAmberStrict, TLPAmber, TLPGreen, TLPClear}
	papOrder = []PAP{0, PAPRed, PAPAmber, PAPGreen, PAPClear}
)

// strictest returns whichever of a and b comes first in order. A level from a
// newer version counts as the strictest there is.
func strictest[L TLP | PAP](order []L, a, b L) L {
	const red = 1 // the place of RED in both orders
	place := func(l L) int {
		if i := slices.Index(order, l); i >= 0 {
			return i
		}
		return red
	}
	return order[min(place(a), place(b))]
}

func intersect(a, b REL) REL {
	switch {
	case a.Any:
		return b
	case b.Any:
		return a
	}
	var both []string
	for _, p := range a.Parties {
		if slices.Contains(b.Parties, p) {
			both = append(both, p)
		}
	}
	return REL{Parties: both}
}
