package exchange

import (
	"slices"
	"strings"

	"hotline/internal/ident"
)

// addressable lists the members to whom something new may be sent. The group
// of a message is formed of these, so that a suspended party never gets its key.
func (l *line) addressable() []ident.Party {
	return slices.DeleteFunc(slices.Clone(l.parties), func(p ident.Party) bool {
		_, suspended := l.suspended[p]
		return suspended
	})
}

// suspensions says who on a line is sent nothing new, and why.
func (e *Engine) suspensions(l *line) string {
	var all []string
	for p, n := range l.suspended {
		said := e.dir.name(p) + " is suspended by " + e.dir.name(n.Author)
		if n.Reason != "" {
			said += ": " + n.Reason
		}
		all = append(all, said+".")
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
