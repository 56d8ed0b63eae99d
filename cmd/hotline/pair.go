package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// maxCarried is the largest file that a person carries between desks, in
// bytes: it must fit a request of the API in base64.
const maxCarried = 180 << 10

// newPairCmd returns "hotline pair" and its verbs.
func newPairCmd(a *app) *cobra.Command {
	return a.newGroup("pair", "Meet another party: three files, and words said and typed",
		newPairStartCmd(a), newPairAnswerCmd(a), newPairOpenCmd(a), newPairWordsCmd(a), newPairConfirmCmd(a), newPairListCmd(a))
}

// carried holds the flags of a verb that reads or makes a file to carry.
type carried struct {
	in, out string
	asJSON  bool
}

func (c *carried) flags(cmd *cobra.Command, reads bool) {
	if reads {
		cmd.Flags().StringVarP(&c.in, "in", "i", "", "file from the other party, instead of the argument; - is stdin")
	}
	cmd.Flags().StringVarP(&c.out, "out", "o", "", "file to write for the other party; - or none is stdout")
	jsonFlag(cmd, &c.asJSON)
}

// read returns the file of the last argument or of --in.
func (a *app) readCarried(c carried, args []string) ([]byte, error) {
	name := c.in
	switch {
	case name != "" && len(args) > 0:
		return nil, usageError{"the file is named twice", "name it as the argument or with --in"}
	case len(args) > 0:
		name = args[0]
	case name == "":
		return nil, usageError{"the file from the other party is missing", "name it as the argument or with --in; - is stdin"}
	}
	return a.readInput(name, maxCarried)
}

func newPairStartCmd(a *app) *cobra.Command {
	var c carried
	cmd := &cobra.Command{
		Use:   "start PARTY",
		Short: "Begin: make the first file for a party",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pairAct(cmd, c, "/pairings", api.PairingNew{Peer: args[0]})
		},
	}
	c.flags(cmd, false)
	return cmd
}

func newPairAnswerCmd(a *app) *cobra.Command {
	var c carried
	var name string
	cmd := &cobra.Command{
		Use:   "answer [FILE]",
		Short: "Answer: read the first file, make the second",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.readCarried(c, args)
			if err != nil {
				return err
			}
			return a.pairAct(cmd, c, "/pairings/answer", api.PairingFile{File: file, Peer: name})
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&name, "as", "", "our name for that party (default: the one it uses)")
	return cmd
}

func newPairOpenCmd(a *app) *cobra.Command {
	var c carried
	var id string
	cmd := &cobra.Command{
		Use:   "open [FILE]",
		Short: "Open: read the second file and make the third, or read the third",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := a.readCarried(c, args)
			if err != nil {
				return err
			}
			p, err := a.pickPairing(cmd, id)
			if err != nil {
				return err
			}
			return a.pairAct(cmd, c, "/pairings/"+url.PathEscape(p.ID)+"/open", api.PairingFile{File: file})
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&id, "id", "", "which pairing, when several are open (hotline pair list)")
	return cmd
}

// pairAct asks for one step of a ceremony, writes the file that it made, and
// says what comes next.
func (a *app) pairAct(cmd *cobra.Command, c carried, path string, in any) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var p api.Pairing
	if err := cl.Post(cmd.Context(), path, newKey(), in, &p); err != nil {
		return err
	}
	if c.asJSON {
		if c.out != "" && len(p.File) > 0 {
			if err := a.writeOutput(c.out, p.File); err != nil {
				return err
			}
		}
		return a.printJSON(p)
	}
	if len(p.File) > 0 {
		if err := a.writeOutput(c.out, p.File); err != nil {
			return err
		}
	}
	a.say("%s", nextStep(p, c.out))
	return nil
}

// nextStep says what the officer does now.
func nextStep(p api.Pairing, file string) string {
	peer := inertLine(p.Peer)
	if file == "" || file == "-" {
		file = "the file"
	}
	switch p.Step {
	case "send_file":
		return fmt.Sprintf("Hand %s to %s by any way, and wait for their file.", file, peer)
	case "words":
		if len(p.File) > 0 {
			return fmt.Sprintf("Hand %s to %s. Then call them: hotline pair words, hotline pair confirm.", file, peer)
		}
		return fmt.Sprintf("Call %s by a voice that you know: hotline pair words, hotline pair confirm.", peer)
	case "paired":
		return fmt.Sprintf("Paired with %s.", peer)
	}
	return fmt.Sprintf("The pairing with %s stands at %q.", peer, inertLine(p.Step))
}

func newPairWordsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "words [ID]",
		Short: "Show the six words that you read aloud to the other party",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.pickPairing(cmd, first(args))
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(p)
			}
			if len(p.Say) == 0 {
				return fault.New(fault.Conflict, "There are no words yet: the files have not all been read.").
					WithHint("hotline pair list shows what comes next")
			}
			a.say("Read these aloud to %s, by a voice that you know. They read theirs: type them with hotline pair confirm.", inertLine(p.Peer))
			_, err = fmt.Fprintln(a.out, strings.Join(p.Say, " "))
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newPairConfirmCmd(a *app) *cobra.Command {
	var heard string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "confirm [ID]",
		Short: "Type the six words that you heard; only this makes a pairing",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.pickPairing(cmd, first(args))
			if err != nil {
				return err
			}
			words, err := a.heardWords(heard, cmd.Flags().Changed("words"), p)
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var done api.Pairing
			// No Idempotency-Key: each try counts.
			if err := cl.Post(cmd.Context(), "/pairings/"+url.PathEscape(p.ID)+"/confirm", "", api.PairingWords{Words: words}, &done); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(done)
			}
			if !done.Paired {
				return fault.New(fault.Unverified, "The words do not match. Tries left: %d.", done.AttemptsLeft).
					WithHint("ask the other party to read them again, slowly")
			}
			a.say("Paired with %s.", inertLine(done.Party))
			_, err = fmt.Fprintln(a.out, inertLine(done.PartyID))
			return err
		},
	}
	cmd.Flags().StringVar(&heard, "words", "", "the six words in one text, instead of typing them at the terminal")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// heardWords returns the six words: from the flag, or typed at the terminal.
func (a *app) heardWords(flag string, given bool, p api.Pairing) ([]string, error) {
	if given {
		return sixWords(flag)
	}
	if !terminal(a.in) {
		return nil, usageError{"the six words are typed at a terminal", "or give them with --words"}
	}
	fmt.Fprintf(a.err, "The six words that %s reads to you: ", inertLine(p.Peer))
	line, err := a.readLine()
	if err != nil {
		return nil, err
	}
	return sixWords(line)
}

func sixWords(s string) ([]string, error) {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\u3000' })
	if len(words) != 6 {
		return nil, usageError{fmt.Sprintf("six words are needed, not %d", len(words)), "type the words as the other party reads them, with blanks between"}
	}
	return words, nil
}

// pickPairing returns the named pairing, or the only one that is under way.
func (a *app) pickPairing(cmd *cobra.Command, id string) (api.Pairing, error) {
	cl, err := a.client()
	if err != nil {
		return api.Pairing{}, err
	}
	if id == "" {
		var all []api.Pairing
		if err := cl.Get(cmd.Context(), "/pairings", nil, &all); err != nil {
			return api.Pairing{}, err
		}
		if id, err = onlyOpen(all); err != nil {
			return api.Pairing{}, err
		}
	}
	var p api.Pairing
	err = cl.Get(cmd.Context(), "/pairings/"+url.PathEscape(id), nil, &p)
	return p, err
}

func onlyOpen(all []api.Pairing) (string, error) {
	var ids []string
	for _, p := range all {
		if p.Step != "paired" && p.Step != "failed" {
			ids = append(ids, p.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fault.New(fault.NotFound, "No pairing is under way.").WithHint("begin with hotline pair start, or answer with hotline pair answer")
	case 1:
		return ids[0], nil
	}
	return "", usageError{"several pairings are under way", "name one: " + strings.Join(ids, ", ")}
}

func newPairListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the paired parties and the pairings under way",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var parties []api.Party
			if err := cl.Get(cmd.Context(), "/parties", nil, &parties); err != nil {
				return err
			}
			var pairings []api.Pairing
			if err := cl.Get(cmd.Context(), "/pairings", nil, &pairings); err != nil {
				return err
			}
			return a.printPairs(parties, pairings, asJSON)
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// pairRow is a row of "hotline pair list --json": a party, or a pairing that
// is under way.
type pairRow struct {
	Party   *api.Party   `json:"party,omitempty"`
	Pairing *api.Pairing `json:"pairing,omitempty"`
}

func (a *app) printPairs(parties []api.Party, pairings []api.Pairing, asJSON bool) error {
	var rows [][]string
	for _, p := range parties {
		if asJSON {
			if err := a.printJSON(pairRow{Party: &p}); err != nil {
				return err
			}
		}
		state := "paired"
		if p.Self {
			state = "this party"
		}
		rows = append(rows, []string{p.Name, state, when(p.PairedAt), short(p.ID)})
	}
	for _, p := range pairings {
		if p.Paired {
			continue // stands among the parties
		}
		if asJSON {
			if err := a.printJSON(pairRow{Pairing: &p}); err != nil {
				return err
			}
		}
		rows = append(rows, []string{p.Peer, stepWords(p.Step), when(p.StartedAt), p.ID})
	}
	if asJSON {
		return nil
	}
	return table(a.out, []string{"PARTY", "STATE", "SINCE", "ID"}, rows)
}

func stepWords(step string) string {
	switch step {
	case "send_file":
		return "waits for their file"
	case "words":
		return "waits for the words"
	}
	return step
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
