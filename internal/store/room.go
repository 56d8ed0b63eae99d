package store

import (
	"errors"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"golang.org/x/sys/unix"
)

// room stands between the encryption and the operating system and tells SQLite
// when a write failed for want of room. Without it a full disk looks like a
// broken one: go-sqlite3 v0.36 compares the error of os.File.WriteAt, which is
// wrapped, with the bare number.
type room struct{ vfs.VFS }

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
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return err
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
