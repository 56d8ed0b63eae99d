package exchange_test

import (
	"testing"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// TestTermsOfACharterAreKept changes one term of a charter and sees what a
// message of the line does about it.
func TestTermsOfACharterAreKept(t *testing.T) {
	on := func(t *testing.T, term func(c *roster.Charter)) (*desk, exchange.Draft) {
		t.Helper()
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		c := charter(t, "JPN-NATO", a, b)
		term(&c)
		c, err := roster.NewCharter(one, c)
		if err != nil {
			t.Fatal(err)
		}
		a.found(t, c, a, b)
		return a.start(t, h), flash(c.ID(one), "EXERCISE")
	}
	t.Run("Exercise", func(t *testing.T) {
		for _, exercise := range []bool{true, false} {
			d, draft := on(t, func(c *roster.Charter) { c.Exercise = exercise })
			draft.Status, draft.ExerciseName = traffic.Actual, ""
			if _, err := d.Send(t.Context(), draft, nil); fault.Is(err, fault.Refused) != exercise || (err == nil) == exercise {
				t.Errorf("exercise only %t: actual traffic = %v", exercise, err)
			}
		}
	})
	t.Run("Clocks", func(t *testing.T) {
		for _, by := range []time.Duration{10 * time.Minute, 77 * time.Second} {
			d, draft := on(t, func(c *roster.Charter) { c.Clocks[precedence.Flash].ReceiptWithin = by })
			id := send(t, d, draft)
			err := d.store.View(t.Context(), func(tx *store.Tx) error {
				m, err := tx.Message(id)
				if got := m.DueAt.Sub(m.CommittedAt).Round(time.Second); got != by {
					t.Errorf("a receipt within %v falls due after %v", by, got)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("Rule", func(t *testing.T) {
		for _, pap := range []string{"PAP:CLEAR", "PAP:AMBER"} {
			d, draft := on(t, func(c *roster.Charter) { c.Rule.PAP = pap })
			if plan, err := d.Review(t.Context(), draft); err != nil || plan.Label.PAP.String() != pap || len(plan.Label.REL.Parties) != 2 {
				t.Errorf("the rule %s makes the label %+v, %v", pap, plan.Label, err)
			}
		}
		for name, open := range map[string]func(c *roster.Charter){
			"classification": func(c *roster.Charter) { c.Rule.Classification = "" },
			"PAP":            func(c *roster.Charter) { c.Rule.PAP = "" },
			"REL":            func(c *roster.Charter) { c.Rule.REL = "" },
		} {
			d, draft := on(t, open)
			if _, err := d.Review(t.Context(), draft); err == nil {
				t.Errorf("without a rule for it, a message needs no %s", name)
			}
		}
	})
}
