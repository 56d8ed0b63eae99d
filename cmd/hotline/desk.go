package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// newDeskCmd returns "hotline desk" and its verbs.
func newDeskCmd(a *app) *cobra.Command {
	return a.newGroup("desk", "Run a desk, and look after it",
		newDeskInitCmd(a), newDeskRunCmd(a), newDeskStatusCmd(a), newDeskLinkCmd(a), newDeskCardCmd(a), newDeskBackupCmd(a),
		newDeskSlotCmd(a), newDeskRecoverCmd(a), newDeskZeroizeCmd(a), newDeskDuressCmd(a), newDeskRotateCmd(a),
		newDeskSpareCmd(a), newDeskActivateCmd(a), newDeskDelegateCmd(a))
}

func newDeskStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the desk runs, its relays, its clock and what waits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			d, err := askStatus(cmd.Context(), cl, wait)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(d)
			}
			return a.printDesk(d)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long for a desk that is starting")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// askStatus asks the desk, again and again for as long as it may be starting.
func askStatus(ctx context.Context, cl *api.Client, wait time.Duration) (d api.Desk, err error) {
	begun := time.Now()
	for try := 1; ; try++ {
		err = cl.Get(ctx, "/desk", nil, &d)
		if err == nil || !fault.Is(err, fault.Unavailable) || time.Since(begun) >= wait {
			return d, err
		}
		if err := pause(ctx, 1); err != nil {
			return d, err
		}
	}
}

func (a *app) printDesk(d api.Desk) error {
	facts := [][]string{
		{"desk", d.Desk + " of " + d.Party},
		{"party id", d.PartyID},
		{"desk id", d.DeskID},
		{"version", d.Version},
		{"store", d.Store},
		{"clock", stamp(d.Now) + clockWords(d.Clock)},
		{"officer", d.Officer + ", " + d.Role},
		{"waiting", fmt.Sprintf("%d for us, %d for them, %d queued", d.Counts.AwaitingUs, d.Counts.AwaitingThem, d.Counts.Queued)},
	}
	facts = append(facts, []string{"texts", retentionWords(d.Retention)})
	for _, r := range d.Relays {
		facts = append(facts, []string{"relay", relayWords(r)})
	}
	if len(d.Relays) == 0 {
		facts = append(facts, []string{"relay", "none"})
	}
	if !d.ExpiresAt.IsZero() {
		facts = append(facts, []string{"certificate", "until " + stamp(d.ExpiresAt) + expiryWords(d)})
	}
	for _, x := range d.Alarms {
		facts = append(facts, []string{"ALARM", stamp(x.At) + " " + x.Text})
	}
	return table(a.out, []string{"DESK", d.Desk}, facts)
}

// retentionWords says how long this desk keeps texts.
func retentionWords(r api.Retention) string {
	text := "kept for good"
	if d := time.Duration(r.AfterS) * time.Second; d > 0 {
		text = "removed " + d.String() + " after nobody needs them"
		if days := d / (24 * time.Hour); days > 0 && d%(24*time.Hour) == 0 {
			text = fmt.Sprintf("removed %d days after nobody needs them", days)
		}
	}
	if r.Removed > 0 {
		text += fmt.Sprintf("; %d removed so far", r.Removed)
	}
	return text
}

// expiryWords warns of a certificate that ends.
func expiryWords(d api.Desk) string {
	switch left := d.ExpiresAt.Sub(d.Now.Time); {
	case left <= 0:
		return " ??? it has ended: no line takes this desk in; hotline desk rotate makes another"
	case left < api.ExpiryWarning:
		return fmt.Sprintf(" ??? it ends in %d days: hotline desk rotate makes another", int(left.Hours()/24))
	}
	return ""
}

func clockWords(c api.Clock) string {
	if c.Suspect {
		return " ??? " + c.Text
	}
	return ""
}

func relayWords(r api.Relay) string {
	parts := []string{r.Addr, r.State}
	if !r.Since.IsZero() {
		parts = append(parts, "since "+when(r.Since))
	}
	if r.RTTms > 0 {
		parts = append(parts, fmt.Sprintf("%d ms", r.RTTms))
	}
	if r.Waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d envelopes wait", r.Waiting))
	}
	if r.Error != "" {
		parts = append(parts, r.Error)
	}
	return strings.Join(parts, ", ")
}

func newDeskLinkCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "link [OFFICER]",
		Short: "Make a one-time link by which an officer signs in at the console",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var l api.SignInLink
			if err := cl.Post(cmd.Context(), "/sign-in-links", "", api.SignInLinkIn{Officer: first(args)}, &l); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(l)
			}
			a.say("Serves once, until %s. Whoever has it is that officer.", when(l.ExpiresAt))
			_, err = fmt.Fprintln(a.out, l.URL)
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newDeskCardCmd(a *app) *cobra.Command {
	var c carried
	cmd := &cobra.Command{
		Use:   "card",
		Short: "Write this desk's card, for hotline line add-desk on a desk that is on the line",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			var f api.File
			if err := cl.Get(cmd.Context(), "/card", nil, &f); err != nil {
				return err
			}
			if c.asJSON {
				return a.printJSON(f)
			}
			return a.writeOutput(c.out, f.File)
		},
	}
	c.flags(cmd, false)
	return cmd
}

func newDeskBackupCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a backup of the running desk; keys of traffic are left out on purpose",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filepath.Abs(args[0])
			if err != nil {
				return fault.Wrap(err, fault.Invalid, "The file %s cannot be found.", args[0])
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var b api.Backup
			if err := cl.Post(cmd.Context(), "/backup", "", api.BackupIn{Path: path}, &b); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(b)
			}
			a.say("Written: %s. It opens with the slots of this desk alone: keep a copy of keys/slots.json beside it.", sizeOf(b.Bytes))
			_, err = fmt.Fprintln(a.out, b.Path)
			return err
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}
