package blob

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// OpenFunc opens a sealed chunk: its place, whether it is the last one, and
// its plaintext.
type OpenFunc func(sealed []byte) (index uint32, final bool, data []byte, err error)

// SealFunc seals a chunk. The same input must give the same bytes each time.
type SealFunc func(index uint32, final bool, data []byte) (sealed []byte, err error)

// Content is what a message says about a file.
type Content struct {
	Layout
	Root [32]byte // over the chunks as stored
	// Size and SHA256 are of the file as it was given, which is what is stored
	// unless it was packed.
	Size   uint64
	SHA256 [32]byte
}

// rooter computes the root of a file: SHA-384("hotline/1/file-root" ‖ 0 ‖ chunk
// size 4 ‖ count 4 ‖ SHA-256 of each chunk's plaintext, in order), first 32
// bytes (docs/spec/store.md, Section 6).
type rooter struct{ sums []byte }

func (r *rooter) add(data []byte) {
	sum := sha256.Sum256(data)
	r.sums = append(r.sums, sum[:]...)
}

func (r *rooter) root(l Layout) (root [32]byte) {
	b := []byte("hotline/1/file-root\x00")
	b = binary.BigEndian.AppendUint32(b, l.ChunkSize)
	b = binary.BigEndian.AppendUint32(b, l.Count)
	sum := sha512.Sum384(append(b, r.sums...))
	copy(root[:], sum[:])
	return root
}

// Seal cuts what src holds into chunks, seals them and keeps them as a whole
// blob, durable when it returns. Not more than limit bytes are read; a longer
// source is an error matching [ErrShape]. Two chunks are in memory at a time.
//
// The Content that it returns describes the stored bytes; whoever packs src
// puts size and hash of the original into it.
func (d *Dir) Seal(tag Tag, chunkSize uint32, limit int64, src io.Reader, seal SealFunc) (Content, error) {
	c := Content{Layout: Layout{ChunkSize: chunkSize, Count: 1}}
	if err := c.check(); err != nil {
		return c, fmt.Errorf("seal blob %v: %w", tag, err)
	}
	name := d.name(tag, suffixWhole)
	if _, err := os.Lstat(name); err == nil {
		return c, fmt.Errorf("seal blob %v: %w: it is there already", tag, ErrShape)
	}
	tmp := name + ".new"
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return c, fmt.Errorf("seal blob %v: %w", tag, translate(err))
	}
	err = sealTo(f, &c, tag, io.LimitReader(src, limit+1), limit, seal)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, name)
	}
	if err != nil {
		return c, fmt.Errorf("seal blob %v: %w", tag, translate(errors.Join(err, os.Remove(tmp))))
	}
	if err := syncDir(d.path); err != nil {
		return c, fmt.Errorf("seal blob %v: %w", tag, err)
	}
	return c, nil
}

// sealTo writes records until src ends, then the header, which needs the
// count, and makes all of it durable.
func sealTo(f *os.File, c *Content, tag Tag, src io.Reader, limit int64, seal SealFunc) error {
	whole := sha256.New()
	var roots rooter
	b := &Blob{tag: tag, layout: c.Layout}
	this, next := make([]byte, c.ChunkSize), make([]byte, c.ChunkSize)
	n, err := readChunk(src, this)
	if err != nil {
		return err
	}
	for i := uint32(0); ; i++ {
		m := 0
		if n == len(this) {
			if m, err = readChunk(src, next); err != nil {
				return err
			}
		}
		final := m == 0
		whole.Write(this[:n])
		roots.add(this[:n])
		c.Size += uint64(n)
		if int64(c.Size) > limit || c.Size > MaxSize {
			return fmt.Errorf("%w: more than %d bytes", ErrShape, min(limit, MaxSize))
		}
		sealed, err := seal(i, final, this[:n])
		if err != nil {
			return err
		}
		if len(sealed) == 0 || len(sealed) > c.maxSealed() {
			return fmt.Errorf("%w: chunk %d of %d bytes", ErrShape, i, len(sealed))
		}
		sum := check(i, sealed)
		rec := binary.BigEndian.AppendUint32(nil, uint32(len(sealed)))
		rec = append(append(rec, sum[:]...), sealed...)
		if _, err := f.WriteAt(rec, b.offset(i)); err != nil {
			return err
		}
		if final {
			c.Count = i + 1
			break
		}
		this, next, n = next, this, m
	}
	whole.Sum(c.SHA256[:0])
	c.Root = roots.root(c.Layout)
	if _, err := f.WriteAt(header(tag, c.Layout), 0); err != nil {
		return err
	}
	return f.Sync()
}

// readChunk fills p as far as src goes.
func readChunk(src io.Reader, p []byte) (int, error) {
	n, err := io.ReadFull(src, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// Verify opens every chunk and compares the file with what the message says:
// places, lengths, the last one's flag, root, and size and SHA-256 of the file
// as given. If all is right the blob is whole from now on, also after a crash.
// unpack turns the stored bytes into the file as given; nil means that they
// are the same. Errors match [ErrIncomplete] or [ErrContent].
//
// Memory is one chunk, and what unpack needs.
func (b *Blob) Verify(c Content, open OpenFunc, unpack func(io.Reader) (io.ReadCloser, error)) error {
	b.mu.Lock()
	err := b.sync()
	complete := b.count == b.layout.Count
	b.mu.Unlock()
	if err != nil {
		return err
	}
	if !complete {
		return fmt.Errorf("verify blob %v: %w", b.tag, ErrIncomplete)
	}
	if c.Layout != b.layout {
		return fmt.Errorf("verify blob %v: %w: layout", b.tag, ErrContent)
	}
	if err := b.compare(c, open, unpack); err != nil {
		return fmt.Errorf("verify blob %v: %w", b.tag, err)
	}
	return b.finish()
}

func (b *Blob) compare(c Content, open OpenFunc, unpack func(io.Reader) (io.ReadCloser, error)) (err error) {
	r, err := b.reader(open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	r.roots = new(rooter)
	var given io.Reader = r
	if unpack != nil {
		u, err := unpack(r)
		if err != nil {
			return fmt.Errorf("%w: unpack: %w", ErrContent, err)
		}
		defer func() { _ = u.Close() }()
		given = u
	}
	whole := sha256.New()
	n, err := io.Copy(whole, io.LimitReader(given, int64(min(c.Size, MaxSize*64))+1))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	// An unpacker may stop before the end of what is stored.
	rest, err := io.Copy(io.Discard, r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrContent, err)
	}
	if rest != 0 {
		return fmt.Errorf("%w: %d bytes left over", ErrContent, rest)
	}
	return match(c, uint64(n), whole, r.roots)
}

func match(c Content, n uint64, whole hash.Hash, roots *rooter) error {
	root := roots.root(c.Layout)
	switch {
	case root != c.Root:
		return fmt.Errorf("%w: root", ErrContent)
	case n != c.Size:
		return fmt.Errorf("%w: size", ErrContent)
	case !bytes.Equal(whole.Sum(nil), c.SHA256[:]):
		return fmt.Errorf("%w: hash", ErrContent)
	}
	return nil
}

// finish renames the file, which is what makes it whole.
func (b *Blob) finish() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.whole {
		return nil
	}
	if b.gone {
		return fmt.Errorf("finish blob %v: %w", b.tag, ErrNone)
	}
	b.closeFile()
	if err := os.Rename(b.dir.name(b.tag, suffixPart), b.dir.name(b.tag, suffixWhole)); err != nil {
		return fmt.Errorf("finish blob %v: %w", b.tag, err)
	}
	b.whole = true
	if err := syncDir(b.dir.path); err != nil {
		return fmt.Errorf("finish blob %v: %w", b.tag, err)
	}
	return nil
}

// Reader returns the stored bytes of a whole blob, in order, one chunk in
// memory at a time. Close it.
func (b *Blob) Reader(open OpenFunc) (io.ReadCloser, error) {
	if !b.Whole() {
		return nil, fmt.Errorf("read blob %v: %w", b.tag, ErrIncomplete)
	}
	r, err := b.reader(open)
	if err != nil {
		return nil, fmt.Errorf("read blob %v: %w", b.tag, err)
	}
	return r, nil
}

func (b *Blob) reader(open OpenFunc) (*reader, error) {
	f, err := b.openRead()
	if err != nil {
		return nil, err
	}
	return &reader{b: b, f: f, open: open}, nil
}

// reader opens one chunk after the other.
type reader struct {
	b     *Blob
	f     *os.File
	open  OpenFunc
	next  uint32
	data  []byte
	roots *rooter // nil: nobody asks
}

// Read implements [io.Reader]. A chunk in the wrong place, of the wrong length
// or with the wrong flag is an error matching [ErrContent].
func (r *reader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.next == r.b.layout.Count {
			return 0, io.EOF
		}
		sealed, err := r.b.read(r.f, r.next)
		if err != nil {
			return 0, fmt.Errorf("chunk %d: %w", r.next, err)
		}
		index, final, data, err := r.open(sealed)
		if err != nil {
			return 0, fmt.Errorf("chunk %d: %w: %w", r.next, ErrContent, err)
		}
		last := r.next+1 == r.b.layout.Count
		size := int(r.b.layout.ChunkSize)
		if index != r.next || final != last || len(data) > size || !last && len(data) != size || last && r.next > 0 && len(data) == 0 {
			return 0, fmt.Errorf("chunk %d: %w: place, length or flag", r.next, ErrContent)
		}
		if r.roots != nil {
			r.roots.add(data)
		}
		r.data = data
		r.next++
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// Close implements [io.Closer].
func (r *reader) Close() error { return r.f.Close() }
