package store

import (
	"fmt"
	"time"
)

// Event is something that a screen shows: the whole new state of one thing.
type Event struct {
	ID   int64 // grows, never repeats, may have gaps
	Kind string
	At   time.Time
	Data []byte
}

// ringSize is how many events are kept at least: a screen that was away longer
// starts from a snapshot. Old ones go trimEvery at a time, because one DELETE
// for each event is a tenth of what a message costs the disk's database.
const (
	ringSize  = 1000
	trimEvery = 64
)

// AppendEvent adds an event to the ring, drops the oldest ones when the ring is
// over full, and returns the new id.
func (tx *Tx) AppendEvent(kind string, at time.Time, data []byte) (int64, error) {
	id, err := tx.Insert("INSERT INTO event (kind, at, data) VALUES (?, ?, ?)", kind, at.UnixMilli(), notNull(data))
	if err != nil {
		return 0, fmt.Errorf("append event: %w", err)
	}
	if id%trimEvery != 0 {
		return id, nil
	}
	if _, err := tx.Exec("DELETE FROM event WHERE id <= ?", id-ringSize); err != nil {
		return 0, fmt.Errorf("trim events: %w", err)
	}
	return id, nil
}

// Events returns up to limit events after id, oldest first. whole is false, and
// there are none, when events between id and the first one are no longer kept,
// or when id was never given out: the screen then needs a snapshot.
func (tx *Tx) Events(after int64, limit int) (events []Event, whole bool, err error) {
	events, err = Collect(tx, func(r Row) (e Event, err error) {
		err = r.Scan(&e.ID, &e.Kind, &e.At, &e.Data)
		return e, err
	}, "SELECT id, kind, at, data FROM event WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil {
		return nil, false, fmt.Errorf("read events after %d: %w", after, err)
	}
	last, err := tx.LastEvent()
	if err != nil {
		return nil, false, err
	}
	if after > last || after < last-ringSize {
		return nil, false, nil
	}
	return events, true, nil
}

// LastEvent returns the id that was given out last, or 0.
func (tx *Tx) LastEvent() (id int64, err error) {
	// sqlite_sequence remembers ids whose rows are gone.
	err = tx.Row("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event'").Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("read last event: %w", err)
	}
	return id, nil
}
