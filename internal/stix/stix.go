// Package stix holds the gate for JSON from outside, and checks STIX bundles.
//
// Go's own JSON reader takes the last of two equal keys, matches keys without
// regard to case and turns bytes that are not UTF-8 into U+FFFD, all without
// a word. Each of these shows one thing to the check and another to the
// reader: {"tlp":"RED","TLP":"CLEAR"} decodes to CLEAR. So whatever comes from
// outside passes [Gate] first, byte by byte; only then does anybody decode it.
//
// A STIX bundle (OASIS STIX 2.1, Section 8) travels as the bytes that were
// given. [Check] says whether it is one and what is in it; it changes nothing.
//
// This package is on floor 1: bytes in, values out; standard library only.
package stix

// Our own limits.
const (
	// MaxBundle is the largest bundle that is sent, in bytes: 25 MiB holds all
	// of ATT&CK's objects for a domain.
	MaxBundle = 25 << 20
	// MaxDepth is how deep JSON may be nested. STIX needs about ten; Go's own
	// reader stops only above 10,000.
	MaxDepth = 64
)

// Gate is a strict reader of JSON that keeps nothing. The zero value has the
// limits of this package.
type Gate struct {
	MaxBytes int  // longest text; zero: [MaxBundle]
	MaxDepth int  // deepest nesting; zero: [MaxDepth]
	Labels   bool // also refuse keys of one object that differ only in case
}

// TypeCount is how many objects of one type a bundle holds.
type TypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Summary is what [Check] found in a bundle.
type Summary struct {
	ID          string      // "bundle--…"
	SpecVersion string      // "2.1", "2.0", or "" if no object says
	Objects     int         // how many
	Types       []TypeCount // sorted by type
	Title       string      // name of the first report or the like; may be empty
}
