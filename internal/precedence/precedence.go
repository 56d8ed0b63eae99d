// Package precedence orders traffic on a line by how fast it must move.
//
// A desk and a relay both hand out link time in precedence order: a FLASH
// alert overtakes a file transfer that is already half sent. The four levels
// and their order are those of ACP 121; the clocks are hotline's defaults,
// and a line's charter may agree on others (docs/spec/line.md, Section 5).
//
// This package is on floor 0: it holds values and rules, it reads no clock,
// and it imports only the standard library.
package precedence

import (
	"errors"
	"fmt"
	"time"
)

// Level is the precedence of one message. The zero value is [Routine], so a
// message nobody marked never jumps the queue.
//
// Levels are stored and sent as one byte. Their numbers are part of the wire
// format (docs/spec/envelope.md, Section 3) and stay as they are. The number 4
// is reserved for FLASH OVERRIDE and refused.
type Level uint8

// The levels, least urgent first.
const (
	Routine   Level = 0 // moves when the link is idle
	Priority  Level = 1 // ahead of routine traffic and files
	Immediate Level = 2 // interrupts files; wakes the watch
	Flash     Level = 3 // interrupts everything; rings the desk
)

// ErrUnknown means that a text or a byte is none of the four levels.
var ErrUnknown = errors.New("unknown precedence")

var names = [...]string{"ROUTINE", "PRIORITY", "IMMEDIATE", "FLASH"}

// All lists the levels, most urgent first.
func All() []Level { return []Level{Flash, Immediate, Priority, Routine} }

// String returns the word used on the wire and on screen, in capitals.
func (l Level) String() string {
	if int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// Valid reports whether l is one of the four levels.
func (l Level) Valid() bool { return int(l) < len(names) }

// Parse returns the level written as s, in the upper case used on the wire.
// It returns an error wrapping [ErrUnknown] for any other spelling: a guess
// here could delay a FLASH.
func Parse(s string) (Level, error) {
	for i, n := range names {
		if n == s {
			return Level(i), nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrUnknown, s)
}

// ReceiptWithin is how long a named role at the receiving desk has to receipt
// a message of level l before the sender is told that nobody answered.
// A level from a newer peer gets Flash's time: too early is the safe mistake.
func (l Level) ReceiptWithin() time.Duration {
	switch l {
	case Routine:
		return 6 * time.Hour
	case Priority:
		return 3 * time.Hour
	case Immediate:
		return 30 * time.Minute
	default:
		return 10 * time.Minute
	}
}

// EscalateAt lists when, after delivery, the watch calls the next person
// while nobody has receipted a message of level l (docs/spec/line.md,
// Section 5).
func (l Level) EscalateAt() []time.Duration {
	switch l {
	case Routine:
		return nil // a line of the handover's digest, no alarm
	case Priority:
		return []time.Duration{3 * time.Hour}
	case Immediate:
		return []time.Duration{15 * time.Minute, 30 * time.Minute}
	default:
		return []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute}
	}
}

// Schedule returns the moments at which a message of level l calls the next
// person, and last the moment at which it is overdue. from is the delivery (or
// the release, at the sender), due is when the receipt falls due. Steps that
// would come after due are left out.
func (l Level) Schedule(from, due time.Time) []time.Time {
	var steps []time.Time
	for _, d := range l.EscalateAt() {
		if at := from.Add(d); at.Before(due) {
			steps = append(steps, at)
		}
	}
	return append(steps, due)
}

// Progress says how many of the steps are past at now, and when the one after
// them is due. next is the zero time when none is left.
func Progress(steps []time.Time, now time.Time) (past int, next time.Time) {
	for _, at := range steps {
		if at.After(now) {
			return past, at
		}
		past++
	}
	return past, time.Time{}
}
