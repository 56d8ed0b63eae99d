package keyring

import (
	"errors"
	"fmt"
	"strings"

	"hotline/internal/fault"
)

// Ways are what may open a desk's slots here. One that is nil is passed over.
type Ways struct {
	// Credential returns a credential of systemd.
	Credential func(name string) ([]byte, error)
	// TPM opens the machine's TPM, when a slot needs it.
	TPM func() (Sealer, error)
	// PIN asks for the PIN of a TPM slot. An empty answer is none: the
	// passphrase is asked for instead.
	PIN func() ([]byte, error)
	// Stored returns a passphrase that nobody has to be asked for.
	Stored func() ([]byte, error)
	// Passphrase asks for a passphrase.
	Passphrase func() ([]byte, error)
	// Skip is the number of a slot that is not used, as if it were not there.
	Skip int
}

// attempts collects which slots failed, and why.
type attempts struct {
	doc   slotsDoc
	ways  Ways
	tries []string
	last  error
}

// Unlock opens the first slot that something here opens: a credential, the TPM
// alone, a stored passphrase, the TPM with a PIN, a passphrase that a person
// types. The error says of every slot why it did not open.
func Unlock(dir string, w Ways) (Opened, error) {
	doc, err := readSlots(dir)
	if err != nil {
		return Opened{}, fmt.Errorf("open slots: %w", err)
	}
	a := &attempts{doc: doc, ways: w}
	for _, step := range []func() (Opened, bool){
		a.credentials, func() (Opened, bool) { return a.tpm(false) },
		func() (Opened, bool) { return a.passphrase(w.Stored) },
		func() (Opened, bool) { return a.tpm(true) },
		func() (Opened, bool) { return a.passphrase(w.Passphrase) },
	} {
		if o, ok := step(); ok {
			return o, nil
		}
	}
	return Opened{}, fmt.Errorf("open slots: %w", a.failure())
}

// of returns the slots of one kind that may be used.
func (a *attempts) of(kind Kind) (all []slotDoc) {
	for _, s := range a.doc.Slots {
		if s.Kind == kind && s.ID != a.ways.Skip {
			all = append(all, s)
		}
	}
	return all
}

// failed notes why a slot did not open.
func (a *attempts) failed(s slotDoc, err error) {
	_, why, _ := fault.Visible(err)
	if _, ok := errors.AsType[*fault.Error](err); !ok {
		why = err.Error()
	}
	a.tries = append(a.tries, fmt.Sprintf("slot %d (%s): %s", s.ID, s.Kind, strings.TrimSuffix(why, ".")))
	a.last = err
}

func (a *attempts) credentials() (Opened, bool) {
	for _, s := range a.of(Credential) {
		if a.ways.Credential == nil {
			continue
		}
		secret, err := a.ways.Credential(s.Credential.Name)
		if err == nil {
			var o Opened
			o, err = s.openSecret(secret)
			clear(secret)
			if err == nil {
				return o, true
			}
		}
		a.failed(s, err)
	}
	return Opened{}, false
}

func (a *attempts) tpm(pin bool) (Opened, bool) {
	for _, s := range a.of(TPM) {
		if s.TPM.PIN != pin || a.ways.TPM == nil || pin && a.ways.PIN == nil {
			continue
		}
		o, err := a.unseal(s)
		if err == nil {
			return o, true
		}
		a.failed(s, err)
	}
	return Opened{}, false
}

func (a *attempts) unseal(s slotDoc) (Opened, error) {
	t, err := a.ways.TPM()
	if err != nil {
		return Opened{}, err
	}
	var pin []byte
	if s.TPM.PIN {
		if pin, err = a.ways.PIN(); err != nil {
			return Opened{}, err
		}
		defer clear(pin)
		if len(pin) == 0 {
			return Opened{}, errors.New("no PIN was given")
		}
	}
	secret, err := t.Unseal(s.TPM.Public, s.TPM.Private, pin, s.TPM.PCRs)
	if err != nil {
		return Opened{}, err
	}
	defer clear(secret)
	return s.openSecret(secret)
}

func (a *attempts) passphrase(ask func() ([]byte, error)) (Opened, bool) {
	slots := a.of(Passphrase)
	if ask == nil || len(slots) == 0 {
		return Opened{}, false
	}
	word, err := ask()
	if err == nil {
		var o Opened
		o, err = a.doc.unwrap(word, a.ways.Skip)
		clear(word)
		if err == nil {
			return o, true
		}
	}
	for _, s := range slots {
		a.failed(s, err)
	}
	return Opened{}, false
}

// failure is the last error when only one thing was tried, else all of them.
func (a *attempts) failure() error {
	passphrases := len(a.of(Passphrase))
	switch {
	case len(a.tries) > 0 && len(a.tries) == passphrases:
		return a.last // a wrong passphrase is just that
	case len(a.tries) == 0:
		return fault.New(fault.Config, "Nothing here can open a slot of this desk.").
			WithHint("hotline desk slot list shows what it takes; hotline desk recover opens it with shares")
	}
	kind, cause := fault.Config, errors.New(a.last.Error()) // a door must show all, not what the last one says
	if errors.Is(a.last, ErrPassphrase) {
		kind, cause = fault.Denied, ErrPassphrase
	}
	return fault.Wrap(cause, kind, "No slot of this desk opens. %s.", strings.Join(a.tries, "; ")).
		WithHint("hotline desk slot list shows what it takes; hotline desk recover opens it with shares")
}
