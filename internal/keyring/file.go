package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	if err := checkPassphrase(passphrase); err != nil {
		return fmt.Errorf("seal file: %w", err)
	}
	l, err := newLock(c)
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
	if err := doc.check(); err != nil || doc.Version != version || len(doc.Sealed) < sealedMore {
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

// writeNew makes a file that is not there yet. A hard link, unlike a rename,
// never replaces what somebody else made in the meantime. FAT on a stick knows
// no links: there the file is written in place, and removed if that fails.
func writeNew(name string, content []byte) error {
	tmp, err := writeTemp(name, content)
	if err != nil {
		return err
	}
	err = os.Link(tmp, name)
	err = errors.Join(err, os.Remove(tmp))
	switch {
	case errors.Is(err, fs.ErrExist):
		return exists()
	case err != nil:
		if err := writeInPlace(name, content); err != nil {
			return err
		}
	}
	return syncDir(filepath.Dir(name))
}

// writeInPlace writes a file that is not there yet under its own name.
func writeInPlace(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return exists()
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// replace swaps a file for a new one, and then overwrites the old one's bytes:
// a rename leaves them in blocks that nobody uses yet.
func replace(name string, content []byte) error {
	old, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }() // its name is gone, and overwrite has synced
	tmp, err := writeTemp(name, content)
	if err != nil {
		return err
	}
	if err := os.Rename(tmp, name); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	step("renamed")
	if err := syncDir(filepath.Dir(name)); err != nil {
		return err
	}
	return overwrite(old)
}

// writeTemp writes a durable file of mode 0600 beside name.
func writeTemp(name string, content []byte) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return "", err
	}
	step("created")
	_, err = f.Write(content)
	step("written")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	step("synced")
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
