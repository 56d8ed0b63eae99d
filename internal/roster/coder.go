package roster

import (
	"bytes"
	"fmt"
	"time"

	"hotline/internal/octets"
)

// fields is how a layout says what it is made of, in order.
type fields = func(*octets.Coder)

// decode reads one layout and nothing behind it. The bytes are copied first.
func decode(what string, b []byte, limit int, f fields) error {
	if len(b) > limit {
		return fmt.Errorf("parse %s: %w: %d bytes", what, ErrMalformed, len(b))
	}
	if err := octets.Decode(bytes.Clone(b), f); err != nil {
		return fmt.Errorf("parse %s: %w", what, err)
	}
	return nil
}

// layout is a value of this package that says its fields.
type layout[T any] interface {
	*T
	fields(*octets.Coder)
}

// parse reads a value that nothing else is needed to read.
func parse[T any, P layout[T]](what string, b []byte, limit int) (x T, err error) {
	err = decode(what, b, limit, P(&x).fields)
	return x, err
}

// version begins a layout: its version and the suite of its keys.
func version(c *octets.Coder, what string, suite *uint8) {
	version := uint8(layoutVersion)
	c.Uint8(&version)
	c.Uint8(suite)
	k, known := suites[*suite]
	if !known || version != layoutVersion {
		c.Fail(fmt.Errorf("%w: %s version %d, suite %d", ErrReserved, what, version, *suite))
	}
	c.Sizes = k
}

// rootKey is a party's root: its public key, and the commitment to its
// successor when there is one.
func rootKey(c *octets.Coder, p *[]byte) {
	c.Field("root key", p, c.Sizes.Root+commitmentSize)
	c.Must(len(*p) == c.Sizes.Root || len(*p) == c.Sizes.Root+commitmentSize, "root key of %d bytes", len(*p))
}

// nested is a layout behind its length, which has the bounds of its own.
func nested[T any](c *octets.Coder, what string, p *T, limit int, f func(*T, *octets.Coder)) {
	var b []byte
	if !c.Reads() {
		b = octets.Encode(func(c *octets.Coder) { f(p, c) })
	}
	c.Field(what, &b, limit)
	if c.Reads() && c.OK() {
		c.Fail(decode(what, b, limit, func(c *octets.Coder) { f(p, c) }))
	}
}

// wholeMilli returns t as this package keeps times.
func wholeMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
