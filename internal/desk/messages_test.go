package desk

import (
	"testing"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

func TestMessageHasReachedWhatEveryRecipientHas(t *testing.T) {
	nato, aus := ident.Party{1}, ident.Party{2}
	rung := func(p ident.Party, s traffic.State) store.Rung {
		return store.Rung{Party: p, Desk: ident.Desk(p), State: s.String()}
	}
	relay := func(s traffic.State) store.Rung { return store.Rung{State: s.String()} }
	tests := map[string]struct {
		ladder []store.Rung
		to     []ident.Party
		want   traffic.State
	}{
		"nothing yet":                        {nil, []ident.Party{nato}, traffic.Queued},
		"a relay has it":                     {[]store.Rung{relay(traffic.Accepted)}, []ident.Party{nato}, traffic.Accepted},
		"one of two has it":                  {[]store.Rung{relay(traffic.Accepted), rung(nato, traffic.Delivered)}, []ident.Party{nato, aus}, traffic.Accepted},
		"one of two receipted":               {[]store.Rung{rung(nato, traffic.Delivered), rung(aus, traffic.Delivered), rung(nato, traffic.Receipted)}, []ident.Party{nato, aus}, traffic.Delivered},
		"both receipted":                     {[]store.Rung{rung(nato, traffic.Receipted), rung(aus, traffic.Comply)}, []ident.Party{nato, aus}, traffic.Receipted},
		"a second desk does not lower it":    {[]store.Rung{rung(nato, traffic.Receipted), rung(nato, traffic.Delivered)}, []ident.Party{nato}, traffic.Receipted},
		"a whole file is no rung of its own": {[]store.Rung{rung(nato, traffic.Delivered), rung(nato, traffic.Whole)}, []ident.Party{nato}, traffic.Delivered},
		"withdrawn":                          {[]store.Rung{rung(nato, traffic.Delivered), rung(nato, traffic.Receipted), rung(nato, traffic.Withdrawn)}, []ident.Party{nato}, traffic.Delivered},
		"refused by a desk":                  {[]store.Rung{rung(nato, traffic.Refused), rung(aus, traffic.Receipted)}, []ident.Party{nato, aus}, traffic.Refused},
		"refused by the relay":               {[]store.Rung{relay(traffic.Refused)}, []ident.Party{nato}, traffic.Refused},
		"refused, then accepted":             {[]store.Rung{relay(traffic.Refused), relay(traffic.Accepted)}, []ident.Party{nato}, traffic.Accepted},
		"delivered in spite of a refusal":    {[]store.Rung{relay(traffic.Refused), rung(nato, traffic.Delivered)}, []ident.Party{nato}, traffic.Delivered},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := reached(tt.ladder, tt.to); got != tt.want.String() {
				t.Errorf("reached = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestExportAsksTheMarkingFunction(t *testing.T) {
	d := &Desk{id: identity{Self: exchange.Self{PartyName: "NATO"}}}
	body := &wire.Message{Status: traffic.Actual}
	label := marking.Label{
		Classification: marking.Unclassified, PAP: marking.PAPClear, REL: marking.REL{Parties: []string{"JPN", "NATO"}},
	}
	tests := map[string]struct {
		tlp  marking.TLP
		rel  []string
		door marking.Door
		want marking.Verdict
	}{
		"RED is read at the console":                {marking.TLPRed, nil, marking.Console, marking.Allow},
		"RED leaves by no file":                     {marking.TLPRed, nil, marking.Export, marking.Deny},
		"AMBER+STRICT may be a file":                {marking.TLPAmberStrict, nil, marking.Export, marking.Allow},
		"what is not for us is not even at console": {marking.TLPClear, []string{"JPN", "AUS"}, marking.Console, marking.Deny},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := label
			l.TLP = tt.tlp
			if tt.rel != nil {
				l.REL.Parties = tt.rel
			}
			if got := d.decide(l, body, tt.door); got.Verdict != tt.want {
				t.Errorf("decide(%s, door %d) = %v (%s), want %v", l, tt.door, got.Verdict, got.Reason, tt.want)
			}
		})
	}
}
