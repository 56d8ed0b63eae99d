package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/api"
	"hotline/internal/config"
	"hotline/internal/link"
	"hotline/internal/relay"
)

func effectConsoleListen(t *testing.T, b *stand) {
	addr := freeAddr(t)
	p := b.deskAt(t, "JPN", fmt.Sprintf("[console]\nlisten = %q\n", addr), "--passphrase-file", b.path("pass"))
	if got := get(t, addr, "localhost"); got != http.StatusOK {
		t.Errorf("the console at console.listen answers %d", got)
	}
	p.stop()
	b.desk(t, "JPN", "")
	if got := get(t, addr, "localhost"); got != 0 {
		t.Errorf("without a console, it answers %d", got)
	}
}

func effectConsoleHosts(t *testing.T, b *stand) {
	for hosts, want := range map[string]int{"": http.StatusMisdirectedRequest, `"console.example"`: http.StatusOK} {
		addr := freeAddr(t)
		p := b.deskAt(t, "JPN", fmt.Sprintf("[console]\nlisten = %q\nhosts = [%s]\n", addr, hosts), "--passphrase-file", b.path("pass"))
		if got := get(t, addr, "console.example"); got != want {
			t.Errorf("with the hosts [%s], console.example gets %d, want %d", hosts, got, want)
		}
		p.stop()
	}
}

func effectPassphraseFile(t *testing.T, b *stand) {
	settings := "[console]\nlisten = \"\"\n[store]\npassphrase_file = %q\n"
	b.deskAt(t, "JPN", fmt.Sprintf(settings, b.path("pass"))).stop()
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("another horse altogether\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{wrong, ""} {
		dir := b.path("JPN")
		p := b.serve(t, filepath.Join(dir, config.DeskFile), fmt.Sprintf(settings, file), "desk", "run", "--dir", dir)
		code := <-p.over
		p.over <- code
		if code == 0 {
			t.Errorf("the desk opened with the passphrase file %q", file)
		}
	}
}

func effectTPM(t *testing.T, b *stand) {
	dir, chip := b.path("JPN"), filepath.Join(t.TempDir(), "chip")
	settings := fmt.Sprintf("[store]\ntpm = %q\n", chip)
	if err := os.WriteFile(filepath.Join(dir, config.DeskFile), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	_, words, code := b.run("desk", "slot", "add", "tpm", "--dir", dir, "--passphrase-file", b.path("pass"))
	if code == 0 || !strings.Contains(words, "There is no TPM at "+chip) {
		t.Errorf("the TPM of store.tpm was not asked: code %d, %s", code, words)
	}
}

// effectOfficer: the name stands where the desk says who asks, and on what the
// command line did.
func effectOfficer(t *testing.T, b *stand) {
	b.relay(t, "")
	b.desk(t, "JPN", "[socket]\nofficer = \"EXERCISE officer\"\n")
	var d api.Desk
	b.ask(t, &d, "desk", "status", "--json", "--dir", b.path("JPN"))
	if d.Officer != "EXERCISE officer" {
		t.Errorf("the command line acts as %q", d.Officer)
	}
	b.desk(t, "NATO", "")
	said := b.words(t)
	var p api.Pairing
	b.ask(t, &p, "pair", "confirm", "--json", "--dir", b.path("JPN"), "--words", said["NATO"])
	if p.Officer != "EXERCISE officer" {
		t.Errorf("the words were typed by %q", p.Officer)
	}
	b.must(t, "pair", "confirm", "--dir", b.path("NATO"), "--words", said["JPN"])
}

// effectRetention: a desk that is told so removes the text of what is done, and
// the one beside it, which is not, keeps it.
func effectRetention(t *testing.T, b *stand) {
	b.relay(t, "")
	b.desk(t, "JPN", "[store]\nretention = \"1s\"\n")
	b.desk(t, "NATO", "")
	b.up(t, "JPN")
	id := strings.TrimSpace(b.must(t, "send", "JPN-NATO", "-p", "ROUTINE", "-m", "TLP:GREEN", "--kind", "informal", "--ack", "none", "--exercise", "EXERCISE",
		"--text", "EXERCISE text", "--dir", b.path("JPN"), "--wait", "delivered", "--timeout", "1m"))
	var jpn, nato api.Message
	until(t, "the sender removes its text", func() bool {
		b.ask(t, &jpn, "show", id, "--json", "--dir", b.path("JPN"))
		b.ask(t, &nato, "show", id, "--json", "--dir", b.path("NATO"))
		return !jpn.RemovedAt.IsZero()
	})
	if jpn.Text != "" || jpn.Serial != nato.Serial || nato.Text != "EXERCISE text" || !nato.RemovedAt.IsZero() {
		t.Errorf("JPN has %q %q, NATO %q %q", jpn.Serial, jpn.Text, nato.Serial, nato.Text)
	}
}

func effectRole(t *testing.T, b *stand) {
	for role, want := range map[string]int{"viewer": exitDenied, "operator": exitDone} {
		p := b.desk(t, "JPN", fmt.Sprintf("[socket]\nrole = %q\n", role))
		_, words, code := b.run("pair", "start", "NATO", "--again", "--dir", b.path("JPN"), "-o", filepath.Join(t.TempDir(), "file"))
		if code != want {
			t.Errorf("a %s starts a pairing: code %d, want %d: %s", role, code, want, words)
		}
		b.abandon(t, "JPN")
		p.stop()
	}
}

// abandon ends the pairings of a desk that are under way.
func (b *stand) abandon(t *testing.T, party string) {
	t.Helper()
	_, _, _ = b.run("pair", "abandon", "--dir", b.path(party)) // there may be none
}

// effectPersons goes past the command, which asks for the witness by itself.
func effectPersons(t *testing.T, b *stand) {
	jpn := b.desk(t, "JPN", "[pairing]\npersons = 2\n")
	b.desk(t, "NATO", "")
	said := b.words(t)
	var p api.Pairing
	b.ask(t, &p, "pair", "words", "--json", "--dir", b.path("JPN"))
	in := api.PairingWords{Words: strings.Fields(said["NATO"])}
	for _, in.Witness = range []*api.Voucher{nil, {Officer: "nobody", Password: "none"}} {
		err := api.NewClient(b.path("JPN")).Post(t.Context(), "/pairings/"+p.ID+"/confirm", "", in, &p)
		if err == nil {
			t.Errorf("one person confirmed where two are asked for, with the witness %+v", in.Witness)
		}
	}
	jpn.stop()
	b.desk(t, "JPN", "[pairing]\npersons = 1\n")
	b.must(t, "pair", "confirm", "--dir", b.path("JPN"), "--words", said["NATO"])
	b.must(t, "pair", "confirm", "--dir", b.path("NATO"), "--words", said["JPN"])
}

// logged returns the log of p without what is said to people.
func logged(p *process, mark string) (lines []string) {
	for line := range strings.Lines(p.words()) {
		if strings.Contains(line, mark) {
			lines = append(lines, line)
		}
	}
	return lines
}

func effectDeskLogLevel(t *testing.T, b *stand) {
	for level, want := range map[string]bool{"debug": true, "error": false} {
		r := b.relay(t, "")
		p := b.desk(t, "JPN", fmt.Sprintf("[log]\nlevel = %q\n", level))
		b.up(t, "JPN")
		p.stop()
		r.stop()
		if got := len(logged(p, "level=INFO")) > 0; got != want {
			t.Errorf("at %s, the log has lines of INFO: %t\n%s", level, got, p.words())
		}
	}
}

func effectDeskLogFormat(t *testing.T, b *stand) {
	b.relay(t, "")
	p := b.desk(t, "JPN", "[log]\nlevel = \"debug\"\nformat = \"json\"\n")
	b.up(t, "JPN")
	p.stop()
	checkJSON(t, p)
}

func checkJSON(t *testing.T, p *process) {
	t.Helper()
	lines := logged(p, `"level":"INFO"`)
	if len(lines) == 0 || len(logged(p, "level=INFO")) > 0 {
		t.Errorf("the log is no JSON:\n%s", p.words())
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("a line is no JSON: %s", line)
		}
	}
}

// up waits until a desk has its relay.
func (b *stand) up(t *testing.T, party string) {
	t.Helper()
	until(t, party+" has its relay", func() bool { return b.link(t, party).State == "up" })
}

func (b *stand) link(t *testing.T, party string) api.Relay {
	t.Helper()
	var d api.Desk
	b.ask(t, &d, "desk", "status", "--json", "--dir", b.path(party))
	if len(d.Relays) != 1 {
		t.Fatalf("%s has %d relays", party, len(d.Relays))
	}
	return d.Relays[0]
}

// effectLinkListen: a desk that looks for its relay at link.listen finds it
// there, and not elsewhere.
func effectLinkListen(t *testing.T, b *stand) {
	other := freeAddr(t)
	for _, addr := range []string{other, b.addr} {
		p := b.relayAt(t, fmt.Sprintf("[link]\nlisten = %q\n", addr))
		var s relay.Status
		b.ask(t, &s, "relay", "status", "--json", "--dir", b.path("relay"))
		if s.Addr != addr {
			t.Errorf("it listens on %s, want %s", s.Addr, addr)
		}
		for _, at := range []string{other, b.addr} {
			if got := listens(t, at); got != (at == addr) {
				t.Errorf("link.listen is %s; somebody listens on %s: %t", addr, at, got)
			}
		}
		p.stop()
	}
}

// effectLinkPublic: invitations name it, of a relay that runs, also when only
// its own file had it, and of one that stands.
func effectLinkPublic(t *testing.T, b *stand) {
	p := b.relayAt(t, fmt.Sprintf("[link]\nlisten = %q\npublic = \"relay.example:4433\"\n", b.addr))
	file := filepath.Join(b.path("relay"), config.RelayFile)
	with, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{with, nil, with} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := b.invited(t).Addr; got != "relay.example:4433" {
			t.Errorf("an invitation names %s", got)
		}
		if text == nil {
			p.stop()
		}
	}
	b.relay(t, "")
	if got := b.invited(t).Addr; got != b.addr {
		t.Errorf("without link.public, an invitation names %s, want %s", got, b.addr)
	}
}

// refused sends to NATO, whose desk stands still, until the relay refuses with
// a reason.
func (b *stand) refused(t *testing.T, r *process, reason link.Reason) bool {
	t.Helper()
	b.desk(t, "JPN", "")
	b.up(t, "JPN")
	for n := range 8 {
		// No text packs worse than one that is random.
		text := fmt.Sprintf("EXERCISE number %d.", n)
		for range 400 {
			text += " " + rand.Text()
		}
		out, words, code := b.run("send", "JPN-NATO", "-p", "PRIORITY", "-m", "TLP:GREEN", "--exercise", "EXERCISE", "--text", text, "--dir", b.path("JPN"))
		if !strings.HasPrefix(out, "msg1") {
			t.Fatalf("nothing is sent: code %d, %s", code, words)
		}
		settled := func() bool {
			return strings.Contains(r.words(), "put refused") || b.link(t, "JPN").Waiting == 0
		}
		until(t, "the relay answers", settled)
		if lines := logged(r, "put refused"); len(lines) > 0 {
			return strings.Contains(lines[0], reason.String())
		}
	}
	return false
}

// effectMailboxBytes: an invitation that names no quota gives the relay's, and
// a mailbox that was made with it takes no more.
func effectMailboxBytes(t *testing.T, b *stand) {
	r := b.relay(t, "[limits]\nmailbox_bytes = 54321\n")
	if got := b.invited(t).Quota; got != 54321 {
		t.Errorf("a mailbox gets %d bytes", got)
	}
	if !b.refused(t, r, link.ReasonQuota) {
		t.Errorf("a mailbox for %d bytes takes more", mailboxBytes)
	}
	var s relay.Status
	if b.ask(t, &s, "relay", "status", "--json", "--dir", b.path("relay")); s.Bytes == 0 || s.Bytes > 2*mailboxBytes {
		t.Errorf("%d bytes wait in two mailboxes", s.Bytes)
	}
}

func effectTotalBytes(t *testing.T, b *stand) {
	r := b.relay(t, "[limits]\ntotal_bytes = 100\n")
	if !b.refused(t, r, link.ReasonBusy) {
		t.Error("a relay for 100 bytes takes more")
	}
}

func effectConnections(t *testing.T, b *stand) {
	r := b.relay(t, "[limits]\nconnections = 1\n")
	b.desk(t, "JPN", "")
	b.up(t, "JPN")
	b.desk(t, "NATO", "")
	until(t, "the second desk is refused", func() bool { l := b.link(t, "NATO"); return l.State != "up" && l.Error != "" })
	r.stop()
	b.relay(t, "")
	b.up(t, "JPN")
	b.up(t, "NATO")
}

func effectRelayLogLevel(t *testing.T, b *stand) {
	for level, want := range map[string]bool{"info": true, "error": false} {
		p := b.relay(t, fmt.Sprintf("[log]\nlevel = %q\n", level))
		p.stop()
		if got := len(logged(p, "level=INFO")) > 0; got != want {
			t.Errorf("at %s, the log has lines of INFO: %t\n%s", level, got, p.words())
		}
	}
}

func effectRelayLogFormat(t *testing.T, b *stand) {
	p := b.relay(t, "[log]\nformat = \"json\"\n")
	p.stop()
	checkJSON(t, p)
}
