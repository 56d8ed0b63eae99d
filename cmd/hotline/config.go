package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"hotline/internal/config"
)

// newConfigCmd returns "hotline config" and its verbs.
func newConfigCmd(a *app) *cobra.Command {
	example := &cobra.Command{
		Use:       "example {desk|relay}",
		Short:     "Print a configuration file with every key, its meaning and its default",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"desk", "relay"},
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := fmt.Fprint(a.out, configExample(args[0]))
			return err
		},
	}
	check := &cobra.Command{
		Use:       "check {desk|relay}",
		Short:     "Read a configuration file and say what is wrong with it",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"desk", "relay"},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := a.checkConfig(args[0]); err != nil {
				return err
			}
			a.say("The configuration is in order.")
			return nil
		},
	}
	return a.newGroup("config", "Print or check a configuration file", example, check)
}

func configExample(which string) string {
	if which == "relay" {
		c, d := config.DefaultRelay(), config.DefaultRelay()
		return config.Example(relayTitle, &c, &d)
	}
	c, d := config.DefaultDesk(), config.DefaultDesk()
	return config.Example(deskTitle, &c, &d)
}

const (
	deskTitle  = config.DeskFile + ": how this desk runs. Parties, relays and lines stand in the store, not here."
	relayTitle = config.RelayFile + ": how this relay runs. Who may use it stands in its spool, not here."
)

func (a *app) checkConfig(which string) error {
	if which == "relay" {
		dir, err := a.relayDir()
		if err != nil {
			return err
		}
		_, err = config.ReadRelay(dir, a.env)
		return err
	}
	dir, err := a.deskDir()
	if err != nil {
		return err
	}
	_, err = config.ReadDesk(dir, a.env)
	return err
}
