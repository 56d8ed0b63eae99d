package octets

import (
	"bytes"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxTime is the end of the year 9999 in Unix milliseconds. Later times have
// no text form that other programs read.
const MaxTime = 253402300799999

// Coder goes over the fields of a layout, which says them once: it writes them,
// or reads them from a [Reader], and holds their bounds either way. The first
// error sticks; errors wrap [ErrMalformed] unless a layout gives its own. The
// zero value writes. It is not safe for use by several goroutines.
type Coder struct {
	// From is where it reads; nil: it writes.
	From *Reader
	// Sizes are those of the suite that the layout named, for what follows.
	Sizes Sizes
	w     Writer
	err   error
}

// Encode writes a layout. Fields out of bounds are written as far as they can
// be: who makes a value checks it, and who reads it checks it again.
func Encode(fields func(*Coder)) []byte {
	var c Coder
	fields(&c)
	return c.Written()
}

// Check holds the bounds of a value that is not read from bytes.
func Check(fields func(*Coder)) error {
	var c Coder
	fields(&c)
	return c.Err()
}

// Decode reads one layout and nothing behind it. What it reads points into b.
func Decode(b []byte, fields func(*Coder)) error {
	c := Coder{From: NewReader(b)}
	fields(&c)
	return c.Done()
}

// Parse reads one layout of at most limit bytes, and says in an error what it
// should have been. What it reads points into a copy of b.
func Parse(what string, b []byte, limit int, fields func(*Coder)) error {
	if len(b) > limit {
		return fmt.Errorf("parse %s: %w: %d bytes", what, ErrMalformed, len(b))
	}
	if err := Decode(bytes.Clone(b), fields); err != nil {
		return fmt.Errorf("parse %s: %w", what, err)
	}
	return nil
}

// Written returns what was written.
func (c *Coder) Written() []byte { return c.w.Bytes() }

// Reads reports whether the coder reads.
func (c *Coder) Reads() bool { return c.From != nil }

// OK reports whether the coder may go on: nothing was out of bounds, and the
// bytes did not run out.
func (c *Coder) OK() bool {
	if c.From != nil && c.err == nil {
		c.err = c.From.Err()
	}
	return c.err == nil
}

// Err returns the first error so far.
func (c *Coder) Err() error {
	c.OK()
	return c.err
}

// Must makes a rule of its own out of a condition.
func (c *Coder) Must(holds bool, format string, args ...any) {
	if !holds {
		c.Fail(fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...))
	}
}

// Fail makes err the coder's error, unless it is nil or comes too late.
func (c *Coder) Fail(err error) {
	if err != nil && c.OK() {
		c.err = err
	}
}

// Magic is the first bytes of a file, so that one in the wrong place is named
// in the error and not taken apart.
func (c *Coder) Magic(magic string) {
	m := []byte(magic)
	c.Raw(&m, len(magic))
	c.Must(string(m) == magic, "does not begin with %q", magic)
}

// Uint8 is one byte.
func (c *Coder) Uint8(p *uint8) {
	if c.From == nil {
		c.w.Uint8(*p)
	} else {
		*p = c.From.Uint8()
	}
}

// Fixed is one byte that has this value, in a layout of this version.
func (c *Coder) Fixed(what string, value uint8) {
	v := value
	c.Uint8(&v)
	c.Must(v == value, "%s %d, want %d", what, v, value)
}

// Uint16 is a number of two bytes.
func (c *Coder) Uint16(p *uint16) {
	if c.From == nil {
		c.w.Uint16(*p)
	} else {
		*p = c.From.Uint16()
	}
}

// Uint32 is a number of four bytes.
func (c *Coder) Uint32(p *uint32) {
	if c.From == nil {
		c.w.Uint32(*p)
	} else {
		*p = c.From.Uint32()
	}
}

// Uint64 is a number of eight bytes.
func (c *Coder) Uint64(p *uint64) {
	if c.From == nil {
		c.w.Uint64(*p)
	} else {
		*p = c.From.Uint64()
	}
}

// Number is a u64 from 1 to most.
func (c *Coder) Number(what string, p *uint64, most uint64) {
	c.Uint64(p)
	c.Must(*p > 0 && *p <= most, "%s %d", what, *p)
}

// Array is an identifier, a hash or a nonce, or several that stand together.
func (c *Coder) Array(all ...[]byte) {
	for _, p := range all {
		if c.From == nil {
			c.w.Raw(p)
		} else {
			c.From.Into(p)
		}
	}
}

// Raw is size bytes.
func (c *Coder) Raw(p *[]byte, size int) {
	if c.From == nil {
		c.w.Raw(*p)
	} else {
		*p = c.From.Raw(size)
	}
}

// Key is a key or signature of a fixed size.
func (c *Coder) Key(what string, p *[]byte, size int) {
	c.Raw(p, size)
	c.Must(len(*p) == size, "%s of %d bytes, want %d", what, len(*p), size)
}

// Rest is all that is left: from 1 to most bytes.
func (c *Coder) Rest(what string, p *[]byte, most int) {
	if c.From == nil {
		c.w.Raw(*p)
	} else {
		*p = c.From.Rest()
	}
	c.Must(len(*p) > 0 && len(*p) <= most, "%s of %d bytes, want 1 to %d", what, len(*p), most)
}

// Field is bytes behind their length.
func (c *Coder) Field(what string, p *[]byte, limit int) {
	if c.From != nil {
		*p = c.From.Var32(limit)
		return
	}
	c.Must(len(*p) <= limit, "%s of %d bytes, limit %d", what, len(*p), limit)
	c.w.Var32(*p)
}

// ShortField is bytes behind their length in two bytes.
func (c *Coder) ShortField(what string, p *[]byte, limit int) {
	if c.From != nil {
		*p = c.From.Var16(limit)
		return
	}
	c.Must(len(*p) <= limit, "%s of %d bytes, limit %d", what, len(*p), limit)
	c.w.Var16((*p)[:min(len(*p), 1<<15)])
}

// Text is what people read: [CheckText].
func (c *Coder) Text(what string, p *string, limit int, mayBeEmpty bool) {
	if c.From != nil {
		*p = c.From.String(limit)
	}
	if c.OK() {
		c.Fail(CheckText(what, *p, limit, mayBeEmpty))
	}
	if c.From == nil {
		c.w.String((*p)[:min(len(*p), 1<<15)])
	}
}

// Time is Unix milliseconds, from 1970 to 9999.
func (c *Coder) Time(what string, p *time.Time) {
	ms := uint64(p.UnixMilli())
	if c.From == nil {
		c.w.Uint64(ms)
	} else if ms = c.From.Uint64(); ms <= MaxTime {
		*p = time.UnixMilli(int64(ms)).UTC()
	}
	c.Must(ms > 0 && ms <= MaxTime, "%s is not between 1970 and 9999", what)
}

// Seconds is a length of time in whole seconds.
func (c *Coder) Seconds(what string, p *time.Duration, least, most time.Duration) {
	if c.From == nil {
		c.w.Uint32(uint32(*p / time.Second))
	} else {
		*p = time.Duration(c.From.Uint32()) * time.Second
	}
	c.Must(*p >= least && *p <= most && *p%time.Second == 0, "%s of %v, want whole seconds from %v to %v", what, *p, least, most)
}

// Flag is a yes or no.
func (c *Coder) Flag(what string, p *bool) { c.Flags(what, p) }

// Flags is a byte of several of them, the first in its lowest bit.
func (c *Coder) Flags(what string, all ...*bool) {
	var b uint8
	for i, p := range all {
		if *p {
			b |= 1 << i
		}
	}
	c.Uint8(&b)
	c.Must(b>>len(all) == 0, "%s %#x", what, b)
	for i, p := range all {
		*p = b>>i&1 == 1
	}
}

// List is a count in two bytes and its elements. Memory is taken for an element
// when it is there, whatever the count says. With compare, elements rise.
func List[T any](c *Coder, what string, p *[]T, least, most int, compare func(a, b T) int, each func(*T)) {
	n := uint16(len(*p))
	c.Uint16(&n)
	elements(c, what, p, int(n), least, most, compare, each)
}

// ShortList is [List] with a count in one byte.
func ShortList[T any](c *Coder, what string, p *[]T, least, most int, compare func(a, b T) int, each func(*T)) {
	n := uint8(len(*p))
	c.Uint8(&n)
	elements(c, what, p, int(n), least, most, compare, each)
}

func elements[T any](c *Coder, what string, p *[]T, n, least, most int, compare func(a, b T) int, each func(*T)) {
	if c.From != nil {
		*p = nil
	} else {
		n = len(*p)
	}
	c.Must(n >= least && n <= most, "%d %s, want %d to %d", n, what, least, most)
	for i := 0; i < n && (c.From == nil || c.OK()); i++ {
		if c.From != nil {
			*p = append(*p, *new(T))
		}
		each(&(*p)[i])
		c.Must(i == 0 || compare == nil || compare((*p)[i-1], (*p)[i]) < 0, "%s are not in order", what)
	}
}

// Sorted returns a list in its one order, each element once.
func Sorted[T any](all []T, compare func(a, b T) int) []T {
	all = slices.Clone(all)
	slices.SortStableFunc(all, compare)
	return slices.CompactFunc(all, func(a, b T) bool { return compare(a, b) == 0 })
}

// Done returns the first error, or [ErrMalformed] when bytes are left over.
func (c *Coder) Done() error {
	if c.From != nil && c.err == nil {
		c.err = c.From.Done()
	}
	return c.err
}

// CheckText refuses names and sentences that could mislead on a screen:
// control and format characters, broken UTF-8, space at the ends.
func CheckText(what, s string, limit int, mayBeEmpty bool) error {
	if s == "" && mayBeEmpty {
		return nil
	}
	if s == "" || len(s) > limit || !utf8.ValidString(s) {
		return fmt.Errorf("%w: %s of %d bytes, want 1 to %d of UTF-8", ErrMalformed, what, len(s), limit)
	}
	for _, c := range s {
		if unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Errorf("%w: %s holds a control character", ErrMalformed, what)
		}
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	if unicode.IsSpace(first) || unicode.IsSpace(last) {
		return fmt.Errorf("%w: %s begins or ends with a space", ErrMalformed, what)
	}
	return nil
}
