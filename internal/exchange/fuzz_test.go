package exchange

import (
	"bytes"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/suite"
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

// FuzzVoid: what is read as a list of void places is written as the same bytes,
// and names no place that is none.
func FuzzVoid(f *testing.F) {
	g := store.Generation{Name: [16]byte{7}}
	f.Add(voidList(g, nil)[1:])
	f.Add(voidList(g, []store.Place{{Lane: 3, Sequence: 1, Inside: [32]byte{1}}, {Lane: 0, Sequence: 1 << 20}})[1:])
	f.Add(voidList(g, []store.Place{{Lane: 4, Sequence: 1}})[1:])
	f.Fuzz(func(t *testing.T, b []byte) {
		name, all, err := parseVoid(b)
		if err != nil {
			return
		}
		if !bytes.Equal(voidList(store.Generation{Name: name}, all)[1:], b) {
			t.Error("a list of void places has two spellings")
		}
		for _, p := range all {
			if p.Sequence == 0 || p.Lane > 3 {
				t.Errorf("place %+v", p)
			}
		}
	})
}

// FuzzState: stored senders and receivers of a desk, whose bytes a changed disk
// can give back otherwise.
func FuzzState(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 900))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseSender(suite.One, b); err == nil && s == nil {
			t.Error("no sender and no error")
		}
		if r, err := parseReceiver(suite.One, b); err == nil && r == nil {
			t.Error("no receiver and no error")
		}
		_, _ = parseFile(b)
	})
}
