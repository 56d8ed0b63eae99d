package marking

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// CaveatKind says which extra rule a caveat adds.
type CaveatKind uint8

// The kinds. Their numbers stay as they are.
const (
	ORCON    CaveatKind = 1 // every onward release needs the originator's consent
	EyesOnly CaveatKind = 2 // at every door as TLP:RED
	Embargo  CaveatKind = 3 // nothing public before a time
)

// Caveat is an extra rule on a label.
type Caveat struct {
	Kind  CaveatKind
	Until time.Time // of an embargo, UTC, to the minute; else zero
}

const (
	orconText    = "ORCON"
	eyesOnlyText = "EYES ONLY"
	embargoText  = "EMBARGO "
)

// embargoLayout is a date-time group as in package dtg, in time's own words.
const embargoLayout = "021504ZJan06"

// maxCaveats bounds the list: each kind may stand once.
const maxCaveats = 3

// String returns "ORCON", "EYES ONLY" or "EMBARGO 231430ZNOV26".
func (c Caveat) String() string {
	switch c.Kind {
	case ORCON:
		return orconText
	case EyesOnly:
		return eyesOnlyText
	case Embargo:
		return embargoText + strings.ToUpper(c.Until.UTC().Format(embargoLayout))
	default:
		return "?"
	}
}

func (c Caveat) equal(d Caveat) bool { return c.Kind == d.Kind && c.Until.Equal(d.Until) }

// ParseCaveat reads what [Caveat.String] writes. An unknown caveat is an
// [Error]: a rule that nobody can keep must not be promised.
func ParseCaveat(s string) (Caveat, error) {
	switch s {
	case orconText:
		return Caveat{Kind: ORCON}, nil
	case eyesOnlyText:
		return Caveat{Kind: EyesOnly}, nil
	}
	if group, ok := strings.CutPrefix(s, embargoText); ok {
		at, err := time.Parse(embargoLayout, group)
		if at.Year() < 2000 { // package time reads 69 to 99 as the last century
			at = at.AddDate(100, 0, 0)
		}
		c := Caveat{Kind: Embargo, Until: at}
		if err == nil && c.String() == s {
			return c, nil
		}
	}
	e := sentence("caveats", "%q is not a caveat.", clip(s))
	e.Hint = `caveats are "ORCON", "EYES ONLY" and "EMBARGO 231430ZNOV26"`
	return Caveat{}, e
}

// ParseCaveats reads a list in any order and returns it sorted by kind, each
// kind at most once.
func ParseCaveats(texts []string) ([]Caveat, error) {
	if len(texts) > maxCaveats {
		return nil, sentence("caveats", "There are %d caveats; each of the %d may stand once.", len(texts), maxCaveats)
	}
	var out []Caveat
	for _, s := range texts {
		c, err := ParseCaveat(s)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(o Caveat) bool { return o.Kind == c.Kind }) {
			return nil, sentence("caveats", "The caveat %q stands twice.", clip(s))
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Caveat) int { return cmp.Compare(a.Kind, b.Kind) })
	return out, nil
}

// caveat returns l's caveat of a kind.
func (l Label) caveat(k CaveatKind) (Caveat, bool) {
	i := slices.IndexFunc(l.Caveats, func(c Caveat) bool { return c.Kind == k })
	if i < 0 {
		return Caveat{}, false
	}
	return l.Caveats[i], true
}

// unionCaveats keeps every caveat of both lists, and the later embargo.
func unionCaveats(a, b []Caveat) []Caveat {
	var out []Caveat
	for _, c := range append(slices.Clone(a), b...) {
		i := slices.IndexFunc(out, func(o Caveat) bool { return o.Kind == c.Kind })
		switch {
		case i < 0:
			out = append(out, c)
		case c.Until.After(out[i].Until):
			out[i] = c
		}
	}
	slices.SortFunc(out, func(a, b Caveat) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}
