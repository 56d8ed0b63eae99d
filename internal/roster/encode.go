package roster

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/octets"
)

// maxTime is the end of the year 9999 in Unix milliseconds. Later times have
// no text form that other programs read.
const maxTime = 253402300799999

// wholeMilli returns t as this package keeps times.
func wholeMilli(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

func checkTime(what string, t time.Time) error {
	if ms := t.UnixMilli(); ms <= 0 || ms > maxTime {
		return fmt.Errorf("%w: %s is not between 1970 and 9999", ErrMalformed, what)
	}
	return nil
}

func writeTime(w *octets.Writer, t time.Time) { w.Uint64(uint64(t.UnixMilli())) }

func readTime(r *octets.Reader) time.Time {
	ms := r.Uint64()
	if r.Err() == nil && (ms == 0 || ms > maxTime) {
		r.Fail(fmt.Errorf("%w: time %d", ErrMalformed, ms))
	}
	if ms > maxTime {
		ms = 0
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// writeVersion begins a layout: its version and the suite of its keys.
func writeVersion(w *octets.Writer, version uint8) {
	w.Uint8(version)
	w.Uint8(Suite)
}

func readVersion(r *octets.Reader, what string, want uint8) {
	version, suite := r.Uint8(), r.Uint8()
	if r.Err() == nil && (version != want || suite != Suite) {
		r.Fail(fmt.Errorf("%w: %s version %d, suite %d", ErrReserved, what, version, suite))
	}
}

// readMagic takes the first bytes of a file.
func readMagic(r *octets.Reader, magic string) {
	if string(r.Raw(len(magic))) != magic {
		r.Fail(fmt.Errorf("%w: does not begin with %q", ErrMalformed, magic))
	}
}

// malformed turns the reader's error into this package's, so that callers look
// for one sentinel.
func malformed(err error) error {
	if errors.Is(err, ErrMalformed) || errors.Is(err, ErrReserved) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrMalformed, err)
}

// readCount reads how many elements follow, in one byte.
func readCount(r *octets.Reader, what string, limit int) int {
	n := int(r.Uint8())
	if r.Err() == nil && n > limit {
		r.Fail(fmt.Errorf("%w: %d %s, limit %d", ErrMalformed, n, what, limit))
	}
	return n
}

func writeSeconds(w *octets.Writer, d time.Duration) { w.Uint32(uint32(d / time.Second)) }

func readSeconds(r *octets.Reader) time.Duration { return time.Duration(r.Uint32()) * time.Second }

func checkSeconds(what string, d, least, most time.Duration) error {
	if d < least || d > most || d%time.Second != 0 {
		return fmt.Errorf("%w: %s of %v, want whole seconds from %v to %v", ErrMalformed, what, d, least, most)
	}
	return nil
}

func writeBool(w *octets.Writer, b bool) {
	if b {
		w.Uint8(1)
	} else {
		w.Uint8(0)
	}
}

func readBool(r *octets.Reader) bool {
	b := r.Uint8()
	if b > 1 {
		r.Fail(fmt.Errorf("%w: %d is neither yes nor no", ErrMalformed, b))
	}
	return b == 1
}

// readMany reads how many elements follow, in four bytes. No memory is taken
// for them before they are there.
func readMany(r *octets.Reader, what string, limit uint32) uint32 {
	n := r.Uint32()
	if r.Err() == nil && n > limit {
		r.Fail(fmt.Errorf("%w: %d %s, limit %d", ErrMalformed, n, what, limit))
		return 0
	}
	return n
}

// writeStatements writes statements in their one order, each once.
func writeStatements(w *octets.Writer, statements []Statement) {
	sorted := slices.Clone(statements)
	slices.SortFunc(sorted, compareOrder)
	sorted = slices.CompactFunc(sorted, func(a, b Statement) bool { return compareOrder(a, b) == 0 })
	w.Uint32(uint32(len(sorted)))
	for _, st := range sorted {
		w.Var32(st.Bytes())
	}
}

// maxStatements is how many statements a file may hold: every member's, of
// both kinds. The size of the file is bounded before.
const maxStatements = MaxMembers * 2 * MaxPerAuthor

func readStatements(r *octets.Reader) (out []Statement) {
	for n := readMany(r, "statements", maxStatements); n > 0 && r.Err() == nil; n-- {
		raw := r.Var32(MaxStatement)
		if r.Err() != nil {
			return nil
		}
		st, err := ParseStatement(raw)
		if err != nil {
			r.Fail(err)
			return nil
		}
		if len(out) > 0 && compareOrder(out[len(out)-1], st) >= 0 {
			r.Fail(fmt.Errorf("%w: statements are not in order", ErrMalformed))
		}
		out = append(out, st)
	}
	return out
}

// writeSignatures writes charter signatures by desk, one for each.
func writeSignatures(w *octets.Writer, sigs []CharterSignature) {
	sorted := slices.Clone(sigs)
	slices.SortFunc(sorted, compareSignatures)
	sorted = slices.CompactFunc(sorted, func(a, b CharterSignature) bool { return a.Desk == b.Desk })
	w.Uint32(uint32(len(sorted)))
	for _, s := range sorted {
		w.Raw(s.Bytes())
	}
}

// maxSignatures bounds charter signatures in a file: several desks of each
// member may sign.
const maxSignatures = 16 * MaxMembers

func readSignatures(r *octets.Reader) (out []CharterSignature) {
	for n := readMany(r, "charter signatures", maxSignatures); n > 0 && r.Err() == nil; n-- {
		s := readCharterSignature(r)
		if len(out) > 0 && r.Err() == nil && compareSignatures(out[len(out)-1], s) >= 0 {
			r.Fail(fmt.Errorf("%w: charter signatures are not in order", ErrMalformed))
		}
		out = append(out, s)
	}
	return out
}

func compareSignatures(a, b CharterSignature) int { return bytes.Compare(a.Desk[:], b.Desk[:]) }

func compareAnnouncements(a, b Announcement) int {
	return cmp.Or(bytes.Compare(a.Desk[:], b.Desk[:]), cmp.Compare(b.Number, a.Number)) // highest first
}

// readWrappedCharter reads a charter behind its length.
func readWrappedCharter(r *octets.Reader) Charter {
	inner := octets.NewReader(r.Var32(MaxCharter))
	c := readCharter(inner)
	if err := inner.Done(); err != nil {
		r.Fail(err)
	}
	return c
}
