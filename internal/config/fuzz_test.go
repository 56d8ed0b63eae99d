package config

import (
	"errors"
	"testing"

	"hotline/internal/fault"
)

// FuzzDecode: a file of the operator's is read or refused with a sentence,
// whatever it holds.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("[store]\ntpm = \"/dev/tpmrm0\"\n"))
	f.Add([]byte("[stor]\ntpm = 1\n"))
	f.Add([]byte("a.b.c = [{}, 1"))
	f.Add([]byte("[store]\ntpm = 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		desk, relay := DefaultDesk(), DefaultRelay()
		for name, c := range map[string]any{DeskFile: &desk, RelayFile: &relay} {
			if err := decode(name, b, c); err != nil {
				if _, ok := errors.AsType[*fault.Error](err); !ok {
					t.Errorf("%v has no sentence for people", err)
				}
			}
		}
	})
}
