package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// crib starts processes, all from one thread that lives as long as it does:
// where the system can end children with their parent, it ties them to the
// thread that started them.
type crib struct {
	jobs chan func()
	done chan struct{}
}

func newCrib() *crib {
	c := &crib{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		for job := range c.jobs {
			job()
		}
		close(c.done)
	}()
	return c
}

// start starts cmd.
func (c *crib) start(cmd *exec.Cmd) error {
	result := make(chan error, 1)
	c.jobs <- func() { result <- cmd.Start() }
	return <-result
}

// close ends the thread. Children must have ended before.
func (c *crib) close() {
	close(c.jobs)
	<-c.done
}

// station is the relay or a desk: its directory and the process that serves
// it.
type station struct {
	name    string // "relay", "JPN"
	dir     string
	log     string
	console string      // base address of a desk's console
	client  *api.Client // of a desk
	args    []string    // its command line, without the program
	alive   func(context.Context) (bool, error)

	cmd   *exec.Cmd
	ended chan struct{} // closed when the process has ended
	err   error         // how; only after ended
}

// stopWithin is how long a process may take to put its work away.
const stopWithin = 10 * time.Second

// start starts the station's process and waits until it answers.
func (d *demo) start(ctx context.Context, s *station) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.Wrap(err, fault.Config, "The log of %s cannot be opened.", s.name)
	}
	defer func() { _ = log.Close() }()         // the child has its own
	s.cmd = exec.Command(d.Program, s.args...) //nolint:noctx // end stops it, politely; a context would kill it
	s.cmd.Env, s.cmd.Dir = childEnv(), s.dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = attributes()
	if err := d.crib.start(s.cmd); err != nil {
		s.cmd = nil
		return fault.Wrap(err, fault.Config, "%s cannot be started.", s.name)
	}
	s.ended = make(chan struct{})
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	err = await(ctx, s.name+" does not answer", startWithin, func(ctx context.Context) (bool, error) {
		select {
		case <-s.ended:
			return false, fault.New(fault.Config, "%s ended at once (%s): %s", s.name, s.how(), lastLine(s.log)).
				WithHint("its log is %s", s.log)
		default:
		}
		return s.alive(ctx)
	})
	if err != nil {
		return err
	}
	go d.watch(s)
	return nil
}

// startWithin is how long a station may take until it answers: an unlock takes
// about a second, on a machine that does many other things several.
const startWithin = 90 * time.Second

// how says how a process ended.
func (s *station) how() string {
	if exit, ok := errors.AsType[*exec.ExitError](s.err); ok {
		return exit.String()
	}
	return "by itself"
}

// pid returns the number of the process that the demo started, or 0.
func (s *station) pid() int {
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// stop ends the process, politely first.
func (s *station) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is what we want
	slow := time.NewTimer(stopWithin)
	defer slow.Stop()
	select {
	case <-s.ended:
	case <-slow.C:
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// lastLine returns the end of a log, for a process that did not come up.
func lastLine(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return fmt.Sprint(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}
