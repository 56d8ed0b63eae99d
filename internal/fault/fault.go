// Package fault carries an error across a door with one sentence that may be
// read by whoever asked.
//
// An error has two readers. The operator gets everything, in the log. The
// officer, the script or the peer gets a kind (which picks the HTTP status and
// the exit code) and one safe sentence, with a hint that mends it where there
// is one. Whatever has no sentence shows as a fixed one, so that a path, a key
// or a stranger's bytes never leak through an error text.
//
// This package is on floor 0: values and rules, standard library only.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of fault it is. The zero value is [Internal].
type Kind uint8

// The kinds. docs/cli.md, "Exit codes", and docs/errors.md list what each door
// makes of them.
const (
	Internal    Kind = iota // our mistake, or the machine's
	Invalid                 // what was given cannot be read or does not fit
	NotFound                // no such line, message, party, file
	Conflict                // in use, already done, another state
	Refused                 // label, policy or charter forbids it
	Denied                  // not signed in, or the role does not allow it
	TooLarge                // over a limit
	Busy                    // try again later: throttled, quota, disk full
	Unavailable             // no relay, no desk behind the socket
	Timeout                 // a deadline passed
	Unverified              // a proof, signature or certificate is wrong
	Config                  // configuration, data folder in use, newer database
)

var kinds = [...]string{"internal", "invalid", "not_found", "conflict", "refused", "denied", "too_large", "busy", "unavailable", "timeout", "unverified", "config"}

// String returns the kind's name in API answers.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return kinds[Internal]
}

// ParseKind returns the kind with that name; unknown names are [Internal].
func ParseKind(s string) Kind {
	for i, n := range kinds {
		if n == s {
			return Kind(i)
		}
	}
	return Internal
}

// Error is a fault whose Msg and Hint may be shown to whoever asked.
type Error struct {
	Kind Kind
	Msg  string // one sentence, no secrets, no paths the asker did not give
	Hint string // what mends it; may be empty
	Err  error  // cause, for the log only; may be nil
}

// Error returns everything, for the log.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Msg + ": " + e.Err.Error()
	}
	return e.Msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns a fault of kind k with the sentence that format makes.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault of kind k with a sentence, and err as its cause.
func Wrap(err error, k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Msg: fmt.Sprintf(format, args...), Err: err}
}

// WithHint returns e with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// hidden is what is shown for an error that has no sentence of its own.
const hidden = "Something failed inside this desk. The log has the details."

// Visible returns what may be shown of err: its kind, sentence and hint.
func Visible(err error) (k Kind, msg, hint string) {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind, e.Msg, e.Hint
	}
	return Internal, hidden, ""
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == k
}
