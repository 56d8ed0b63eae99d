package store_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"golang.org/x/sys/unix"

	"hotline/internal/store"
)

// crowded is the operating system's VFS on a disk that is full while full is
// set: every write fails as os.File says it. Readers and shared memory work as
// in the product.
type crowded struct {
	vfs.VFS
	full *atomic.Bool
}

func (c crowded) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpenFilename(c.VFS, name, flags)
	if err != nil {
		return nil, out, err
	}
	return &crowdedFile{f, c.full}, out, nil
}

type crowdedFile struct {
	vfs.File
	full *atomic.Bool
}

func (f *crowdedFile) WriteAt(p []byte, off int64) (int, error) {
	if f.full.Load() {
		return 0, &os.PathError{Op: "write", Path: "x", Err: unix.ENOSPC}
	}
	return f.File.WriteAt(p, off)
}

func (f *crowdedFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }
func (f *crowdedFile) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }

// TestFullDiskIsToldFromABrokenOne: busy, one sentence, nothing changed, and
// on it goes when there is room.
func TestFullDiskIsToldFromABrokenOne(t *testing.T) {
	var full atomic.Bool
	name := "crowded-" + t.Name()
	vfs.Register(name, crowded{vfs.Find(""), &full})
	t.Cleanup(func() { vfs.Unregister(name) })
	dir := t.TempDir()
	s, err := store.Open(t.Context(), dir, testKey, store.Options{VFS: name})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { shut(t, s) }()
	for i := uint64(1); i < 10; i++ {
		step := func(tx *store.Tx) error { return stepTo(tx, i) }
		full.Store(true)
		wantBusy(t, s.Update(t.Context(), step))
		full.Store(false)
		err := s.View(t.Context(), func(tx *store.Tx) error {
			v, err := tx.Setting("step")
			if i > 1 && (err != nil || binary.BigEndian.Uint64(v) != i-1) {
				return fmt.Errorf("setting at %x, %w", v, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		update(t, s, step)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if s.Err() != nil {
		t.Errorf("Err() = %v", s.Err())
	}
}
