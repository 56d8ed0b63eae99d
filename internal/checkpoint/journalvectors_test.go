package checkpoint_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"hotline/internal/checkpoint"
	"hotline/internal/ident"
	"hotline/internal/suite"
)

var journalFile = filepath.FromSlash("../wire/testdata/vectors/journal1.json")

// frozenJournal is a journal of some leaves with its proofs and a checkpoint.
type frozenJournal struct {
	Comment    string        `json:"comment"`
	Desk       string        `json:"desk"`
	DeskPublic string        `json:"desk_public"`
	Leaves     []frozenLeaf  `json:"leaves"`
	Roots      []string      `json:"roots"` // of the first leaf, of two, and so on
	Included   []frozenProof `json:"included"`
	Extended   []frozenProof `json:"extended"`
	Checkpoint struct {
		Note       string `json:"note"`
		Size       int64  `json:"size"`
		Root       string `json:"root"`
		Generation uint64 `json:"generation"`
		TimeMs     int64  `json:"time_ms"`
	} `json:"checkpoint"`
}

type frozenLeaf struct {
	Number int64  `json:"number"`
	TimeMs int64  `json:"time_ms"`
	Kind   string `json:"kind"`
	Data   string `json:"data"`
	Bytes  string `json:"bytes"`
	Hash   string `json:"hash"`
}

// frozenProof is that a leaf is in a tree, or that a tree begins with another.
type frozenProof struct {
	Size   int64    `json:"size"`
	Number int64    `json:"number"` // of the leaf, or size of the other tree
	Hashes []string `json:"hashes"`
}

// journalVectors writes what the code makes of the leaves; the note alone is
// kept, since a key signs it.
func journalVectors(t *testing.T, note []byte, public []byte) frozenJournal {
	t.Helper()
	f := frozenJournal{
		Comment: "EXERCISE. A journal of eleven leaves, its proofs and a checkpoint, suite 1 (docs/spec/journal.md)",
		Desk:    ident.Desk(named("desk JPN-1")).String(), DeskPublic: hex.EncodeToString(public),
	}
	var l log
	for n := int64(1); n <= 11; n++ {
		x := leaf(n)
		h := x.Hash()
		f.Leaves = append(f.Leaves, frozenLeaf{n, x.At.UnixMilli(), x.Kind, hex.EncodeToString(x.Data), hex.EncodeToString(x.Bytes()), hex.EncodeToString(h[:])})
		l.add(n)
		root := l.edge.Root()
		f.Roots = append(f.Roots, hex.EncodeToString(root[:]))
	}
	list := func(all []checkpoint.Hash) (out []string) {
		for _, h := range all {
			out = append(out, hex.EncodeToString(h[:]))
		}
		return out
	}
	for _, n := range []int64{1, 4, 9, 11} {
		in, err := checkpoint.Include(11, n, l.read)
		if err != nil {
			t.Fatal(err)
		}
		ext, err := tlog.ProveTree(11, n, checkpoint.Hashes(l.read))
		if err != nil {
			t.Fatal(err)
		}
		f.Included, f.Extended = append(f.Included, frozenProof{11, n, list(in)}), append(f.Extended, frozenProof{11, n, list(ext)})
	}
	f.Extended = f.Extended[:3] // of a tree with itself there is nothing to prove
	c, err := checkpoint.Open(one, named("desk JPN-1"), public, note)
	if err != nil {
		t.Fatal(err)
	}
	f.Checkpoint.Note, f.Checkpoint.Size, f.Checkpoint.Root = hex.EncodeToString(note), c.Size, hex.EncodeToString(c.Root[:])
	f.Checkpoint.Generation, f.Checkpoint.TimeMs = c.Generation, c.Time.UnixMilli()
	return f
}

// TestFrozenJournal: a journal that was written once reads as it did then.
func TestFrozenJournal(t *testing.T) {
	if *update {
		key := suite.One.NewDeskKey()
		note, err := point().Note(key, key.Public())
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.MarshalIndent(journalVectors(t, note, key.Public()), "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(journalFile, append(b, '\n'), 0o644); err != nil { //nolint:gosec // read by everybody
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(journalFile)
	if err != nil {
		t.Fatal(err)
	}
	var f frozenJournal
	if err := json.Unmarshal(want, &f); err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(journalVectors(t, unhex(t, f.Checkpoint.Note), unhex(t, f.DeskPublic)), "", "\t")
	if err != nil || !bytes.Equal(append(got, '\n'), want) {
		t.Errorf("%s reads otherwise than it did: %v", journalFile, err)
	}
}
