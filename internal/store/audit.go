package store

import (
	"context"
	"errors"
	"fmt"
)

// Audit reads with a connection of its own, so that what it sees comes from the
// files and not from what another connection remembers. It belongs to one
// goroutine.
type Audit struct {
	s *Store
	c *conn // nil: the store lives on one connection
}

// Audit opens one. Close it.
func (s *Store) Audit() (*Audit, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	a := &Audit{s: s}
	if s.opts.Exclusive {
		return a, nil
	}
	var err error
	if a.c, err = s.dialReader(); err != nil {
		return nil, fmt.Errorf("open audit: %w", err)
	}
	return a, nil
}

// View is [Store.View], under the same limits of time.
func (a *Audit) View(ctx context.Context, fn func(*Tx) error) error {
	if a.c == nil {
		return a.s.viewOnWriter(ctx, fn)
	}
	if err := a.s.usable(); err != nil {
		return err
	}
	return a.s.viewOn(ctx, a.c, fn)
}

// Close closes the connection.
func (a *Audit) Close() error {
	if a.c == nil {
		return nil
	}
	return a.c.close()
}

// settingDamaged holds why nothing may be cleaned away.
const settingDamaged = "store.damaged"

// SetDamaged notes that the record does not verify, and why; with nil, that it
// does again. It outlives a restart. Until then [Tx.MayClean] says no: what is
// damaged must not be made worse by throwing away what may mend it.
func (s *Store) SetDamaged(ctx context.Context, why error) error {
	return s.Update(ctx, func(tx *Tx) error {
		if why == nil {
			return tx.DropSetting(settingDamaged)
		}
		return tx.PutSetting(settingDamaged, []byte(why.Error()))
	})
}

// MayClean returns nil, or an error matching [ErrDamaged] while the record does
// not verify.
func (tx *Tx) MayClean() error {
	why, err := tx.Setting(settingDamaged)
	switch {
	case errors.Is(err, ErrNone):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("clean: %w: %s", ErrDamaged, why)
	}
}
