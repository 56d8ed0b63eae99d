package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotline/internal/api"
)

// TestNoCoreNoDump starts the real command as a user without rights and looks
// at it from outside: it may write no core, and the system does not let that
// user into its memory.
func TestNoCoreNoDump(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	dir, err := os.MkdirTemp("", "core") // a path that another user reaches
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program := filepath.Join(dir, "hotline")
	copyProgram(t, program)
	cmd := exec.CommandContext(t.Context(), program, "config", "check", "relay", "--dir", dir)
	cmd.Dir = dir
	const user = 65534
	if os.Getuid() == 0 {
		if err := os.Chmod(dir, 0o777); err != nil { //nolint:gosec // another user works here
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	// A named pipe in the place of the file holds the process where it reads.
	pipe := filepath.Join(dir, "relay.toml")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(pipe, 0o666); err != nil { //nolint:gosec // another user reads it
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns when the process reads
	if err != nil {
		t.Fatal(err)
	}
	proc := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	limits, err := os.ReadFile(proc + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if core := field(string(limits), "Max core file size"); len(core) < 2 || core[0] != "0" || core[1] != "0" {
		t.Errorf("its core limit is %v", core)
	}
	// What cannot be dumped belongs to root: proc(5), "/proc/pid".
	if fi, err := os.Stat(proc + "mem"); err != nil || fi.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("its memory belongs to its user: %v", err)
	}
	if _, err := io.WriteString(w, ""); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, said.String())
	}
}

// copyProgram copies the test binary, which goes by the name hotline.
func copyProgram(t *testing.T, to string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(self)
	if err == nil {
		err = os.WriteFile(to, b, 0o755) //nolint:gosec // it is run by another user
	}
	if err != nil {
		t.Fatal(err)
	}
}

// field returns the words after name on its line.
func field(text, name string) []string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.Fields(rest)
		}
	}
	return nil
}

// TestExpiryWarnsInTime: a certificate's end is amber for its last 30 days.
func TestExpiryWarnsInTime(t *testing.T) {
	now := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	for days, want := range map[int]string{400: "", 31: "", 29: "ends in 29 days", 1: "ends in 1 days", -1: "it has ended"} {
		d := api.Desk{Now: api.Time{Time: now}, ExpiresAt: api.Time{Time: now.Add(time.Duration(days) * 24 * time.Hour)}}
		if got := expiryWords(d); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%d days before its end: %q, want %q", days, got, want)
		}
	}
}
