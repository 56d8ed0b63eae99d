package main

import (
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/dtg"
)

// ackFlags are the flags of "hotline ack".
type ackFlags struct {
	comply   bool
	cannot   string
	hold     string
	withdraw bool
	role     string
	text     string
	asJSON   bool
}

// newAckCmd returns "hotline ack".
func newAckCmd(a *app) *cobra.Command {
	var f ackFlags
	cmd := &cobra.Command{
		Use:               "ack ID [--comply | --cannot REASON | --hold DTG | --withdraw]",
		Short:             "Receipt a message as a named role, or give its outcome",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := messageRef(args[0]); err != nil {
				return err
			}
			in, err := f.ack(cmd.Flags().Changed("cannot"))
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var m api.Message
			if err := cl.Post(cmd.Context(), "/messages/"+url.PathEscape(args[0])+"/ack", newKey(), in, &m); err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(m)
			}
			a.say("%s: %s.", inertLine(m.Serial), stateWords(m.State))
			_, err = fmt.Fprintln(a.out, m.State)
			return err
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&f.comply, "comply", false, "will comply")
	fs.StringVar(&f.cannot, "cannot", "", "cannot comply, with the reason")
	fs.StringVar(&f.hold, "hold", "", "holding: authority is consulted; answer by this date-time group, such as 231430ZNOV26")
	fs.BoolVar(&f.withdraw, "withdraw", false, "withdraw our receipt, within 60 s")
	fs.StringVar(&f.role, "role", "", "the role that acts, such as \"watch officer\" (default: the officer of the control socket)")
	fs.StringVar(&f.text, "text", "", "a remark that goes with it")
	jsonFlag(cmd, &f.asJSON)
	cmd.MarkFlagsMutuallyExclusive("comply", "cannot", "hold", "withdraw")
	cmd.MarkFlagsMutuallyExclusive("cannot", "text")
	return cmd
}

// ack makes the request of the flags. Plain "ack" is a receipt.
func (f ackFlags) ack(cannot bool) (api.Ack, error) {
	in := api.Ack{Outcome: "receipt", Role: f.role, Text: f.text}
	switch {
	case f.comply:
		in.Outcome = "comply"
	case f.withdraw:
		in.Outcome = "withdraw"
	case cannot:
		if f.cannot == "" {
			return in, usageError{"cannot comply needs a reason", "--cannot \"the reason\""}
		}
		in.Outcome, in.Text = "cannot", f.cannot
	case f.hold != "":
		at, err := dtg.Parse(f.hold)
		if err != nil {
			if at, err = time.Parse(time.RFC3339, f.hold); err != nil {
				return in, usageError{fmt.Sprintf("%q is not a date-time group", inert(f.hold)), "for example --hold " + dtg.Format(time.Now().Add(2*time.Hour))}
			}
		}
		in.Outcome, in.AnswerBy = "hold", api.Time{Time: at.UTC()}
	}
	return in, plainWords(in.Role, in.Text)
}
