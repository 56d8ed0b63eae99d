package suite

import (
	"bytes"
	"errors"
	"testing"
)

// FuzzKeysAndBoxes gives both suites any bytes as a key, a seed, a signature and
// a box: what is no key is refused with its one error, nothing opens or verifies
// by chance, and nothing panics.
func FuzzKeysAndBoxes(f *testing.F) {
	for _, s := range []Suite{One, Two} {
		seal, sign := s.NewSealKey(), s.NewMessageKey()
		box, err := s.SealTo(seal.Public(), "l", nil, []byte("EXERCISE"))
		if err != nil {
			f.Fatal(err)
		}
		for _, seed := range [][]byte{nil, seal.Public(), seal.Bytes(), sign.Public(), sign.Seed(), sign.Sign("l"), box, s.NewDeskKey().Public()} {
			f.Add(seed)
		}
	}
	type held struct {
		seal SealKey
		sign MessageKey
		desk DeskKey
	}
	own := map[Suite]held{One: {One.NewSealKey(), One.NewMessageKey(), One.NewDeskKey()}, Two: {Two.NewSealKey(), Two.NewMessageKey(), Two.NewDeskKey()}}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, s := range []Suite{One, Two} {
			k := own[s]
			if _, err := k.seal.Open("l", nil, b); !errors.Is(err, ErrOpen) {
				t.Errorf("suite %d: a stranger's box opens: %v", s, err)
			}
			if _, err := s.Open(make([]byte, KeySize), nil, b); !errors.Is(err, ErrOpen) {
				t.Errorf("suite %d: bytes open: %v", s, err)
			}
			for _, err := range []error{
				s.VerifyMessage(k.sign.Public(), "l", b), s.VerifyMessage(b, "l", k.sign.Sign("l")), s.VerifyDesk(k.desk.Public(), "l", b),
				s.VerifyDesk(b, "l", b), s.VerifyRoot(b, "l", b),
			} {
				if !errors.Is(err, ErrSignature) {
					t.Errorf("suite %d: verifies: %v", s, err)
				}
			}
			if _, err := s.SealTo(b, "l", nil, nil); err != nil && !errors.Is(err, ErrKey) {
				t.Errorf("suite %d: SealTo: %v", s, err)
			}
			if key, err := s.ParseSealKey(b); err == nil && !bytes.Equal(key.Bytes(), b) || err != nil && !errors.Is(err, ErrKey) {
				t.Errorf("suite %d: seal key of %d bytes: %v", s, len(b), err)
			}
			if key, err := s.MessageKeyFromSeed(b); err == nil && !bytes.Equal(key.Seed(), b) || err != nil && !errors.Is(err, ErrKey) {
				t.Errorf("suite %d: message key of %d bytes: %v", s, len(b), err)
			}
		}
	})
}
