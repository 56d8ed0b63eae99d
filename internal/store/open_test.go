package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/store"
)

// copyDir copies a folder's files, as cp -r does.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// copyFile copies one file over another's content, which keeps its inode.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func shut(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *store.Store, v string) {
	t.Helper()
	update(t, s, func(tx *store.Tx) error { return tx.PutCell("sender", []byte("s"), []byte(v)) })
}

func TestCopiedFolderIsNoticedUntilSettled(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "one")
	shut(t, s)
	twin := copyDir(t, dir)

	for range 2 { // the second time it was started, and not settled
		s = open(t, twin)
		if got := s.Provenance(); got != store.Copied {
			t.Errorf("copy: Provenance() = %v, want copied", got)
		}
		shut(t, s)
	}
	s = open(t, twin)
	update(t, s, func(tx *store.Tx) error {
		v, err := tx.Cell("sender", []byte("s"))
		if string(v) != "one" {
			t.Errorf("Cell() = %q", v)
		}
		return errors.Join(err, tx.Settle())
	})
	if got := s.Provenance(); got != store.Clean {
		t.Errorf("settled: Provenance() = %v, want clean", got)
	}
	shut(t, s)
	if got := open(t, twin).Provenance(); got != store.Clean {
		t.Errorf("after restart: Provenance() = %v, want clean", got)
	}
	if got := open(t, dir).Provenance(); got != store.Clean {
		t.Errorf("original: Provenance() = %v, want clean", got)
	}
}

func TestMovedFolderIsClean(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a")
	s := open(t, dir)
	shut(t, s)
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir+"2").Provenance(); got != store.Clean {
		t.Errorf("Provenance() = %v, want clean", got)
	}
}

// TestRolledBack puts an old copy of one of the two files back, or takes one
// away.
func TestRolledBack(t *testing.T) {
	tests := map[string]struct {
		file     string
		restart  bool // between the copy and the change
		lost     bool // the cell's key is gone
		opensOld bool
	}{
		"old database, same start":  {file: "line.db", lost: true},
		"old database, later start": {file: "line.db", restart: true, lost: true},
		"old slots, same start":     {file: "keys/cells", lost: true},
		"old slots, later start":    {file: "keys/cells", restart: true, lost: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			put(t, s, "one")
			if tt.restart {
				shut(t, s)
			}
			twin := copyDir(t, dir)
			if tt.restart {
				s = open(t, dir)
			}
			put(t, s, "two")
			put(t, s, "three")
			shut(t, s)
			if tt.restart {
				s = open(t, dir)
				shut(t, s)
			}
			copyFile(t, filepath.Join(twin, tt.file), filepath.Join(dir, tt.file))
			s = open(t, dir)
			if got := s.Provenance(); got != store.RolledBack {
				t.Errorf("Provenance() = %v, want rolled back", got)
			}
			update(t, s, func(tx *store.Tx) error {
				v, err := tx.Cell("sender", []byte("s"))
				if tt.lost && !errors.Is(err, store.ErrRolledBack) {
					t.Errorf("Cell() = %q, %v, want ErrRolledBack", v, err)
				}
				return nil
			})
			// The way out: new keys, settle, go on.
			update(t, s, func(tx *store.Tx) error {
				return errors.Join(tx.PutCell("sender", []byte("s"), []byte("new")), tx.Settle())
			})
			shut(t, s)
			s = open(t, dir)
			if got := s.Provenance(); got != store.Clean {
				t.Errorf("after settling: Provenance() = %v", got)
			}
			update(t, s, func(tx *store.Tx) error {
				v, err := tx.Cell("sender", []byte("s"))
				if string(v) != "new" {
					t.Errorf("Cell() = %q", v)
				}
				return err
			})
		})
	}
}

// TestRolledBackWithoutCells: the generations alone give an old file away.
func TestRolledBackWithoutCells(t *testing.T) {
	for _, file := range []string{"line.db", "keys/cells"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			shut(t, open(t, dir))
			twin := copyDir(t, dir)
			for range 2 {
				shut(t, open(t, dir))
			}
			copyFile(t, filepath.Join(twin, file), filepath.Join(dir, file))
			if got := open(t, dir).Provenance(); got != store.RolledBack {
				t.Errorf("Provenance() = %v, want rolled back", got)
			}
		})
	}
}

func TestLostSlotsFile(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "one")
	shut(t, s)
	if err := os.Remove(filepath.Join(dir, "keys", "cells")); err != nil {
		t.Fatal(err)
	}
	if got := open(t, dir).Provenance(); got != store.RolledBack {
		t.Errorf("Provenance() = %v, want rolled back", got)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	_, err := store.Open(t.Context(), dir, testKey, store.Options{})
	k, msg, _ := fault.Visible(err)
	if want := fmt.Sprintf("in use by another process (pid %d)", os.Getpid()); k != fault.Config || !strings.Contains(msg, want) {
		t.Errorf("Open() = %v, %q, want config and %q", k, msg, want)
	}
	if !errors.Is(err, store.ErrInUse) {
		t.Errorf("Open() error = %v, want ErrInUse", err)
	}
	shut(t, s)
	open(t, dir)
}

// TestNewerSchemaIsRefused leaves the newer version in a log that was not
// checkpointed, as after a crash: even that must stay as it is.
func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	put(t, s, "one")
	shut(t, s)
	latest, err := store.LatestVersion()
	if err != nil {
		t.Fatal(err)
	}
	release, err := store.SetVersion(dir, testKey, fmt.Sprint(latest+1))
	if err != nil {
		t.Fatal(err)
	}
	newer := copyDir(t, dir)
	release()
	before := contents(t, newer)
	if len(before[filepath.Join(newer, "line.db-wal")]) == 0 {
		t.Fatal("there is no log")
	}
	for range 2 {
		_, err = store.Open(t.Context(), newer, testKey, store.Options{})
		if k, msg, _ := fault.Visible(err); !errors.Is(err, store.ErrNewerSchema) || k != fault.Config || msg == "" {
			t.Errorf("Open() = %v, %v, want ErrNewerSchema", k, err)
		}
	}
	now := contents(t, newer)
	for _, name := range []string{"line.db", "line.db-wal", "keys/cells"} {
		if path := filepath.Join(newer, name); !bytes.Equal(before[path], now[path]) {
			t.Errorf("%s was changed: %d bytes, now %d", name, len(before[path]), len(now[path]))
		}
	}
	if release, err = store.SetVersion(newer, testKey, fmt.Sprint(latest)); err != nil {
		t.Fatal(err)
	}
	release()
	open(t, newer)
}

func TestWrongKey(t *testing.T) {
	dir := t.TempDir()
	shut(t, open(t, dir))
	before := contents(t, dir)[filepath.Join(dir, "line.db")]
	_, err := store.Open(t.Context(), dir, bytes.Repeat([]byte{1}, 32), store.Options{})
	if k, _, _ := fault.Visible(err); !errors.Is(err, store.ErrWrongKey) || k != fault.Config {
		t.Errorf("Open() error = %v, want ErrWrongKey", err)
	}
	if !bytes.Equal(before, contents(t, dir)[filepath.Join(dir, "line.db")]) {
		t.Error("the database was changed")
	}
	open(t, dir)
}

// TestChangedPageIsNoticed flips one bit of each page in turn: what is read is
// right, or an error, and a check finds it. The value's last page is one that
// holds nothing but content.
func TestChangedPageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	value := bytes.Repeat([]byte("x"), 6000)
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutSetting("text", value), tx.PutCell("k", nil, nil))
	})
	shut(t, s)
	name := filepath.Join(dir, "line.db")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for off := 2000; off < len(good); off += 4096 {
		bad := bytes.Clone(good)
		bad[off] ^= 4
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), dir, testKey, store.Options{})
		if err == nil {
			err = s.View(t.Context(), func(tx *store.Tx) error {
				v, err := tx.Setting("text")
				if err == nil && !bytes.Equal(v, value) {
					t.Errorf("a bit flipped at %d: another value was read", off)
				}
				return nil
			})
			err = errors.Join(err, s.Check(t.Context()))
			_ = s.Close()
		}
		if !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrWrongKey) {
			t.Errorf("a bit flipped at %d: %v, want ErrDamaged", off, err)
		}
		if err := os.WriteFile(name, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpensAfterRaggedWAL: a torn last block of the log is cut, and said.
func TestOpensAfterRaggedWAL(t *testing.T) {
	for _, tail := range []int{-512, 512, 4095} {
		t.Run(fmt.Sprint(tail), func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			update(t, s, func(tx *store.Tx) error { return tx.PutSetting("a", []byte("1")) })
			update(t, s, func(tx *store.Tx) error { return tx.PutSetting("b", []byte("1")) })
			twin := copyDir(t, dir) // with the log, as after a power cut
			wal := filepath.Join(twin, "line.db-wal")
			b, err := os.ReadFile(wal)
			if err != nil || len(b) == 0 {
				t.Fatalf("no log to cut: %d bytes, %v", len(b), err)
			}
			if tail < 0 {
				b = b[:len(b)+tail]
			} else {
				b = append(b, bytes.Repeat([]byte{9}, tail)...)
			}
			if err := os.WriteFile(wal, b, 0o600); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			s, err = store.Open(t.Context(), twin, testKey, store.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer shut(t, s)
			if !strings.Contains(log.String(), "cut ragged log tail") {
				t.Errorf("log = %q", log.String())
			}
			update(t, s, func(tx *store.Tx) error {
				_, err := tx.Setting("a")
				return err
			})
		})
	}
}

func TestFilesAreForTheOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "desk")
	s := open(t, dir)
	update(t, s, func(tx *store.Tx) error { return tx.PutSetting("a", nil) })
	for _, name := range []string{"", "lock", "line.db", "line.db-wal", "keys", "keys/cells"} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm()&0o077 != 0 {
			t.Errorf("%q has mode %v", name, fi.Mode())
		}
	}
}

// TestBackup: the copy opens, holds the rows and no cell, and says what it is.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	text, secret := marker(), marker()
	update(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutSetting("text", text), tx.PutCell("k", []byte("a"), secret))
	})
	sealed := cellRow(t, s, "k", []byte("a")).sealed
	to := t.TempDir()
	path := filepath.Join(to, "line.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if err := s.Backup(t.Context(), path); !fault.Is(err, fault.Conflict) {
		t.Errorf("second Backup() = %v, want a conflict", err)
	}
	if names, _ := filepath.Glob(filepath.Join(to, "*")); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
	all := contents(t, to)
	if findIn(all, sealed) != nil || findIn(all, secret) != nil {
		t.Error("the backup holds a cell")
	}
	if got := findIn(all, text); len(got) != 1 || !strings.HasSuffix(got[0], "decrypted") {
		t.Errorf("the text is in %v, want in the decrypted copy alone", got)
	}
	put(t, s, "the original goes on")

	r := open(t, to)
	if got := r.Provenance(); got != store.Copied {
		t.Errorf("Provenance() = %v, want copied", got)
	}
	update(t, r, func(tx *store.Tx) error {
		v, err := tx.Setting("text")
		if !bytes.Equal(v, text) {
			t.Errorf("Setting(text) = %x", v)
		}
		if refs, _ := tx.Cells("k"); len(refs) != 0 {
			t.Errorf("%d cells", len(refs))
		}
		return err
	})
	if err := r.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
