package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// newShowCmd returns "hotline show".
func newShowCmd(a *app) *cobra.Command {
	var stix, asJSON bool
	var out string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:               "show ID",
		Short:             "Show a message with its ladder, or write its STIX bundle as it was given",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := messageRef(args[0]); err != nil {
				return err
			}
			if stix && asJSON {
				return usageError{"--stix writes the bundle itself, not JSON about it", "leave out one of --stix and --json"}
			}
			if !stix && (out != "" || timeout != 0) {
				return usageError{"--out and --timeout go with --stix", "add --stix, or send the output elsewhere with >"}
			}
			if stix {
				return a.showSTIX(cmd, args[0], out, timeout)
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var m api.Message
			if err := cl.Get(cmd.Context(), "/messages/"+url.PathEscape(args[0]), nil, &m); err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(m)
			} else {
				err = a.printMessage(m)
			}
			if err != nil || m.Direction != "in" || !m.OpenedAt.IsZero() {
				return err
			}
			return cl.Post(cmd.Context(), "/messages/"+url.PathEscape(m.ID)+"/opened", "", nil, nil)
		},
	}
	cmd.Flags().BoolVar(&stix, "stix", false, "write the STIX bundle, byte for byte, to stdout or --out")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file for the bundle")
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "with --stix: wait so long for a message or a bundle that is still on its way")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// messageRef refuses what cannot be the id, or the serial, of a message before
// it is made part of an address.
func messageRef(ref string) error {
	if ref == "" || len(ref) > 200 {
		return usageError{"that is not the id of a message", "hotline inbox lists them"}
	}
	return plainWords(ref)
}

// printMessage shows a message between two lines of its label.
func (a *app) printMessage(m api.Message) error {
	var b strings.Builder
	band := m.Label.Text
	switch m.Status {
	case "exercise":
		band = strings.TrimSpace("EXERCISE EXERCISE EXERCISE  "+m.ExerciseName) + "  " + band
	case "test":
		band = "TEST  " + band
	}
	band = inertLine(band)
	fmt.Fprintln(&b, band)
	fmt.Fprintf(&b, "%s %s  %s  %s\n", m.Precedence, inertLine(m.Kind), inertLine(m.Serial), inertLine(dtgOf(m)))
	fmt.Fprintf(&b, "from %s (%s) to %s on line %s\n", inertLine(m.From), inertLine(m.FromDesk), inertLine(strings.Join(m.To, ", ")), inertLine(m.LineName))
	fmt.Fprintf(&b, "id   %s\n", inertLine(m.ID))
	if m.Attested {
		fmt.Fprintf(&b, "attested by %s with its long-lived key\n", inertLine(m.FromDesk))
	} else {
		fmt.Fprintf(&b, "not yet attested: signed by %s, its long-lived signature follows\n", inertLine(m.FromDesk))
	}
	if m.Reference != "" {
		fmt.Fprintf(&b, "answers %s\n", inertLine(m.Reference))
	}
	if !m.AckDueAt.IsZero() {
		late := ""
		if m.Overdue {
			late = ", OVERDUE"
		}
		fmt.Fprintf(&b, "%s due by %s%s\n", inertLine(m.AckRequired), when(m.AckDueAt), late)
	}
	if m.Subject != "" {
		fmt.Fprintf(&b, "subject %s\n", inertLine(m.Subject))
	}
	if m.Text != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(inert(m.Text), "\n"))
	}
	if !m.RemovedAt.IsZero() {
		fmt.Fprintf(&b, "\nThe text was removed here %s: retention. Its leaf in the journal, its hash and its ladder stay.\n", when(m.RemovedAt))
	}
	if m.STIX != nil {
		fmt.Fprintf(&b, "\nSTIX %s\n", stixWords(m))
	}
	b.WriteString("\n")
	if _, err := io.WriteString(a.out, b.String()); err != nil {
		return err
	}
	if err := a.printLadder(m); err != nil {
		return err
	}
	if len(m.Actions) > 0 {
		a.say("Now: hotline ack %s (%s)", short(m.ID), strings.Join(m.Actions, ", "))
	}
	_, err := fmt.Fprintf(a.out, "%s\n", band)
	return err
}

func stixWords(m api.Message) string {
	s := m.STIX
	text := fmt.Sprintf("%s, %s, sha256 %s", inertLine(s.Name), sizeOf(s.Size), inertLine(s.SHA256))
	switch {
	case s.State == "whole":
		text += ": whole"
	case m.Direction == "out":
		text += fmt.Sprintf(": %s of %s are there", sizeOf(s.Have), sizeOf(s.Size))
	default:
		text += fmt.Sprintf(": %s, %s of %s are here", inertLine(s.State), sizeOf(s.Have), sizeOf(s.Size))
	}
	for _, c := range s.Summary {
		text += fmt.Sprintf("\n     %d %s", c.Count, inertLine(c.Type))
	}
	return text
}

// printLadder shows every rung with who signed it.
func (a *app) printLadder(m api.Message) error {
	var rows [][]string
	for _, r := range m.Ladder {
		proof := "NOT VERIFIED"
		switch {
		case r.Verified:
			proof = "verified"
		case r.State == "accepted": // evidence of a hop, which nobody signs end to end
			proof = "the relay's word"
		}
		rows = append(rows, []string{r.State, r.Party, r.Desk, r.Role, stamp(r.At), proof, r.Text})
	}
	return table(a.out, []string{"LADDER", "PARTY", "DESK", "ROLE", "AT", "SIGNATURE", "REMARK"}, rows)
}

// showSTIX writes a bundle and checks that it is the one whose digest the
// sender signed.
func (a *app) showSTIX(cmd *cobra.Command, id, out string, timeout time.Duration) error {
	if out == "" && terminal(a.out) {
		return usageError{"a bundle is not written to a terminal", "name a file with --out, or send the output elsewhere with >"}
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	m, err := a.bundleOf(ctx, cl, id, timeout)
	if err != nil {
		return err
	}
	body, err := cl.Content(ctx, m.ID)
	if err != nil {
		return err
	}
	defer body.Close()
	return a.saveBundle(m, body, out)
}

// bundleOf returns a message that has a bundle. With a timeout it waits for
// the message, and for its bundle to be whole.
func (a *app) bundleOf(ctx context.Context, cl *api.Client, id string, timeout time.Duration) (m api.Message, err error) {
	if timeout > 0 {
		bar := &growing{app: a, what: "transfer"}
		defer bar.done()
		late := "The bundle is not whole yet. What has come stays, and the rest follows."
		return a.waitFor(ctx, cl, id, timeout, bar.watch(whole), late)
	}
	if err := cl.Get(ctx, "/messages/"+url.PathEscape(id), nil, &m); err != nil {
		return m, err
	}
	_, err = whole(m)
	return m, err
}

// saveBundle copies the bundle to its place and compares its digest.
func (a *app) saveBundle(m api.Message, body io.Reader, out string) error {
	bar := a.progress("download", m.STIX.Size)
	defer bar.done()
	copyTo := func(w io.Writer) error {
		sum := sha256.New()
		if _, err := io.Copy(io.MultiWriter(w, sum, bar), body); err != nil {
			return fault.Wrap(err, fault.Unavailable, "The desk stopped while it gave the bundle.").WithHint("ask again")
		}
		if got := hex.EncodeToString(sum.Sum(nil)); got != m.STIX.SHA256 {
			return fault.New(fault.Unverified, "The bundle's SHA-256 is not the one in the message.").WithHint("do not use what was written; hotline show %s has the right one", short(m.ID))
		}
		return nil
	}
	if out == "" || out == "-" {
		return copyTo(a.out)
	}
	return writeFile(out, copyTo)
}

// sortByCommit puts messages in the order in which this desk committed them.
func sortByCommit(ms []api.Message) {
	slices.SortStableFunc(ms, func(x, y api.Message) int { return cmp.Compare(x.CommittedAt.UnixMilli(), y.CommittedAt.UnixMilli()) })
}
