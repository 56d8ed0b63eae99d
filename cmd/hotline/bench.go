package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/bench"
	"hotline/internal/fault"
)

// newBenchCmd returns "hotline bench".
func newBenchCmd(a *app) *cobra.Command {
	return a.newGroup("bench", "Measure this binary on this machine", newBenchFlashCmd(a), newBenchThroughputCmd(a), newBenchSizesCmd(a), newBenchCutoffCmd(a))
}

func newBenchFlashCmd(a *app) *cobra.Command {
	var f bench.Flash
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "flash",
		Short: "Time a FLASH over a thin link, alone and while a large bundle goes the same way",
		Long: `Start a relay and two desks, each desk behind an emulated link of its own, and time
a FLASH of 1 kB (sealed) from the sender's request to the recipient's screen: on
the idle link, and while a bundle of 20 MB moves the same way. Takes about three
minutes. docs/benchmarks.md says what each row is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.bench(cmd, asJSON)
			if err != nil {
				return err
			}
			return o.Flash(cmd.Context(), f)
		},
	}
	cmd.Flags().IntVarP(&f.N, "number", "n", 0, "FLASH messages in each part (0: 20)")
	cmd.Flags().Int64Var(&f.Rate, "link-rate", 0, "bit/s of each desk's link (0: 64000, with 300ms)")
	cmd.Flags().DurationVar(&f.RTT, "link-rtt", 0, "round trip of each desk's link")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newBenchThroughputCmd(a *app) *cobra.Command {
	var t bench.Throughput
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "throughput",
		Short: "Count messages per second from desk to desk, durable and signed for",
		Long: `Start a relay and two desks on this machine and count the messages of 1 kB per second
whose signed "delivered" is on the sender's disk, with everything durable at each
of the three places; and time one message alone. Takes about a minute.
docs/benchmarks.md says what each row is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.bench(cmd, asJSON)
			if err != nil {
				return err
			}
			return o.Throughput(cmd.Context(), t)
		},
	}
	cmd.Flags().IntVarP(&t.Messages, "number", "n", 0, "messages under load (0: 5000)")
	cmd.Flags().IntVar(&t.Single, "single", 0, "messages one at a time (0: 200)")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newBenchSizesCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sizes",
		Short: "Count the bytes of sealed envelopes, in both suites",
		Long: `Seal messages, receipts and slices as a desk does, open them again, and print how
many bytes each has on the wire. Nothing is started. docs/benchmarks.md says what
each row is.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := a.bench(cmd, asJSON)
			if err != nil {
				return err
			}
			return o.Sizes()
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

// bench returns what every benchmark needs.
func (a *app) bench(cmd *cobra.Command, asJSON bool) (*bench.Options, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "The program does not know where it is.")
	}
	o := &bench.Options{Program: program, JSON: asJSON, Commit: commit(cmd.Context()), Out: a.out, Err: a.err}
	if a.quiet {
		o.Err = io.Discard
	}
	return o, nil
}

// commit returns the commit of this binary. `go run` leaves it out; then it is
// that of the source tree that the command stands in.
func commit(ctx context.Context) string {
	stamped := thisBuild().Commit
	module, err := os.ReadFile("go.mod")
	if stamped != "unknown" || err != nil || !bytes.HasPrefix(module, []byte("module hotline\n")) {
		return stamped
	}
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--abbrev=40", "--dirty=+changes").Output()
	if err != nil {
		return stamped
	}
	return strings.TrimSpace(string(out))
}
