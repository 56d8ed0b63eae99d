package keyring_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/shares"
)

// paperTPM seals in memory. Its state is the machine that it is on.
type paperTPM struct {
	state byte
	held  map[string][]byte // by the private part
	calls *[]string
}

func (p paperTPM) Seal(secret, pin []byte, pcrs []int) (public, private []byte, err error) {
	private = make([]byte, 16)
	_, _ = rand.Read(private)
	p.held[string(private)] = append([]byte(fmt.Sprintf("%s%v%d|", pin, pcrs, p.state)), secret...)
	return []byte("public"), private, nil
}

func (p paperTPM) Unseal(_, private, pin []byte, pcrs []int) ([]byte, error) {
	if p.calls != nil {
		*p.calls = append(*p.calls, "tpm")
	}
	head := []byte(fmt.Sprintf("%s%v%d|", pin, pcrs, p.state))
	if secret, ok := bytes.CutPrefix(p.held[string(private)], head); ok {
		return bytes.Clone(secret), nil
	}
	return nil, fault.New(fault.Denied, "EXERCISE: the TPM refuses.")
}

func opened(t *testing.T, dir string) keyring.Opened {
	t.Helper()
	o, err := keyring.Open(dir, word)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// everyKind makes a desk with a slot of each kind: passphrase 1, tpm 2, tpm
// with PIN 3, credential 4, recovery 5.
func everyKind(t *testing.T) (dir string, key, credential []byte, tpm paperTPM, all []shares.Share) {
	t.Helper()
	dir, key = create(t)
	o := opened(t, dir)
	tpm = paperTPM{held: map[string][]byte{}}
	_, err1 := keyring.AddTPM(dir, o, tpm, nil, []int{7, 0, 7})
	_, err2 := keyring.AddTPM(dir, o, tpm, []byte("1234"), nil)
	_, err3 := keyring.AddCredential(dir, o, "hotline-jpn-1", func(secret []byte) error { credential = bytes.Clone(secret); return nil })
	_, err4 := keyring.AddRecovery(dir, o, 2, 3, func(s []shares.Share) error { all = s; return nil })
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	return dir, key, credential, tpm, all
}

func TestEachKindOpensAlone(t *testing.T) {
	dir, key, credential, tpm, all := everyKind(t)
	chip := func() (keyring.Sealer, error) { return tpm, nil }
	for name, tt := range map[string]struct {
		ways keyring.Ways
		want int
	}{
		"credential":    {keyring.Ways{Credential: func(string) ([]byte, error) { return bytes.Clone(credential), nil }}, 4},
		"TPM":           {keyring.Ways{TPM: chip}, 2},
		"TPM and PIN":   {keyring.Ways{TPM: chip, PIN: func() ([]byte, error) { return []byte("1234"), nil }, Skip: 2}, 3},
		"stored":        {keyring.Ways{Stored: func() ([]byte, error) { return bytes.Clone(word), nil }}, 1},
		"asked for":     {keyring.Ways{Passphrase: func() ([]byte, error) { return bytes.Clone(word), nil }}, 1},
		"all in a row":  {keyring.Ways{TPM: chip, Passphrase: func() ([]byte, error) { t.Error("a person was asked in vain"); return nil, nil }}, 2},
		"after failing": {keyring.Ways{TPM: func() (keyring.Sealer, error) { return nil, errors.New("EXERCISE") }, Passphrase: func() ([]byte, error) { return bytes.Clone(word), nil }}, 1},
	} {
		o, err := keyring.Unlock(dir, tt.ways)
		if err != nil || !bytes.Equal(o.Key, key) || o.Slot != tt.want || o.Duress() {
			t.Errorf("%s: Unlock() = slot %d, %v", name, o.Slot, err)
		}
	}
	for _, some := range [][]shares.Share{all[:2], all[1:], {all[2], all[0]}} {
		if o, err := keyring.Recover(dir, some); err != nil || !bytes.Equal(o.Key, key) {
			t.Errorf("Recover() = %v", err)
		}
	}
	if _, err := keyring.Recover(dir, all[:1]); !fault.Is(err, fault.Invalid) {
		t.Errorf("one share: %v", err)
	}
	_, slots, err := keyring.Slots(dir)
	if err != nil || len(slots) != 5 || slots[1].Detail != "this machine's TPM, PCR 0,7" || slots[4].Detail != "any 2 of 3 shares" {
		t.Errorf("Slots() = %+v, %v", slots, err)
	}
}

// TestEveryFailureIsNamed: which slot did not open, and why.
func TestEveryFailureIsNamed(t *testing.T) {
	dir, _, credential, tpm, all := everyKind(t)
	moved := tpm
	moved.state = 1
	credential[0] ^= 1
	_, err := keyring.Unlock(dir, keyring.Ways{
		Credential: func(string) ([]byte, error) { return bytes.Clone(credential), nil },
		TPM:        func() (keyring.Sealer, error) { return moved, nil },
		PIN:        func() ([]byte, error) { return nil, nil },
		Passphrase: func() ([]byte, error) { return bytes.Clone(other), nil },
	})
	_, msg, hint := fault.Visible(err)
	for _, want := range []string{
		"slot 4 (credential): it does not fit this slot", "slot 2 (tpm): EXERCISE: the TPM refuses",
		"slot 3 (tpm): no PIN was given", "slot 1 (passphrase): The passphrase is wrong",
	} {
		if !strings.Contains(msg, want) {
			t.Errorf("%q is not in %q", want, msg)
		}
	}
	if !strings.Contains(hint, "recover") || !errors.Is(err, keyring.ErrPassphrase) || !fault.Is(err, fault.Denied) {
		t.Errorf("hint %q, error %v", hint, err)
	}
	if _, err := keyring.Unlock(dir, keyring.Ways{}); !fault.Is(err, fault.Config) {
		t.Errorf("with nothing: %v", err)
	}
	other, _ := shares.Split(shares.Slot, [16]byte{}, make([]byte, 32), 2, 3)
	if _, err := keyring.Recover(dir, other[:2]); !fault.Is(err, fault.Unverified) {
		t.Errorf("another desk's shares: %v", err)
	}
	for range 4 {
		if err := keyring.Remove(dir, 99); !fault.Is(err, fault.NotFound) {
			t.Errorf("Remove(99) = %v", err)
		}
	}
	for id := 2; id <= 5; id++ {
		if err := keyring.Remove(dir, id); err != nil {
			t.Error(err)
		}
	}
	if err := keyring.Remove(dir, 1); !fault.Is(err, fault.Refused) {
		t.Errorf("the last slot: Remove() = %v", err)
	}
	if _, err := keyring.Recover(dir, all); err == nil {
		t.Error("a removed slot opens")
	}
}

// TestDuressWord: it opens the same desk, says so to the program alone, and
// nothing in the file tells it from its absence.
func TestDuressWord(t *testing.T) {
	dir, key := create(t)
	before, err := os.ReadFile(slots(dir))
	if err != nil {
		t.Fatal(err)
	}
	duress := []byte("EXERCISE duress")
	if err := keyring.SetDuress(dir, other, duress); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("with a wrong passphrase: %v", err)
	}
	for name, bad := range map[string][]byte{"the passphrase itself": word, "too short": []byte("help")} {
		if err := keyring.SetDuress(dir, word, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := keyring.SetDuress(dir, word, duress); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(slots(dir))
	if err != nil || len(after) != len(before) || bytes.Count(after, []byte("\n")) != bytes.Count(before, []byte("\n")) {
		t.Errorf("the file has another shape: %d bytes, %d before", len(after), len(before))
	}
	for w, want := range map[string]bool{string(word): false, string(duress): true} {
		o, err := keyring.Open(dir, []byte(w))
		if err != nil || !bytes.Equal(o.Key, key) || o.Duress() != want || o.Slot != 1 {
			t.Errorf("%q: Open() = slot %d, duress %v, %v", w, o.Slot, o.Duress(), err)
		}
	}
	// Who was given the duress word cannot use it to find or change words.
	_, err = keyring.Open(dir, other)
	_, wrong, _ := fault.Visible(err)
	for name, err := range map[string]error{
		"set": keyring.SetDuress(dir, duress, []byte("EXERCISE another")), "clear": keyring.ClearDuress(dir, duress),
	} {
		if _, msg, _ := fault.Visible(err); msg != wrong {
			t.Errorf("%s with the duress word says %q", name, msg)
		}
	}
	// It stays when the passphrase changes, and goes when it is taken away.
	if err := keyring.Change(dir, word, other); err != nil {
		t.Fatal(err)
	}
	if o, err := keyring.Open(dir, duress); err != nil || !o.Duress() {
		t.Errorf("after a change of the passphrase: %v", err)
	}
	if _, err := keyring.AddPassphrase(dir, keyring.Opened{Key: key}, duress, cheap); !fault.Is(err, fault.Invalid) {
		t.Errorf("the duress word as a passphrase: %v", err)
	}
	if err := keyring.ClearDuress(dir, other); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(dir, duress); !errors.Is(err, keyring.ErrPassphrase) {
		t.Errorf("after it was cleared: %v", err)
	}
}

// TestBothWordsCostTheSame counts the work, which is what the time is made of:
// one derivation a slot and both places, whichever word it is.
func TestBothWordsCostTheSame(t *testing.T) {
	for range 8 { // the places are drawn
		dir, _ := create(t)
		duress := []byte("EXERCISE duress")
		if err := keyring.SetDuress(dir, word, duress); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.AddPassphrase(dir, opened(t, dir), other, cheap); err != nil {
			t.Fatal(err)
		}
		for _, w := range [][]byte{word, duress, other, []byte("EXERCISE unknown")} {
			derived, tried := keyring.Work(func() { _, _ = keyring.Open(dir, w) })
			if derived != 2 || tried != 4 {
				t.Errorf("%q: %d derivations, %d places tried, want 2 and 4", w, derived, tried)
			}
		}
	}
}

// TestSecretsHaveNoTextForm prints what is opened in every way.
func TestSecretsHaveNoTextForm(t *testing.T) {
	dir, key := create(t)
	o := opened(t, dir)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "opened", o)
	for _, text := range []string{fmt.Sprintf("%v|%+v|%#v|%s|%q|%x", o, o, o, o, o, o), fmt.Sprint([]keyring.Opened{o}), log.String()} {
		for _, form := range []string{string(key), fmt.Sprintf("%x", key[:8]), strings.Trim(fmt.Sprint(key[:4]), "[]")} {
			if strings.Contains(text, form) {
				t.Errorf("the key is in %q", text)
			}
		}
	}
}

// TestPBKDF2Slot: what FIPS 140 mode asks for opens, with its rounds in the file.
func TestPBKDF2Slot(t *testing.T) {
	dir := t.TempDir()
	c := keyring.PBKDF2Cost()
	if c.Time < 600_000 {
		t.Errorf("%d rounds by default", c.Time)
	}
	c.Time = 7
	key, err := keyring.Create(dir, "JPN-1", word, c)
	if err != nil {
		t.Fatal(err)
	}
	if o, err := keyring.Open(dir, word); err != nil || !bytes.Equal(o.Key, key) {
		t.Errorf("Open() = %v", err)
	}
	b, err := os.ReadFile(slots(dir))
	if err != nil || !bytes.Contains(b, []byte(`"kdf": "pbkdf2-hmac-sha-512"`)) || bytes.Contains(b, []byte("memory")) {
		t.Errorf("slots.json is %s", b)
	}
	for _, bad := range []string{`"time": 0`, `"time": 4000000000`} {
		if err := os.WriteFile(slots(dir), bytes.Replace(b, []byte(`"time": 7`), []byte(bad), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyring.Open(dir, word); !errors.Is(err, keyring.ErrFormat) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestAnyChangesLeaveADeskThatOpens walks through random changes of the slots.
// The desk always opens with what should open it, with nothing else, and keeps
// one slot.
func TestAnyChangesLeaveADeskThatOpens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "d")
		if err != nil {
			rt.Fatal(err)
		}
		key, err := keyring.Create(dir, "JPN-1", []byte("EXERCISE word 0"), keyring.Cost{KDF: keyring.PBKDF2, Time: 1})
		if err != nil {
			rt.Fatal(err)
		}
		o := keyring.Opened{Key: key}
		words := map[int]string{1: "EXERCISE word 0"}
		split := map[int][]shares.Share{}
		for n := range rapid.IntRange(1, 20).Draw(rt, "steps") {
			ids := []int{}
			_, all, err := keyring.Slots(dir)
			for _, s := range all {
				ids = append(ids, s.ID)
			}
			if err != nil || len(all) != len(words)+len(split) {
				rt.Fatalf("%d slots, %v", len(all), err)
			}
			switch rapid.SampledFrom([]string{"word", "shares", "remove", "remove", "duress"}).Draw(rt, "act") {
			case "word":
				w := fmt.Sprintf("EXERCISE word %d", n+1)
				if id, err := keyring.AddPassphrase(dir, o, []byte(w), keyring.Cost{KDF: keyring.PBKDF2, Time: 1}); err == nil {
					words[id] = w
				} else if len(all) < 16 {
					rt.Fatal(err)
				}
			case "shares":
				var some []shares.Share
				if id, err := keyring.AddRecovery(dir, o, 2, 3, func(s []shares.Share) error { some = s; return nil }); err == nil {
					split[id] = some
				} else if len(all) < 16 {
					rt.Fatal(err)
				}
			case "remove":
				id := rapid.SampledFrom(ids).Draw(rt, "slot")
				if err := keyring.Remove(dir, id); (err == nil) != (len(all) > 1) {
					rt.Fatalf("Remove() = %v with %d slots", err, len(all))
				} else if err == nil {
					w := words[id]
					delete(words, id)
					delete(split, id)
					if _, err := keyring.Open(dir, []byte(w)); w != "" && err == nil {
						rt.Fatal("a removed word opens")
					}
				}
			case "duress":
				for _, w := range words {
					if err := keyring.SetDuress(dir, []byte(w), []byte("EXERCISE duress")); err != nil {
						rt.Fatal(err)
					}
					break
				}
			}
		}
		for id, w := range words {
			if o, err := keyring.Open(dir, []byte(w)); err != nil || o.Slot != id || !bytes.Equal(o.Key, key) {
				rt.Fatalf("word of slot %d: slot %d, %v", id, o.Slot, err)
			}
		}
		for id, s := range split {
			if o, err := keyring.Recover(dir, s[1:]); err != nil || o.Slot != id || !bytes.Equal(o.Key, key) {
				rt.Fatalf("shares of slot %d: %v", id, err)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "keys", ".*")); left != nil {
			rt.Fatalf("left behind: %v", left)
		}
	})
}
