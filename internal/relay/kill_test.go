package relay_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"hotline/internal/relay"
)

// TestMain runs a relay in a process of its own when a test asks for one.
func TestMain(m *testing.M) {
	if dir := os.Getenv("HOTLINE_TEST_RELAY"); dir != "" {
		cfg := relay.Config{Dir: dir, Listen: os.Getenv("HOTLINE_TEST_LISTEN"), Ready: func(a string) { fmt.Println("ready", a) }}
		r, err := relay.New(context.Background(), cfg)
		if err == nil {
			err = r.Run(context.Background())
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child is a relay in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
}

func startChild(t testing.TB, dir, listen string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), "HOTLINE_TEST_RELAY="+dir, "HOTLINE_TEST_LISTEN="+listen)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("relay process: %v", err)
	}
	c.addr = strings.TrimSpace(strings.TrimPrefix(line, "ready "))
	return c
}

// kill is kill -9.
func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// freeAddr returns an address that a relay can keep over its restarts.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// TestNothingAcceptedIsLostOnKill: the relay is killed again and again while
// envelopes are put. Whatever it said "accepted" to arrives, and what it did
// not is put again by the client, so in the end everything is there.
func TestNothingAcceptedIsLostOnKill(t *testing.T) {
	dir := t.TempDir()
	if _, err := relay.Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, dir, freeAddr(t))
	r := &running{dir: dir, addr: c.addr}
	a := enrolled(t, r)
	b := enrolledVia(t, r, r.addr)
	stop := runDesk(t, b)
	allow(t, b, a)
	stop() // the recipient is away while the relay dies
	const n = 1500
	var mu sync.Mutex
	want := map[string]uint64{}
	put1 := func(ref uint64) {
		e := env(uint8(ref%3), 700)
		mu.Lock()
		want[string(e)] = ref
		mu.Unlock()
		put(t, a, ref, e, b)
	}
	for ref := range uint64(n) {
		put1(ref)
		if ref%250 == 249 {
			a.wait(t, "some accepted since it is up again", func() bool { return len(a.accepted) > int(ref)/3 && len(a.ups) > int(ref)/250 })
			c.kill()
			c = startChild(t, dir, r.addr)
		}
	}
	a.wait(t, "all accepted", func() bool { return len(a.accepted) == n })
	c.kill() // right behind the last answer
	startChild(t, dir, r.addr)
	again := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	runDesk(t, again)
	seen := map[string]int{}
	again.wait(t, "all delivered", func() bool { return len(again.got) >= n })
	for _, x := range again.got {
		seen[string(x.Envelope)]++
	}
	for e, ref := range want {
		if seen[e] != 1 {
			t.Errorf("put %d came %d times, want once", ref, seen[e])
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.downs) < 5 {
		t.Errorf("the sender lost its link %d times: the relay was not killed", len(a.downs))
	}
	epoch := a.ups[0].Epoch
	for _, u := range a.ups {
		if u.Epoch != epoch {
			t.Error("a killed relay came back with another epoch")
		}
	}
}

// TestIdleRelayIsSmall: an idle relay with its connections stays below 50 MB.
func TestIdleRelayIsSmall(t *testing.T) {
	dir := t.TempDir()
	if _, err := relay.Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, dir, "127.0.0.1:0")
	r := &running{dir: dir, addr: c.addr}
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	for ref := range uint64(200) {
		put(t, a, ref, env(2, 1024), b)
	}
	b.wait(t, "traffic", func() bool { return len(b.got) == 200 })
	rss := residentKB(t, c.cmd.Process.Pid)
	t.Logf("relay process: %d kB", rss)
	if rss > 50_000*memoryFactor {
		t.Errorf("relay takes %d kB, want at most 50,000", rss)
	}
}

// residentKB reads a process's resident memory.
func residentKB(t testing.TB, pid int) (kb int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("no /proc here")
	}
	for _, line := range strings.Split(string(b), "\n") {
		if n, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); n == 1 && err == nil {
			return kb
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
