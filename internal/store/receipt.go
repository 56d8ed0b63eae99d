package store

import (
	"fmt"

	"hotline/internal/ident"
)

// Receipt is what a desk signed in a chain of receipts, sealed or opened here.
type Receipt struct {
	ID         int64
	Message    ident.Message // that it is about; zero: it is no receipt, and holds a place
	Line       ident.Line
	Group      ident.Group
	Desk       ident.Desk  // that signed it
	Party      ident.Party // in whose chain of receipts it stands
	Generation [16]byte
	Sequence   uint32
	Evidence   []byte
	Body       []byte
	Removed    bool // Body was: a person had written a text in it
}

// PutReceipt keeps a receipt. The same place of the same chain again changes
// nothing.
func (tx *Tx) PutReceipt(r Receipt) error {
	_, err := tx.Exec(`INSERT OR IGNORE INTO receipt (message, line, grp, desk, party, generation, sequence, evidence, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Message, r.Line, r.Group, r.Desk, r.Party, r.Generation, r.Sequence, r.Evidence, r.Body)
	if err != nil {
		return fmt.Errorf("store receipt of %s: %w", r.Message, err)
	}
	return nil
}

const receiptColumns = "SELECT id, message, line, grp, desk, party, generation, sequence, evidence, body, removed FROM receipt"

func scanReceipt(r Row) (c Receipt, err error) {
	err = r.Scan(&c.ID, c.Message[:], c.Line[:], c.Group[:], c.Desk[:], c.Party[:], c.Generation[:], &c.Sequence, &c.Evidence, &c.Body, &c.Removed)
	return c, err
}

// ReceiptsOf lists what was signed about a message, in the order in which it
// came.
func (tx *Tx) ReceiptsOf(id ident.Message) ([]Receipt, error) {
	return Collect(tx, scanReceipt, receiptColumns+" WHERE message = ? ORDER BY id", id)
}

// ReceiptChain lists the receipts to a party under one sending key, by
// sequence.
func (tx *Tx) ReceiptChain(desk ident.Desk, generation [16]byte, party ident.Party) ([]Receipt, error) {
	return Collect(tx, scanReceipt, receiptColumns+" WHERE desk = ? AND generation = ? AND party = ? ORDER BY sequence", desk, generation, party)
}

// ReceiptsAfter lists up to limit of all behind a number, in order.
func (tx *Tx) ReceiptsAfter(id int64, limit int) ([]Receipt, error) {
	return Collect(tx, scanReceipt, receiptColumns+" WHERE id > ? ORDER BY id LIMIT ?", id, limit)
}

// AttestationRow is an attestation and the number of its row.
type AttestationRow struct {
	Attestation
	Row int64
}

// AttestationsAfter lists up to limit attestations behind a row, in order.
func (tx *Tx) AttestationsAfter(row int64, limit int) ([]AttestationRow, error) {
	return Collect(tx, func(r Row) (a AttestationRow, err error) {
		err = r.Scan(&a.Row, &a.Generation, a.Party[:], &a.At, &a.CameAt, &a.Final, a.Hash[:], &a.Bytes)
		return a, err
	}, "SELECT rowid, generation, party, at, came_at, final, hash, bytes FROM attestation WHERE rowid > ? ORDER BY rowid LIMIT ?", row, limit)
}
