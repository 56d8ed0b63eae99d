package store

import (
	"context"
	"fmt"
	"iter"

	"hotline/internal/checkpoint"
)

// Tx is one transaction, given to the function of [Store.Update] or
// [Store.View] and valid until that function returns. It belongs to one
// goroutine.
//
// Arguments are bound by type: integers, bool (0 or 1), string, []byte, byte
// arrays such as the ids of package ident, [time.Time] (Unix milliseconds, UTC)
// and float64; types derived from these too. A nil, a nil []byte, a nil pointer
// and the zero [time.Time] are NULL; a pointer to one of these types is what it
// points to.
type Tx struct {
	ctx   context.Context
	c     *conn
	s     *Store
	write bool
	done  bool

	edge *checkpoint.Edge // of the journal, once this transaction appended a leaf

	after []func() // run when the transaction is durable
	undo  []func() // give back what the transaction took from the slots
	scrub bool     // it removed a text: the log must not keep it
}

// Exec runs a statement that returns no rows, and returns how many rows it
// changed. Constraint failures on a key match [ErrExists].
func (tx *Tx) Exec(q string, args ...any) (int64, error) {
	st, err := tx.start(q, args)
	if err != nil {
		return 0, err
	}
	err = st.Exec()
	n := tx.c.db.Changes()
	_ = tx.c.release(q, st)
	if err != nil {
		return 0, fmt.Errorf("execute %q: %w", q, translate(err))
	}
	return n, nil
}

// Insert is [Tx.Exec] for an INSERT; it returns the new row's rowid.
func (tx *Tx) Insert(q string, args ...any) (int64, error) {
	if _, err := tx.Exec(q, args...); err != nil {
		return 0, err
	}
	return tx.c.db.LastInsertRowID(), nil
}

// Row runs a query for its first row. Nothing happens until [Row.Scan].
func (tx *Tx) Row(q string, args ...any) Row { return Row{tx: tx, q: q, args: args} }

// Rows runs a query and yields its rows. After an error it yields that error
// once, and ends.
//
//	for row, err := range tx.Rows("SELECT id, name FROM party") {
//		if err != nil {
//			return err
//		}
//		if err := row.Scan(id[:], &name); err != nil {
//			return err
//		}
//	}
//
// The table being read may be written inside the loop; rows that the loop adds
// or changes may or may not be seen.
func (tx *Tx) Rows(q string, args ...any) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		st, err := tx.start(q, args)
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer func() { _ = tx.c.release(q, st) }()
		for st.Step() {
			if !yield(Row{tx: tx, q: q, st: st}, nil) {
				return
			}
			if tx.done {
				return
			}
		}
		if err := st.Err(); err != nil {
			yield(Row{}, fmt.Errorf("query %q: %w", q, translate(err)))
		}
	}
}

// Collect runs a query and returns what scan makes of each row.
func Collect[T any](tx *Tx, scan func(Row) (T, error), q string, args ...any) ([]T, error) {
	var all []T
	for row, err := range tx.Rows(q, args...) {
		if err != nil {
			return nil, err
		}
		v, err := scan(row)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// After registers fn to run once this transaction is durable and its old keys
// are erased, before Update returns. Functions run in the order of the commits,
// one at a time; they must be quick and must not call the store (wake somebody
// who does). In a View, and when the transaction fails, they do not run.
func (tx *Tx) After(fn func()) {
	if tx.write {
		tx.after = append(tx.after, fn)
	}
}

// start prepares q and binds args.
func (tx *Tx) start(q string, args []any) (*statement, error) {
	if tx.done {
		return nil, fmt.Errorf("query %q: transaction has ended", q)
	}
	if err := tx.ctx.Err(); err != nil {
		return nil, fmt.Errorf("query %q: %w", q, err)
	}
	st, err := tx.c.prepare(q)
	if err != nil {
		return nil, err
	}
	if n := st.BindCount(); n != len(args) {
		_ = tx.c.release(q, st)
		return nil, fmt.Errorf("query %q: %d arguments for %d places", q, len(args), n)
	}
	for i, a := range args {
		if err := bind(st.Stmt, i+1, a); err != nil {
			_ = tx.c.release(q, st)
			return nil, fmt.Errorf("bind argument %d of %q: %w", i+1, q, err)
		}
	}
	return st, nil
}

// Row is one row of a query.
type Row struct {
	tx   *Tx
	q    string
	args []any
	st   *statement // nil: the query has yet to run
}

// Scan copies the row's columns to dest, one for each: pointers to integers,
// bool, string, []byte, byte arrays, [time.Time], float64 and types derived
// from these, or a []byte that is filled exactly (id[:]). A pointer to a
// pointer takes NULL as nil; elsewhere NULL is the zero value. A number that
// does not fit, or bytes of another length, are an error. Without a row the
// error matches [ErrNone].
func (r Row) Scan(dest ...any) error {
	if r.st != nil {
		return r.scan(dest)
	}
	st, err := r.tx.start(r.q, r.args)
	if err != nil {
		return err
	}
	defer func() { _ = r.tx.c.release(r.q, st) }()
	if !st.Step() {
		if err := st.Err(); err != nil {
			return fmt.Errorf("query %q: %w", r.q, translate(err))
		}
		return fmt.Errorf("query %q: %w", r.q, ErrNone)
	}
	r.st = st
	return r.scan(dest)
}

func (r Row) scan(dest []any) error {
	if n := r.st.ColumnCount(); n != len(dest) {
		return fmt.Errorf("scan %q: %d places for %d columns", r.q, len(dest), n)
	}
	for i, d := range dest {
		if err := column(r.st.Stmt, i, d); err != nil {
			return fmt.Errorf("scan column %d of %q: %w", i, r.q, err)
		}
	}
	return nil
}
