package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

func newPairWordsCmd(a *app) *cobra.Command {
	var asJSON, qr bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "words [ID]",
		Short: "Show the six words that you read aloud to the other party",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.pickPairing(cmd, first(args))
			if err != nil {
				return err
			}
			if p, err = a.awaitWords(cmd, p, wait); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(p)
			}
			if len(p.Say) == 0 {
				return fault.New(fault.Conflict, "There are no words yet: the files have not all been read.").
					WithHint("hotline pair list shows what comes next; --wait 30m waits")
			}
			a.say("Read these aloud to %s, by a voice that you know. They read theirs: type them with hotline pair confirm.", inertLine(p.Peer))
			if _, err = fmt.Fprintln(a.out, strings.Join(p.Say, " ")); err != nil {
				return err
			}
			return a.showQR(qr, p, "words")
		},
	}
	jsonFlag(cmd, &asJSON)
	cmd.Flags().BoolVar(&qr, "qr", false, "draw a QR code of the words too, for somebody who stands before you")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the files to pass, such as 30m")
	return cmd
}

// awaitWords waits for the files of a pairing to pass.
func (a *app) awaitWords(cmd *cobra.Command, p api.Pairing, wait time.Duration) (api.Pairing, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for wait > 0 && p.Step == "send_file" {
		select {
		case <-cmd.Context().Done():
			return p, cmd.Context().Err()
		case <-end.C:
			return p, fault.New(fault.Timeout, "The files have not passed within %v.", wait)
		case <-tick.C:
		}
		var err error
		if p, err = a.pickPairing(cmd, p.ID); err != nil {
			return p, err
		}
	}
	return p, nil
}

func newPairConfirmCmd(a *app) *cobra.Command {
	var heard, witness, witnessFile string
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
			in := api.PairingWords{}
			if in.Words, err = a.heardWords(heard, cmd.Flags().Changed("words"), p); err != nil {
				return err
			}
			if in.Witness, err = a.witness(p, witness, witnessFile); err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var done api.Pairing
			// No Idempotency-Key: each try counts.
			if err := cl.Post(cmd.Context(), "/pairings/"+url.PathEscape(p.ID)+"/confirm", "", in, &done); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(done)
			}
			if !done.Paired {
				return fault.New(fault.Unverified, "The words do not match. Tries left: %d.", done.AttemptsLeft).
					WithHint("ask the other party to read them again, slowly")
			}
			a.say("Paired with %s. hotline pair record %s prints who verified it, signed.", inertLine(done.Party), inertLine(done.ID))
			_, err = fmt.Fprintln(a.out, inertLine(done.PartyID))
			return err
		},
	}
	cmd.Flags().StringVar(&heard, "words", "", "the six words in one text, instead of typing them at the terminal")
	cmd.Flags().StringVar(&witness, "witness", "", "the second officer, who confirms with a password of their own")
	cmd.Flags().StringVar(&witnessFile, "witness-password-file", "", "file with the witness's password, instead of the terminal")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// witness asks the second officer for the password, where one confirms.
func (a *app) witness(p api.Pairing, name, file string) (*api.Voucher, error) {
	if name == "" {
		if p.Persons > 1 {
			return nil, usageError{"this party asks for two persons at a pairing", "name the second officer with --witness"}
		}
		return nil, nil
	}
	if file != "" {
		b, err := a.passphraseFile(file)
		return &api.Voucher{Officer: name, Password: string(b)}, err
	}
	in, ok := a.in.(*os.File)
	if !ok || !terminal(in) {
		return nil, usageError{"the witness types a password at a terminal", "or name a file with --witness-password-file"}
	}
	b, err := a.askHidden(in, fmt.Sprintf("Password of %s, who heard the words too: ", inertLine(name)))
	return &api.Voucher{Officer: name, Password: string(b)}, err
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
