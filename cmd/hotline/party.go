package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// newPartyCmd returns "hotline party" and its verbs.
func newPartyCmd(a *app) *cobra.Command {
	return a.newGroup("party", "Look after your own party, and see the others",
		newPartyInitCmd(a), newPartyListCmd(a), newPartyShowCmd(a), newPartyRootCmd(a),
		newHolderCmd(a, roster.Delegate, "Keys that may only remove desks and suspend: for 3 a.m., when the root is in a safe"),
		newHolderCmd(a, roster.Custodian, "Keys of which two together activate a spare desk, reopen, and sign charters"),
		newPartyContactCmd(a), newPartySuspendCmd(a), newPartyReopenCmd(a), newPartyAddDeskCmd(a), newPartyRotateCmd(a))
}

// partyMade is what "party init" prints with --json.
type partyMade struct {
	Party   string   `json:"party"`
	PartyID string   `json:"party_id"`
	Files   []string `json:"files"`
}

func newPartyInitCmd(a *app) *cobra.Command {
	var f rootFlags
	var name string
	var suiteID uint8
	var delegates, custodians int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init --party NAME --root FILE",
		Short: "Found a party: its root, the root's successor, delegates and custodians",
		Long: "Found a party, best on a machine that never sees a network. The root signs who belongs to the party; the successor is the only\n" +
			"key that may take its place. Take each file to where it belongs: the root and its successor into two safes, the delegates to\n" +
			"whoever may cut a desk off at night, the custodians to two people. FILE.party is public and goes to whoever makes a desk.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if name == "" || f.file == "" {
				return usageError{"the name of the party and the file of its root are needed", "--party JPN --root JPN.root"}
			}
			if delegates == 1 || custodians == 1 {
				return usageError{"one key alone is one that nobody may lose", "two of each, or none"}
			}
			s, err := suite.ByID(suiteID)
			if err != nil {
				return usageError{"there is no such suite", "--suite 1, or --suite 2"}
			}
			passphrase, err := a.passphrase(f.passphraseFile, "the root", true)
			if err != nil {
				return err
			}
			defer clear(passphrase)
			made, err := a.foundParty(s, name, a.root(f, ""), passphrase, delegates, custodians)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(made)
			}
			if delegates == 0 {
				a.say("WARNING: this party has no delegate. A desk that is lost at night stays on its lines until somebody brings the root.")
			}
			a.say("All files are sealed with the passphrase of the root. Take them apart: root and successor into two safes, the others to their people.")
			for _, n := range made.Files {
				a.say("  %s", n)
			}
			_, err = fmt.Fprintln(a.out, made.PartyID)
			return err
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&name, "party", "", "name of the organisation")
	fs.StringVar(&f.file, "root", "", "file of the root that is made")
	fs.StringVar(&f.passphraseFile, "root-passphrase-file", "", "file with the passphrase for it (default: ask)")
	fs.IntVar(&delegates, "delegates", 2, "how many delegates' keys to make")
	fs.IntVar(&custodians, "custodians", 2, "how many custodians' keys to make")
	fs.Uint8Var(&suiteID, "suite", 1, "cryptographic suite of the party's desks and lines")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// foundParty writes the files of a new party.
func (a *app) foundParty(s suite.Suite, name string, r custody.Root, passphrase []byte, delegates, custodians int) (partyMade, error) {
	root, next := custody.Found(s)
	made := partyMade{Party: name, PartyID: root.Party.String(), Files: []string{r.File, r.File + ".next", r.File + ".party"}}
	defer custody.Forget()
	if err := custody.Keep(r.File, passphrase, root, a.cost); err != nil {
		return made, err
	}
	if err := custody.Keep(r.File+".next", passphrase, next, a.cost); err != nil {
		return made, err
	}
	if err := r.PutFacts(custody.Facts{Name: name, Root: root.Public()}); err != nil {
		return made, err
	}
	for _, o := range []struct {
		office roster.Office
		n      int
	}{{roster.Delegate, delegates}, {roster.Custodian, custodians}} {
		for i := 1; i <= o.n; i++ {
			file := fmt.Sprintf("%s.%s-%d", strings.TrimSuffix(r.File, ".root"), o.office, i)
			if _, err := a.newHolder(root, r, o.office, fmt.Sprintf("%s %s %d", name, o.office, i), file, passphrase); err != nil {
				return made, err
			}
			made.Files = append(made.Files, file)
		}
	}
	return made, nil
}

func newPartyListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the own party and the others that this desk knows",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var all []api.Party
			if err := cl.Get(cmd.Context(), "/parties", nil, &all); err != nil {
				return err
			}
			var rows [][]string
			for _, p := range all {
				if asJSON {
					if err := a.printJSON(p); err != nil {
						return err
					}
				}
				rows = append(rows, []string{p.Name, p.How, p.State, fmt.Sprint(p.Desks), short(p.ID)})
			}
			if asJSON {
				return nil
			}
			return table(a.out, []string{"PARTY", "KNOWN BY", "STATE", "DESKS", "ID"}, rows)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newPartyShowCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [PARTY]",
		Short: "Show what a party has stated: desks, delegates, custodians, contact, suspensions",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			ref := ""
			if len(args) > 0 {
				ref = args[0]
			} else {
				var d api.Desk
				if err := cl.Get(cmd.Context(), "/desk", nil, &d); err != nil {
					return err
				}
				ref = d.Party
			}
			var p api.PartyDetail
			if err := cl.Get(cmd.Context(), "/parties/"+url.PathEscape(ref), nil, &p); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(p)
			}
			return a.printParty(p)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) printParty(p api.PartyDetail) error {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(a.out, "%-11s %s\n", name, inertLine(fmt.Sprintf(format, args...)))
	}
	line("party", "%s, %s", p.Name, p.State)
	line("id", "%s", p.ID)
	root := p.Root
	if p.Rotated > 0 {
		root += fmt.Sprintf(", replaced %d times", p.Rotated)
	}
	if !p.Commits {
		root += ", no successor named: only a new ceremony changes it"
	}
	line("root", "%s", root)
	if p.Stopped != "" {
		line("stopped", "%s", p.Stopped)
	}
	for _, s := range []*api.PartySuspension{p.Suspended, p.SuspendedByIt} {
		if s != nil {
			line("suspended", "%s", s.Text)
		}
	}
	if c := p.Contact; c != nil {
		line("contact", "%s", strings.Join(strings.Fields(strings.Join([]string{c.Role, c.Phone, c.Email, c.Note}, "  ")), " "))
	}
	for _, d := range p.Desks {
		line("desk", "%s, %s: %s", d.Name, d.Role, d.State)
	}
	for _, h := range p.Delegates {
		line("delegate", "%s, may remove %s", h.Name, strings.Join(h.Desks, ", "))
	}
	if len(p.Delegates) == 0 {
		line("delegate", "none: only the root removes a desk")
	}
	for _, h := range p.Custodians {
		line("custodian", "%s, named by %s", h.Name, strings.Join(h.Desks, ", "))
	}
	for _, s := range p.Statements {
		line("stated", "%s %s", s.At.UTC().Format("2006-01-02 15:04Z"), s.Text)
	}
	return nil
}

// newHolderCmd returns "hotline party delegate" or "party custodian".
func newHolderCmd(a *app, office roster.Office, short string) *cobra.Command {
	return a.newGroup(office.String(), short, newHolderAddCmd(a, office), newHolderListCmd(a, office))
}

func newHolderAddCmd(a *app, office roster.Office) *cobra.Command {
	var f rootFlags
	var out, passphraseFile string
	cmd := &cobra.Command{
		Use:   "add NAME --root FILE --out FILE",
		Short: fmt.Sprintf("Make the key of a %s; desks that are added from then on name it", office),
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" || f.file == "" {
				return usageError{"the root and the file of the new key are needed", fmt.Sprintf("--root JPN.root --out JPN.%s-3", office)}
			}
			r := a.root(f, "")
			return r.Use(func(root custody.Authority) error {
				passphrase, err := a.passphrase(passphraseFile, "the new key", true)
				if err != nil {
					return err
				}
				defer clear(passphrase)
				h, err := a.newHolder(root, r, office, args[0], out, passphrase)
				if err != nil {
					return err
				}
				facts, err := r.Facts()
				if err != nil {
					return err
				}
				if all, err := facts.Holders(root.Suite(), office); err == nil && len(all) == 1 {
					a.say("One alone is not named by any desk: make a second one.")
				}
				a.say("Desks that exist name it once the root has stated them anew: hotline party add-desk DESK --root %s.", f.file)
				_, err = fmt.Fprintln(a.out, h.Key)
				return err
			})
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVarP(&out, "out", "o", "", "file of the new key")
	cmd.Flags().StringVar(&passphraseFile, "key-passphrase-file", "", "file with the passphrase for the new key (default: ask)")
	return cmd
}

func newHolderListCmd(a *app, office roster.Office) *cobra.Command {
	var f rootFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list --root FILE",
		Short: fmt.Sprintf("List the %ss that the root has warranted, from the facts beside it", office),
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.file == "" {
				return usageError{"the root is missing", "--root JPN.root; only FILE.party is read"}
			}
			facts, err := a.root(f, "").Facts()
			if err != nil {
				return err
			}
			all, err := facts.Holders(suite.One, office)
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The file %s.party cannot be read.", f.file)
			}
			var rows [][]string
			for _, h := range all {
				if asJSON {
					if err := a.printJSON(api.PartyHolder{ID: h.Key.String(), Name: h.Name, Desks: []string{}}); err != nil {
						return err
					}
				}
				rows = append(rows, []string{h.Name, h.Key.String()})
			}
			if asJSON {
				return nil
			}
			return table(a.out, []string{"NAME", "KEY"}, rows)
		},
	}
	cmd.Flags().StringVar(&f.file, "root", "", "file of the party's root key")
	jsonFlag(cmd, &asJSON)
	return cmd
}
