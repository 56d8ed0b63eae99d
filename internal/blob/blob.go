// Package blob keeps the parts of large bodies on disk as they travel: sealed.
//
// A file of a message comes as chunks, out of order, over any bearer, with the
// desk stopped and started in between. Each chunk is kept as the envelope that
// carried it, so no plaintext of a file is ever on disk, and sending it on or
// again is reading it back. A blob knows no keys: whoever reads a file passes
// the function that opens a chunk, and whoever makes one the function that
// seals it.
//
// On disk a blob is one file, named by the tag of its chunks: "….part" while
// chunks are missing or unverified, "….whole" afterwards. A record carries its
// length and a check, so that a chunk counts after a crash exactly if all of
// it reached the disk; there is no list of chunks to get out of step
// (docs/spec/store.md, Section 6). Names, sizes and hashes of the content are
// not in the file: they would tell what it is.
//
// This package is on floor 2: it owns the folder of blobs in a desk's folder.
package blob

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"hotline/internal/envelope"
	"hotline/internal/fault"
)

var (
	// ErrNone means that there is no blob with that tag, or no such chunk yet.
	ErrNone = errors.New("no such blob or chunk")
	// ErrShape means that a chunk does not fit its blob, or a blob's layout is
	// out of bounds.
	ErrShape = errors.New("chunk or layout does not fit")
	// ErrContent means that all chunks are there and are not the file that the
	// message names.
	ErrContent = errors.New("file is not the one that was announced")
	// ErrIncomplete means that chunks are missing.
	ErrIncomplete = errors.New("chunks are missing")
)

// Tag names a blob: the tag of its chunks, expanded from the content key.
type Tag [16]byte

// String returns the tag in hexadecimal, as in the file's name.
func (t Tag) String() string { return hex.EncodeToString(t[:]) }

// Layout is how a file is cut. The zero value is invalid.
type Layout struct {
	ChunkSize uint32 // plaintext bytes of every chunk but the last, 1 kB to 64 kB
	Count     uint32 // chunks, at least 1
}

const (
	minChunk = 1 << 10
	maxChunk = 64 << 10
	// MaxSize is the longest stored file in bytes: 25 MB, and room for what
	// packing adds to a file that does not shrink.
	MaxSize = 25<<20 + 64<<10
	// overhead is what sealing adds to a chunk before padding: header, final
	// flag, length and AEAD tag (package chain).
	overhead = envelope.HeaderSize + 1 + 4 + envelope.TagSize
)

// check refuses layouts beyond the limits.
func (l Layout) check() error {
	if l.ChunkSize < minChunk || l.ChunkSize > maxChunk || l.Count == 0 ||
		uint64(l.Count-1)*uint64(l.ChunkSize) >= MaxSize {
		return fmt.Errorf("%w: %d chunks of %d bytes", ErrShape, l.Count, l.ChunkSize)
	}
	return nil
}

// maxSealed is the longest envelope of a chunk.
func (l Layout) maxSealed() int { return envelope.Bucket(int(l.ChunkSize) + overhead) }

const (
	magic      = "hotline blob 1\n\x00"
	fileHeader = len(magic) + 16 + 4 + 4
	// A record is length 4, check 16, and the sealed chunk, in a place of
	// fixed size.
	recordHeader = 4 + 16
	suffixPart   = ".part"
	suffixWhole  = ".whole"
)

func (l Layout) record() int64 { return int64(recordHeader + l.maxSealed()) }

// header is the first bytes of a blob's file.
func header(tag Tag, l Layout) []byte {
	b := append([]byte(magic), tag[:]...)
	b = binary.BigEndian.AppendUint32(b, l.ChunkSize)
	return binary.BigEndian.AppendUint32(b, l.Count)
}

// Dir is a folder of blobs. Its methods may be called from several goroutines.
type Dir struct {
	path string

	// mu guards the following.
	mu    sync.Mutex
	blobs map[Tag]*Blob // as far as somebody has asked for them
}

// Open returns the folder, made (mode 0700) when it is not there. What an
// interrupted [Dir.Seal] left behind is removed.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(path, "*.new"))
	if err != nil {
		return nil, fmt.Errorf("open blobs: %w", err)
	}
	for _, name := range left {
		if err := os.Remove(name); err != nil {
			return nil, fmt.Errorf("open blobs: %w", err)
		}
	}
	return &Dir{path: path, blobs: make(map[Tag]*Blob)}, nil
}

func (d *Dir) name(tag Tag, suffix string) string {
	return filepath.Join(d.path, tag.String()+suffix)
}

// Create returns the blob with that tag, made empty when it is not there. One
// that is there with another layout is an error matching [ErrShape].
func (d *Dir) Create(tag Tag, l Layout) (*Blob, error) {
	if err := l.check(); err != nil {
		return nil, fmt.Errorf("create blob %v: %w", tag, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.open(tag)
	if errors.Is(err, ErrNone) {
		if err = create(d.name(tag, suffixPart), header(tag, l)); err == nil {
			b, err = d.open(tag)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("create blob %v: %w", tag, translate(err))
	}
	if b.layout != l {
		return nil, fmt.Errorf("create blob %v: %w: there is one of %d × %d bytes", tag, ErrShape, b.layout.Count, b.layout.ChunkSize)
	}
	return b, nil
}

// Open returns the blob with that tag, or an error matching [ErrNone]. The
// first call for a blob that is not whole reads it once, to see which chunks
// survived.
func (d *Dir) Open(tag Tag) (*Blob, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.open(tag)
	if err != nil {
		return nil, fmt.Errorf("open blob %v: %w", tag, err)
	}
	return b, nil
}

func (d *Dir) open(tag Tag) (*Blob, error) {
	if b := d.blobs[tag]; b != nil {
		return b, nil
	}
	b := &Blob{dir: d, tag: tag, whole: true}
	f, err := os.Open(d.name(tag, suffixWhole))
	if errors.Is(err, fs.ErrNotExist) {
		b.whole = false
		f, err = os.Open(d.name(tag, suffixPart))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	if err := b.load(f); err != nil {
		return nil, err
	}
	d.blobs[tag] = b
	return b, nil
}

// Remove deletes a blob. Removing what is not there is no error.
func (d *Dir) Remove(tag Tag) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if b := d.blobs[tag]; b != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.gone = true
		b.closeFile()
		delete(d.blobs, tag)
	}
	removed := false
	for _, suffix := range []string{suffixPart, suffixWhole} {
		err := os.Remove(d.name(tag, suffix))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove blob %v: %w", tag, err)
		}
		removed = removed || err == nil
	}
	if !removed {
		return nil
	}
	if err := syncDir(d.path); err != nil {
		return fmt.Errorf("remove blob %v: %w", tag, err)
	}
	return nil
}

// Tags lists the blobs on disk, so that a desk can remove those that no
// message names.
func (d *Dir) Tags() ([]Tag, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	var tags []Tag
	for _, e := range entries {
		stem, suffix, _ := strings.Cut(e.Name(), ".")
		raw, err := hex.DecodeString(stem)
		if err == nil && len(raw) == len(Tag{}) && ("."+suffix == suffixPart || "."+suffix == suffixWhole) {
			tags = append(tags, Tag(raw))
		}
	}
	return tags, nil
}

// Close closes open files. Blobs must not be used afterwards.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, b := range d.blobs {
		b.mu.Lock()
		b.gone = true
		b.closeFile()
		b.mu.Unlock()
	}
	clear(d.blobs)
	return nil
}

// create makes a small file, durable with its name, or not at all.
func create(name string, content []byte) error {
	tmp := name + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// translate gives a full disk its sentence.
func translate(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return fault.Wrap(err, fault.Busy, "The disk of this desk is full; the file was not kept.").
			WithHint("free some space and try again")
	}
	return err
}

// check is what tells a whole record from a torn one. It is no authentication:
// that is the AEAD's.
func check(index uint32, sealed []byte) (sum [16]byte) {
	h := sha256.New()
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], index)
	h.Write(b[:])
	h.Write(sealed)
	copy(sum[:], h.Sum(nil))
	return sum
}

// load reads the layout, and which chunks are there.
func (b *Blob) load(f *os.File) error {
	head := make([]byte, fileHeader)
	if _, err := io.ReadFull(f, head); err != nil {
		return fmt.Errorf("%w: header: %w", ErrShape, err)
	}
	b.layout.ChunkSize = binary.BigEndian.Uint32(head[fileHeader-8:])
	b.layout.Count = binary.BigEndian.Uint32(head[fileHeader-4:])
	if err := b.layout.check(); err != nil {
		return err
	}
	if !bytes.Equal(head, header(b.tag, b.layout)) {
		return fmt.Errorf("%w: header", ErrShape)
	}
	b.have = make([]bool, b.layout.Count)
	if b.whole {
		for i := range b.have {
			b.have[i] = true
		}
		b.count = b.layout.Count
		return nil
	}
	for i := range b.have {
		if _, err := b.read(f, uint32(i)); err == nil {
			b.have[i] = true
			b.count++
		}
	}
	return nil
}
