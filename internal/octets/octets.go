// Package octets writes and reads the fixed binary layouts of hotline.
//
// Certificates, statements, slices, envelopes and frames are signed or
// encrypted as bytes, so each has exactly one spelling: big-endian numbers,
// fields of fixed size as they are, and fields of variable size behind their
// length. One strict reader for all of them means one place where a length
// that lies is refused (docs/spec/envelope.md, Section 1).
//
// This package is on floor 0: values and rules, standard library only.
package octets

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed means that bytes are not one of our layouts: too short, too
// long, a length over its limit, or bytes left over.
var ErrMalformed = errors.New("malformed octets")

// Sizes are the lengths in bytes of a suite's public keys and signatures, which
// stand in layouts without a length (docs/spec/suite.md, Section 1).
type Sizes struct {
	Message, MessageSignature int // of single messages and slices
	Desk, DeskSignature       int
	Root, RootSignature       int
	Seal                      int // of seal keys and control keys
	Encapsulation             int // what sealing to a key writes before the ciphertext
}

// Writer builds one layout. The zero value is ready to use. It is not safe for
// use by several goroutines.
type Writer struct{ b []byte }

// Uint8 appends one byte.
func (w *Writer) Uint8(v uint8) { w.b = append(w.b, v) }

// Uint16 appends a big-endian number of two bytes.
func (w *Writer) Uint16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }

// Uint32 appends a big-endian number of four bytes.
func (w *Writer) Uint32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }

// Uint64 appends a big-endian number of eight bytes.
func (w *Writer) Uint64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }

// Raw appends p without a length, for fields of fixed size.
func (w *Writer) Raw(p []byte) { w.b = append(w.b, p...) }

// Var16 appends p behind its length in two bytes. It panics if p is longer
// than 65,535 bytes: every caller bounds its fields before it writes them.
func (w *Writer) Var16(p []byte) {
	if len(p) > 1<<16-1 {
		panic("octets: field over 65,535 bytes")
	}
	w.Uint16(uint16(len(p)))
	w.Raw(p)
}

// Var32 appends p behind its length in four bytes.
func (w *Writer) Var32(p []byte) {
	w.Uint32(uint32(len(p)))
	w.Raw(p)
}

// String appends s as [Writer.Var16] does.
func (w *Writer) String(s string) { w.Var16([]byte(s)) }

// Bytes returns what was written. The slice is the writer's own.
func (w *Writer) Bytes() []byte { return w.b }

// Reader takes one layout apart. The first error sticks: later calls return
// zero values, and [Reader.Done] returns that error. It is not safe for use by
// several goroutines.
type Reader struct {
	b   []byte
	err error
}

// NewReader returns a reader of b. What the reader returns points into b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// take returns the next n bytes.
func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b) {
		r.err = fmt.Errorf("%w: want %d bytes, have %d", ErrMalformed, n, len(r.b))
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

// Uint16 reads a big-endian number of two bytes.
func (r *Reader) Uint16() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// Uint32 reads a big-endian number of four bytes.
func (r *Reader) Uint32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// Uint64 reads a big-endian number of eight bytes.
func (r *Reader) Uint64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// Raw reads n bytes.
func (r *Reader) Raw(n int) []byte { return r.take(n) }

// Into fills dst.
func (r *Reader) Into(dst []byte) { copy(dst, r.take(len(dst))) }

// Var16 reads a field behind a length of two bytes. A length above limit is an
// error, before anything is allocated.
func (r *Reader) Var16(limit int) []byte { return r.bounded(int(r.Uint16()), limit) }

// Var32 reads a field behind a length of four bytes, bounded like Var16.
func (r *Reader) Var32(limit int) []byte { return r.bounded(int(r.Uint32()), limit) }

// String reads a field that [Writer.String] wrote.
func (r *Reader) String(limit int) string { return string(r.Var16(limit)) }

func (r *Reader) bounded(n, limit int) []byte {
	if r.err == nil && n > limit {
		r.err = fmt.Errorf("%w: field of %d bytes, limit %d", ErrMalformed, n, limit)
	}
	return r.take(n)
}

// Fail makes err the reader's error, unless it already has one. Callers use it
// for rules of their own, such as a number that must not be zero.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Rest returns what is left and empties the reader.
func (r *Reader) Rest() []byte { return r.take(len(r.b)) }

// Len is how many bytes are left.
func (r *Reader) Len() int { return len(r.b) }

// Err returns the first error so far.
func (r *Reader) Err() error { return r.err }

// Done returns the first error, or [ErrMalformed] when bytes are left over.
func (r *Reader) Done() error {
	if r.err == nil && len(r.b) != 0 {
		r.err = fmt.Errorf("%w: %d bytes left over", ErrMalformed, len(r.b))
	}
	return r.err
}
