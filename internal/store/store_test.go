package store_test

import (
	"context"
	"errors"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/store"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

// open opens dir and closes it with the test.
func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dir, testKey, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	})
	return s
}

// update runs fn in an Update that must succeed.
func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateIsSeenByViewAndByTheNextOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutSetting("a", []byte("1")), tx.PutCell("seal", []byte{7}, []byte("secret")))
	})
	err := s.View(t.Context(), func(tx *store.Tx) error {
		v, err := tx.Setting("a")
		if string(v) != "1" {
			t.Errorf("Setting(a) = %q", v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := s.Provenance(); got != store.Clean {
		t.Errorf("Provenance() = %v", got)
	}
	if got := s.Generation(); got != 2 {
		t.Errorf("Generation() = %d, want 2", got)
	}
	update(t, s, func(tx *store.Tx) error {
		v, err := tx.Cell("seal", []byte{7})
		if string(v) != "secret" {
			t.Errorf("Cell() = %q", v)
		}
		return err
	})
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// wantBusy checks that err is the fault of a full disk, with a sentence.
func wantBusy(t testing.TB, err error) {
	t.Helper()
	if k, msg, _ := fault.Visible(err); k != fault.Busy || msg == "" {
		t.Errorf("error = %v (kind %v), want a busy fault", err, k)
	}
}
