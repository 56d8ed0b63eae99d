package main

import (
	"context"
	"crypto/fips140"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hotline/internal/keyring"
)

// TestMain puts the real command, and a desk made of paper, on the path of the
// scripts.
func TestMain(m *testing.M) {
	cheap := keyring.Cost{Time: 1, Memory: 1 << 10, Threads: 1}
	if fips140.Enabled() {
		cheap = keyring.Cost{KDF: keyring.PBKDF2, Time: 1000}
	}
	testscript.Main(m, map[string]func(){
		"hotline":  func() { os.Exit(realMain(cheap)) }, //nolint:forbidigo // this is main
		"fakedesk": fakeDesk,
	})
}

// sockets numbers the sockets of software TPMs.
var sockets atomic.Int32

// TestScripts runs testdata/script: each is a page of what a user types and sees.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_DATA_HOME", "")
			env.Setenv("GODEBUG", os.Getenv("GODEBUG")) // make fips sets it
			env.Setenv("HOTLINE_DIR", env.WorkDir+"/d")
			// A socket has a short path.
			env.Setenv("TPM_SOCKET", fmt.Sprintf("%s/hotline-tpm-%d-%d", os.TempDir(), os.Getpid(), sockets.Add(1)))
			// An address that is free now, for a relay that is told where to listen.
			ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			scripts, err := filepath.Abs("../../scripts")
			if err != nil {
				return err
			}
			env.Setenv("SCRIPTS", scripts)
			env.Setenv("RELAY_ADDR", ln.Addr().String())
			if err := ln.Close(); err != nil {
				return err
			}
			return os.Mkdir(env.WorkDir+"/d", 0o700)
		},
	})
}
