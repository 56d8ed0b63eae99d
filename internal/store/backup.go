package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/fault"
)

// Backup writes a consistent copy of line.db to path, under the same database
// key and without the cells: a backup is for reading and re-joining, never for
// going on sending. Writers go on meanwhile. The copy is verified before it
// gets its name; a file that exists is never replaced.
//
// A desk that starts from it finds [Copied], and new keys are due.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	if path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Conflict, "There is a file with the name of the backup already.").
			WithHint("give another name")
	}
	if s.opts.VFS != "" {
		return errors.New("back up: only from the operating system's files")
	}
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer func() {
		for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(tmp + suffix) // gone already when all went well
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := s.copyTo(ctx, tmp); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := s.finishBackup(tmp); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

// copyTo copies the database, a megabyte at a time, between the Updates. The
// writer's own connection does it: what it changes meanwhile, SQLite changes in
// the copy too.
func (s *Store) copyTo(ctx context.Context, path string) error {
	var b *sqlite3.Backup
	alone := func(ctx context.Context, fn func(*conn) error) error {
		return s.submit(&job{ctx: ctx, alone: fn, done: make(chan struct{})})
	}
	err := alone(ctx, func(c *conn) (err error) {
		b, err = c.db.BackupInit("main", uri(path, s.vfs))
		return err
	})
	if err != nil {
		return err
	}
	for done := false; !done && err == nil; {
		err = alone(ctx, func(*conn) (err error) {
			done, err = b.Step(256)
			return err
		})
	}
	// Also when ctx has ended: the connection cannot be closed before.
	return errors.Join(err, alone(context.WithoutCancel(ctx), func(*conn) error { return b.Close() }))
}

// finishBackup takes the cells out, marks the copy as one, and verifies it.
func (s *Store) finishBackup(path string) error {
	c, err := dial(path, s.vfs, sqlite3.OPEN_READWRITE, "journal_mode=DELETE", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY")
	if err != nil {
		return err
	}
	err = func() error {
		if err := c.exec("DELETE FROM cell"); err != nil {
			return translate(err)
		}
		tx := &Tx{ctx: context.Background(), c: c, s: s, write: true}
		if err := tx.PutSetting(settingProvenance, []byte{byte(Copied)}); err != nil {
			return err
		}
		// What secure_delete zeroed goes too, and the file is as small as can be.
		if err := c.db.Exec("VACUUM"); err != nil {
			return translate(err)
		}
		return tx.check()
	}()
	if err := errors.Join(err, c.close()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
