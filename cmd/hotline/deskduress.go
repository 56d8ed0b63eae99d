package main

import (
	"net/url"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/keyring"
)

// newDeskDuressCmd returns "hotline desk duress" and its verbs.
func newDeskDuressCmd(a *app) *cobra.Command {
	return a.newGroup("duress", "A word that opens the desk as always, and alarms the party's other desks",
		newDuressSetCmd(a), newDuressClearCmd(a), newDuressSettleCmd(a))
}

func newDuressSetCmd(a *app) *cobra.Command {
	var open, file string
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Set the duress word beside a passphrase; it is tried before it counts",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			if err := a.heardBySomebody(cmd); err != nil {
				return err
			}
			passphrase, err := a.passphrase(open, "the desk in "+dir, false)
			if err != nil {
				return err
			}
			defer clear(passphrase)
			word, err := a.passphrase(file, "the desk under duress (the duress word)", true)
			if err != nil {
				return err
			}
			defer clear(word)
			if err := keyring.SetDuress(dir, passphrase, word); err != nil {
				return err
			}
			a.say("Set, and tried: the word opens this desk. Try the alarm too, once, when the other desks' officers know: start the desk with it, and see it there.")
			a.say("It works where the passphrase is given: not when a TPM or a credential opens the desk alone.")
			return nil
		},
	}
	cmd.Flags().StringVar(&open, "passphrase-file", "", "file with the passphrase beside which it is set (default: ask)")
	cmd.Flags().StringVar(&file, "duress-file", "", "file with the word (default: ask, twice)")
	return cmd
}

// heardBySomebody refuses a word that nobody would hear, when that is known: a
// desk that does not run cannot be asked.
func (a *app) heardBySomebody(cmd *cobra.Command) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var parties []api.Party
	if err := cl.Get(cmd.Context(), "/parties", nil, &parties); err != nil {
		a.say("The desk does not run, so it was not asked whether its party has another desk: with this one alone nobody would hear the alarm.")
		return nil //nolint:nilerr // said
	}
	for _, p := range parties {
		if p.Self && p.Desks < 2 {
			return fault.New(fault.Refused, "This desk knows no other desk of its party: nobody would hear the alarm.").
				WithHint("a second desk joins a line first: hotline line add-desk")
		}
	}
	return nil
}

func newDuressClearCmd(a *app) *cobra.Command {
	var open string
	cmd := &cobra.Command{
		Use:   "clear",
		Short: "Take the duress word beside a passphrase away, if there is one",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			passphrase, err := a.passphrase(open, "the desk in "+dir, false)
			if err != nil {
				return err
			}
			defer clear(passphrase)
			if err := keyring.ClearDuress(dir, passphrase); err != nil {
				return err
			}
			a.say("There is no duress word beside this passphrase any more.")
			return nil
		},
	}
	cmd.Flags().StringVar(&open, "passphrase-file", "", "file with the passphrase beside which it is (default: ask)")
	return cmd
}

func newDuressSettleCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "settle DESK",
		Short: "End the alarm about another desk of the party: its officers are safe, or it was cut off",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			if err := cl.Post(cmd.Context(), "/duress/"+url.PathEscape(args[0])+"/settle", "", struct{}{}, nil); err != nil {
				return err
			}
			a.say("Settled, and journalled.")
			return nil
		},
	}
}
