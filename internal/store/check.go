package store

import (
	"errors"
	"fmt"
)

// check reads everything once.
func (tx *Tx) check() error {
	for row, err := range tx.Rows("PRAGMA integrity_check(1)") {
		var text string
		if err == nil {
			err = row.Scan(&text)
		}
		if err != nil {
			return fmt.Errorf("check database: %w", err)
		}
		if text != "ok" {
			return fmt.Errorf("check database: %w: %s", ErrDamaged, text)
		}
	}
	for row, err := range tx.Rows("SELECT kind, ref FROM cell") {
		var kind string
		var ref []byte
		if err == nil {
			err = row.Scan(&kind, &ref)
		}
		if err != nil {
			return fmt.Errorf("check cells: %w", err)
		}
		// A rolled-back cell is a known finding, not damage.
		if _, err := tx.Cell(kind, ref); err != nil && !errors.Is(err, ErrRolledBack) {
			return err
		}
	}
	var prev Leaf
	for row, err := range tx.Rows("SELECT seq, kind, at, data, hash FROM journal ORDER BY seq") {
		if err != nil {
			return fmt.Errorf("check journal: %w", err)
		}
		l, err := scanLeaf(row)
		if err != nil {
			return fmt.Errorf("check journal: %w", err)
		}
		if err := VerifyLeaves(prev, []Leaf{l}); err != nil {
			return err
		}
		prev = l
	}
	return nil
}
