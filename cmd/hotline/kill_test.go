package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/api"
)

// rig is a relay and two paired desks as processes of their own, with a line
// between them. All of it is EXERCISE traffic.
type rig struct {
	t       *testing.T
	program string
	dir     string

	mu sync.Mutex
	// mu guards the following.
	running map[string]*exec.Cmd
}

// newRig starts everything with the commands that a person would type.
func newRig(t *testing.T) *rig {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dir: t.TempDir(), running: map[string]*exec.Cmd{}}
	r.program = filepath.Join(r.dir, "hotline") // TestMain goes by this name
	if err := os.Symlink(self, r.program); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.path("pass"), []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stopAll)
	r.must("relay", "init", "--listen", "127.0.0.1:0")
	addr := r.startRelay()
	// From here the relay keeps its port, so that it can be started again.
	config := fmt.Sprintf("[link]\nlisten = %q\n", addr)
	if err := os.WriteFile(r.path("relay/relay.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, party := range []string{"JPN", "NATO"} {
		token := r.must("relay", "invite")
		r.must("desk", "init", "--dir", r.path(party), "--party", party, "--relay", token, "--passphrase-file", r.path("pass"), "--listen", "127.0.0.1:0")
		r.startDesk(party)
	}
	r.pair()
	return r
}

// pair does the ceremony and opens the line JPN-NATO.
func (r *rig) pair() {
	r.t.Helper()
	jpn, nato := r.path("JPN"), r.path("NATO")
	r.must("pair", "start", "NATO", "--dir", jpn, "-o", r.path("1"))
	r.must("pair", "answer", r.path("1"), "--dir", nato, "-o", r.path("2"))
	r.must("pair", "open", r.path("2"), "--dir", jpn, "-o", r.path("3"))
	r.must("pair", "open", r.path("3"), "--dir", nato)
	said := map[string]string{jpn: r.must("pair", "words", "--dir", jpn), nato: r.must("pair", "words", "--dir", nato)}
	r.must("pair", "confirm", "--dir", jpn, "--words", said[nato])
	r.must("pair", "confirm", "--dir", nato, "--words", said[jpn])
	r.must("line", "create", "JPN-NATO", "--with", "NATO", "--dir", jpn)
	r.until("the proposal arrives", func() bool { _, err := r.run("line", "accept", "JPN-NATO", "--dir", nato); return err == nil })
	r.until("the line opens", func() bool {
		var l api.Line
		out, err := r.run("line", "show", "JPN-NATO", "--dir", jpn, "--json")
		return err == nil && json.Unmarshal([]byte(out), &l) == nil && l.State == "open"
	})
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// run runs one command to its end and returns its stdout.
func (r *rig) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.program, args...) //nolint:gosec // the command under test
	cmd.Env = append(os.Environ(), "HOTLINE_RELAY_DIR="+r.path("relay"), "HOTLINE_DIR=")
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(out.String()), fmt.Errorf("hotline %s: %w\n%s", strings.Join(args, " "), err, words.String())
	}
	return strings.TrimSpace(out.String()), nil
}

func (r *rig) must(args ...string) string {
	r.t.Helper()
	out, err := r.run(args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) until(what string, done func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited three minutes until %s", what)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// start starts a process that stays, and has its log in a file.
func (r *rig) start(name string, args ...string) {
	r.t.Helper()
	log, err := os.OpenFile(r.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()                                   // the process has its own
	cmd := exec.CommandContext(context.Background(), r.program, args...) //nolint:gosec // the command under test
	cmd.Env = append(os.Environ(), "HOTLINE_RELAY_DIR="+r.path("relay"), "HOTLINE_DIR=")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running[name] = cmd
}

func (r *rig) startDesk(party string) {
	r.t.Helper()
	r.start(party, "desk", "run", "--dir", r.path(party))
	r.must("desk", "status", "--dir", r.path(party), "--wait", "3m")
}

func (r *rig) startRelay() (addr string) {
	r.t.Helper()
	r.start("relay", "relay", "run")
	var s struct{ Addr string }
	if err := json.Unmarshal([]byte(r.must("relay", "status", "--wait", "3m", "--json")), &s); err != nil {
		r.t.Fatal(err)
	}
	return s.Addr
}

// kill ends a process as a power cut does.
func (r *rig) kill(name string) {
	r.mu.Lock()
	cmd := r.running[name]
	delete(r.running, name)
	r.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed"
	}
}

func (r *rig) stopAll() {
	for _, name := range []string{"JPN", "NATO", "relay"} {
		r.kill(name)
		if log, err := os.ReadFile(r.path(name + ".log")); err == nil && r.t.Failed() {
			r.t.Logf("log of %s:\n%s", name, log)
		}
	}
}

// TestKilledAtRandom sends while the relay, the receiving and the sending desk
// are killed and started again: every message whose send returned an id is on
// the other desk once, and nothing else is.
func TestKilledAtRandom(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes for half a minute; runs without -short")
	}
	const kills, messages = 12, 60
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // dice of a test
	r := newRig(t)
	s := r.startSending()
	count := map[string]int{}
	for n := 0; n < kills || s.count() < messages; n++ {
		if n > 20*kills {
			t.Fatal("the desk takes no messages any more")
		}
		<-time.After(time.Duration(dice.IntN(800)) * time.Millisecond)
		name := []string{"relay", "NATO", "JPN"}[dice.IntN(3)]
		count[name]++
		r.kill(name)
		if name == "relay" {
			r.startRelay()
		} else {
			r.startDesk(name)
		}
	}
	sent := s.stop()
	t.Logf("sent %d, killed %v", len(sent), count)

	var got map[string]int
	r.until("all have arrived", func() bool {
		got = r.inbox("NATO")
		for id := range sent {
			if got[id] == 0 {
				return false
			}
		}
		return true
	})
	for id, n := range got {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	// A send that was cut off may have committed before: then the sender knows it.
	for id := range got {
		if !sent[id] {
			r.must("show", id, "--dir", r.path("JPN"))
		}
	}
}

// sending is a stream of messages from JPN to NATO.
type sending struct {
	r    *rig
	quit chan struct{}
	done chan struct{}

	mu sync.Mutex
	// mu guards the following.
	sent map[string]bool // ids that send has returned
}

// startSending sends numbered messages, one after the other, until stop.
func (r *rig) startSending() *sending {
	s := &sending{r: r, quit: make(chan struct{}), done: make(chan struct{}), sent: map[string]bool{}}
	go func() {
		defer close(s.done)
		for n := 0; ; n++ {
			select {
			case <-s.quit:
				return
			case <-time.After(50 * time.Millisecond):
			}
			// Exit 6 is a message too: it waits for a relay. Without an id nothing was promised.
			out, _ := r.run("send", "JPN-NATO", "-p", "PRIORITY", "-m", "TLP:GREEN", "--text", fmt.Sprintf("EXERCISE number %d.", n), "--dir", r.path("JPN"))
			if strings.HasPrefix(out, "msg1") {
				s.mu.Lock()
				s.sent[out] = true
				s.mu.Unlock()
			}
		}
	}()
	return s
}

func (s *sending) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

func (s *sending) stop() map[string]bool {
	close(s.quit)
	<-s.done
	return s.sent
}

// inbox counts the messages on a desk by id.
func (r *rig) inbox(party string) map[string]int {
	r.t.Helper()
	out := r.must("inbox", "--dir", r.path(party), "--limit", "500", "--json")
	got := map[string]int{}
	texts := map[string]bool{}
	for line := range strings.SplitSeq(out, "\n") {
		var m api.Message
		if line == "" {
			continue
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			r.t.Fatal(err)
		}
		got[m.ID]++
		if texts[m.Text] {
			r.t.Errorf("the text %q came twice", m.Text)
		}
		texts[m.Text] = true
	}
	return got
}
