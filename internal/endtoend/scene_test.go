package endtoend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"hotline/internal/api"
	"hotline/internal/demo"
)

// binary is the hotline binary that all tests run, and shared the demo that
// most of them use.
var (
	binary string
	shared *scene
)

// long reports whether the tests may take minutes.
func long() bool { return os.Getenv("HOTLINE_LONG") != "" }

// bound is how long one command may take before it counts as hung. The
// machines of CI do many things at once.
const bound = time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hl-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "hotline")
	build := exec.Command("go", "build", "-o", binary, "hotline/cmd/hotline")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build hotline: %v\n%s", err, out)
		return 1
	}
	shared, err = startScene(filepath.Join(dir, "demo"), "--quiet-start")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// scene is a demo with its processes.
type scene struct {
	dir   string
	facts demo.Facts
	demo  *exec.Cmd
	out   *transcript   // of the demo, both streams
	gone  chan struct{} // closed when the demo's process has ended

	// mu guards the following.
	mu    sync.Mutex
	again map[string]*exec.Cmd // processes that a test started in place of the demo's
}

// startScene starts a demo in dir and waits until it is up. Temporary files of
// every process go into tmp of dir, so that the canary sees them too.
func startScene(dir string, args ...string) (*scene, error) {
	s := &scene{dir: dir, out: &transcript{}, gone: make(chan struct{}), again: map[string]*exec.Cmd{}}
	ready, tmp := dir+".ready", dir+".tmp"
	if err := os.MkdirAll(tmp, 0o700); err != nil {
		return nil, err
	}
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	s.demo = exec.Command(binary, append([]string{"demo", "--dir", dir, "--ready", ready}, args...)...)
	s.demo.Env = append(os.Environ(), "TMPDIR="+tmp)
	s.demo.Stdout, s.demo.Stderr = s.out, s.out
	if err := s.demo.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.demo.Wait() // its exit code is asked of ProcessState
		close(s.gone)
	}()
	err := until(bound, func() (bool, error) {
		select {
		case <-s.gone:
			return false, fmt.Errorf("the demo ended: %s\n%s", s.demo.ProcessState, s.out)
		default:
		}
		raw, err := os.ReadFile(ready)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, json.Unmarshal(raw, &s.facts)
	})
	if err != nil {
		_ = s.demo.Process.Kill()
		<-s.gone
		return nil, fmt.Errorf("start demo: %w", err)
	}
	return s, nil
}

// transcript collects what a process prints while a test looks at it.
type transcript struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements [io.Writer].
func (r *transcript) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Write(p)
}

// String returns all so far.
func (r *transcript) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.String()
}

// printed returns what the demo printed so far.
func (s *scene) printed() []byte { return []byte(s.out.String()) }

// stop ends everything, and checks that the demo ends in good order.
func (s *scene) stop() error {
	s.mu.Lock()
	for _, c := range s.again {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
	}
	s.mu.Unlock()
	if err := s.demo.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("the demo ended before its time: %s\n%s", s.demo.ProcessState, s.out)
	}
	select {
	case <-s.gone:
	case <-time.After(time.Minute):
		_ = s.demo.Process.Kill()
		return fmt.Errorf("the demo did not end on Ctrl-C:\n%s", s.out)
	}
	if code := s.demo.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the demo ended with code %d:\n%s", code, s.out)
	}
	return nil
}

// desk returns the directory of a party's desk.
func (s *scene) desk(party string) string { return filepath.Join(s.dir, party) }

// line returns the name of the line of so many parties.
func (s *scene) line(parties int) string {
	for _, l := range s.facts.Lines {
		if len(l.Parties) == parties {
			return l.Name
		}
	}
	return ""
}

// kill ends a station ("relay" or a party) with SIGKILL and waits for its end.
func (s *scene) kill(t *testing.T, name string) {
	t.Helper()
	s.mu.Lock()
	c := s.again[name]
	delete(s.again, name)
	s.mu.Unlock()
	if c != nil {
		if err := c.Process.Kill(); err != nil {
			t.Fatalf("kill %s: %v", name, err)
		}
		_ = c.Wait()
		return
	}
	pid := s.facts.Relay.PID
	for _, d := range s.facts.Desks {
		if d.Party == name {
			pid = d.PID
		}
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", name, err)
	}
	// The demo waits for its child; a pid that is gone is a process that is.
	if err := until(bound, func() (bool, error) { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), nil }); err != nil {
		t.Fatalf("%s does not die: %v", name, err)
	}
}

// start starts a killed station as a person would, and does not wait for it.
func (s *scene) start(t *testing.T, name string) {
	t.Helper()
	args := []string{"desk", "run", "--dir", s.desk(name)}
	if name == "relay" {
		args = []string{"relay", "run", "--dir", s.facts.Relay.Dir}
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "logs", name+".log"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := exec.Command(binary, args...)
	c.Env = append(os.Environ(), "TMPDIR="+s.dir+".tmp")
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again[name] = c
}

// awaitUp waits until a station answers.
func (s *scene) awaitUp(t *testing.T, name string) {
	t.Helper()
	if name == "relay" {
		s.must(t, "relay", "status", "--wait", bound.String(), "--dir", s.facts.Relay.Dir)
		return
	}
	s.must(t, "desk", "status", "--wait", bound.String(), "--dir", s.desk(name))
}

// result is what a command left.
type result struct {
	out, err string
	code     int
}

// cli runs one command.
func (s *scene) cli(t *testing.T, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	c := exec.CommandContext(ctx, binary, args...)
	c.Env = append(os.Environ(), "TMPDIR="+s.dir+".tmp")
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatalf("hotline %s: %v", strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		t.Fatalf("hotline %s: no end within %s\n%s%s", strings.Join(args, " "), bound, &out, &errs)
	}
	return result{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// must runs a command that has to succeed, and returns its stdout.
func (s *scene) must(t *testing.T, args ...string) string {
	t.Helper()
	r := s.cli(t, args...)
	if r.code != 0 {
		t.Fatalf("hotline %s: code %d\n%s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// send sends and returns what came back.
func (s *scene) send(t *testing.T, party string, args ...string) api.Sent {
	t.Helper()
	return decode[api.Sent](t, s.must(t, append([]string{"send", "--json", "--dir", s.desk(party)}, args...)...))
}

// show returns a message as a desk has it.
func (s *scene) show(t *testing.T, party, id string) api.Message {
	t.Helper()
	return decode[api.Message](t, s.must(t, "show", id, "--json", "--dir", s.desk(party)))
}

// inbox returns what a desk has received, up to the 500 newest.
func (s *scene) inbox(t *testing.T, party string) (all []api.Message) {
	t.Helper()
	for l := range strings.Lines(s.must(t, "inbox", "--json", "--limit", "500", "--dir", s.desk(party))) {
		all = append(all, decode[api.Message](t, l))
	}
	return all
}

// awaitMessage waits until a desk has a message of which ok holds.
func (s *scene) awaitMessage(t *testing.T, party, id, what string, ok func(api.Message) bool) (m api.Message) {
	t.Helper()
	err := until(bound, func() (bool, error) {
		r := s.cli(t, "show", id, "--json", "--dir", s.desk(party))
		if r.code != 0 {
			return false, nil // not there yet, or the desk is starting
		}
		m = decode[api.Message](t, r.out)
		return ok(m), nil
	})
	if err != nil {
		t.Fatalf("message %s at %s: never %s: %v; it is %+v", id, party, what, err, m)
	}
	return m
}

func decode[T any](t *testing.T, text string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("read %q: %v", text, err)
	}
	return v
}

// until asks check every 20 ms until it is content, for at most limit.
func until(limit time.Duration, check func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.NewTimer(limit)
	defer end.Stop()
	for {
		ok, err := check()
		if ok || err != nil {
			return err
		}
		select {
		case <-end.C:
			return fmt.Errorf("not within %s", limit)
		case <-tick.C:
		}
	}
}
