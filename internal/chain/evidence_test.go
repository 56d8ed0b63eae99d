package chain_test

import (
	"errors"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/suite"
)

func TestEvidenceProvesOneMessageOfOneDesk(t *testing.T) {
	now := time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	parties := []ident.Party{{1}, {2}}
	desk, group, key := ident.Desk{7}, ident.Group{9}, suite.One.NewMessageKey()
	s, err := chain.NewSender(suite.One, chain.Start{Group: group, Desk: desk, Parties: parties, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	body := []byte("EXERCISE")
	sealed, err := s.Seal(key, chain.SealInput{Kind: envelope.Message, Precedence: 3, Message: ident.Message{5}, Body: body, Expiry: now})
	if err != nil {
		t.Fatal(err)
	}
	in, err := chain.VerifyEvidence(suite.One, group, desk, key.Public(), sealed.Evidence, body)
	if err != nil || in.Message != [16]byte{5} || in.Lane != sealed.Lane || in.Sequence != sealed.Sequence || in.Generation != s.Generation() {
		t.Fatalf("VerifyEvidence = %+v, %v, want message 5, place %d/%d", in, err, sealed.Lane, sealed.Sequence)
	}
	for i := range sealed.Evidence {
		bad := append([]byte(nil), sealed.Evidence...)
		bad[i] ^= 1
		if _, err := chain.VerifyEvidence(suite.One, group, desk, key.Public(), bad, body); err == nil {
			t.Errorf("evidence with byte %d changed verifies", i)
		}
	}
	for name, err := range map[string]error{
		"another body":  second(chain.VerifyEvidence(suite.One, group, desk, key.Public(), sealed.Evidence, []byte("exercise"))),
		"another desk":  second(chain.VerifyEvidence(suite.One, group, ident.Desk{8}, key.Public(), sealed.Evidence, body)),
		"another group": second(chain.VerifyEvidence(suite.One, ident.Group{8}, desk, key.Public(), sealed.Evidence, body)),
		"another key":   second(chain.VerifyEvidence(suite.One, group, desk, suite.One.NewMessageKey().Public(), sealed.Evidence, body)),
	} {
		if !errors.Is(err, chain.ErrSignature) {
			t.Errorf("%s: error = %v, want ErrSignature", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
