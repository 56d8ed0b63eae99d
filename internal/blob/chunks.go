package blob

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
)

// Blob is the chunks of one file. Its methods may be called from several
// goroutines.
type Blob struct {
	dir    *Dir
	tag    Tag
	layout Layout

	// mu guards the following.
	mu    sync.Mutex
	f     *os.File // open for writing while chunks come
	have  []bool   // on disk, as far as Sync has returned
	dirty []uint32 // written since the last Sync
	count uint32   // of have
	whole bool     // verified, and named so
	gone  bool     // removed
}

// Range is a run of chunks, first and last included.
type Range struct{ First, Last uint32 }

// Tag returns the blob's tag.
func (b *Blob) Tag() Tag { return b.tag }

// Layout returns how the file is cut.
func (b *Blob) Layout() Layout { return b.layout }

// Have returns how many chunks are durable, and how many there are in all.
func (b *Blob) Have() (have, of uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, b.layout.Count
}

// Has reports whether a chunk is durable.
func (b *Blob) Has(index uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return index < b.layout.Count && b.have[index]
}

// Whole reports whether [Blob.Verify] has found all of the file.
func (b *Blob) Whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.whole
}

// Missing returns the chunks that are not durable, as at most limit ranges.
func (b *Blob) Missing(limit int) []Range {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Range
	for i, ok := range b.have {
		n := len(out)
		switch {
		case ok:
		case n > 0 && out[n-1].Last+1 == uint32(i):
			out[n-1].Last++
		case n == limit:
			return out
		default:
			out = append(out, Range{uint32(i), uint32(i)})
		}
	}
	return out
}

// Put writes a sealed chunk into its place. It counts, and may be confirmed,
// only after the next [Blob.Sync]. A chunk that is there already is left alone.
// Put does not open the chunk: only chunks that opened belong here.
func (b *Blob) Put(index uint32, sealed []byte) error {
	if index >= b.layout.Count || len(sealed) == 0 || len(sealed) > b.layout.maxSealed() {
		return fmt.Errorf("put chunk %d of %v, %d bytes: %w", index, b.tag, len(sealed), ErrShape)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.have[index] {
		return nil
	}
	if err := b.openFile(); err != nil {
		return fmt.Errorf("put chunk %d of %v: %w", index, b.tag, err)
	}
	sum := check(index, sealed)
	rec := binary.BigEndian.AppendUint32(make([]byte, 0, recordHeader+len(sealed)), uint32(len(sealed)))
	rec = append(append(rec, sum[:]...), sealed...)
	if _, err := b.f.WriteAt(rec, b.offset(index)); err != nil {
		return fmt.Errorf("put chunk %d of %v: %w", index, b.tag, translate(err))
	}
	b.dirty = append(b.dirty, index)
	return nil
}

// Sync makes what Put wrote durable: one call for many chunks. After an error
// the chunks since the last Sync do not count and must be put again.
func (b *Blob) Sync() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.sync()
}

func (b *Blob) sync() error {
	if len(b.dirty) == 0 {
		return nil
	}
	dirty := b.dirty
	b.dirty = nil
	if err := b.f.Sync(); err != nil {
		// What the kernel dropped it may call written next time: start from a
		// new handle, and with chunks that are written anew.
		b.closeFile()
		return fmt.Errorf("sync blob %v: %w", b.tag, translate(err))
	}
	for _, i := range dirty {
		if !b.have[i] {
			b.have[i] = true
			b.count++
		}
	}
	if b.count == b.layout.Count {
		b.closeFile()
	}
	return nil
}

// Chunk returns a sealed chunk as it was put, or an error matching [ErrNone].
func (b *Blob) Chunk(index uint32) ([]byte, error) {
	b.mu.Lock()
	there := !b.gone && index < b.layout.Count && b.have[index]
	b.mu.Unlock()
	if !there {
		return nil, fmt.Errorf("read chunk %d of %v: %w", index, b.tag, ErrNone)
	}
	f, err := b.openRead()
	if err != nil {
		return nil, fmt.Errorf("read chunk %d of %v: %w", index, b.tag, err)
	}
	defer func() { _ = f.Close() }()
	sealed, err := b.read(f, index)
	if err != nil {
		return nil, fmt.Errorf("read chunk %d of %v: %w", index, b.tag, err)
	}
	return sealed, nil
}

// Reset forgets every chunk: after [ErrContent] nobody can say which of them
// was the wrong one.
func (b *Blob) Reset() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole {
		return fmt.Errorf("reset blob %v: it is whole", b.tag)
	}
	if err := b.openFile(); err != nil {
		return fmt.Errorf("reset blob %v: %w", b.tag, err)
	}
	err := errors.Join(b.f.Truncate(int64(fileHeader)), b.f.Sync())
	b.closeFile()
	if err != nil {
		return fmt.Errorf("reset blob %v: %w", b.tag, err)
	}
	clear(b.have)
	b.dirty, b.count = nil, 0
	return nil
}

func (b *Blob) offset(index uint32) int64 {
	return int64(fileHeader) + int64(index)*b.layout.record()
}

// read returns the record at index if it is whole.
func (b *Blob) read(f *os.File, index uint32) ([]byte, error) {
	var head [recordHeader]byte
	if _, err := f.ReadAt(head[:], b.offset(index)); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || int64(n) > int64(b.layout.maxSealed()) {
		return nil, ErrNone
	}
	sealed := make([]byte, n)
	if _, err := f.ReadAt(sealed, b.offset(index)+recordHeader); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNone, err)
	}
	if check(index, sealed) != [16]byte(head[4:]) {
		return nil, fmt.Errorf("%w: record is torn", ErrNone)
	}
	return sealed, nil
}

// openFile opens the file for writing, if it is not open. b.mu is held.
func (b *Blob) openFile() error {
	if b.gone {
		return ErrNone
	}
	if b.f != nil {
		return nil
	}
	f, err := os.OpenFile(b.dir.name(b.tag, suffixPart), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b.f = f
	return nil
}

// openRead opens the file for reading, under either name: it may change from
// one to the other in between, but not back.
func (b *Blob) openRead() (*os.File, error) {
	f, err := os.Open(b.dir.name(b.tag, suffixPart))
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(b.dir.name(b.tag, suffixWhole))
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNone
	}
	return f, err
}

// closeFile closes the handle for writing. b.mu is held.
func (b *Blob) closeFile() {
	if b.f != nil {
		_ = b.f.Close()
		b.f = nil
	}
}
