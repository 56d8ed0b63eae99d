package marking

import (
	"fmt"
	"slices"
	"strings"
)

// TLP is a level of the Traffic Light Protocol 2.0 (FIRST, August 2022). The
// zero value means that nobody has chosen one yet.
//
// The numbers are part of the wire format and have no order: who may read is
// a predicate per level, never a comparison. AMBER and AMBER+STRICT once
// shared a number elsewhere, and the wrong readers saw the stricter one.
type TLP uint8

// The levels.
const (
	TLPRed         TLP = 1 // for the addressed roles only
	TLPAmberStrict TLP = 2 // for the recipient's organisation only
	TLPAmber       TLP = 3 // for the organisation and its clients, need to know
	TLPGreen       TLP = 4 // for the community
	TLPClear       TLP = 5 // no limit on disclosure
)

// PAP is a level of the Permissible Actions Protocol: what a reader may do
// with what it reads. The zero value means that nobody has chosen one yet. The
// numbers are part of the wire format.
type PAP uint8

// The levels.
const (
	PAPRed   PAP = 1 // passive use of own logs, nothing that shows outside
	PAPAmber PAP = 2 // also questions to third parties
	PAPGreen PAP = 3 // also active measures: block, sinkhole, scan
	PAPClear PAP = 4 // anything
)

var (
	tlpNames = [...]string{"", "TLP:RED", "TLP:AMBER+STRICT", "TLP:AMBER", "TLP:GREEN", "TLP:CLEAR"}
	papNames = [...]string{"", "PAP:RED", "PAP:AMBER", "PAP:GREEN", "PAP:CLEAR"}
)

// Valid reports whether t is one of the five levels. The zero value is not.
func (t TLP) Valid() bool { return t >= TLPRed && t <= TLPClear }

// String returns the level as "TLP:AMBER+STRICT", or "" if none is chosen.
func (t TLP) String() string {
	if int(t) < len(tlpNames) {
		return tlpNames[t]
	}
	return fmt.Sprintf("TLP(%d)", uint8(t))
}

// Valid reports whether p is one of the four levels. The zero value is not.
func (p PAP) Valid() bool { return p >= PAPRed && p <= PAPClear }

// String returns the level as "PAP:AMBER", or "" if none is chosen.
func (p PAP) String() string {
	if int(p) < len(papNames) {
		return papNames[p]
	}
	return fmt.Sprintf("PAP(%d)", uint8(p))
}

// ParseTLP reads a level in upper case, with or without "TLP:". WHITE, the
// name of CLEAR in TLP 1, is read as CLEAR. The empty text is "not chosen".
// Any other spelling is an [Error]: a guess could show a secret.
func ParseTLP(s string) (TLP, error) {
	bare := strings.TrimPrefix(s, "TLP:")
	switch {
	case s == "":
		return 0, nil
	case bare == "WHITE":
		return TLPClear, nil
	}
	if i := slices.Index(tlpNames[1:], "TLP:"+bare); i >= 0 {
		return TLP(i + 1), nil
	}
	return 0, wrong("tlp", s, tlpNames[1:])
}

// ParsePAP reads a level as [ParseTLP] does, with or without "PAP:".
func ParsePAP(s string) (PAP, error) {
	bare := strings.TrimPrefix(s, "PAP:")
	switch {
	case s == "":
		return 0, nil
	case bare == "WHITE":
		return PAPClear, nil
	}
	if i := slices.Index(papNames[1:], "PAP:"+bare); i >= 0 {
		return PAP(i + 1), nil
	}
	return 0, wrong("pap", s, papNames[1:])
}

// Anyone is how a REL that holds for everybody is written. It must be written:
// nothing else means it.
const Anyone = "ANY"

// REL says which parties may have something. Parties are named as the desk
// names them; package wire carries their ids. The zero value means that
// nobody has chosen, and reaches nobody.
type REL struct {
	Any     bool     // written as ANY; Parties is then empty
	Parties []string // the named parties, in the order written
}

// Chosen reports whether a person or a rule has chosen.
func (r REL) Chosen() bool { return r.Any || len(r.Parties) > 0 }

// Names reports whether party may have it.
func (r REL) Names(party string) bool {
	return party != "" && (r.Any || slices.Contains(r.Parties, party))
}

// Strings returns the list as written: the names, or ANY, or nothing.
func (r REL) Strings() []string {
	if r.Any {
		return []string{Anyone}
	}
	return slices.Clone(r.Parties)
}

// String returns the list as "JPN,NATO" or "ANY".
func (r REL) String() string { return strings.Join(r.Strings(), ",") }

// maxName bounds the name of a party in a REL, in bytes. Names are shown in
// one row beside others; 64 is longer than any that we know.
const maxName = 64

// maxParties bounds a REL. A line of more parties than this is not foreseen.
const maxParties = 256

// ParseREL reads a list of party names, or the one value ANY. An empty list is
// "not chosen". A name that stands twice, holds a comma or a control
// character, or stands beside ANY is an [Error].
func ParseREL(names []string) (REL, error) {
	if len(names) == 0 {
		return REL{}, nil
	}
	if len(names) == 1 && names[0] == Anyone {
		return REL{Any: true}, nil
	}
	if len(names) > maxParties {
		return REL{}, sentence("rel", "REL names %d parties; the most is %d.", len(names), maxParties)
	}
	for i, n := range names {
		switch {
		case n == Anyone:
			return REL{}, sentence("rel", "REL is either ANY or a list of parties, not both.")
		case !plainName(n):
			return REL{}, sentence("rel", "%q is not the name of a party in REL.", clip(n))
		case slices.Contains(names[:i], n):
			return REL{}, sentence("rel", "REL names %s twice.", n)
		}
	}
	return REL{Parties: slices.Clone(names)}, nil
}

// PartyName returns an [Error] unless a party can be called name: one that
// cannot stand in a REL, or that is ANY, could never be told from what a REL
// means.
func PartyName(name string) error {
	if name == Anyone || !plainName(name) {
		return sentence("party", "%q cannot be the name of a party.", clip(name))
	}
	return nil
}

// plainName reports whether n can stand in a list that commas take apart and
// people read.
func plainName(n string) bool {
	if n == "" || len(n) > maxName || strings.TrimSpace(n) != n {
		return false
	}
	return strings.IndexFunc(n, func(r rune) bool { return r == ',' || !printable(r) }) < 0
}
