package exchange

import (
	"bytes"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
	"hotline/internal/wire"
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
	})
}

// FuzzUpload: what is read as a description of an upload is written as the same
// bytes.
func FuzzUpload(f *testing.F) {
	f.Add(marshalFile(wire.File{Name: "EXERCISE.json", Media: "application/stix+json", Size: 7, ChunkSize: 1 << 16, Count: 1, Purpose: 1, Packed: 1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if file, err := parseFile(b); err == nil && !bytes.Equal(marshalFile(file), b) {
			t.Error("an upload has two spellings")
		}
	})
}

// FuzzSealTimes: the times of seal keys have one spelling, and no more of them
// are read than are kept.
func FuzzSealTimes(f *testing.F) {
	at := time.UnixMilli(1_795_000_000_000)
	f.Add(sealState{{number: 1, made: at}, {number: 2, made: at, accepted: at, out: []int64{7, 8}}}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseSealState(b)
		if err == nil && !bytes.Equal(st.bytes(), b) || len(st) > maxSealState {
			t.Errorf("%d times of seal keys have two spellings", len(st))
		}
	})
}

// FuzzConfirmation: a peer's word that it refuses a desk has one length, and
// says which statement and which desk.
func FuzzConfirmation(f *testing.F) {
	f.Add(confirmation(roster.Removal{Statement: ident.Statement{1}, Desk: ident.Desk{2}}, time.UnixMilli(3)))
	f.Add(make([]byte, 73))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, desk, err := parseConfirmation(b)
		if (err == nil) != (len(b) == 72) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.HasPrefix(confirmation(roster.Removal{Statement: st, Desk: desk}, time.UnixMilli(0)), b[:64]) {
			t.Error("a confirmation of something else")
		}
	})
}

// FuzzWant: a request for an attestation names a group and a hash, and nothing
// else.
func FuzzWant(f *testing.F) {
	f.Add(make([]byte, 64))
	f.Add(make([]byte, 65))
	f.Fuzz(func(t *testing.T, b []byte) {
		if group, hash, err := parseWant(b); err == nil && !bytes.Equal(append(group[:], hash[:]...), b) {
			t.Error("a request has two spellings")
		}
	})
}
