package desk

import (
	"slices"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// climb shows the ladder, the rung that the message has reached, and what may
// be said now.
func (d *Desk) climb(out *api.Message, row store.Message, ladder []store.Rung, recipients []ident.Party, open bool) {
	v := d.engine.View()
	out.Ladder = []api.Rung{}
	var own store.Rung // the newest that a person of ours signed
	for _, g := range ladder {
		one := api.Rung{State: g.State, Role: g.Role, At: api.Time{Time: g.At.UTC()}, Verified: g.Verified, Text: g.Text}
		if g.Desk != (ident.Desk{}) {
			one.Party, one.Desk = v.Name(g.Party), v.Desk(g.Desk)
		}
		if !g.AnswerBy.IsZero() {
			one.Text = strings.TrimSpace(one.Text + " answer by " + g.AnswerBy.UTC().Format(time.RFC3339))
		}
		out.Ladder = append(out.Ladder, one)
		if s, err := traffic.ParseState(g.State); err == nil && s.ByPerson() && g.Party == d.id.Party {
			own = g
		}
	}
	if !row.Outgoing {
		recipients = []ident.Party{d.id.Party}
	}
	out.State = reached(ladder, recipients)
	if row.Party == d.id.Party || !open {
		return
	}
	standing := own.State != "" && own.State != traffic.Withdrawn.String()
	if !standing {
		out.Actions = append(out.Actions, "receipt")
	}
	for _, o := range []struct{ outcome, state string }{{"comply", "comply"}, {"cannot", "cannot"}, {"hold", "holding"}} {
		if own.State != o.state {
			out.Actions = append(out.Actions, o.outcome)
		}
	}
	if standing && row.RemovedAt.IsZero() && time.Since(own.At) < time.Minute {
		out.Actions = append(out.Actions, "withdraw")
	}
}

// order lists the rungs from the lowest. A message has reached the lowest rung
// that every recipient party has: "3 of 5 receipted" is not receipted.
var order = []traffic.State{
	traffic.Queued, traffic.Accepted, traffic.Delivered, traffic.Alarmed, traffic.Receipted, traffic.Readback, traffic.Holding, traffic.Cannot, traffic.Comply, traffic.Answered,
}

// reached returns how far a message has come at all of its recipients. A desk
// that refused it, and a relay that will not take it, are named before all.
func reached(ladder []store.Rung, recipients []ident.Party) string {
	relay := traffic.Queued
	party := map[ident.Party]traffic.State{}
	for _, g := range ladder {
		s, err := traffic.ParseState(g.State)
		switch {
		case err != nil:
			continue
		case g.Desk == (ident.Desk{}):
			relay = s // the newest word of a relay: accepted or refused
		case s == traffic.Refused || s == traffic.Expired:
			return g.State
		case s == traffic.Withdrawn:
			party[g.Party] = traffic.Delivered
		case s.ByPerson(), slices.Index(order, s) > slices.Index(order, party[g.Party]):
			if slices.Contains(order, s) {
				party[g.Party] = s
			}
		}
	}
	lowest := traffic.Answered
	for _, p := range recipients {
		s := max(party[p], relay)
		if relay == traffic.Refused && party[p] == 0 || relay == traffic.Refused && party[p] == traffic.Queued {
			return traffic.Refused.String()
		}
		if relay == traffic.Refused {
			s = party[p]
		}
		if slices.Index(order, s) < slices.Index(order, lowest) {
			lowest = s
		}
	}
	return lowest.String()
}
