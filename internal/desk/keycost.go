package desk

import (
	"context"
	"fmt"
	"strings"

	"hotline/internal/api"
	"hotline/internal/exchange"
)

// keyCost says what of new keys goes ahead of a message, and what an officer on
// a thin link can do about it; nil when nothing does.
func (m messages) keyCost(ctx context.Context, d exchange.Draft, p exchange.Plan) *api.KeyCost {
	if p.Keys == 0 {
		return nil
	}
	each := p.NewKeys / p.Keys
	c := &api.KeyCost{Desks: p.Keys, Bytes: int64(p.NewKeys), FirstDesks: p.First, OtherDesks: []string{}}
	if m.rated(ctx) {
		c.Seconds, c.FirstSeconds = m.linkSeconds(ctx, p.NewKeys), m.linkSeconds(ctx, p.First*each)
	}
	for _, r := range p.Readers {
		for _, name := range r.Desks {
			if r.Party == m.id.Party && name != m.id.DeskName {
				c.OtherDesks = append(c.OtherDesks, name)
			}
		}
	}
	c.Text = keyWords(c, d.ActionFirst)
	return c
}

// rated reports whether the rate of a link that is up is known.
func (m messages) rated(ctx context.Context) bool {
	relays, err := m.engine.Relays(ctx)
	for _, r := range relays {
		if err == nil && r.Rate > 0 {
			return true
		}
	}
	return false
}

// slow is how long new keys may take before ways around them are offered, in
// seconds: less nobody notices.
const slow = 2

func keyWords(c *api.KeyCost, first bool) string {
	took := func(s float64) string {
		if s == 0 {
			return ""
		}
		return fmt.Sprintf(", about %.0f s on this link", max(s, 1))
	}
	if first {
		return fmt.Sprintf("New keys for the %d desks that have to act go ahead of it%s; those for the other %d follow behind it.",
			c.FirstDesks, took(c.FirstSeconds), c.Desks-c.FirstDesks)
	}
	s := fmt.Sprintf("This audience gets new keys with this message: %d × %d bytes go ahead of it%s.", c.Desks, int(c.Bytes)/c.Desks, took(c.Seconds))
	if c.Seconds < slow {
		return s
	}
	var ways []string
	if c.FirstDesks < c.Desks {
		ways = append(ways, fmt.Sprintf("send keys to those who have to act first (%d desks%s)", c.FirstDesks, took(c.FirstSeconds)))
	}
	if len(c.OtherDesks) > 0 {
		ways = append(ways, "let a desk with a better link send it: "+strings.Join(c.OtherDesks, ", "))
	}
	if len(ways) > 0 {
		s += " You can " + strings.Join(ways, ", or ") + "."
	}
	return s
}
