package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/store"
)

// FuzzSlots: keys/cells with a changed byte, or cut short, gives no key that was
// not sealed into it, loses no other slot than the changed one, and is damaged
// when its head is.
func FuzzSlots(f *testing.F) {
	dir := f.TempDir()
	s, err := store.Open(f.Context(), dir, testKey, store.Options{})
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	name := filepath.Join(dir, "keys", "cells")
	good, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	known, err := store.SlotKeys(name, testKey)
	if err != nil || len(known) == 0 {
		f.Fatal(len(known), err)
	}
	f.Add(uint32(0), uint8(1), uint32(len(good)))
	f.Add(uint32(20), uint8(1), uint32(len(good)))
	f.Add(uint32(len(good)-1), uint8(0x80), uint32(len(good)))
	f.Add(uint32(0), uint8(0), uint32(len(good)-7))
	f.Add(uint32(0), uint8(0), uint32(20))
	f.Fuzz(func(t *testing.T, at uint32, change uint8, cut uint32) {
		b := bytes.Clone(good[:min(int(cut), len(good))])
		if int(at) < len(b) {
			b[at] ^= change
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := store.SlotKeys(name, testKey)
		if err != nil {
			if !errors.Is(err, store.ErrDamaged) {
				t.Errorf("%d bytes: %v", len(b), err)
			}
			return
		}
		if at < 84 && change != 0 { // magic, and what is sealed behind it
			t.Errorf("byte %d of the head is changed, and nobody notices", at)
		}
		for i, k := range all {
			if known[i] != k {
				t.Errorf("slot %d has another key", i)
			}
		}
		if whole := len(b) == len(good); whole && len(all) < len(known)-1 || whole && change == 0 && len(all) != len(known) {
			t.Errorf("%d of %d slots are left with byte %d changed", len(all), len(known), at)
		}
	})
}
