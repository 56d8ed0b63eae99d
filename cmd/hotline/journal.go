package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/evidence"
	"hotline/internal/fault"
	"hotline/internal/ident"
)

// newJournalCmd returns "hotline journal" and its verbs.
func newJournalCmd(a *app) *cobra.Command {
	return a.newGroup("journal", "Verify, prove, export and compare the record",
		newJournalStatusCmd(a), newJournalVerifyCmd(a), newJournalProveCmd(a), newJournalExportCmd(a), newJournalTranscriptCmd(a),
		newJournalNonAnswerCmd(a), newJournalCompareCmd(a), newJournalCheckCmd(a))
}

func newJournalStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how long the journal is, and what of it is signed",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var s api.JournalStatus
			if err := cl.Get(cmd.Context(), "/journal/status", nil, &s); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(s)
			}
			_, err = fmt.Fprint(a.out, journalWords(s))
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func journalWords(s api.JournalStatus) string {
	state := "verified " + when(s.VerifiedAt)
	if !s.OK {
		state = "DAMAGED: " + inertLine(s.Error)
	}
	return fmt.Sprintf("leaves      %d\nroot        %s\nsigned      %d leaves, %s\ngeneration  %d\nstate       %s\n",
		s.Size, inertLine(s.Root), s.Covered, when(s.CheckpointAt), s.Generation, state)
}

func newJournalVerifyCmd(a *app) *cobra.Command {
	var in api.VerifyIn
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read the whole record from the disk, and compute every hash anew",
		Long: `Read the whole record of the running desk from its disk: every leaf and hash of
the journal, every checkpoint that was signed, every message against its leaf.
The desk does this by itself once a day. What does not fit is named, nothing
more is signed or cleaned away then, and the exit code is 8.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			stop := a.verifying(cmd.Context(), cl)
			var s api.JournalStatus
			err = cl.Post(cmd.Context(), "/journal/verify", "", in, &s)
			stop()
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(s)
			}
			_, err = fmt.Fprintf(a.out, "The journal verifies: %d leaves, %d of them signed at %s.\n", s.Size, s.Covered, stamp(s.CheckpointAt))
			return err
		},
	}
	cmd.Flags().BoolVar(&in.Signatures, "signatures", false, "verify what every desk signed too: messages, receipts, attestations")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// verifying shows how far a verification is, on a terminal.
func (a *app) verifying(ctx context.Context, cl *api.Client) (stop func()) {
	if a.quiet || !terminal(a.err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var p *progressbar.ProgressBar
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if p != nil {
					_ = p.Finish() // a broken terminal stops nothing
				}
				return
			case <-tick.C:
			}
			var s api.JournalStatus
			if cl.Get(ctx, "/journal/status", nil, &s) != nil || !s.Running {
				continue
			}
			if p == nil {
				p = progressbar.NewOptions64(s.Of, progressbar.OptionSetDescription("leaves"), progressbar.OptionSetWriter(a.err), progressbar.OptionClearOnFinish())
			}
			_ = p.Set64(s.Done)
		}
	}()
	return func() { cancel(); <-done }
}

// evidenceFlags are what every verb that makes a file takes.
type evidenceFlags struct {
	out    string
	asJSON bool
}

func (f *evidenceFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "write the file of evidence there (- for stdout)")
	jsonFlag(cmd, &f.asJSON)
}

// evidence gets a file from the desk, verifies it here as anybody could, writes
// it where it was asked for, and shows what it proves.
func (a *app) evidence(cmd *cobra.Command, path string, query url.Values, f evidenceFlags) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	file, err := cl.Evidence(cmd.Context(), path, query)
	if err != nil {
		return err
	}
	r, err := checked("what the desk made", file.File, nil)
	if err != nil {
		return err
	}
	if file.LeftOut > 0 {
		a.say("%d messages are left out: their marking does not let them leave in a file.", file.LeftOut)
	}
	if file.Removed > 0 {
		a.say("Of %d messages the text was removed here; their leaves, their places and what was signed about them are in the file.", file.Removed)
	}
	if f.out != "" {
		if err := a.writeOutput(f.out, file.File); err != nil || f.out == "-" {
			return err
		}
		a.say("Written to %s; anybody verifies it with: hotline journal check %s", inertLine(f.out), inertLine(f.out))
	}
	return a.showReport(r, f.asJSON)
}

func newJournalProveCmd(a *app) *cobra.Command {
	var f evidenceFlags
	cmd := &cobra.Command{
		Use:   "prove MESSAGE",
		Short: "Prove that a message is in the journal, and what was signed about it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.evidence(cmd, "/journal/prove/"+url.PathEscape(args[0]), nil, f)
		},
	}
	f.add(cmd)
	return cmd
}

func newJournalExportCmd(a *app) *cobra.Command {
	var f evidenceFlags
	cmd := &cobra.Command{
		Use:               "export LINE --out FILE",
		Short:             "Write everything that this desk can prove about a line",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.out == "" {
				return usageError{"an export needs a file", "name it with --out, or - for stdout"}
			}
			return a.evidence(cmd, "/lines/"+url.PathEscape(args[0])+"/export", nil, f)
		},
	}
	f.add(cmd)
	return cmd
}

func newJournalTranscriptCmd(a *app) *cobra.Command {
	var f evidenceFlags
	cmd := &cobra.Command{
		Use:   "transcript LINE | MESSAGE",
		Short: "Show what was said on a line, by sender and serial, with its proof",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := args[0]
			if strings.HasPrefix(ref, "msg1") || strings.Contains(ref, "/") {
				return a.evidence(cmd, "/journal/prove/"+url.PathEscape(ref), nil, f)
			}
			return a.evidence(cmd, "/lines/"+url.PathEscape(ref)+"/export", nil, f)
		},
	}
	f.add(cmd)
	return cmd
}

func newJournalNonAnswerCmd(a *app) *cobra.Command {
	var f evidenceFlags
	var party string
	var text bool
	cmd := &cobra.Command{
		Use:   "nonanswer MESSAGE",
		Short: "Certify that a party had a message and no person there answered it",
		Long: `Make a certificate that a party's desk signed that it had a message of yours, and
that no person there had signed a receipt for it up to a time that the desk itself
attests. It verifies offline. It proves that the desk had the message; not that a
person heard it, nor why nobody spoke. A receipt that comes later annuls it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := url.Values{"nonanswer": {"1"}}
			if party != "" {
				q.Set("party", party)
			}
			if text {
				q.Set("text", "1")
			}
			return a.evidence(cmd, "/journal/prove/"+url.PathEscape(args[0]), q, f)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&party, "party", "", "who did not answer, where a message asked several parties")
	cmd.Flags().BoolVar(&text, "text", false, "put the message itself into the certificate")
	return cmd
}

func newJournalCheckCmd(a *app) *cobra.Command {
	var parties []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check FILE",
		Short: "Verify a file of evidence, offline, with nothing but the parties' ids",
		Long: `Verify a file of evidence. No desk, no passphrase and no network are needed: all
keys are in the file, and the ids of the parties say whose they are. Name the
parties that you know with --party; without it the ids are printed for you to
compare.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			trusted, err := partyIDs(parties)
			if err != nil {
				return err
			}
			r, err := a.checkFile(args[0], trusted)
			if err != nil {
				return err
			}
			if err := a.showReport(r, asJSON); err != nil {
				return err
			}
			if len(trusted) == 0 {
				a.say("Everything rests on the ids of these parties: compare them with what you know, or name them with --party.")
			}
			return guilty(r.Use, r.Findings)
		},
	}
	cmd.Flags().StringSliceVar(&parties, "party", nil, "id of a party that you know (party1…); may be given several times")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// guilty makes an exit code of what a file shows beside what it claims.
func guilty(use string, found []evidence.Finding) error {
	if len(found) == 0 || use == evidence.Conviction {
		return nil
	}
	return fault.New(fault.Unverified, "%s", found[0].Text).WithHint("the file proves it to anybody; keep it")
}

func partyIDs(texts []string) (ids []ident.Party, err error) {
	for _, text := range texts {
		id, err := ident.ParseParty(text)
		if err != nil {
			return nil, usageError{fmt.Sprintf("%q is no id of a party", inert(text)), "ids begin with party1; hotline party list prints them"}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func newJournalCompareCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare FILE [FILE]",
		Short: "Compare a peer's export with this desk's record, or two files with each other",
		Long: `Compare what two desks can prove about one line. With one file, the running desk's
own record of that line is the other side; with two, no desk is needed. The first
serial of each sender in which they differ is named, with the side whose record is
short, or the sender who signed two different things.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			theirs, err := a.checkFile(args[len(args)-1], nil)
			if err != nil {
				return err
			}
			ours, err := a.otherSide(cmd.Context(), args, theirs.Line)
			if err != nil {
				return err
			}
			c, err := evidence.Compare(ours, theirs)
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The files cannot be compared: %s.", tail(err))
			}
			if asJSON {
				err = a.printJSON(c)
			} else {
				err = a.showComparison(c)
			}
			if err == nil && !c.Agree {
				err = fault.New(fault.Unverified, "%s", c.Text)
			}
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// otherSide is the first of two files, or the running desk's own record.
func (a *app) otherSide(ctx context.Context, args []string, line string) (*evidence.Report, error) {
	if len(args) == 2 {
		return a.checkFile(args[0], nil)
	}
	cl, err := a.client()
	if err != nil {
		return nil, err
	}
	file, err := cl.Evidence(ctx, "/lines/"+url.PathEscape(line)+"/export", nil)
	if err != nil {
		return nil, err
	}
	return checked("what the desk made", file.File, nil)
}

// checkFile reads and verifies a file.
func (a *app) checkFile(name string, trusted []ident.Party) (*evidence.Report, error) {
	b, err := a.readInput(name, evidence.MaxFile)
	if err != nil {
		return nil, err
	}
	return checked("The file "+name, b, trusted)
}

func checked(what string, b []byte, trusted []ident.Party) (*evidence.Report, error) {
	r, err := evidence.Check(b, trusted)
	switch {
	case errors.Is(err, evidence.ErrMalformed):
		return nil, fault.Wrap(err, fault.Unverified, "%s is no file of evidence as hotline writes one: %s.", what, tail(err))
	case err != nil:
		return nil, fault.Wrap(err, fault.Unverified, "%s does not hold: %s.", what, tail(err))
	}
	return r, nil
}

// tail is what an error says behind the name of its kind.
func tail(err error) string {
	_, text, ok := strings.Cut(err.Error(), ": ")
	if !ok {
		text = err.Error()
	}
	return inertLine(text)
}
