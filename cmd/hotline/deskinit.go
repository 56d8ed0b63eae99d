package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/config"
	"hotline/internal/desk"
	"hotline/internal/fault"
)

// deskInitFlags are the flags of "hotline desk init".
type deskInitFlags struct {
	party, name, role string
	relays            []string
	passphraseFile    string
	root              rootFlags
	kdf               string
	suite             uint8
	listen            string
	asJSON            bool
}

// newDeskInitCmd returns "hotline desk init".
func newDeskInitCmd(a *app) *cobra.Command {
	var f deskInitFlags
	cmd := &cobra.Command{
		Use:   "init --party PARTY --relay TOKEN",
		Short: "Make a desk in a new directory: its keys, and its place at a relay",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.deskInit(cmd, f)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.party, "party", "", "name of the party that the desk belongs to, such as JPN")
	fs.StringVar(&f.name, "name", "", "name of the desk (default: the party's with -1)")
	fs.StringVar(&f.role, "role", "", "role for which the desk speaks (default: watch officer)")
	fs.StringArrayVar(&f.relays, "relay", nil, "invitation of a relay: the token, the file that holds it, or - for stdin; may be repeated")
	fs.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the desk's passphrase; desk.toml will name it, for an unattended start (default: ask)")
	f.root.flags(cmd)
	fs.Lookup("root").Usage = "file of the party's root key; made if it is not there (default: PARTY.root beside the directory)"
	fs.Lookup("root-passphrase-file").Usage = "file with the root's passphrase (default: the desk's passphrase)"
	kdfFlag(cmd, &f.kdf)
	fs.Uint8Var(&f.suite, "suite", 0, "suite of a new party's root and of all its desks and lines: 1, or 2 for the algorithms of CNSA 2.0 (default: the root's, else 1)")
	fs.StringVar(&f.listen, "listen", "", "loopback address of the console (default: "+config.DefaultDesk().Console.Listen+")")
	jsonFlag(cmd, &f.asJSON)
	return cmd
}

// made is what "hotline desk init --json" prints.
type made struct {
	Party     string `json:"party"`
	PartyID   string `json:"party_id"`
	Desk      string `json:"desk"`
	DeskID    string `json:"desk_id"`
	RootFile  string `json:"root_file"`
	RootMade  bool   `json:"root_made"`
	Officer   string `json:"officer"`
	SignInURL string `json:"sign_in_url,omitempty"`
}

func (a *app) deskInit(cmd *cobra.Command, f deskInitFlags) error {
	dir, err := a.deskDir()
	if err != nil {
		return err
	}
	if f.party == "" {
		return usageError{"the name of the party is missing", "--party JPN"}
	}
	c, err := a.initConfig(dir, f)
	if err != nil {
		return err
	}
	o := desk.InitOptions{
		Dir: dir, Party: f.party, Name: f.name, Role: f.role, RootFile: f.root.file, RootShares: f.root.shares, Suite: f.suite,
		ConsoleAddr: c.Console.Listen, Log: c.Log.Logger(a.err),
	}
	if o.Cost, err = a.costOf(f.kdf); err != nil {
		return err
	}
	if o.Relays, err = a.tokens(f.relays); err != nil {
		return err
	}
	if o.Passphrase, err = a.passphrase(c.Store.PassphraseFile, "the new desk", true); err != nil {
		return err
	}
	if f.root.passphraseFile != "" {
		if o.RootPassphrase, err = a.passphrase(f.root.passphraseFile, "the party's root", false); err != nil {
			return err
		}
	}
	r, err := desk.Init(cmd.Context(), o)
	if err != nil {
		return err
	}
	if err := a.keepConfig(filepath.Join(dir, config.DeskFile), c); err != nil {
		return err
	}
	return a.printMade(dir, r, f.asJSON)
}

// initConfig returns the configuration that the new desk will run with.
func (a *app) initConfig(dir string, f deskInitFlags) (config.Desk, error) {
	c, err := config.ReadDesk(dir, a.env)
	if err != nil {
		return c, err
	}
	if f.listen != "" {
		c.Console.Listen = f.listen
	}
	if f.passphraseFile != "" {
		if c.Store.PassphraseFile, err = filepath.Abs(f.passphraseFile); err != nil {
			return c, fault.Wrap(err, fault.Config, "The passphrase file cannot be found.")
		}
	}
	return c, c.Check()
}

// keepConfig writes desk.toml, unless somebody has prepared one.
func (a *app) keepConfig(path string, c config.Desk) error {
	if _, err := os.Stat(path); err == nil {
		a.say("%s was there already, and was left as it is.", config.DeskFile)
		return nil
	}
	defaults := config.DefaultDesk()
	return writeNew(path, config.Example(deskTitle, &c, &defaults))
}

// tokens returns the invitations: as they are, or out of files.
func (a *app) tokens(args []string) (tokens []string, err error) {
	for _, t := range args {
		if !strings.HasPrefix(t, "relayinvite1") {
			b, err := a.readInput(t, 1<<12)
			if err != nil {
				return nil, err
			}
			t = string(b)
		}
		tokens = append(tokens, strings.TrimSpace(t))
	}
	return tokens, nil
}

func (a *app) printMade(dir string, r desk.InitResult, asJSON bool) error {
	if asJSON {
		return a.printJSON(made{
			Party: r.Party, PartyID: r.PartyID.String(), Desk: r.Desk, DeskID: r.DeskID.String(),
			RootFile: r.RootFile, RootMade: r.RootMade, Officer: r.Officer, SignInURL: r.SignInURL,
		})
	}
	a.say("The desk %s of %s stands in %s.", inertLine(r.Desk), inertLine(r.Party), dir)
	if r.RootMade {
		a.say("The root of %s is %s. Copy it to two media, keep them offline, and take it off this machine.", inertLine(r.Party), r.RootFile)
	}
	if r.Delegates == 0 {
		a.say("WARNING: no delegate may cut this desk off; only the root can. hotline party init makes a party with delegates; hotline party delegate add makes them later.")
	}
	a.say("The passphrase is the only thing that opens this desk: lost every slot is lost desk, for ever. hotline desk slot add recovery makes shares for people to keep.")
	a.say("Start the desk with hotline desk run. %s signs in at the console by a one-time link (hotline desk link makes another).", r.Officer)
	if r.SignInURL != "" {
		a.say("This one serves for 15 minutes: %s", r.SignInURL)
	}
	_, err := fmt.Fprintln(a.out, r.PartyID)
	return err
}
