package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// step is called between the writes, for tests that kill the process there, and
// at the work that a word costs, for tests that count it.
var step = func(string) {}

// overwrite fills an open file with random bytes, and syncs. On flash media,
// and on file systems that write elsewhere, the old bytes may outlive this.
func overwrite(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, 64<<10)
	for off := int64(0); off < fi.Size(); {
		_, _ = rand.Read(noise)
		n, err := f.WriteAt(noise[:min(int64(len(noise)), fi.Size()-off)], off)
		if err != nil {
			return err
		}
		off += int64(n)
	}
	step("overwritten")
	return f.Sync()
}

// Shred overwrites a file, syncs and removes it. What is not there is no
// error; a link is removed and what it points to is left alone.
func Shred(name string) error {
	fi, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("shred: %w", err)
	}
	if fi.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err == nil {
			err = errors.Join(overwrite(f), f.Close())
		}
		if err != nil { // gone is better than whole
			return fmt.Errorf("shred: %w", errors.Join(err, os.Remove(name)))
		}
	}
	if err := os.Remove(name); err != nil {
		return fmt.Errorf("shred: %w", err)
	}
	step("removed")
	return nil
}

// Destroy makes a desk unopenable for ever: it shreds its slots, and what a
// change that was killed has left of them. It takes no other lock than that of
// the slots, so it works while the desk runs.
func Destroy(dir string) error {
	unlock, err := lockKeys(dir)
	if err != nil {
		return fmt.Errorf("destroy slots: %w", err)
	}
	defer unlock()
	err = Shred(slotsFile(dir))
	sweep(dir)
	if err := errors.Join(err, syncDir(filepath.Join(dir, "keys"))); err != nil {
		return fmt.Errorf("destroy slots: %w", err)
	}
	return nil
}
