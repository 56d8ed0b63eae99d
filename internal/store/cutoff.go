package store

import (
	"time"

	"hotline/internal/ident"
)

// Cutoff is a desk that was removed, as this desk knows it.
type Cutoff struct {
	Desk      ident.Desk
	Statement ident.Statement // of the removal
	Party     ident.Party     // of the desk
	Name      string          // of the desk
	Reason    string
	Officer   string    // who cut it off at this desk; empty: it was done elsewhere
	At        time.Time // when it took effect here
	Alarmed   bool      // somebody has not confirmed in time
	Tries     int       // how often those who have not confirmed were told
	NextAt    time.Time // of the next try, by the steady clock; zero: none
}

// PutCutoff records a removed desk; one that is known stays.
func (tx *Tx) PutCutoff(c Cutoff) error {
	_, err := tx.Exec(`INSERT OR IGNORE INTO cutoff (desk, statement, party, name, reason, officer, at, next_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, c.Desk, c.Statement, c.Party, c.Name, c.Reason, c.Officer, c.At, c.NextAt)
	return err
}

const cutoffColumns = "SELECT desk, statement, party, name, reason, officer, at, alarmed, tries, next_at FROM cutoff"

func scanCutoff(r Row) (c Cutoff, err error) {
	err = r.Scan(c.Desk[:], c.Statement[:], c.Party[:], &c.Name, &c.Reason, &c.Officer, &c.At, &c.Alarmed, &c.Tries, &c.NextAt)
	return c, err
}

// Cutoff returns what is known of a removed desk, or [ErrNone].
func (tx *Tx) Cutoff(desk ident.Desk) (Cutoff, error) {
	return scanCutoff(tx.Row(cutoffColumns+" WHERE desk = ?", desk))
}

// Cutoffs lists the removed desks, newest first.
func (tx *Tx) Cutoffs() ([]Cutoff, error) {
	return Collect(tx, scanCutoff, cutoffColumns+" ORDER BY at DESC, rowid DESC")
}

// CutoffsDue lists those of which somebody is to be told once more by t, which
// is of the steady clock.
func (tx *Tx) CutoffsDue(t time.Time) ([]Cutoff, error) {
	return Collect(tx, scanCutoff, cutoffColumns+" WHERE next_at <= ? ORDER BY next_at", t)
}

// SetCutoff overwrites what changes of a cut-off.
func (tx *Tx) SetCutoff(c Cutoff) error {
	return tx.one("UPDATE cutoff SET alarmed = ?, tries = ?, next_at = ? WHERE desk = ?", c.Alarmed, c.Tries, c.NextAt, c.Desk)
}

// ExpectConfirmation notes that a desk has to confirm a removal.
func (tx *Tx) ExpectConfirmation(removed, by ident.Desk) error {
	_, err := tx.Exec("INSERT OR IGNORE INTO confirmation (desk, by) VALUES (?, ?)", removed, by)
	return err
}

// Confirm notes a desk's signed word that it refuses a removed one. It returns
// false when that was known. It may come before the removal itself.
func (tx *Tx) Confirm(removed, by ident.Desk, at time.Time, evidence []byte) (bool, error) {
	n, err := tx.Exec(`INSERT INTO confirmation (desk, by, at, evidence) VALUES (?, ?, ?, ?)
		ON CONFLICT (desk, by) DO UPDATE SET at = excluded.at, evidence = excluded.evidence WHERE at IS NULL`, removed, by, at, evidence)
	return n > 0, err
}

// Confirmation is one desk of which a confirmation is wanted.
type Confirmation struct {
	By ident.Desk
	At time.Time // zero: not yet
}

// Confirmations lists who has to confirm a removal.
func (tx *Tx) Confirmations(removed ident.Desk) ([]Confirmation, error) {
	return Collect(tx, func(r Row) (c Confirmation, err error) {
		err = r.Scan(c.By[:], &c.At)
		return c, err
	}, "SELECT by, at FROM confirmation WHERE desk = ? ORDER BY by", removed)
}

// ForgetConfirmation takes a desk off those that have to confirm: it was
// removed itself, or left.
func (tx *Tx) ForgetConfirmation(by ident.Desk) error {
	_, err := tx.Exec("DELETE FROM confirmation WHERE by = ? AND at IS NULL", by)
	return err
}

// Late is a message that came after its desk was removed.
type Late struct {
	Message ident.Message
	Desk    ident.Desk
	Line    ident.Line
	Body    []byte
	At      time.Time
}

// maxLate is how many messages of one removed desk are held: enough to see what
// it tried, too few to fill a disk.
const maxLate = 1000

// HoldLate holds a message back for good, unless too many of its desk are held.
func (tx *Tx) HoldLate(l Late) error {
	_, err := tx.Exec(`INSERT OR IGNORE INTO late (message, desk, line, body, at)
		SELECT ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM late WHERE desk = ?) < ?`, l.Message, l.Desk, l.Line, l.Body, l.At, l.Desk, maxLate)
	return err
}

// LateOf lists what is held of a removed desk.
func (tx *Tx) LateOf(desk ident.Desk) ([]Late, error) {
	return Collect(tx, func(r Row) (l Late, err error) {
		err = r.Scan(l.Message[:], l.Desk[:], l.Line[:], &l.Body, &l.At)
		return l, err
	}, "SELECT message, desk, line, body, at FROM late WHERE desk = ? ORDER BY rowid", desk)
}

// Unproven lists the desks that have not shown that they hold our sending key
// of a generation. sent says whether a relay has taken the slice.
func (tx *Tx) Unproven(tag [16]byte) (map[ident.Desk]bool, error) {
	all := map[ident.Desk]bool{}
	for row, err := range tx.Rows(`SELECT t.desk, max(t.state = 1) FROM outbox o JOIN target t ON t.outbox = o.id
		WHERE o.purpose = 'slice' AND o.tag = ? GROUP BY t.desk`, tag) {
		if err != nil {
			return nil, err
		}
		var d ident.Desk
		var sent bool
		if err := row.Scan(d[:], &sent); err != nil {
			return nil, err
		}
		all[d] = sent
	}
	return all, nil
}

// NotAccepted lists the messages of the outbox that no relay has for anybody,
// and of which a desk is one of the targets.
func (tx *Tx) NotAccepted(desk ident.Desk) ([]Again, error) {
	return Collect(tx, func(r Row) (a Again, err error) {
		a.Desk = desk
		err = r.Scan(&a.Outbox, a.Message[:], &a.MadeAt, &a.Bytes)
		return a, err
	}, `SELECT o.id, o.message, o.made_at, o.bytes FROM outbox o JOIN target d ON d.outbox = o.id
		WHERE d.desk = ? AND o.purpose = 'message'
		AND NOT EXISTS (SELECT 1 FROM target t WHERE t.outbox = o.id AND t.state IN (1, 2)) GROUP BY o.id`, desk)
}
