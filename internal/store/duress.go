package store

import (
	"time"

	"hotline/internal/ident"
)

// Duress is a desk of the own party that says it was opened with a duress word.
type Duress struct {
	Desk     ident.Desk
	OpenedAt time.Time // by that desk's clock
	HeardAt  time.Time
}

// PutOpened notes that a desk was opened; false when that was known.
func (tx *Tx) PutOpened(desk ident.Desk, at time.Time) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO opened (desk, opened_at) VALUES (?, ?)", desk, at)
	return n > 0, err
}

// PutDuress notes an alarm; false when it was known, settled or not.
func (tx *Tx) PutDuress(d Duress) (bool, error) {
	n, err := tx.Exec("INSERT OR IGNORE INTO duress (desk, opened_at, heard_at) VALUES (?, ?, ?)", d.Desk, d.OpenedAt, d.HeardAt)
	return n > 0, err
}

// Duresses lists the alarms that nobody has settled, oldest first.
func (tx *Tx) Duresses() ([]Duress, error) {
	return Collect(tx, func(r Row) (d Duress, err error) {
		err = r.Scan(d.Desk[:], &d.OpenedAt, &d.HeardAt)
		return d, err
	}, "SELECT desk, opened_at, heard_at FROM duress WHERE settled_at IS NULL ORDER BY heard_at, desk")
}

// SettleDuress ends the alarms of a desk, and returns how many there were.
func (tx *Tx) SettleDuress(desk ident.Desk, by string, at time.Time) (int64, error) {
	return tx.Exec("UPDATE duress SET settled_at = ?, settled_by = ? WHERE desk = ? AND settled_at IS NULL", at, by, desk)
}
