package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// job is one call of Update on its way through the writer.
type job struct {
	ctx   context.Context
	fn    func(*Tx) error
	alone func(*conn) error // instead of fn: outside any transaction
	tx    *Tx
	err   error
	panic any
	done  chan struct{}
}

// Update runs fn in a transaction. When it returns nil, what fn wrote is
// durable and the keys of the cells that it changed are erased. When fn or the
// commit fails, nothing was changed.
//
// Calls that come while another one commits share the next commit: each keeps
// its own success or failure, and all of them wait for one fsync. fn runs on
// the writer's goroutine; it must not call Update or View, and must be quick.
// ctx is looked at before each query.
//
// A full disk is a [fault.Error] of kind Busy. After a failed fsync every call
// returns an error matching [ErrStopped].
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	return s.submit(&job{ctx: ctx, fn: fn, done: make(chan struct{})})
}

// submit hands j to the writer and waits for it.
func (s *Store) submit(j *job) error {
	s.life.RLock()
	if s.closed {
		s.life.RUnlock()
		return ErrClosed
	}
	s.jobs <- j
	s.life.RUnlock()
	<-j.done
	if j.panic != nil {
		panic(j.panic)
	}
	return j.err
}

// write is the writer's goroutine. It owns the writer connection and the
// slots until jobs is closed.
func (s *Store) write() {
	defer close(s.ended)
	batch := make([]*job, 0, maxBatch)
	for first := range s.jobs {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < maxBatch; {
			select {
			case j, ok := <-s.jobs:
				if more = ok; ok {
					batch = append(batch, j)
				}
			default:
				more = false
			}
		}
		for rest := batch; len(rest) > 0; {
			n := slices.IndexFunc(rest, func(j *job) bool { return j.alone != nil })
			switch {
			case n == 0:
				rest[0].err = errors.Join(s.Err(), rest[0].ctx.Err())
				if rest[0].err == nil {
					rest[0].err = s.failed(rest[0].alone(s.writer))
				}
				n = 1
			case n < 0:
				n = s.transact(rest)
			default:
				n = s.transact(rest[:n])
			}
			for _, j := range rest[:n] {
				close(j.done)
			}
			rest = rest[n:]
		}
	}
}

// transact runs the first jobs of batch in one transaction and returns how
// many it has settled: all, unless SQLite ended the transaction under way.
func (s *Store) transact(batch []*job) int {
	if err := s.Err(); err != nil {
		return settle(batch, err)
	}
	if err := s.writer.exec("BEGIN IMMEDIATE"); err != nil {
		return settle(batch, fmt.Errorf("begin: %w", s.failed(err)))
	}
	before := s.writer.db.TotalChanges()
	for i, j := range batch {
		s.run(j, len(batch) > 1)
		if s.writer.db.GetAutocommit() {
			// A full disk or an I/O error ended the transaction, and took the
			// jobs before this one with it. Those behind it start anew.
			err := j.err
			if err == nil {
				err = errors.New("transaction ended inside an update")
			}
			s.rollbackSlots(batch[:i+1])
			return settle(batch[:i+1], s.failed(err))
		}
	}
	if err := s.commit(batch, s.writer.db.TotalChanges() != before); err != nil {
		return settle(batch, err)
	}
	for _, j := range batch {
		if j.err == nil && j.tx != nil {
			for _, fn := range j.tx.after {
				fn()
			}
		}
	}
	return len(batch)
}

// settle gives err to every job that has none of its own.
func settle(batch []*job, err error) int {
	for _, j := range batch {
		if j.err == nil && j.panic == nil {
			j.err = err
		}
	}
	return len(batch)
}

// run calls j's function, inside a savepoint when others share the
// transaction. A panic is carried to the caller's goroutine.
func (s *Store) run(j *job, shared bool) {
	if j.err = j.ctx.Err(); j.err != nil {
		return
	}
	if shared {
		if j.err = s.writer.exec("SAVEPOINT job"); j.err != nil {
			return
		}
	}
	j.tx = &Tx{ctx: j.ctx, c: s.writer, s: s, write: true}
	func() {
		defer func() {
			j.tx.done = true
			if p := recover(); p != nil {
				j.panic = p
			}
		}()
		j.err = j.fn(j.tx)
	}()
	failed := j.err != nil || j.panic != nil
	if failed {
		s.slots.undo(j.tx)
	}
	if s.writer.db.GetAutocommit() || !shared {
		return // a lone job is rolled back whole, by commit
	}
	if failed {
		if err := s.writer.exec("ROLLBACK TO job"); err != nil {
			_ = s.stop(fmt.Errorf("roll back savepoint: %w", err))
		}
	}
	if err := s.writer.exec("RELEASE job"); err != nil && j.err == nil {
		j.err = err
	}
}

// commit makes the transaction durable, then erases the keys it replaced. The
// crash order is in doc.go.
func (s *Store) commit(batch []*job, changed bool) error {
	good := false
	for _, j := range batch {
		good = good || (j.err == nil && j.panic == nil)
	}
	if !good || s.Err() != nil {
		s.rollbackSlots(batch)
		if err := s.writer.exec("ROLLBACK"); err != nil {
			return s.stop(fmt.Errorf("roll back: %w", err))
		}
		return s.Err()
	}
	if err := s.slots.reserve(); err != nil {
		s.rollbackSlots(batch)
		_ = s.writer.exec("ROLLBACK")
		return s.failed(fmt.Errorf("grow keys/cells: %w", err))
	}
	if err := s.writer.exec("COMMIT"); err != nil {
		s.rollbackSlots(batch)
		if !s.writer.db.GetAutocommit() {
			_ = s.writer.exec("ROLLBACK")
		}
		return s.failed(fmt.Errorf("commit: %w", err))
	}
	if !changed {
		return nil
	}
	for _, j := range batch {
		s.scrub = s.scrub || j.err == nil && j.tx != nil && j.tx.scrub
	}
	if len(s.slots.pending) > 0 || s.logPages >= maxLogPages || s.scrub {
		if err := s.checkpoint(); err != nil {
			return err
		}
	}
	if err := s.slots.flush(); err != nil {
		// The transaction stands, but a used key is still there: nobody may
		// say "delivered" now. The next Open steps the slot forward.
		return s.stop(fmt.Errorf("erase used keys: %w", err))
	}
	return nil
}

// checkpoint moves the log into line.db and cuts it to nothing. That a reader
// or a full disk holds it up is no failure: the transaction is durable in the
// log, and the next Update tries again.
func (s *Store) checkpoint() error {
	s.hurry()
	_, _, err := s.writer.db.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	switch {
	case err == nil:
		s.logPages, s.scrub = 0, false
		return nil
	case fatal(err):
		return s.stop(fmt.Errorf("checkpoint: %w", err))
	default:
		s.log.Warn("checkpoint waits", "err", err)
		return nil
	}
}

// failed translates err, and stops the store when it is fatal.
func (s *Store) failed(err error) error {
	if stopped := s.Err(); stopped != nil {
		return stopped
	}
	if fatal(err) {
		return s.stop(err)
	}
	return translate(err)
}

// rollbackSlots undoes what the batch did to the slots, last job first.
func (s *Store) rollbackSlots(batch []*job) {
	for _, j := range slices.Backward(batch) {
		if j.tx != nil {
			s.slots.undo(j.tx)
		}
	}
}

const (
	// maxLogPages is how long the log may grow, in pages of 4 KiB, by Updates
	// that touch no cell: those need no checkpoint of their own.
	maxLogPages = 256
	// maxBatch is how many Updates may share a commit.
	maxBatch = 64
	// checkpointWait is how long a checkpoint waits for readers: a little
	// longer than they have.
	checkpointWait = 120 * time.Millisecond
)
