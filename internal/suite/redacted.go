package suite

import (
	"fmt"
	"log/slog"
)

// redacted makes the type that embeds it unprintable: every verb of fmt and
// every handler of slog writes a placeholder. The key types hold their secrets
// in a closure besides: fmt cannot call methods on unexported fields of somebody
// else's struct and prints those byte by byte, with %s even through a pointer.
type redacted struct{}

const placeholder = "key(redacted)"

// Format implements [fmt.Formatter], which also covers %d, %x and %#v.
func (redacted) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(placeholder)) }

// String implements [fmt.Stringer].
func (redacted) String() string { return placeholder }

// GoString implements [fmt.GoStringer].
func (redacted) GoString() string { return placeholder }

// LogValue implements [slog.LogValuer].
func (redacted) LogValue() slog.Value { return slog.StringValue(placeholder) }

// MarshalText keeps encoders from writing anything else.
func (redacted) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// hide returns a closure over v.
func hide[T any](v T) func() T { return func() T { return v } }

var (
	_ fmt.Formatter  = redacted{}
	_ fmt.GoStringer = redacted{}
	_ slog.LogValuer = redacted{}
)
