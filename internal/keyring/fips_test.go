package keyring_test

import (
	"bytes"
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/shares"
)

// TestFIPSMode makes and opens every kind of slot in a process that may use
// nothing but the FIPS 140 module, and refuses what is outside of it in words.
func TestFIPSMode(t *testing.T) {
	dir, _ := create(t) // by argon2id
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFIPSChild$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "HOTLINE_ARGON_DIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestFIPSChild")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestFIPSChild(t *testing.T) {
	if os.Getenv("HOTLINE_ARGON_DIR") == "" || !fips140.Enforced() {
		t.Skip("only as a child of TestFIPSMode")
	}
	dir := t.TempDir()
	key, err := keyring.Create(dir, "JPN-1", word, keyring.Cost{})
	if err != nil {
		t.Fatal(err)
	}
	_, all, err := keyring.Slots(dir)
	if err != nil || len(all) != 1 || !strings.HasPrefix(all[0].Detail, "pbkdf2-hmac-sha-512, 1000000") {
		t.Errorf("the slot is %v, %v", all, err)
	}
	o, err := keyring.Open(dir, word)
	if err != nil || !bytes.Equal(o.Key, key) {
		t.Fatalf("Open() = %v", err)
	}
	if _, err := keyring.AddRecovery(dir, o, 2, 3, func(s []shares.Share) error {
		_, err := shares.Join(s[:2])
		return err
	}); err != nil {
		t.Error(err)
	}
	if _, err := keyring.AddTPM(dir, o, paperTPM{held: map[string][]byte{}}, nil, nil); err != nil {
		t.Error(err)
	}
	name := dir + "/party.root"
	if err := keyring.SealFile(name, word, "party-root", key, keyring.Cost{}); err != nil {
		t.Error(err)
	}
	if got, err := keyring.OpenFile(name, word, "party-root"); err != nil || !bytes.Equal(got, key) {
		t.Errorf("OpenFile() = %v", err)
	}
	_, err = keyring.Open(os.Getenv("HOTLINE_ARGON_DIR"), word)
	if _, msg, hint := fault.Visible(err); !strings.Contains(msg, "argon2id, which FIPS 140 mode does not allow") || !strings.Contains(hint, "pbkdf2") {
		t.Errorf("an argon2id slot: %v", err)
	}
}
