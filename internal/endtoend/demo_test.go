package endtoend

import (
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"hotline/internal/api"
)

// TestDemo plays the exercise, ends the demo and goes on with it.
func TestDemo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	s, err := startScene(dir)
	if err != nil {
		t.Fatal(err)
	}
	exercise := func() (jpn, nato, aus []api.Message) {
		t.Helper()
		return s.inbox(t, "JPN"), s.inbox(t, "NATO"), s.inbox(t, "AUS")
	}
	jpn, nato, aus := exercise()
	if len(jpn) != 2 || len(nato) != 3 || len(aus) != 1 {
		t.Errorf("JPN, NATO and AUS have %d, %d and %d messages, want 2, 3 and 1", len(jpn), len(nato), len(aus))
	}
	for _, m := range append(append(jpn, nato...), aus...) {
		if m.Status != "exercise" || m.ExerciseName != "LANTERN" || !strings.Contains(m.Text, "EXERCISE") && !strings.Contains(m.Text, "演習") {
			t.Errorf("not marked as an exercise: %+v", m)
		}
	}
	first := nato[len(nato)-1]
	if first.Precedence != "FLASH" || first.STIX == nil {
		t.Fatalf("NATO's first message is %+v", first)
	}
	sameLadder(t, s, first.ID, "receipted")
	if aus[0].Language != "ja" || aus[0].Precedence != "IMMEDIATE" {
		t.Errorf("AUS has %+v", aus[0])
	}
	waits := s.must(t, "inbox", "--waiting", "--json", "--dir", s.desk("JPN"))
	if !strings.HasPrefix(waits, "{") || decode[api.Message](t, strings.SplitAfter(waits, "\n")[0]).Precedence != "FLASH" {
		t.Errorf("no FLASH waits for JPN: %q", waits)
	}
	took := regexp.MustCompile(`✓ +([0-9.]+) s +EXERCISE: a FLASH`).FindStringSubmatch(s.out.String())
	if took == nil {
		t.Errorf("the demo does not say when the first alert arrived:\n%s", s.out)
	} else {
		t.Logf("first alert after %s s", took[1])
	}
	browser := http.Client{Timeout: bound}
	for _, d := range s.facts.Desks {
		if !strings.Contains(s.out.String(), d.LoginURL) || !strings.HasPrefix(d.LoginURL, d.Console) {
			t.Errorf("%s: link %q at console %q is not among what was printed", d.Party, d.LoginURL, d.Console)
		}
		resp, err := browser.Get(d.Console)
		if err != nil {
			t.Errorf("%s: %v", d.Party, err)
			continue
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: the console answers %s", d.Party, resp.Status)
		}
	}

	before := s.facts
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	gone(t, s)
	if s, err = startScene(dir); err != nil {
		t.Fatal(err)
	}
	for i, d := range s.facts.Desks {
		if was := before.Desks[i]; d.Console != was.Console || d.Dir != was.Dir || d.LoginURL == was.LoginURL {
			t.Errorf("went on with %+v, was %+v", d, was)
		}
	}
	if again, _, _ := exercise(); len(again) != 2 {
		t.Errorf("JPN has %d messages after the second start, want 2", len(again))
	}
	sent := s.send(t, "AUS", s.line(3), "-p", "FLASH", "-m", "TLP:AMBER", "--exercise", "LANTERN", "--text", "EXERCISE again",
		"--wait", "delivered", "--timeout", bound.String())
	if sent.State != "delivered" && sent.State != "alarmed" {
		t.Errorf("after the second start a message is %s", sent.State)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	gone(t, s)
}

// gone checks that a demo that has ended left no process behind.
func gone(t *testing.T, s *scene) {
	t.Helper()
	pids := map[string]int{"relay": s.facts.Relay.PID}
	for _, d := range s.facts.Desks {
		pids[d.Party] = d.PID
	}
	for name, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%s still runs as %d: %v", name, pid, err)
		}
	}
}
