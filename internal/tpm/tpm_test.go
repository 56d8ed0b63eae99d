package tpm_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/fault"
	"hotline/internal/tpm"
)

// start runs a software TPM with its state in dir, and returns its socket.
func start(t *testing.T, dir string) (addr string, stop func()) {
	t.Helper()
	bin, err := exec.LookPath("swtpm")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must have swtpm: see .ci/run")
		}
		t.Skip("swtpm is not installed")
	}
	sockets, err := os.MkdirTemp("", "tpm") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(sockets) })
	addr = filepath.Join(sockets, "s")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, bin, "socket", "--tpm2", "--tpmstate", "dir="+dir,
		"--server", "type=unixio,path="+addr, "--ctrl", "type=unixio,path="+addr+".ctrl", "--flags", "not-need-init,startup-clear")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { cancel(); _ = cmd.Wait() }
	t.Cleanup(stop)
	for range 500 {
		if listens(ctx, addr+".ctrl") && listens(ctx, addr) {
			return addr, stop
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("swtpm does not listen: %s", said.String())
	return "", nil
}

// listens reports whether somebody does: swtpm binds its two sockets before it
// listens, one after the other.
func listens(ctx context.Context, addr string) bool {
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", addr)
	if err != nil {
		return false
	}
	_ = c.Close() // nothing was said
	return true
}

func open(t *testing.T, addr string) *tpm.TPM {
	t.Helper()
	x, err := tpm.Open(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = x.Close() })
	return x
}

func TestSealedSecretOpensInThisTPMAlone(t *testing.T) {
	dir := t.TempDir()
	addr, stop := start(t, dir)
	other, _ := start(t, t.TempDir())
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	pin := []byte("1234 EXERCISE")
	tests := map[string]struct {
		pin  []byte
		pcrs []int
	}{
		"the TPM alone":  {},
		"with a PIN":     {pin: pin},
		"with registers": {pcrs: []int{0, 7}},
		"with both":      {pin: pin, pcrs: []int{0, 7}},
	}
	type object struct{ public, private []byte }
	made := map[string]object{}
	for name, tt := range tests {
		x := open(t, addr)
		public, private, err := x.Seal(secret, tt.pin, tt.pcrs)
		if err != nil {
			t.Fatalf("%s: Seal() = %v", name, err)
		}
		if bytes.Contains(private, secret) || bytes.Contains(public, secret) {
			t.Errorf("%s: the sealed object holds the secret", name)
		}
		made[name] = object{public, private}
	}
	stop()
	addr, _ = start(t, dir) // the machine was off
	for name, tt := range tests {
		o := made[name]
		if got, err := open(t, addr).Unseal(o.public, o.private, tt.pin, tt.pcrs); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: Unseal() = %d bytes, %v", name, len(got), err)
		}
		_, err := open(t, other).Unseal(o.public, o.private, tt.pin, tt.pcrs)
		if _, msg, _ := fault.Visible(err); !fault.Is(err, fault.Denied) || !strings.Contains(msg, "not the one that sealed") {
			t.Errorf("%s: another TPM: %v", name, err)
		}
		if tt.pin != nil {
			// Once a case: the third wrong PIN locks the TPM.
			_, err := open(t, addr).Unseal(o.public, o.private, []byte("1235 EXERCISE"), tt.pcrs)
			if _, msg, _ := fault.Visible(err); msg != "The PIN is wrong." {
				t.Errorf("%s: another PIN: %v", name, err)
			}
		}
		if tt.pcrs != nil && tt.pin == nil {
			if _, err := open(t, addr).Unseal(o.public, o.private, nil, nil); err == nil {
				t.Errorf("%s: it opens without its policy", name)
			}
		}
		changed := bytes.Clone(o.private)
		changed[len(changed)-1] ^= 1
		if _, err := open(t, addr).Unseal(o.public, changed, tt.pin, tt.pcrs); err == nil {
			t.Errorf("%s: a changed object opens", name)
		}
	}
	if err := open(t, addr).Extend(7, []byte("EXERCISE: other firmware")); err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		_, err := open(t, addr).Unseal(made[name].public, made[name].private, tt.pin, tt.pcrs)
		_, msg, _ := fault.Visible(err)
		if (err != nil) != (tt.pcrs != nil) || err != nil && !strings.Contains(msg, "other firmware") {
			t.Errorf("%s: after a register changed: %v", name, err)
		}
	}
}

func TestCounterOnlyRises(t *testing.T) {
	dir := t.TempDir()
	addr, stop := start(t, dir)
	x := open(t, addr)
	index, err := x.NewCounter()
	if err != nil {
		t.Fatal(err)
	}
	first, err := x.Read(index)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	addr, _ = start(t, dir)
	c := tpm.Counter{Addr: addr, Index: index}
	for n := range uint64(3) {
		if v, err := c.Read(); err != nil || v != first+n {
			t.Errorf("Read() = %d, %v, want %d", v, err, first+n)
		}
		if err := c.Increment(); err != nil {
			t.Fatal(err)
		}
	}
	x = open(t, addr)
	if err := x.DropCounter(index); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Read(index); !fault.Is(err, fault.Denied) {
		t.Errorf("a dropped counter reads: %v", err)
	}
	again, err := x.NewCounter()
	if err != nil {
		t.Fatal(err)
	}
	if v, err := x.Read(again); err != nil || v <= first+3 {
		t.Errorf("a new counter begins at %d, %v: the dropped one was at %d", v, err, first+3)
	}
}

// TestTPMInFIPSMode runs the tests above in a process that may use nothing but
// the FIPS 140 module.
func TestTPMInFIPSMode(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSealed|^TestCounter")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestNoTPMIsSaidClearly(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]string{filepath.Join(dir, "none"): "There is no TPM at", file: "cannot be opened"} {
		_, err := tpm.Open(addr)
		if _, msg, hint := fault.Visible(err); !fault.Is(err, fault.Config) || !strings.Contains(msg, want) || hint == "" {
			t.Errorf("Open(%s) = %v", addr, err)
		}
	}
	if _, err := tpm.Open(""); err != nil && !strings.Contains(errors.Unwrap(err).Error(), tpm.Device) {
		t.Errorf("Open(\"\") = %v, want %s", err, tpm.Device)
	}
}
