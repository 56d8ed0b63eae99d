package exchange

import (
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

func TestSendingKeyIsDue(t *testing.T) {
	const one = suite.One
	key, parties := one.NewMessageKey(), []ident.Party{{1}, {2}}
	used := func(messages int, in chain.SealInput) *sender {
		made, err := chain.NewSender(one, chain.Start{Parties: parties, Now: time.Unix(0, 0)})
		if err != nil {
			t.Fatal(err)
		}
		for range messages {
			if _, err := made.Seal(key, in); err != nil {
				t.Fatal(err)
			}
		}
		return &sender{Sender: made, parties: parties}
	}
	flash := chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash}
	receipt := chain.SealInput{Kind: envelope.Receipt, ReceiptTo: parties[1]}
	for name, tt := range map[string]struct {
		s    *sender
		from time.Duration
	}{
		"unused":             {used(0, flash), renewAfter},
		"a message less":     {used(renewMessages-1, flash), renewAfter},
		"a thousand":         {used(renewMessages, flash), renewNotBefore},
		"a thousand answers": {used(renewMessages, receipt), renewNotBefore},
	} {
		for _, age := range []time.Duration{0, tt.from - time.Second, tt.from} {
			if got := tt.s.due(time.Unix(0, 0).Add(age)); got != (age == tt.from) {
				t.Errorf("%s: due after %v: %v", name, age, got)
			}
		}
	}
}
