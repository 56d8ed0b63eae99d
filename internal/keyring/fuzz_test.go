package keyring

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/shares"
)

// addFrozen adds the files of the vectors: slots of every kind, also bad ones,
// and the key files of offices.
func addFrozen(f *testing.F) {
	f.Helper()
	raw, err := os.ReadFile("../wire/testdata/vectors/kept1.json")
	if err != nil {
		f.Fatal(err)
	}
	type file struct{ File string }
	var v struct {
		Slots struct {
			File    string
			Refused []file
		}
		Offices []file
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		f.Fatal(err)
	}
	for _, x := range append(append(v.Slots.Refused, v.Offices...), file{v.Slots.File}) {
		b, err := hex.DecodeString(x.File)
		if err != nil || len(b) == 0 {
			f.Fatal(len(b), err)
		}
		f.Add(b)
	}
}

// FuzzFiles: a slots.json or sealed file that was changed on its medium is taken
// in its one spelling or not at all, asks for no more work than the bounds allow,
// and never panics.
func FuzzFiles(f *testing.F) {
	dir := f.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		f.Fatal(err)
	}
	word, cost := []byte("EXERCISE passphrase"), Cost{KDF: PBKDF2, Time: 1}
	if _, err := Create(dir, "JPN-1", word, cost); err != nil {
		f.Fatal(err)
	}
	o, err := Open(dir, word)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := AddCredential(dir, o, "hotline-jpn-1", func([]byte) error { return nil }); err != nil {
		f.Fatal(err)
	}
	if _, err := AddRecovery(dir, o, 2, 3, func([]shares.Share) error { return nil }); err != nil {
		f.Fatal(err)
	}
	sealed := filepath.Join(dir, "sealed")
	if err := SealFile(sealed, word, "party-root", []byte("EXERCISE"), cost); err != nil {
		f.Fatal(err)
	}
	for _, name := range []string{slotsFile(dir), sealed} {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(bytes.Replace(b, []byte(`"time": 1`), []byte(`"time": 20000001`), 1))
	}
	f.Add([]byte(`{"version":1,"desk":"JPN-1","slots":[]}`))
	addFrozen(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		var slots slotsDoc
		if decode(b, &slots) == nil {
			if !bytes.Equal(encode(slots), b) {
				t.Error("slots.json has two spellings")
			}
			if slots.check() == nil {
				for _, s := range slots.Slots {
					if p := s.Passphrase; p != nil && (p.Time > maxIterations || p.Memory > maxMemory) {
						t.Errorf("a slot asks for %+v", p.Cost)
					}
				}
			}
		}
		var file fileDoc
		if decode(b, &file) == nil && !bytes.Equal(encode(file), b) {
			t.Error("a sealed file has two spellings")
		}
		if name := filepath.Join(dir, "strange"); os.WriteFile(name, b, 0o600) == nil && (file.Time == 0 || file.check() != nil) {
			if _, err := OpenFile(name, word, "party-root"); err == nil {
				t.Error("a file opens that asks for too much work, or for none")
			}
		}
	})
}
