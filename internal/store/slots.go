package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The layout of keys/cells (docs/spec/store.md, Section 3): one block of 4,096
// bytes for the header, then slots of 64 bytes, a block of them at a time.
const (
	slotSize   = 64
	headerSize = blockSize
	perBlock   = blockSize / slotSize
	slotsMagic = "hotline cells 1\n"
)

// errSlot means that a slot or the header does not open: torn, or not ours.
var errSlot = errors.New("slot does not open")

// slot is the present key of one cell. A slot that no row uses holds a random
// key, so that a new cell needs no write before its commit.
type slot struct {
	epoch uint32
	key   [32]byte
	bad   bool // does not open; only while the store opens
}

// next is the slot one step forward. The step cannot be taken back.
func (s slot) next() slot {
	h := sha512.New384()
	h.Write([]byte("hotline/1/cell-step\x00"))
	h.Write(s.key[:])
	n := slot{epoch: s.epoch + 1}
	copy(n.key[:], h.Sum(nil))
	return n
}

// renewed is the slot with a key that no row was ever sealed under.
func (s slot) renewed() slot {
	n := slot{epoch: s.epoch + 1}
	_, _ = rand.Read(n.key[:])
	return n
}

// slotsHeader says which folder and which start the slots belong to.
type slotsHeader struct {
	instance   [16]byte
	generation uint64
	identity   [32]byte // hash of DiskFile.Identity
}

// slots is the file keys/cells. It belongs to the writer's goroutine.
type slots struct {
	f      DiskFile
	aead   cipher.AEAD
	header slotsHeader

	all     []slot         // as on disk, by number
	free    []int64        // no row uses them
	pending map[int64]slot // to be written after the commit
	drop    map[int64]bool // of pending: free after the commit
	grown   int            // slots at the end of all that are not on disk yet
}

// newSlotAEAD returns the cipher that slots are sealed with on disk.
func newSlotAEAD(key []byte) (cipher.AEAD, error) {
	m := hmac.New(sha512.New384, key)
	m.Write([]byte("hotline/1/cell-slots"))
	return newGCM(m.Sum(nil)[:32])
}

// newGCM returns a cipher that draws its nonces and puts them first.
func newGCM(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(b)
}

// randomSlots returns n slots with random keys.
func randomSlots(n int) []slot {
	all := make([]slot, n)
	for i := range all {
		all[i] = slot{}.renewed()
	}
	return all
}

// createSlots makes a new file with one block of slots.
func createSlots(disk Disk, path string, key []byte, h slotsHeader) error {
	aead, err := newSlotAEAD(key)
	if err != nil {
		return err
	}
	s := &slots{aead: aead}
	content := s.sealHeader(h)
	for i, sl := range randomSlots(perBlock) {
		content = append(content, s.seal(int64(i), sl)...)
	}
	return disk.Create(path, content)
}

// openSlots reads the file. A slot that does not open is marked, not an error:
// whether that matters depends on the rows.
func openSlots(f DiskFile, key []byte) (*slots, error) {
	aead, err := newSlotAEAD(key)
	if err != nil {
		return nil, err
	}
	s := &slots{f: f, aead: aead, pending: make(map[int64]slot), drop: make(map[int64]bool)}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	if size < headerSize || size > headerSize+maxSlots*slotSize {
		return nil, fmt.Errorf("%w: keys/cells has %d bytes", ErrDamaged, size)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read keys/cells: %w", err)
	}
	if s.header, err = s.openHeader(b[:headerSize]); err != nil {
		return nil, fmt.Errorf("%w: header of keys/cells: %w", ErrDamaged, err)
	}
	// A tail that a crash left half grown holds no key in use.
	for b = b[headerSize:]; len(b) >= slotSize; b = b[slotSize:] {
		sl, err := s.open(int64(len(s.all)), b[:slotSize])
		if err != nil {
			sl.bad = true
		}
		s.all = append(s.all, sl)
	}
	return s, nil
}

// seal returns the 64 bytes of slot i: nonce 12, then under AES-256-GCM epoch
// 4 and key 32, tag 16. The tag is the check that finds a torn slot.
func (s *slots) seal(i int64, sl slot) []byte {
	var plain [36]byte
	binary.BigEndian.PutUint32(plain[:], sl.epoch)
	copy(plain[4:], sl.key[:])
	defer clear(plain[:])
	return s.aead.Seal(make([]byte, 0, slotSize), nil, plain[:], slotAAD(i))
}

func (s *slots) open(i int64, b []byte) (sl slot, err error) {
	plain, err := s.aead.Open(nil, nil, b, slotAAD(i))
	if err != nil || len(plain) != 36 {
		return sl, errSlot
	}
	defer clear(plain)
	sl.epoch = binary.BigEndian.Uint32(plain)
	copy(sl.key[:], plain[4:])
	return sl, nil
}

func slotAAD(i int64) []byte {
	return binary.BigEndian.AppendUint64([]byte("hotline/1/cell-slot\x00"), uint64(i))
}

var headerAAD = []byte("hotline/1/cell-header\x00")

func (s *slots) sealHeader(h slotsHeader) []byte {
	plain := binary.BigEndian.AppendUint64(h.instance[:], h.generation)
	plain = append(plain, h.identity[:]...)
	b := make([]byte, 0, headerSize)
	b = append(b, slotsMagic...)
	b = s.aead.Seal(b, nil, plain, headerAAD)
	return append(b, make([]byte, headerSize-len(b))...)
}

func (s *slots) openHeader(b []byte) (h slotsHeader, err error) {
	rest, ok := bytes.CutPrefix(b, []byte(slotsMagic))
	if !ok {
		return h, errSlot
	}
	const plainSize = 16 + 8 + 32
	plain, err := s.aead.Open(nil, nil, rest[:12+plainSize+16], headerAAD)
	if err != nil {
		return h, errSlot
	}
	copy(h.instance[:], plain)
	h.generation = binary.BigEndian.Uint64(plain[16:])
	copy(h.identity[:], plain[24:])
	return h, nil
}

// now returns slot i as this transaction sees it.
func (s *slots) now(i int64) (slot, bool) {
	if sl, ok := s.pending[i]; ok {
		return sl, true
	}
	if i < 0 || i >= int64(len(s.all)) {
		return slot{}, false
	}
	return s.all[i], !s.all[i].bad
}

// advance steps slot i forward for tx, once per commit, and returns the key to
// seal under.
func (s *slots) advance(tx *Tx, i int64) (slot, error) {
	if sl, ok := s.pending[i]; ok && !s.drop[i] {
		return sl, nil
	}
	if i < 0 || i >= int64(len(s.all)) || s.all[i].epoch == math.MaxUint32 {
		return slot{}, fmt.Errorf("%w: slot %d cannot be used", ErrDamaged, i)
	}
	sl := s.all[i].next()
	s.set(tx, i, sl, false)
	return sl, nil
}

// discard gives slot i a key that nothing was sealed under.
func (s *slots) discard(tx *Tx, i int64) {
	if i >= 0 && i < int64(len(s.all)) {
		s.set(tx, i, s.all[i].renewed(), true)
	}
}

// set changes pending, and notes how to take that back.
func (s *slots) set(tx *Tx, i int64, sl slot, drop bool) {
	old, had := s.pending[i]
	oldDrop := s.drop[i]
	tx.undo = append(tx.undo, func() {
		if had {
			s.pending[i] = old
		} else {
			delete(s.pending, i)
		}
		if oldDrop {
			s.drop[i] = true
		} else {
			delete(s.drop, i)
		}
	})
	s.pending[i] = sl
	delete(s.drop, i)
	if drop {
		s.drop[i] = true
	}
}

// take returns a slot that no row uses.
func (s *slots) take(tx *Tx) (int64, error) {
	if len(s.free) == 0 {
		if len(s.all)+perBlock > maxSlots {
			return 0, fmt.Errorf("take slot: %d cells are in use", maxSlots)
		}
		for range perBlock {
			s.free = append(s.free, int64(len(s.all)))
			s.all = append(s.all, slot{}.renewed())
		}
		s.grown += perBlock
	}
	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	tx.undo = append(tx.undo, func() { s.free = append(s.free, i) })
	return i, nil
}

// undo takes back what tx did, if it has not been taken back yet.
func (s *slots) undo(tx *Tx) {
	for len(tx.undo) > 0 {
		last := len(tx.undo) - 1
		tx.undo[last]()
		tx.undo = tx.undo[:last]
	}
}

// reserve makes grown slots durable. It runs before the commit that uses them.
func (s *slots) reserve() error {
	if s.grown == 0 {
		return nil
	}
	first := len(s.all) - s.grown
	var b []byte
	for i, sl := range s.all[first:] {
		b = append(b, s.seal(int64(first+i), sl)...)
	}
	if _, err := s.f.WriteAt(b, headerSize+int64(first)*slotSize); err != nil {
		return err
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errSync, err)
	}
	s.grown = 0
	return nil
}

// errSync is a failed fsync of keys/cells; see fatal.
var errSync = errors.New("sync keys/cells")

// flush overwrites the slots that the committed transaction changed, in place.
func (s *slots) flush() error {
	if len(s.pending) == 0 {
		return nil
	}
	for i, sl := range s.pending {
		if _, err := s.f.WriteAt(s.seal(i, sl), headerSize+i*slotSize); err != nil {
			return fmt.Errorf("write slot %d: %w", i, err)
		}
	}
	if err := s.f.Sync(); err != nil {
		return fmt.Errorf("%w: %w", errSync, err)
	}
	for i, sl := range s.pending {
		s.all[i] = sl
		if s.drop[i] {
			s.free = append(s.free, i)
		}
	}
	clear(s.pending)
	clear(s.drop)
	return nil
}

// writeHeader overwrites the header in place. The caller syncs.
func (s *slots) writeHeader(h slotsHeader) error {
	if _, err := s.f.WriteAt(s.sealHeader(h), 0); err != nil {
		return err
	}
	s.header = h
	return nil
}

// close wipes the keys in memory and closes the file.
func (s *slots) close() error {
	clear(s.all)
	clear(s.pending)
	return s.f.Close()
}

// maxSlots bounds keys/cells to 4 MiB: 65,536 cells are far beyond 200 desks
// with 16 open generations each, and a damaged size must not fill the memory.
const maxSlots = 1 << 16
