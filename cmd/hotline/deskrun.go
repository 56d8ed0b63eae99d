package main

import (
	"context"

	"github.com/spf13/cobra"

	"hotline/internal/config"
	"hotline/internal/desk"
	"hotline/internal/keyring"
)

// newDeskRunCmd returns "hotline desk run".
func newDeskRunCmd(a *app) *cobra.Command {
	var listen, passphraseFile string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the desk until it is stopped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			c, err := config.ReadDesk(dir, a.env)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("listen") {
				c.Console.Listen = listen
			}
			if passphraseFile != "" {
				c.Store.PassphraseFile = passphraseFile
			}
			if err := c.Check(); err != nil {
				return err
			}
			return a.runDesk(cmd.Context(), dir, c)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "loopback address of the console, instead of desk.toml's; empty: no console")
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the passphrase, instead of desk.toml's (default: ask)")
	return cmd
}

// runDesk opens the desk and serves until ctx ends.
func (a *app) runDesk(ctx context.Context, dir string, c config.Desk) error {
	d, err := desk.New(ctx, c, desk.Options{
		Dir: dir, Version: version, Log: c.Log.Logger(a.err),
		Unlock: func() (keyring.Opened, error) { return a.unlock(dir, c.Store, 0) },
	})
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-ctx.Done():
		case <-d.Ready():
			_, name := d.Names()
			a.say("The desk %s is ready.", inertLine(name))
			if at := d.Console(); at != "" {
				a.say("Its console is at %s; hotline desk link makes a link to sign in.", at)
			}
		}
	}()
	return d.Run(ctx)
}
