// Package redact keeps secrets out of logs, errors and screens.
//
// This package is on floor 0: values and rules, standard library only.
package redact

import (
	"fmt"
	"log/slog"
)

// Placeholder is what stands in the place of a secret.
const Placeholder = "(redacted)"

// Secret makes the type that embeds it unprintable: every verb of fmt, every
// encoder of text and every handler of slog writes [Placeholder]. Fields that
// hold the secret belong behind a pointer or in a closure besides: fmt cannot
// call methods on unexported fields of somebody else's struct, and prints those
// byte by byte.
type Secret struct{}

// Format implements [fmt.Formatter], which also covers %d, %x and %#v.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Placeholder)) }

// String implements [fmt.Stringer].
func (Secret) String() string { return Placeholder }

// GoString implements [fmt.GoStringer].
func (Secret) GoString() string { return Placeholder }

// LogValue implements [slog.LogValuer].
func (Secret) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText keeps encoders from writing anything else.
func (Secret) MarshalText() ([]byte, error) { return []byte(Placeholder), nil }

var (
	_ fmt.Formatter  = Secret{}
	_ fmt.GoStringer = Secret{}
	_ slog.LogValuer = Secret{}
)
