// Command hotline runs a desk or a relay, and is the officer's way to a
// running desk from a shell.
//
// A command is a little wiring round a plain function that gets its streams
// and returns an error; only main exits. Noun then verb; data goes to stdout
// and words to stderr; every command that reads has --json. docs/cli.md is
// made from this tree of commands.
//
// This package is on floor 7.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"hotline/internal/keyring"
)

func main() { os.Exit(realMain(keyring.Cost{})) }

// realMain runs the command; scripts of tests make their passphrases cheap.
func realMain(cost keyring.Cost) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() { // a second signal ends the process at once
		<-ctx.Done()
		stop()
	}()
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, env: os.LookupEnv, cost: cost}
	if err := harden(); err != nil {
		return a.report(err)
	}
	return a.run(ctx, os.Args[1:])
}
