package desk

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/suite"
	"hotline/internal/trust"
)

// FuzzIdentity: who a desk is stands in its store in one spelling, with keys
// that are keys.
func FuzzIdentity(f *testing.F) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		self := exchange.Self{
			Party: ident.Party{1}, PartyName: "JPN", Desk: ident.Desk{2}, DeskName: "JPN-1",
			MessageKey: s.NewMessageKey(), DeskKey: s.NewDeskKey(), Control: s.NewSealKey(),
		}
		f.Add(identity{self, []byte("EXERCISE root"), ed25519.NewKeyFromSeed(make([]byte, 32))}.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		i, err := parseIdentity(b)
		if err != nil {
			return
		}
		if !bytes.Equal(i.bytes(), b) {
			t.Error("an identity has two spellings")
		}
		if i.DeskKey.Suite() != i.MessageKey.Suite() || len(i.mailbox) != ed25519.PrivateKeySize {
			t.Error("keys that do not go together")
		}
	})
}

// FuzzDelegates: the delegate keys that a desk keeps have one spelling.
func FuzzDelegates(f *testing.F) {
	f.Add(delegatesBytes(nil))
	f.Add([]byte{0, 0})
	f.Add(delegatesBytes([]trust.Delegate{{Name: "EXERCISE", Seed: make([]byte, 64), Warrant: make([]byte, 9)}, {Name: "EXERCISE 2"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if all, err := parseDelegates(b); err == nil && !bytes.Equal(delegatesBytes(all), b) {
			t.Errorf("%d delegate keys have two spellings", len(all))
		}
	})
}
