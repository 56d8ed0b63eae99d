package keyring_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"hotline/internal/keyring"
	"hotline/internal/shares"
)

// acts are the changes that the child of TestSlotsSurviveKill makes.
var acts = map[string]func(dir string) error{
	"add": func(dir string) error {
		return with(dir, func(o keyring.Opened) error { _, err := keyring.AddPassphrase(dir, o, other, cheap); return err })
	},
	"recovery": func(dir string) error {
		return with(dir, func(o keyring.Opened) error {
			_, err := keyring.AddRecovery(dir, o, 2, 3, func([]shares.Share) error { return nil })
			return err
		})
	},
	"change":  func(dir string) error { return keyring.Change(dir, word, other) },
	"duress":  func(dir string) error { return keyring.SetDuress(dir, word, other) },
	"remove":  func(dir string) error { return keyring.Remove(dir, 2) },
	"destroy": keyring.Destroy,
}

func with(dir string, do func(keyring.Opened) error) error {
	o, err := keyring.Open(dir, word)
	return errors.Join(err, do(o))
}

// TestKillChild is the process that dies: at write number HOTLINE_KILL_AT.
func TestKillChild(t *testing.T) {
	act, at := os.Getenv("HOTLINE_KILL_ACT"), os.Getenv("HOTLINE_KILL_AT")
	if act == "" {
		t.Skip("only as a child of TestSlotsSurviveKill")
	}
	left, err := strconv.Atoi(at)
	if err != nil {
		t.Fatal(err)
	}
	keyring.SetStep(func(string) {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	if err := acts[act](os.Getenv("HOTLINE_KILL_DIR")); err != nil {
		t.Fatal(err)
	}
}

// TestSlotsSurviveKill kills a process at each write of each change. The
// passphrase opens afterwards, or its successor; the next change removes what
// was left beside the file. A desk that is being destroyed opens by nothing
// from the first write on.
func TestSlotsSurviveKill(t *testing.T) {
	for act := range acts {
		for at := 1; ; at++ {
			dir, key := create(t)
			o, err := keyring.Open(dir, word)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keyring.AddPassphrase(dir, o, []byte("EXERCISE slot 2"), cheap); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKillChild$")
			cmd.Env = append(os.Environ(), "HOTLINE_KILL_ACT="+act, "HOTLINE_KILL_AT="+strconv.Itoa(at), "HOTLINE_KILL_DIR="+dir)
			out, err := cmd.CombinedOutput()
			opens := openable(dir, key, act == "destroy")
			switch {
			case act == "destroy" && opens:
				t.Errorf("destroyed, and killed at write %d: it opens", at)
			case act != "destroy" && !opens:
				t.Errorf("%s killed at write %d: it does not open any more", act, at)
			}
			if err == nil {
				if at < 3 {
					t.Errorf("%s: only %d writes were seen", act, at-1)
				}
				break
			}
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("%s at %d: %v\n%s", act, at, err, out)
			}
			if act == "destroy" {
				if err := keyring.Destroy(dir); err != nil {
					t.Errorf("destroyed again: %v", err)
				}
			} else if err := keyring.SetCounter(dir, 7); err != nil {
				t.Errorf("%s killed at write %d: the next change fails: %v", act, at, err)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "keys", ".*")); left != nil {
				t.Errorf("%s killed at write %d: %v is left", act, at, left)
			}
		}
	}
}

// openable reports whether any word of this test opens the desk: by its slots,
// or by any file that is left.
func openable(dir string, key []byte, all bool) bool {
	names := []string{slots(dir)}
	if all {
		visible, _ := filepath.Glob(filepath.Join(dir, "keys", "*"))
		hidden, _ := filepath.Glob(filepath.Join(dir, "keys", ".*"))
		names = append(visible, hidden...)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		try, err := os.MkdirTemp(filepath.Dir(dir), "try")
		if err != nil {
			continue
		}
		if os.Mkdir(filepath.Join(try, "keys"), 0o700) != nil || os.WriteFile(slots(try), b, 0o600) != nil {
			continue
		}
		for _, w := range [][]byte{word, other, []byte("EXERCISE slot 2")} {
			if o, err := keyring.Open(try, w); err == nil && bytes.Equal(o.Key, key) {
				return true
			}
		}
	}
	return false
}
