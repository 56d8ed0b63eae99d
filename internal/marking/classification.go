package marking

import (
	"slices"
	"strings"
)

// Classification is a policy and a level of it. Levels compare inside one
// policy only. The zero value means that nobody has chosen.
//
// hotline is accredited for no classified information: a desk's ceiling stays
// at [Unclassified] until somebody records whose approval raised it.
type Classification struct {
	Policy string // "NATO", "EU", a national one, or "" for none and mixed
	Level  string // as written on paper: "NATO RESTRICTED", or "none"
}

// Unclassified is the chosen value "none". It is below every other level and
// within every ceiling.
var Unclassified = Classification{Level: "none"}

// ranked holds the levels of the policies whose order we know, lowest first.
// The first of NATO's says that there is no classification under its policy.
var ranked = map[string][]string{
	"NATO": {"NATO UNCLASSIFIED", "NATO RESTRICTED", "NATO CONFIDENTIAL", "NATO SECRET", "COSMIC TOP SECRET"},
	"EU":   {"EU RESTRICTED", "EU CONFIDENTIAL", "EU SECRET", "EU TOP SECRET"},
}

// short are the abbreviations that people write.
var short = map[string]string{
	"NU": "NATO UNCLASSIFIED", "NR": "NATO RESTRICTED", "NC": "NATO CONFIDENTIAL", "NS": "NATO SECRET", "CTS": "COSMIC TOP SECRET",
	"R-UE": "EU RESTRICTED", "C-UE": "EU CONFIDENTIAL", "S-UE": "EU SECRET", "TS-UE": "EU TOP SECRET",
}

// joint stands between the levels of several policies, which only [Combine]
// makes: no ceiling admits them.
const joint = " + "

// maxLevel bounds a classification as text, in bytes.
const maxLevel = 128

// Chosen reports whether a person or a rule has chosen.
func (c Classification) Chosen() bool { return c.Level != "" }

// String returns the text that [ParseClassification] reads: "none",
// "NATO RESTRICTED", or policy and level as "JPN:HI" for a policy whose
// levels we do not know. It returns "" if nothing is chosen.
func (c Classification) String() string {
	if _, known := ranked[c.Policy]; known || c.Policy == "" {
		return c.Level
	}
	return c.Policy + ":" + c.Level
}

// ParseClassification reads "none", a level of NATO or of the EU in full or
// as its abbreviation (NR, R-UE), or a national one as POLICY:LEVEL. The empty
// text is "not chosen". Anything else is an [Error]: a misspelt level must not
// turn into an unknown policy.
func ParseClassification(s string) (Classification, error) {
	switch {
	case s == "":
		return Classification{}, nil
	case s == Unclassified.Level:
		return Unclassified, nil
	case len(s) > maxLevel:
		return Classification{}, badClassification(s)
	case strings.Contains(s, joint):
		return parseJoint(s)
	}
	if full, ok := short[s]; ok {
		s = full
	}
	for policy, levels := range ranked {
		if slices.Contains(levels, s) {
			return Classification{policy, s}, nil
		}
	}
	policy, level, ok := strings.Cut(s, ":")
	if _, known := ranked[policy]; !ok || known || !national(policy) || !plainName(level) || strings.Contains(level, ":") {
		return Classification{}, badClassification(s)
	}
	return Classification{policy, level}, nil
}

// national reports whether p can be the name of a national policy: a country
// or an organisation in capitals, and not a marking put in the wrong field.
func national(p string) bool {
	if len(p) < 2 || len(p) > 16 || p == "TLP" || p == "PAP" || p == "REL" {
		return false
	}
	return strings.IndexFunc(p, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' }) < 0
}

func badClassification(s string) error {
	e := sentence("classification", "%q is not a classification.", clip(s))
	e.Hint = `write "none", a level such as "NATO RESTRICTED" or "EU RESTRICTED", or a national one as POLICY:LEVEL`
	return e
}

// parseJoint reads what [Combine] made of several policies.
func parseJoint(s string) (Classification, error) {
	c := Unclassified
	for part := range strings.SplitSeq(s, joint) {
		p, err := ParseClassification(part)
		if err != nil {
			return Classification{}, err
		}
		c = higher(c, p)
	}
	if c.Level != s {
		return Classification{}, badClassification(s)
	}
	return c, nil
}

// rank returns the place of c in its policy; ok is false when the policy's
// order is not known.
func (c Classification) rank() (n int, ok bool) {
	if c == Unclassified {
		return 0, true
	}
	i := slices.Index(ranked[c.Policy], c.Level)
	if c.Policy == "EU" && i >= 0 {
		i++ // the EU's lowest level is a classification, NATO's is not
	}
	return i, i >= 0
}

// Within reports whether c may stand where the ceiling is. What says that
// there is no classification always may; else both must be levels of one
// policy whose order is known. A ceiling that nobody set is [Unclassified].
func (c Classification) Within(ceiling Classification) bool {
	n, ok := c.rank()
	if !ok {
		return false // unmapped or not chosen: above every ceiling
	}
	if n == 0 {
		return true
	}
	most, ok := ceiling.rank()
	return ok && c.Policy == ceiling.Policy && n <= most
}

// higher returns the higher of two classifications. Levels of different
// policies have no order, so both are kept side by side, and no ceiling
// admits the pair. If one is not chosen, neither is the result.
func higher(a, b Classification) Classification {
	if !a.Chosen() || !b.Chosen() {
		return Classification{}
	}
	// best holds one level of each policy, and every level of unknown order.
	best := map[string]Classification{}
	for _, c := range append(a.parts(), b.parts()...) {
		n, known := c.rank()
		key := c.Policy
		if !known {
			key = c.String()
		}
		if old, ok := best[key]; ok {
			if m, _ := old.rank(); m >= n {
				continue
			}
		}
		best[key] = c
	}
	return join(best)
}

// join writes the levels that [higher] found side by side. What says that
// there is no classification is left out beside any other, and "none" beside
// "NATO UNCLASSIFIED", which says more.
func join(best map[string]Classification) Classification {
	var texts []string
	var last, lowest Classification
	for _, c := range best {
		if n, known := c.rank(); known && n == 0 {
			if lowest.Policy == "" {
				lowest = c
			}
			continue
		}
		last = c
		texts = append(texts, c.String())
	}
	switch len(texts) {
	case 0:
		return lowest
	case 1:
		return last
	}
	slices.Sort(texts)
	return Classification{Level: strings.Join(texts, joint)}
}

// parts takes apart what join put together.
func (c Classification) parts() []Classification {
	switch {
	case !c.Chosen():
		return nil
	case c.Policy != "" || !strings.Contains(c.Level, joint):
		return []Classification{c}
	}
	var out []Classification
	for s := range strings.SplitSeq(c.Level, joint) {
		p, err := ParseClassification(s)
		if err != nil {
			p = Classification{Policy: "?", Level: s} // stays unmapped
		}
		out = append(out, p)
	}
	return out
}
