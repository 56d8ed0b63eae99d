package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/keyring"
)

// app is what every command shares: its streams and what stands above the
// verbs.
type app struct {
	in  io.Reader
	out io.Writer
	err io.Writer
	env func(string) (string, bool)
	// cost is what a guess at a new passphrase costs; zero is the keyring's own.
	cost keyring.Cost

	dir     string // --dir
	verbose bool   // -v
	quiet   bool   // -q
	started bool   // a command's own code has begun: errors before are usage
}

// run executes one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := newRoot(a) //nolint:contextcheck // each command gets it by ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !a.started {
		err = asUsage(err)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return exitInterrupted
	}
	return a.report(err)
}

// newRoot returns the whole tree of commands.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "hotline",
		Short:         "A hotline between parties: marked messages, sealed from desk to desk, acknowledged by a person",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          a.group,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().StringVar(&a.dir, "dir", "", "directory of the desk, or of the relay (default: HOTLINE_DIR, or HOTLINE_RELAY_DIR)")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on stderr")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no words on stderr but errors")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateFlagGroups(); err != nil { // cobra looks after this, when errors are no longer usage
			return together(err)
		}
		a.started = true
		return nil
	}
	root.AddCommand(
		newDeskCmd(a), newRelayCmd(a), newPartyCmd(a), newPairCmd(a), newLineCmd(a), newCutoffCmd(a),
		newSendCmd(a), newInboxCmd(a), newShowCmd(a), newAckCmd(a), newWatchCmd(a), newJournalCmd(a),
		newDemoCmd(a), newBenchCmd(a), newConfigCmd(a), newVersionCmd(a),
	)
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	return root
}

// together says in words that flags exclude one another.
func together(err error) error {
	_, set, ok := strings.Cut(err.Error(), "; [")
	set, _, end := strings.Cut(set, "] were all set")
	if !ok || !end {
		return err
	}
	return usageError{"--" + strings.Join(strings.Fields(set), " and --") + " do not go together", "choose one of them"}
}

// newGroup returns a command that only holds others.
func (a *app) newGroup(use, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: a.group}
	cmd.AddCommand(verbs...)
	return cmd
}

// group answers a command line that stops at a noun, or that goes on with a
// verb that is not there.
func (a *app) group(cmd *cobra.Command, args []string) error {
	var verbs []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			verbs = append(verbs, c.Name())
		}
	}
	have := cmd.CommandPath() + " " + strings.Join(verbs, "|")
	if len(args) == 0 {
		return usageError{fmt.Sprintf("%s needs a command", cmd.CommandPath()), have}
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{fmt.Sprintf("there is no command %q", inert(args[0])), "did you mean " + strings.Join(near, " or ") + "?"}
	}
	return usageError{fmt.Sprintf("there is no command %q", inert(args[0])), have}
}

// deskDir returns the desk's directory: --dir, else HOTLINE_DIR, else the
// user's default.
func (a *app) deskDir() (string, error) { return a.pickDir("HOTLINE_DIR", "desk") }

// relayDir returns the relay's directory. It has a variable of its own, so
// that a shell set up for a desk does not make a relay in it.
func (a *app) relayDir() (string, error) { return a.pickDir("HOTLINE_RELAY_DIR", "relay") }

func (a *app) pickDir(variable, name string) (string, error) {
	dir := a.dir
	if dir == "" {
		dir, _ = a.env(variable)
	}
	if dir == "" {
		base, ok := a.env("XDG_DATA_HOME")
		if !ok || base == "" {
			home, ok := a.env("HOME")
			if !ok || home == "" {
				return "", usageError{"no directory is named", "name one with --dir or " + variable}
			}
			base = filepath.Join(home, ".local", "share")
		}
		dir = filepath.Join(base, "hotline", name)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fault.Wrap(err, fault.Config, "The directory %s cannot be found.", dir)
	}
	return abs, nil
}

// client returns a client of the running desk.
func (a *app) client() (*api.Client, error) {
	dir, err := a.deskDir()
	if err != nil {
		return nil, err
	}
	return api.NewClient(dir), nil
}

// say writes words for a person to stderr.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// printJSON writes v as one line of JSON that no terminal can trip over.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err := a.out.Write(inertJSON(b.Bytes()))
	return err
}

// terminal reports whether a stream is a terminal.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// readInput reads a named file, or stdin for "-", up to limit bytes.
func (a *app) readInput(name string, limit int64) ([]byte, error) {
	r, what := a.in, "What came on stdin"
	if name != "-" {
		what = "The file " + name
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "The file %s cannot be read: %s.", name, cause(err))
		}
		defer func() { _ = f.Close() }() // only read
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "%s cannot be read: %s.", what, cause(err))
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "%s is larger than %d bytes.", what, limit)
	}
	return b, nil
}

// readLine reads what a person types, without its line end.
func (a *app) readLine() (string, error) {
	line, err := bufio.NewReader(a.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read from terminal: %w", err)
	}
	return strings.TrimSpace(line), nil
}

// writeOutput writes a file that a person will carry, or puts it on stdout
// when that is no terminal.
func (a *app) writeOutput(name string, b []byte) error {
	if name == "" || name == "-" {
		if terminal(a.out) && !utf8.Valid(b) {
			return usageError{"binary data is not written to a terminal", "name a file with --out"}
		}
		_, err := a.out.Write(b)
		return err
	}
	return writeFile(name, func(w io.Writer) error { _, err := w.Write(b); return err })
}

// writeFile makes name, whole or not at all, readable by this user alone.
func writeFile(name string, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The file %s cannot be written: %s.", name, cause(err))
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return fault.Wrap(err, fault.Invalid, "The file %s cannot be written: %s.", name, cause(err))
	}
	return nil
}

// cause returns the system's own words without the path.
func cause(err error) string {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}
