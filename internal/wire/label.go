package wire

import (
	"cmp"
	"fmt"
	"slices"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/octets"
)

// Label is a message's label as it is sealed: that of package marking with
// party ids in the place of names, which each desk gives for itself.
type Label struct {
	Classification marking.Classification `cbor:"-"`
	TLP            marking.TLP            `cbor:"1,keyasint"`
	PAP            marking.PAP            `cbor:"2,keyasint"`
	Any            bool                   `cbor:"3,keyasint,omitempty"` // REL is ANY
	REL            []ident.Party          `cbor:"-"`                    // sorted, each once
	Caveats        []marking.Caveat       `cbor:"-"`
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

// Hash returns the first 32 bytes of SHA-384 over the encoded label.
func (l Label) Hash() [32]byte { return hash(labelLabel, must(encoder.Marshal(l.write()))) }

func (l Label) write() labelMap {
	w := labelMap{Label: l, REL: joinParties(l.REL)}
	if l.Classification != marking.Unclassified {
		w.Classification = l.Classification.String()
	}
	for _, c := range l.Caveats {
		w.Caveats = append(w.Caveats, c.String())
	}
	return w
}

func (w labelMap) read() (l Label, err error) {
	l, l.Classification = w.Label, marking.Unclassified
	if w.Classification != "" {
		if l.Classification, err = marking.ParseClassification(w.Classification); err != nil {
			return Label{}, err
		}
	}
	if l.REL, err = splitParties(w.REL); err != nil {
		return Label{}, err
	}
	l.Caveats, err = marking.ParseCaveats(w.Caveats)
	return l, err
}

// check holds that the label is complete and in its one form. A level that
// this version does not know is refused: nobody here could keep its rule.
func (l Label) check() error {
	if err := cmp.Or(
		invalidIf(!l.TLP.Valid() || !l.PAP.Valid() || !l.Classification.Chosen() || !l.Any && len(l.REL) == 0,
			"The marking is not complete: TLP, PAP, REL and classification are each chosen by somebody."),
		invalidIf(l.Any && len(l.REL) > 0, "REL is either ANY or a list of parties, not both."),
		tooLargeIf(len(l.REL) > MaxParties, "REL names %d parties; the most is %d.", len(l.REL), MaxParties),
		invalidIf(!slices.Equal(l.REL, octets.Sorted(l.REL, ident.Compare[ident.Party])), "The parties in REL are not in order."),
	); err != nil {
		return err
	}
	again, err := l.write().read() // classification and caveats have one spelling
	if err != nil {
		return fault.New(fault.Invalid, "%s", err)
	}
	return invalidIf(again.Classification != l.Classification || !slices.EqualFunc(again.Caveats, l.Caveats, sameCaveat),
		"The marking is not written in its one form.")
}

// places writes addressees. All of them are in REL, so each is its place in
// that list, in one byte; where REL is ANY it is its id. A party outside REL
// has no place: [Message.Check] refuses it before.
func (l Label) places(ids []ident.Party) []byte {
	if l.Any {
		return joinParties(ids)
	}
	var b []byte
	for _, id := range ids {
		b = append(b, byte(slices.Index(l.REL, id)))
	}
	return b
}

// parties undoes places.
func (l Label) parties(b []byte) ([]ident.Party, error) {
	if l.Any {
		return splitParties(b)
	}
	var ids []ident.Party
	for _, i := range b {
		if int(i) >= len(l.REL) {
			return nil, fmt.Errorf("addressee %d of a REL of %d", i, len(l.REL))
		}
		ids = append(ids, l.REL[i])
	}
	return ids, nil
}

func sameCaveat(a, b marking.Caveat) bool { return a.Kind == b.Kind && a.Until.Equal(b.Until) }
