package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hotline/internal/config"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/tpm"
)

// unlock opens the slots of a desk with what this machine and its person have.
// skip is a slot that must not be used, or 0. end gives the TPM back.
func (a *app) unlock(dir string, c config.Store, skip int) (keyring.Opened, error) {
	w := keyring.Ways{Credential: a.credential, Skip: skip}
	what := "the desk in " + dir
	var chip *tpm.TPM
	w.TPM = func() (keyring.Sealer, error) {
		var err error
		if chip == nil {
			chip, err = tpm.Open(c.TPM)
		}
		return chip, err
	}
	defer func() {
		if chip != nil {
			_ = chip.Close() // nothing was written to it
		}
	}()
	ask := func() ([]byte, error) { return a.passphrase(c.PassphraseFile, what, false) }
	if in, ok := a.in.(*os.File); ok && terminal(in) {
		w.PIN = func() ([]byte, error) { return a.askPIN(in, what) }
	}
	if c.PassphraseFile != "" {
		w.Stored = ask
	} else {
		w.Passphrase = ask
	}
	return keyring.Unlock(dir, w)
}

// credential reads what systemd decrypted for this process.
func (a *app) credential(name string) ([]byte, error) {
	dir, ok := a.env("CREDENTIALS_DIRECTORY")
	if !ok || dir == "" {
		return nil, fault.New(fault.Config, "Systemd gave this process no credentials.")
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.Config, "Systemd gave this process no credential %s.", name)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The credential %s cannot be read.", name)
	}
	return b, nil
}

// askPIN asks for the PIN of a TPM slot; an empty one is none.
func (a *app) askPIN(in *os.File, what string) ([]byte, error) {
	return readHidden(a.err, in, fmt.Sprintf("PIN of the TPM for %s (empty: the passphrase): ", what))
}
