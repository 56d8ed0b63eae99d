package roster

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/octets"
)

// maxTime is the end of the year 9999 in Unix milliseconds. Later times have
// no text form that other programs read.
const maxTime = 253402300799999

// coder goes over the fields of a layout, which says them once: it writes them
// or reads them, and holds their bounds either way. The first error sticks.
type coder struct {
	r   *octets.Reader // nil: write
	w   octets.Writer
	k   octets.Sizes // of the suite whose number came last
	err error
}

// fields is how a layout says what it is made of, in order.
type fields func(*coder)

// encode writes a layout. Fields out of bounds are written as far as they can
// be: who makes a value checks it, and who reads it checks it again.
func encode(f fields) []byte {
	var c coder
	f(&c)
	return c.w.Bytes()
}

// check holds the bounds of a value that is not read from bytes.
func check(f fields) error {
	var c coder
	f(&c)
	return c.err
}

// decode reads one layout and nothing behind it. The bytes are copied first.
func decode(what string, b []byte, limit int, f fields) error {
	if len(b) > limit {
		return fmt.Errorf("parse %s: %w: %d bytes", what, ErrMalformed, len(b))
	}
	c := coder{r: octets.NewReader(bytes.Clone(b))}
	f(&c)
	if err := cmpErr(c.err, c.r.Done()); err != nil {
		return fmt.Errorf("parse %s: %w", what, err)
	}
	return nil
}

// cmpErr returns the first error, as one of this package's.
func cmpErr(errs ...error) error {
	for _, err := range errs {
		if errors.Is(err, octets.ErrMalformed) {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// ok reports whether the coder may go on: nothing was out of bounds, and the
// bytes did not run out.
func (c *coder) ok() bool {
	if c.r != nil && c.err == nil {
		c.err = cmpErr(c.r.Err())
	}
	return c.err == nil
}

// must makes a rule of its own out of a condition.
func (c *coder) must(holds bool, format string, args ...any) {
	if !holds && c.ok() {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
}

func (c *coder) fail(err error) {
	if err != nil && c.ok() {
		c.err = err
	}
}

// version begins a layout: its version and the suite of its keys.
func (c *coder) version(what string, suite *uint8) {
	version := uint8(layoutVersion)
	c.u8(&version)
	c.u8(suite)
	k, known := suites[*suite]
	if !known || version != layoutVersion {
		c.fail(fmt.Errorf("%w: %s version %d, suite %d", ErrReserved, what, version, *suite))
	}
	c.k = k
}

// magic is the first bytes of a file.
func (c *coder) magic(magic string) {
	m := []byte(magic)
	c.raw(&m, len(magic))
	c.must(string(m) == magic, "does not begin with %q", magic)
}

func (c *coder) u8(p *uint8) {
	if c.r == nil {
		c.w.Uint8(*p)
	} else {
		*p = c.r.Uint8()
	}
}

// number is a u64 from 1 to [MaxNumber].
func (c *coder) number(what string, p *uint64) {
	if c.r == nil {
		c.w.Uint64(*p)
	} else {
		*p = c.r.Uint64()
	}
	c.must(*p > 0 && *p <= MaxNumber, "%s %d", what, *p)
}

// array is an identifier, a hash or a nonce.
func (c *coder) array(p []byte) {
	if c.r == nil {
		c.w.Raw(p)
	} else {
		c.r.Into(p)
	}
}

func (c *coder) raw(p *[]byte, size int) {
	if c.r == nil {
		c.w.Raw(*p)
	} else {
		*p = c.r.Raw(size)
	}
}

// key is a key or signature of a fixed size.
func (c *coder) key(what string, p *[]byte, size int) {
	c.raw(p, size)
	c.must(len(*p) == size, "%s of %d bytes, want %d", what, len(*p), size)
}

// rootKey is a party's root: its public key, and the commitment to its
// successor when there is one.
func (c *coder) rootKey(p *[]byte) {
	c.bytes("root key", p, c.k.Root+commitmentSize)
	c.must(len(*p) == c.k.Root || len(*p) == c.k.Root+commitmentSize, "root key of %d bytes", len(*p))
}

// bytes is a field behind its length.
func (c *coder) bytes(what string, p *[]byte, limit int) {
	if c.r != nil {
		*p = c.r.Var32(limit)
		return
	}
	c.must(len(*p) <= limit, "%s of %d bytes, limit %d", what, len(*p), limit)
	c.w.Var32(*p)
}

// text is what people read.
func (c *coder) text(what string, p *string, limit int, mayBeEmpty bool) {
	if c.r != nil {
		*p = c.r.String(limit)
	}
	if err := checkText(what, *p, limit, mayBeEmpty); c.ok() {
		c.err = err
	}
	if c.r == nil {
		c.w.String((*p)[:min(len(*p), 1<<15)])
	}
}

// time is Unix milliseconds, from 1970 to 9999.
func (c *coder) time(what string, p *time.Time) {
	ms := uint64(p.UnixMilli())
	if c.r == nil {
		c.w.Uint64(ms)
	} else if ms = c.r.Uint64(); ms <= maxTime {
		*p = time.UnixMilli(int64(ms)).UTC()
	}
	c.must(ms > 0 && ms <= maxTime, "%s is not between 1970 and 9999", what)
}

// seconds is a length of time in whole seconds.
func (c *coder) seconds(what string, p *time.Duration, least, most time.Duration) {
	if c.r == nil {
		c.w.Uint32(uint32(*p / time.Second))
	} else {
		*p = time.Duration(c.r.Uint32()) * time.Second
	}
	c.must(*p >= least && *p <= most && *p%time.Second == 0, "%s of %v, want whole seconds from %v to %v", what, *p, least, most)
}

func (c *coder) flag(what string, p *bool) {
	var b uint8
	if *p {
		b = 1
	}
	c.u8(&b)
	c.must(b <= 1, "%s is neither yes nor no", what)
	*p = b == 1
}

// list is a count and its elements. Memory is taken for an element when it is
// there, whatever the count says. With compare, elements rise.
func list[T any](c *coder, what string, p *[]T, least, most int, compare func(a, b T) int, each func(*T)) {
	n := len(*p)
	if c.r == nil {
		c.w.Uint16(uint16(n))
	} else {
		n, *p = int(c.r.Uint16()), nil
	}
	c.must(n >= least && n <= most, "%d %s, want %d to %d", n, what, least, most)
	for i := 0; i < n && (c.r == nil || c.ok()); i++ {
		if c.r != nil {
			*p = append(*p, *new(T))
		}
		each(&(*p)[i])
		c.must(i == 0 || compare == nil || compare((*p)[i-1], (*p)[i]) < 0, "%s are not in order", what)
	}
}

// sorted returns a list in its one order, each element once.
func sorted[T any](all []T, compare func(a, b T) int) []T {
	all = slices.Clone(all)
	slices.SortStableFunc(all, compare)
	return slices.CompactFunc(all, func(a, b T) bool { return compare(a, b) == 0 })
}

// nested is a layout behind its length, which has the bounds of its own.
func nested[T any](c *coder, what string, p *T, limit int, f func(*T, *coder)) {
	var b []byte
	if c.r == nil {
		b = encode(func(c *coder) { f(p, c) })
	}
	c.bytes(what, &b, limit)
	if c.r != nil && c.ok() {
		c.fail(decode(what, b, limit, func(c *coder) { f(p, c) }))
	}
}

// wholeMilli returns t as this package keeps times.
func wholeMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
