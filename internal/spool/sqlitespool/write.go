package sqlitespool

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/ident"
	"hotline/internal/spool"
)

// maxHold is how long the relay keeps an envelope at most, whatever its header
// says: longer than any outage that a line is planned for.
const maxHold = 45 * 24 * time.Hour

// closing, as the last argument of run, closes the statement too.
var closing = new(int)

// bind sets the parameters of a statement.
func bind(q *sqlite3.Stmt, args ...any) error {
	for i, a := range args {
		var err error
		switch v := a.(type) {
		case int64:
			err = q.BindInt64(i+1, v)
		case []byte:
			err = q.BindBlob(i+1, v)
		case nil:
			err = q.BindNull(i + 1)
		case string:
			err = q.BindText(i+1, v)
		default:
			err = fmt.Errorf("bind %T", a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// run executes a statement that returns no rows.
func run(q *sqlite3.Stmt, args ...any) error {
	n := len(args)
	last := n > 0 && args[n-1] == any(closing)
	if last {
		args = args[:n-1]
	}
	err := bind(q, args...)
	if err == nil {
		err = q.Exec()
	}
	if last {
		return errors.Join(err, q.Close())
	}
	return err
}

// writer holds the statements of the writing goroutine.
type writer struct {
	begin, commit, rollback      *sqlite3.Stmt
	see, unsee, body, item, lane *sqlite3.Stmt
	held, done, unref, drop      *sqlite3.Stmt
	all                          []*sqlite3.Stmt
}

func (w *writer) prepare(db *sqlite3.Conn) error {
	for _, p := range []struct {
		q   **sqlite3.Stmt
		sql string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.see, "INSERT OR IGNORE INTO seen (expiry, id, mailbox) VALUES (?, ?, ?)"},
		{&w.unsee, "DELETE FROM seen WHERE expiry = ? AND id = ? AND mailbox = ?"},
		{&w.body, "INSERT INTO envelope (refs, body) VALUES (?, ?)"},
		{&w.item, "INSERT INTO item (mailbox, lane, seq, envelope, size, expiry, putter, part) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
		{&w.held, "SELECT 1 FROM item WHERE mailbox = ? AND part = ?"},
		{&w.lane, "INSERT OR REPLACE INTO lane (mailbox, lane, next) VALUES (?, ?, ?)"},
		{&w.done, "DELETE FROM item WHERE mailbox = ? AND lane = ? AND seq <= ? RETURNING envelope, size, putter"},
		{&w.unref, "UPDATE envelope SET refs = refs - 1 WHERE num = ?"},
		{&w.drop, "DELETE FROM envelope WHERE num = ? AND refs <= 0"},
	} {
		q, _, err := db.Prepare(p.sql)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", p.sql, err)
		}
		*p.q = q
		w.all = append(w.all, q)
	}
	return nil
}

func (w *writer) close() error {
	var errs []error
	for _, q := range w.all {
		errs = append(errs, q.Close())
	}
	return errors.Join(errs...)
}

// Put implements [spool.Spool].
func (s *Spool) Put(p spool.Put, done func([]spool.Placed)) {
	j := &job{put: p, done: done, out: make([]spool.Placed, len(p.To))}
	if !s.queue.put(j) {
		j.refuse(spool.ErrBusy)
	}
}

func (j *job) refuse(err error) {
	for i := range j.out {
		j.out[i] = spool.Placed{Err: err}
	}
	j.done(j.out)
}

// Done implements [spool.Spool].
func (s *Spool) Done(box ident.Mailbox, lane uint8, to uint64) {
	s.queue.finish(place{box, lane}, to)
}

// Err implements [spool.Spool].
func (s *Spool) Err() error {
	s.errMu.Lock()
	defer s.errMu.Unlock()
	return s.err
}

// write is the writing goroutine.
func (s *Spool) write() {
	defer close(s.ended)
	for {
		g := s.queue.take()
		if !g.empty() {
			s.commit(&g)
		} else if g.closed {
			return
		}
	}
}

// commit writes a group and answers it.
func (s *Spool) commit(g *group) {
	if s.Err() != nil {
		s.refuse(g, spool.ErrBusy)
		return
	}
	t := &transaction{s: s, now: time.Now(), lanes: map[place]struct{}{}}
	if err := t.run(g); err != nil {
		s.fail(g, t, err)
		return
	}
	for _, f := range t.freed {
		s.Free(f)
	}
	for _, c := range g.changes {
		if c.after != nil {
			c.after()
		}
		c.err <- nil
	}
	for _, j := range g.puts {
		j.done(j.out)
	}
}

// fail undoes a group. A full disk is refused and may pass; after any other
// failure to write nobody knows what is on the disk, so the spool stops.
func (s *Spool) fail(g *group, t *transaction, err error) {
	_ = s.w.rollback.Exec() // fails when SQLite has rolled back by itself
	for _, f := range t.taken {
		s.Free(f)
	}
	for at, to := range g.done {
		s.queue.finish(at, to)
	}
	if full(err) {
		s.log.Error("spool cannot write: disk full", "err", err)
	} else {
		s.log.Error("spool stopped", "err", err)
		s.errMu.Lock()
		s.err = fmt.Errorf("write spool: %w", err)
		s.errMu.Unlock()
		s.once.Do(func() { close(s.failed) })
	}
	s.refuse(g, spool.ErrBusy)
}

// Failed is closed when the spool has stopped; [Spool.Err] says why.
func (s *Spool) Failed() <-chan struct{} { return s.failed }

func (s *Spool) refuse(g *group, err error) {
	for _, c := range g.changes {
		c.err <- err
	}
	for _, j := range g.puts {
		j.refuse(err)
	}
}

// transaction is one group being written.
type transaction struct {
	s     *Spool
	now   time.Time
	taken []spool.Held // room taken in the index, which may yet fail
	freed []spool.Held
	lanes map[place]struct{}
}

func (t *transaction) run(g *group) error {
	if err := t.s.w.begin.Exec(); err != nil {
		return err
	}
	if err := t.change(g, false); err != nil {
		return err
	}
	for at, to := range g.done {
		if err := t.finish(at, to); err != nil {
			return err
		}
	}
	for _, j := range g.puts {
		if err := t.put(j); err != nil {
			return err
		}
	}
	if err := t.change(g, true); err != nil {
		return err
	}
	for at := range t.lanes {
		row, _ := t.s.Row(at.box)
		if err := run(t.s.w.lane, row, int64(at.lane), int64(t.s.NextSeq(at.box, at.lane))); err != nil {
			return err
		}
	}
	return t.s.w.commit.Exec()
}

// change makes the rare writes: those that go before the puts of the group, or
// those that go behind them.
func (t *transaction) change(g *group, behind bool) error {
	for _, c := range g.changes {
		if c.behind != behind {
			continue
		}
		if err := c.do(t); err != nil {
			return err
		}
	}
	return nil
}

// put writes one put: a row for the envelope, one for each mailbox.
func (t *transaction) put(j *job) error {
	p := &j.put
	if !t.now.Before(p.Expiry) {
		for i := range j.out {
			j.out[i].Err = spool.ErrExpired
		}
		return nil
	}
	var rows [8]int64
	fresh := rows[:0]
	for i, box := range p.To {
		if p.Part && slices.Contains(p.To[:i], box) {
			continue // named twice: its item is not written yet, so it would not be found
		}
		row, seq, err := t.place(p, box, &j.out[i])
		if err != nil {
			return err
		}
		if seq != 0 {
			fresh = append(fresh, row)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	w := &t.s.w
	if err := run(w.body, int64(len(fresh)), p.Envelope); err != nil {
		return err
	}
	num := t.s.db.LastInsertRowID()
	expiry := min(p.Expiry.Unix(), t.now.Add(maxHold).Unix())
	var part any
	if p.Part {
		part = p.ID[:]
	}
	n := 0
	for i := range p.To {
		if j.out[i].Seq == 0 {
			continue
		}
		if err := run(w.item, fresh[n], int64(p.Lane), int64(j.out[i].Seq), num, int64(len(p.Envelope)), expiry, p.Putter[:], part); err != nil {
			return err
		}
		n++
	}
	return nil
}

// place decides about one mailbox. A zero sequence means that no item is to be
// written: refused, or taken before.
func (t *transaction) place(p *spool.Put, box ident.Mailbox, out *spool.Placed) (row int64, seq uint64, err error) {
	row, out.Err = t.s.MayPut(box, p.Putter)
	if out.Err != nil {
		return 0, 0, nil //nolint:nilerr // it is in out, for the caller who waits
	}
	before, err := t.before(p, row)
	if err != nil || before {
		return 0, 0, err
	}
	h := spool.Held{Box: box, Putter: p.Putter, Lane: p.Lane, Size: len(p.Envelope)}
	seq, out.Err = t.s.Place(h)
	if out.Err != nil {
		return 0, 0, run(t.s.w.unsee, p.Expiry.Unix(), p.ID[:], row)
	}
	out.Seq = seq
	t.taken = append(t.taken, h)
	t.lanes[place{box, p.Lane}] = struct{}{}
	return row, seq, nil
}

// before reports whether a mailbox has taken an envelope before, and remembers
// that it takes it now. A part of a file is remembered while it waits.
func (t *transaction) before(p *spool.Put, row int64) (bool, error) {
	w := &t.s.w
	if !p.Part {
		err := run(w.see, p.Expiry.Unix(), p.ID[:], row)
		return err == nil && t.s.db.Changes() == 0, err
	}
	if err := bind(w.held, row, p.ID[:]); err != nil {
		return false, err
	}
	held := w.held.Step()
	return held, errors.Join(w.held.Err(), w.held.Reset())
}

// finish deletes a lane's items up to to.
func (t *transaction) finish(at place, to uint64) error {
	row, ok := t.s.Row(at.box)
	if !ok {
		return nil
	}
	w := &t.s.w
	if err := bind(w.done, row, int64(at.lane), int64(min(to, 1<<62))); err != nil {
		return err
	}
	var nums []int64
	for w.done.Step() {
		nums = append(nums, w.done.ColumnInt64(0))
		t.freed = append(t.freed, spool.Held{Box: at.box, Putter: spool.Putter(w.done.ColumnRawBlob(2)), Lane: at.lane, Size: w.done.ColumnInt(1)})
	}
	if err := errors.Join(w.done.Err(), w.done.Reset()); err != nil {
		return err
	}
	return t.unref(nums)
}

func (t *transaction) unref(nums []int64) error {
	for _, num := range nums {
		if err := run(t.s.w.unref, num); err != nil {
			return err
		}
		if err := run(t.s.w.drop, num); err != nil {
			return err
		}
	}
	return nil
}
