package endtoend

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/api"
)

// TestSecondDesk adds a second desk of JPN to the line of all three. It reads
// what comes after it, both ends count it among the readers, and what it sends
// is read by the others.
func TestSecondDesk(t *testing.T) {
	s := shared
	dir := filepath.Join(s.dir, "JPN-2")
	token, secret := s.dir+".tmp/jpn2.invite", filepath.Join(s.dir, "secrets", "JPN.passphrase")
	s.must(t, "relay", "invite", "-o", token, "--dir", s.facts.Relay.Dir)
	s.must(t, "desk", "init", "--party", "JPN", "--name", "JPN-2", "--relay", token, "--passphrase-file", secret,
		"--root", filepath.Join(s.dir, "roots", "JPN.root"), "--listen", "127.0.0.1:0", "--dir", dir)
	second := exec.Command(binary, "desk", "run", "--dir", dir)
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = second.Process.Signal(syscall.SIGTERM)
		_ = second.Wait()
	}()
	s.must(t, "desk", "status", "--wait", bound.String(), "--dir", dir)

	card, pack := s.dir+".tmp/jpn2.card", s.dir+".tmp/jpn2.pack"
	s.must(t, "desk", "card", "-o", card, "--dir", dir)
	s.must(t, "line", "add-desk", s.line(3), card, "-o", pack, "--dir", s.desk("JPN"))
	s.must(t, "line", "join", pack, "--dir", dir)

	want := []api.Reader{
		{Party: "AUS", Desks: []string{"AUS-1"}},
		{Party: "JPN", Desks: []string{"JPN-1", "JPN-2"}},
		{Party: "NATO", Self: true, Desks: []string{"NATO-1"}},
	}
	args := []string{s.line(3), "-p", "FLASH", "-m", "TLP:AMBER", "--exercise", "LANTERN"}
	err := until(bound, func() (bool, error) {
		rv := decode[api.Review](t, s.must(t, append([]string{"send", "--review", "--json", "--text", "EXERCISE", "--dir", s.desk("NATO")}, args...)...))
		return cmp.Equal(want, sorted(rv.Readers)), nil
	})
	if err != nil {
		t.Errorf("NATO does not count the second desk: %v", err)
	}
	bundle := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(bundle, ownBundle(200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	sent := s.send(t, "NATO", append(args, "--text", "EXERCISE to both desks", "--stix", bundle)...)
	if diff := cmp.Diff(want, sorted(sent.Readers)); diff != "" {
		t.Errorf("readers (-want +got):\n%s", diff)
	}
	for _, desk := range []string{s.desk("JPN"), dir} {
		got := s.must(t, "show", sent.ID, "--stix", "--timeout", bound.String(), "--dir", desk)
		if sum([]byte(got)) != sum(ownBundle(200<<10)) {
			t.Errorf("%s has other bytes", desk)
		}
		if text := s.must(t, "show", sent.ID, "--dir", desk); !strings.Contains(text, "EXERCISE to both desks") {
			t.Errorf("%s shows %s", desk, text)
		}
	}
	s.awaitMessage(t, "NATO", sent.ID, "delivered at both desks of JPN", func(m api.Message) bool {
		var desks []string
		for _, r := range m.Ladder {
			if r.State == "delivered" && r.Verified {
				desks = append(desks, r.Desk)
			}
		}
		return slices.Contains(desks, "JPN-1") && slices.Contains(desks, "JPN-2")
	})
	answer := decode[api.Sent](t, s.must(t, append([]string{"send", "--json", "--text", "EXERCISE from the second desk", "--dir", dir}, args...)...))
	for _, party := range []string{"NATO", "AUS"} {
		m := s.awaitMessage(t, party, answer.ID, "there", func(api.Message) bool { return true })
		if m.FromDesk != "JPN-2" || m.From != "JPN" {
			t.Errorf("%s has it from %s of %s", party, m.FromDesk, m.From)
		}
	}
}

// sorted returns readers in a fixed order.
func sorted(rs []api.Reader) []api.Reader {
	for _, r := range rs {
		slices.Sort(r.Desks)
	}
	slices.SortFunc(rs, func(x, y api.Reader) int { return strings.Compare(x.Party, y.Party) })
	return rs
}

// TestPartyLeaves has AUS leave a line of its own with NATO: NATO learns it, and
// nothing more can be sent to AUS there, while the other line goes on.
func TestPartyLeaves(t *testing.T) {
	s := shared
	name := "NATO-AUS"
	s.must(t, "line", "create", name, "--with", "AUS", "--dir", s.desk("NATO"))
	state := func(party, want string) {
		t.Helper()
		err := until(bound, func() (bool, error) {
			r := s.cli(t, "line", "show", name, "--json", "--dir", s.desk(party))
			return r.code == 0 && decode[api.Line](t, r.out).State == want, nil
		})
		if err != nil {
			t.Fatalf("line %s is never %s at %s: %v", name, want, party, err)
		}
	}
	state("AUS", "proposed")
	s.must(t, "line", "accept", name, "--dir", s.desk("AUS"))
	state("NATO", "open")
	state("AUS", "open")
	args := []string{name, "-p", "PRIORITY", "-m", "TLP:AMBER", "--exercise", "LANTERN", "--text", "EXERCISE before"}
	sent := s.send(t, "NATO", args...)
	s.awaitMessage(t, "AUS", sent.ID, "there", func(api.Message) bool { return true })

	s.must(t, "line", "leave", name, "--yes", "--dir", s.desk("AUS"))
	state("AUS", "left")
	if r := s.cli(t, append([]string{"send", "--dir", s.desk("AUS")}, args...)...); r.code == 0 || r.out != "" {
		t.Errorf("AUS sent on a line that it left: %+v", r)
	}
	err := until(bound, func() (bool, error) {
		r := s.cli(t, append([]string{"send", "--review", "--dir", s.desk("NATO")}, args...)...)
		return r.code == 4 || r.code == 1, nil
	})
	if err != nil {
		t.Errorf("NATO can still send to AUS: %v", err)
	}
	if got := s.must(t, "show", sent.ID, "--dir", s.desk("AUS")); !strings.Contains(got, "EXERCISE before") {
		t.Errorf("what came before is no longer readable: %s", got)
	}
	alive := s.send(t, "NATO", s.line(3), "-p", "PRIORITY", "-m", "TLP:AMBER", "--exercise", "LANTERN", "--text", "EXERCISE after")
	s.awaitMessage(t, "AUS", alive.ID, "there", func(api.Message) bool { return true })
}
