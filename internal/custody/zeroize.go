package custody

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"hotline/internal/fault"
	"hotline/internal/keyring"
)

// Destroy wipes a desk, so that nothing opens it from the first moment on:
// first the slots, after which no passphrase, TPM or share opens anything;
// then the keys of its cells; then all the rest that is the desk's. It may be
// killed at any point and run again. What is not the desk's own is left and
// returned.
//
// The desk should have stopped; one that runs keeps its keys in memory, and
// files that it writes after this.
func Destroy(dir string) (left []string, err error) {
	if err := keyring.Destroy(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var errs []error
	shred := func(folder string, patterns ...string) {
		entries, err := os.ReadDir(folder) // no glob: the folder's own name may look like a pattern
		if !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, pattern := range patterns {
			for _, e := range entries {
				if ok, _ := filepath.Match(pattern, e.Name()); ok {
					errs = append(errs, keyring.Shred(filepath.Join(folder, e.Name())))
				}
			}
		}
	}
	shred(filepath.Join(dir, "keys"), "cells", "*")
	shred(dir, "line.db", "line.db-*", ".try-*", "desk.toml")
	shred(filepath.Join(dir, "files"), "*")
	for _, name := range []string{"control.sock", "lock", "keys", "files"} {
		if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	rest, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, e := range rest {
		left = append(left, filepath.Join(dir, e.Name()))
	}
	if len(left) == 0 {
		_ = os.Remove(dir) // somebody else's mount point stays
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return left, fault.Wrap(err, fault.Internal, "The keys of this desk are destroyed, and not all of its files: %s.", err.Error()).
			WithHint("remove what is left in %s", dir)
	}
	return left, nil
}

// Remains reports whether there is anything of a desk in dir to destroy.
func Remains(dir string) bool {
	return slices.ContainsFunc([]string{"keys", "line.db", "files"}, func(n string) bool {
		_, err := os.Lstat(filepath.Join(dir, n))
		return err == nil
	})
}
