package main

import (
	"github.com/spf13/cobra"

	"hotline/internal/custody"
)

// rootFlags say where the party's root is for one signature: its file, or
// shares of it.
type rootFlags struct {
	file           string
	passphraseFile string
	shares         []string
}

// flags adds --root, --root-passphrase-file and --share.
func (f *rootFlags) flags(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.file, "root", "", "file of the party's root key (with --share: where its list lies)")
	fs.StringVar(&f.passphraseFile, "root-passphrase-file", "", "file with the root's passphrase (default: ask)")
	fs.StringArrayVar(&f.shares, "share", nil, "file with a share of the root, in place of its file; as many as are needed")
}

// root returns the root that the flags name, or that lies at file.
func (a *app) root(f rootFlags, file string) custody.Root {
	if f.file != "" {
		file = f.file
	}
	return custody.Root{File: file, Shares: f.shares, Passphrase: func() ([]byte, error) {
		return a.passphrase(f.passphraseFile, "the root in "+file, false)
	}}
}
