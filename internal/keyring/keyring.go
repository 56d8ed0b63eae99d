// Package keyring keeps a desk's database key in slots, and seals small files
// such as a party's root under a passphrase.
//
// The database key is 32 random bytes and never changes. What changes is who
// can unwrap it: each slot of keys/slots.json holds the same key, wrapped in
// its own way (docs/spec/store.md, Section 4): a passphrase, a TPM, a
// credential of systemd, or shares that two people bring. Lost every slot is
// lost desk: there is no way round, and the desk says so when it is made. So
// the last slot is never removed, and the file is replaced as a whole, durably,
// or not at all.
//
// Each passphrase slot has two places of equal look. One is the passphrase's.
// The other holds random bytes, or a duress word: it opens the desk just so,
// and the desk then tells the others of its party. Both places are always
// tried, whatever the first one said.
//
// A passphrase goes through argon2id with 256 MiB, which is handed back to the
// system before the call returns: an idle desk is small. The parameters stand
// in the file, so they can grow later.
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
	"log/slog"
	"os"
	"path/filepath"

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

// Kind is how a slot is opened.
type Kind string

// The kinds of slots. Their names are part of the file's format.
const (
	Passphrase Kind = "passphrase"
	TPM        Kind = "tpm"
	Credential Kind = "credential"
	Recovery   Kind = "recovery"
)

// Opened is a desk's database key and the slot that gave it.
type Opened struct {
	Key  []byte
	Slot int
	Kind Kind
	mark byte
}

// Duress reports whether a duress word was given in place of the passphrase.
// The caller goes on as it always does.
func (o Opened) Duress() bool { return o.mark == markDuress }

// String returns a placeholder, so that %v and %s are safe.
func (o Opened) String() string { return "Opened(redacted)" }

// GoString is String, for %#v.
func (o Opened) GoString() string { return o.String() }

// LogValue implements [slog.LogValuer].
func (o Opened) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Create draws a database key for the desk of this name, wraps it under the
// passphrase, and writes keys/slots.json (mode 0600) into dir, durably, before
// it returns the key. Slots that are there already are never replaced:
// [ErrExists].
func Create(dir, desk string, passphrase []byte, c Cost) ([]byte, error) {
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	s, err := newPassphrase(1, key, passphrase, c)
	if err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	doc := slotsDoc{Version: version, Desk: desk, Slots: []slotDoc{s}}
	if err := doc.check(); err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	if err := writeNew(slotsFile(dir), encode(doc)); err != nil {
		return nil, fmt.Errorf("create slots: %w", err)
	}
	return key, nil
}

// Open returns the database key of dir. A passphrase that opens no slot is a
// [fault.Error] of kind Denied that matches [ErrPassphrase].
func Open(dir string, passphrase []byte) (Opened, error) {
	doc, err := readSlots(dir)
	if err != nil {
		return Opened{}, fmt.Errorf("open slots: %w", err)
	}
	o, err := doc.unwrap(passphrase, 0)
	if err != nil {
		return o, fmt.Errorf("open slots: %w", err)
	}
	return o, nil
}

func wrong() error {
	return fault.Wrap(ErrPassphrase, fault.Denied, "The passphrase is wrong.")
}

func malformed(err error) error {
	return fault.Wrap(fmt.Errorf("%w: %w", ErrFormat, err), fault.Config,
		"A key file cannot be read: it is damaged, or a newer version wrote it.").
		WithHint("restore the file from a backup, or install the newer version")
}

const (
	version = 1
	maxFile = 1 << 20 // bytes of a key file
)

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
