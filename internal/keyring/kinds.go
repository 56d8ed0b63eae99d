package keyring

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"

	"hotline/internal/fault"
	"hotline/internal/shares"
)

// wrapSecret seals the key under a secret of 32 random bytes.
func (s *slotDoc) wrapSecret(secret, key []byte) error {
	a, err := secretAEAD(s.Kind, secret)
	if err != nil {
		return err
	}
	s.Wrapped = a.Seal(nil, nil, append(append([]byte{}, key...), markPlain), slotAAD(s.Kind, s.ID))
	return nil
}

// openSecret undoes wrapSecret.
func (s *slotDoc) openSecret(secret []byte) (Opened, error) {
	a, err := secretAEAD(s.Kind, secret)
	if err != nil {
		return Opened{}, err
	}
	plain, err := a.Open(nil, nil, s.Wrapped, slotAAD(s.Kind, s.ID))
	if err != nil || len(plain) != KeySize+1 {
		return Opened{}, errors.New("it does not fit this slot")
	}
	return Opened{Key: plain[:KeySize:KeySize], Slot: s.ID, Kind: s.Kind, mark: plain[KeySize]}, nil
}

func newSecret() []byte {
	b := make([]byte, KeySize)
	_, _ = rand.Read(b)
	return b
}

// Sealer is the part of a TPM that a slot needs. A sealed object opens in the
// TPM that made it and in no other, with its PIN, and while the registers
// (PCRs) have the values that they had.
type Sealer interface {
	Seal(secret, pin []byte, pcrs []int) (public, private []byte, err error)
	Unseal(public, private, pin []byte, pcrs []int) (secret []byte, err error)
}

// tpmDoc is a slot of kind tpm: an object that the TPM sealed.
type tpmDoc struct {
	Public  []byte `json:"public"`  // TPM2B_PUBLIC without its length
	Private []byte `json:"private"` // TPM2B_PRIVATE without its length
	PCRs    []int  `json:"pcrs"`    // of the SHA-256 bank; empty: none
	PIN     bool   `json:"pin"`
}

func (t *tpmDoc) check() error {
	ordered := slices.IsSorted(t.PCRs) && len(slices.Compact(slices.Clone(t.PCRs))) == len(t.PCRs)
	if len(t.Public) == 0 || len(t.Public) > 1024 || len(t.Private) == 0 || len(t.Private) > 1024 || t.PCRs == nil || !ordered ||
		len(t.PCRs) > 0 && (t.PCRs[0] < 0 || t.PCRs[len(t.PCRs)-1] > 23) {
		return errors.New("sealed object out of bounds")
	}
	return nil
}

// String says what the object is bound to besides the TPM.
func (t *tpmDoc) String() string {
	parts := []string{"this machine's TPM"}
	if len(t.PCRs) > 0 {
		parts = append(parts, "PCR "+strings.Trim(strings.Join(strings.Fields(fmt.Sprint(t.PCRs)), ","), "[]"))
	}
	if t.PIN {
		parts = append(parts, "PIN")
	}
	return strings.Join(parts, ", ")
}

// AddTPM adds a slot that this machine's TPM opens. An empty pin is none. What
// was sealed is opened again before the file is replaced.
func AddTPM(dir string, o Opened, t Sealer, pin []byte, pcrs []int) (int, error) {
	pcrs = slices.Compact(slices.Sorted(slices.Values(pcrs)))
	if pcrs == nil {
		pcrs = []int{}
	}
	return add(dir, func(_ *slotsDoc, id int) (slotDoc, error) {
		secret := newSecret()
		defer clear(secret)
		s := slotDoc{ID: id, Kind: TPM, TPM: &tpmDoc{PCRs: pcrs, PIN: len(pin) > 0}}
		var err error
		if s.TPM.Public, s.TPM.Private, err = t.Seal(secret, pin, pcrs); err != nil {
			return s, err
		}
		back, err := t.Unseal(s.TPM.Public, s.TPM.Private, pin, pcrs)
		if err != nil {
			return s, err
		}
		defer clear(back)
		if subtle.ConstantTimeCompare(back, secret) != 1 {
			return s, errors.New("the TPM gives back something else")
		}
		return s, s.wrapSecret(secret, o.Key)
	})
}

// credentialDoc is a slot of kind credential: systemd hands its secret to the
// desk's process under this name.
type credentialDoc struct {
	Name string `json:"name"`
}

func (c *credentialDoc) check() error {
	if !strings.HasPrefix(c.Name, "hotline-") || len(c.Name) > 64 ||
		strings.ContainsFunc(c.Name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
		return errors.New("name of credential")
	}
	return nil
}

// AddCredential adds a slot that a credential of systemd opens, and gives its
// 32 bytes to keep, before the slot is written: a slot whose secret nobody has
// would be a false hope.
func AddCredential(dir string, o Opened, name string, keep func(secret []byte) error) (int, error) {
	doc := &credentialDoc{Name: name}
	if doc.check() != nil {
		return 0, fault.New(fault.Invalid, "A credential is named hotline-…, in small letters, digits and dashes.")
	}
	return add(dir, func(_ *slotsDoc, id int) (slotDoc, error) {
		secret := newSecret()
		defer clear(secret)
		s := slotDoc{ID: id, Kind: Credential, Credential: doc}
		if err := s.wrapSecret(secret, o.Key); err != nil {
			return s, err
		}
		return s, keep(secret)
	})
}

// recoveryDoc is a slot of kind recovery: its secret is split among people.
type recoveryDoc struct {
	Set  []byte `json:"set"` // 8 bytes: which shares fit
	Need int    `json:"need"`
	Of   int    `json:"of"`
}

func (r *recoveryDoc) check() error {
	if len(r.Set) != 8 || r.Need < 2 || r.Of < r.Need || r.Of > shares.MaxShares {
		return errors.New("number of shares")
	}
	return nil
}

// AddRecovery adds a slot that any need of the shares open, and gives them to
// keep before the slot is written.
func AddRecovery(dir string, o Opened, need, of int, keep func([]shares.Share) error) (int, error) {
	return add(dir, func(_ *slotsDoc, id int) (slotDoc, error) {
		secret := newSecret()
		defer clear(secret)
		s := slotDoc{ID: id, Kind: Recovery}
		all, err := shares.Split(shares.Slot, [16]byte{}, secret, need, of)
		if err != nil {
			return s, fault.Wrap(err, fault.Invalid, "%d of %d shares cannot be; at least 2 are needed, of at most %d.", need, of, shares.MaxShares)
		}
		s.Recovery = &recoveryDoc{Set: all[0].Set[:], Need: need, Of: of}
		if err := s.wrapSecret(secret, o.Key); err != nil {
			return s, err
		}
		return s, keep(all)
	})
}

// Recover opens the recovery slot that these shares belong to.
func Recover(dir string, all []shares.Share) (Opened, error) {
	doc, err := readSlots(dir)
	if err != nil {
		return Opened{}, fmt.Errorf("recover: %w", err)
	}
	for _, s := range doc.Slots {
		if s.Kind != Recovery || len(all) == 0 || all[0].Purpose != shares.Slot || all[0].Set != [8]byte(s.Recovery.Set) {
			continue
		}
		secret, err := shares.Join(all)
		if err != nil {
			return Opened{}, fault.Wrap(err, fault.Invalid, "These shares do not go together: %d different ones of one set are needed.", s.Recovery.Need)
		}
		defer clear(secret)
		o, err := s.openSecret(secret)
		if err != nil {
			return o, fault.Wrap(err, fault.Unverified, "These shares do not open slot %d: one of them is wrong.", s.ID)
		}
		return o, nil
	}
	return Opened{}, fault.New(fault.Unverified, "No recovery slot of this desk is opened by these shares.").
		WithHint("hotline desk slot list shows the slots; a share is of the desk and the day that it was made")
}
