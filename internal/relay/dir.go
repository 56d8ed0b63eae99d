package relay

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/spool"
)

// Files of a relay's directory.
const (
	keyFile     = "relay.key"   // the private key, hexadecimal seed
	spoolFile   = "relay.db"    // envelopes in transit
	boxesFile   = "relay.boxes" // mailboxes, so that a lost spool loses no enrolment
	controlFile = "control.sock"
)

func path(dir, name string) string { return filepath.Join(dir, name) }

// Init makes a relay in dir: its key and an empty spool. It refuses a directory
// that already holds a relay.
func Init(ctx context.Context, dir string) (ident.Relay, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ident.Relay{}, fault.Wrap(err, fault.Config, "The relay's directory cannot be made.")
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return ident.Relay{}, fmt.Errorf("make relay key: %w", err)
	}
	f, err := os.OpenFile(path(dir, keyFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return ident.Relay{}, fault.New(fault.Conflict, "There is a relay in this directory already.")
	}
	if err != nil {
		return ident.Relay{}, fault.Wrap(err, fault.Config, "The relay's key cannot be written.")
	}
	_, err = fmt.Fprintf(f, "%x\n", key.Seed())
	if err = errors.Join(err, f.Sync(), f.Close(), syncDir(dir)); err != nil {
		return ident.Relay{}, fault.Wrap(err, fault.Config, "The relay's key cannot be written.")
	}
	id, err := link.NewIdentity(key)
	if err != nil {
		return ident.Relay{}, err
	}
	s, err := openSpool(ctx, dir, nil)
	if err != nil {
		return ident.Relay{}, err
	}
	return id.ID(), s.Close()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readKey reads the relay's key, and refuses one that others can read.
func readKey(dir string) (ed25519.PrivateKey, error) {
	name := path(dir, keyFile)
	st, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "There is no relay in this directory.").WithHint("hotline relay init")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The relay's key cannot be read.")
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Config, "The relay's key can be read by other users.").WithHint("chmod 600 relay.key")
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The relay's key cannot be read.")
	}
	seed, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fault.New(fault.Config, "The relay's key is damaged.")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// dirLock keeps a second process out.
type dirLock struct{ f *os.File }

func lockDir(dir string) (*dirLock, error) {
	f, err := os.Open(path(dir, keyFile))
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The relay's directory cannot be locked.")
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Config, "Another process runs the relay in this directory."), f.Close())
	}
	return &dirLock{f}, nil
}

func (l *dirLock) close() error { return l.f.Close() }

// boxEntry is one enrolled mailbox.
type boxEntry struct {
	box   ident.Mailbox
	owner spool.Putter
	quota uint64
}

// boxFile lists the enrolled mailboxes, one a line, appended and synced.
// Envelopes in transit may be lost, since their senders still have them; an
// enrolment has no other copy.
type boxFile struct {
	f       *os.File
	entries []boxEntry
	known   map[ident.Mailbox]bool
}

func openBoxFile(dir string) (*boxFile, error) {
	f, err := os.OpenFile(path(dir, boxesFile), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The list of mailboxes cannot be opened.")
	}
	b := &boxFile{f: f, known: map[ident.Mailbox]bool{}}
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		var e boxEntry
		var owner, name string
		if n, err := fmt.Sscanf(sc.Text(), "%s %s %d", &name, &owner, &e.quota); n != 3 || err != nil {
			continue // the end of a line that a crash cut short
		}
		box, err := ident.ParseMailbox(name)
		key, err2 := hex.DecodeString(owner)
		if err != nil || err2 != nil || len(key) != len(e.owner) {
			continue
		}
		e.box, e.owner = box, spool.Putter(key)
		if !b.known[box] {
			b.known[box] = true
			b.entries = append(b.entries, e)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Config, "The list of mailboxes cannot be read."), f.Close())
	}
	return b, nil
}

// add appends an entry and syncs it. The new line in front closes one that a
// crash cut short.
func (b *boxFile) add(e boxEntry) error {
	if _, err := fmt.Fprintf(b.f, "\n%s %x %d\n", e.box, e.owner[:], e.quota); err != nil {
		return fmt.Errorf("record mailbox: %w", err)
	}
	if err := b.f.Sync(); err != nil {
		return fmt.Errorf("record mailbox: %w", err)
	}
	return nil
}

func (b *boxFile) close() error { return b.f.Close() }
