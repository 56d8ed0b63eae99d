package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"hotline/internal/checkpoint"
)

// Leaf is one entry of the journal; table tree holds the hashes over all of
// them (docs/spec/journal.md, Section 2).
type Leaf = checkpoint.Leaf

// AppendJournal appends a leaf and returns it with its number.
func (tx *Tx) AppendJournal(kind string, at time.Time, data []byte) (Leaf, error) {
	if tx.edge == nil {
		size, err := tx.JournalSize()
		if err != nil {
			return Leaf{}, err
		}
		edge, err := checkpoint.ReadEdge(size, tx.Tree())
		if err != nil {
			return Leaf{}, fmt.Errorf("append journal leaf %d: %w", size+1, err)
		}
		tx.edge = &edge
	}
	l := Leaf{Number: tx.edge.Size + 1, Kind: kind, At: time.UnixMilli(at.UnixMilli()).UTC(), Data: notNull(data)}
	_, err := tx.Exec("INSERT INTO journal (seq, kind, at, data) VALUES (?, ?, ?, ?)", l.Number, l.Kind, l.At.UnixMilli(), l.Data)
	if err != nil {
		return Leaf{}, fmt.Errorf("append journal leaf %d: %w", l.Number, err)
	}
	place, added := tx.edge.Add(l.Hash())
	for i, h := range added {
		if _, err := tx.Exec("INSERT INTO tree (place, hash) VALUES (?, ?)", place+int64(i), h); err != nil {
			return Leaf{}, fmt.Errorf("append journal leaf %d: %w", l.Number, err)
		}
	}
	return l, nil
}

// Tree reads hashes of the journal's tree by their places.
func (tx *Tx) Tree() checkpoint.Hashes {
	return func(places []int64) ([]checkpoint.Hash, error) {
		all := make([]checkpoint.Hash, len(places))
		for i, p := range places {
			err := tx.Row("SELECT hash FROM tree WHERE place = ?", p).Scan(all[i][:])
			if errors.Is(err, ErrNone) {
				err = fmt.Errorf("%w: it is not there", ErrDamaged)
			}
			if err != nil {
				return nil, fmt.Errorf("read journal hash %d: %w", p, err)
			}
		}
		return all, nil
	}
}

// JournalSize returns the number of the last leaf, or 0.
func (tx *Tx) JournalSize() (n int64, err error) {
	err = tx.Row("SELECT seq FROM journal ORDER BY seq DESC LIMIT 1").Scan(&n)
	if errors.Is(err, ErrNone) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read size of journal: %w", err)
	}
	return n, nil
}

// Journal returns up to limit leaves after a number, in order.
func (tx *Tx) Journal(after int64, limit int) ([]Leaf, error) {
	leaves, err := Collect(tx, scanLeaf, "SELECT seq, at, kind, data FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil {
		return nil, fmt.Errorf("read journal after %d: %w", after, err)
	}
	return leaves, nil
}

// JournalAt lists the leaves of one moment, in order.
func (tx *Tx) JournalAt(at time.Time) ([]Leaf, error) {
	leaves, err := Collect(tx, scanLeaf, "SELECT seq, at, kind, data FROM journal WHERE at = ? ORDER BY seq", at)
	if err != nil {
		return nil, fmt.Errorf("read journal at %v: %w", at, err)
	}
	return leaves, nil
}

func scanLeaf(r Row) (l Leaf, err error) {
	err = r.Scan(&l.Number, &l.At, &l.Kind, &l.Data)
	return l, err
}

// Recount takes up to limit leaves behind e into it, in order, each computed
// anew from its row, and gives each to fn, which may be nil. It returns how
// many there were, or an error matching [ErrDamaged] that names the first leaf
// that is not there, is not what the tree says, or whose hashes are not.
func (tx *Tx) Recount(e *checkpoint.Edge, limit int, fn func(Leaf) error) (n int, err error) {
	for row, err := range tx.Rows("SELECT seq, at, kind, data FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", e.Size, limit) {
		if err != nil {
			return n, fmt.Errorf("verify journal after leaf %d: %w", e.Size, err)
		}
		l, err := scanLeaf(row)
		if err != nil {
			return n, fmt.Errorf("verify journal after leaf %d: %w: %w", e.Size, ErrDamaged, err)
		}
		if l.Number != e.Size+1 {
			return n, fmt.Errorf("verify journal leaf %d: %w: it is missing", e.Size+1, ErrDamaged)
		}
		place, want := e.Add(l.Hash())
		places := make([]int64, len(want))
		for i := range want {
			places[i] = place + int64(i)
		}
		stored, err := tx.Tree()(places)
		if err != nil {
			return n, fmt.Errorf("verify journal leaf %d: %w", l.Number, err)
		}
		for i := range want {
			if stored[i] != want[i] {
				return n, fmt.Errorf("verify journal leaf %d: %w: hash %d does not fit", l.Number, ErrDamaged, places[i])
			}
		}
		n++
		if fn == nil {
			continue
		}
		if err := fn(l); err != nil {
			return n, fmt.Errorf("verify journal leaf %d: %w", l.Number, err)
		}
	}
	return n, nil
}

// NoHashesBehind returns an error matching [ErrDamaged] when the tree holds
// hashes of more leaves than e has: some were lost at the end.
func (tx *Tx) NoHashesBehind(e *checkpoint.Edge) error {
	var n int64
	if err := tx.Row("SELECT count(*) FROM tree WHERE place >= ?", e.Place()).Scan(&n); err != nil {
		return fmt.Errorf("verify end of journal: %w", err)
	}
	if n > 0 {
		return fmt.Errorf("verify journal leaf %d: %w: it is missing", e.Size+1, ErrDamaged)
	}
	return nil
}

// Checkpoint is a signed note as stored.
type Checkpoint struct {
	Generation uint64
	Size       int64
	At         time.Time
	Note       []byte
}

// PutCheckpoint stores a note. Of one day and generation the last is kept: the
// tree proves that it goes on from every one before.
func (tx *Tx) PutCheckpoint(c Checkpoint) error {
	day := c.At.Truncate(24 * time.Hour)
	_, err := tx.Exec("DELETE FROM checkpoint WHERE generation = ? AND size < ? AND at >= ?", c.Generation, c.Size, day)
	if err != nil {
		return fmt.Errorf("store checkpoint of %d leaves: %w", c.Size, err)
	}
	_, err = tx.Exec("INSERT INTO checkpoint (generation, size, at, note) VALUES (?, ?, ?, ?)", c.Generation, c.Size, c.At, c.Note)
	if err != nil {
		return fmt.Errorf("store checkpoint of %d leaves: %w", c.Size, err)
	}
	return nil
}

// Checkpoints lists up to limit checkpoints of size leaves or more, the
// smallest first.
func (tx *Tx) Checkpoints(size int64, limit int) ([]Checkpoint, error) {
	return Collect(tx, scanCheckpoint, "SELECT generation, size, at, note FROM checkpoint WHERE size >= ? ORDER BY size, generation LIMIT ?", size, limit)
}

// LastCheckpoint returns the newest checkpoint, or an error matching [ErrNone].
func (tx *Tx) LastCheckpoint() (Checkpoint, error) {
	return scanCheckpoint(tx.Row("SELECT generation, size, at, note FROM checkpoint ORDER BY size DESC, generation DESC LIMIT 1"))
}

func scanCheckpoint(r Row) (c Checkpoint, err error) {
	err = r.Scan(&c.Generation, &c.Size, &c.At, &c.Note)
	return c, err
}

// settingJournal names the journal's generation.
const settingJournal = "store.journal"

// JournalGeneration returns the journal's generation, beginning one where none
// is: at the first start, and after a restore (see [Tx.Settle]).
func (tx *Tx) JournalGeneration(now time.Time) (g uint64, err error) {
	b, err := tx.Setting(settingJournal)
	if err == nil && len(b) == 8 {
		return binary.BigEndian.Uint64(b), nil
	}
	if err != nil && !errors.Is(err, ErrNone) {
		return 0, err
	}
	g = uint64(now.UnixMilli())
	var last uint64
	if err := tx.Row("SELECT coalesce(max(generation), 0) FROM checkpoint").Scan(&last); err != nil {
		return 0, fmt.Errorf("read last generation: %w", err)
	}
	g = max(g, last+1)
	if err := tx.PutSetting(settingJournal, binary.BigEndian.AppendUint64(nil, g)); err != nil {
		return 0, err
	}
	_, err = tx.AppendJournal("journal-generation", now, binary.BigEndian.AppendUint64(nil, g))
	return g, err
}
