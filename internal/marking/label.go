// Package marking holds the label of a message and decides who may have it.
//
// A label has four fields that do not depend on one another: classification,
// TLP, PAP and REL; caveats add rules. None has a default. A person chooses
// each, or a rule that the parties wrote into the charter does, and TLP is
// only ever chosen by a person. The strictest field wins: [Decide] is the one
// function that every door asks, and what it does not know it denies
// (docs/spec/line.md; the doors are a table there).
//
// Labels here name parties as people do ("NATO"). Package wire carries party
// ids instead and translates with the desk's own list of names.
//
// This package is on floor 0: it holds values and rules, it reads no clock,
// and it imports only the standard library.
package marking

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Label is the label of one message or file. In the zero value nothing is
// chosen, and [Label.Check] refuses it.
type Label struct {
	Classification Classification
	TLP            TLP
	PAP            PAP
	REL            REL
	Caveats        []Caveat
}

// Error is a label that cannot be used, in one sentence that may be shown to
// whoever wrote it. Doors make a fault of it.
type Error struct {
	Field string // "classification", "tlp", "pap", "rel", "caveats" or "label"
	Msg   string // one sentence
	Hint  string // what mends it; may be empty
}

// Error returns the sentence.
func (e *Error) Error() string { return e.Msg }

func sentence(field, format string, args ...any) *Error {
	return &Error{Field: field, Msg: fmt.Sprintf(format, args...)}
}

// wrong is the error for a value outside a short list.
func wrong(field, got string, valid []string) *Error {
	e := sentence(field, "%q is not a %s level.", clip(got), strings.ToUpper(field))
	e.Hint = "levels are " + strings.Join(valid, ", ") + ", in capitals"
	return e
}

// clip keeps what a stranger typed from filling a screen.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// printable reports whether r may stand in a name, a level or a caveat: no
// control characters, and none of the format characters that turn the
// direction of text round or are not seen at all.
func printable(r rune) bool { return unicode.IsGraphic(r) && r != unicode.ReplacementChar }

// Fields is a label as text, the form of JSON answers and of the command line.
// Empty fields are not chosen.
type Fields struct {
	Classification string   `json:"classification"` // "none", "NATO RESTRICTED", "JPN:HI"
	TLP            string   `json:"tlp"`            // "TLP:AMBER+STRICT"
	PAP            string   `json:"pap"`            // "PAP:AMBER"
	REL            []string `json:"rel"`            // party names, or the one value "ANY"
	Caveats        []string `json:"caveats"`        // "ORCON", "EYES ONLY", "EMBARGO 231430ZNOV26"
}

// Parse reads a label from text. What is empty stays not chosen; what cannot
// be read is an [Error] that names the valid values.
func Parse(f Fields) (l Label, err error) {
	if l.Classification, err = ParseClassification(f.Classification); err != nil {
		return Label{}, err
	}
	if l.TLP, err = ParseTLP(f.TLP); err != nil {
		return Label{}, err
	}
	if l.PAP, err = ParsePAP(f.PAP); err != nil {
		return Label{}, err
	}
	if l.REL, err = ParseREL(f.REL); err != nil {
		return Label{}, err
	}
	if l.Caveats, err = ParseCaveats(f.Caveats); err != nil {
		return Label{}, err
	}
	return l, nil
}

// Fields returns l as text. Its lists are never nil.
func (l Label) Fields() Fields {
	f := Fields{Classification: l.Classification.String(), TLP: l.TLP.String(), PAP: l.PAP.String(), REL: []string{}, Caveats: []string{}}
	f.REL = append(f.REL, l.REL.Strings()...)
	for _, c := range l.Caveats {
		f.Caveats = append(f.Caveats, c.String())
	}
	return f
}

// String returns the label in one row for people, as
// "TLP:AMBER+STRICT PAP:AMBER REL:JPN,NATO NATO RESTRICTED ORCON". A field
// that is not chosen is left out.
func (l Label) String() string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	add(l.TLP.String())
	add(l.PAP.String())
	if l.REL.Chosen() {
		add("REL:" + l.REL.String())
	}
	if l.Classification == Unclassified {
		add("no classification")
	} else {
		add(l.Classification.String())
	}
	for _, c := range l.Caveats {
		add(c.String())
	}
	return strings.Join(parts, " ")
}

// Missing lists the fields of l that nobody has chosen, in the order in which
// they are shown.
func (l Label) Missing() []string {
	var m []string
	for _, f := range []struct {
		name   string
		chosen bool
	}{
		{"TLP", l.TLP != 0},
		{"PAP", l.PAP != 0},
		{"REL", l.REL.Chosen()},
		{"classification", l.Classification.Chosen()},
	} {
		if !f.chosen {
			m = append(m, f.name)
		}
	}
	return m
}

// Check returns an [Error] unless all four fields are chosen and well formed.
func (l Label) Check() error {
	if m := l.Missing(); len(m) > 0 {
		e := sentence("label", "The marking is not complete: nobody has chosen %s.", list(m))
		e.Hint = "choose it; only the charter's written rule may fill a field, and never TLP"
		return e
	}
	if !l.TLP.Valid() || !l.PAP.Valid() {
		return sentence("label", "The marking holds a level that this version does not know.")
	}
	// Every other field has one spelling: what Parse reads back unchanged.
	again, err := Parse(l.Fields())
	if err != nil {
		return err
	}
	if !again.equal(l) {
		return sentence("label", "The marking is not written in its one form.")
	}
	return nil
}

func (l Label) equal(m Label) bool {
	return l.Classification == m.Classification && l.TLP == m.TLP && l.PAP == m.PAP &&
		l.REL.Any == m.REL.Any && slices.Equal(l.REL.Parties, m.REL.Parties) &&
		slices.EqualFunc(l.Caveats, m.Caveats, Caveat.equal)
}

// list writes "TLP", "TLP and PAP", "TLP, PAP and REL".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
