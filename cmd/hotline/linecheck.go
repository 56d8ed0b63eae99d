package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// newLineCheckCmd returns "hotline line check".
func newLineCheckCmd(a *app) *cobra.Command {
	var all, asJSON bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "check LINE | --all",
		Short: "Ask every desk of a line what it holds, and compare",
		Long: `Ask every desk of a line what it holds of everybody, and compare that with what
this desk holds. Desks do this by themselves every 15 quiet minutes. Where the
records differ, the first message that differs and the side that has it are
named, and the exit code says so. What desks have signed about keys that they
refused is listed behind that, as proof or as their word.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usageError{"one line is checked, or all are", "name a line, or say --all"}
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			names, err := a.linesToCheck(cmd.Context(), cl, args)
			if err != nil {
				return err
			}
			differ := 0
			for _, name := range names {
				agree, err := a.checkLine(cmd.Context(), cl, name, timeout, asJSON)
				if err != nil {
					return err
				}
				if !agree {
					differ++
				}
			}
			if differ > 0 {
				return fault.New(fault.Unverified, "The records differ on %d of %d lines.", differ, len(names)).
					WithHint("hotline line check --json LINE shows each desk; the journal keeps what proves it")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "check every open line")
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "wait so long for desks to answer")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// linesToCheck lists the names that were given, or those of all open lines.
func (a *app) linesToCheck(ctx context.Context, cl *api.Client, args []string) ([]string, error) {
	if len(args) == 1 {
		return args, nil
	}
	var ls []api.Line
	if err := cl.Get(ctx, "/lines", nil, &ls); err != nil {
		return nil, err
	}
	var names []string
	for _, l := range ls {
		if l.State == "open" {
			names = append(names, l.Name)
		}
	}
	return names, nil
}

// checkLine checks one line and prints what came. It reports false where a
// desk holds another record.
func (a *app) checkLine(ctx context.Context, cl *api.Client, name string, timeout time.Duration, asJSON bool) (bool, error) {
	path := "/lines/" + url.PathEscape(name)
	var l api.Line
	if err := cl.Get(ctx, path, nil, &l); err != nil {
		return false, err
	}
	desks := 0
	for _, p := range l.Parties {
		for _, d := range p.Desks {
			if !d.Self {
				desks++
			}
		}
	}
	var c api.TrustChecks
	if err := cl.Post(ctx, path+"/check", newKey(), struct{}{}, &c); err != nil {
		return false, err
	}
	asked := c.AskedAt
	deadline := time.Now().Add(timeout)
	for try := 1; answered(c, asked) < desks && time.Now().Before(deadline); try++ {
		if err := pause(ctx, try); err != nil {
			return false, err
		}
		if err := cl.Get(ctx, path+"/check", nil, &c); err != nil {
			return false, err
		}
	}
	agree := c.Agree == nil || *c.Agree
	if asJSON {
		return agree, a.printJSON(c)
	}
	return agree, a.printChecks(l, c, asked, desks)
}

// answered counts the desks whose check came since and was compared.
func answered(c api.TrustChecks, asked api.Time) (n int) {
	for _, d := range c.Desks {
		if !d.At.Before(asked.Time) && d.Agree != nil {
			n++
		}
	}
	return n
}

func (a *app) printChecks(l api.Line, c api.TrustChecks, asked api.Time, desks int) error {
	a.say("Line %s: %d of %d desks answered. %s", inertLine(l.Name), answered(c, asked), desks, inertLine(c.Text))
	var rows [][]string
	for _, d := range c.Desks {
		result := "being compared"
		if d.Agree != nil && *d.Agree {
			result = "the same"
		} else if d.Agree != nil {
			result = "DIFFERENT"
		}
		rows = append(rows, []string{d.Name, when(d.At), result, d.Text})
	}
	if err := table(a.out, []string{"DESK", "CHECKED", "RECORD", "FIRST DIFFERENCE"}, rows); err != nil {
		return err
	}
	for _, text := range c.Amber {
		a.say("%s", inertLine(text))
	}
	for _, m := range c.Alarms {
		fmt.Fprintf(a.out, "ALARM %s (%s): %s\n", when(m.At), inertLine(m.Verdict), inertLine(m.Text))
	}
	for _, m := range c.Complaints {
		fmt.Fprintf(a.out, "COMPLAINT %s (%s): %s\n", when(m.At), wordOrProof(m.Proven), inertLine(m.Text))
	}
	return nil
}

// newLineKeysCmd returns "hotline line keys".
func newLineKeysCmd(a *app) *cobra.Command {
	var asJSON bool
	renew := &cobra.Command{
		Use:               "renew LINE",
		Short:             "Make new sending keys of this desk for a line",
		Long:              "Make new sending keys of this desk for a line, and give every desk of the line its part.\nThey come by themselves every day; ask for them when the old ones may be known.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var l api.Line
			if err := cl.Post(cmd.Context(), "/lines/"+url.PathEscape(args[0])+"/keys/renew", newKey(), struct{}{}, &l); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(l)
			}
			a.say("Line %s has new keys of this desk; %d of %d desks hold them already.", inertLine(l.Name), l.Keys.SealedFor, l.Keys.Of)
			return nil
		},
	}
	jsonFlag(renew, &asJSON)
	return a.newGroup("keys", "The sending keys of this desk", renew)
}
