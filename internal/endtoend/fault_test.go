package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/api"
)

// sentence returns the one line that a command says when it fails, and fails
// unless it is one.
func sentence(t *testing.T, r result) string {
	t.Helper()
	var said []string
	for l := range strings.Lines(r.err) {
		if rest, ok := strings.CutPrefix(l, "hotline: "); ok {
			said = append(said, strings.TrimSpace(rest))
		}
	}
	if len(said) != 1 || !strings.HasSuffix(said[0], ".") {
		t.Errorf("said %q on stderr, want one sentence:\n%s", said, r.err)
		return ""
	}
	return said[0]
}

func TestOneProcessADirectory(t *testing.T) {
	s := shared
	for name, args := range map[string][]string{
		"desk":  {"desk", "run", "--listen", "127.0.0.1:0", "--dir", s.desk("AUS")},
		"relay": {"relay", "run", "--dir", s.facts.Relay.Dir},
		"demo":  {"demo", "--dir", s.dir},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.cli(t, args...)
			if r.code != 3 {
				t.Errorf("code %d, want 3: %s", r.code, r.err)
			}
			sentence(t, r)
		})
	}
	s.must(t, "desk", "status", "--dir", s.desk("AUS")) // the first goes on
	s.must(t, "relay", "status", "--dir", s.facts.Relay.Dir)
}

func TestWrongPassphrase(t *testing.T) {
	s := shared
	s.kill(t, "AUS")
	wrong := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(wrong, []byte("not the one it was\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.cli(t, "desk", "run", "--passphrase-file", wrong, "--dir", s.desk("AUS"))
	if r.code != 5 && r.code != 3 {
		t.Errorf("code %d: %s", r.code, r.err)
	}
	if said := sentence(t, r); !strings.Contains(said, "passphrase") {
		t.Errorf("said %q", said)
	}
	s.start(t, "AUS") // and nothing is lost
	s.awaitUp(t, "AUS")
}

// TestRelayDown sends while the relay is away: the exit code says that the
// message waits, and it goes by itself when the relay is back.
func TestRelayDown(t *testing.T) {
	s := shared
	s.kill(t, "relay")
	err := until(bound, func() (bool, error) {
		d := decode[api.Desk](t, s.must(t, "desk", "status", "--json", "--dir", s.desk("JPN")))
		return d.Relays[0].State != "up", nil
	})
	if err != nil {
		t.Fatalf("JPN does not see that the relay is gone: %v", err)
	}
	r := s.cli(t, "send", s.line(2), "-p", "FLASH", "-m", "TLP:AMBER", "--exercise", "LANTERN", "--text", "EXERCISE. The relay is away.",
		"--json", "--dir", s.desk("JPN"))
	if r.code != 6 {
		t.Errorf("code %d, want 6: %s", r.code, r.err)
	}
	sent := decode[api.Sent](t, r.out)
	if sent.State != "queued" || sent.ID == "" {
		t.Errorf("sent %+v", sent)
	}
	sentence(t, r)
	s.start(t, "relay")
	s.awaitMessage(t, "NATO", sent.ID, "there", func(api.Message) bool { return true })
	s.awaitMessage(t, "JPN", sent.ID, "delivered", func(m api.Message) bool { return m.State == "delivered" || m.State == "alarmed" })
}

// TestBadInput gives what cannot be sent, and checks that each refusal is one
// sentence with the promised code, and that nothing reached the outbox.
func TestBadInput(t *testing.T) {
	s := shared
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	before := s.must(t, "inbox", "--box", "out", "--json", "--limit", "500", "--dir", s.desk("JPN"))
	marked := []string{"-p", "ROUTINE", "-m", "TLP:AMBER", "--exercise", "LANTERN"}
	tests := map[string]struct {
		line string
		args []string
		code int
	}{
		"no bundle":            {s.line(2), []string{"--stix", file("a", `{"type":"campaign"}`)}, 2},
		"broken JSON":          {s.line(2), []string{"--stix", file("b", `{"type":"bundle",`)}, 2},
		"a key twice":          {s.line(2), []string{"--stix", file("c", `{"type":"bundle","type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000001","objects":[]}`)}, 2},
		"not UTF-8":            {s.line(2), []string{"--stix", file("d", "{\"type\":\"bundle\",\"id\":\"\xff\"}")}, 2},
		"too large":            {s.line(2), []string{"--stix", file("e", string(ownBundle(api.MaxUpload+1)))}, 1},
		"text not UTF-8":       {s.line(2), []string{"--text", "EXERCISE \xff"}, 2},
		"unknown line":         {"NOWHERE", []string{"--text", "EXERCISE"}, 1},
		"a party off the line": {s.line(2), []string{"--text", "EXERCISE", "--rel", "JPN,AUS"}, 4},
		"nobody left":          {s.line(2), []string{"--text", "EXERCISE", "--rel", "JPN"}, 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"send", tt.line, "--dir", s.desk("JPN")}, append(marked, tt.args...)...)
			r := s.cli(t, args...)
			if r.code != tt.code {
				t.Errorf("code %d, want %d: %s", r.code, tt.code, r.err)
			}
			sentence(t, r)
			if r.out != "" {
				t.Errorf("stdout %q", r.out)
			}
		})
	}
	r := s.cli(t, "send", s.line(2), "-p", "ROUTINE", "--text", "EXERCISE", "--dir", s.desk("JPN"))
	if r.code != 4 {
		t.Errorf("without a marking: code %d: %s", r.code, r.err)
	}
	if after := s.must(t, "inbox", "--box", "out", "--json", "--limit", "500", "--dir", s.desk("JPN")); after != before {
		t.Errorf("something was sent:\n%s", after)
	}
}
