package demo

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/fault"
	"hotline/internal/stix"
)

func TestDirectoryIsADemosOrNew(t *testing.T) {
	tests := map[string]struct {
		files map[string]string
		want  string // part of the sentence; empty: it is taken
	}{
		"empty":                     {nil, ""},
		"a whole demo":              {map[string]string{markFile: `{"format":1,"complete":true}`}, ""},
		"somebody's papers":         {map[string]string{"letter.txt": "Dear"}, "something else than a demo"},
		"a demo that was cut short": {map[string]string{markFile: `{"format":1,"complete":false}`}, "stopped while it was being made"},
		"a later demo":              {map[string]string{markFile: `{"format":2,"complete":true}`}, "another version"},
		"a torn mark":               {map[string]string{markFile: `{"format":1,"com`}, "another version"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for n, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, n), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			l, err := openLayout(dir)
			_, msg, _ := fault.Visible(err)
			switch {
			case tt.want == "" && err != nil:
				t.Fatalf("openLayout = %v", err)
			case tt.want == "" && l.resumes != (len(tt.files) > 0):
				t.Errorf("resumes = %v", l.resumes)
			case tt.want != "" && !strings.Contains(msg, tt.want):
				t.Errorf("openLayout says %q, want %q in it", msg, tt.want)
			}
			if err == nil {
				if err := l.close(true); err != nil {
					t.Error(err)
				}
			}
			for n, text := range tt.files {
				if b, err := os.ReadFile(filepath.Join(dir, n)); err != nil || string(b) != text {
					t.Errorf("%s is %q afterwards (%v)", n, b, err)
				}
			}
		})
	}
}

func TestOneDemoADirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := openLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openLayout(dir); !fault.Is(err, fault.Config) {
		t.Errorf("a second demo got the directory: %v", err)
	}
	if err := first.writeMark(mark{Format: markFormat, Complete: true}); err != nil {
		t.Fatal(err)
	}
	if err := first.close(true); err != nil {
		t.Fatal(err)
	}
	second, err := openLayout(dir)
	if err != nil || !second.resumes {
		t.Fatalf("the directory of a whole demo: resumes %v, %v", second.resumes, err)
	}
	if err := second.close(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Errorf("a named directory was removed: %v", err)
	}
}

func TestTemporaryDirectoryGoes(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, remove := range []bool{true, false} {
		l, err := openLayout("")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.close(remove); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(l.dir); os.IsNotExist(err) != remove {
			t.Errorf("remove %v: stat of the directory = %v", remove, err)
		}
	}
}

func TestReadyIsAsPromised(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ready.json")
	err := writeReady(name, Facts{
		Relay: RelayFacts{Addr: "127.0.0.1:1", Dir: "/r"},
		Desks: []DeskFacts{{Party: "JPN", Console: "http://127.0.0.1:2"}},
		Lines: []LineFacts{{ID: "line1x", Name: bilateral, Parties: []string{"JPN", "NATO"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Relay map[string]any   `json:"relay"`
		Desks []map[string]any `json:"desks"`
		Lines []map[string]any `json:"lines"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	keys := func(m map[string]any) map[string]bool {
		set := map[string]bool{}
		for k := range m {
			set[k] = true
		}
		return set
	}
	want := func(names ...string) map[string]bool {
		set := map[string]bool{}
		for _, n := range names {
			set[n] = true
		}
		return set
	}
	if diff := cmp.Diff(want("addr", "dir", "log", "pid"), keys(got.Relay)); diff != "" {
		t.Errorf("relay: %s", diff)
	}
	if diff := cmp.Diff(want("party", "console", "login_url", "socket", "dir", "log", "pid"), keys(got.Desks[0])); diff != "" {
		t.Errorf("desk: %s", diff)
	}
	if diff := cmp.Diff(want("id", "name", "parties"), keys(got.Lines[0])); diff != "" {
		t.Errorf("line: %s", diff)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(name), ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":           "''",
		"JPN–NATO":   "JPN–NATO",
		"/tmp/a-b/c": "/tmp/a-b/c",
		"duty desk":  "'duty desk'",
		"it's":       `'it'\''s'`,
		"$(reboot)":  "'$(reboot)'",
		"a;b":        "'a;b'",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestChildrenForgetHotlineVariables(t *testing.T) {
	t.Setenv("HOTLINE_DIR", "/elsewhere")
	t.Setenv("HOTLINER", "kept")
	env := strings.Join(childEnv(), "\n")
	if strings.Contains(env, "HOTLINE_DIR=") || !strings.Contains(env, "HOTLINER=kept") {
		t.Errorf("environment of the children:\n%s", env)
	}
}

// TestBundlesAreSafe holds what is said about the bundles: they pass the gate,
// every description says EXERCISE, and no address in them is anybody's.
func TestBundlesAreSafe(t *testing.T) {
	values := regexp.MustCompile(`'([^']+)'`)
	for name, raw := range map[string][]byte{"intrusion": intrusion, "letters": letters} {
		sum, err := stix.Check(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if sum.Objects < 10 {
			t.Errorf("%s has %d objects", name, sum.Objects)
		}
		var bundle struct {
			Objects []struct{ Type, Name, Description, Pattern, Value string }
		}
		if err := json.Unmarshal(raw, &bundle); err != nil {
			t.Fatal(err)
		}
		for _, o := range bundle.Objects {
			if o.Type != "marking-definition" && o.Name != "" && !strings.HasPrefix(o.Name, "EXERCISE") {
				t.Errorf("%s: %s %q is not marked EXERCISE", name, o.Type, o.Name)
			}
			if o.Value != "" && !documentation(o.Value) {
				t.Errorf("%s: %q may be somebody's", name, o.Value)
			}
			for _, v := range values.FindAllStringSubmatch(o.Pattern, -1) {
				if !documentation(v[1]) {
					t.Errorf("%s: %q may be somebody's", name, v[1])
				}
			}
		}
	}
}

// documentation reports whether an address or name is set aside for examples
// (RFC 5737, RFC 3849, RFC 2606).
func documentation(v string) bool {
	if ip, err := netip.ParseAddr(v); err == nil {
		for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"} {
			if netip.MustParsePrefix(p).Contains(ip) {
				return true
			}
		}
		return false
	}
	v = strings.TrimPrefix(v, "https://")
	v, _, _ = strings.Cut(v, "/")
	_, host, found := strings.Cut(v, "@")
	if !found {
		host = v
	}
	return strings.HasSuffix(host, ".example")
}
