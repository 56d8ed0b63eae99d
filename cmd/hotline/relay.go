package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/config"
	"hotline/internal/fault"
	"hotline/internal/relay"
)

// newRelayCmd returns "hotline relay" and its verbs.
func newRelayCmd(a *app) *cobra.Command {
	return a.newGroup("relay", "Run a relay: it keeps sealed envelopes until the other desk fetches them",
		newRelayInitCmd(a), newRelayRunCmd(a), newRelayInviteCmd(a), newRelayStatusCmd(a))
}

func newRelayInitCmd(a *app) *cobra.Command {
	c := config.DefaultRelay()
	cmd := &cobra.Command{
		Use:   "init --addr HOST:PORT",
		Short: "Make a relay in a new directory",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.relayDir()
			if err != nil {
				return err
			}
			return a.relayInit(cmd, dir, c, cmd.Flags().Changed("listen"))
		},
	}
	cmd.Flags().StringVar(&c.Link.Public, "addr", "", "host and port under which desks reach it; invitations name it")
	cmd.Flags().StringVar(&c.Link.Listen, "listen", c.Link.Listen, "address and port to listen on (default: all addresses, the port of --addr)")
	return cmd
}

// relayInit makes the keys and the spool, and writes the configuration.
func (a *app) relayInit(cmd *cobra.Command, dir string, c config.Relay, listen bool) error {
	if c.Link.Public == "" && !listen {
		return usageError{"the address of the relay is missing", "--addr is the host and port under which desks reach it"}
	}
	if at := strings.LastIndexByte(c.Link.Public, ':'); at >= 0 && !listen {
		c.Link.Listen = "0.0.0.0" + c.Link.Public[at:]
	}
	if err := c.Check(); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Config, "The directory cannot be made: %s.", cause(err))
	}
	id, err := relay.Init(cmd.Context(), dir)
	if err != nil {
		return err
	}
	defaults := config.DefaultRelay()
	if err := writeNew(filepath.Join(dir, config.RelayFile), config.Example(relayTitle, &c, &defaults)); err != nil {
		return err
	}
	a.say("A relay stands in %s. Start it with hotline relay run, and invite desks with hotline relay invite.", dir)
	_, err = fmt.Fprintln(a.out, id)
	return err
}

// writeNew writes a configuration that is not there yet.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Wrap(err, fault.Config, "The configuration %s is there already, and was left as it is.", filepath.Base(path))
	}
	if err != nil {
		return fault.Wrap(err, fault.Config, "The configuration %s cannot be written: %s.", filepath.Base(path), cause(err))
	}
	_, err = f.WriteString(text)
	if syncErr := f.Sync(); err == nil {
		err = syncErr
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fault.Wrap(err, fault.Config, "The configuration %s cannot be written: %s.", filepath.Base(path), cause(err))
	}
	return nil
}

func newRelayRunCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "run",
		Short: "Run the relay until it is stopped",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.relayDir()
			if err != nil {
				return err
			}
			c, err := config.ReadRelay(dir, a.env)
			if err != nil {
				return err
			}
			r, err := relay.New(cmd.Context(), relay.Config{
				Dir: dir, Listen: c.Link.Listen, Public: c.Link.Public,
				MailboxBytes: c.Limits.MailboxBytes, TotalBytes: c.Limits.TotalBytes, Connections: c.Limits.Connections,
				Log:   c.Log.Logger(a.err),
				Ready: func(addr string) { a.say("The relay is ready on %s.", addr) },
			})
			if err != nil {
				return err
			}
			return r.Run(cmd.Context())
		},
	}
}

func newRelayInviteCmd(a *app) *cobra.Command {
	var o relay.InviteOptions
	var out, quota string
	cmd := &cobra.Command{
		Use:   "invite",
		Short: "Make an invitation: a secret token with which a desk enrols at this relay",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.relayDir()
			if err != nil {
				return err
			}
			c, err := config.ReadRelay(dir, a.env)
			if err != nil {
				return err
			}
			if o.Quota, err = parseSize(quota); err != nil {
				return err
			}
			if o.Uses < 1 {
				return usageError{"an invitation serves at least one desk", "--uses 1"}
			}
			if o.For <= 0 {
				return usageError{"an invitation serves for a while", "--for 24h"}
			}
			o.Addr = c.Link.Public // empty: the running relay knows its own
			token, err := relay.Invite(cmd.Context(), dir, o)
			if err != nil {
				return err
			}
			a.say("Serves %d time(s), for %s. It is a secret: hand it to the desk's operator alone.", o.Uses, o.For)
			return a.writeOutput(out, []byte(token+"\n"))
		},
	}
	cmd.Flags().IntVar(&o.Uses, "uses", 1, "how many desks may enrol with it")
	cmd.Flags().StringVar(&quota, "quota", "", "most bytes that may wait for each, such as 500MB (default: the relay's)")
	cmd.Flags().DurationVar(&o.For, "for", 24*time.Hour, "how long it serves")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write it to; none is stdout")
	return cmd
}

// parseSize reads a number of bytes: a plain one, or with kB, MB, GB, KiB,
// MiB, GiB. Empty is 0.
func parseSize(s string) (uint64, error) {
	units := []struct {
		suffix string
		factor uint64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}
	number, factor := s, uint64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			number, factor = strings.TrimSpace(rest), u.factor
			break
		}
	}
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return 0, usageError{fmt.Sprintf("%q is not a size", inert(s)), "for example 500MB or 2GiB"}
	}
	return n * factor, nil
}

func newRelayStatusCmd(a *app) *cobra.Command {
	var asJSON bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the relay runs, and how much waits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.relayDir()
			if err != nil {
				return err
			}
			begun := time.Now()
			s, err := relay.ReadStatus(cmd.Context(), dir)
			for err == nil && !s.Running && time.Since(begun) < wait {
				if err := pause(cmd.Context(), 1); err != nil {
					return err
				}
				s, err = relay.ReadStatus(cmd.Context(), dir)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(s)
			}
			return a.printRelay(s)
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long for a relay that is starting")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// printRelay shows a relay; one that does not run is an error as well, for
// scripts.
func (a *app) printRelay(s relay.Status) error {
	if !s.Running {
		return fault.New(fault.Unavailable, "The relay does not run.").WithHint("start it with hotline relay run")
	}
	return table(a.out, []string{"RELAY", s.ID}, [][]string{
		{"address", s.Addr},
		{"since", s.Since.UTC().Format("2006-01-02 15:04Z")},
		{"links", fmt.Sprint(s.Links)},
		{"mailboxes", fmt.Sprint(s.Mailboxes)},
		{"waiting", fmt.Sprintf("%d envelopes, %s", s.Waiting, sizeOf(int64(s.Bytes)))},
		{"since start", fmt.Sprintf("%d accepted, %d refused", s.Accepted, s.Refused)},
	})
}
