package main

import (
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/bench"
)

func newBenchCutoffCmd(a *app) *cobra.Command {
	var c bench.Cutoff
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "cutoff",
		Short: "Time from cutting a desk off until every desk of a large line refuses it",
		Long: `Start a relay and a line of many desks in this process, each desk with its own store
and behind an emulated link of its own, have one of them cut off another, and time
until each of the others refuses it, and until all have confirmed that. Takes half
a minute with 40 desks and some minutes with 200. docs/benchmarks.md says what each
row is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Desks < 10 || c.Desks > 240 || c.Rounds < 0 || c.Rounds > 4 {
				return usageError{"the line has 10 to 240 desks, of which at most 4 are cut off", ""}
			}
			o, err := a.bench(cmd, asJSON)
			if err != nil {
				return err
			}
			return o.Cutoff(cmd.Context(), c)
		},
	}
	cmd.Flags().IntVar(&c.Desks, "desks", 40, "desks on the line, 10 to 240")
	cmd.Flags().IntVarP(&c.Rounds, "number", "n", 0, "desks cut off, one after the other, at most 4 (0: 1)")
	cmd.Flags().Int64Var(&c.Rate, "link-rate", 1_000_000, "bit/s of each desk's link")
	cmd.Flags().DurationVar(&c.RTT, "link-rtt", 50*time.Millisecond, "round trip of each desk's link")
	jsonFlag(cmd, &asJSON)
	return cmd
}
