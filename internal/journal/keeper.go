package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/suite"
	"hotline/internal/wire"
)

const (
	// signAfter and signEvery are when a checkpoint is due: so many leaves, or
	// so long after the first leaf that none covers.
	signAfter = 1000
	signEvery = 10 * time.Minute
	// verifyEvery is when the whole record is verified.
	verifyEvery = 24 * time.Hour
	// retryEvery is when it is tried again after it failed.
	retryEvery = time.Hour
	// look is how often the keeper looks whether something is due.
	look = 30 * time.Second
	// page is how many leaves are read in one view: a reader is cut off when it
	// takes long.
	page = 1000
)

// Signer is the desk's hybrid key.
type Signer interface {
	Sign(label string, parts ...[]byte) []byte
	Public() []byte
}

// Keeper signs checkpoints of one desk's journal and verifies it. Its methods
// are safe for use by several goroutines.
type Keeper struct {
	Store *store.Store
	Suite suite.Suite
	Desk  ident.Desk
	Party ident.Party
	Key   Signer
	Log   *slog.Logger
	// MayLeave says why a message may not leave the desk in a file, or nil.
	MayLeave func(*wire.Message) error
	// Changed is called when the record turns out to be damaged, or is whole
	// again. It may be nil.
	Changed func()

	tried time.Time // when Run last verified the whole

	// mu is held while a checkpoint is made or the record is read.
	mu sync.Mutex

	// state guards the following.
	state  sync.Mutex
	status Status
}

// Status is how the record stands.
type Status struct {
	Size         int64 // leaves
	Root         checkpoint.Hash
	Generation   uint64
	CheckpointAt time.Time
	Covered      int64 // leaves under the last checkpoint
	VerifiedAt   time.Time
	Running      bool // it is being verified
	Done, Of     int64
	Err          error // why it does not verify; nil: it did when last looked at
}

// settingVerified is when the whole record was last found to be good.
const settingVerified = "journal.verified"

// Run keeps the record until ctx ends, and then signs what is left.
func (k *Keeper) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	first := time.Time{} // when leaves were first seen that no checkpoint covers
	for {
		select {
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if _, err := k.Checkpoint(stop); err != nil && !errors.Is(err, ErrNotSettled) {
				k.Log.Error("sign checkpoint at the end", "err", err)
			}
			return nil
		case <-timer.C:
		}
		if err := k.tend(ctx, &first); err != nil && ctx.Err() == nil {
			k.Log.Error("keep journal", "err", err)
		}
		timer.Reset(look)
	}
}

// tend does what is due.
func (k *Keeper) tend(ctx context.Context, first *time.Time) error {
	s, err := k.Status(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	due := now.Sub(s.VerifiedAt) >= verifyEvery || now.Before(s.VerifiedAt)
	if due && now.Sub(k.tried) >= retryEvery {
		k.tried = now
		if err := k.Verify(ctx, false); err != nil {
			return err
		}
	}
	switch open := s.Size - s.Covered; {
	case open <= 0:
		*first = time.Time{}
		return nil
	case first.IsZero():
		*first = now
	}
	if s.Size-s.Covered < signAfter && now.Sub(*first) < signEvery && !s.CheckpointAt.IsZero() {
		return nil
	}
	_, err = k.Checkpoint(ctx)
	if errors.Is(err, ErrNotSettled) {
		return nil // the desk makes new keys first; soon
	}
	*first = time.Time{}
	return err
}

// ErrNotSettled means that the folder is a copy or an older state, and the desk
// has not made new keys yet: the journal begins a new generation then.
var ErrNotSettled = errors.New("folder is not settled")

// Status returns how the record stands.
func (k *Keeper) Status(ctx context.Context) (s Status, err error) {
	k.state.Lock()
	s = k.status
	k.state.Unlock()
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		if s.Size, err = tx.JournalSize(); err != nil {
			return err
		}
		last, err := tx.LastCheckpoint()
		if err == nil {
			s.Generation, s.CheckpointAt, s.Covered = last.Generation, last.At.UTC(), last.Size
		} else if !errors.Is(err, store.ErrNone) {
			return fmt.Errorf("read last checkpoint: %w", err)
		}
		if at, err := tx.Setting(settingVerified); err == nil {
			s.VerifiedAt = time.UnixMilli(int64(be64(at))).UTC()
		} else if !errors.Is(err, store.ErrNone) {
			return err
		}
		edge, err := checkpoint.ReadEdge(s.Size, tx.Tree())
		if err != nil {
			return err
		}
		s.Root = edge.Root()
		if s.Err == nil {
			s.Err = tx.MayClean()
		}
		return nil
	})
	return s, err
}

// Checkpoint signs a checkpoint of all leaves, or returns the last one when
// none came since. Before it signs, it computes the right edge of the last
// checkpoint and every leaf since anew from the files. An error matching
// [store.ErrDamaged] names what does not fit; nothing is signed then.
func (k *Keeper) Checkpoint(ctx context.Context) (store.Checkpoint, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c, err := k.checkpoint(ctx)
	if errors.Is(err, store.ErrDamaged) {
		k.damaged(ctx, err)
		return c, fault.Wrap(err, fault.Unavailable, "The journal of this desk is damaged; no checkpoint was signed.").
			WithHint("hotline journal verify says what and where; restore a backup")
	}
	return c, err
}

func (k *Keeper) checkpoint(ctx context.Context) (c store.Checkpoint, err error) {
	if k.Store.Provenance() != store.Clean {
		return c, ErrNotSettled
	}
	var generation uint64
	err = k.Store.Update(ctx, func(tx *store.Tx) error {
		generation, err = tx.JournalGeneration(time.Now())
		return err
	})
	if err != nil {
		return c, fmt.Errorf("begin generation of journal: %w", err)
	}
	last, edge, err := k.recount(ctx)
	if err != nil {
		return c, err
	}
	if last.Size == edge.Size && last.Generation == generation {
		return last, nil
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	p := checkpoint.Checkpoint{Desk: k.Desk, Size: edge.Size, Root: edge.Root(), Generation: generation, Time: now}
	c = store.Checkpoint{Generation: generation, Size: edge.Size, At: now}
	if c.Note, err = p.Note(k.Key, k.Key.Public()); err != nil {
		return c, err
	}
	return c, k.Store.Update(ctx, func(tx *store.Tx) error { return tx.PutCheckpoint(c) })
}

// recount reads the last checkpoint and its right edge from the files, and
// takes in every leaf since.
func (k *Keeper) recount(ctx context.Context) (last store.Checkpoint, edge checkpoint.Edge, err error) {
	a, err := k.Store.Audit()
	if err != nil {
		return last, edge, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	err = a.View(ctx, func(tx *store.Tx) error {
		last, err = tx.LastCheckpoint()
		if errors.Is(err, store.ErrNone) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read last checkpoint: %w", err)
		}
		edge, err = k.holds(tx, last)
		return err
	})
	if err != nil {
		return last, edge, err
	}
	return last, edge, pages(ctx, a, &edge, nil)
}

// holds verifies a stored checkpoint against the tree as it is stored, and
// returns its right edge.
func (k *Keeper) holds(tx *store.Tx, c store.Checkpoint) (checkpoint.Edge, error) {
	p, err := checkpoint.Open(k.Suite, k.Desk, k.Key.Public(), c.Note)
	if err != nil {
		return checkpoint.Edge{}, fmt.Errorf("checkpoint of %d leaves: %w: %w", c.Size, store.ErrDamaged, err)
	}
	if p.Size != c.Size || p.Generation != c.Generation || !p.Time.Equal(c.At) {
		return checkpoint.Edge{}, fmt.Errorf("checkpoint of %d leaves: %w: its row says something else", c.Size, store.ErrDamaged)
	}
	edge, err := checkpoint.ReadEdge(c.Size, tx.Tree())
	if err != nil {
		return edge, err
	}
	if edge.Root() != p.Root {
		return edge, fmt.Errorf("checkpoint of %d leaves: %w: the tree has another root", c.Size, store.ErrDamaged)
	}
	return edge, nil
}

// pages takes every leaf behind edge into it, a view at a time, and calls fn,
// which may be nil, with each and the view that it was read in.
func pages(ctx context.Context, a *store.Audit, edge *checkpoint.Edge, fn func(*store.Tx, checkpoint.Leaf) error) error {
	for more := true; more; {
		err := a.View(ctx, func(tx *store.Tx) error {
			var each func(checkpoint.Leaf) error
			if fn != nil {
				each = func(l checkpoint.Leaf) error { return fn(tx, l) }
			}
			n, err := tx.Recount(edge, page, each)
			if more = n == page; more || err != nil {
				return err
			}
			return tx.NoHashesBehind(edge)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// damaged makes damage known, and keeps everything from being cleaned away.
func (k *Keeper) damaged(ctx context.Context, why error) {
	k.Log.Error("the journal is damaged; nothing is signed or cleaned away", "err", why)
	_ = k.setErr(why)
	if err := k.Store.SetDamaged(ctx, why); err != nil {
		k.Log.Error("note damage", "err", err)
	}
	if k.Changed != nil {
		k.Changed()
	}
}

// setErr notes why the record does not verify, and returns what was noted.
func (k *Keeper) setErr(err error) (was error) {
	k.state.Lock()
	defer k.state.Unlock()
	was, k.status.Err = k.status.Err, err
	return was
}
