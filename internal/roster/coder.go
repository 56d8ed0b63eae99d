package roster

import (
	"bytes"
	"fmt"
	"time"

	"hotline/internal/octets"
)

// coder goes over the fields of a layout of this package.
type coder struct {
	octets.Coder
	k octets.Sizes // of the suite whose number came last
}

// fields is how a layout says what it is made of, in order.
type fields func(*coder)

// encode writes a layout. Fields out of bounds are written as far as they can
// be: who makes a value checks it, and who reads it checks it again.
func encode(f fields) []byte {
	var c coder
	f(&c)
	return c.Written()
}

// check holds the bounds of a value that is not read from bytes.
func check(f fields) error {
	var c coder
	f(&c)
	return c.Err()
}

// decode reads one layout and nothing behind it. The bytes are copied first.
func decode(what string, b []byte, limit int, f fields) error {
	if len(b) > limit {
		return fmt.Errorf("parse %s: %w: %d bytes", what, ErrMalformed, len(b))
	}
	c := coder{Coder: octets.Coder{From: octets.NewReader(bytes.Clone(b))}}
	f(&c)
	if err := c.Done(); err != nil {
		return fmt.Errorf("parse %s: %w", what, err)
	}
	return nil
}

// version begins a layout: its version and the suite of its keys.
func (c *coder) version(what string, suite *uint8) {
	version := uint8(layoutVersion)
	c.Uint8(&version)
	c.Uint8(suite)
	k, known := suites[*suite]
	if !known || version != layoutVersion {
		c.Fail(fmt.Errorf("%w: %s version %d, suite %d", ErrReserved, what, version, *suite))
	}
	c.k = k
}

// rootKey is a party's root: its public key, and the commitment to its
// successor when there is one.
func (c *coder) rootKey(p *[]byte) {
	c.Field("root key", p, c.k.Root+commitmentSize)
	c.Must(len(*p) == c.k.Root || len(*p) == c.k.Root+commitmentSize, "root key of %d bytes", len(*p))
}

// nested is a layout behind its length, which has the bounds of its own.
func nested[T any](c *coder, what string, p *T, limit int, f func(*T, *coder)) {
	var b []byte
	if !c.Reads() {
		b = encode(func(c *coder) { f(p, c) })
	}
	c.Field(what, &b, limit)
	if c.Reads() && c.OK() {
		c.Fail(decode(what, b, limit, func(c *coder) { f(p, c) }))
	}
}

// wholeMilli returns t as this package keeps times.
func wholeMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
