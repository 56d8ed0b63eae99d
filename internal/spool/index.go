package spool

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"sync"

	"hotline/internal/ident"
)

// Index holds, in memory, what every put is checked against: which mailboxes
// exist, whose they are, who may put, and how full they are. A spool loads it
// when it opens and is then the only one to change it, so that a check costs no
// read of the disk. Its methods are safe for use by several goroutines.
type Index struct {
	mu sync.RWMutex
	// mu guards the following.
	boxes map[ident.Mailbox]*box
	known map[Putter]int // how many mailboxes own or list this key
	items int
	bytes uint64
}

// box is one mailbox.
type box struct {
	row         int64
	owner       Putter
	quota, used uint64
	items       int
	next        [Lanes]uint64 // the next sequence to give
	allow       map[Putter]struct{}
	allowHash   [8]byte
}

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{boxes: map[ident.Mailbox]*box{}, known: map[Putter]int{}}
}

// Add records a mailbox under the spool's own row number.
func (x *Index) Add(m ident.Mailbox, row int64, owner Putter, quota uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := &box{row: row, owner: owner, quota: quota, allowHash: HashPutters(nil)}
	for l := range b.next {
		b.next[l] = 1
	}
	x.boxes[m] = b
	x.known[owner]++
}

// Row returns the row number of a mailbox, and whether it exists.
func (x *Index) Row(m ident.Mailbox) (int64, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b, ok := x.boxes[m]
	if !ok {
		return 0, false
	}
	return b.row, true
}

// SetNext sets the next sequence of a lane; only an opening spool calls it.
func (x *Index) SetNext(m ident.Mailbox, lane uint8, next uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.boxes[m].next[lane] = next
}

// SetAllow replaces the list of putters.
func (x *Index) SetAllow(m ident.Mailbox, putters []Putter) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b, ok := x.boxes[m]
	if !ok {
		return
	}
	for p := range b.allow {
		if x.known[p]--; x.known[p] == 0 {
			delete(x.known, p)
		}
	}
	b.allow = make(map[Putter]struct{}, len(putters))
	for _, p := range putters {
		if _, twice := b.allow[p]; !twice {
			b.allow[p] = struct{}{}
			x.known[p]++
		}
	}
	b.allowHash = HashPutters(putters)
}

// Known reports whether a key owns a mailbox or is on somebody's list.
func (x *Index) Known(p Putter) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.known[p] > 0
}

// MayPut returns the row of a mailbox if putter may put into it.
func (x *Index) MayPut(m ident.Mailbox, putter Putter) (row int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b, ok := x.boxes[m]
	if !ok {
		return 0, ErrUnknownMailbox
	}
	if _, listed := b.allow[putter]; !listed && putter != b.owner {
		return 0, ErrNotAllowed
	}
	return b.row, nil
}

// Place takes room for an envelope of size bytes and gives it a sequence, or
// returns [ErrQuota]. A tenth of each mailbox is kept for FLASH.
func (x *Index) Place(m ident.Mailbox, lane uint8, size int) (seq uint64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := x.boxes[m]
	limit := b.quota
	if lane != FlashLane {
		limit -= limit / 10
	}
	if b.used+charge(size) > limit {
		return 0, ErrQuota
	}
	seq = b.next[lane]
	b.next[lane]++
	x.count(b, 1, size)
	return seq, nil
}

// Load counts an item that was there when the spool opened.
func (x *Index) Load(m ident.Mailbox, size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count(x.boxes[m], 1, size)
}

// Free gives back the room of an item that is gone.
func (x *Index) Free(m ident.Mailbox, size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b, ok := x.boxes[m]; ok {
		x.count(b, -1, size)
	}
}

// perItem is charged for an item beside its bytes: rows and remembered ids.
const perItem = 128

func charge(size int) uint64 { return uint64(size) + perItem }

func (x *Index) count(b *box, n, size int) {
	b.items += n
	x.items += n
	if n > 0 {
		b.used += charge(size)
		x.bytes += uint64(size)
		return
	}
	b.used -= charge(size)
	x.bytes -= uint64(size)
}

// Usage returns what a mailbox holds.
func (x *Index) Usage(m ident.Mailbox) (Usage, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	b, ok := x.boxes[m]
	if !ok {
		return Usage{}, ErrUnknownMailbox
	}
	return Usage{Quota: b.quota, Used: b.used, Items: b.items, AllowHash: b.allowHash}, nil
}

// NextSeq returns the sequence that a lane gives next.
func (x *Index) NextSeq(m ident.Mailbox, lane uint8) uint64 {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.boxes[m].next[lane]
}

// Totals counts over all mailboxes.
func (x *Index) Totals() Totals {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return Totals{Mailboxes: len(x.boxes), Items: x.items, Bytes: x.bytes}
}

// HashPutters is the first 8 bytes of SHA-384 over the sorted keys, by which an
// owner sees whether the relay has the list that it wants. It is part of the
// link protocol (docs/spec/link.md, "Who may put").
func HashPutters(putters []Putter) (h [8]byte) {
	sorted := slices.Clone(putters)
	slices.SortFunc(sorted, func(a, b Putter) int { return bytes.Compare(a[:], b[:]) })
	d := sha512.New384()
	for _, p := range slices.Compact(sorted) {
		d.Write(p[:])
	}
	copy(h[:], d.Sum(nil))
	return h
}
