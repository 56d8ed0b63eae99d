package trust

import (
	"slices"

	"hotline/internal/fault"
	"hotline/internal/precedence"
	"hotline/internal/roster"
)

// kept refuses terms that stand in a charter's format and that this program
// does not keep. A party's signature would tell the others that it does; so a
// desk neither accepts such a charter nor passes such a version on.
func kept(c roster.Charter) error {
	what := ""
	switch {
	case c.Ceiling != "" && c.Ceiling != "none": // none is the ceiling of every line
		what = "a ceiling of " + c.Ceiling
	case len(c.Relays) > 0:
		what = "a list of allowed relays"
	case c.Rule.Text != "":
		what = "a label rule in words"
	}
	for _, l := range precedence.All() {
		if !slices.Equal(c.Clocks[l].EscalateAt, l.EscalateAt()) {
			what = "escalations of its own for " + l.String()
		}
	}
	if what == "" {
		return nil
	}
	return fault.New(fault.Refused, "The charter asks for %s, which this program does not keep; it is not signed.", what).
		WithHint("ask its author for a charter without that")
}
