package store

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// PutCell stores a secret under (kind, ref), replacing what was there. When
// Update returns, the old secret is unreadable for ever, on this disk and in
// every copy of it that was made before.
//
// Secrets that change together belong in one cell: each cell that is touched
// costs a slot of 64 bytes to overwrite; the fsync is shared.
func (tx *Tx) PutCell(kind string, ref, secret []byte) error {
	if !tx.write {
		return fmt.Errorf("put cell %s: %w", kind, ErrReadOnly)
	}
	i, _, err := tx.findCell(kind, ref)
	fresh := errors.Is(err, ErrNone)
	if fresh {
		i, err = tx.s.slots.take(tx)
	}
	if err != nil {
		return fmt.Errorf("put cell %s: %w", kind, err)
	}
	sl, err := tx.s.slots.advance(tx, i)
	if err != nil {
		return fmt.Errorf("put cell %s: %w", kind, err)
	}
	sealed, err := sealCell(sl, i, kind, ref, secret)
	if err != nil {
		return fmt.Errorf("put cell %s: %w", kind, err)
	}
	if fresh {
		_, err = tx.Exec("INSERT INTO cell (slot, epoch, kind, ref, sealed) VALUES (?, ?, ?, ?, ?)",
			i, sl.epoch, kind, notNull(ref), sealed)
	} else {
		_, err = tx.Exec("UPDATE cell SET epoch = ?, sealed = ? WHERE slot = ?", sl.epoch, sealed, i)
	}
	if err != nil {
		return fmt.Errorf("put cell %s: %w", kind, err)
	}
	return nil
}

// Cell returns the secret under (kind, ref). It returns an error matching
// [ErrNone] when there is none, and [ErrRolledBack] when its key is gone. It
// works in Update only: a View may see a row whose key was just erased.
func (tx *Tx) Cell(kind string, ref []byte) ([]byte, error) {
	if !tx.write {
		return nil, fmt.Errorf("open cell %s: %w", kind, ErrReadOnly)
	}
	var i int64
	var epoch uint32
	var sealed []byte
	err := tx.Row("SELECT slot, epoch, sealed FROM cell WHERE kind = ? AND ref = ?", kind, notNull(ref)).
		Scan(&i, &epoch, &sealed)
	if err != nil {
		return nil, fmt.Errorf("open cell %s: %w", kind, err)
	}
	sl, ok := tx.s.slots.now(i)
	if !ok || sl.epoch != epoch {
		return nil, fmt.Errorf("open cell %s: %w", kind, ErrRolledBack)
	}
	secret, err := openCell(sl, i, kind, ref, sealed)
	if err != nil {
		return nil, fmt.Errorf("open cell %s: %w", kind, err)
	}
	return secret, nil
}

// DropCell erases the secret under (kind, ref). Dropping what is not there is
// no error.
func (tx *Tx) DropCell(kind string, ref []byte) error {
	if !tx.write {
		return fmt.Errorf("drop cell %s: %w", kind, ErrReadOnly)
	}
	i, _, err := tx.findCell(kind, ref)
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err == nil {
		_, err = tx.Exec("DELETE FROM cell WHERE slot = ?", i)
	}
	if err != nil {
		return fmt.Errorf("drop cell %s: %w", kind, err)
	}
	tx.s.slots.discard(tx, i)
	return nil
}

// Cells returns the refs of the cells of one kind, in order of their bytes.
func (tx *Tx) Cells(kind string) ([][]byte, error) {
	refs, err := Collect(tx, func(r Row) (ref []byte, err error) {
		err = r.Scan(&ref)
		return ref, err
	}, "SELECT ref FROM cell WHERE kind = ? ORDER BY ref", kind)
	if err != nil {
		return nil, fmt.Errorf("list cells %s: %w", kind, err)
	}
	return refs, nil
}

func (tx *Tx) findCell(kind string, ref []byte) (i int64, epoch uint32, err error) {
	err = tx.Row("SELECT slot, epoch FROM cell WHERE kind = ? AND ref = ?", kind, notNull(ref)).Scan(&i, &epoch)
	return i, epoch, err
}

// notNull keeps an empty ref from being bound as NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// sealCell seals a secret under the slot's key: nonce 12, ciphertext, tag 16.
// Each key seals once per commit; the nonce is random for the transactions
// that were rolled back.
func sealCell(sl slot, i int64, kind string, ref, secret []byte) ([]byte, error) {
	aead, err := newGCM(sl.key[:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, secret, cellAAD(sl, i, kind, ref)), nil
}

func openCell(sl slot, i int64, kind string, ref, sealed []byte) ([]byte, error) {
	aead, err := newGCM(sl.key[:])
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, nil, sealed, cellAAD(sl, i, kind, ref))
	if err != nil {
		return nil, ErrDamaged
	}
	return secret, nil
}

// cellAAD binds a sealed row to its place, so that rows cannot change places.
func cellAAD(sl slot, i int64, kind string, ref []byte) []byte {
	b := []byte("hotline/1/cell\x00")
	b = binary.BigEndian.AppendUint64(b, uint64(i))
	b = binary.BigEndian.AppendUint32(b, sl.epoch)
	b = binary.BigEndian.AppendUint32(b, uint32(len(kind)))
	b = append(b, kind...)
	return append(b, ref...)
}
