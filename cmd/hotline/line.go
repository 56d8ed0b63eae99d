package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// newLineCmd returns "hotline line" and its verbs.
func newLineCmd(a *app) *cobra.Command {
	return a.newGroup("line", "Make, see and leave lines",
		newLineCreateCmd(a), newLineAcceptCmd(a), newLineListCmd(a), newLineShowCmd(a),
		newLineProposeCmd(a), newLineSignCmd(a), newLineVersionsCmd(a), newLineAddDeskCmd(a), newLineJoinCmd(a), newLineLeaveCmd(a), newLineCheckCmd(a), newLineKeysCmd(a))
}

func newLineCreateCmd(a *app) *cobra.Command {
	var in api.LineNew
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create NAME --with PARTY,…",
		Short: "Propose a line to paired parties; it opens when all have accepted",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			if len(in.Parties) == 0 {
				return usageError{"a line needs at least one other party", "name them: --with NATO, or --with NATO,AUS"}
			}
			return a.lineAct(cmd, "/lines", in, asJSON)
		},
	}
	cmd.Flags().StringSliceVar(&in.Parties, "with", nil, "the other parties")
	cmd.Flags().BoolVar(&in.Exercise, "exercise", false, "a line for exercise traffic only")
	cmd.Flags().StringVar(&in.Classification, "class", "", "classification that the charter writes where a sender names none")
	cmd.Flags().StringVar(&in.Record, "record", "", "what a record of the line proves: attributable (deniable is reserved)")
	cmd.Flags().StringVar(&in.Attest, "attest", "", "hybrid signature over messages: amortised, or every (default: amortised)")
	cmd.Flags().StringVar(&in.PAP, "pap", "", "PAP that the charter writes where a sender names none")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// lineAct asks for something that answers with a line.
func (a *app) lineAct(cmd *cobra.Command, path string, in any, asJSON bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var l api.Line
	if err := cl.Post(cmd.Context(), path, newKey(), in, &l); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(l)
	}
	a.say("%s", lineWords(l))
	_, err = fmt.Fprintln(a.out, inertLine(l.ID))
	return err
}

func lineWords(l api.Line) string {
	var others []string
	for _, p := range l.Parties {
		if !p.Self {
			others = append(others, p.Name)
		}
	}
	name := inertLine(l.Name)
	switch l.State {
	case "proposed":
		return fmt.Sprintf("Line %s is proposed; it opens when every party has accepted: %s.", name, inertLine(strings.Join(others, ", ")))
	case "open":
		return fmt.Sprintf("Line %s is open with %s.", name, inertLine(strings.Join(others, ", ")))
	case "left":
		return fmt.Sprintf("This party has left line %s. What was received stays readable here.", name)
	}
	return fmt.Sprintf("Line %s: %s.", name, inertLine(l.State))
}

func newLineAcceptCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "accept LINE",
		Short:             "Sign the charter of a proposed line",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.lineAct(cmd, "/lines/"+url.PathEscape(args[0])+"/accept", struct{}{}, asJSON)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newLineListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the lines of this desk",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var ls []api.Line
			if err := cl.Get(cmd.Context(), "/lines", nil, &ls); err != nil {
				return err
			}
			var rows [][]string
			for _, l := range ls {
				if asJSON {
					if err := a.printJSON(l); err != nil {
						return err
					}
				}
				rows = append(rows, lineRow(l))
			}
			if asJSON {
				return nil
			}
			if len(rows) == 0 {
				a.say("There is no line yet. Pair with a party first: hotline pair start.")
			}
			return table(a.out, []string{"LINE", "STATE", "PARTIES", "HEALTH", "FOR US", "FOR THEM", "ID"}, rows)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func lineRow(l api.Line) []string {
	var parties []string
	for _, p := range l.Parties {
		parties = append(parties, p.Name)
	}
	state := l.State
	if l.Exercise {
		state += ", exercise"
	}
	return []string{
		l.Name, state, strings.Join(parties, " "), l.Health.Text,
		fmt.Sprint(l.AwaitingUs), fmt.Sprint(l.AwaitingThem), short(l.ID),
	}
}

func newLineShowCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "show LINE",
		Short:             "Show who is on a line, its health and its rules",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var l api.Line
			if err := cl.Get(cmd.Context(), "/lines/"+url.PathEscape(args[0]), nil, &l); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(l)
			}
			return a.printLine(l)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) printLine(l api.Line) error {
	facts := [][]string{
		{"line", l.Name + " (" + l.ID + ")"},
		{"state", l.State},
		{"profile", l.Profile},
		{"health", l.Health.Text},
		{"last heard", when(l.Health.LastHeardAt)},
		{"keys", fmt.Sprintf("our present key is with %d of %d desks", l.Keys.SealedFor, l.Keys.Of)},
		{"rule", "classification " + orDash(l.Rule.Classification) + ", PAP " + orDash(l.Rule.PAP) + ", REL " + orDash(strings.Join(l.Rule.REL, ", "))},
		{"waiting", fmt.Sprintf("%d for us, %d for them", l.AwaitingUs, l.AwaitingThem)},
	}
	if l.Exercise {
		facts = append(facts, []string{"traffic", "EXERCISE EXERCISE EXERCISE only"})
	}
	if l.State == "proposed" {
		facts = append(facts, []string{"accepted by", orDash(strings.Join(l.Accepted, ", "))})
	}
	if err := table(a.out, []string{"LINE", inertLine(l.Name)}, facts); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	var rows [][]string
	for _, p := range l.Parties {
		who := p.Name
		if p.Self {
			who += " (this party)"
		}
		for _, d := range p.Desks {
			heard := when(d.LastHeardAt)
			if d.Self {
				heard = "this desk"
			}
			rows = append(rows, []string{who, d.Name, heard, short(d.ID)})
		}
	}
	return table(a.out, []string{"PARTY", "DESK", "LAST HEARD", "ID"}, rows)
}

func newLineAddDeskCmd(a *app) *cobra.Command {
	var c carried
	cmd := &cobra.Command{
		Use:               "add-desk LINE [CARD]",
		Short:             "Put a further desk of this party on a line: read its card, make its joining pack",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			card, err := a.readCarried(c, args[1:])
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var f api.File
			if err := cl.Post(cmd.Context(), "/lines/"+url.PathEscape(args[0])+"/desks", newKey(), api.CardIn{Card: card}, &f); err != nil {
				return err
			}
			if c.asJSON {
				return a.printJSON(f)
			}
			if err := a.writeOutput(c.out, f.File); err != nil {
				return err
			}
			a.say("The desk is on the line. Carry the joining pack to it: hotline line join FILE.")
			return nil
		},
	}
	c.flags(cmd, true)
	return cmd
}

func newLineJoinCmd(a *app) *cobra.Command {
	var c carried
	cmd := &cobra.Command{
		Use:   "join [PACK]",
		Short: "Open a joining pack on a new desk",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pack, err := a.readCarried(c, args)
			if err != nil {
				return err
			}
			return a.lineAct(cmd, "/lines/join", api.PackIn{Pack: pack}, c.asJSON)
		},
	}
	cmd.Flags().StringVarP(&c.in, "in", "i", "", "the joining pack, instead of the argument; - is stdin")
	jsonFlag(cmd, &c.asJSON)
	return cmd
}

func newLineLeaveCmd(a *app) *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:               "leave LINE",
		Short:             "Take this party off a line, for good",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.confirmName("Leaving a line cannot be undone", args[0], yes); err != nil {
				return err
			}
			return a.lineAct(cmd, "/lines/"+url.PathEscape(args[0])+"/leave", struct{}{}, asJSON)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for the name again")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// confirmName asks a person to type the name of what a dangerous verb is for.
func (a *app) confirmName(what, name string, yes bool) error {
	if yes {
		return nil
	}
	if !terminal(a.in) {
		return usageError{what + ", and nobody is at the terminal to confirm it", "add --yes"}
	}
	fmt.Fprintf(a.err, "%s. Type %s to go on: ", what, name)
	typed, err := a.readLine()
	if err != nil || typed != name {
		return fault.New(fault.Refused, "Nothing was done: another name was typed.")
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
