package trust

import (
	"errors"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// FuzzRecord: a record of a pairing that nobody signed says nothing, and what
// one says is its beginning, to the byte.
func FuzzRecord(f *testing.F) {
	key := suite.One.NewDeskKey()
	f.Add(recordMagic + "at: 2026-11-23T02:09:00Z\n" + recordSeal + "AAAA\n")
	f.Add(recordMagic + recordSeal + recordSeal)
	f.Add(recordMagic)
	f.Fuzz(func(t *testing.T, text string) {
		said, err := CheckRecord(suite.One, key.Public(), text)
		if err == nil || said != "" && !strings.HasPrefix(text, said) {
			t.Errorf("says %q, %v", said, err)
		}
		var e *fault.Error
		if !errors.As(err, &e) {
			t.Errorf("%v has no sentence for people", err)
		}
	})
}

// FuzzControl: control messages of a desk of the own party and of another one,
// with any content of any kind, are refused with a sentence or taken; nothing
// else comes of them.
func FuzzControl(f *testing.F) {
	opened := append([]byte{openedVersion, openedDuress, 0, 0, 1, 0x9a, 0, 0, 0, 0}, make([]byte, openedSalt)...)
	f.Add(KindOpened, opened)
	f.Add(KindOpened, opened[:9])
	for kind := range uint8(12) {
		f.Add(kind, []byte{1, 1, 0, 0})
	}
	s := newSide(f, "JPN", 1)
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		for _, from := range []roster.Entry{{Desk: ident.Desk{7}, Party: s.Self.Party}, {Desk: ident.Desk{8}, Party: ident.Party{9}}} {
			err := s.Step(t.Context(), func(o Outlet) error { return s.Control(o, from, kind, b) })
			var e *fault.Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("kind %d: %v has no sentence for people", kind, err)
			}
		}
	})
}
