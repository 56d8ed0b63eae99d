package custody_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/suite"
)

var (
	word  = []byte("EXERCISE passphrase")
	cheap = keyring.Cost{KDF: keyring.PBKDF2, Time: 1}
)

// desk makes a folder that looks like a desk's.
func desk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := keyring.Create(dir, "JPN-1", word, cheap); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"keys/cells": 8192, "line.db": 200 << 10, "line.db-wal": 4096, "desk.toml": 10, "lock": 4, "files/a.part": 70 << 10, "own.txt": 3} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte("EXERCISE"), size/8+1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestDestroyBeginsWithTheSlots: what cannot be opened any more may be left for
// later, never the other way round. It can be run again, and leaves what is
// not the desk's.
func TestDestroyBeginsWithTheSlots(t *testing.T) {
	dir := desk(t)
	slots := filepath.Join(dir, "keys", "slots.json")
	if err := os.Rename(slots, slots+".away"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(slots, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := custody.Destroy(dir); err == nil {
		t.Error("slots that stay are no error")
	}
	if b, err := os.ReadFile(filepath.Join(dir, "line.db")); err != nil || !bytes.HasPrefix(b, []byte("EXERCISE")) {
		t.Errorf("the database went before the slots: %v", err)
	}

	// The other way round: the database is in the way, and the slots are gone.
	dir = desk(t)
	if err := os.Remove(filepath.Join(dir, "line.db")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "line.db", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := custody.Destroy(dir)
	if _, msg, hint := fault.Visible(err); !strings.Contains(msg, "keys of this desk are destroyed, and not all of its files") || hint == "" {
		t.Errorf("Destroy() = %v", err)
	}
	if keyring.Exists(dir) || !custody.Remains(dir) {
		t.Error("the slots are still there")
	}
	if err := os.RemoveAll(filepath.Join(dir, "line.db")); err != nil {
		t.Fatal(err)
	}
	left, err := custody.Destroy(dir)
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "own.txt" {
		t.Errorf("again: left %v, %v", left, err)
	}
	if err := os.Remove(left[0]); err != nil {
		t.Fatal(err)
	}
	if left, err := custody.Destroy(dir); err != nil || len(left) != 0 {
		t.Errorf("with nothing left: %v, %v", left, err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the empty folder stays: %v", err)
	}
}

// TestRootComesBackFromAnyTwoShares, and never from a changed or foreign one.
func TestRootComesBackFromAnyTwoShares(t *testing.T) {
	dir := t.TempDir()
	root, next := custody.Found(suite.One)
	file := filepath.Join(dir, "JPN.root")
	if err := custody.Keep(file, word, root, cheap); err != nil {
		t.Fatal(err)
	}
	r := custody.Root{File: file, Passphrase: func() ([]byte, error) { return bytes.Clone(word), nil }}
	_, names, err := r.Split(filepath.Join(dir, "JPN"), "JPN", 2, 3)
	if err != nil || len(names) != 3 {
		t.Fatalf("Split() = %v, %v", names, err)
	}
	for i := range names {
		two := custody.Root{File: filepath.Join(dir, "gone"), Shares: []string{names[i], names[(i+1)%3]}}
		err := two.Use(func(a custody.Authority) error {
			if !bytes.Equal(a.Seed(), root.Seed()) || a.Party != root.Party || a.Next != root.Next {
				t.Errorf("shares %d and %d restore another root", i+1, (i+1)%3+1)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		fi, err := os.Stat(names[i])
		if err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", names[i], fi.Mode(), err)
		}
		b, err := os.ReadFile(names[i])
		if err != nil || bytes.Contains(b, root.Seed()[:8]) {
			t.Errorf("%s holds the seed", names[i])
		}
	}
	for name, files := range map[string][]string{"one": names[:1], "the same twice": {names[0], names[0]}, "no share": {names[0], file}} {
		if _, err := (custody.Root{Shares: files}).Open(); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := filepath.Join(dir, "other.root")
	if err := custody.Keep(other, word, next, cheap); err != nil {
		t.Fatal(err)
	}
	r.File = other
	_, theirs, err := r.Split(filepath.Join(dir, "other"), "JPN", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (custody.Root{Shares: []string{names[0], theirs[1]}}).Open(); !fault.Is(err, fault.Invalid) {
		t.Errorf("of two splits: %v", err)
	}
	if _, names, err := r.Split(filepath.Join(dir, "JPN"), "JPN", 2, 3); !fault.Is(err, fault.Conflict) || names != nil {
		t.Errorf("over files that are there: %v, %v", names, err)
	}
}
