package checkpoint

import (
	"fmt"
	"math/bits"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"hotline/internal/octets"
)

// Hash is a hash of the journal's tree: SHA-256, as RFC 6962 has it.
type Hash = tlog.Hash

// Hashes reads stored hashes of a tree by their place in it: leaf n is followed
// at once by the inner nodes that it completes.
type Hashes = tlog.HashReaderFunc

const (
	labelLeaf = "hotline/1/leaf"
	// maxKind bounds the word that names a leaf's kind.
	maxKind = 64
)

// Leaf is one entry of a journal.
type Leaf struct {
	Number int64 // from 1, without gaps
	At     time.Time
	Kind   string
	Data   []byte
}

// Bytes is what the tree commits to.
func (l Leaf) Bytes() []byte {
	var w octets.Writer
	w.Raw([]byte(labelLeaf + "\x00"))
	w.Uint64(uint64(l.Number))
	w.Uint64(uint64(l.At.UnixMilli()))
	w.String(l.Kind)
	w.Raw(l.Data)
	return w.Bytes()
}

// Hash is the leaf's place in the tree.
func (l Leaf) Hash() Hash { return tlog.RecordHash(l.Bytes()) }

// ParseLeaf reads what [Leaf.Bytes] wrote. Errors wrap [ErrMalformed].
func ParseLeaf(b []byte) (l Leaf, err error) {
	r := octets.NewReader(b)
	label := string(r.Raw(len(labelLeaf) + 1))
	n, ms := r.Uint64(), r.Uint64()
	l = Leaf{Number: int64(n), At: time.UnixMilli(int64(ms)).UTC(), Kind: r.String(maxKind), Data: r.Rest()}
	if err := r.Err(); err != nil || label != labelLeaf+"\x00" || l.Number <= 0 || ms > octets.MaxTime {
		return Leaf{}, fmt.Errorf("read journal leaf: %w", ErrMalformed)
	}
	return l, nil
}

// Edge is the right edge of a tree: the roots of its whole subtrees, the largest
// first. All that a tree goes on from is in it. The zero value is the empty tree.
type Edge struct {
	Size  int64
	nodes []Hash
}

// ReadEdge reads the right edge of the first size leaves.
func ReadEdge(size int64, stored Hashes) (Edge, error) {
	var places []int64
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if n := size >> level; n&1 == 1 {
			places = append(places, tlog.StoredHashIndex(level, n-1))
		}
	}
	nodes, err := stored(places)
	if err != nil {
		return Edge{}, fmt.Errorf("read edge of %d leaves: %w", size, err)
	}
	return Edge{size, nodes}, nil
}

// Place is where the hashes of the next leaf begin.
func (e *Edge) Place() int64 { return tlog.StoredHashIndex(0, e.Size) }

// Add takes one more leaf in. It returns the place of the first and all hashes
// that it adds to what is stored.
func (e *Edge) Add(leaf Hash) (place int64, added []Hash) {
	place, added = e.Place(), []Hash{leaf}
	for n := e.Size; n&1 == 1; n >>= 1 {
		last := len(e.nodes) - 1
		leaf = tlog.NodeHash(e.nodes[last], leaf)
		e.nodes, added = e.nodes[:last], append(added, leaf)
	}
	e.nodes = append(e.nodes, leaf)
	e.Size++
	return place, added
}

// Root is the hash of the whole tree.
func (e *Edge) Root() Hash {
	if len(e.nodes) == 0 {
		return tlog.Hash{} // nobody signs an empty tree
	}
	root := e.nodes[len(e.nodes)-1]
	for i := len(e.nodes) - 2; i >= 0; i-- {
		root = tlog.NodeHash(e.nodes[i], root)
	}
	return root
}

// Include proves that leaf number n is in the tree of the first size leaves.
func Include(size, n int64, stored Hashes) ([]Hash, error) {
	return tlog.ProveRecord(size, n-1, stored)
}

// Included checks that proof. The root is that of a [Checkpoint].
func Included(proof []Hash, size int64, root Hash, l Leaf) error {
	return tlog.CheckRecord(proof, size, root, l.Number-1, l.Hash())
}
