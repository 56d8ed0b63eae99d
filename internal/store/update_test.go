package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/fault"
	"hotline/internal/store"
)

// TestUpdatesShareACommitAndNotTheirFate runs many Updates at once, some of
// which fail, one of which panics.
func TestUpdatesShareACommitAndNotTheirFate(t *testing.T) {
	s := open(t, t.TempDir())
	boom := errors.New("boom")
	const n = 200
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i == 77) {
					t.Errorf("update %d: panic %v", i, p)
				}
			}()
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.PutSetting(fmt.Sprintf("k%03d", i), nil); err != nil {
					return err
				}
				if err := tx.PutCell("k", []byte(fmt.Sprint(i%20)), []byte(fmt.Sprint(i))); err != nil {
					return err
				}
				if i == 77 {
					panic("77")
				}
				if i%5 == 0 {
					return boom
				}
				return nil
			})
			if want := i%5 == 0; errors.Is(err, boom) != want || (err != nil) != want {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	update(t, s, func(tx *store.Tx) error {
		for i := range n {
			_, err := tx.Setting(fmt.Sprintf("k%03d", i))
			if gone := errors.Is(err, store.ErrNone); gone != (i%5 == 0 || i == 77) {
				t.Errorf("setting %d: %v", i, err)
			}
		}
		for i := range 20 {
			v, err := tx.Cell("k", []byte(fmt.Sprint(i)))
			if i%5 == 0 {
				if !errors.Is(err, store.ErrNone) {
					t.Errorf("cell %d = %q, %v: only failed updates wrote it", i, v, err)
				}
			} else if err != nil {
				t.Errorf("cell %d: %v", i, err)
			}
		}
		return nil
	})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAfterRunsOnlyWhenDurable(t *testing.T) {
	s := open(t, t.TempDir())
	ran := 0
	_ = s.Update(t.Context(), func(tx *store.Tx) error {
		tx.After(func() { ran++ })
		return errors.New("no")
	})
	if ran != 0 {
		t.Error("After ran for a failed Update")
	}
	update(t, s, func(tx *store.Tx) error {
		tx.After(func() { ran++ })
		if ran != 0 {
			t.Error("After ran inside the transaction")
		}
		return nil
	})
	if ran != 1 {
		t.Errorf("After ran %d times", ran)
	}
}

func TestViewReadsAndNothingElse(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutSetting("a", []byte("1")), tx.PutCell("k", nil, []byte("s")))
	})
	err := s.View(t.Context(), func(tx *store.Tx) error {
		if err := tx.PutSetting("a", []byte("2")); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("PutSetting() = %v, want ErrReadOnly", err)
		}
		if _, err := tx.Cell("k", nil); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("Cell() = %v, want ErrReadOnly", err)
		}
		if err := tx.PutCell("k", nil, nil); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("PutCell() = %v, want ErrReadOnly", err)
		}
		// From its first query on, a view does not change under its reader,
		// and it does not hold up writers.
		if _, err := tx.Setting("a"); err != nil {
			return err
		}
		update(t, s, func(tx *store.Tx) error { return tx.PutSetting("a", []byte("3")) })
		v, err := tx.Setting("a")
		if string(v) != "1" {
			t.Errorf("Setting(a) = %q inside the view", v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSlowReaderIsCutOff: a long query ends about 100 ms after an Update that
// erases a key has begun to wait for it. By itself it would take two seconds.
func TestSlowReaderIsCutOff(t *testing.T) {
	s := open(t, t.TempDir())
	reading := make(chan struct{})
	result := make(chan error)
	go func() {
		result <- s.View(context.Background(), func(tx *store.Tx) error {
			close(reading)
			var n int64
			return tx.Row(`WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c`).Scan(&n)
		})
	}()
	<-reading
	start := time.Now()
	update(t, s, func(tx *store.Tx) error { return tx.PutCell("k", nil, []byte("s")) })
	if took := time.Since(start); took > time.Second {
		t.Errorf("Update took %v beside a reader", took)
	}
	err := <-result
	if took := time.Since(start); took > time.Second {
		t.Errorf("View took %v, want about 100 ms", took)
	}
	if k, msg, _ := fault.Visible(err); !errors.Is(err, store.ErrSlow) || k != fault.Timeout || msg == "" {
		t.Errorf("View() = %v, want ErrSlow with a sentence", err)
	}
	// The connection is good for the next one.
	for range 3 {
		if err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.LastEvent(); return err }); err != nil {
			t.Error(err)
		}
	}
}

func TestClosedStoreAndEndedTransaction(t *testing.T) {
	s := open(t, t.TempDir())
	var kept *store.Tx
	update(t, s, func(tx *store.Tx) error { kept = tx; return nil })
	if err := kept.PutSetting("a", nil); err == nil {
		t.Error("a transaction that has ended still writes")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Update(ctx, func(*store.Tx) error { t.Error("ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update() with an ended context = %v", err)
	}
	shut(t, s)
	if err := s.Update(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Update() = %v, want ErrClosed", err)
	}
	if err := s.View(t.Context(), func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View() = %v, want ErrClosed", err)
	}
	shut(t, s)
}

// TestWorksInABubble: other packages test days in a synctest bubble, on a real
// store.
func TestWorksInABubble(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(t.Context(), dir, testKey, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			time.Sleep(time.Hour)
			update(t, s, func(tx *store.Tx) error {
				_, err := tx.AppendJournal("hour", time.Now(), nil)
				return errors.Join(err, tx.PutCell("k", nil, nil))
			})
			if err := s.View(t.Context(), func(tx *store.Tx) error { _, err := tx.JournalSize(); return err }); err != nil {
				t.Fatal(err)
			}
		}
		shut(t, s)
	})
}
