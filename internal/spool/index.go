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
	by          map[Putter]held
}

// held is what a putter has in a mailbox, in charged bytes: all of it, and what
// of it is FLASH.
type held struct{ all, flash uint64 }

// maxShares is the largest number of equal shares that a mailbox is cut into:
// one putter of many may have a quarter of it, so that a flood by one stops at
// its share and the others' messages go on.
const maxShares = 4

// shares is how many shares a mailbox has now.
func (b *box) shares() uint64 { return uint64(min(max(len(b.allow), 1), maxShares)) }

// NewIndex returns an empty index.
func NewIndex() *Index {
	return &Index{boxes: map[ident.Mailbox]*box{}, known: map[Putter]int{}}
}

// Add records a mailbox under the spool's own row number.
func (x *Index) Add(m ident.Mailbox, row int64, owner Putter, quota uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := &box{row: row, owner: owner, quota: quota, allowHash: HashPutters(nil), by: map[Putter]held{}}
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
	if b, ok := x.boxes[m]; ok {
		x.setAllow(b, putters)
	}
}

// Disallow takes putters off the list.
func (x *Index) Disallow(m ident.Mailbox, putters []Putter) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b, ok := x.boxes[m]
	if !ok {
		return
	}
	var rest []Putter
	for p := range b.allow {
		if !slices.Contains(putters, p) {
			rest = append(rest, p)
		}
	}
	x.setAllow(b, rest)
}

func (x *Index) setAllow(b *box, putters []Putter) {
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

// Held is an envelope in a mailbox as the index counts it.
type Held struct {
	Box    ident.Mailbox
	Putter Putter
	Lane   uint8
	Size   int
}

// Place takes room for an envelope and gives it a sequence, or returns
// [ErrQuota] or [ErrShare]. A tenth of each mailbox, and of each putter's share
// of it, is kept for FLASH; when the rest of the mailbox is full, each putter
// may use its share of that tenth.
func (x *Index) Place(h Held) (seq uint64, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := x.boxes[h.Box]
	had, more := b.by[h.Putter], charge(h.Size)
	reserve, share := b.quota/10, b.quota/b.shares()
	switch {
	case b.used+more > b.quota || h.Lane != FlashLane && b.used+more > b.quota-reserve:
		return 0, ErrQuota
	case had.all+more > share || h.Lane != FlashLane && had.all-had.flash+more > share-share/10:
		return 0, ErrShare
	case h.Lane == FlashLane && b.used+more > b.quota-reserve && had.flash+more > reserve/b.shares():
		return 0, ErrShare
	}
	seq = b.next[h.Lane]
	b.next[h.Lane]++
	x.count(b, 1, h)
	return seq, nil
}

// Load counts an item that was there when the spool opened.
func (x *Index) Load(h Held) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count(x.boxes[h.Box], 1, h)
}

// Free gives back the room of an item that is gone.
func (x *Index) Free(h Held) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if b, ok := x.boxes[h.Box]; ok {
		x.count(b, -1, h)
	}
}

// perItem is charged for an item beside its bytes: rows and remembered ids.
const perItem = 128

func charge(size int) uint64 { return uint64(size) + perItem }

// count adds or takes away; what is taken away was added before.
func (x *Index) count(b *box, n int, h Held) {
	size, charged := uint64(h.Size), charge(h.Size)
	if n < 0 {
		size, charged = -size, -charged // modulo 2⁶⁴
	}
	b.items += n
	x.items += n
	b.used += charged
	x.bytes += size
	by := b.by[h.Putter]
	if by.all += charged; h.Lane == FlashLane {
		by.flash += charged
	}
	if b.by[h.Putter] = by; by.all == 0 {
		delete(b.by, h.Putter)
	}
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
