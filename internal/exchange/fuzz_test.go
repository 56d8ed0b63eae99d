package exchange

import (
	"bytes"
	"testing"

	"hotline/internal/ident"
)

// FuzzCheck: what is read as a line check is written as the same bytes.
func FuzzCheck(f *testing.F) {
	f.Add((&lineCheck{}).marshal())
	f.Add((&lineCheck{Wanted: true, Seal: 7, Heads: []byte("heads"), Seen: []seen{{Desk: ident.Desk{1}, Seal: 3, Agree: 2}}}).marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCheck(b)
		if err == nil && !bytes.Equal(c.marshal(), b) {
			t.Error("a line check has two spellings")
		}
	})
}
