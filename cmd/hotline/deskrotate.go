package main

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/custody"
	"hotline/internal/desk"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/keyring"
	"hotline/internal/roster"
)

// rotateFlags are the flags of "hotline desk rotate".
type rotateFlags struct {
	name           string
	relays         []string
	passphraseFile string
	kdf            string
	reason         string
	root           rootFlags
	yes, asJSON    bool
}

// rotated is what "hotline desk rotate --json" prints.
type rotated struct {
	Old       string   `json:"old"`
	New       string   `json:"new"`
	NewID     string   `json:"new_id"`
	Dir       string   `json:"dir"`
	Lines     []string `json:"lines"`
	Confirmed int      `json:"confirmed"`
	Of        int      `json:"of"`
}

func newDeskRotateCmd(a *app) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate NEWDIR --relay TOKEN",
		Short: "Put a new desk in the running one's place: new keys and certificate, on all its lines; the old one is removed",
		Long: `Put a new desk in the running one's place: new keys and certificate, on all
its lines; the old one is removed.

A desk that was removed never comes back, so the new one has a name and a
directory of its own. What was read stays in the old directory.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The directory %s cannot be found.", args[0])
			}
			r, err := a.rotateDesk(cmd.Context(), dir, f)
			if err != nil {
				return err
			}
			return a.printRotated(r, f.asJSON)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&f.name, "name", "", "name of the new desk (default: the next free number)")
	fs.StringArrayVar(&f.relays, "relay", nil, "invitation of a relay for the new desk; may be repeated")
	fs.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the new desk's passphrase (default: as the old one's)")
	fs.StringVar(&f.reason, "reason", "replaced by a new desk", "why the old one goes; everybody on its lines is shown it")
	fs.BoolVar(&f.yes, "yes", false, "do not ask")
	f.root.flags(cmd)
	kdfFlag(cmd, &f.kdf)
	jsonFlag(cmd, &f.asJSON)
	return cmd
}

// rotateDesk makes the new desk, brings it onto the lines, and removes the old.
// What fails before the removal leaves two desks, and can be done again.
func (a *app) rotateDesk(ctx context.Context, dir string, f rotateFlags) (r rotated, err error) {
	old, err := a.client()
	if err != nil {
		return r, err
	}
	var was api.Desk
	if err := old.Get(ctx, "/desk", nil, &was); err != nil {
		return r, err
	}
	if err := a.confirmName("The desk "+inertLine(was.Desk)+" is removed from its lines, for ever", was.Desk, f.yes); err != nil {
		return r, err
	}
	var lines []api.Line
	if err := old.Get(ctx, "/lines", nil, &lines); err != nil {
		return r, err
	}
	if f.name == "" {
		f.name = nextName(was, lines)
	}
	made, end, err := a.successor(ctx, dir, was, f)
	if err != nil {
		return r, err
	}
	defer end()
	r = rotated{Old: was.Desk, New: made.Desk, NewID: made.DeskID.String(), Dir: dir, Lines: []string{}}
	fresh := api.NewClient(dir)
	if r.Lines, err = a.joinAll(ctx, old, fresh, lines); err != nil {
		return r, err
	}
	c, err := a.removeByRoot(ctx, fresh, was, f)
	if err != nil {
		return r, err
	}
	for try := 1; try <= 30 && c.Confirmed < c.Of; try++ {
		if err := pause(ctx, 1); err != nil {
			return r, err
		}
		if err := fresh.Get(ctx, "/cutoffs/"+c.ID, nil, &c); err != nil {
			return r, err
		}
	}
	r.Confirmed, r.Of = c.Confirmed, c.Of
	return r, nil
}

// joinAll brings the desk behind fresh onto the open lines of another one.
func (a *app) joinAll(ctx context.Context, old, fresh *api.Client, lines []api.Line) (joined []string, err error) {
	joined = []string{}
	var card api.File
	if err := fresh.Get(ctx, "/card", nil, &card); err != nil {
		return joined, err
	}
	for _, l := range lines {
		if l.State != "open" {
			a.say("Line %s is %s; the new desk does not join it.", inertLine(l.Name), l.State)
			continue
		}
		var pack api.File
		if err := old.Post(ctx, "/lines/"+l.ID+"/desks", newKey(), api.CardIn{Card: card.File}, &pack); err != nil {
			return joined, err
		}
		if err := fresh.Post(ctx, "/lines/join", newKey(), api.PackIn{Pack: pack.File}, nil); err != nil {
			return joined, err
		}
		joined = append(joined, l.Name)
	}
	return joined, nil
}

// successor makes the new desk and runs it in this process until end is called.
func (a *app) successor(ctx context.Context, dir string, was api.Desk, f rotateFlags) (made desk.InitResult, end func(), err error) {
	o, c, err := a.beside(dir, was, f)
	if err != nil {
		return made, nil, err
	}
	if made, err = desk.Init(ctx, o); err != nil {
		return made, nil, err
	}
	if err := a.keepConfig(filepath.Join(dir, config.DeskFile), c); err != nil {
		return made, nil, err
	}
	end, err = a.serve(ctx, dir, c, func() (keyring.Opened, error) { return keyring.Open(dir, o.Passphrase) })
	return made, end, err
}

// beside says what a further desk of the running one's party is made of.
func (a *app) beside(dir string, was api.Desk, f rotateFlags) (o desk.InitOptions, c config.Desk, err error) {
	oldDir, err := a.deskDir()
	if err != nil {
		return o, c, err
	}
	if c, err = config.ReadDesk(oldDir, a.env); err != nil {
		return o, c, err
	}
	if f.passphraseFile != "" {
		if c.Store.PassphraseFile, err = filepath.Abs(f.passphraseFile); err != nil {
			return o, c, fault.Wrap(err, fault.Config, "The passphrase file cannot be found.")
		}
	}
	o = desk.InitOptions{Dir: dir, Party: was.Party, Name: f.name, RootFile: f.root.file, RootShares: f.root.shares, Log: c.Log.Logger(a.err)}
	if o.RootFile == "" {
		o.RootFile = filepath.Join(filepath.Dir(oldDir), was.Party+".root")
	}
	if o.Cost, err = a.costOf(f.kdf); err != nil {
		return o, c, err
	}
	if o.Relays, err = a.tokens(f.relays); err != nil {
		return o, c, err
	}
	if o.Passphrase, err = a.passphrase(c.Store.PassphraseFile, "the new desk", true); err != nil {
		return o, c, err
	}
	if len(o.RootShares) == 0 {
		o.RootPassphrase, err = a.passphrase(f.root.passphraseFile, "the party's root", false)
	}
	return o, c, err
}

// serve runs a desk beside the command, without its console, until end is
// called.
func (a *app) serve(ctx context.Context, dir string, c config.Desk, unlock func() (keyring.Opened, error)) (end func(), err error) {
	c.Console.Listen = "" // the old one has the address for now
	d, err := desk.New(ctx, c, desk.Options{Dir: dir, Version: version, Log: c.Log.Logger(a.err), Unlock: unlock})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	select {
	case <-d.Ready():
		return func() {
			cancel()
			if err := <-done; err != nil {
				c.Log.Logger(a.err).Warn("desk ended", "err", err)
			}
		}, nil
	case err := <-done:
		cancel()
		return nil, err
	}
}

// removeByRoot has the root remove the old desk, and the new one cut it off.
func (a *app) removeByRoot(ctx context.Context, fresh *api.Client, was api.Desk, f rotateFlags) (c api.Cutoff, err error) {
	o, err := a.ownParty(ctx, fresh)
	if err != nil {
		return c, err
	}
	id, err := ident.ParseDesk(was.DeskID)
	if err != nil {
		return c, fmt.Errorf("read own id: %w", err)
	}
	e, ok := o.set.Roster().Desk(id)
	if !ok {
		return c, fault.New(fault.Conflict, "The desk %s is not in its party's roster any more.", was.Desk)
	}
	oldDir, err := a.deskDir()
	if err != nil {
		return c, err
	}
	r := a.root(f.root, filepath.Join(filepath.Dir(oldDir), was.Party+".root"))
	var st roster.Statement
	err = r.Use(func(root custody.Authority) (err error) {
		st, err = o.byRoot(root, r, roster.Statement{
			Type: roster.RemoveDesk, Remove: &roster.Cut{Desk: id, Fingerprint: e.Certificate.Fingerprint(o.suite), Reason: f.reason},
		}, was.Desk)
		return err
	})
	if err != nil {
		return c, err
	}
	in := api.CutoffIn{Reason: f.reason, Confirm: was.Desk, Statement: st.Bytes()}
	return c, fresh.Post(ctx, "/desks/"+url.PathEscape(was.DeskID)+"/cutoff", newKey(), in, &c)
}

var numbered = regexp.MustCompile(`^(.*-)([0-9]{1,6})$`)

// nextName is the name of the desk with the next number that no desk of the
// party has on any line.
func nextName(was api.Desk, lines []api.Line) string {
	stem, highest := was.Desk+"-", 1
	if m := numbered.FindStringSubmatch(was.Desk); m != nil {
		stem = m[1]
	}
	names := []string{was.Desk}
	for _, l := range lines {
		for _, p := range l.Parties {
			for _, d := range p.Desks {
				names = append(names, d.Name)
			}
		}
	}
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, stem); ok {
			if v, err := strconv.Atoi(rest); err == nil {
				highest = max(highest, v)
			}
		}
	}
	return stem + strconv.Itoa(highest+1)
}

func (a *app) printRotated(r rotated, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	a.say("The desk %s is on %d lines in the place of %s; %d of %d desks confirm that they refuse the old one.", inertLine(r.New), len(r.Lines), inertLine(r.Old), r.Confirmed, r.Of)
	a.say("Stop the old desk, start the new one with hotline desk run --dir %s, and give it slots of its own (hotline desk slot add).", r.Dir)
	a.say("What was read stays in the old directory: hotline desk zeroize when nobody needs it.")
	_, err := fmt.Fprintln(a.out, r.NewID)
	return err
}
