package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/fault"
)

const (
	settingInstance   = "store.instance"
	settingGeneration = "store.generation"
)

// Open opens the folder dir with its 32-byte database key, creating what is
// not there. It takes the folder's lock, cuts a ragged log tail, refuses a
// newer schema, migrates an older one, brings the slots to the state of the
// rows (see the package comment) and increases the generation.
//
// Errors match [ErrInUse], [ErrWrongKey], [ErrNewerSchema] and [ErrDamaged];
// all four are faults with a sentence. That the folder is a copy is no error:
// ask [Store.Provenance].
func Open(ctx context.Context, dir string, key []byte, o Options) (_ *Store, err error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("open store: key of %d bytes, want %d", len(key), KeySize)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{dir: dir, opts: o, log: o.Log, lock: o.Lock, jobs: make(chan *job, maxBatch), ended: make(chan struct{}), views: make(map[*view]bool)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opts.Disk == nil {
		s.opts.Disk = osDisk{}
	}
	if s.lock == nil {
		if s.lock, err = Acquire(dir); err != nil {
			return nil, err
		}
	}
	defer func() {
		if err != nil {
			_ = s.release()
			err = sentence(err)
		}
	}()
	if err := s.prepare(ctx, key); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s.readers = make(chan *conn, readers)
	for range readers {
		s.readers <- nil
	}
	go s.write()
	return s, nil
}

// sentence gives the errors of Open what a person may read.
func sentence(err error) error {
	switch {
	case errors.Is(err, ErrNewerSchema):
		return fault.Wrap(err, fault.Config, "This folder was written by a newer version of hotline; it was left as it is.").
			WithHint("install the newer version")
	case errors.Is(err, ErrWrongKey):
		return fault.Wrap(err, fault.Config, "The database key does not fit this folder.").
			WithHint("keys/slots.json and line.db must come from the same desk")
	case errors.Is(err, ErrDamaged):
		return fault.Wrap(err, fault.Config, "This folder's database is damaged.").
			WithHint("restore a backup")
	case full(err):
		return translate(err)
	default:
		return err
	}
}

// prepare opens the files in the order that keeps a store from elsewhere, or
// from a newer program, as it was found.
func (s *Store) prepare(ctx context.Context, key []byte) (err error) {
	if s.vfs, s.forget, err = register(s.opts.VFS, key); err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("keys"), 0o700); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	name := s.path("line.db")
	if _, ok := s.opts.Disk.(osDisk); ok {
		// SQLite would create it readable for everybody.
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return fmt.Errorf("open database: %w", err)
		}
		_ = f.Close()
	}
	cut, err := cutLog(s.opts.Disk, name+"-wal")
	if err != nil {
		return err
	}
	if cut > 0 {
		s.log.Warn("cut ragged log tail", "bytes", cut)
	}
	if err := s.checkVersion(name); err != nil {
		return err
	}
	if s.writer, err = s.dialWriter(name); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	s.writer.db.WALHook(func(_ *sqlite3.Conn, _ string, pages int) error {
		s.logPages = pages
		return nil
	})
	// Adiantum hides a page and does not authenticate it; a checksum under it
	// makes a changed page an error, since any change garbles the whole page.
	if err := s.writer.db.EnableChecksums("main"); err != nil {
		return fmt.Errorf("open database: %w", translate(err))
	}
	if err := s.migrate(); err != nil {
		return err
	}
	return s.attach(ctx, key)
}

// checkVersion reads the schema's version through a connection that cannot
// write, so that a refused file stays byte for byte as it was.
func (s *Store) checkVersion(name string) error {
	if s.opts.Exclusive {
		return nil // the writer looks before it writes
	}
	c, err := dial(name, s.vfs, sqlite3.OPEN_READONLY)
	if err != nil {
		return fmt.Errorf("look at database: %w", err)
	}
	defer func() { _ = c.close() }()
	version, err := c.number("PRAGMA user_version")
	if err != nil {
		return fmt.Errorf("look at database: %w", err)
	}
	return s.refuseNewer(version)
}

func (s *Store) refuseNewer(version int64) error {
	latest, err := latestVersion()
	if err != nil {
		return err
	}
	if version > latest {
		return fmt.Errorf("%w: schema %d, this program knows %d", ErrNewerSchema, version, latest)
	}
	return nil
}

// dialWriter opens the one connection that writes.
func (s *Store) dialWriter(name string) (*conn, error) {
	mode := "NORMAL"
	if s.opts.Exclusive {
		mode = "EXCLUSIVE"
	}
	return dial(name, s.vfs, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE,
		"locking_mode="+mode,
		"busy_timeout="+strconv.FormatInt(checkpointWait.Milliseconds(), 10),
		"journal_mode=WAL",
		"synchronous=FULL",
		"secure_delete=ON",
		"temp_store=MEMORY",
		"foreign_keys=ON",
		"trusted_schema=OFF",
		"cell_size_check=ON",
		// The log is emptied at the end of each Update, and nothing that was
		// not committed may be written to it.
		"wal_autocheckpoint=0",
		"cache_spill=OFF",
		"cache_size=-"+strconv.Itoa(writerCacheKiB),
	)
}

// dialReader opens a connection for View.
func (s *Store) dialReader() (*conn, error) {
	return dial(s.path("line.db"), s.vfs, sqlite3.OPEN_READWRITE,
		"query_only=ON", "temp_store=MEMORY", "trusted_schema=OFF",
		"busy_timeout="+strconv.FormatInt(checkpointWait.Milliseconds(), 10),
		"cache_size=-"+strconv.Itoa(readerCacheKiB))
}

// attach opens the slots, compares them with the rows, and leaves both in the
// state that the crash order promises.
func (s *Store) attach(ctx context.Context, key []byte) error {
	tx := &Tx{ctx: ctx, c: s.writer, s: s, write: true}
	var instance, generation []byte
	var err error
	if instance, err = optional(tx.Setting(settingInstance)); err != nil {
		return err
	}
	if generation, err = optional(tx.Setting(settingGeneration)); err != nil {
		return err
	}
	var dbGeneration uint64
	if len(generation) == 8 {
		dbGeneration = binary.BigEndian.Uint64(generation)
	}

	path := s.path("keys", "cells")
	found := Clean
	f, err := s.opts.Disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		if instance != nil {
			found = Copied // the slots stayed behind, as in a backup
		}
		h := slotsHeader{generation: dbGeneration}
		if copy(h.instance[:], instance) == 0 {
			// Drawn before anything is committed, so that a crash in the first
			// start leaves a database and a header that agree.
			_, _ = rand.Read(h.instance[:])
		}
		if err := createSlots(s.opts.Disk, path, key, h); err != nil {
			return fmt.Errorf("create keys/cells: %w", err)
		}
		f, err = s.opts.Disk.Open(path)
	}
	if err != nil {
		return fmt.Errorf("open keys/cells: %w", err)
	}
	if s.slots, err = openSlots(f, key); err != nil {
		_ = f.Close()
		return err
	}
	identity, err := f.Identity()
	if err != nil {
		return fmt.Errorf("identify keys/cells: %w", err)
	}
	next := slotsHeader{identity: sha256.Sum256([]byte(identity))}
	old := s.slots.header
	if old.identity != next.identity && old.identity != [32]byte{} {
		found = max(found, Copied)
	}
	if instance != nil && (!bytes.Equal(instance, old.instance[:]) ||
		dbGeneration != old.generation && dbGeneration != old.generation+1) {
		found = RolledBack
	}
	rows, err := s.reconcile(tx)
	if err != nil {
		return err
	}
	counter, value, err := s.counted(tx)
	if err != nil {
		return err
	}
	found = max(found, rows, counter)
	next.generation = max(dbGeneration, old.generation) + 1
	next.instance = old.instance
	if found != Clean {
		_, _ = rand.Read(next.instance[:])
	}
	return s.start(tx, next, found, value)
}

// reconcile steps slots forward whose row is one epoch ahead, and renews the
// slots that no row uses. It reports whether rows and slots belong together.
func (s *Store) reconcile(tx *Tx) (Provenance, error) {
	found := Clean
	used := make(map[int64]bool)
	for row, err := range tx.Rows("SELECT slot, epoch FROM cell") {
		if err != nil {
			return found, fmt.Errorf("read cells: %w", err)
		}
		var i int64
		var epoch uint32
		if err := row.Scan(&i, &epoch); err != nil {
			return found, fmt.Errorf("read cells: %w", err)
		}
		used[i] = true
		sl, ok := s.slots.now(i)
		switch {
		case ok && sl.epoch == epoch:
		case ok && sl.epoch+1 == epoch:
			s.slots.pending[i] = sl.next()
		default:
			found = RolledBack
		}
	}
	for i := range int64(len(s.slots.all)) {
		if !used[i] {
			s.slots.pending[i] = s.slots.all[i].renewed()
			s.slots.drop[i] = true
		}
	}
	return found, nil
}

// start writes the new generation to the database, then to the slots: a crash
// between the two leaves the database one ahead, which is clean.
func (s *Store) start(tx *Tx, h slotsHeader, found Provenance, counter uint64) error {
	if err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	err := func() error {
		stored, err := optional(tx.Setting(settingProvenance))
		if err != nil {
			return err
		}
		if len(stored) == 1 {
			found = max(found, Provenance(stored[0]))
		}
		if found != Clean {
			if err := tx.PutSetting(settingProvenance, []byte{byte(found)}); err != nil {
				return err
			}
		}
		if err := tx.PutSetting(settingInstance, h.instance[:]); err != nil {
			return err
		}
		if err := putCounter(tx, counter); err != nil {
			return err
		}
		return tx.PutSetting(settingGeneration, binary.BigEndian.AppendUint64(nil, h.generation))
	}()
	if err == nil {
		err = s.writer.exec("COMMIT")
	}
	if err != nil {
		_ = s.writer.exec("ROLLBACK")
		return fmt.Errorf("begin generation %d: %w", h.generation, translate(err))
	}
	if err := s.checkpoint(); err != nil {
		return err
	}
	if err := s.slots.writeHeader(h); err != nil {
		return fmt.Errorf("begin generation %d: %w", h.generation, err)
	}
	if err := s.slots.flush(); err != nil {
		return fmt.Errorf("begin generation %d: %w", h.generation, err)
	}
	if err := s.slots.f.Sync(); err != nil {
		return fmt.Errorf("begin generation %d: %w", h.generation, err)
	}
	s.raise(counter)
	s.generation, s.provenance = h.generation, found
	if found != Clean {
		s.log.Warn("folder is not the one that was closed", "provenance", found.String())
	}
	return nil
}

// optional turns "no such row" into nil.
func optional(b []byte, err error) ([]byte, error) {
	if errors.Is(err, ErrNone) {
		return nil, nil
	}
	return b, err
}

// Close waits for the Updates under way, closes everything and gives up the
// lock. It is safe to call twice.
func (s *Store) Close() error {
	s.life.Lock()
	if s.closed {
		s.life.Unlock()
		return nil
	}
	s.closed = true
	close(s.jobs)
	s.life.Unlock()
	<-s.ended
	var errs []error
	for range cap(s.readers) {
		if c := <-s.readers; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(append(errs, s.release())...)
}

// release closes what is open.
func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.slots != nil {
		errs = append(errs, s.slots.close())
	}
	if s.forget != nil {
		s.forget()
	}
	return errors.Join(append(errs, s.lock.Release())...)
}

const (
	// readers is how many Views run at once; the next one waits. Each
	// connection costs about a megabyte.
	readers = 2
	// The caches hold decrypted pages, in KiB. They are small because an idle
	// desk has 80 MB in all; see docs/spec/store.md, Section 9.
	writerCacheKiB = 4096
	readerCacheKiB = 1024
)
