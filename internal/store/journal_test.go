package store_test

import (
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"hotline/internal/checkpoint"
	"hotline/internal/store"
)

// fillJournal appends leaves up to number n.
func fillJournal(t *testing.T, s *store.Store, n int64) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error {
		for {
			size, err := tx.JournalSize()
			if err != nil || size >= n {
				return err
			}
			if _, err := tx.AppendJournal("sent", time.UnixMilli(1795406400123+size), fmt.Appendf(nil, "EXERCISE %d", size)); err != nil {
				return err
			}
		}
	})
}

// recount recomputes the whole journal from the files, a page at a time.
func recount(t *testing.T, s *store.Store) (checkpoint.Edge, error) {
	t.Helper()
	a, err := s.Audit()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	var e checkpoint.Edge
	for more := true; more; {
		err := a.View(t.Context(), func(tx *store.Tx) error {
			n, err := tx.Recount(&e, 7, nil)
			if more = n == 7; more || err != nil {
				return err
			}
			return tx.NoHashesBehind(&e)
		})
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

func TestJournalIsATree(t *testing.T) {
	s := open(t, t.TempDir())
	if e, err := recount(t, s); err != nil || e.Size != 0 {
		t.Fatalf("empty journal: %+v, %v", e, err)
	}
	for _, n := range []int64{1, 2, 3, 20, 33} { // in several transactions
		fillJournal(t, s, n)
		e, err := recount(t, s)
		if err != nil || e.Size != n {
			t.Fatalf("%d leaves: recounted %d, %v", n, e.Size, err)
		}
		update(t, s, func(tx *store.Tx) error {
			read, err := checkpoint.ReadEdge(n, tx.Tree())
			if err != nil || read.Root() != e.Root() {
				t.Errorf("%d leaves: root as stored %v, recounted %v (%v)", n, read.Root(), e.Root(), err)
			}
			leaves, err := tx.Journal(n-1, 10)
			if err != nil || len(leaves) != 1 || leaves[0].Number != n || string(leaves[0].Data) != fmt.Sprintf("EXERCISE %d", n-1) {
				t.Errorf("leaf %d = %+v, %v", n, leaves, err)
			}
			proof, err := checkpoint.Include(n, n, tx.Tree())
			if err != nil || checkpoint.Included(proof, n, e.Root(), leaves[0]) != nil {
				t.Errorf("leaf %d is not proved: %v", n, err)
			}
			return nil
		})
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestFailedUpdateLeavesTheTree: what a transaction appended and lost is not
// built on.
func TestFailedUpdateLeavesTheTree(t *testing.T) {
	s := open(t, t.TempDir())
	fillJournal(t, s, 5)
	boom := errors.New("boom")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.AppendJournal("sent", time.Now(), nil)
		return errors.Join(err, boom)
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	fillJournal(t, s, 9)
	if e, err := recount(t, s); err != nil || e.Size != 9 {
		t.Errorf("recounted %d, %v", e.Size, err)
	}
}

// TestEveryFlippedJournalByteIsFound changes each column of the journal and its
// tree, and has the recount and the check find it.
func TestEveryFlippedJournalByteIsFound(t *testing.T) {
	for name, q := range map[string]string{
		"data":                "UPDATE journal SET data = CAST(x'00' || substr(data, 2) AS BLOB) WHERE seq = 12",
		"one bit of the time": "UPDATE journal SET at = at + 1 - 2 * (at % 2) WHERE seq = 12",
		"kind":                "UPDATE journal SET kind = 'tent' WHERE seq = 12",
		"number":              "UPDATE journal SET seq = 40 WHERE seq = 20",
		"a leaf in between":   "DELETE FROM journal WHERE seq = 12",
		"the last leaf":       "DELETE FROM journal WHERE seq = 20",
		"a leaf's hash":       "UPDATE tree SET hash = CAST(x'01' || substr(hash, 2) AS BLOB) WHERE place = 0",
		"an inner hash":       "UPDATE tree SET hash = CAST(substr(hash, 1, 31) || x'01' AS BLOB) WHERE place = 2",
		"a hash gone":         "DELETE FROM tree WHERE place = 6",
		"a place":             "UPDATE tree SET place = 99 WHERE place = 6",
		"a hash too many":     "INSERT INTO tree VALUES (999, zeroblob(32))",
		"data of a new leaf":  "UPDATE journal SET data = x'' WHERE seq = 20",
	} {
		s := open(t, t.TempDir())
		fillJournal(t, s, 20)
		update(t, s, func(tx *store.Tx) error {
			if n, err := tx.Exec(q); n != 1 || err != nil {
				t.Errorf("%s: changed %d rows, %v", name, n, err)
			}
			return nil
		})
		if _, err := recount(t, s); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: recount = %v, want ErrDamaged", name, err)
		}
		if err := s.Check(t.Context()); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: Check() = %v, want ErrDamaged", name, err)
		}
	}
}

func TestCheckpointsAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	at := time.UnixMilli(1795406400123).UTC()
	update(t, s, func(tx *store.Tx) error {
		if _, err := tx.LastCheckpoint(); !errors.Is(err, store.ErrNone) {
			t.Errorf("no checkpoint: %v", err)
		}
		g, err := tx.JournalGeneration(at)
		if err != nil || g != uint64(at.UnixMilli()) {
			t.Errorf("first generation = %d, %v", g, err)
		}
		days := []time.Time{at, at.Add(time.Minute), at.Add(24 * time.Hour), at.Add(25 * time.Hour), at.Add(48 * time.Hour)}
		for i, day := range days {
			if err := tx.PutCheckpoint(store.Checkpoint{Generation: g, Size: int64(i + 1), At: day, Note: []byte("note")}); err != nil {
				return err
			}
		}
		last, err := tx.LastCheckpoint()
		if err != nil || last.Size != 5 || !last.At.Equal(days[4]) {
			t.Errorf("last = %+v, %v", last, err)
		}
		all, err := tx.Checkpoints(0, 10) // the last of each day
		if err != nil || len(all) != 3 || all[0].Size != 2 || all[1].Size != 4 {
			t.Errorf("all: %+v, %v", all, err)
		}
		if all, err := tx.Checkpoints(3, 10); err != nil || len(all) != 2 {
			t.Errorf("from 3: %+v, %v", all, err)
		}
		// The same generation until the folder turns out to be another one,
		// then a higher one, whatever the clock says.
		if again, err := tx.JournalGeneration(at.Add(time.Hour)); again != g || err != nil {
			t.Errorf("generation again = %d, %v", again, err)
		}
		if err := tx.Settle(); err != nil {
			return err
		}
		if next, err := tx.JournalGeneration(at.Add(-time.Hour)); next != g+1 || err != nil {
			t.Errorf("generation after a restore = %d, %v; want %d", next, err, g+1)
		}
		return nil
	})
}

func TestDamageOutlivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.SetDamaged(t.Context(), errors.New("leaf 7")); err != nil {
		t.Fatal(err)
	}
	shut(t, s)
	s = open(t, dir)
	update(t, s, func(tx *store.Tx) error {
		if err := tx.MayClean(); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("MayClean() = %v, want ErrDamaged", err)
		}
		return nil
	})
	if err := s.SetDamaged(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { return tx.MayClean() })
}

func BenchmarkRecount(b *testing.B) {
	s, err := store.Open(b.Context(), b.TempDir(), testKey, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const n = 20000
	err = s.Update(b.Context(), func(tx *store.Tx) error {
		for i := range n {
			if _, err := tx.AppendJournal("sent", time.UnixMilli(int64(i)), make([]byte, 113)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		a, _ := s.Audit()
		err := a.View(b.Context(), func(tx *store.Tx) error {
			var e checkpoint.Edge
			_, err := tx.Recount(&e, math.MaxInt, nil)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		a.Close()
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}
