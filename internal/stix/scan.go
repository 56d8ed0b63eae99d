package stix

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// flaw is what is wrong with a text, and where.
type flaw struct {
	at   int // byte offset
	what string
}

func (f *flaw) Error() string { return fmt.Sprintf("%s at byte %d", f.what, f.at) }

// scanner walks over one JSON text (RFC 8259) without building anything from
// it. Visitors see keys and consume values.
type scanner struct {
	b      []byte
	i      int // next byte
	depth  int // of open objects and arrays
	deep   int // limit of depth
	labels bool
	folded []byte // scratch
}

// fail returns a flaw at the place that the scanner has reached.
func (s *scanner) fail(what string) error { return &flaw{s.i, what} }

// space skips insignificant white space.
func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek skips space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// unexpected is the flaw for a text that stops in the middle.
func (s *scanner) unexpected() error {
	if s.i >= len(s.b) {
		return s.fail("the text ends in the middle")
	}
	if s.b[s.i] >= utf8.RuneSelf {
		if r, n := utf8.DecodeRune(s.b[s.i:]); r == utf8.RuneError && n == 1 {
			return s.fail("bytes that are not UTF-8")
		}
	}
	return s.fail("something that is not JSON")
}

// value consumes any value.
func (s *scanner) value() error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(nil)
	case c == '[':
		return s.array(nil)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	default:
		return s.unexpected()
	}
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return s.unexpected()
	}
	s.i += len(w)
	return nil
}

// number consumes -0, 12.5e+3 and the like.
func (s *scanner) number() error {
	if s.at() == '-' {
		s.i++
	}
	if s.at() == '0' {
		s.i++
	} else if !s.digits() {
		return s.unexpected()
	}
	if s.at() == '.' {
		s.i++
		if !s.digits() {
			return s.unexpected()
		}
	}
	if c := s.at(); c == 'e' || c == 'E' {
		s.i++
		if c := s.at(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return s.unexpected()
		}
	}
	return nil
}

// at returns the byte under the scanner, or 0 at the end.
func (s *scanner) at() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// digits consumes digits and reports whether there was one.
func (s *scanner) digits() bool {
	from := s.i
	for c := s.at(); c >= '0' && c <= '9'; c = s.at() {
		s.i++
	}
	return s.i > from
}

// enter and leave count the depth.
func (s *scanner) enter() error {
	if s.depth++; s.depth > s.deep {
		return s.fail(fmt.Sprintf("nesting deeper than %d", s.deep))
	}
	s.i++
	return nil
}

func (s *scanner) leave() {
	s.depth--
	s.i++
}

// array consumes an array. The visitor, if there is one, consumes each value.
func (s *scanner) array(visit func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	if visit == nil {
		visit = s.value
	}
	if s.peek() == ']' {
		s.leave()
		return nil
	}
	for {
		if err := visit(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.leave()
			return nil
		default:
			return s.unexpected()
		}
	}
}

// object consumes an object. The visitor, if there is one, gets each key after
// its escapes are undone, and consumes the value.
func (s *scanner) object(visit func(key []byte) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.leave()
		return nil
	}
	var seen keys
	for {
		if s.peek() != '"' {
			return s.unexpected()
		}
		from := s.i
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.once(&seen, key, from); err != nil {
			return err
		}
		if s.peek() != ':' {
			return s.unexpected()
		}
		s.i++
		if visit != nil {
			err = visit(key)
		} else {
			err = s.value()
		}
		if err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.i++
			s.space()
		case '}':
			s.leave()
			return nil
		default:
			return s.unexpected()
		}
	}
}

// once holds that a key has not stood in its object before.
func (s *scanner) once(seen *keys, key []byte, from int) error {
	if s.labels {
		s.folded = fold(s.folded[:0], key)
		key = append([]byte(nil), s.folded...)
	}
	if seen.add(key) {
		return nil
	}
	what := "a key that stands twice in one object"
	if s.labels {
		what = "a key that stands twice in one object, perhaps in another case"
	}
	return &flaw{from, what}
}

// text consumes a string and returns it with its escapes undone. The result
// points into the text where there are none.
func (s *scanner) text() ([]byte, error) {
	s.i++ // the quotation mark
	from := s.i
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			return s.b[from : s.i-1], nil
		case c == '\\':
			return s.escaped(from)
		case c < ' ':
			return nil, s.fail("a control character in a string")
		case c < utf8.RuneSelf:
			s.i++
		default:
			if err := s.rune(); err != nil {
				return nil, err
			}
		}
	}
	return nil, s.unexpected()
}

func (s *scanner) rune() error {
	r, n := utf8.DecodeRune(s.b[s.i:])
	if r == utf8.RuneError && n == 1 {
		return s.fail("bytes that are not UTF-8")
	}
	s.i += n
	return nil
}

// escaped goes on with a string that holds an escape.
func (s *scanner) escaped(from int) ([]byte, error) {
	out := append([]byte(nil), s.b[from:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			return out, nil
		case c == '\\':
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return nil, s.fail("a control character in a string")
		default:
			at := s.i
			if err := s.rune(); err != nil {
				return nil, err
			}
			out = append(out, s.b[at:s.i]...)
		}
	}
	return nil, s.unexpected()
}

// escapes are the short ones (RFC 8259, Section 7).
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// errEscape has no place yet; escape adds it.
var errEscape = errors.New("an escape that is not JSON")

// escape consumes one escape, or the two of a surrogate pair.
func (s *scanner) escape() (rune, error) {
	at := s.i
	s.i++
	if s.at() != 'u' {
		r, ok := escapes[s.at()]
		if !ok {
			return 0, &flaw{at, errEscape.Error()}
		}
		s.i++
		return r, nil
	}
	r, err := s.hex()
	if err != nil {
		return 0, &flaw{at, err.Error()}
	}
	switch {
	case r < 0xd800 || r > 0xdfff:
		return r, nil
	case r < 0xdc00 && s.at() == '\\' && s.i+1 < len(s.b) && s.b[s.i+1] == 'u':
		s.i++
		low, err := s.hex()
		if err != nil {
			return 0, &flaw{at, err.Error()}
		}
		if low >= 0xdc00 && low <= 0xdfff {
			return (r-0xd800)<<10 | (low - 0xdc00) + 0x10000, nil
		}
	}
	return 0, &flaw{at, "half a surrogate pair"}
}

// hex consumes "u" and four digits.
func (s *scanner) hex() (rune, error) {
	s.i++
	if len(s.b)-s.i < 4 {
		return 0, errEscape
	}
	var r rune
	for _, c := range s.b[s.i : s.i+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, errEscape
		}
		r = r<<4 | rune(c)
	}
	s.i += 4
	return r, nil
}

// keys is the set of keys of one object: a short list, then a map.
type keys struct {
	list [][]byte
	set  map[string]struct{}
}

// add reports whether key was not there, and puts it there.
func (k *keys) add(key []byte) bool {
	if k.set != nil {
		n := len(k.set)
		k.set[string(key)] = struct{}{}
		return len(k.set) > n
	}
	for _, other := range k.list {
		if string(other) == string(key) {
			return false
		}
	}
	k.list = append(k.list, key)
	if len(k.list) > few {
		k.set = make(map[string]struct{}, 4*few)
		for _, other := range k.list {
			k.set[string(other)] = struct{}{}
		}
		k.list = nil
	}
	return true
}

// fold appends key with each letter as the least of those that differ from it
// only in case, as Go's own JSON reader matches them: K and the Kelvin sign
// are one.
func fold(dst, key []byte) []byte {
	for _, r := range string(key) {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		dst = utf8.AppendRune(dst, least)
	}
	return dst
}
