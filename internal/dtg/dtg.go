// Package dtg writes and reads date-time groups, "231430ZNOV26": the way in
// which messages of this kind have carried their time of composition for a
// hundred years.
//
// A group is for people. It has a minute's resolution and a zone that is
// always Zulu, it is shown as it was written even if it cannot be true, and
// nothing is ever put in order by it.
//
// This package is on floor 0: values and rules, no clock, standard library
// only.
package dtg

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrForm means that a text is not a date-time group in Zulu time.
var ErrForm = errors.New("not a date-time group like 231430ZNOV26")

// layout is a group in the words of package time. The Z is only a letter to
// it; the year has two digits and lies in this century.
const layout = "021504ZJan06"

// Format returns t as a group. Seconds are cut off.
func Format(t time.Time) string { return strings.ToUpper(t.UTC().Format(layout)) }

// Parse reads what [Format] writes, in capitals only. Years are 2000 to 2099.
func Parse(s string) (time.Time, error) {
	t, err := time.Parse(layout, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %q", ErrForm, clip(s))
	}
	if t.Year() < 2000 { // two digits from 69 on are read as 1969 and later
		t = t.AddDate(100, 0, 0)
	}
	if Format(t) != s {
		return time.Time{}, fmt.Errorf("%w: %q", ErrForm, clip(s))
	}
	return t, nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

const (
	// Ahead is how far a peer's clock may be before ours without a remark.
	// Desks without a time source drift by seconds; ten minutes are a fault.
	Ahead = 10 * time.Minute
	// Behind is how old a message may be on arrival without a remark. One that
	// waited longer for a link is lawful, and its time still deserves a look.
	Behind = 24 * time.Hour
	// Backwards is how far a desk's time may run back from one message to its
	// next without a remark: groups have a minute's resolution.
	Backwards = time.Minute
)

// Suspect reports whether at, the composition time of a message that was
// committed here at now, is implausible: too far ahead, too old, or earlier
// than previous, the time of the same desk's message before it (zero if there
// is none). It is shown then with "???", and never refused.
func Suspect(at, previous, now time.Time) bool {
	switch {
	case at.After(now.Add(Ahead)), at.Before(now.Add(-Behind)):
		return true
	default:
		return !previous.IsZero() && at.Before(previous.Add(-Backwards))
	}
}
