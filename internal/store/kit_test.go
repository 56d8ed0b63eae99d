package store_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/store"
)

type (
	id    [16]byte
	level uint8
	word  string
)

// TestBindAndScan sends each type through a row and back.
func TestBindAndScan(t *testing.T) {
	s := open(t, t.TempDir())
	at := time.UnixMilli(1795406400123).UTC()
	five := int64(5)
	update(t, s, func(tx *store.Tx) error {
		type all struct {
			I   int
			I64 int64
			U   uint64
			L   level
			B   bool
			S   string
			W   word
			Raw []byte
			ID  id
			F   float64
			At  time.Time
			P   *int64
			Nil *int64
		}
		in := all{-3, math.MinInt64, math.MaxInt64, 255, true, "日本", "w", []byte{}, id{1, 2}, 1.5, at, &five, nil}
		var out all
		out.Nil = &five
		const q = "SELECT ?,?,?,?,?,?,?,?,?,?,?,?,?"
		args := []any{in.I, in.I64, in.U, in.L, in.B, in.S, in.W, in.Raw, in.ID, in.F, in.At, in.P, in.Nil}
		err := tx.Row(q, args...).Scan(&out.I, &out.I64, &out.U, &out.L, &out.B, &out.S, &out.W, &out.Raw, &out.ID, &out.F, &out.At, &out.P, &out.Nil)
		if diff := cmp.Diff(in, out); err != nil || diff != "" {
			t.Errorf("round trip: %v\n%s", err, diff)
		}

		var zero all
		zero.Raw, zero.ID, zero.At, zero.S, zero.I = []byte{1}, id{1}, at, "x", 1
		err = tx.Row("SELECT ?,?,?,?,?", nil, nil, time.Time{}, []byte(nil), (*int64)(nil)).Scan(&zero.Raw, zero.ID[:], &zero.At, &zero.S, &zero.I)
		if err != nil || zero.Raw != nil || zero.ID != (id{}) || !zero.At.IsZero() || zero.S != "" || zero.I != 0 {
			t.Errorf("NULL: %v, %+v", err, zero)
		}

		var l level
		var short [3]byte
		for name, err := range map[string]error{
			"number too large":       tx.Row("SELECT 256").Scan(&l),
			"negative":               tx.Row("SELECT -1").Scan(&l),
			"blob too short":         tx.Row("SELECT x'0102'").Scan(&short),
			"too few places":         tx.Row("SELECT 1, 2").Scan(&l),
			"too few arguments":      tx.Row("SELECT ?").Scan(&l),
			"not a place":            tx.Row("SELECT 1").Scan(l),
			"not a column":           tx.Row("SELECT ?", struct{}{}).Scan(&l),
			"beyond 63 bits":         tx.Row("SELECT ?", uint64(math.MaxUint64)).Scan(&l),
			"two statements":         tx.Row("SELECT 1; SELECT 2").Scan(&l),
			"not a statement":        tx.Row("SELEKT").Scan(&l),
			"blob of the wrong kind": tx.Row("SELECT x'01'").Scan(&struct{}{}),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		if err := tx.Row("SELECT 1 WHERE 0").Scan(&l); !errors.Is(err, store.ErrNone) {
			t.Errorf("no row: %v, want ErrNone", err)
		}
		return nil
	})
}

// TestRowsInsideRows runs a query inside a loop over the same query, leaves
// the loop early, and goes on.
func TestRowsInsideRows(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *store.Tx) error {
		for _, name := range []string{"a", "b", "c"} {
			if err := tx.PutSetting("x."+name, nil); err != nil {
				return err
			}
		}
		const q = "SELECT name FROM setting WHERE name LIKE ? ORDER BY name"
		names := func(r store.Row) (n string, err error) { err = r.Scan(&n); return n, err }
		var got []string
		for row, err := range tx.Rows(q, "x.%") {
			if err != nil {
				return err
			}
			n, err := names(row)
			if err != nil {
				return err
			}
			inner, err := store.Collect(tx, names, q, "x.%")
			if err != nil || len(inner) != 3 {
				t.Errorf("inner = %v, %v", inner, err)
			}
			if got = append(got, n); n == "x.b" {
				break
			}
		}
		if diff := cmp.Diff([]string{"x.a", "x.b"}, got); diff != "" {
			t.Error(diff)
		}
		again, err := store.Collect(tx, names, q, "x.%")
		if len(again) != 3 {
			t.Errorf("after leaving early: %v", again)
		}
		return err
	})
}

func TestInsertTwiceIsErrExists(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *store.Tx) error {
		const q = "INSERT INTO setting (name, value) VALUES (?, ?)"
		if n, err := tx.Exec(q, "a", []byte{}); n != 1 || err != nil {
			t.Errorf("Exec() = %d, %v", n, err)
		}
		if _, err := tx.Exec(q, "a", []byte{}); !errors.Is(err, store.ErrExists) {
			t.Errorf("second Exec() error = %v, want ErrExists", err)
		}
		return nil // a statement that failed leaves the rest standing
	})
	update(t, s, func(tx *store.Tx) error { _, err := tx.Setting("a"); return err })
}

func TestEventsAreARing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	at := time.UnixMilli(1795406400123).UTC()
	var last int64
	update(t, s, func(tx *store.Tx) error {
		for range 1500 {
			id, err := tx.AppendEvent("beat", at, []byte("x"))
			if err != nil || id != last+1 {
				t.Fatalf("AppendEvent() = %d, %v after %d", id, err, last)
			}
			last = id
		}
		return nil
	})
	tests := map[string]struct {
		after int64
		n     int
		whole bool
	}{
		"a screen that has all":      {1500, 0, true},
		"one that was away for ten":  {1490, 10, true},
		"just in time":               {500, 1000, true},
		"too late":                   {499, 0, false},
		"new":                        {0, 0, false},
		"an id that was never given": {1501, 0, false},
	}
	for name, tt := range tests {
		err := s.View(t.Context(), func(tx *store.Tx) error {
			events, whole, err := tx.Events(tt.after, 2000)
			if len(events) != tt.n || whole != tt.whole {
				t.Errorf("%s: Events(%d) = %d events, %v, want %d, %v", name, tt.after, len(events), whole, tt.n, tt.whole)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	update(t, s, func(tx *store.Tx) error { _, err := tx.Exec("DELETE FROM event"); return err })
	shut(t, s)
	s = open(t, dir)
	update(t, s, func(tx *store.Tx) error {
		id, err := tx.AppendEvent("beat", at, nil)
		if id != 1501 {
			t.Errorf("id %d after the ring was emptied, want 1501", id)
		}
		return err
	})
}
