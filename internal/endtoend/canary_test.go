package endtoend

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"hotline/internal/api"
)

// TestNoTextInClear sends a word that exists nowhere else, in every place of a
// message that a person fills, and then looks for it in every file of the
// relay and of the desks, in logs and in what the demo printed. Looking finds
// it where it was planted. What the bundle calls its objects, and who is on a
// line, stand in no file but a desk's own that say its own name.
func TestNoTextInClear(t *testing.T) {
	s := shared
	word := "canary" + rand.Text()
	dir := t.TempDir()
	bundle := filepath.Join(dir, word+".json")
	body := bytes.Replace(ownBundle(300<<10), []byte("EXERCISE 演習 7"), []byte("EXERCISE "+word), 1)
	if !bytes.Contains(body, []byte(word)) {
		t.Fatal("the bundle does not hold the word")
	}
	if err := os.WriteFile(bundle, body, 0o600); err != nil {
		t.Fatal(err)
	}
	sent := s.send(t, "JPN", s.line(3), "-p", "FLASH", "-m", "TLP:RED", "--exercise", "LANTERN "+word[:20],
		"--subject", word, "--text", "EXERCISE "+word, "--stix", bundle)
	for _, party := range []string{"NATO", "AUS"} {
		s.awaitMessage(t, party, sent.ID, "whole", func(m api.Message) bool { return m.STIX != nil && m.STIX.State == "whole" })
		if got := s.must(t, "show", sent.ID, "--dir", s.desk(party)); !strings.Contains(got, word) {
			t.Fatalf("%s cannot read the word:\n%s", party, got)
		}
		s.must(t, "ack", sent.ID, "--cannot", "EXERCISE "+word, "--role", "officer", "--dir", s.desk(party))
	}
	// A refusal and a search that fails must not log what was asked either.
	s.cli(t, "show", word, "--dir", s.desk("JPN"))
	s.cli(t, "send", s.line(2), "-p", "FLASH", "-m", "TLP:RED", "--rel", word, "--text", word, "--dir", s.desk("JPN"))
	s.must(t, "desk", "backup", filepath.Join(s.dir, "canary.backup"), "--dir", s.desk("JPN"))

	// As a thief finds it: while it runs, and after a sudden end.
	look(t, s, word)
	lookForNames(t, s)
	for _, name := range []string{"relay", "JPN", "NATO"} {
		s.kill(t, name)
	}
	look(t, s, word)
	lookForNames(t, s)
	for _, name := range []string{"relay", "JPN", "NATO"} {
		s.start(t, name)
	}
	for _, name := range []string{"relay", "JPN", "NATO"} {
		s.awaitUp(t, name)
	}
	planted := filepath.Join(dir, "planted")
	for _, form := range spellings(word) {
		if err := os.WriteFile(planted, append(make([]byte, 1<<20), form...), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, _ := search(t, word, dir); len(found) != 2 { // and the bundle
			t.Errorf("planted as %q it is found in %v", form, found)
		}
	}
}

// look fails if the word is anywhere.
func look(t *testing.T, s *scene, word string) {
	t.Helper()
	found, files := search(t, word, s.dir, s.dir+".tmp")
	for _, name := range found {
		t.Errorf("the word is in %s", name)
	}
	for _, part := range []string{"relay/relay.db", "logs/JPN.log", "JPN/line.db", "NATO/line.db", "canary.backup"} {
		if !files[filepath.Join(s.dir, part)] {
			t.Errorf("%s was not searched", part)
		}
	}
	for _, form := range spellings(word) {
		if bytes.Contains(bytes.ToLower(s.printed()), bytes.ToLower(form)) {
			t.Errorf("the demo printed the word as %q", form)
		}
	}
}

// lookForNames fails if an id of the bundle is anywhere, or if a file of the
// relay or of another desk shows who is on a line.
func lookForNames(t *testing.T, s *scene) {
	t.Helper()
	for _, id := range []string{"indicator--00000001-0000-4000-8000-000000000000", "bundle--00000000-0000-4000-8000-000000000001"} {
		found, _ := search(t, id, s.dir, s.dir+".tmp")
		for _, name := range found {
			t.Errorf("%s is in %s", id, name)
		}
	}
	// Three letters stand anywhere by chance: what is looked for is the name of
	// a party's first desk, and who else than that desk wrote it.
	names := map[string]string{s.line(2): "", s.line(3): ""}
	for _, d := range s.facts.Desks {
		names[d.Party+"-1"] = d.Party
	}
	if len(names) < 5 {
		t.Errorf("only %q to look for", names)
	}
	for word, party := range names {
		found, _ := search(t, word, s.dir)
		for _, name := range found {
			rel, _ := filepath.Rel(s.dir, name)
			own := []string{party + "/keys/slots.json", "logs/" + party + ".log", "roots/" + party + ".root.list"}
			if !slices.Contains(own, filepath.ToSlash(rel)) {
				t.Errorf("%s is in %s", word, name)
			}
		}
	}
}

// search returns the files under dirs that hold the word in any spelling, or
// in their name, and all that it read.
func search(t *testing.T, word string, dirs ...string) (found []string, files map[string]bool) {
	t.Helper()
	files = map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.Type().IsRegular() {
				b, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				files[name] = true
				if holds(b, word) || holds([]byte(e.Name()), word) {
					found = append(found, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("search %s: %v", dir, err)
		}
	}
	return found, files
}

func holds(b []byte, word string) bool {
	b = bytes.ToLower(b)
	for _, form := range spellings(word) {
		if bytes.Contains(b, bytes.ToLower(form)) {
			return true
		}
	}
	return false
}

// spellings are the ways in which a word might be written down: as it is, in
// hexadecimal, in base64 at each of three offsets, and in UTF-16.
func spellings(word string) [][]byte {
	all := [][]byte{[]byte(word), []byte(hex.EncodeToString([]byte(word)))}
	for i := range 3 {
		// The first and last characters depend on the neighbours.
		enc := strings.TrimRight(base64.StdEncoding.EncodeToString(append(make([]byte, i), word...)), "=")
		if len(enc) >= 24 { // of a short word too little is left
			all = append(all, []byte(enc[4:24]))
		}
	}
	var wide []byte
	for _, u := range utf16.Encode([]rune(word)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	return append(all, wide)
}

// TestSpellings holds that the search would see what it looks for.
func TestSpellings(t *testing.T) {
	word := "canary" + rand.Text()
	for i := range 4 {
		text := fmt.Sprintf("%s%s and more", strings.Repeat("x", i), word)
		if enc := base64.StdEncoding.EncodeToString([]byte(text)); !holds([]byte(enc), word) {
			t.Errorf("not found in %s", enc)
		}
	}
}
