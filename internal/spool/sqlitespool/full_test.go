package sqlitespool_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"hotline/internal/ident"
	"hotline/internal/spool"
	"hotline/internal/spool/sqlitespool"
)

// crowded is the operating system's VFS on a disk that is full while full is
// set: every write fails as os.File says it.
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
		return 0, &os.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	}
	return f.File.WriteAt(p, off)
}

func (f *crowdedFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }
func (f *crowdedFile) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }

// TestFullDiskIsToldFromABrokenOne: as the operating system says it, a full
// disk is refused and passes; it does not stop the spool.
func TestFullDiskIsToldFromABrokenOne(t *testing.T) {
	var isFull atomic.Bool
	name := "crowded-" + t.Name()
	vfs.Register(name, crowded{vfs.Find(""), &isFull})
	t.Cleanup(func() { vfs.Unregister(name) })
	s, err := sqlitespool.Open(t.Context(), filepath.Join(t.TempDir(), "relay.db"), sqlitespool.Options{VFS: name})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var box ident.Mailbox
	var key spool.Putter
	secret, now := []byte("0123456789abcdef"), time.Now()
	if err := errors.Join(
		s.Invite(t.Context(), spool.Invitation{Secret: secret, Uses: 1, Quota: 1 << 30, Expiry: now.Add(time.Hour)}),
		s.Enrol(t.Context(), box, key, secret, now)); err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 5; i++ {
		isFull.Store(true)
		if out := put(s, box, key, 9000); !errors.Is(out.Err, spool.ErrBusy) {
			t.Fatalf("put on a full disk: %v, want %v", out.Err, spool.ErrBusy)
		}
		if s.Err() != nil {
			t.Fatalf("a full disk stopped the spool: %v", s.Err())
		}
		isFull.Store(false)
		if out := put(s, box, key, 9000); out.Err != nil || out.Seq == 0 {
			t.Fatalf("put after room came = %+v", out)
		}
		if left, err := s.Next(t.Context(), box, 0, 0, 1<<30); err != nil || len(left) != i {
			t.Errorf("%d items, %v; want %d", len(left), err, i)
		}
	}
}

// TestFileIsPrivate: who may put to whom is nobody else's business on the
// machine, whatever its umask is.
func TestFileIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "relay.db")
	s := open(t, path)
	defer s.Close()
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", st.Mode())
	}
}
