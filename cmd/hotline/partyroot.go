package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/keyring"
)

// newPartyRootCmd returns "hotline party root" and its verbs.
func newPartyRootCmd(a *app) *cobra.Command {
	return a.newGroup("root", "Look after the party's root: shares, copies, proof that they open",
		newRootSplitCmd(a), newRootJoinCmd(a), newRootVerifyCmd(a))
}

// rootFacts is what the verbs print with --json.
type rootFacts struct {
	PartyID string   `json:"party_id"`
	Files   []string `json:"files"`
	Removed string   `json:"removed,omitempty"`
}

func newRootSplitCmd(a *app) *cobra.Command {
	var f rootFlags
	var need, of int
	var out string
	var remove, asJSON bool
	cmd := &cobra.Command{
		Use:   "split --root FILE",
		Short: "Split the root into shares: any two of three restore it, one alone says nothing",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.file == "" && len(f.shares) == 0 {
				return usageError{"the root is missing", "--root JPN.root"}
			}
			if out == "" {
				out = strings.TrimSuffix(f.file, ".root")
			}
			if out == "" {
				return usageError{"the name of the new shares is missing", "--out JPN"}
			}
			id, names, err := a.root(f, "").Split(out, filepath.Base(out), need, of)
			if err != nil {
				return err
			}
			facts := rootFacts{PartyID: id.String(), Files: names}
			if remove && len(f.shares) == 0 {
				if err := keyring.Shred(f.file); err != nil {
					return err
				}
				facts.Removed = f.file
			}
			return a.printSplit(facts, need, of, f, asJSON)
		},
	}
	f.flags(cmd)
	cmd.Flags().IntVar(&of, "of", 3, "how many shares")
	cmd.Flags().IntVar(&need, "need", 2, "how many of them restore the root")
	cmd.Flags().StringVarP(&out, "out", "o", "", "how the files begin (default: the root file's name without .root)")
	cmd.Flags().BoolVar(&remove, "remove-file", false, "destroy the root file once every share was read back and put together")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) printSplit(facts rootFacts, need, of int, f rootFlags, asJSON bool) error {
	if asJSON {
		return a.printJSON(facts)
	}
	a.say("Written, read back and put together: %d shares of which any %d restore the root of %s.", of, need, facts.PartyID)
	a.say("Give each to another person on a medium of its own, and take them off this machine (shred -u).")
	switch {
	case facts.Removed != "":
		a.say("The file %s is destroyed. Its list %s.list stays: keep it with the shares, it is no secret.", f.file, f.file)
	case f.file != "" && len(f.shares) == 0:
		a.say("The file %s is still there and opens alone: --remove-file destroys it.", f.file)
	}
	for _, n := range facts.Files {
		if _, err := fmt.Fprintln(a.out, n); err != nil {
			return err
		}
	}
	return nil
}

func newRootJoinCmd(a *app) *cobra.Command {
	var f rootFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "join --share FILE --share FILE --root NEW",
		Short: "Make a sealed root file out of shares; for one signature, --share does without",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.file == "" || len(f.shares) < 2 {
				return usageError{"two shares and the name of the new root file are needed", "--share A --share B --root JPN.root"}
			}
			r := a.root(f, "")
			facts := rootFacts{Files: []string{f.file}}
			err := r.Use(func(k custody.Authority) error {
				facts.PartyID = k.Party.String()
				passphrase, err := a.passphrase(f.passphraseFile, "the new root file", true)
				if err != nil {
					return err
				}
				defer clear(passphrase)
				return custody.Keep(f.file, passphrase, k, a.cost)
			})
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(facts)
			}
			a.say("The root of %s is in %s, and was read back.", facts.PartyID, f.file)
			_, err = fmt.Fprintln(a.out, facts.PartyID)
			return err
		},
	}
	f.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newRootVerifyCmd(a *app) *cobra.Command {
	var f rootFlags
	var party string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [FILE]...",
		Short: "Open copies of the root, or shares of it, and show that all are of one party",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if f.file != "" {
				args = append(args, f.file)
			}
			if len(args) == 0 && len(f.shares) == 0 {
				return usageError{"nothing to verify is named", "hotline party root verify /media/a/JPN.root /media/b/JPN.root, or --share twice"}
			}
			facts := rootFacts{PartyID: party}
			if err := a.verifyRoots(&facts, f, args); err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(facts)
			}
			if len(args) > 1 && sameMedium(args) {
				a.say("All copies lie on one medium: when it fails, all are gone.")
			}
			_, err := fmt.Fprintln(a.out, facts.PartyID)
			return err
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&party, "party-id", "", "id that the root must have")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// verifyRoots opens each file, and the shares, and compares whose they are.
func (a *app) verifyRoots(facts *rootFacts, f rootFlags, files []string) error {
	check := func(r custody.Root, what string) error {
		return r.Use(func(k custody.Authority) error {
			id := k.Party.String()
			if facts.PartyID != "" && facts.PartyID != id {
				return fault.New(fault.Unverified, "%s opens, and is the root of another party: %s, not %s.", what, id, facts.PartyID)
			}
			facts.PartyID = id
			facts.Files = append(facts.Files, what)
			a.say("%s opens.", what)
			return nil
		})
	}
	for _, file := range files {
		one := f
		one.file, one.shares = file, nil
		if err := check(a.root(one, ""), file); err != nil {
			return err
		}
	}
	if len(f.shares) == 0 {
		return nil
	}
	return check(custody.Root{Shares: f.shares}, strings.Join(f.shares, " with "))
}

// sameMedium reports whether all files lie on one file system.
func sameMedium(files []string) bool {
	seen := map[uint64]bool{}
	for _, name := range files {
		fi, err := os.Stat(name)
		if err != nil {
			return false
		}
		st, ok := fi.Sys().(*syscall.Stat_t)
		if !ok {
			return false
		}
		seen[uint64(st.Dev)] = true //nolint:unconvert // another width elsewhere
	}
	return len(seen) == 1
}
