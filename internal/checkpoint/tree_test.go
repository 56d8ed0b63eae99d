package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"hotline/internal/checkpoint"
	"hotline/internal/suite"
)

func leaf(n int64) checkpoint.Leaf {
	return checkpoint.Leaf{Number: n, At: start.Add(time.Duration(n) * time.Second), Kind: "sent", Data: fmt.Appendf(nil, "EXERCISE %d", n)}
}

// log is a journal of n leaves, kept as a store keeps it.
type log struct {
	edge   checkpoint.Edge
	stored []checkpoint.Hash
}

func (l *log) add(n int64) {
	for l.edge.Size < n {
		place, added := l.edge.Add(leaf(l.edge.Size + 1).Hash())
		if place != int64(len(l.stored)) {
			panic("the places of stored hashes have gaps")
		}
		l.stored = append(l.stored, added...)
	}
}

func (l *log) read(places []int64) (out []checkpoint.Hash, err error) {
	for _, p := range places {
		if p >= int64(len(l.stored)) {
			return nil, fmt.Errorf("no hash at %d", p)
		}
		out = append(out, l.stored[p])
	}
	return out, nil
}

// TestTreeIsThatOfTheLibrary compares with the library's own arithmetic.
func TestTreeIsThatOfTheLibrary(t *testing.T) {
	var l log
	for n := int64(1); n <= 130; n++ {
		l.add(n)
		want, err := tlog.TreeHash(n, checkpoint.Hashes(l.read))
		if err != nil || l.edge.Root() != want || int64(len(l.stored)) != tlog.StoredHashCount(n) {
			t.Fatalf("%d leaves: root %v, want %v (%v)", n, l.edge.Root(), want, err)
		}
		again, err := checkpoint.ReadEdge(n, l.read)
		if err != nil || again.Root() != want || again.Size != n {
			t.Fatalf("edge of %d leaves read again: %v, %v", n, again.Root(), err)
		}
	}
	if _, err := checkpoint.ReadEdge(1<<20, l.read); err == nil {
		t.Error("an edge that is not stored was read")
	}
	if (&checkpoint.Edge{}).Root() != (checkpoint.Hash{}) {
		t.Error("an empty tree has a root")
	}
}

func TestProofsHoldForTheirLeafAlone(t *testing.T) {
	var l log
	roots := map[int64]checkpoint.Hash{}
	for n := int64(1); n <= 40; n++ {
		l.add(n)
		roots[n] = l.edge.Root()
	}
	for size := int64(1); size <= 40; size++ {
		for n := int64(1); n <= size; n++ {
			proof, err := checkpoint.Include(size, n, l.read)
			if err != nil || checkpoint.Included(proof, size, roots[size], leaf(n)) != nil {
				t.Fatalf("leaf %d of %d: %v", n, size, err)
			}
			other := leaf(n)
			other.Data = []byte("EXERCISE other")
			if checkpoint.Included(proof, size, roots[size], other) == nil || n < size && checkpoint.Included(proof, size, roots[size], leaf(n+1)) == nil {
				t.Fatalf("another leaf passes for leaf %d of %d", n, size)
			}
			extension, err := tlog.ProveTree(size, n, checkpoint.Hashes(l.read))
			if err != nil || tlog.CheckTree(extension, size, roots[size], n, roots[n]) != nil {
				t.Fatalf("%d to %d leaves: %v", n, size, err)
			}
			if n > 1 && tlog.CheckTree(extension, size, roots[size], n, roots[n-1]) == nil {
				t.Fatalf("another history of %d leaves passes", n)
			}
		}
	}
}

func TestLeafHasOneSpelling(t *testing.T) {
	good := leaf(7).Bytes()
	got, err := checkpoint.ParseLeaf(good)
	if err != nil || !bytes.Equal(got.Bytes(), good) || got.Kind != "sent" || got.Number != 7 {
		t.Fatalf("reads as %+v, %v", got, err)
	}
	for name, b := range map[string][]byte{
		"nothing": nil, "half": good[:20], "another label": append([]byte("x"), good[1:]...),
		"number 0":            leaf(0).Bytes(),
		"a kind without end":  checkpoint.Leaf{Number: 1, Kind: strings.Repeat("x", 65)}.Bytes(),
		"after the year 9999": checkpoint.Leaf{Number: 1, At: time.UnixMilli(253402300800000)}.Bytes(),
	} {
		if _, err := checkpoint.ParseLeaf(b); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func point() checkpoint.Checkpoint {
	var l log
	l.add(11)
	return checkpoint.Checkpoint{Desk: named("desk JPN-1"), Size: 11, Root: l.edge.Root(), Generation: 1763863200000, Time: start}
}

func TestCheckpointIsItsDesksWord(t *testing.T) {
	key, c := suite.One.NewDeskKey(), point()
	b, err := c.Note(key, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := checkpoint.Open(one, c.Desk, key.Public(), b); err != nil || got != c {
		t.Fatalf("opens as %+v, %v", got, err)
	}
	other := suite.One.NewDeskKey()
	if _, err := checkpoint.Open(one, c.Desk, other.Public(), b); !errors.Is(err, checkpoint.ErrMalformed) {
		t.Errorf("with another key: %v", err)
	}
	if _, err := checkpoint.Open(one, named("desk NATO-1"), key.Public(), b); !errors.Is(err, checkpoint.ErrMalformed) {
		t.Errorf("of another desk: %v", err)
	}
	forged, err := c.Note(other, key.Public()) // says that it is by key
	if _, openErr := checkpoint.Open(one, c.Desk, key.Public(), forged); err != nil || !errors.Is(openErr, checkpoint.ErrSignature) {
		t.Errorf("signed with another key: %v, %v", err, openErr)
	}
	step := max(1, len(b)/600)
	for i := 0; i < len(b); i += step {
		flipped := slices.Clone(b)
		flipped[i] ^= 1 << (i % 7)
		if _, err := checkpoint.Open(one, c.Desk, key.Public(), flipped); err == nil {
			t.Fatalf("byte %d changed and nobody noticed", i)
		}
	}
}

// TestCheckpointHasOneSpelling: what holds under the signature and is not what
// we write is refused too.
func TestCheckpointHasOneSpelling(t *testing.T) {
	key, c := suite.One.NewDeskKey(), point()
	good, _ := c.Note(key, key.Public())
	text, signature, _ := strings.Cut(string(good), "\n\n")
	for name, b := range map[string]string{
		"nothing":             "",
		"no signature":        text + "\n\n",
		"a signature twice":   string(good) + signature,
		"a stranger's beside": string(good) + "— somebody AAAAAAAA\n",
	} {
		if _, err := checkpoint.Open(one, c.Desk, key.Public(), []byte(b)); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(c *checkpoint.Checkpoint){
		"no leaves":           func(c *checkpoint.Checkpoint) { c.Size = 0 },
		"after the year 9999": func(c *checkpoint.Checkpoint) { c.Time = time.UnixMilli(253402300800000) },
	} {
		c := point()
		change(&c)
		b, _ := c.Note(key, key.Public())
		if _, err := checkpoint.Open(one, c.Desk, key.Public(), b); !errors.Is(err, checkpoint.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzJournal(f *testing.F) {
	key := suite.One.NewDeskKey()
	note, _ := point().Note(key, key.Public())
	f.Add(note)
	f.Add(leaf(3).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := checkpoint.ParseLeaf(b); err == nil && !bytes.Equal(l.Bytes(), b) {
			t.Error("a leaf has two spellings")
		}
		if _, err := checkpoint.Open(one, named("desk JPN-1"), key.Public(), b); err == nil && !bytes.Equal(b, note) {
			t.Error("a checkpoint that nobody signed")
		}
	})
}
