package trust

import (
	"bytes"
	"testing"
)

// FuzzParseDelegate: a delegate's key file that reads has one spelling.
func FuzzParseDelegate(f *testing.F) {
	f.Add(Delegate{Name: "EXERCISE duty manager", Seed: make([]byte, 64), Warrant: make([]byte, 100)}.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := ParseDelegate(b); err == nil && !bytes.Equal(d.Bytes(), b) {
			t.Error("a delegate's key has two spellings")
		}
	})
}
