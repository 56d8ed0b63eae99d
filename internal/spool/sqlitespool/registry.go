package sqlitespool

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"time"

	"github.com/ncruces/go-sqlite3"

	"hotline/internal/ident"
	"hotline/internal/spool"
)

// change runs do in a transaction of the writer and waits for the commit; after
// runs on the writer's goroutine right behind it.
func (s *Spool) change(ctx context.Context, do func() error, after func()) error {
	return s.submit(ctx, &change{do: func(*transaction) error { return do() }, after: after})
}

func (s *Spool) submit(ctx context.Context, c *change) error {
	c.err = make(chan error, 1)
	if !s.queue.change(c) {
		return spool.ErrClosed
	}
	select {
	case err := <-c.err:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exec runs one statement that is too rare to keep prepared.
func (s *Spool) exec(sql string, args ...any) error {
	q, _, err := s.db.Prepare(sql)
	if err != nil {
		return err
	}
	return run(q, append(args, closing)...)
}

// Enrol implements [spool.Registry].
func (s *Spool) Enrol(ctx context.Context, box ident.Mailbox, owner spool.Putter, secret []byte, now time.Time) error {
	var verdict error // a refusal is not a failure of the transaction
	var row int64
	var quota uint64
	err := s.change(ctx, func() error {
		if _, ok := s.Row(box); ok {
			return nil
		}
		hash := sha512.Sum384(secret)
		if err := s.exec("UPDATE invitation SET uses = uses - 1 WHERE hash = ? AND uses > 0 AND expiry > ?", hash[:], now.Unix()); err != nil {
			return err
		}
		if s.db.Changes() == 0 {
			verdict = spool.ErrToken
			return nil
		}
		if err := s.exec("INSERT INTO mailbox (id, owner, quota) SELECT ?, ?, quota FROM invitation WHERE hash = ?", box[:], owner[:], hash[:]); err != nil {
			return err
		}
		row = s.db.LastInsertRowID()
		return s.row(fmt.Sprintf("SELECT quota FROM mailbox WHERE num = %d", row), func(q *sqlite3.Stmt) {
			quota = uint64(q.ColumnInt64(0))
		})
	}, func() {
		if row != 0 {
			s.Add(box, row, owner, quota)
		}
	})
	if err == nil {
		err = verdict // not before: without the commit it is still being written
	}
	if err != nil {
		return fmt.Errorf("enrol mailbox: %w", err)
	}
	return nil
}

// Allow implements [spool.Registry].
func (s *Spool) Allow(ctx context.Context, box ident.Mailbox, putters []spool.Putter) error {
	row, ok := s.Row(box)
	if !ok {
		return fmt.Errorf("allow putters: %w", spool.ErrUnknownMailbox)
	}
	err := s.change(ctx, func() error {
		if err := s.exec("DELETE FROM allow WHERE mailbox = ?", row); err != nil {
			return err
		}
		for _, p := range putters {
			if err := s.exec("INSERT OR IGNORE INTO allow (mailbox, putter) VALUES (?, ?)", row, p[:]); err != nil {
				return err
			}
		}
		return nil
	}, func() { s.SetAllow(box, putters) })
	if err != nil {
		return fmt.Errorf("allow putters: %w", err)
	}
	return nil
}

// Invite implements [spool.Registry].
func (s *Spool) Invite(ctx context.Context, inv spool.Invitation) error {
	hash := sha512.Sum384(inv.Secret)
	err := s.change(ctx, func() error {
		return s.exec("INSERT INTO invitation (hash, uses, quota, expiry) VALUES (?, ?, ?, ?)",
			hash[:], int64(inv.Uses), int64(inv.Quota), inv.Expiry.Unix())
	}, nil)
	if err != nil {
		return fmt.Errorf("record invitation: %w", err)
	}
	return nil
}

// Expire implements [spool.Spool].
func (s *Spool) Expire(ctx context.Context, now time.Time) (int, error) {
	var n int // the writer's until submit succeeds: it works on when ctx has ended
	err := s.submit(ctx, &change{do: func(t *transaction) (err error) {
		if n, err = t.delete("expiry <= ?", now.Unix()); err != nil {
			return err
		}
		if err := s.exec("DELETE FROM invitation WHERE expiry <= ?", now.Unix()); err != nil {
			return err
		}
		return s.exec("DELETE FROM seen WHERE expiry <= ?", now.Unix())
	}})
	if err != nil {
		return 0, fmt.Errorf("expire envelopes: %w", err)
	}
	return n, nil
}

// delete deletes items, frees their room with the commit, and returns how many
// they were.
func (t *transaction) delete(where string, args ...any) (int, error) {
	q, _, err := t.s.db.Prepare("DELETE FROM item WHERE " + where +
		" RETURNING (SELECT id FROM mailbox WHERE num = item.mailbox), envelope, size, putter, lane")
	if err != nil {
		return 0, err
	}
	if err := bind(q, args...); err != nil {
		return 0, errors.Join(err, q.Close())
	}
	var nums []int64
	for q.Step() {
		t.freed = append(t.freed, spool.Held{
			Box: ident.Mailbox(q.ColumnRawBlob(0)), Putter: spool.Putter(q.ColumnRawBlob(3)), Lane: uint8(q.ColumnInt(4)), Size: q.ColumnInt(2),
		})
		nums = append(nums, q.ColumnInt64(1))
	}
	if err := q.Close(); err != nil {
		return 0, err
	}
	return len(nums), t.unref(nums)
}

// Revoke implements [spool.Registry].
func (s *Spool) Revoke(ctx context.Context, box ident.Mailbox, putters []spool.Putter) (int, error) {
	row, ok := s.Row(box)
	if !ok {
		return 0, fmt.Errorf("revoke putters: %w", spool.ErrUnknownMailbox)
	}
	var n int // the writer's until submit succeeds
	err := s.submit(ctx, &change{behind: true, do: func(t *transaction) error {
		for _, p := range putters {
			if err := s.exec("DELETE FROM allow WHERE mailbox = ? AND putter = ?", row, p[:]); err != nil {
				return err
			}
			dropped, err := t.delete("mailbox = ? AND putter = ?", row, p[:])
			if n += dropped; err != nil {
				return err
			}
		}
		return nil
	}, after: func() { s.Disallow(box, putters) }})
	if err != nil {
		return 0, fmt.Errorf("revoke putters: %w", err)
	}
	return n, nil
}

// Forget implements [spool.Registry].
func (s *Spool) Forget(ctx context.Context, box ident.Mailbox, putter spool.Putter) (int, error) {
	row, ok := s.Row(box)
	if !ok {
		return 0, nil
	}
	var n int // the writer's until submit succeeds
	err := s.submit(ctx, &change{behind: true, do: func(t *transaction) (err error) {
		n, err = t.delete("mailbox = ? AND putter = ?", row, putter[:])
		return err
	}})
	if err != nil {
		return 0, fmt.Errorf("forget what was put: %w", err)
	}
	return n, nil
}

// Adopt makes a mailbox that was enrolled before, in a spool that has lost it;
// otherwise it does nothing.
func (s *Spool) Adopt(ctx context.Context, box ident.Mailbox, owner spool.Putter, quota uint64) error {
	var row int64
	if _, ok := s.Row(box); ok {
		return nil
	}
	err := s.change(ctx, func() error {
		if err := s.exec("INSERT INTO mailbox (id, owner, quota) VALUES (?, ?, ?)", box[:], owner[:], int64(quota)); err != nil {
			return err
		}
		row = s.db.LastInsertRowID()
		return nil
	}, func() { s.Add(box, row, owner, quota) })
	if err != nil {
		return fmt.Errorf("adopt mailbox: %w", err)
	}
	return nil
}
