package roster

import (
	"errors"
	"fmt"
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
