package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/store"
	"hotline/internal/tpm"
)

// zeroed is what "hotline desk zeroize --json" prints.
type zeroed struct {
	Desk    string   `json:"desk"`
	Dir     string   `json:"dir"`
	Stopped bool     `json:"stopped"`
	Left    []string `json:"left"`
}

func newDeskZeroizeCmd(a *app) *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "zeroize",
		Short: "Destroy the desk for ever, running or not: its keys first, then all of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			if !custody.Remains(dir) {
				return fault.New(fault.Config, "There is no desk in %s.", dir)
			}
			name := filepath.Base(dir) // of a desk whose slots are destroyed already
			if desk, _, err := keyring.Slots(dir); err == nil {
				name = desk
			}
			if err := a.confirmName("This destroys the desk "+inertLine(name)+" for ever", name, yes); err != nil {
				return err
			}
			z, err := a.zeroize(cmd.Context(), dir, name)
			if err != nil {
				return err
			}
			return a.printZeroed(z, asJSON)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// zeroize destroys the slots, ends the desk, and destroys the rest. From the
// first step on it does not stop for a signal: half of this is no state.
func (a *app) zeroize(ctx context.Context, dir, name string) (z zeroed, err error) {
	ctx = context.WithoutCancel(ctx)
	z = zeroed{Desk: name, Dir: dir, Left: []string{}}
	index, _ := keyring.Counter(dir)    // 0 when it cannot be read any more
	c, _ := config.ReadDesk(dir, a.env) // a broken desk.toml is no reason to stop
	if err := keyring.Destroy(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return z, err
	}
	a.say("The slots are destroyed: nothing opens this desk any more.")
	if index != 0 {
		if t, err := tpm.Open(c.Store.TPM); err == nil {
			_ = t.DropCounter(index) // it says nothing about the desk
			_ = t.Close()
		}
	}
	if z.Stopped, err = a.endDesk(ctx, dir, name); err != nil {
		return z, err
	}
	left, err := custody.Destroy(dir)
	z.Left = append(z.Left, left...)
	return z, err
}

// endDesk asks a desk that runs to destroy itself, and kills it if it does not.
func (a *app) endDesk(ctx context.Context, dir, name string) (stopped bool, err error) {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	err = api.NewClient(dir).Post(ask, "/zeroize", "", api.ZeroizeIn{Confirm: name}, nil)
	cancel()
	asked := err == nil
	for try := range 100 {
		l, err := store.Acquire(dir)
		if err == nil {
			return asked || try > 0, l.Release()
		}
		if !errors.Is(err, store.ErrInUse) {
			return false, err
		}
		if try == 50 || try == 0 && !asked {
			b, _ := os.ReadFile(filepath.Join(dir, "lock"))
			if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && pid > 1 {
				a.say("The desk does not stop by itself: its process %d is killed.", pid)
				_ = syscall.Kill(pid, syscall.SIGKILL) // gone already, or somebody else's: the next try says so
			}
		}
		if err := pause(ctx, 1); err != nil {
			return false, err
		}
	}
	return false, fault.New(fault.Conflict, "The slots are destroyed, but a process still runs the desk with its keys in memory.").
		WithHint("stop it (kill -9), then hotline desk zeroize again")
}

func (a *app) printZeroed(z zeroed, asJSON bool) error {
	if asJSON {
		return a.printJSON(z)
	}
	if z.Stopped {
		a.say("The running desk was stopped.")
	}
	a.say("The desk %s is destroyed.", inertLine(z.Desk))
	for _, name := range z.Left {
		a.say("Left, since it is not the desk's: %s", name)
	}
	a.say("Not destroyed: the party's root, shares, passphrase files, backups and copies elsewhere. Flash media and snapshots may keep old blocks: destroy the medium if that matters.")
	a.say("Its peers still trust this desk: cut it off from another desk of your party, or have the root remove it.")
	return nil
}
