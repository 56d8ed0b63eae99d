package store

import (
	"errors"
	"fmt"
	"math"

	"hotline/internal/checkpoint"
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
	var edge checkpoint.Edge
	if _, err := tx.Recount(&edge, math.MaxInt, nil); err != nil {
		return err
	}
	return tx.NoHashesBehind(&edge)
}
