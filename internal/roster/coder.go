package roster

import (
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// maxStatements bounds lists in files.
const maxStatements = 1<<16 - 1

// fields is how a layout says what it is made of, in order.
type fields = func(*octets.Coder)

// layout is a value of this package that says its fields.
type layout[T any] interface {
	*T
	fields(*octets.Coder)
}

// parse reads a value that nothing else is needed to read.
func parse[T any, P layout[T]](what string, b []byte, limit int) (x T, err error) {
	err = octets.Parse(what, b, limit, P(&x).fields)
	return x, err
}

// Version begins a layout: its version and the suite of its keys.
func Version(c *octets.Coder, what string, suite *uint8) {
	version := uint8(layoutVersion)
	c.Uint8(&version)
	c.Uint8(suite)
	k, known := suites[*suite]
	if !known || version != layoutVersion {
		c.Fail(fmt.Errorf("%w: %s version %d, suite %d", ErrReserved, what, version, *suite))
	}
	c.Sizes = k
}

// RootKey is a party's root: its public key, and the commitment to its
// successor when there is one.
func RootKey(c *octets.Coder, p *[]byte) {
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
		c.Fail(octets.Parse(what, b, limit, func(c *octets.Coder) { f(p, c) }))
	}
}

// optional is a part that is there or not, as what went before it says.
func optional[T any](c *octets.Coder, what string, p **T, there bool, f func(*T, *octets.Coder)) {
	if there && c.Reads() {
		*p = new(T)
	}
	if c.Must((*p != nil) == there, "%s: is there %t, belongs there %t", what, *p != nil, there); there && c.OK() {
		f(*p, c)
	}
}

// sign returns the signature under a layout that is in its bounds. The error
// begins with what is made.
func sign(what string, key Signer, label string, body fields) ([]byte, error) {
	if err := octets.Check(body); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return key.Sign(label, octets.Encode(body)), nil
}

// Statements is a list of statements in a file. A file's size is bounded before.
func Statements(c *octets.Coder, p *[]Statement) {
	octets.List(c, "statements", p, 0, maxStatements, CompareStatements, func(st *Statement) {
		nested(c, "statement", st, MaxStatement, (*Statement).fields)
	})
}

// Announcements is a list of seal keys in a file, one of each desk.
func Announcements(c *octets.Coder, p *[]Announcement) {
	byDesk := func(a, b Announcement) int { return ident.Compare(a.Desk, b.Desk) }
	octets.List(c, "seal keys", p, 0, maxStatements, byDesk, func(a *Announcement) { a.fields(c) })
}

// wholeMilli returns t as this package keeps times.
func wholeMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
