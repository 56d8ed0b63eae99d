package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
)

func newPairAbandonCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "abandon [ID]",
		Short: "Give a pairing up; nothing of it is trusted",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := a.pickPairing(cmd, first(args))
			if err != nil {
				return err
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			if err := cl.Post(cmd.Context(), "/pairings/"+url.PathEscape(p.ID)+"/abandon", newKey(), struct{}{}, &p); err != nil {
				return err
			}
			a.say("The pairing with %s is given up.", inertLine(p.Peer))
			return nil
		},
	}
}

func newPairRecordCmd(a *app) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "record PARTY|ID",
		Short: "Print the signed record of a pairing: who verified which root, and when",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := a.client()
			if err != nil {
				return err
			}
			id := args[0]
			var all []api.Pairing
			if err := cl.Get(cmd.Context(), "/pairings", nil, &all); err != nil {
				return err
			}
			for _, p := range all { // newest first
				if p.Paired && (p.Party == id || p.PartyID == id) {
					id = p.ID
					break
				}
			}
			var f api.File
			if err := cl.Get(cmd.Context(), "/pairings/"+url.PathEscape(id)+"/record", nil, &f); err != nil {
				return err
			}
			return a.writeOutput(out, f.File)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write; - or none is stdout")
	return cmd
}

func newPairRevokeCmd(a *app) *cobra.Command {
	var in api.PartyStop
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke PARTY",
		Short: "Stop the lines with a party until a new ceremony verifies its root",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(in.Reason) == "" {
				return usageError{"a reason is missing", "--reason says in the journal why the lines stop"}
			}
			in.Confirm = args[0]
			if !yes {
				if !terminal(a.in) {
					return usageError{"the name of the party is typed at a terminal", "or give --yes"}
				}
				fmt.Fprintf(a.err, "This stops every line with %s on this desk. Type its name: ", inertLine(args[0]))
				line, err := a.readLine()
				if err != nil {
					return err
				}
				if strings.TrimSpace(line) != args[0] {
					return fault.New(fault.Invalid, "That is another name; nothing was stopped.")
				}
			}
			cl, err := a.client()
			if err != nil {
				return err
			}
			var p api.Party
			if err := cl.Post(cmd.Context(), "/parties/"+url.PathEscape(args[0])+"/stop", "", in, &p); err != nil {
				return err
			}
			a.say("The lines with %s stand still. hotline pair start %s --again lets them go on.", inertLine(p.Name), inertLine(p.Name))
			return nil
		},
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the journal")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask for the name")
	return cmd
}
