package store

import (
	"errors"
	"fmt"

	"github.com/ncruces/go-sqlite3"
	"golang.org/x/sys/unix"

	"hotline/internal/fault"
)

// Errors of this package. The ones that a person meets are wrapped in a
// [fault.Error] with a sentence; errors.Is finds them through it.
var (
	// ErrNone means that no row, setting or cell has that name.
	ErrNone = errors.New("no such row")
	// ErrExists means that a UNIQUE or PRIMARY KEY rule refused a row.
	ErrExists = errors.New("row exists already")
	// ErrWrongKey means that the key does not open line.db.
	ErrWrongKey = errors.New("database key does not fit")
	// ErrDamaged means that line.db or keys/cells cannot be read.
	ErrDamaged = errors.New("store is damaged")
	// ErrNewerSchema means that a newer program wrote this store. It is left
	// as it was found.
	ErrNewerSchema = errors.New("store was written by a newer version")
	// ErrRolledBack means that a cell's row is older than its slot, or newer
	// than a crash explains: one of the two files is an old copy.
	ErrRolledBack = errors.New("store was rolled back")
	// ErrInUse means that another process holds the folder.
	ErrInUse = errors.New("folder is in use")
	// ErrStopped means that a write did not reach the disk and the store
	// refuses to go on; the process must end and open it again.
	ErrStopped = errors.New("store has stopped after a failed write")
	// ErrSlow means that a View took longer than it may.
	ErrSlow = errors.New("reader was cut off")
	// ErrReadOnly means that a View tried to write, or to open a cell.
	ErrReadOnly = errors.New("transaction is read-only")
	// ErrClosed means that the store was closed.
	ErrClosed = errors.New("store is closed")
)

// translate gives an SQLite error the meaning that callers act on.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case full(err):
		return fault.Wrap(err, fault.Busy, "The disk of this desk is full; nothing was changed.").
			WithHint("free some space and try again")
	case errors.Is(err, sqlite3.NOTADB):
		return fmt.Errorf("%w: %w", ErrWrongKey, err)
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.IOERR_DATA), errors.Is(err, sqlite3.IOERR_CORRUPTFS):
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case errors.Is(err, sqlite3.CONSTRAINT_UNIQUE), errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY),
		errors.Is(err, sqlite3.CONSTRAINT_ROWID):
		return fmt.Errorf("%w: %w", ErrExists, err)
	case errors.Is(err, sqlite3.READONLY):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case errors.Is(err, sqlite3.INTERRUPT):
		return fmt.Errorf("%w: %w", ErrSlow, err)
	default:
		return err
	}
}

// full reports whether err says that there is no room, for the disk or for
// this user.
func full(err error) bool {
	return errors.Is(err, sqlite3.FULL) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) ||
		errors.Is(err, sqlite3.IOERR_SHMSIZE) // the log's index could not grow
}

// fatal reports whether err leaves it unknown what is on the disk. After a
// failed fsync the kernel may have dropped the pages and say success next
// time, so nobody may go on from here.
func fatal(err error) bool {
	return errors.Is(err, sqlite3.IOERR_FSYNC) || errors.Is(err, sqlite3.IOERR_DIR_FSYNC)
}
