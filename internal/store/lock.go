package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"hotline/internal/fault"
)

// Lock is the right to use a folder. The kernel gives it up when the process
// ends, however it ends.
type Lock struct{ f *os.File }

// Acquire takes the lock of dir, creating the folder (mode 0700) when it is
// not there. When another process has it, the error is a [fault.Error] of kind
// Config that matches [ErrInUse] and names the process.
func Acquire(dir string) (*Lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unusable(dir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(dir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer func() { _ = f.Close() }()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock folder: %w", err)
		}
		text, _ := io.ReadAll(io.LimitReader(f, 20))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return nil, fault.Wrap(ErrInUse, fault.Config, "The folder is in use by another process (pid %d).", pid).
			WithHint("stop that process, or give another folder with --dir")
	}
	l := &Lock{f: f}
	if err := f.Truncate(0); err != nil {
		_ = l.Release()
		return nil, fmt.Errorf("write lock: %w", err)
	}
	if _, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		// A full disk must not keep a desk from starting: the lock holds
		// without the number in it.
		_ = f.Truncate(0)
	}
	return l, nil
}

// unusable says of a folder that cannot be written why that is.
func unusable(dir string, err error) error {
	why := err
	if p, ok := errors.AsType[*os.PathError](err); ok {
		why = p.Err
	}
	return fault.Wrap(err, fault.Config, "The folder %s cannot be used: %s.", dir, why)
}

// Release gives the lock up. It is safe to call twice.
func (l *Lock) Release() error {
	if l == nil || l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	return f.Close()
}
