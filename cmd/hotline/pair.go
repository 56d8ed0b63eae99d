package main

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/qrcode"
)

// maxCarried is the largest file that a person carries between desks, in
// bytes: it must fit a request of the API in base64.
const maxCarried = 2900 << 10

// newPairCmd returns "hotline pair" and its verbs.
func newPairCmd(a *app) *cobra.Command {
	return a.newGroup("pair", "Meet another party: three files, and words said and typed",
		newPairStartCmd(a), newPairJoinCmd(a), newPairAnswerCmd(a), newPairOpenCmd(a), newPairWordsCmd(a), newPairConfirmCmd(a),
		newPairAbandonCmd(a), newPairRecordCmd(a), newPairRevokeCmd(a), newPairListCmd(a))
}

// carried holds the flags of a verb that reads or makes a file to carry.
type carried struct {
	in, out string
	asJSON  bool
	qr      bool
}

func (c *carried) flags(cmd *cobra.Command, reads bool) {
	if reads {
		cmd.Flags().StringVarP(&c.in, "in", "i", "", "file from the other party, instead of the argument; - is stdin")
	}
	cmd.Flags().BoolVar(&c.qr, "qr", false, "draw a QR code of the code, or of the first file, on stderr")
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
	var in api.PairingNew
	cmd := &cobra.Command{
		Use:   "start PARTY",
		Short: "Begin: make the first file for a party, or a code",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Peer = args[0]
			return a.pairAct(cmd, c, "/pairings", in)
		},
	}
	c.flags(cmd, false)
	cmd.Flags().BoolVar(&in.Rendezvous, "rendezvous", false, "print a code instead of a file: the files pass over our relay, sealed")
	cmd.Flags().BoolVar(&in.Again, "again", false, "also with a party that is known: its root is verified anew")
	return cmd
}

func newPairJoinCmd(a *app) *cobra.Command {
	var c carried
	var in api.PairingCode
	cmd := &cobra.Command{
		Use:   "join CODE",
		Short: "Answer a party that gave you a code",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Code = args[0]
			return a.pairAct(cmd, c, "/pairings/join", in)
		},
	}
	jsonFlag(cmd, &c.asJSON)
	cmd.Flags().StringVar(&in.Peer, "as", "", "our name for that party (default: the one it uses)")
	cmd.Flags().BoolVar(&in.Again, "again", false, "also with a party that is known: its root is verified anew")
	return cmd
}

func newPairAnswerCmd(a *app) *cobra.Command {
	var c carried
	var in api.PairingFile
	cmd := &cobra.Command{
		Use:   "answer [FILE]",
		Short: "Answer: read the first file, make the second",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.File, err = a.readCarried(c, args); err != nil {
				return err
			}
			return a.pairAct(cmd, c, "/pairings/answer", in)
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&in.Peer, "as", "", "our name for that party (default: the one it uses)")
	cmd.Flags().BoolVar(&in.Again, "again", false, "also with a party that is known: its root is verified anew")
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
			path := "/pairings/open" // the file says which pairing it is for
			if id != "" {
				path = "/pairings/" + url.PathEscape(id) + "/open"
			}
			return a.pairAct(cmd, c, path, api.PairingFile{File: file})
		},
	}
	c.flags(cmd, true)
	cmd.Flags().StringVar(&id, "id", "", "which pairing; without it the file says")
	return cmd
}

// pairAct asks for one step of a ceremony, writes the file or the code that it
// made, and says what comes next.
func (a *app) pairAct(cmd *cobra.Command, c carried, path string, in any) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var p api.Pairing
	if err := cl.Post(cmd.Context(), path, newKey(), in, &p); err != nil {
		return err
	}
	meets := p.Rendezvous != nil
	if len(p.File) > 0 && (c.out != "" || !c.asJSON && !meets) {
		if err := a.writeOutput(c.out, p.File); err != nil {
			return err
		}
	}
	if c.asJSON {
		return a.printJSON(p)
	}
	if meets && p.Step == "send_file" && path == "/pairings" {
		if _, err := fmt.Fprintln(a.out, inertLine(p.Rendezvous.Code)); err != nil {
			return err
		}
	}
	of := "file"
	if meets {
		of = "code"
	}
	if err := a.showQR(c.qr, p, of); err != nil {
		return err
	}
	a.say("%s", nextStep(p, c.out))
	return nil
}

// showQR draws what a camera can take over, for the person in front of a
// terminal: on stderr, because it is no data.
func (a *app) showQR(asked bool, p api.Pairing, of string) error {
	if !asked {
		return nil
	}
	text, err := p.QR(of)
	if err != nil {
		return err
	}
	code, err := qrcode.New(text)
	if err != nil {
		return err
	}
	fmt.Fprint(a.err, code.Terminal())
	return nil
}

// nextStep says what the officer does now.
func nextStep(p api.Pairing, file string) string {
	peer := inertLine(p.Peer)
	if file == "" || file == "-" {
		file = "the file"
	}
	switch {
	case p.Step == "send_file" && p.Rendezvous != nil:
		return fmt.Sprintf("Tell %s the code %s by any way: they type hotline pair join CODE. It serves until %s. Then: hotline pair words --wait 30m", peer, inertLine(p.Rendezvous.Code), when(p.Rendezvous.UntilAt))
	case p.Step == "send_file":
		return fmt.Sprintf("Hand %s to %s by any way, and wait for their file.", file, peer)
	case p.Step == "words" && len(p.File) > 0 && p.Rendezvous == nil:
		return fmt.Sprintf("Hand %s to %s. Then call them: hotline pair words, hotline pair confirm.", file, peer)
	case p.Step == "words":
		return fmt.Sprintf("Call %s by a voice that you know: hotline pair words, hotline pair confirm.", peer)
	case p.Step == "paired":
		return fmt.Sprintf("Paired with %s.", peer)
	}
	return fmt.Sprintf("The pairing with %s stands at %q.", peer, inertLine(p.Step))
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
		if p.State == "stopped" {
			state = "stopped"
		}
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
