package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"hotline/internal/fault"
)

// KeySize is the length of the database key in bytes.
const KeySize = 32

// Options are the settings of [Open]. The zero value is ready for use.
type Options struct {
	// Log receives what the operator should know: a cut log tail, a copied
	// folder, a slow reader. nil discards it.
	Log *slog.Logger
	// Lock is the folder's lock, when the caller took it before it asked for
	// a passphrase. nil: Open takes it. Either way Close gives it up.
	Lock *Lock
	// Counter notices a folder that was set back; nil: nothing does but the
	// folder itself.
	Counter Counter
	// VFS names the SQLite VFS below the encryption; "" is the operating
	// system's. Tests of power cuts bring their own.
	VFS string
	// Disk opens keys/cells; nil is the operating system's.
	Disk Disk
	// Exclusive makes the store live on one connection, which then also
	// reads. A VFS without shared memory needs it.
	Exclusive bool
}

// Store is an open desk folder. Its methods may be called from several
// goroutines.
type Store struct {
	dir    string
	opts   Options
	log    *slog.Logger
	lock   *Lock
	vfs    string
	forget func() // unregisters vfs and wipes its key

	// The writer's goroutine owns these.
	writer   *conn
	slots    *slots
	logPages int  // in the write-ahead log
	scrub    bool // a removed text may be in it

	readers chan *conn // idle or nil (not yet dialled)
	jobs    chan *job
	ended   chan struct{} // closed when the writer goroutine is gone

	generation uint64

	// life is held for reading while a job is handed to the writer, so that
	// Close does not close jobs under it. It guards closed. It is not mu: the
	// writer takes mu, and must not wait for those who wait for the writer.
	life   sync.RWMutex
	closed bool

	// mu guards the following.
	mu         sync.RWMutex
	provenance Provenance
	views      map[*view]bool // readers at work
	// stopped is the first error after which nothing may be written.
	stopped error
}

// Dir returns the folder.
func (s *Store) Dir() string { return s.dir }

// Generation returns how often this folder was opened, this time included. It
// only grows, and is on disk before Open returns.
func (s *Store) Generation() uint64 { return s.generation }

// Err returns nil, or the error that stopped the store (see [ErrStopped]). A
// desk that sees one ends its process.
func (s *Store) Err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.stopped
}

// stop makes err final. The first one wins.
func (s *Store) stop(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped == nil {
		s.stopped = &stopError{cause: err}
		s.log.Error("store stopped", "err", err)
	}
	return s.stopped
}

// stopError matches [ErrStopped] and says a sentence to whoever asks.
type stopError struct{ cause error }

func (e *stopError) Error() string { return ErrStopped.Error() + ": " + e.cause.Error() }

func (e *stopError) Unwrap() []error {
	return []error{ErrStopped, &fault.Error{
		Kind: fault.Unavailable,
		Msg:  "This desk has stopped because its disk failed to keep a write.",
		Hint: "look at the disk, then start the desk again; nothing that was confirmed is lost",
		Err:  e.cause,
	}}
}

// usable returns why the store cannot be used, or nil.
func (s *Store) usable() error {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return s.Err()
}

// Check reads every page and every cell, and returns an error matching
// [ErrDamaged] for the first thing that is wrong. It holds up writers: for a
// backup, a restore, and on demand.
func (s *Store) Check(ctx context.Context) error {
	return s.Update(ctx, func(tx *Tx) error { return tx.check() })
}

// path returns the place of a file in the folder.
func (s *Store) path(names ...string) string {
	return filepath.Join(append([]string{s.dir}, names...)...)
}

// syncDir makes created, renamed and removed names of a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if err2 := d.Close(); err == nil {
		err = err2
	}
	return err
}
