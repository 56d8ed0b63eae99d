package trust

import (
	"testing"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// TestTermsThatAreNotKeptAreNotSigned: what a charter can ask for and this
// program would ignore, it refuses before anybody relies on it; in the first
// version and in later ones.
func TestTermsThatAreNotKeptAreNotSigned(t *testing.T) {
	for name, term := range map[string]struct {
		ask  func(c *roster.Charter)
		kept bool
	}{
		"the usual":        {func(*roster.Charter) {}, true},
		"a lowest ceiling": {func(c *roster.Charter) { c.Ceiling = "none" }, true},
		"a shorter clock":  {func(c *roster.Charter) { c.Clocks[precedence.Flash].ReceiptWithin = time.Minute }, true},
		"a ceiling":        {func(c *roster.Charter) { c.Ceiling = "NATO RESTRICTED" }, false},
		"allowed relays":   {func(c *roster.Charter) { c.Relays = []ident.Relay{{1}} }, false},
		"a rule in words":  {func(c *roster.Charter) { c.Rule.Text = "EXERCISE: ask the duty officer" }, false},
		"other escalations": {func(c *roster.Charter) {
			c.Clocks[precedence.Flash].EscalateAt = []time.Duration{time.Minute}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
			pair(t, a, b, false)
			var c roster.Charter
			a.tx(t, func(tx *store.Tx) (err error) {
				c, err = a.charter(tx, Terms{Name: "JPN-NATO", Parties: []string{"NATO"}})
				return err
			})
			term.ask(&c)
			c = must[roster.Charter](t)(roster.NewCharter(a.Suite, c))
			b.tx(t, func(tx *store.Tx) error {
				return b.Control(outlet{tx, b}, roster.Entry{}, KindOffer, roster.Offer{Charter: c}.Bytes())
			})
			if _, err := b.Accept(t.Context(), "JPN-NATO"); (err == nil) != term.kept || err != nil && !fault.Is(err, fault.Refused) {
				t.Errorf("Accept = %v", err)
			}
			next := c
			next.Version, next.Line, next.Previous = 2, c.ID(a.Suite), []ident.Line{c.Hash(a.Suite)}
			next = must[roster.Charter](t)(roster.NewCharter(a.Suite, next))
			if _, err := b.Sign(t.Context(), roster.Offer{Charter: next}.Bytes()); (err == nil) != term.kept || err != nil && !fault.Is(err, fault.Refused) {
				t.Errorf("Sign = %v", err)
			}
		})
	}
}
