package main

import (
	"testing"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// TestRefusalEndsAWaitOnlyWhenItIsFinal: a relay without room refuses for now,
// and the desk puts the message again; what another desk refused stays refused.
func TestRefusalEndsAWaitOnlyWhenItIsFinal(t *testing.T) {
	m := api.Message{State: "refused", Ladder: []api.Rung{{State: "queued", Desk: "JPN-1"}, {State: "refused", Text: "192.0.2.1:4433: relay busy"}}}
	if over, err := reached("delivered")(m); over || err != nil {
		t.Errorf("a relay's refusal: over %v, %v; want to wait on", over, err)
	}
	m.Ladder = append(m.Ladder, api.Rung{State: "refused", Party: "NATO", Desk: "NATO-1", Text: "the label"})
	over, err := reached("delivered")(m)
	if !over || !fault.Is(err, fault.Refused) {
		t.Errorf("a desk's refusal: over %v, %v; want the end, refused", over, err)
	}
	if _, msg, _ := fault.Visible(err); msg != "The other desk refused the message: the label" {
		t.Errorf("it says %q", msg)
	}
}
