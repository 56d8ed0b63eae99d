package keyring_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/keyring"
)

// cheap keeps the tests fast; the file says what it cost, so Open follows.
var cheap = keyring.Cost{Time: 1, Memory: 64, Threads: 1}

var (
	word  = []byte("correct horse battery")
	other = []byte("wrong horse battery")
)

func slots(dir string) string { return filepath.Join(dir, "keys", "slots.json") }

func create(t *testing.T) (dir string, key []byte) {
	t.Helper()
	dir = t.TempDir()
	key, err := keyring.Create(dir, "JPN-1", word, cheap)
	if err != nil || len(key) != keyring.KeySize {
		t.Fatalf("Create() = %d bytes, %v", len(key), err)
	}
	return dir, key
}

func TestPassphraseOpensTheSlot(t *testing.T) {
	dir, key := create(t)
	got, err := keyring.Open(dir, word)
	if err != nil || !bytes.Equal(got.Key, key) {
		t.Errorf("Open() = another key, %v", err)
	}
	_, err = keyring.Open(dir, other)
	if k, msg, _ := fault.Visible(err); !errors.Is(err, keyring.ErrPassphrase) || k != fault.Denied || msg == "" {
		t.Errorf("Open() with a wrong passphrase = %v (%v)", err, k)
	}
	fi, err := os.Stat(slots(dir))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("slots.json has mode %v, %v", fi.Mode(), err)
	}
	b, err := os.ReadFile(slots(dir))
	if err != nil || bytes.Contains(b, key) || bytes.Contains(b, word) {
		t.Error("slots.json holds the key or the passphrase")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "keys", ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestCreateNeverReplaces(t *testing.T) {
	dir, key := create(t)
	if _, err := keyring.Create(dir, "JPN-1", other, cheap); !errors.Is(err, keyring.ErrExists) || !fault.Is(err, fault.Conflict) {
		t.Errorf("second Create() = %v, want ErrExists", err)
	}
	if got, err := keyring.Open(dir, word); err != nil || !bytes.Equal(got.Key, key) {
		t.Errorf("Open() afterwards: %v", err)
	}
}

func TestChangePassphrase(t *testing.T) {
	dir, key := create(t)
	if err := keyring.Change(dir, other, []byte("a third passphrase")); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("Change() with a wrong passphrase = %v", err)
	}
	if err := keyring.Change(dir, word, other); err != nil {
		t.Fatal(err)
	}
	if got, err := keyring.Open(dir, other); err != nil || !bytes.Equal(got.Key, key) {
		t.Errorf("Open() with the new passphrase: %v", err)
	}
	if _, err := keyring.Open(dir, word); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("Open() with the old passphrase = %v, want ErrPassphrase", err)
	}
}

func TestShortPassphraseIsRefused(t *testing.T) {
	if _, err := keyring.Create(t.TempDir(), "JPN-1", []byte("seven77"), cheap); !fault.Is(err, fault.Invalid) {
		t.Errorf("Create() = %v, want invalid", err)
	}
}

func TestNoDeskHere(t *testing.T) {
	if _, err := keyring.Open(t.TempDir(), word); !fault.Is(err, fault.Config) {
		t.Errorf("Open() = %v, want config", err)
	}
}

// TestChangedSlotsAreRefused changes the file in every way that a person or an
// attacker might. None may open, allocate without bounds or panic.
func TestChangedSlotsAreRefused(t *testing.T) {
	dir, _ := create(t)
	good, err := os.ReadFile(slots(dir))
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, with string) []byte {
		t.Helper()
		b := bytes.Replace(good, []byte(old), []byte(with), 1)
		if bytes.Equal(b, good) {
			t.Fatalf("%q is not in the file", old)
		}
		return b
	}
	tests := map[string][]byte{
		"empty":                {},
		"not JSON":             []byte("hello"),
		"trailing bytes":       append(bytes.Clone(good), "{}"...),
		"unknown field":        replace(`"version": 1`, `"version": 1, "x": 2`),
		"repeated field":       replace(`"version": 1`, `"version": 1, "version": 1`),
		"case variant":         replace(`"version"`, `"Version"`),
		"another version":      replace(`"version": 1`, `"version": 2`),
		"unknown kind":         replace(`"kind": "passphrase"`, `"kind": "tpm2"`),
		"another kind":         replace(`"kind": "passphrase"`, `"kind": "tpm"`),
		"unknown derivation":   replace(`"argon2id"`, `"pbkdf2"`),
		"a day of rounds":      replace(`"kdf": "argon2id"`, `"kdf": "pbkdf2-hmac-sha-512"`),
		"slot nought":          replace(`"id": 1`, `"id": 0`),
		"a terabyte of memory": replace(`"memory_kib": 64`, `"memory_kib": 1073741824`),
		"no passes":            replace(`"time": 1`, `"time": 0`),
		"too many passes":      replace(`"time": 1`, `"time": 4000000000`),
		"no threads":           replace(`"threads": 1`, `"threads": 0`),
		"two MB of spaces":     append(bytes.Repeat([]byte(" "), 2<<20), good...),
		"no slots":             []byte("{\n  \"version\": 1,\n  \"desk\": \"JPN-1\",\n  \"slots\": []\n}\n"),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(slots(dir), b, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := keyring.Open(dir, word)
			if k, msg, _ := fault.Visible(err); !errors.Is(err, keyring.ErrFormat) || k != fault.Config || msg == "" {
				t.Errorf("Open() = %v (%v), want ErrFormat", err, k)
			}
		})
	}
	var doc struct {
		Slots []struct {
			Passphrase struct {
				Salt   []byte
				Places [][]byte
			}
		}
	}
	if err := json.Unmarshal(good, &doc); err != nil {
		t.Fatal(err)
	}
	p := doc.Slots[0].Passphrase
	changed := bytes.Clone(good)
	for _, field := range append(p.Places, p.Salt) {
		old, _ := json.Marshal(field)
		field[0] ^= 1
		with, _ := json.Marshal(field)
		if b := replace(string(old), string(with)); bytes.Equal(field, p.Salt) {
			changed = b
		} else {
			changed = bytes.Replace(changed, old, with, 1) // one of the two is noise
		}
		if err := os.WriteFile(slots(dir), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := keyring.Open(dir, word)
		if bytes.Equal(field, p.Places[0]) {
			continue
		}
		if !errors.Is(err, keyring.ErrPassphrase) {
			t.Errorf("a flipped bit: Open() = %v, want ErrPassphrase", err)
		}
	}
}

func TestSealedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "party.root")
	content := []byte("EXERCISE seed EXERCISE seed EXERC")
	if err := keyring.SealFile(name, word, "party-root", content, cheap); err != nil {
		t.Fatal(err)
	}
	got, err := keyring.OpenFile(name, word, "party-root")
	if err != nil || !bytes.Equal(got, content) {
		t.Errorf("OpenFile() = %q, %v", got, err)
	}
	fi, err := os.Stat(name)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", fi.Mode(), err)
	}
	b, err := os.ReadFile(name)
	if err != nil || bytes.Contains(b, content[:8]) {
		t.Error("the file holds its content in clear")
	}
	if _, err := keyring.OpenFile(name, other, "party-root"); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := keyring.OpenFile(name, word, "delegate"); !errors.Is(err, keyring.ErrFormat) {
		t.Errorf("another purpose: %v", err)
	}
	if _, err := keyring.OpenFile(name+"x", word, "party-root"); !fault.Is(err, fault.NotFound) {
		t.Errorf("no such file: %v", err)
	}
	// A renamed purpose does not pass: it is authenticated.
	forged := bytes.Replace(b, []byte(`"party-root"`), []byte(`"delegate"`), 1)
	if err := os.WriteFile(name+"2", forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.OpenFile(name+"2", word, "delegate"); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("forged purpose: %v", err)
	}
	for _, exists := range []string{name, filepath.Join(filepath.Dir(name), "link")} {
		if exists != name {
			if err := os.Symlink("nowhere", exists); err != nil {
				t.Fatal(err)
			}
		}
		if err := keyring.SealFile(exists, other, "party-root", []byte("x"), cheap); !errors.Is(err, keyring.ErrExists) {
			t.Errorf("SealFile() over %s = %v, want ErrExists", filepath.Base(exists), err)
		}
	}
	if now, _ := os.ReadFile(name); !bytes.Equal(now, b) {
		t.Error("the file was changed")
	}
}

// TestMemoryIsGivenBack opens a slot at the real cost, 256 MiB, and looks at
// what the process keeps.
func TestMemoryIsGivenBack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	dir := t.TempDir()
	if _, err := keyring.Create(dir, "JPN-1", word, keyring.Cost{}); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(dir, word); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var rss, peak int
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "VmRSS:"):
			rss, _ = strconv.Atoi(f[1])
		case strings.HasPrefix(line, "VmHWM:"):
			peak, _ = strconv.Atoi(f[1])
		}
	}
	t.Logf("now %d KiB, at most %d KiB", rss, peak)
	if peak < 256<<10 {
		t.Errorf("at most %d KiB were used: the cost is not the real one", peak)
	}
	if rss > 64<<10 {
		t.Errorf("%d KiB are still in use", rss)
	}
}
