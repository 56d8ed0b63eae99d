package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/demo"
	"hotline/internal/emulate"
	"hotline/internal/fault"
)

// newDemoCmd returns "hotline demo".
func newDemoCmd(a *app) *cobra.Command {
	var o demo.Options
	var rate int64
	var rtt time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Start a relay and the desks of three parties here, and play a short exercise",
		Long: `Start a relay and the desks of three parties (JPN, NATO, AUS) on this machine, pair
them, open two lines and play a short exercise. Prints a one-time link to each
desk's console and keeps running until Ctrl-C. Every desk and the relay are
processes of their own: kill one, start it again, and see that nothing is lost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return fault.Wrap(err, fault.Internal, "The program does not know where it is.")
			}
			o.Program, o.Command, o.Dir = program, calledAs(program), a.dir
			o.Link = emulate.Link{RateUp: rate, RateDown: rate, Delay: rtt / 2}
			o.Out, o.Err = a.out, a.err
			if a.quiet {
				o.Err = io.Discard
			}
			return demo.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.Quiet, "quiet-start", false, "play no exercise")
	cmd.Flags().BoolVar(&o.Two, "two", false, "only two desks, JPN and NATO, and their line")
	cmd.Flags().Int64Var(&rate, "link-rate", 0, "put each desk behind a link of this many bit/s of its own (0: as fast as it goes)")
	cmd.Flags().DurationVar(&rtt, "link-rtt", 0, "round trip of that link, such as 300ms")
	cmd.Flags().StringVar(&o.Ready, "ready", "", "file to write when all is up: JSON about relay, desks and lines")
	return cmd
}

// calledAs returns how a person calls the program in this shell: by its name
// if it is found on the path, else from the present folder, else in full.
func calledAs(program string) string {
	if strings.Contains(program, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/hotline" // Go removes that binary at the end
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.Join(dir, filepath.Base(program)) == program {
			return filepath.Base(program)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return program
	}
	if rel, err := filepath.Rel(here, program); err == nil && !strings.HasPrefix(rel, "..") {
		return "." + string(filepath.Separator) + rel
	}
	return program
}
