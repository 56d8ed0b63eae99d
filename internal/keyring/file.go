package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"hotline/internal/fault"
)

// fileDoc is a sealed file.
type fileDoc struct {
	Version int    `json:"version"` // 1
	Purpose string `json:"purpose"` // says what is in it, and is authenticated
	lock
	Sealed []byte `json:"sealed"`
}

const purposeFile = "hotline/1/keyring-file\x00"

// SealFile writes content, sealed under the passphrase, to a new file of mode
// 0600: durable with its name when it returns. A file that exists is never
// replaced ([ErrExists]). The purpose is a short word such as "party-root",
// and must be the same at [OpenFile].
func SealFile(name string, passphrase []byte, purpose string, content []byte, c Cost) error {
	l, err := newLock(c, passphrase)
	if err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("seal file: %w", exists()) // before the work of argon2id
	}
	sealed, err := l.seal(passphrase, purposeFile+purpose, content)
	if err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	if err := writeNew(name, encode(fileDoc{Version: version, Purpose: purpose, lock: l, Sealed: sealed})); err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	return nil
}

// OpenFile returns the content of a file that [SealFile] wrote for this
// purpose. A wrong passphrase or a changed file matches [ErrPassphrase].
func OpenFile(name string, passphrase []byte, purpose string) ([]byte, error) {
	b, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "There is no such key file.")
	}
	if err != nil {
		return nil, fmt.Errorf("open sealed file: %w", err)
	}
	var doc fileDoc
	if err := decode(b, &doc); err != nil {
		return nil, fmt.Errorf("open sealed file: %w", err)
	}
	if err := doc.check(); err != nil || doc.Version != version {
		return nil, fmt.Errorf("open sealed file: %w", malformed(errors.Join(err, errors.New("version or parameters"))))
	}
	if doc.Purpose != purpose {
		return nil, fault.Wrap(ErrFormat, fault.Invalid, "This key file is for another purpose (%.32q).", doc.Purpose)
	}
	content, err := doc.open(passphrase, purposeFile+purpose, doc.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open sealed file: %w", wrong())
	}
	return content, nil
}

func exists() error {
	return fault.Wrap(ErrExists, fault.Conflict, "There is a key file already; it is never overwritten.").
		WithHint("give another name, or move the old file to a safe place")
}

// writeNew makes a file that is not there yet. The rename refuses to replace
// what somebody else made in the meantime; file systems that cannot do that
// (NFS) make a hard link, which refuses too (and which FAT on a stick cannot).
func writeNew(name string, content []byte) error {
	tmp, err := writeTemp(name, content)
	if err != nil {
		return err
	}
	err = unix.Renameat2(unix.AT_FDCWD, tmp, unix.AT_FDCWD, name, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		if err = os.Link(tmp, name); err == nil {
			err = os.Remove(tmp)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		err = exists()
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(name))
}

// replace swaps a file for a new one.
func replace(name string, content []byte) error {
	tmp, err := writeTemp(name, content)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, name); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncDir(filepath.Dir(name))
}

// writeTemp writes a durable file of mode 0600 beside name.
func writeTemp(name string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
