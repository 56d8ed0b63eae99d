// Package sqlitespool is the relay's spool on one SQLite file.
//
// One goroutine writes. It takes whatever is waiting, at most [maxGroup] puts,
// commits it in one transaction with synchronous=FULL, answers all of them, and
// takes what has gathered meanwhile: groups form under load and nobody waits
// for a group to fill. A reader of its own serves what was not pushed from
// memory. The file holds sealed envelopes and hashes, so it is not encrypted
// (docs/spec/link.md, Section 6). This package is on floor 2.
package sqlitespool

import (
	"context"
	"crypto/rand"
	_ "embed" // the schema
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/ident"
	"hotline/internal/spool"
)

//go:embed schema.sql
var schema string

const version = 1

// ErrNewerSchema means that a newer program wrote the file. It stays untouched.
var ErrNewerSchema = errors.New("spool was written by a newer version")

// Options change how a spool is opened.
type Options struct {
	// VFS names a registered SQLite file system; empty is the ordinary one.
	VFS string
	// Exclusive uses no shared memory and one connection, which a VFS of a test
	// needs.
	Exclusive bool
	// Log hears of faults; nil discards.
	Log *slog.Logger
}

// Spool implements [spool.Spool] and [spool.Registry]. Make one with [Open].
type Spool struct {
	*spool.Index
	log   *slog.Logger
	epoch uint64
	db    *sqlite3.Conn // the writer's
	w     writer
	// forget unregisters the VFS under both connections.
	forget func()

	readMu sync.Mutex // guards the reader
	reader *sqlite3.Conn
	next   *sqlite3.Stmt

	queue  *queue
	ended  chan struct{} // closed when the writer has ended
	failed chan struct{}
	once   sync.Once

	errMu sync.Mutex
	err   error // why the spool stopped
}

var (
	_ spool.Spool    = (*Spool)(nil)
	_ spool.Registry = (*Spool)(nil)
)

// Open opens or makes the spool in the file path. The caller holds a lock on
// the directory: two spools on one file would each believe their own index.
func Open(ctx context.Context, path string, o Options) (_ *Spool, err error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Spool{Index: spool.NewIndex(), log: o.Log, queue: newQueue(), ended: make(chan struct{}), failed: make(chan struct{})}
	defer func() {
		if err != nil {
			_ = s.closeFiles()
		}
	}()
	ordinary := o.VFS == ""
	if ordinary {
		// SQLite would make it readable for everybody.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
		_ = f.Close()
	}
	if o.VFS, s.forget, err = withRoom(o.VFS); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if s.db, err = connect(ctx, path, o); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err = s.migrate(path, ordinary); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err = s.load(); err != nil {
		return nil, fmt.Errorf("load spool: %w", err)
	}
	s.reader = s.db
	if !o.Exclusive {
		if s.reader, err = connect(ctx, path, o); err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
	}
	if s.next, _, err = s.reader.Prepare(sqlNext); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err = s.w.prepare(s.db); err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	go s.write()
	return s, nil
}

func connect(ctx context.Context, path string, o Options) (*sqlite3.Conn, error) {
	c, err := sqlite3.OpenContext(ctx, "file:"+path+"?vfs="+o.VFS)
	if err != nil {
		return nil, err
	}
	c.SetInterrupt(context.Background()) // ctx bounds the opening only
	pragmas := `PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
		PRAGMA temp_store = memory; PRAGMA cache_size = -2000; PRAGMA wal_autocheckpoint = 2000;`
	if o.Exclusive {
		pragmas = "PRAGMA locking_mode = EXCLUSIVE;" + pragmas
	}
	if err := c.Exec(pragmas); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// migrate makes the tables, refuses a newer file, and starts a new epoch when
// the file is a copy: a restored spool has forgotten what came after the copy.
func (s *Spool) migrate(path string, ordinary bool) error {
	var have int
	if err := s.row("PRAGMA user_version", func(q *sqlite3.Stmt) { have = q.ColumnInt(0) }); err != nil {
		return err
	}
	if have > version {
		return fmt.Errorf("%w: %d, this one knows %d", ErrNewerSchema, have, version)
	}
	file := "vfs"
	if ordinary {
		file = identify(path)
	}
	if have == 0 {
		if err := s.db.Exec("BEGIN IMMEDIATE;" + schema + "COMMIT;"); err != nil {
			return err
		}
	}
	var was string
	if err := s.row("SELECT epoch, file FROM meta", func(q *sqlite3.Stmt) {
		s.epoch, was = uint64(q.ColumnInt64(0)), q.ColumnText(1)
	}); err != nil {
		return err
	}
	if was == file {
		return nil
	}
	if was != "" {
		s.log.Warn("spool is a copy, starting a new epoch")
	}
	s.epoch = newEpoch()
	q, _, err := s.db.Prepare("INSERT OR REPLACE INTO meta (one, epoch, file) VALUES (1, ?, ?)")
	if err != nil {
		return err
	}
	return run(q, int64(s.epoch), file, closing)
}

// identify names the file itself, not its path.
func identify(path string) string {
	st, err := os.Stat(path)
	if err != nil {
		return "unknown"
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprintf("%d:%d", sys.Dev, sys.Ino)
	}
	return "unknown"
}

// newEpoch draws 63 random bits, never zero.
func newEpoch() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return binary.BigEndian.Uint64(b[:])>>1 | 1
}

// row runs a query and calls f for each row.
func (s *Spool) row(sql string, f func(*sqlite3.Stmt)) error {
	q, _, err := s.db.Prepare(sql)
	if err != nil {
		return err
	}
	for q.Step() {
		f(q)
	}
	return q.Close()
}

// load fills the index.
func (s *Spool) load() error {
	boxes := map[int64]ident.Mailbox{}
	err := s.row("SELECT num, id, owner, quota FROM mailbox", func(q *sqlite3.Stmt) {
		var m ident.Mailbox
		var owner spool.Putter
		copy(m[:], q.ColumnRawBlob(1))
		copy(owner[:], q.ColumnRawBlob(2))
		boxes[q.ColumnInt64(0)] = m
		s.Add(m, q.ColumnInt64(0), owner, uint64(q.ColumnInt64(3)))
	})
	if err != nil {
		return err
	}
	lists := map[ident.Mailbox][]spool.Putter{}
	err = s.row("SELECT mailbox, putter FROM allow", func(q *sqlite3.Stmt) {
		m := boxes[q.ColumnInt64(0)]
		lists[m] = append(lists[m], spool.Putter(q.ColumnRawBlob(1)))
	})
	if err != nil {
		return err
	}
	for m, list := range lists {
		s.SetAllow(m, list)
	}
	err = s.row("SELECT mailbox, lane, next FROM lane", func(q *sqlite3.Stmt) {
		s.SetNext(boxes[q.ColumnInt64(0)], uint8(q.ColumnInt(1)), uint64(q.ColumnInt64(2)))
	})
	if err != nil {
		return err
	}
	return s.row("SELECT mailbox, size, putter, lane FROM item", func(q *sqlite3.Stmt) {
		s.Load(spool.Held{Box: boxes[q.ColumnInt64(0)], Putter: spool.Putter(q.ColumnRawBlob(2)), Lane: uint8(q.ColumnInt(3)), Size: q.ColumnInt(1)})
	})
}

// Epoch implements [spool.Spool].
func (s *Spool) Epoch() uint64 { return s.epoch }

// Close commits what is waiting and closes the file. Puts that come later are
// refused as busy.
func (s *Spool) Close() error {
	s.queue.close()
	<-s.ended
	return s.closeFiles()
}

func (s *Spool) closeFiles() error {
	var errs []error
	if s.next != nil {
		errs = append(errs, s.next.Close())
	}
	if s.reader != nil && s.reader != s.db {
		errs = append(errs, s.reader.Close())
	}
	if s.db != nil {
		errs = append(errs, s.w.close(), s.db.Close())
	}
	if s.forget != nil {
		s.forget()
	}
	return errors.Join(errs...)
}

const sqlNext = `SELECT i.seq, e.body FROM item i JOIN envelope e ON e.num = i.envelope
	WHERE i.mailbox = ? AND i.lane = ? AND i.seq > ? ORDER BY i.seq LIMIT 256`

// Next implements [spool.Spool].
func (s *Spool) Next(ctx context.Context, box ident.Mailbox, lane uint8, after uint64, limit int) (out []spool.Item, err error) {
	row, ok := s.Row(box)
	if !ok {
		return nil, fmt.Errorf("read mailbox: %w", spool.ErrUnknownMailbox)
	}
	if s.reader == s.db { // the writer's goroutine alone may use its connection
		var read []spool.Item // the writer's until change succeeds
		err = s.change(ctx, func() (err error) { read, err = s.read(row, lane, after, limit); return err }, nil)
		if err != nil {
			return nil, err
		}
		return read, nil
	}
	s.readMu.Lock()
	defer s.readMu.Unlock()
	return s.read(row, lane, after, limit)
}

// read reads a lane with the reader's statement.
func (s *Spool) read(row int64, lane uint8, after uint64, limit int) (out []spool.Item, err error) {
	if err := bind(s.next, row, int64(lane), int64(after)); err != nil {
		return nil, fmt.Errorf("read mailbox: %w", err)
	}
	for s.next.Step() {
		body := s.next.ColumnRawBlob(1)
		if limit -= len(body); limit < 0 && len(out) > 0 {
			break
		}
		out = append(out, spool.Item{Seq: uint64(s.next.ColumnInt64(0)), Envelope: append([]byte(nil), body...)})
	}
	if err := errors.Join(s.next.Err(), s.next.Reset()); err != nil {
		return nil, fmt.Errorf("read mailbox: %w", err)
	}
	return out, nil
}

// idle is how long deletions wait for company before they are committed.
const idle = 50 * time.Millisecond
