package store

import (
	"encoding/binary"
	"maps"
	"os"
	"slices"

	cipher "lukechampine.com/adiantum"

	"github.com/ncruces/go-sqlite3"
)

// Decrypt returns the content of line.db or its log as SQLite sees it.
func Decrypt(name string, key []byte) ([]byte, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	h := cipher.New(key)
	for off := 0; off+blockSize <= len(b); off += blockSize {
		var tweak [8]byte
		binary.LittleEndian.PutUint64(tweak[:], uint64(off))
		h.Decrypt(b[off:off+blockSize], tweak[:])
	}
	return b, nil
}

// SlotKeys returns the keys that keys/cells holds on disk, by slot, but of slots
// that do not open.
func SlotKeys(name string, key []byte) (map[int64][32]byte, error) {
	f, err := osDisk{}.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	s, err := openSlots(f, key)
	if err != nil {
		return nil, err
	}
	keys := make(map[int64][32]byte)
	for i, sl := range s.all {
		if !sl.bad {
			keys[int64(i)] = sl.key
		}
	}
	return keys, nil
}

// TryOpen tries to open a sealed row with the key of its slot on disk, and
// with what that key can become.
func TryOpen(name string, key []byte, i int64, epoch uint32, kind string, ref, sealed []byte) ([]byte, error) {
	f, err := osDisk{}.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	s, err := openSlots(f, key)
	if err != nil {
		return nil, err
	}
	sl := s.all[i]
	for range 100 {
		try := sl
		try.epoch = epoch
		if secret, err := openCell(try, i, kind, ref, sealed); err == nil {
			return secret, nil
		}
		sl = sl.next()
	}
	return nil, ErrDamaged
}

// SetVersion sets the schema version of the file in a folder that no store has
// open. The change stays in the log until release is called.
func SetVersion(dir string, key []byte, version string) (release func(), err error) {
	name, unregister, err := register("", key)
	if err != nil {
		return nil, err
	}
	c, err := dial(dir+"/line.db", name, sqlite3.OPEN_READWRITE)
	if err != nil {
		unregister()
		return nil, err
	}
	return func() {
		_ = c.close()
		unregister()
	}, c.db.Exec("PRAGMA user_version=" + version)
}

// LatestVersion is the newest schema that this program knows.
var LatestVersion = latestVersion

// Statements lists what the writing connection has prepared. The store must be
// idle.
func Statements(s *Store) []string { return slices.Sorted(maps.Keys(s.writer.stmts)) }
