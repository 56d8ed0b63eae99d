package desk

import (
	"slices"
	"strings"
	"time"

	"hotline/internal/api"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/wire"
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
		if s, err := wire.ParseState(g.State); err == nil && s.ByPerson() && g.Party == d.id.Party {
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
	standing := own.State != "" && own.State != wire.Withdrawn.String()
	if !standing {
		out.Actions = append(out.Actions, "receipt")
	}
	for _, o := range []struct{ outcome, state string }{{"comply", "comply"}, {"cannot", "cannot"}, {"hold", "holding"}} {
		if own.State != o.state {
			out.Actions = append(out.Actions, o.outcome)
		}
	}
	if standing && time.Since(own.At) < time.Minute {
		out.Actions = append(out.Actions, "withdraw")
	}
}

// order lists the rungs from the lowest. A message has reached the lowest rung
// that every recipient party has: "3 of 5 receipted" is not receipted.
var order = []wire.State{
	wire.Queued, wire.Accepted, wire.Delivered, wire.Alarmed, wire.Receipted, wire.Readback, wire.Holding, wire.Cannot, wire.Comply, wire.Answered,
}

// reached returns how far a message has come at all of its recipients. A desk
// that refused it, and a relay that will not take it, are named before all.
func reached(ladder []store.Rung, recipients []ident.Party) string {
	relay := wire.Queued
	party := map[ident.Party]wire.State{}
	for _, g := range ladder {
		s, err := wire.ParseState(g.State)
		switch {
		case err != nil:
			continue
		case g.Desk == (ident.Desk{}):
			relay = s // the newest word of a relay: accepted or refused
		case s == wire.Refused || s == wire.Expired:
			return g.State
		case s == wire.Withdrawn:
			party[g.Party] = wire.Delivered
		case s.ByPerson(), slices.Index(order, s) > slices.Index(order, party[g.Party]):
			if slices.Contains(order, s) {
				party[g.Party] = s
			}
		}
	}
	lowest := wire.Answered
	for _, p := range recipients {
		s := max(party[p], relay)
		if relay == wire.Refused && party[p] == 0 || relay == wire.Refused && party[p] == wire.Queued {
			return wire.Refused.String()
		}
		if relay == wire.Refused {
			s = party[p]
		}
		if slices.Index(order, s) < slices.Index(order, lowest) {
			lowest = s
		}
	}
	return lowest.String()
}
