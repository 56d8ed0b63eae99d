package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/keyring"
	"hotline/internal/roster"
	"hotline/internal/trust"
)

type cutoffFlags struct {
	reason string
	yes    bool
	wait   time.Duration
	root   rootFlags
	asJSON bool
}

// newCutoffCmd returns "hotline cutoff" and "hotline cutoff status".
func newCutoffCmd(a *app) *cobra.Command {
	var f cutoffFlags
	cmd := &cobra.Command{
		Use:   "cutoff DESK --reason TEXT",
		Short: "Cut off a desk of this party, for good: every desk of its lines refuses it within seconds",
		Long: `Cut off a desk of this party: lost, seized, or with somebody who is coerced. Every desk
of its lines is told in one FLASH and from then on shows nothing more of it, seals
nothing for it, and confirms that here. The desk is off for ever; coming back means
a new certificate. It is signed by a delegate key that was imported into this desk
(hotline desk delegate import), or by the party's root with --root.

A desk of another party only that party can cut off; suspend the party instead:
hotline party suspend.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(f.reason) == "" {
				return usageError{"a cut-off needs a reason: every desk of the line is shown it", `--reason "device lost at 2109Z"`}
			}
			return a.cutOff(cmd.Context(), args[0], f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.reason, "reason", "", "why, in a few words; every desk of the line is shown it")
	fs.BoolVar(&f.yes, "yes", false, "do not ask for the name again")
	fs.DurationVar(&f.wait, "wait", 10*time.Second, "wait so long for the others to confirm")
	f.root.flags(cmd)
	jsonFlag(cmd, &f.asJSON)
	cmd.AddCommand(newCutoffStatusCmd(a))
	return cmd
}

func (a *app) cutOff(ctx context.Context, name string, f cutoffFlags) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	if err := a.confirmName("A desk that is cut off never comes back", name, f.yes); err != nil {
		return err
	}
	in := api.CutoffIn{Reason: f.reason, Confirm: name}
	if f.root.file != "" || len(f.root.shares) > 0 {
		if in.Statement, err = a.signedByRoot(ctx, cl, name, f); err != nil {
			return err
		}
	}
	var c api.Cutoff
	if err := cl.Post(ctx, "/desks/"+url.PathEscape(name)+"/cutoff", newKey(), in, &c); err != nil {
		return err
	}
	if !f.asJSON {
		a.say("%s is cut off. Waiting for the others to confirm…", inertLine(c.DeskName))
	}
	if c, err = awaitConfirmed(ctx, cl, c, f.wait); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(c)
	}
	_, err = fmt.Fprintln(a.out, cutoffWords(c))
	return err
}

// signedByRoot has the party's root sign the removal. What it has to know of
// the desk is in this desk's own card of its party.
func (a *app) signedByRoot(ctx context.Context, cl *api.Client, name string, f cutoffFlags) (statement []byte, err error) {
	var file api.File
	if err := cl.Get(ctx, "/card", nil, &file); err != nil {
		return nil, err
	}
	root := a.root(f.root, f.root.file)
	err = root.Use(func(k custody.Authority) error {
		s := k.Suite()
		card, err := joining.ParseCard(s, file.File)
		if err != nil {
			return fmt.Errorf("read own card: %w", err)
		}
		cut := roster.Cut{Reason: f.reason}
		for _, st := range card.Statements {
			if st.Add != nil && st.Add.Certificate.Name == name {
				cut.Desk, cut.Fingerprint = st.Add.Certificate.ID(s), st.Add.Certificate.Fingerprint(s)
			}
		}
		if cut.Desk == (ident.Desk{}) {
			return fault.New(fault.NotFound, "This party has no desk %s.", name).WithHint("hotline line show LINE lists the desks by name")
		}
		number, err := root.NextNumber()
		if err != nil {
			return err
		}
		removal, err := roster.NewStatement(s, k, roster.Statement{
			Type: roster.RemoveDesk, Author: k.Party, Number: number, Time: time.Now(), Remove: &cut,
		})
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "A removal cannot be made of this reason.").WithHint("one line of plain text, up to 512 bytes")
		}
		statement = removal.Bytes()
		return root.Record(removal, name, s)
	})
	return statement, err
}

// awaitConfirmed waits until all have confirmed, or for so long.
func awaitConfirmed(ctx context.Context, cl *api.Client, c api.Cutoff, wait time.Duration) (api.Cutoff, error) {
	until := time.Now().Add(wait)
	for len(c.Unconfirmed) > 0 && time.Now().Before(until) {
		t := time.NewTimer(200 * time.Millisecond)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return c, ctx.Err()
		}
		if err := cl.Get(ctx, "/cutoffs/"+url.PathEscape(c.ID), nil, &c); err != nil {
			return c, err
		}
	}
	return c, nil
}

// cutoffWords says who refuses a desk.
func cutoffWords(c api.Cutoff) string {
	name := inertLine(c.DeskName)
	switch {
	case c.Of == 0:
		return fmt.Sprintf("%s of %s is cut off since %s: %s.", name, inertLine(c.Party), when(c.At), inertLine(c.Reason))
	case len(c.Unconfirmed) == 0:
		return fmt.Sprintf("%s is cut off: %d of %d confirmed.", name, c.Confirmed, c.Of)
	}
	var who []string
	for _, d := range c.Unconfirmed {
		who = append(who, inertLine(d))
	}
	s := fmt.Sprintf("%s is cut off: %d of %d confirmed, unconfirmed: %s.", name, c.Confirmed, c.Of, strings.Join(who, ", "))
	if c.Alarm {
		s += " ALARM: they may not know of it; what they send now it may still read. Reach them by another way."
	}
	return s
}

func newCutoffStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [DESK]",
		Short: "Show which desks are cut off, and who has confirmed it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var all []api.Cutoff
			if len(args) == 1 {
				all = make([]api.Cutoff, 1)
				err = cl.Get(cmd.Context(), "/cutoffs/"+url.PathEscape(args[0]), nil, &all[0])
			} else {
				err = cl.Get(cmd.Context(), "/cutoffs", nil, &all)
			}
			if err != nil {
				return err
			}
			for _, c := range all {
				if asJSON {
					err = a.printJSON(c)
				} else {
					_, err = fmt.Fprintln(a.out, cutoffWords(c))
				}
				if err != nil {
					return err
				}
			}
			if len(all) == 0 {
				a.say("No desk is cut off.")
			}
			return nil
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// newDeskDelegateCmd returns "hotline desk delegate" and its verbs.
func newDeskDelegateCmd(a *app) *cobra.Command {
	return a.newGroup("delegate", "Keep keys at this desk that may cut off other desks of the party, and nothing else",
		newDelegateImportCmd(a), newDelegateListCmd(a))
}

func newDelegateImportCmd(a *app) *cobra.Command {
	var passphraseFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Take a delegate key into this desk's encrypted store",
		Long: `Take a delegate key, made by hotline party delegate beside the offline root, into this
desk's encrypted store, so that a desk can be cut off in one action at any hour. The
file itself stays as it is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			passphrase, err := a.passphrase(passphraseFile, "the delegate key in "+args[0], false)
			if err != nil {
				return err
			}
			key, err := keyring.OpenFile(args[0], passphrase, trust.PurposeDelegate)
			clear(passphrase)
			if err != nil {
				return err
			}
			var d api.Delegate
			err = cl.Post(cmd.Context(), "/delegates", "", api.DelegateIn{Key: key}, &d)
			clear(key)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(d)
			}
			_, err = fmt.Fprintln(a.out, delegateWords(d))
			return err
		},
	}
	cmd.Flags().StringVar(&passphraseFile, "key-passphrase-file", "", "file with the key's passphrase (default: ask)")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func delegateWords(d api.Delegate) string {
	if len(d.Desks) == 0 {
		return fmt.Sprintf("Delegate %s may cut off no desk yet: a desk names its delegates when it is made.", inertLine(d.Name))
	}
	return fmt.Sprintf("Delegate %s may cut off: %s.", inertLine(d.Name), inertLine(strings.Join(d.Desks, ", ")))
}

func newDelegateListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the delegate keys at this desk",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var all []api.Delegate
			if err := cl.Get(cmd.Context(), "/delegates", nil, &all); err != nil {
				return err
			}
			for _, d := range all {
				if asJSON {
					err = a.printJSON(d)
				} else {
					_, err = fmt.Fprintln(a.out, delegateWords(d))
				}
				if err != nil {
					return err
				}
			}
			if len(all) == 0 {
				a.say("This desk has no delegate key, so it can cut off no desk by itself.")
			}
			return nil
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
