package main

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"hotline/internal/fault"
)

// maxPassphrase is the longest passphrase that is read, in bytes.
const maxPassphrase = 4096

// passphrase returns a passphrase: from a file, or asked for at the terminal,
// twice when it is a new one. It never comes from a flag or the environment:
// both can be seen by others.
func (a *app) passphrase(file, what string, fresh bool) ([]byte, error) {
	if file != "" {
		return a.passphraseFile(file)
	}
	in, ok := a.in.(*os.File)
	if !ok || !terminal(in) {
		return nil, usageError{fmt.Sprintf("the passphrase of %s is asked for at a terminal", what), "or name a file with --passphrase-file, or as passphrase_file in desk.toml"}
	}
	p, err := a.askHidden(in, fmt.Sprintf("Passphrase of %s: ", what))
	if err != nil || !fresh {
		return p, err
	}
	again, err := a.askHidden(in, "The same again: ")
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(p, again) != 1 {
		return nil, fault.New(fault.Invalid, "The two passphrases differ.").WithHint("nothing was made; try again")
	}
	return p, nil
}

// askHidden asks at a terminal for a passphrase without showing it.
func (a *app) askHidden(in *os.File, prompt string) ([]byte, error) {
	p, err := readHidden(a.err, in, prompt)
	if err != nil {
		return nil, err
	}
	return p, checkPassphrase(p)
}

// readHidden asks at a terminal without showing what is typed.
func readHidden(out io.Writer, in *os.File, prompt string) ([]byte, error) {
	fmt.Fprint(out, prompt)
	p, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(out)
	if err != nil {
		return nil, fmt.Errorf("read passphrase: %w", err)
	}
	return p, nil
}

// passphraseFile reads a passphrase from a file: its text up to the line end.
func (a *app) passphraseFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The passphrase file %s cannot be read: %s.", name, cause(err))
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		a.say("The passphrase file %s can be read by others: chmod 600 mends it.", name)
	}
	p, err := a.readInput(name, maxPassphrase)
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The passphrase file %s cannot be read.", name)
	}
	p = bytes.TrimRight(p, "\r\n")
	return p, checkPassphrase(p)
}

func checkPassphrase(p []byte) error {
	if len(p) == 0 {
		return fault.New(fault.Config, "The passphrase is empty.")
	}
	if bytes.ContainsAny(p, "\r\n\x00") {
		return fault.New(fault.Config, "A passphrase is one line.")
	}
	return nil
}
