// Package keyring keeps a desk's database key in slots, and seals small files
// such as a party's root under a passphrase.
//
// The database key is 32 random bytes and never changes. What changes is who
// can unwrap it: each slot of keys/slots.json holds the same key, wrapped in
// its own way. Today there is one kind, the passphrase; a TPM or a systemd
// credential becomes another entry in the same list. Lost every slot is lost
// desk: there is no way round, and the desk says so when it is made.
//
// A passphrase goes through argon2id with 256 MiB (docs/spec/store.md,
// Section 4),
// which is handed back to the system before the call returns: an idle desk is
// small. The parameters stand in the file, so they can grow later.
//
// This package is on floor 2: it reads and writes key files and reads no
// clock.
package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hotline/internal/fault"
)

var (
	// ErrPassphrase means that no slot opens with this passphrase: a wrong
	// one, or a changed file. The two look alike on purpose.
	ErrPassphrase = errors.New("passphrase does not open this")
	// ErrFormat means that a key file cannot be read: not ours, or a kind or
	// version that this program does not know.
	ErrFormat = errors.New("not a key file of this version")
	// ErrExists means that there is a key file already; it is never replaced.
	ErrExists = errors.New("key file exists already")
)

// KeySize is the length of the database key in bytes.
const KeySize = 32

// slotsFile is the name of the slots in a desk's folder.
func slotsFile(dir string) string { return filepath.Join(dir, "keys", "slots.json") }

// slotsDoc is keys/slots.json.
type slotsDoc struct {
	Version int       `json:"version"` // 1
	Slots   []slotDoc `json:"slots"`   // at least one
}

// slotDoc is one way to unwrap the database key.
type slotDoc struct {
	Kind string `json:"kind"` // "passphrase"
	lock
	Wrapped []byte `json:"wrapped"` // AES-256-GCM of the key: 32 + 16 bytes
}

const (
	version        = 1
	kindPassphrase = "passphrase"
	purposeSlot    = "hotline/1/keyring-slot"
	maxSlots       = 16
	maxFile        = 1 << 20 // bytes of a key file
)

// Exists reports whether dir has slots already.
func Exists(dir string) bool {
	_, err := os.Lstat(slotsFile(dir))
	return err == nil
}

// Create draws a database key, wraps it under the passphrase, and writes
// keys/slots.json (mode 0600) into dir, durably, before it returns the key.
// Slots that are there already are never replaced: [ErrExists].
func Create(dir string, passphrase []byte, c Cost) ([]byte, error) {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	s, err := newSlot(key, passphrase, c)
	if err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	if err := writeNew(slotsFile(dir), encode(slotsDoc{Version: version, Slots: []slotDoc{s}})); err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	return key, nil
}

// Open returns the database key of dir. A passphrase that opens no slot is a
// [fault.Error] of kind Denied that matches [ErrPassphrase].
func Open(dir string, passphrase []byte) ([]byte, error) {
	doc, err := readSlots(dir)
	if err != nil {
		return nil, fmt.Errorf("open slots: %w", err)
	}
	key, _, err := doc.unwrap(passphrase)
	if err != nil {
		return nil, fmt.Errorf("open slots: %w", err)
	}
	return key, nil
}

// Change replaces the slot that old opens by one for the new passphrase. The
// file is replaced as a whole: after a crash one of the two passphrases opens
// it. Whoever has a copy of the older file can still use the older passphrase:
// the key within is the same.
func Change(dir string, old, passphrase []byte, c Cost) error {
	doc, err := readSlots(dir)
	if err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	key, i, err := doc.unwrap(old)
	if err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	defer clear(key)
	if doc.Slots[i], err = newSlot(key, passphrase, c); err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	if err := replace(slotsFile(dir), encode(doc)); err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	return nil
}

// newSlot wraps key under a passphrase.
func newSlot(key, passphrase []byte, c Cost) (slotDoc, error) {
	l, err := newLock(c, passphrase)
	if err != nil {
		return slotDoc{}, err
	}
	wrapped, err := l.seal(passphrase, purposeSlot, key)
	return slotDoc{Kind: kindPassphrase, lock: l, Wrapped: wrapped}, err
}

// unwrap tries the passphrase on each slot that takes one.
func (d slotsDoc) unwrap(passphrase []byte) (key []byte, i int, err error) {
	for i, s := range d.Slots {
		if s.Kind != kindPassphrase {
			continue
		}
		key, err := s.open(passphrase, purposeSlot, s.Wrapped)
		if err == nil && len(key) == KeySize {
			return key, i, nil
		}
	}
	return nil, 0, wrong()
}

func wrong() error {
	return fault.Wrap(ErrPassphrase, fault.Denied, "The passphrase is wrong.")
}

// readSlots reads and checks keys/slots.json.
func readSlots(dir string) (doc slotsDoc, err error) {
	b, err := readFile(slotsFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return doc, fault.Wrap(err, fault.Config, "This folder holds no desk.").WithHint("make one with: hotline desk init")
	}
	if err != nil {
		return doc, err
	}
	if err := decode(b, &doc); err != nil {
		return doc, err
	}
	if doc.Version != version || len(doc.Slots) == 0 || len(doc.Slots) > maxSlots {
		return doc, malformed(errors.New("version or number of slots"))
	}
	for _, s := range doc.Slots {
		// An unknown kind is a newer program's: its key could be unwrapped by
		// a slot that is known, but then Change would lose the other.
		if s.Kind != kindPassphrase || len(s.Wrapped) != KeySize+tagSize {
			return doc, malformed(fmt.Errorf("slot of kind %q", s.Kind))
		}
		if err := s.check(); err != nil {
			return doc, malformed(err)
		}
	}
	return doc, nil
}

func malformed(err error) error {
	return fault.Wrap(fmt.Errorf("%w: %w", ErrFormat, err), fault.Config,
		"A key file cannot be read: it is damaged, or a newer version wrote it.").
		WithHint("restore the file from a backup, or install the newer version")
}

// encode writes a document in its one spelling.
func encode(v any) []byte {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("keyring: " + err.Error()) // our own types always marshal
	}
	return append(b, '\n')
}

// decode reads a document that encode wrote. Any other spelling is refused,
// which also rules out unknown and repeated fields.
func decode[T any](b []byte, v *T) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return malformed(err)
	}
	if !bytes.Equal(encode(v), b) {
		return malformed(errors.New("another spelling than ours"))
	}
	return nil
}

// readFile reads a small file.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = malformed(errors.New("too long"))
	}
	return b, err
}

// ReadPassphraseFile returns the passphrase in a file: its first line without
// the line end. An empty one is an error, and so is a file that others can
// read: it stands for the key.
func ReadPassphraseFile(name string) ([]byte, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The passphrase file cannot be read.")
	}
	if fi.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Config, "The passphrase file can be read by other users.").
			WithHint("chmod 600 the file")
	}
	b, err := readFile(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The passphrase file cannot be read.")
	}
	line, rest, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || strings.Trim(rest, "\r\n") != "" {
		return nil, fault.New(fault.Config, "The passphrase file must hold one line.")
	}
	return []byte(line), nil
}
