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
// In foreign objects keys that differ only in case are two keys, as the
// standard has it; a reader of theirs compares names as they are spelt.
//
// This package is on floor 1: bytes in, values out; standard library only.
package stix

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode"

	"hotline/internal/fault"
)

// Gate is a strict reader of JSON that keeps nothing. The zero value has the
// limits of this package and is meant for content of others; Labels is for
// what a door decodes into its own fields.
type Gate struct {
	MaxBytes int  // longest text; zero: [MaxBundle]
	MaxDepth int  // deepest nesting; zero: [MaxDepth]
	Labels   bool // also refuse keys of one object that differ only in case
}

// Check returns a [fault.Error] with one sentence unless b is exactly one JSON
// value, in UTF-8, with no key twice in one object, within the limits.
func (g Gate) Check(b []byte) error {
	s, err := g.open(b)
	if err != nil {
		return err
	}
	if err := s.value(); err != nil {
		return s.visible(err)
	}
	return s.end()
}

// open checks what needs no scanning.
func (g Gate) open(b []byte) (*scanner, error) {
	most, deep := g.MaxBytes, g.MaxDepth
	if most == 0 {
		most = MaxBundle
	}
	if deep == 0 {
		deep = MaxDepth
	}
	switch {
	case len(b) > most:
		return nil, fault.New(fault.TooLarge, "The JSON text has %d bytes; the most is %d.", len(b), most)
	case len(bytes.TrimLeft(b, " \t\r\n")) == 0:
		return nil, fault.New(fault.Invalid, "The JSON text is empty.")
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return nil, fault.New(fault.Invalid, "The JSON text begins with a byte order mark; JSON has none.")
	}
	return &scanner{b: b, deep: deep, labels: g.Labels}, nil
}

// end holds that nothing follows the value.
func (s *scanner) end() error {
	if s.space(); s.i < len(s.b) {
		return s.visible(s.fail("more bytes after the end"))
	}
	return nil
}

// visible makes a fault of what a scan found, with line and byte.
func (s *scanner) visible(err error) error {
	f, ok := errors.AsType[*flaw](err)
	if !ok {
		return err // a fault already
	}
	line := 1 + bytes.Count(s.b[:min(f.at, len(s.b))], []byte("\n"))
	return fault.Wrap(err, fault.Invalid, "The JSON text is broken on line %d, byte %d: %s.", line, f.at, f.what)
}

// TypeCount is how many objects of one type a bundle holds.
type TypeCount struct {
	Type  string `json:"type"`
	Count int    `json:"count"`
}

// Summary is what [Check] found in a bundle.
type Summary struct {
	ID          string      // "bundle--…"
	SpecVersion string      // "2.1", "2.0", or "" if nothing says
	Objects     int         // how many
	Types       []TypeCount // sorted by type
	Title       string      // name of the first report or the like; may be empty
}

// titled are the types whose name says what a bundle is about, best first.
var titled = []string{"report", "grouping", "incident", "campaign", "intrusion-set", "malware", "threat-actor", "indicator", "identity"}

// reading is a bundle that is being read.
type reading struct {
	*scanner
	sum   Summary
	types map[string]int
	rank  int    // place of the title's type in titled
	typ   string // of the outermost object
	seen  bool   // its list of objects
}

// Check reads a whole STIX bundle and returns what is in it, or a
// [fault.Error] with one sentence that says what is wrong and where. It
// refuses what [Gate] refuses, what is no bundle, and a bundle without
// objects; whether each object is good STIX is not its question.
func Check(b []byte) (Summary, error) {
	if len(b) > MaxBundle {
		return Summary{}, fault.New(fault.TooLarge, "The STIX bundle has %d bytes; the most is %d (25 MiB).", len(b), MaxBundle)
	}
	if len(bytes.TrimLeft(b, " \t\r\n")) == 0 {
		return Summary{}, fault.New(fault.Invalid, "The STIX bundle is empty: there is not one byte of JSON in it.")
	}
	s, err := Gate{}.open(b)
	if err != nil {
		return Summary{}, err
	}
	r := &reading{scanner: s, types: map[string]int{}, rank: len(titled)}
	if r.peek() == '{' {
		err = r.object(r.bundleKey)
	} else {
		err = r.value()
	}
	if err != nil {
		return Summary{}, r.visible(err)
	}
	if err := r.end(); err != nil {
		return Summary{}, err
	}
	return r.finish()
}

// shape is the hint for what is not a bundle.
const shape = `a bundle is {"type": "bundle", "id": "bundle--…", "objects": […]}`

// finish judges what was read.
func (r *reading) finish() (Summary, error) {
	switch {
	case r.typ == "":
		return Summary{}, fault.New(fault.Invalid, `This is not a STIX bundle: it is not an object with "type": "bundle".`).WithHint("%s", shape)
	case r.typ != "bundle":
		return Summary{}, fault.New(fault.Invalid, `This is not a STIX bundle: its "type" is %q.`, line(r.typ, 60)).WithHint("%s", shape)
	case !strings.HasPrefix(r.sum.ID, "bundle--"):
		return Summary{}, fault.New(fault.Invalid, `This is not a STIX bundle: its "id" does not begin with "bundle--".`)
	case !r.seen || r.sum.Objects == 0:
		return Summary{}, fault.New(fault.Invalid, "The STIX bundle is empty: it holds no objects.")
	}
	for _, t := range slices.Sorted(maps.Keys(r.types)) {
		r.sum.Types = append(r.sum.Types, TypeCount{t, r.types[t]})
	}
	return r.sum, nil
}

// bundleKey consumes one member of the outermost object.
func (r *reading) bundleKey(key []byte) error {
	switch string(key) {
	case "type":
		t, err := r.str()
		r.typ = t
		return err
	case "id":
		id, err := r.str()
		r.sum.ID = line(id, maxType)
		return err
	case "spec_version": // of STIX 2.0, where the bundle has it
		v, err := r.str()
		r.sum.SpecVersion = line(v, 16)
		return err
	case "objects":
		if r.peek() != '[' {
			return fault.New(fault.Invalid, `This is not a STIX bundle: its "objects" is not a list.`)
		}
		r.seen = true
		return r.array(r.member)
	default:
		return r.value()
	}
}

// member consumes one object of the bundle.
func (r *reading) member() error {
	n := r.sum.Objects
	r.sum.Objects++
	if r.peek() != '{' {
		if err := r.value(); err != nil {
			return err
		}
		return fault.New(fault.Invalid, "Entry %d of the STIX bundle is not an object.", n+1)
	}
	var typ, name, version string
	err := r.object(func(key []byte) (err error) {
		switch string(key) {
		case "type":
			typ, err = r.str()
		case "name":
			name, err = r.str()
		case "spec_version":
			version, err = r.str()
		default:
			err = r.value()
		}
		return err
	})
	if err != nil {
		return err
	}
	if typ == "" || len(typ) > maxType || line(typ, maxType) != typ {
		return fault.New(fault.Invalid, `Object %d of the STIX bundle has no usable "type".`, n+1)
	}
	return r.count(typ, name, version)
}

// count takes one object into the summary.
func (r *reading) count(typ, name, version string) error {
	r.types[typ]++
	if len(r.types) > maxTypes {
		return fault.New(fault.TooLarge, "The STIX bundle has objects of more than %d types.", maxTypes)
	}
	if r.sum.SpecVersion == "" {
		r.sum.SpecVersion = line(version, 16)
	}
	if rank := slices.Index(titled, typ); rank >= 0 && rank < r.rank && name != "" {
		r.sum.Title, r.rank = line(name, maxTitle), rank
	}
	return nil
}

// str consumes a value and returns it if it is a string, else "".
func (r *reading) str() (string, error) {
	if r.peek() != '"' {
		return "", r.value()
	}
	b, err := r.text()
	return string(b), err
}

// line returns s for one row of a screen: characters that are not seen, or
// that turn the direction of text, become spaces, and a long one is cut.
func line(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(func(c rune) rune {
		if !unicode.IsGraphic(c) {
			return ' '
		}
		return c
	}, s)), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most-len("…")], "") + "…"
	}
	return s
}
