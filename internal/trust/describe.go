package trust

import (
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/roster"
)

// Describe says in one sentence what a statement states. The names are the
// reader's own labels for parties and desks.
func Describe(v roster.Verifier, s roster.Statement, party func(ident.Party) string, desk func(ident.Desk) string) string {
	author, what := party(s.Author), ""
	switch s.Type {
	case roster.AddDesk:
		what = fmt.Sprintf("adds desk %s (%s)", s.Add.Certificate.Name, s.Add.Certificate.Role)
	case roster.DormantDesk:
		what = fmt.Sprintf("keeps desk %s in reserve", s.Add.Certificate.Name)
	case roster.RemoveDesk:
		what = fmt.Sprintf("removes desk %s for ever", desk(s.Remove.Desk))
	case roster.ActivateDesk:
		what = fmt.Sprintf("activates spare desk %s", desk(s.Desk(v)))
	case roster.SuspendParty:
		what = "suspends " + party(s.Suspend.Subject)
		if !s.Suspend.Until.IsZero() {
			what += " until " + s.Suspend.Until.Format("2006-01-02 15:04Z")
		}
	case roster.ReopenParty:
		what = "reopens to " + party(s.Suspend.Subject)
	case roster.ContactCard:
		what = "is reached at any hour through " + s.Contact.Role
	case roster.RotateRoot:
		what = fmt.Sprintf("replaces its root; %d statements of the old one stay", len(s.Rotate.Survivors))
	default:
		what = "states " + s.Type.String()
	}
	if s.By != roster.Root {
		what += ", signed by"
		for i, e := range s.Endorsements {
			what += [...]string{" ", " and "}[min(i, 1)] + e.Warrant.Name
		}
	}
	reason := ""
	if s.Remove != nil && s.Remove.Reason != "" {
		reason = ": " + s.Remove.Reason
	} else if s.Suspend != nil && s.Suspend.Reason != "" {
		reason = ": " + s.Suspend.Reason
	}
	return author + " " + what + reason + "."
}
