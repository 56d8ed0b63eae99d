package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/config"
	"hotline/internal/fault"
)

func none(string) (string, bool) { return "", false }

// dirWith returns a directory that holds name with text.
func dirWith(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNoFileIsTheDefaults(t *testing.T) {
	d, err := config.ReadDesk(t.TempDir(), none)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.DefaultDesk(), d); diff != "" {
		t.Error(diff)
	}
	r, err := config.ReadRelay(t.TempDir(), none)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.DefaultRelay(), r); diff != "" {
		t.Error(diff)
	}
}

func TestFileAndEnvironment(t *testing.T) {
	dir := dirWith(t, config.DeskFile, "[console]\nlisten = \"127.0.0.1:9000\"\n[log]\nlevel = \"debug\"\n")
	env := func(k string) (string, bool) {
		v, ok := map[string]string{"HOTLINE_LOG_LEVEL": "warn", "HOTLINE_CONSOLE_HOSTS": "a.example, b.example", "HOTLINE_STORE_PASSPHRASE_FILE": "/run/p"}[k]
		return v, ok
	}
	got, err := config.ReadDesk(dir, env)
	if err != nil {
		t.Fatal(err)
	}
	want := config.DefaultDesk()
	want.Console.Listen = "127.0.0.1:9000"                  // the file above the default
	want.Log.Level = "warn"                                 // the environment above the file
	want.Console.Hosts = []string{"a.example", "b.example"} // a list
	want.Store.PassphraseFile = "/run/p"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsRefused(t *testing.T) {
	tests := map[string]struct{ text, msg, hint string }{
		"a misspelt key":        {"[console]\nlisen = \"127.0.0.1:1\"\n", `desk.toml, line 2, column 1: there is no key "console.lisen".`, `did you mean "console.listen"?`},
		"a key out of place":    {"passphrase_file = \"x\"\n", `desk.toml, line 1, column 1: there is no key "passphrase_file".`, `did you mean "store.passphrase_file"?`},
		"an unknown section":    {"[zzz]\nquux = 1\n", `desk.toml, line 1, column 2: there is no key "zzz".`, "config example"},
		"a secret as a value":   {"[store]\npassphrase = \"hunter2\"\n", `there is no key "store.passphrase"`, `store.passphrase_file`},
		"a wrong type":          {"[log]\nlevel = 3\n", "desk.toml, line 2, column 9:", ""},
		"broken TOML":           {"[log\n", "desk.toml, line 1", ""},
		"a key twice":           {"[log]\nlevel = \"info\"\nlevel = \"debug\"\n", "desk.toml", ""},
		"an open console":       {"[console]\nlisten = \"0.0.0.0:8650\"\n", "console.listen does not fit", "proxy"},
		"a console by name":     {"[console]\nlisten = \"desk.example:8650\"\n", "console.listen does not fit", "proxy"},
		"a port alone":          {"[console]\nlisten = \":8650\"\n", "console.listen does not fit", "proxy"},
		"a host with a port":    {"[console]\nhosts = [\"a:1\"]\n", "console.hosts does not fit", ""},
		"an unknown level":      {"[log]\nlevel = \"loud\"\n", "log.level does not fit", ""},
		"an unknown format":     {"[log]\nformat = \"xml\"\n", "log.format does not fit", ""},
		"an unknown role":       {"[socket]\nrole = \"admin\"\n", "socket.role does not fit", ""},
		"an officer of no name": {"[socket]\nofficer = \"\"\n", "socket.officer does not fit", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := config.ReadDesk(dirWith(t, config.DeskFile, tt.text), none)
			kind, msg, hint := fault.Visible(err)
			if err == nil || kind != fault.Config || !strings.Contains(msg, tt.msg) || !strings.Contains(hint, tt.hint) {
				t.Errorf("refused with %v %q hint %q, want %q hint %q", kind, msg, hint, tt.msg, tt.hint)
			}
			if strings.Contains(msg+hint, "hunter2") {
				t.Error("the secret is in the message")
			}
		})
	}
}

func TestRelayIsChecked(t *testing.T) {
	for text, ok := range map[string]bool{
		"[link]\nlisten = \"[::]:8651\"\npublic = \"relay.example:8651\"\n": true,
		"[link]\nlisten = \"8651\"\n":                                       false,
		"[link]\npublic = \"relay.example\"\n":                              false,
		"[limits]\ntotal_bytes = -1\n":                                      false,
		"[limits]\nconnections = 9\n":                                       true,
		"[link]\npublic = \"relay.example:0\"\n":                            false,
		"[link]\npublic = \"relay.example:99999\"\n":                        false,
	} {
		if _, err := config.ReadRelay(dirWith(t, config.RelayFile, text), none); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestExamplesAreConfigurations reads each printed example: as it is, and with
// every comment of a key taken away.
func TestExamplesAreConfigurations(t *testing.T) {
	d := config.DefaultDesk()
	d.Console.Listen = "127.0.0.1:0"
	d.Store.PassphraseFile = `C:\odd "name"`
	d.Console.Hosts = []string{"a.example"}
	defaults := config.DefaultDesk()
	text := config.Example("A desk.", &d, &defaults)
	got, err := config.ReadDesk(dirWith(t, config.DeskFile, text), none)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(text, "# listen = ") || !strings.Contains(text, "# level = ") {
		t.Errorf("changed keys are set, others are comments:\n%s", text)
	}
	var open bytes.Buffer
	for line := range strings.SplitSeq(text, "\n") {
		if rest, ok := strings.CutPrefix(line, "# "); ok && strings.Contains(rest, " = ") {
			line = rest
		}
		open.WriteString(line + "\n")
	}
	got, err = config.ReadDesk(dirWith(t, config.DeskFile, open.String()), none)
	if err != nil {
		t.Fatalf("%v in\n%s", err, open.String())
	}
	if diff := cmp.Diff(d, got); diff != "" {
		t.Error(diff)
	}
	for _, k := range append(config.Keys(&d), config.Keys(&config.Relay{})...) {
		if k == "." || strings.HasSuffix(k, ".") || strings.HasPrefix(k, ".") {
			t.Errorf("a field has no key: %q", k)
		}
	}
}

func TestNumbersFromTheEnvironment(t *testing.T) {
	for value, ok := range map[string]bool{"4096": true, "12 ": false, "1e3": false, "": false, "99999999999999999999": false} {
		env := func(k string) (string, bool) { return value, k == "HOTLINE_LIMITS_CONNECTIONS" }
		if c, err := config.ReadRelay(t.TempDir(), env); (err == nil) != ok || ok && c.Limits.Connections != 4096 {
			t.Errorf("%q: %+v %v", value, c.Limits, err)
		}
	}
}

func TestLogger(t *testing.T) {
	var b bytes.Buffer
	l := config.Log{Level: "warn", Format: "json"}
	l.Logger(&b).Info("quiet")
	l.Logger(&b).Warn("loud", "line", "x")
	if got := b.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"loud"`) {
		t.Errorf("log is %s", got)
	}
}
