package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Disk opens the files that are not the database's: keys/cells, and the
// write-ahead log before SQLite sees it. Tests of power cuts bring their own.
type Disk interface {
	// Open opens a file for reading and writing. A missing one is an error
	// matching [fs.ErrNotExist].
	Open(path string) (DiskFile, error)
	// Create makes a file of mode 0600 with content, durable together with its
	// name before it returns, or not there at all.
	Create(path string, content []byte) error
}

// DiskFile is an open file of a [Disk].
type DiskFile interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written durable.
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	// Identity names the file on this machine: it stays when the file is
	// renamed, and a copy has another one.
	Identity() (string, error)
}

// osDisk is the operating system's.
type osDisk struct{}

func (osDisk) Open(path string) (DiskFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Create(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(path))
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

// Sync uses fdatasync, which writes the size too when it has changed.
func (f osFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Identity is made of the file system's id (the device number where it has
// none: that one may change at a reboot), the inode and the time of birth.
func (f osFile) Identity() (string, error) {
	var sx unix.Statx_t
	if err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &sx); err != nil {
		return "", fmt.Errorf("stat: %w", err)
	}
	var sf unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &sf); err != nil {
		return "", fmt.Errorf("stat file system: %w", err)
	}
	id := fmt.Sprintf("%x.%x", sf.Fsid.Val[0], sf.Fsid.Val[1])
	if sf.Fsid.Val == [2]int32{} {
		id = fmt.Sprintf("dev%d.%d", sx.Dev_major, sx.Dev_minor)
	}
	return fmt.Sprintf("%s/%d/%d.%09d", id, sx.Ino, sx.Btime.Sec, sx.Btime.Nsec), nil
}

// blockSize is the size that the encrypting VFS works in.
const blockSize = 4096

// cutLog cuts a write-ahead log down to whole blocks. A power cut can leave a
// ragged tail, which the encrypting VFS cannot read and takes for an I/O error;
// nothing that was committed is in it, since SQLite pads commits to a block.
// It returns how many bytes it cut.
func cutLog(disk Disk, path string) (int64, error) {
	f, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	size, err := f.Size()
	ragged := size % blockSize
	if err == nil && ragged != 0 {
		err = errors.Join(f.Truncate(size-ragged), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("cut log: %w", err)
	}
	return ragged, nil
}
