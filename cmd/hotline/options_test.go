package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/keyring"
	"hotline/internal/link"
)

// effects are the rows of [TestEachOptionHasAnEffect]: what anybody sees from
// outside when a setting is changed in its file, and does not see otherwise.
var effects = map[string]func(*testing.T, *stand){
	"desk.console.listen":        effectConsoleListen,
	"desk.console.hosts":         effectConsoleHosts,
	"desk.store.passphrase_file": effectPassphraseFile,
	"desk.store.retention":       effectRetention,
	"desk.store.tpm":             effectTPM,
	"desk.socket.officer":        effectOfficer,
	"desk.socket.role":           effectRole,
	"desk.pairing.persons":       effectPersons,
	"desk.log.level":             effectDeskLogLevel,
	"desk.log.format":            effectDeskLogFormat,
	"relay.link.listen":          effectLinkListen,
	"relay.link.public":          effectLinkPublic,
	"relay.limits.mailbox_bytes": effectMailboxBytes,
	"relay.limits.total_bytes":   effectTotalBytes,
	"relay.limits.connections":   effectConnections,
	"relay.log.level":            effectRelayLogLevel,
	"relay.log.format":           effectRelayLogFormat,
}

// TestEachOptionHasAnEffect holds that no setting is accepted and ignored: each
// key of desk.toml and relay.toml has a row, and each row sees the setting work
// through the command line, the console or the relay.
func TestEachOptionHasAnEffect(t *testing.T) {
	if testing.Short() {
		t.Skip("starts desks and relays for some seconds; runs without -short")
	}
	var keys []string
	for _, k := range config.Keys(&config.Desk{}) {
		keys = append(keys, "desk."+k)
	}
	for _, k := range config.Keys(&config.Relay{}) {
		keys = append(keys, "relay."+k)
	}
	for k := range effects {
		if !slices.Contains(keys, k) {
			t.Errorf("there is a row for %s, and no such setting", k)
		}
	}
	b := newStand(t)
	for _, k := range keys {
		effect := effects[k]
		if effect == nil {
			t.Errorf("%s has no row: nobody has seen that it does anything", k)
			continue
		}
		t.Run(k, func(t *testing.T) { effect(t, b) })
	}
}

// stand is a relay's directory, the directories of two paired desks with an
// EXERCISE line between them, and nothing that runs.
type stand struct {
	dir, addr string
}

// mailboxBytes is what the relay's setting gives to both desks.
const mailboxBytes = 64 << 10

func newStand(t *testing.T) *stand {
	t.Helper()
	b := &stand{dir: t.TempDir(), addr: freeAddr(t)}
	if err := os.WriteFile(b.path("pass"), []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.must(t, "relay", "init", "--dir", b.path("relay"), "--listen", b.addr)
	running := []*process{b.relay(t, fmt.Sprintf("[limits]\nmailbox_bytes = %d\n", mailboxBytes))}
	for _, party := range []string{"JPN", "NATO"} {
		token := b.must(t, "relay", "invite", "--dir", b.path("relay"))
		b.must(t, "desk", "init", "--dir", b.path(party), "--party", party, "--relay", token, "--passphrase-file", b.path("pass"))
		running = append(running, b.desk(t, party, ""))
	}
	b.pair(t)
	b.must(t, "line", "create", "JPN-NATO", "--with", "NATO", "--exercise", "--dir", b.path("JPN"))
	until(t, "the proposal arrives", func() bool {
		_, _, code := b.run("line", "accept", "JPN-NATO", "--dir", b.path("NATO"))
		return code == 0
	})
	until(t, "the line opens", func() bool {
		var l api.Line
		b.ask(t, &l, "line", "show", "JPN-NATO", "--dir", b.path("JPN"), "--json")
		return l.State == "open"
	})
	for _, p := range running {
		p.stop()
	}
	return b
}

func (b *stand) path(name string) string { return filepath.Join(b.dir, name) }

// pair holds the ceremony up to its end.
func (b *stand) pair(t *testing.T) {
	t.Helper()
	said := b.words(t)
	b.must(t, "pair", "confirm", "--dir", b.path("JPN"), "--words", said["NATO"])
	b.must(t, "pair", "confirm", "--dir", b.path("NATO"), "--words", said["JPN"])
}

// words holds the ceremony up to the words.
func (b *stand) words(t *testing.T) map[string]string {
	t.Helper()
	jpn, nato, dir := b.path("JPN"), b.path("NATO"), t.TempDir()
	file := func(n int) string { return filepath.Join(dir, fmt.Sprint(n)) }
	b.must(t, "pair", "start", "NATO", "--again", "--dir", jpn, "-o", file(1))
	b.must(t, "pair", "answer", file(1), "--again", "--dir", nato, "-o", file(2))
	b.must(t, "pair", "open", file(2), "--dir", jpn, "-o", file(3))
	b.must(t, "pair", "open", file(3), "--dir", nato)
	return map[string]string{"JPN": b.must(t, "pair", "words", "--dir", jpn), "NATO": b.must(t, "pair", "words", "--dir", nato)}
}

// command is the command line as a person has it, with streams of its own.
func command(out, words io.Writer) *app {
	none := func(string) (string, bool) { return "", false }
	return &app{in: strings.NewReader(""), out: out, err: words, env: none, cost: keyring.Cost{Time: 1, Memory: 1 << 10, Threads: 1}}
}

// run runs one command to its end.
func (b *stand) run(args ...string) (out, words string, code int) {
	var o, w bytes.Buffer
	code = command(&o, &w).run(context.Background(), args)
	return strings.TrimSpace(o.String()), w.String(), code
}

func (b *stand) must(t *testing.T, args ...string) string {
	t.Helper()
	out, words, code := b.run(args...)
	if code != 0 {
		t.Fatalf("hotline %s: code %d: %s", strings.Join(args, " "), code, words)
	}
	return out
}

func (b *stand) ask(t *testing.T, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(b.must(t, args...)), into); err != nil {
		t.Fatal(err)
	}
}

// process is a desk or a relay that runs.
type process struct {
	stop func() (code int)
	over chan int

	mu sync.Mutex
	// mu guards the following.
	said bytes.Buffer
}

// Write takes what the process says on stderr.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *process) words() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// serve starts a command that stays, with settings in a file, until the test
// ends or somebody stops it.
func (b *stand) serve(t *testing.T, file, settings string, args ...string) *process {
	t.Helper()
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{over: make(chan int, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { p.over <- command(io.Discard, p).run(ctx, args) }()
	p.stop = sync.OnceValue(func() int { cancel(); return <-p.over })
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("hotline %s said:\n%s", strings.Join(args, " "), p.words())
		}
	})
	return p
}

// ready waits until p answers to a command, or has ended.
func (b *stand) ready(t *testing.T, p *process, args ...string) {
	t.Helper()
	until(t, "it answers", func() bool {
		select {
		case code := <-p.over:
			p.over <- code
			t.Fatalf("it ended with code %d: %s", code, p.words())
		default:
		}
		_, _, code := b.run(args...)
		return code == 0
	})
}

// relay runs the relay with further settings, which may not name [link].
func (b *stand) relay(t *testing.T, settings string) *process {
	t.Helper()
	return b.relayAt(t, fmt.Sprintf("[link]\nlisten = %q\n%s", b.addr, settings))
}

func (b *stand) relayAt(t *testing.T, settings string) *process {
	t.Helper()
	dir := b.path("relay")
	p := b.serve(t, filepath.Join(dir, config.RelayFile), settings, "relay", "run", "--dir", dir)
	b.ready(t, p, "relay", "status", "--dir", dir)
	return p
}

// desk runs a desk without a console, with further settings.
func (b *stand) desk(t *testing.T, party, settings string) *process {
	t.Helper()
	return b.deskAt(t, party, "[console]\nlisten = \"\"\n"+settings, "--passphrase-file", b.path("pass"))
}

func (b *stand) deskAt(t *testing.T, party, settings string, flags ...string) *process {
	t.Helper()
	dir := b.path(party)
	p := b.serve(t, filepath.Join(dir, config.DeskFile), settings, append([]string{"desk", "run", "--dir", dir}, flags...)...)
	b.ready(t, p, "desk", "status", "--dir", dir)
	return p
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute until %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// freeAddr returns an address on which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }() // it has told its address
	return ln.Addr().String()
}

// listens reports whether somebody answers at addr.
func listens(t *testing.T, addr string) bool {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close() // it was there
	return true
}

// get asks the console at addr by a name, and returns the status, 0 for none.
func get(t *testing.T, addr, name string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = name
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(req) //nolint:gosec // an address of this test
	if err != nil {
		return 0
	}
	_ = resp.Body.Close() // only its status counts
	return resp.StatusCode
}

// invited returns what an invitation of the relay says.
func (b *stand) invited(t *testing.T) link.Invite {
	t.Helper()
	i, err := link.ParseInvite(b.must(t, "relay", "invite", "--dir", b.path("relay")))
	if err != nil {
		t.Fatal(err)
	}
	return i
}
