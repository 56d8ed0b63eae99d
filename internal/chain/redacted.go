package chain

import (
	"fmt"
	"log/slog"
)

// redacted makes the type that embeds it unprintable, as suite's keys are: a
// sender or receiver in a log line would be all its keys in a log line.
type redacted struct{}

const placeholder = "chain(redacted)"

// Format implements [fmt.Formatter] for every verb.
func (redacted) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(placeholder)) }

// String implements [fmt.Stringer].
func (redacted) String() string { return placeholder }

// GoString implements [fmt.GoStringer].
func (redacted) GoString() string { return placeholder }

// LogValue implements [slog.LogValuer].
func (redacted) LogValue() slog.Value { return slog.StringValue(placeholder) }
