package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"hotline/internal/fault"
)

// slotsFile is the name of the slots in a desk's folder.
func slotsFile(dir string) string { return filepath.Join(dir, "keys", "slots.json") }

// Exists reports whether dir has slots.
func Exists(dir string) bool {
	_, err := os.Lstat(slotsFile(dir))
	return err == nil
}

// maxSlots bounds the work of a passphrase that opens none of them.
const maxSlots = 16

// slotsDoc is keys/slots.json.
type slotsDoc struct {
	Version int `json:"version"` // 1
	// Desk is the desk's name, so that a person who is asked to open or to
	// destroy it sees which one it is.
	Desk string `json:"desk"`
	// Counter is where the TPM counts this desk's starts; 0: it does not.
	Counter uint32    `json:"counter,omitempty"`
	Slots   []slotDoc `json:"slots"` // at least one
}

// slotDoc is one way to unwrap the database key. Of the fields that are
// pointers it has the one of its kind.
type slotDoc struct {
	ID         int            `json:"id"` // from 1, never used again while a higher one is there
	Kind       Kind           `json:"kind"`
	Passphrase *passphraseDoc `json:"passphrase,omitempty"`
	TPM        *tpmDoc        `json:"tpm,omitempty"`
	Credential *credentialDoc `json:"credential,omitempty"`
	Recovery   *recoveryDoc   `json:"recovery,omitempty"`
	// Wrapped is the key of every kind but passphrase: nonce 12, key 32 and
	// mark 1 under AES-256-GCM, tag 16.
	Wrapped []byte `json:"wrapped,omitempty"`
}

// check refuses a document that this program did not write.
func (d slotsDoc) check() error {
	if d.Version != version || len(d.Slots) == 0 || len(d.Slots) > maxSlots || len(d.Desk) > 256 {
		return malformed(errors.New("version, name or number of slots"))
	}
	seen := map[int]bool{}
	for _, s := range d.Slots {
		// An unknown kind is a newer program's: its key could be unwrapped by
		// a slot that is known, but then a change would lose the other.
		if err := s.check(); err != nil {
			return malformed(fmt.Errorf("slot %d of kind %q: %w", s.ID, s.Kind, err))
		}
		if seen[s.ID] {
			return malformed(fmt.Errorf("two slots %d", s.ID))
		}
		seen[s.ID] = true
	}
	return nil
}

func (s slotDoc) check() error {
	var of []Kind
	for kind, have := range map[Kind]bool{
		Passphrase: s.Passphrase != nil, TPM: s.TPM != nil, Credential: s.Credential != nil, Recovery: s.Recovery != nil,
	} {
		if have {
			of = append(of, kind)
		}
	}
	wrapped := wrappedSize
	if s.Kind == Passphrase {
		wrapped = 0
	}
	switch {
	case s.ID < 1 || s.ID > 1<<20:
		return errors.New("number out of bounds")
	case !slices.Equal(of, []Kind{s.Kind}):
		return errors.New("it holds another kind")
	case len(s.Wrapped) != wrapped:
		return errors.New("wrapped key of another length")
	}
	switch s.Kind {
	case Passphrase:
		return s.Passphrase.check()
	case TPM:
		return s.TPM.check()
	case Credential:
		return s.Credential.check()
	default:
		return s.Recovery.check()
	}
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
	return doc, doc.check()
}

// edit changes the slots under a lock of their own, which a running desk does
// not hold: it reads them once, at its start. The new file takes the place of
// the old one as a whole; the old one's bytes are then overwritten, so that a
// slot which was removed is not in a free block either.
func edit(dir string, change func(d *slotsDoc) error) error {
	unlock, err := lockKeys(dir)
	if err != nil {
		return err
	}
	defer unlock()
	doc, err := readSlots(dir)
	if err != nil {
		return err
	}
	if err := change(&doc); err != nil {
		return err
	}
	if err := doc.check(); err != nil {
		return err
	}
	sweep(dir)
	return replace(slotsFile(dir), encode(doc))
}

// lockKeys takes the lock on the folder of keys.
func lockKeys(dir string) (unlock func(), err error) {
	d, err := os.Open(filepath.Join(dir, "keys"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Config, "This folder holds no desk.").WithHint("make one with: hotline desk init")
	}
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("lock keys: %w", err)
	}
	return func() { _ = d.Close() }, nil
}

// sweep destroys what a change that was killed has left: half a file of slots,
// or a whole one that did not get its name. The caller has the lock.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, "keys", ".slots.json.*")) // the pattern is good
	for _, name := range left {
		_ = Shred(name) // gone already, or the next change tries again
	}
}

// nextID is the number of a new slot.
func (d slotsDoc) nextID() int {
	id := 1
	for _, s := range d.Slots {
		id = max(id, s.ID+1)
	}
	return id
}

// add appends a slot made for its number.
func add(dir string, build func(d *slotsDoc, id int) (slotDoc, error)) (id int, err error) {
	err = edit(dir, func(d *slotsDoc) error {
		if len(d.Slots) >= maxSlots {
			return fault.New(fault.Conflict, "A desk has at most %d slots.", maxSlots).WithHint("hotline desk slot remove takes one away")
		}
		id = d.nextID()
		s, err := build(d, id)
		d.Slots = append(d.Slots, s)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("add slot: %w", err)
	}
	return id, nil
}

// Remove takes a slot away. The last one is never removed. The caller has
// shown that another slot opens.
func Remove(dir string, id int) error {
	err := edit(dir, func(d *slotsDoc) error {
		i := slices.IndexFunc(d.Slots, func(s slotDoc) bool { return s.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "This desk has no slot %d.", id).WithHint("hotline desk slot list shows them")
		}
		if len(d.Slots) == 1 {
			return fault.New(fault.Refused, "Slot %d is the last one: without it nobody could ever open this desk again.", id).
				WithHint("add another slot first; hotline desk zeroize destroys a desk")
		}
		d.Slots = slices.Delete(d.Slots, i, i+1)
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove slot %d: %w", id, err)
	}
	return nil
}

// Slot is what a slot shows without being opened.
type Slot struct {
	ID     int
	Kind   Kind
	Detail string // "argon2id, 256 MiB"; the name of a credential; 2 of 3
}

// Slots returns the desk's name and its slots.
func Slots(dir string) (desk string, all []Slot, err error) {
	doc, err := readSlots(dir)
	if err != nil {
		return "", nil, fmt.Errorf("list slots: %w", err)
	}
	for _, s := range doc.Slots {
		one := Slot{ID: s.ID, Kind: s.Kind}
		switch s.Kind {
		case Passphrase:
			one.Detail = s.Passphrase.String()
		case TPM:
			one.Detail = s.TPM.String()
		case Credential:
			one.Detail = s.Credential.Name
		case Recovery:
			one.Detail = fmt.Sprintf("any %d of %d shares", s.Recovery.Need, s.Recovery.Of)
		}
		all = append(all, one)
	}
	return doc.Desk, all, nil
}

// Counter returns where the TPM counts this desk's starts, or 0.
func Counter(dir string) (uint32, error) {
	doc, err := readSlots(dir)
	if err != nil {
		return 0, fmt.Errorf("read counter: %w", err)
	}
	return doc.Counter, nil
}

// SetCounter notes where the TPM counts this desk's starts.
func SetCounter(dir string, index uint32) error {
	if err := edit(dir, func(d *slotsDoc) error { d.Counter = index; return nil }); err != nil {
		return fmt.Errorf("note counter: %w", err)
	}
	return nil
}
