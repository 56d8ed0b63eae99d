package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/fault"
)

// View runs fn in a read-only transaction: from its first query on, what it
// sees does not change. A reader that stays would hold up the checkpoint that
// erases keys, so it has 100 ms once an Update waits for it, and two seconds in
// any case; after that its queries fail and View returns an error matching
// [ErrSlow]. Long lists are read in pages.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if s.opts.Exclusive {
		return s.viewOnWriter(ctx, fn)
	}
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer func() { s.readers <- c }()
	return s.viewOn(ctx, c, fn)
}

// viewOn runs fn in a read-only transaction on c.
func (s *Store) viewOn(ctx context.Context, c *conn, fn func(*Tx) error) (err error) {
	limited, done := s.enter(ctx)
	defer done()
	c.db.SetInterrupt(limited)
	defer c.db.SetInterrupt(context.Background())
	if err := c.exec("BEGIN"); err != nil {
		return fmt.Errorf("begin: %w", translate(err))
	}
	tx := &Tx{ctx: limited, c: c, s: s}
	defer func() {
		tx.done = true
		c.db.SetInterrupt(context.Background())
		if !c.db.GetAutocommit() {
			_ = c.exec("ROLLBACK")
		}
	}()
	err = fn(tx)
	if err == nil || limited.Err() == nil {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Wrap(errors.Join(ErrSlow, err), fault.Timeout, "Reading took too long and was cut off.").
		WithHint("ask for fewer entries at a time")
}

// reader returns an idle connection for reading, dialled if need be.
func (s *Store) reader(ctx context.Context) (*conn, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	var c *conn
	select {
	case c = <-s.readers:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	err := s.usable() // it may have been closed in the meantime
	if err == nil && c == nil {
		c, err = s.dialReader()
	}
	if err != nil {
		s.readers <- c
		return nil, err
	}
	return c, nil
}

// view is a reader that holds a snapshot.
type view struct {
	since  time.Time
	cancel context.CancelFunc
}

// enter notes a reader, so that hurry finds it.
func (s *Store) enter(ctx context.Context) (context.Context, func()) {
	limited, cancel := context.WithTimeout(ctx, viewMost)
	v := &view{since: time.Now(), cancel: cancel}
	s.mu.Lock()
	s.views[v] = true
	s.mu.Unlock()
	return limited, func() {
		cancel()
		s.mu.Lock()
		delete(s.views, v)
		s.mu.Unlock()
	}
}

// hurry cuts readers off that have had their 100 ms by then.
func (s *Store) hurry() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for v := range s.views {
		time.AfterFunc(max(0, viewLimit-time.Since(v.since)), v.cancel)
	}
}

// errView makes the writer roll a reader's transaction back.
var errView = errors.New("view ends")

// viewOnWriter serves a store that lives on one connection.
func (s *Store) viewOnWriter(ctx context.Context, fn func(*Tx) error) error {
	var result error
	err := s.Update(ctx, func(tx *Tx) error {
		tx.write = false
		result = fn(tx)
		return errView
	})
	if errors.Is(err, errView) {
		return result
	}
	return err
}

const (
	// viewLimit is how long a reader may hold up a checkpoint
	// (docs/spec/store.md, Section 2), viewMost how long it may
	// take when nothing waits.
	viewLimit = 100 * time.Millisecond
	viewMost  = 2 * time.Second
)
