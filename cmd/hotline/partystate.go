package main

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/trust"
)

// signed has whoever the flags name sign a statement of our own party, and
// gives it to the desk.
func (a *app) signed(cmd *cobra.Command, rf rootFlags, kf keyFlags, subject string, asJSON bool, make func(o own) (roster.Statement, error)) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	o, err := a.ownParty(cmd.Context(), cl)
	if err != nil {
		return err
	}
	st, err := make(o)
	if err != nil {
		return err
	}
	if rf.file != "" || len(rf.shares) > 0 {
		r := a.root(rf, "")
		err = r.Use(func(root custody.Authority) (err error) {
			st, err = o.byRoot(root, r, st, subject)
			return err
		})
	} else {
		var keepers []roster.Keeper
		if keepers, err = a.keepers(kf); err == nil {
			st, err = o.byKeepers(st, keepers)
		}
	}
	if err != nil {
		return err
	}
	return a.tell(cmd.Context(), cl, st, asJSON)
}

func newPartyContactCmd(a *app) *cobra.Command {
	var rf rootFlags
	var kf keyFlags
	var in roster.Contact
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "contact --role ROLE --phone NUMBER",
		Short: "State how the own party is reached at any hour when the line is not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.signed(cmd, rf, kf, "contact", asJSON, func(o own) (roster.Statement, error) {
				in.Notice = 1
				for _, st := range o.set.Statements() {
					if st.Contact != nil {
						in.Notice = max(in.Notice, st.Contact.Notice+1)
					}
				}
				return roster.Statement{Type: roster.ContactCard, Contact: &in}, nil
			})
		},
	}
	rf.flags(cmd)
	kf.flags(cmd, false, true)
	fs := cmd.Flags()
	fs.StringVar(&in.Role, "role", "", `who answers, "duty officer"`)
	fs.StringVar(&in.Phone, "phone", "", "number, with the country")
	fs.StringVar(&in.Email, "email", "", "mail address")
	fs.StringVar(&in.Note, "note", "", "hours, languages")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newPartySuspendCmd(a *app) *cobra.Command {
	var rf rootFlags
	var kf keyFlags
	var reason, until string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "suspend PARTY --reason TEXT",
		Short: "Send a party nothing new, and say so to everybody, until it is reopened",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" {
				return usageError{"a suspension needs a reason", "--reason TEXT; the other party is shown it"}
			}
			end := time.Time{}
			if until != "" {
				var err error
				if end, err = time.Parse(time.RFC3339, until); err != nil {
					return usageError{"the end of the suspension cannot be read", "--until 2026-12-01T06:00:00Z"}
				}
			}
			if rf.file == "" && len(rf.shares) == 0 && kf.delegate == "" {
				return a.suspendHere(cmd, args[0], reason, end, asJSON)
			}
			return a.signed(cmd, rf, kf, args[0], asJSON, func(o own) (roster.Statement, error) {
				return a.notice(cmd, o, roster.SuspendParty, args[0], reason, end)
			})
		},
	}
	rf.flags(cmd)
	kf.flags(cmd, true, false)
	cmd.Flags().StringVar(&reason, "reason", "", "why; everybody on the lines is shown it")
	cmd.Flags().StringVar(&until, "until", "", "announced end, for people; it does not end by itself")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// suspendHere has a delegate key that lies at the desk sign.
func (a *app) suspendHere(cmd *cobra.Command, party, reason string, until time.Time, asJSON bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var p api.PartyDetail
	if err := cl.Post(cmd.Context(), "/parties/"+url.PathEscape(party)+"/suspend", newKey(), api.SuspendIn{Reason: reason, Until: api.Time{Time: until}}, &p); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(p)
	}
	if p.Suspended != nil {
		a.say("%s", inertLine(p.Suspended.Text))
	}
	_, err = fmt.Fprintln(a.out, inertLine(p.ID))
	return err
}

// notice writes the next suspension or reopening of a party.
func (a *app) notice(cmd *cobra.Command, o own, typ roster.Type, party, reason string, until time.Time) (st roster.Statement, err error) {
	cl, err := a.client()
	if err != nil {
		return st, err
	}
	var p api.PartyDetail
	if err := cl.Get(cmd.Context(), "/parties/"+url.PathEscape(party), nil, &p); err != nil {
		return st, err
	}
	subject, err := ident.ParseParty(p.ID)
	if err != nil {
		return st, fmt.Errorf("read id of party: %w", err)
	}
	return roster.Statement{Type: typ, Suspend: &roster.Suspension{
		Subject: subject, Notice: trust.NextNotice(o.set, o.party, subject), Reason: reason, Until: until.UTC().Truncate(time.Millisecond),
	}}, nil
}

func newPartyReopenCmd(a *app) *cobra.Command {
	var rf rootFlags
	var kf keyFlags
	var reason string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "reopen PARTY --custodian FILE --custodian FILE",
		Short: "End a suspension: the root signs, or two custodians",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.signed(cmd, rf, kf, args[0], asJSON, func(o own) (roster.Statement, error) {
				return a.notice(cmd, o, roster.ReopenParty, args[0], reason, time.Time{})
			})
		},
	}
	rf.flags(cmd)
	kf.flags(cmd, false, true)
	cmd.Flags().StringVar(&reason, "reason", "", "why; may be empty")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newPartyAddDeskCmd(a *app) *cobra.Command {
	var rf rootFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add-desk DESK --root FILE",
		Short: "State a desk of the own party anew, with the delegates and custodians that there are now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rf.file == "" {
				return usageError{"the root is missing", "--root JPN.root"}
			}
			return a.signed(cmd, rf, keyFlags{}, args[0], asJSON, func(o own) (st roster.Statement, err error) {
				all := o.set.Roster().Desks()
				i := slices.IndexFunc(all, func(e roster.Entry) bool { return e.Certificate.Name == args[0] || e.Desk.String() == args[0] })
				if i < 0 {
					return st, fault.New(fault.NotFound, "%s has no desk %q.", o.card.Name, args[0])
				}
				facts, err := a.root(rf, "").Facts()
				if err != nil {
					return st, err
				}
				held, _ := o.set.Statement(all[i].Statement)
				add := *held.Add
				if add.Delegates, err = facts.Holders(o.suite, roster.Delegate); err != nil {
					return st, err
				}
				if add.Custodians, err = facts.Holders(o.suite, roster.Custodian); err != nil {
					return st, err
				}
				if len(add.Delegates) < 2 {
					a.say("WARNING: %s will have no delegate: one alone is none. Only the root could cut it off.", args[0])
					add.Delegates = nil
				}
				if len(add.Custodians) < 2 {
					add.Custodians = nil
				}
				return roster.Statement{Type: roster.AddDesk, Add: &add}, nil
			})
		},
	}
	rf.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newPartyRotateCmd(a *app) *cobra.Command {
	var rf rootFlags
	var next, out string
	var drop []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rotate --root FILE --next FILE.next --out NEW",
		Short: "Put the successor in the root's place: what the old root adds from then on is void",
		Long: "Put the successor to which the root committed in its place. The desks that are on stay, but for those that --drop names; whatever\n" +
			"else the old root has added, or adds from then on, is void. Removals stay. NEW is the new root's file, with its own successor\n" +
			"NEW.next and the facts NEW.party. Delegates and custodians stay, with new warrants in NEW.party.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rf.file == "" || out == "" {
				return usageError{"the root, its successor and the name of the new root file are needed", "--root JPN.root --next JPN.root.next --out JPN-2.root"}
			}
			if next == "" {
				next = rf.file + ".next"
			}
			return a.rotate(cmd, rf, next, out, drop, asJSON)
		},
	}
	rf.flags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&next, "next", "", "file of the successor (default: FILE.next)")
	fs.StringVarP(&out, "out", "o", "", "file of the new root")
	fs.StringSliceVar(&drop, "drop", nil, "desks that the new root does not take over")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) rotate(cmd *cobra.Command, rf rootFlags, next, out string, drop []string, asJSON bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	o, err := a.ownParty(cmd.Context(), cl)
	if err != nil {
		return err
	}
	old, successor := a.root(rf, ""), a.root(rootFlags{file: next, passphraseFile: rf.passphraseFile}, "")
	var st roster.Statement
	err = successor.Use(func(s custody.Authority) error {
		root, after := s.Succeed()
		content, err := roster.NewRotation(o.suite, o.party, root, o.survivors(drop))
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "The rotation cannot be made.")
		}
		err = old.Use(func(was custody.Authority) error {
			if was.Next != roster.Commitment(o.suite, s.Public()) {
				return fault.New(fault.Refused, "%s is not the successor to which the root in %s committed.", next, rf.file)
			}
			if err := a.keepRotated(old, out, rf.passphraseFile, root, after); err != nil {
				return err
			}
			st, err = o.byRoot(was, old, roster.Statement{Type: roster.RotateRoot, Rotate: content}, "root")
			return err
		})
		if err != nil {
			return err
		}
		return a.newFacts(old, a.root(rootFlags{file: out}, ""), root, st)
	})
	if err != nil {
		return err
	}
	a.say("The new root is in %s, its successor in %s.next. Keep the old ones until every party has seen the change, then destroy them.", out, out)
	return a.tell(cmd.Context(), cl, st, asJSON)
}

// survivors lists the statements that keep on what is on.
func (o own) survivors(drop []string) (ids []ident.Statement) {
	r := o.set.Roster()
	for _, st := range o.set.Statements() {
		desk := st.Desk(o.suite)
		state := r.State(desk)
		cert, _ := o.set.Certificate(desk)
		if st.Contact != nil || st.Type == roster.ReopenParty {
			ids = append(ids, st.ID(o.suite))
		}
		if (st.Add != nil || st.Activate != nil) && (state == roster.StateIn || state == roster.StateDormant) && !slices.Contains(drop, cert.Name) {
			ids = append(ids, st.ID(o.suite))
		}
	}
	return ids
}

// keepRotated writes the new root and its successor before anything is said.
func (a *app) keepRotated(old custody.Root, out, passphraseFile string, root, after custody.Authority) error {
	passphrase, err := a.passphrase(passphraseFile, "the new root", true)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if err := custody.Keep(out, passphrase, root, a.cost); err != nil {
		return err
	}
	return custody.Keep(out+".next", passphrase, after, a.cost)
}

// newFacts writes what is public about the new root: the rotation, and new
// warrants for the keys that have one.
func (a *app) newFacts(old, now custody.Root, root custody.Authority, st roster.Statement) error {
	facts, err := old.Facts()
	if err != nil {
		return err
	}
	facts.Rotations = append(facts.Rotations, st.Bytes())
	for i, b := range facts.Warrants {
		w, err := roster.ParseWarrant(b)
		if err == nil {
			w, err = roster.NewWarrant(root.Suite(), root, w)
		}
		if err != nil {
			return fmt.Errorf("renew warrant: %w", err)
		}
		facts.Warrants[i] = bytes.Clone(w.Bytes())
	}
	return now.PutFacts(facts)
}
