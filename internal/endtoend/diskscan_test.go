package endtoend

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hotline/internal/custody"
	"hotline/internal/keyring"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/shares"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// TestDiskScanFindsNothing takes every kind of key that a desk and its party
// have, and looks for each in every file of desks, relay, logs and roots: as
// bytes, in hex, base64 and base32, running and after a sudden end. The same
// search finds each of them where it is planted.
func TestDiskScanFindsNothing(t *testing.T) {
	s := shared
	away := t.TempDir()
	credential, split := filepath.Join(away, "hotline-jpn"), filepath.Join(away, "JPN-1")
	s.must(t, "desk", "slot", "add", "credential", "--name", "hotline-jpn", "--out", credential, "--dir", s.desk("JPN"))
	s.must(t, "desk", "slot", "add", "recovery", "--out", split, "--dir", s.desk("JPN"))
	s.must(t, "send", s.line(3), "-p", "PRIORITY", "-m", "TLP:GREEN", "--exercise", "LANTERN", "--text", "EXERCISE keys in use", "--wait", "delivered", "--timeout", bound.String(), "--dir", s.desk("JPN"))

	s.kill(t, "JPN")
	twin := filepath.Join(away, "twin")
	if err := os.CopyFS(filepath.Join(twin, "keys"), os.DirFS(filepath.Join(s.desk("JPN"), "keys"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"line.db", "line.db-wal"} {
		if err := os.WriteFile(filepath.Join(twin, name), readFile(t, filepath.Join(s.desk("JPN"), name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys, public := keysOf(t, twin, filepath.Join(s.dir, "secrets", "JPN.passphrase"), filepath.Join(s.dir, "roots", "JPN.root"))
	keys["credential"] = readFile(t, credential)
	all, err := custody.ReadShares([]string{split + ".share-1", split + ".share-2"}, shares.Slot)
	if err != nil {
		t.Fatal(err)
	}
	if keys["recovery"], err = shares.Join(all); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{
		"database", "message key", "desk key", "control key", "mailbox key", "cell seal", "cell sender", "cell receiver", "root", "next root", "credential", "recovery",
	} {
		if len(keys[kind]) < window {
			t.Errorf("of the kind %q there is no key to look for", kind)
		}
	}
	scan := newKeyScan(keys, public)
	for _, found := range scan.dirs(t, s.dir, s.dir+".tmp") {
		t.Errorf("after a sudden end: %s", found)
	}
	s.start(t, "JPN")
	s.awaitUp(t, "JPN")
	for _, found := range scan.dirs(t, s.dir, s.dir+".tmp") {
		t.Errorf("while it runs: %s", found)
	}

	plant := t.TempDir()
	for kind, key := range keys {
		for form, text := range map[string]string{
			"bytes": string(key), "hex": hex.EncodeToString(key), "HEX": strings.ToUpper(hex.EncodeToString(key)),
			"base64": base64.StdEncoding.EncodeToString(append([]byte{1}, key...)), "base64 of links": base64.RawURLEncoding.EncodeToString(key),
			"base32": strings.ToLower(base32.StdEncoding.EncodeToString(append([]byte{1, 2}, key...))),
		} {
			name := filepath.Join(plant, "planted")
			if err := os.WriteFile(name, []byte("EXERCISE some text="+text+"\nmore"), 0o600); err != nil {
				t.Fatal(err)
			}
			if len(scan.dirs(t, plant)) == 0 {
				t.Errorf("a planted %s as %s is not found", kind, form)
			}
		}
	}
}

// keysOf opens a copy of a desk and of its party's root, and returns what must
// never be in a file in clear, and what everybody may read: a cell names desks
// and parties and their public keys beside its own, and so do cards.
func keysOf(t *testing.T, dir, passphraseFile, root string) (keys map[string][]byte, public [][]byte) {
	t.Helper()
	word := bytes.TrimSpace(readFile(t, passphraseFile))
	o, err := keyring.Open(dir, word)
	if err != nil {
		t.Fatal(err)
	}
	keys = map[string][]byte{"database": bytes.Clone(o.Key)}
	st, err := store.Open(t.Context(), dir, o.Key, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		identity, err := tx.Setting("desk.identity")
		if err != nil {
			return err
		}
		r := octets.NewReader(identity)
		r.Raw(2 + 32)
		_ = r.String(1 << 10)
		r.Raw(32)
		_ = r.String(1 << 10)
		for _, kind := range []string{"message key", "desk key", "control key"} {
			keys[kind] = bytes.Clone(r.Var16(1 << 10))
		}
		keys["mailbox key"] = bytes.Clone(r.Raw(32))
		for _, kind := range []string{"seal", "sender", "receiver"} {
			refs, err := tx.Cells(kind)
			if err != nil {
				return err
			}
			for _, ref := range refs {
				secret, err := tx.Cell(kind, ref)
				if err != nil {
					return err
				}
				keys["cell "+kind] = append(keys["cell "+kind], secret...)
			}
		}
		parties, err := tx.Parties()
		for _, p := range parties {
			statements, err := tx.Statements(p.ID)
			if err != nil {
				return err
			}
			public = append(append(public, p.ID[:]), statements...)
			for _, b := range statements {
				st, err := roster.ParseStatement(b)
				if err != nil {
					return err
				}
				if st.Add != nil {
					id := st.Add.Certificate.ID(suite.One)
					public = append(public, id[:])
				}
			}
		}
		if err != nil {
			return err
		}
		lines, err := tx.Lines()
		for _, l := range lines {
			public = append(public, l.ID[:], l.Charter)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, file := range map[string]string{"root": root, "next root": root + ".next"} {
		r := custody.Root{File: file, Passphrase: func() ([]byte, error) { return bytes.Clone(word), nil }}
		k, err := r.Open()
		if err != nil {
			t.Fatal(err)
		}
		keys[kind] = k.Seed()
	}
	return keys, public
}

// window is how many bytes of a key in a row are a find: far more than chance,
// and less than any key has.
const window = 24

// keyScan looks for windows of keys.
type keyScan struct{ kinds map[[window]byte]string }

// newKeyScan looks for keys, and leaves out what of them is public: a run of 16
// bytes and more that stands in public, and every window that touches it.
func newKeyScan(keys map[string][]byte, public [][]byte) keyScan {
	const run = 16
	known := map[[run]byte]bool{}
	for _, b := range public {
		for i := 0; i+run <= len(b); i++ {
			known[[run]byte(b[i:])] = true
		}
	}
	s := keyScan{map[[window]byte]string{}}
	for kind, key := range keys {
		clear := 0 // nothing before it is public
		for i := 0; i+run <= len(key); i++ {
			if known[[run]byte(key[i:])] {
				clear = i + run
			}
			from := i + run - window
			if from < clear {
				continue
			}
			w := [window]byte(key[from:])
			if distinct(w[:]) > window/2 { // lengths and zeros between keys are no key
				s.kinds[w] = kind
			}
		}
	}
	return s
}

func distinct(b []byte) int {
	seen := map[byte]bool{}
	for _, c := range b {
		seen[c] = true
	}
	return len(seen)
}

// dirs returns what is found in the files below.
func (s keyScan) dirs(t *testing.T, dirs ...string) (found []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for form, text := range forms(b) {
				if kind := s.find(text); kind != "" {
					found = append(found, fmt.Sprintf("%s holds a key (%s) as %s", name, kind, form))
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func (s keyScan) find(b []byte) string {
	for i := 0; i+window <= len(b); i++ {
		if kind, ok := s.kinds[[window]byte(b[i:])]; ok {
			return kind
		}
	}
	return ""
}

var runs = map[string]*regexp.Regexp{
	"hex":    regexp.MustCompile(`[0-9a-fA-F]{48,}`),
	"base64": regexp.MustCompile(`[A-Za-z0-9+/_-]{32,}`),
	"base32": regexp.MustCompile(`[A-Za-z2-7]{39,}`),
}

// forms returns a file as it is, and everything in it that may be decoded, from
// every letter on that a group may begin with.
func forms(b []byte) map[string][]byte {
	out := map[string][]byte{"bytes": b}
	for form, run := range runs {
		var decoded []byte
		for _, text := range run.FindAll(b, -1) {
			for shift := range 8 {
				if shift < len(text) {
					decoded = append(append(decoded, decodeRun(form, string(text[shift:]))...), 0)
				}
			}
		}
		out[form] = decoded
	}
	return out
}

// decodeRun decodes as much as makes whole groups.
func decodeRun(form, text string) []byte {
	var b []byte
	switch form {
	case "hex":
		b, _ = hex.DecodeString(text[:len(text)/2*2])
	case "base64":
		b, _ = base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text[:len(text)/4*4]))
	case "base32":
		b, _ = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(text[:len(text)/8*8]))
	}
	return b
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
