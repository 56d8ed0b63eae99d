package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/desk"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/roster"
)

func newDeskSpareCmd(a *app) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "spare NEWDIR --relay TOKEN",
		Short: "Make a spare desk beside the running one: stated on its lines, asleep until two custodians activate it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The directory %s cannot be found.", args[0])
			}
			return a.spare(cmd.Context(), dir, f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.name, "name", "", "name of the spare desk (default: the next free number)")
	fs.StringArrayVar(&f.relays, "relay", nil, "invitation of a relay for the spare desk; may be repeated")
	fs.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the spare desk's passphrase (default: as the running one's)")
	f.root.flags(cmd)
	kdfFlag(cmd, &f.kdf)
	jsonFlag(cmd, &f.asJSON)
	return cmd
}

func (a *app) spare(ctx context.Context, dir string, f rotateFlags) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var was api.Desk
	if err := cl.Get(ctx, "/desk", nil, &was); err != nil {
		return err
	}
	var lines []api.Line
	if err := cl.Get(ctx, "/lines", nil, &lines); err != nil {
		return err
	}
	if f.name == "" {
		f.name = nextName(was, lines)
	}
	o, c, err := a.beside(dir, was, f)
	if err != nil {
		return err
	}
	o.Dormant = true
	made, err := desk.Init(ctx, o)
	if err != nil {
		return err
	}
	if err := a.keepConfig(filepath.Join(dir, config.DeskFile), c); err != nil {
		return err
	}
	a.say("The spare desk %s lies in %s. Its parties are told now; it reads nothing until it is activated.", inertLine(made.Desk), dir)
	a.say("Take the directory to a safe, away from its custodians' keys: hotline desk activate DIR --custodian FILE --custodian FILE wakes it, once.")
	return a.tell(ctx, cl, made.Statement, f.asJSON)
}

func newDeskActivateCmd(a *app) *cobra.Command {
	var kf keyFlags
	var passphraseFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "activate DIR --custodian FILE --custodian FILE",
		Short: "Wake a spare desk by two custodians, and bring it onto the lines of the running desk",
		Long: `Wake a spare desk by two custodians, and bring it onto the lines of the
running desk.

The running desk of the party is the one of --dir. An activation is once: of two,
both are void, since a copied spare desk is nobody's.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(kf.custodians) != 2 {
				return usageError{"two custodians activate a spare desk", "--custodian FILE --custodian FILE"}
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The directory %s cannot be found.", args[0])
			}
			r, err := a.activate(cmd.Context(), dir, kf, passphraseFile)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(r)
			}
			a.say("The desk %s is awake and on %d lines. Start it with hotline desk run --dir %s.", inertLine(r.New), len(r.Lines), dir)
			_, err = fmt.Fprintln(a.out, r.NewID)
			return err
		},
	}
	kf.flags(cmd, false, true)
	cmd.Flags().StringVar(&passphraseFile, "passphrase-file", "", "file with the spare desk's passphrase, instead of its desk.toml's (default: ask)")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// activate has the custodians sign, keeps what they signed in the spare desk,
// and tells the others.
func (a *app) activate(ctx context.Context, dir string, kf keyFlags, passphraseFile string) (r rotated, err error) {
	cl, err := a.client()
	if err != nil {
		return r, err
	}
	o, err := a.ownParty(ctx, cl)
	if err != nil {
		return r, err
	}
	var lines []api.Line
	if err := cl.Get(ctx, "/lines", nil, &lines); err != nil {
		return r, err
	}
	c, err := config.ReadDesk(dir, a.env)
	if err != nil {
		return r, err
	}
	if passphraseFile != "" {
		c.Store.PassphraseFile = passphraseFile
	}
	key, err := a.unlock(dir, c.Store, 0)
	if err != nil {
		return r, err
	}
	defer clear(key.Key)
	keepers, err := a.keepers(kf)
	if err != nil {
		return r, err
	}
	var st roster.Statement
	err = desk.Activate(ctx, dir, key.Key, c.Log.Logger(a.err), func(first roster.Announcement) (_ roster.Statement, err error) {
		if state := o.set.Roster().State(first.Desk); state != roster.StateDormant {
			return st, fault.New(fault.Refused, "The party's other desks do not know this desk as a spare one; it was removed, or activated elsewhere.")
		}
		if st, err = o.byKeepers(roster.Statement{Type: roster.ActivateDesk, Activate: &roster.Activation{SealKey: first}}, keepers); err != nil {
			return st, err
		}
		// What others would refuse must not be kept: it is the desk's one try.
		if _, err = o.set.Add(st, time.Now()); err == nil && o.set.Roster().State(first.Desk) != roster.StateIn {
			err = fault.New(fault.Unverified, "These are not two custodians whom the spare desk names.")
		}
		if err != nil {
			return st, fault.Wrap(err, fault.Unverified, "These are not two custodians whom the spare desk names.")
		}
		return st, nil
	})
	if err != nil {
		return r, err
	}
	if err := cl.Post(ctx, "/statements", newKey(), api.StatementIn{Statement: st.Bytes()}, nil); err != nil {
		return r, err
	}
	end, err := a.serve(ctx, dir, c, func() (keyring.Opened, error) { return a.unlock(dir, c.Store, 0) })
	if err != nil {
		return r, err
	}
	defer end()
	fresh := api.NewClient(dir)
	var now api.Desk
	if err := fresh.Get(ctx, "/desk", nil, &now); err != nil {
		return r, err
	}
	r = rotated{New: now.Desk, NewID: now.DeskID, Dir: dir}
	r.Lines, err = a.joinAll(ctx, cl, fresh, lines)
	return r, err
}
