package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"hotline/internal/fault"
)

// layout is the demo's directory:
//
//	demo.json          what this directory is, and whether it is complete
//	relay/             the relay's directory
//	JPN/ NATO/ AUS/    the desks' directories
//	secrets/           a passphrase file for each desk
//	roots/             the parties' root files, outside the desks
//	logs/              what the processes write to stderr
//
// An operator keeps roots and passphrases on other media; here one directory
// holds it all, so that it can be thrown away as one.
type layout struct {
	dir       string
	temporary bool
	resumes   bool // a demo was made here before
	lock      *os.File
}

const (
	markFile   = "demo.json"
	markFormat = 1
)

// mark is the content of demo.json.
type mark struct {
	Format   int  `json:"format"`
	Complete bool `json:"complete"` // pairing and lines are done
}

// openLayout opens or makes the demo's directory and keeps others out of it.
func openLayout(dir string) (l layout, err error) {
	if dir == "" {
		l.temporary = true
		if dir, err = os.MkdirTemp("", "hotline-demo-"); err != nil {
			return l, fault.Wrap(err, fault.Config, "A temporary directory cannot be made.")
		}
	}
	if l.dir, err = filepath.Abs(dir); err != nil {
		return l, fault.Wrap(err, fault.Config, "The directory %s cannot be found.", dir)
	}
	if err := l.take(); err != nil {
		return l, errors.Join(err, l.close(true))
	}
	for _, sub := range []string{"secrets", "roots", "logs"} {
		if err := os.MkdirAll(l.path(sub), 0o700); err != nil {
			return l, errors.Join(fault.Wrap(err, fault.Config, "The demo's directory cannot be written."), l.close(true))
		}
	}
	return l, nil
}

// take makes the directory ours: a new or empty one, or that of a demo.
func (l *layout) take() error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Config, "The directory %s cannot be made.", l.dir)
	}
	if len(l.dir) > maxDir {
		return fault.New(fault.Config, "The path of the demo's directory is longer than %d bytes.", maxDir).WithHint("choose a shorter one with --dir")
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return fault.Wrap(err, fault.Config, "The directory %s cannot be read.", l.dir)
	}
	_, err = os.Stat(l.path(markFile))
	if errors.Is(err, fs.ErrNotExist) && len(entries) > 0 {
		return fault.New(fault.Config, "%s holds something else than a demo.", l.dir).WithHint("name a new directory with --dir")
	}
	l.lock, err = os.OpenFile(l.path(markFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Config, "The demo's directory cannot be written.")
	}
	if err := syscall.Flock(int(l.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fault.Wrap(err, fault.Config, "Another demo runs in %s.", l.dir)
	}
	return l.readMark()
}

// maxDir is the longest directory whose desks still have room for the name of
// a control socket in 103 bytes.
const maxDir = 80

func (l *layout) readMark() error {
	st, err := l.lock.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", markFile, err)
	}
	if st.Size() == 0 {
		return l.writeMark(mark{Format: markFormat})
	}
	var m mark
	if err := json.NewDecoder(l.lock).Decode(&m); err != nil || m.Format != markFormat {
		return fault.Wrap(err, fault.Config, "%s was made by another version of the demo.", l.dir).WithHint("name a new directory with --dir")
	}
	if !m.Complete {
		return fault.New(fault.Config, "The demo in %s was stopped while it was being made.", l.dir).WithHint("remove that directory, and start again")
	}
	l.resumes = true
	return nil
}

// writeMark writes demo.json in place, because the file carries the lock. A
// torn one reads as another version's, and is refused.
func (l *layout) writeMark(m mark) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write %s: %w", markFile, err)
	}
	_, err = l.lock.WriteAt(append(body, '\n'), 0)
	if err = errors.Join(err, l.lock.Truncate(int64(len(body)+1)), l.lock.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", markFile, err)
	}
	return nil
}

func (l *layout) path(parts ...string) string {
	return filepath.Join(append([]string{l.dir}, parts...)...)
}

// close gives the directory back, and removes a temporary one.
func (l *layout) close(remove bool) error {
	var err error
	if l.lock != nil {
		err = l.lock.Close()
	}
	if l.temporary && remove {
		err = errors.Join(err, os.RemoveAll(l.dir))
	}
	return err
}
