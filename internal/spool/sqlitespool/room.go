package sqlitespool

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// room stands between SQLite and the operating system and says when a write
// failed for want of room. Without it a full disk looks like a broken one and
// would stop the relay: go-sqlite3 v0.36 compares the error of
// os.File.WriteAt, which is wrapped, with the bare number.
type room struct{ vfs.VFS }

// rooms numbers the VFSes of this process.
var rooms atomic.Int64

// withRoom registers a VFS over base, and returns its name and what to call
// when no connection uses it any more.
func withRoom(base string) (name string, forget func(), err error) {
	under := vfs.Find(base)
	if under == nil {
		return "", nil, fmt.Errorf("find VFS %q: not registered", base)
	}
	name = fmt.Sprintf("hotline-spool-%d", rooms.Add(1))
	vfs.Register(name, room{under})
	return name, func() { vfs.Unregister(name) }, nil
}

// Open implements [vfs.VFS].
func (r room) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpen(r.VFS, name, flags)
	if err != nil {
		return nil, out, noRoom(err)
	}
	return &roomFile{f}, out, nil
}

// OpenFilename implements [vfs.VFSFilename].
func (r room) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpenFilename(r.VFS, name, flags)
	if err != nil {
		return nil, out, noRoom(err)
	}
	return &roomFile{f}, out, nil
}

// noRoom gives an error for want of space, or of quota, SQLite's code for it.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return err
}

// full reports whether err says that there is no room: the relay goes on and
// refuses until there is. After any other failure it stops.
func full(err error) bool {
	return errors.Is(err, sqlite3.FULL) || errors.Is(err, sqlite3.IOERR_SHMSIZE) // the log's index could not grow
}

// roomFile hands everything on. A failed Sync keeps its own code whatever the
// reason was: after it nobody knows what is on the disk.
type roomFile struct{ vfs.File }

func (f *roomFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, noRoom(err)
}

func (f *roomFile) Truncate(size int64) error { return noRoom(f.File.Truncate(size)) }

func (f *roomFile) SizeHint(size int64) error { return noRoom(vfsutil.WrapSizeHint(f.File, size)) }

func (f *roomFile) Unwrap() vfs.File { return f.File }

func (f *roomFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

func (f *roomFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

func (f *roomFile) PersistWAL() bool { return vfsutil.WrapPersistWAL(f.File) }

func (f *roomFile) SetPersistWAL(keep bool) { vfsutil.WrapSetPersistWAL(f.File, keep) }

func (f *roomFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }

func (f *roomFile) ChunkSize(size int) { vfsutil.WrapChunkSize(f.File, size) }
