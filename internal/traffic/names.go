package traffic

import (
	"fmt"
	"slices"
	"strings"

	"hotline/internal/fault"
	"hotline/internal/precedence"
)

var (
	kindNames   = []string{"", "formal", "alert", "rfi", "informal", "service", "check"}
	statusNames = []string{"", "actual", "exercise", "test"}
	ackNames    = []string{"none", "receipt", "readback", "answer"}
	stateNames  = []string{
		"", "queued", "accepted", "delivered", "alarmed", "receipted", "readback", "comply", "cannot", "holding",
		"answered", "refused", "expired", "overdue", "withdrawn", "whole", "want",
	}
)

func name(names []string, i uint8, kind string) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", kind, i)
}

// String returns the kind's name in API answers, "alert".
func (k Kind) String() string { return name(kindNames, uint8(k), "Kind") }

// String returns the status's name in API answers, "actual".
func (s Status) String() string { return name(statusNames, uint8(s), "Status") }

// String returns the name in API answers, "receipt".
func (a Ack) String() string { return name(ackNames, uint8(a), "Ack") }

// String returns the state's name in API answers, "delivered".
func (s State) String() string { return name(stateNames, uint8(s), "State") }

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return k >= Formal && k <= Check }

// Valid reports whether s is one of the statuses.
func (s Status) Valid() bool { return s >= Actual && s <= Test }

// Valid reports whether a is something that can be asked for.
func (a Ack) Valid() bool { return a <= AckAnswer }

func parseName[T ~uint8](names []string, s, what string) (T, error) {
	if i := slices.Index(names, s); i >= 0 && s != "" {
		return T(i), nil
	}
	known := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	return 0, fault.New(fault.Invalid, "%.60q is not a %s.", s, what).WithHint("known are %s", list(known))
}

// ParseKind returns the kind with that name, or a [fault.Error].
func ParseKind(s string) (Kind, error) {
	return parseName[Kind](kindNames, s, "kind of message")
}

// ParseStatus returns the status with that name, or a [fault.Error].
func ParseStatus(s string) (Status, error) {
	return parseName[Status](statusNames, s, "status")
}

// ParseAck returns what is asked for by that name, or a [fault.Error].
func ParseAck(s string) (Ack, error) {
	return parseName[Ack](ackNames, s, "kind of acknowledgement")
}

// ParseState returns the state with that name, or a [fault.Error].
func ParseState(s string) (State, error) {
	return parseName[State](stateNames, s, "state of a message")
}

// Highest returns the highest precedence that a message of kind k may have.
func (k Kind) Highest() precedence.Level {
	switch k {
	case Formal, Alert:
		return precedence.Flash
	case RFI, Service:
		return precedence.Immediate
	default:
		return precedence.Routine
	}
}

// ByPerson reports whether a message of kind k is receipted by a person, and
// not by the desk alone.
func (k Kind) ByPerson() bool { return k == Formal || k == Alert || k == RFI }

// Travels reports whether a desk says s to the originator in a receipt. The
// other states are known at the sender alone.
func (s State) Travels() bool {
	switch s {
	case Delivered, Alarmed, Receipted, Readback, Comply, Cannot, Holding, Refused, Expired, Withdrawn, Whole, Want:
		return true
	default:
		return false
	}
}

// ByPerson reports whether a named role must stand behind s.
func (s State) ByPerson() bool {
	switch s {
	case Receipted, Readback, Comply, Cannot, Holding, Withdrawn:
		return true
	default:
		return false
	}
}

// list writes "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
