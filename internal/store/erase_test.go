package store_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/store"
)

// marker returns bytes that stand nowhere by chance.
func marker() []byte {
	b := make([]byte, 48)
	_, _ = rand.Read(b)
	return b
}

// contents returns every file below dir as it is on disk, and the database and
// its log decrypted too.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		all[path] = b
		if name := e.Name(); name == "line.db" || name == "line.db-wal" {
			all[path+" decrypted"], err = store.Decrypt(path, testKey)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// findIn lists where b stands.
func findIn(all map[string][]byte, b []byte) (places []string) {
	for name, content := range all {
		if bytes.Contains(content, b) {
			places = append(places, name)
		}
	}
	return places
}

// row is a cell's row as the database holds it.
type row struct {
	slot   int64
	epoch  uint32
	sealed []byte
}

func cellRow(t *testing.T, s *store.Store, kind string, ref []byte) (r row) {
	t.Helper()
	err := s.View(t.Context(), func(tx *store.Tx) error {
		return tx.Row("SELECT slot, epoch, sealed FROM cell WHERE kind = ? AND ref = ?", kind, ref).
			Scan(&r.slot, &r.epoch, &r.sealed)
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReplacedKeyIsInNoFile is the promise of the package: when Update has
// returned, nothing on the disk opens the old secret, with the database key
// and an old copy of the database in hand.
func TestReplacedKeyIsInNoFile(t *testing.T) {
	for name, end := range map[string]func(*store.Tx) error{
		"replaced": func(tx *store.Tx) error { return tx.PutCell("receiver", []byte("r"), []byte("next")) },
		"dropped":  func(tx *store.Tx) error { return tx.DropCell("receiver", []byte("r")) },
		"dropped and made anew": func(tx *store.Tx) error {
			return errors.Join(tx.DropCell("receiver", []byte("r")), tx.PutCell("receiver", []byte("r"), []byte("next")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			secret := marker()
			update(t, s, func(tx *store.Tx) error { return tx.PutCell("receiver", []byte("r"), secret) })
			cells := filepath.Join(dir, "keys", "cells")
			old := cellRow(t, s, "receiver", []byte("r"))
			keys, err := store.SlotKeys(cells, testKey)
			if err != nil {
				t.Fatal(err)
			}
			oldKey := keys[old.slot]
			// The test can see: the row is in the file, and opens.
			if got := findIn(contents(t, dir), old.sealed); len(got) == 0 {
				t.Fatal("the sealed row is not found where it must be")
			}
			if got, err := store.TryOpen(cells, testKey, old.slot, old.epoch, "receiver", []byte("r"), old.sealed); err != nil || !bytes.Equal(got, secret) {
				t.Fatalf("TryOpen() before = %x, %v", got, err)
			}

			update(t, s, end)

			all := contents(t, dir)
			for what, b := range map[string][]byte{"secret": secret, "its sealed row": old.sealed, "its key": oldKey[:]} {
				if got := findIn(all, b); got != nil {
					t.Errorf("%s is in %v", what, got)
				}
			}
			if keys, err = store.SlotKeys(cells, testKey); err != nil {
				t.Fatal(err)
			}
			for i, k := range keys {
				if k == oldKey {
					t.Errorf("slot %d still holds the old key", i)
				}
			}
			if _, err := store.TryOpen(cells, testKey, old.slot, old.epoch, "receiver", []byte("r"), old.sealed); err == nil {
				t.Error("an old copy of the row opens with what is on disk now")
			}
		})
	}
}

// TestDeletedTextLeavesThePages checks secure_delete: a deleted row is in no
// page, used or free, once the log was checkpointed.
func TestDeletedTextLeavesThePages(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	text := marker()
	update(t, s, func(tx *store.Tx) error { return tx.PutSetting("text", bytes.Repeat(text, 200)) })
	if got := findIn(contents(t, dir), text); len(got) == 0 {
		t.Fatal("the text is not found where it must be")
	}
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.DropSetting("text"), tx.PutCell("any", nil, text[:1]))
	})
	if got := findIn(contents(t, dir), text); got != nil {
		t.Errorf("deleted text is in %v", got)
	}
}

// TestFailedUpdateErasesNothing: a transaction that is rolled back leaves row
// and slot as they were.
func TestFailedUpdateErasesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *store.Tx) error { return tx.PutCell("k", []byte("a"), []byte("one")) })
	boom := errors.New("boom")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		return errors.Join(tx.PutCell("k", []byte("a"), []byte("two")), tx.PutCell("k", []byte("b"), []byte("new")),
			tx.DropCell("k", []byte("a")), tx.PutCell("k", []byte("a"), []byte("three")), boom)
	})
	if !errors.Is(err, boom) {
		t.Fatal(err)
	}
	for range 3 {
		update(t, s, func(tx *store.Tx) error {
			v, err := tx.Cell("k", []byte("a"))
			if string(v) != "one" {
				t.Errorf("Cell(a) = %q, want one", v)
			}
			if _, err := tx.Cell("k", []byte("b")); !errors.Is(err, store.ErrNone) {
				t.Errorf("Cell(b) error = %v, want ErrNone", err)
			}
			return errors.Join(err, tx.PutCell("k", []byte("a"), []byte("one")))
		})
	}
}

// TestCellsDoNotChangePlaces: a sealed row under another name does not open.
func TestCellsDoNotChangePlaces(t *testing.T) {
	s := open(t, t.TempDir())
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutCell("k", []byte("a"), []byte("one")), tx.PutCell("k", []byte("b"), []byte("two")))
	})
	update(t, s, func(tx *store.Tx) error {
		_, err := tx.Exec("UPDATE cell SET ref = ? WHERE ref = ?", []byte("c"), []byte("a"))
		return err
	})
	update(t, s, func(tx *store.Tx) error {
		if v, err := tx.Cell("k", []byte("c")); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("Cell(c) = %q, %v, want ErrDamaged", v, err)
		}
		return nil
	})
}

// TestCellsGrow fills several blocks of slots and finds everything again.
func TestCellsGrow(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const n = 300
	ref := func(i int) []byte { return []byte{byte(i >> 8), byte(i)} }
	update(t, s, func(tx *store.Tx) error {
		for i := range n {
			if err := tx.PutCell("k", ref(i), ref(i)); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, s, func(tx *store.Tx) error {
		for i := 0; i < n; i += 2 {
			if err := tx.DropCell("k", ref(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if s.Provenance() != store.Clean {
		t.Errorf("Provenance() = %v", s.Provenance())
	}
	update(t, s, func(tx *store.Tx) error {
		refs, err := tx.Cells("k")
		if len(refs) != n/2 {
			t.Errorf("%d cells, want %d", len(refs), n/2)
		}
		for i := 1; i < n; i += 2 {
			v, err := tx.Cell("k", ref(i))
			if err != nil || !bytes.Equal(v, ref(i)) {
				t.Errorf("Cell(%d) = %x, %v", i, v, err)
			}
		}
		return err
	})
}
