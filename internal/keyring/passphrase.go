package keyring

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"hotline/internal/fault"
)

// A wrapped key is followed, sealed with it, by one byte: whether the word
// that opened it is a duress word.
const (
	markPlain   byte = 0
	markDuress  byte = 1
	wrappedSize      = KeySize + 1 + sealedMore
)

// passphraseDoc is a slot of kind passphrase. Its two places look alike: which
// of them is the passphrase's is drawn, and the other holds random bytes or a
// duress word's copy of the key.
type passphraseDoc struct {
	lock
	Places [][]byte `json:"places"` // two of 61 bytes
}

func (p *passphraseDoc) check() error {
	if len(p.Places) != 2 || len(p.Places[0]) != wrappedSize || len(p.Places[1]) != wrappedSize {
		return errors.New("not two places for a wrapped key")
	}
	return p.lock.check()
}

// String says what a guess costs.
func (p *passphraseDoc) String() string {
	if p.KDF == PBKDF2 {
		return fmt.Sprintf("%s, %d rounds", p.KDF, p.Time)
	}
	return fmt.Sprintf("%s, %d passes over %d MiB", p.KDF, p.Time, p.Memory>>10)
}

// slotAAD binds a wrapped key to its slot.
func slotAAD(kind Kind, id int) []byte {
	b := append([]byte("hotline/1/keyring-slot\x00"), kind...)
	return binary.BigEndian.AppendUint32(append(b, 0), uint32(id))
}

// wrap seals key and mark under the passphrase.
func (p *passphraseDoc) wrap(id int, passphrase, key []byte, mark byte) ([]byte, error) {
	return p.seal(passphrase, string(slotAAD(Passphrase, id)), append(append([]byte{}, key...), mark))
}

// newPassphrase makes a slot with no duress word.
func newPassphrase(id int, key, passphrase []byte, c Cost) (slotDoc, error) {
	if err := checkPassphrase(passphrase); err != nil {
		return slotDoc{}, err
	}
	l, err := newLock(c)
	if err != nil {
		return slotDoc{}, err
	}
	p := &passphraseDoc{lock: l, Places: [][]byte{noise(), noise()}}
	w, err := p.wrap(id, passphrase, key, markPlain)
	if err != nil {
		return slotDoc{}, err
	}
	var coin [1]byte
	_, _ = rand.Read(coin[:])
	p.Places[coin[0]&1] = w
	return slotDoc{ID: id, Kind: Passphrase, Passphrase: p}, nil
}

// noise fills a place that no word opens.
func noise() []byte {
	b := make([]byte, wrappedSize)
	_, _ = rand.Read(b)
	return b
}

// place is where a word opened.
type place struct{ slot, at int }

// find derives the key of every passphrase slot but skip, and tries every
// place of each, also after one has opened: how long a word takes says nothing
// about which it is.
func (d slotsDoc) find(passphrase []byte, skip int) (Opened, place, error) {
	var o Opened
	var where place
	var broken error
	for i, s := range d.Slots {
		if s.Kind != Passphrase || s.ID == skip {
			continue
		}
		a, err := s.Passphrase.aead(passphrase)
		if err != nil {
			broken = err
			continue
		}
		step("derived")
		for at, sealed := range s.Passphrase.Places {
			plain, err := a.Open(nil, nil, sealed, slotAAD(Passphrase, s.ID))
			step("tried")
			if err == nil && len(plain) == KeySize+1 && o.Key == nil {
				o = Opened{Key: plain[:KeySize:KeySize], Slot: s.ID, Kind: Passphrase, mark: plain[KeySize]}
				where = place{i, at}
			}
		}
	}
	if o.Key != nil {
		return o, where, nil
	}
	if broken != nil {
		return o, where, broken
	}
	return o, where, wrong()
}

// unwrap tries the passphrase on each slot that takes one, but skip.
func (d slotsDoc) unwrap(passphrase []byte, skip int) (Opened, error) {
	o, _, err := d.find(passphrase, skip)
	return o, err
}

// AddPassphrase adds a slot for a further passphrase to the key.
func AddPassphrase(dir string, o Opened, passphrase []byte, c Cost) (int, error) {
	return add(dir, func(d *slotsDoc, id int) (slotDoc, error) {
		if _, err := d.unwrap(passphrase, 0); err == nil {
			return slotDoc{}, taken()
		}
		return newPassphrase(id, o.Key, passphrase, c)
	})
}

// Change gives the place that old opens to a new passphrase. The file is
// replaced as a whole: after a crash one of the two opens it. A duress word
// stays. Whoever has a copy of the older file can still use the older
// passphrase: the key within is the same.
func Change(dir string, old, passphrase []byte) error {
	if err := checkPassphrase(passphrase); err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	err := edit(dir, func(d *slotsDoc) error {
		o, at, err := d.find(old, 0)
		if err != nil {
			return err
		}
		defer clear(o.Key)
		if _, err := d.unwrap(passphrase, 0); err == nil {
			return taken()
		}
		s := d.Slots[at.slot]
		s.Passphrase.Places[at.at], err = s.Passphrase.wrap(s.ID, passphrase, o.Key, o.mark)
		return err
	})
	if err != nil {
		return fmt.Errorf("change passphrase: %w", err)
	}
	return nil
}

// taken is one answer for the same word twice, whatever the word is for.
func taken() error {
	return fault.New(fault.Invalid, "This word opens the desk already.").WithHint("choose another one")
}

// SetDuress makes word a duress word beside the passphrase: in the slot that
// the passphrase opens. It is tried before the file is replaced, against the
// bytes that will be written: a word that was not tested is no word.
func SetDuress(dir string, passphrase, word []byte) error {
	if err := checkPassphrase(word); err != nil {
		return fmt.Errorf("set duress word: %w", err)
	}
	err := edit(dir, func(d *slotsDoc) error {
		o, at, err := d.plain(passphrase)
		if err != nil {
			return err
		}
		defer clear(o.Key)
		if other, err := d.unwrap(word, 0); err == nil && !other.Duress() {
			return taken()
		}
		s := d.Slots[at.slot]
		if s.Passphrase.Places[1-at.at], err = s.Passphrase.wrap(s.ID, word, o.Key, markDuress); err != nil {
			return err
		}
		back, err := d.unwrap(word, 0)
		if err != nil || !back.Duress() || subtle.ConstantTimeCompare(back.Key, o.Key) != 1 {
			return errors.Join(errors.New("the word does not open what was written"), err)
		}
		clear(back.Key)
		return nil
	})
	if err != nil {
		return fmt.Errorf("set duress word: %w", err)
	}
	return nil
}

// ClearDuress takes the duress word away that lies beside the passphrase, if
// there is one: nobody can tell without it.
func ClearDuress(dir string, passphrase []byte) error {
	err := edit(dir, func(d *slotsDoc) error {
		o, at, err := d.plain(passphrase)
		if err != nil {
			return err
		}
		clear(o.Key)
		d.Slots[at.slot].Passphrase.Places[1-at.at] = noise()
		return nil
	})
	if err != nil {
		return fmt.Errorf("clear duress word: %w", err)
	}
	return nil
}

// plain finds the passphrase, and says of a duress word that it is wrong: who
// was made to give it must not be made to change it.
func (d slotsDoc) plain(passphrase []byte) (Opened, place, error) {
	o, at, err := d.find(passphrase, 0)
	if err == nil && o.Duress() {
		clear(o.Key)
		return Opened{}, at, wrong()
	}
	return o, at, err
}
