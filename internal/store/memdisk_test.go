package store_test

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
	"golang.org/x/sys/unix"

	"hotline/internal/store"
)

// memDisk is a disk in memory that fails on demand. It serves SQLite as a VFS
// and the store as its Disk, so that one count of operations covers both.
//
// Each file has the image that programs see and the one that survives a power
// cut; sync moves the first to the second. At a cut every write since the last
// sync is kept, dropped or torn at 512 bytes, at random. Names are durable at
// once: the store makes files durable with their names itself, before it uses
// them.
type memDisk struct {
	mu    sync.Mutex
	files map[string]*memFile
	ops   int        // writes, truncations and syncs so far
	rnd   *rand.Rand // decides what survives

	cutAt    int // the power goes at this operation; 0: never
	failAt   int // this operation fails once with failErr
	failErr  error
	onlySync bool // failAt counts syncs only
	syncs    int
	lies     bool  // sync says yes and does nothing
	space    int64 // bytes that files may have together; 0: no limit
	dead     bool
}

type memFile struct {
	now, durable []byte
	pending      []memWrite
}

// memWrite is a write since the last sync, or a truncation (data nil).
type memWrite struct {
	off  int64
	data []byte
}

var errPower = errors.New("power is off")

func newMemDisk(seed uint64) *memDisk {
	return &memDisk{files: make(map[string]*memFile), rnd: rand.New(rand.NewPCG(seed, 1))}
}

// clone returns what a machine would find that is switched on again, with
// nothing set to fail. Without a cut before, that is everything.
func (d *memDisk) clone(cut bool) *memDisk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := newMemDisk(uint64(d.ops))
	for name, f := range d.files {
		image := append([]byte(nil), f.now...)
		if cut {
			image = f.survive(d.rnd)
		}
		c.files[name] = &memFile{now: image, durable: append([]byte(nil), image...)}
	}
	return c
}

// survive returns a durable image after a power cut.
func (f *memFile) survive(rnd *rand.Rand) []byte {
	image := append([]byte(nil), f.durable...)
	for _, w := range f.pending {
		switch rnd.IntN(3) {
		case 0: // lost
		case 1: // kept
			image = w.apply(image)
		case 2: // torn
			if w.data == nil {
				continue
			}
			for off := 0; off < len(w.data); off += 512 {
				if rnd.IntN(2) == 0 {
					part := w.data[off:min(off+512, len(w.data))]
					image = memWrite{w.off + int64(off), part}.apply(image)
				}
			}
		}
	}
	return image
}

func (w memWrite) apply(image []byte) []byte {
	if w.data == nil {
		if int64(len(image)) > w.off {
			return image[:w.off]
		}
		return append(image, make([]byte, w.off-int64(len(image)))...)
	}
	if end := w.off + int64(len(w.data)); end > int64(len(image)) {
		image = append(image, make([]byte, end-int64(len(image)))...)
	}
	copy(image[w.off:], w.data)
	return image
}

// step counts an operation and says whether it goes through.
func (d *memDisk) step(isSync bool) error {
	if d.dead {
		return errPower
	}
	d.ops++
	n := d.ops
	if isSync {
		d.syncs++
	}
	if d.onlySync {
		if !isSync {
			return nil
		}
		n = d.syncs
	}
	if d.cutAt != 0 && d.ops == d.cutAt {
		d.dead = true
		return errPower
	}
	if d.failAt != 0 && n == d.failAt {
		return d.failErr
	}
	return nil
}

func (d *memDisk) file(name string, create bool) *memFile {
	f := d.files[name]
	if f == nil && create {
		f = new(memFile)
		d.files[name] = f
	}
	return f
}

// Delete, Access and FullPathname are part of [vfs.VFS].
func (d *memDisk) Delete(name string, _ bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return sqlite3.IOERR_DELETE
	}
	delete(d.files, name)
	return nil
}

func (d *memDisk) Access(name string, _ vfs.AccessFlag) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[name] != nil, nil
}

func (d *memDisk) FullPathname(name string) (string, error) { return filepath.Clean(name), nil }

// memHandle is an open file of either interface.
type memHandle struct {
	d *memDisk
	f *memFile
}

func (h *memHandle) Close() error { return nil }

func (h *memHandle) ReadAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if h.d.dead {
		return 0, errPower
	}
	if off >= int64(len(h.f.now)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memHandle) WriteAt(p []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	w := memWrite{off, append([]byte{}, p...)}
	if err := h.d.step(false); err != nil {
		if errors.Is(err, errPower) {
			h.f.pending = append(h.f.pending, w) // it may have got there
		}
		return 0, err
	}
	if h.d.space > 0 {
		used := int64(0)
		for _, f := range h.d.files {
			used += int64(len(f.now))
		}
		if grow := off + int64(len(p)) - int64(len(h.f.now)); grow > 0 && used+grow > h.d.space {
			return 0, &os.PathError{Op: "write", Path: "memory", Err: unix.ENOSPC} // as os.File says it
		}
	}
	h.f.pending = append(h.f.pending, w)
	h.f.now = w.apply(h.f.now)
	return len(p), nil
}

func (h *memHandle) Truncate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.step(false); err != nil {
		return err
	}
	w := memWrite{off: size}
	h.f.pending = append(h.f.pending, w)
	h.f.now = w.apply(h.f.now)
	return nil
}

func (h *memHandle) sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if err := h.d.step(true); err != nil {
		return err
	}
	if !h.d.lies {
		h.f.durable, h.f.pending = append([]byte(nil), h.f.now...), nil
	}
	return nil
}

func (h *memHandle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.f.now)), nil
}

// vfsHandle and diskHandle differ in the signature of Sync.
type vfsHandle struct{ *memHandle }

func (h vfsHandle) Sync(vfs.SyncFlag) error                       { return h.sync() }
func (vfsHandle) Lock(vfs.LockLevel) error                        { return nil }
func (vfsHandle) Unlock(vfs.LockLevel) error                      { return nil }
func (vfsHandle) CheckReservedLock() (bool, error)                { return false, nil }
func (vfsHandle) SectorSize() int                                 { return 512 }
func (vfsHandle) DeviceCharacteristics() vfs.DeviceCharacteristic { return 0 }

type diskHandle struct{ *memHandle }

func (h diskHandle) Sync() error             { return h.sync() }
func (diskHandle) Identity() (string, error) { return "memory", nil }

// memVFS and memStore give the disk its two faces.
type memVFS struct{ *memDisk }

func (m memVFS) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.file(name, flags&vfs.OPEN_CREATE != 0)
	if f == nil {
		return nil, flags, sqlite3.CANTOPEN
	}
	return vfsHandle{&memHandle{d: m.memDisk, f: f}}, flags, nil
}

type memStore struct{ *memDisk }

func (m memStore) Open(path string) (store.DiskFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.file(path, false)
	if f == nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return diskHandle{&memHandle{d: m.memDisk, f: f}}, nil
}

func (m memStore) Create(path string, content []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(false); err != nil {
		return err
	}
	b := append([]byte(nil), content...)
	m.files[path] = &memFile{now: b, durable: append([]byte(nil), b...)}
	return nil
}
