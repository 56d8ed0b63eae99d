package main

import (
	"errors"
	"fmt"
	"strings"

	"hotline/internal/fault"
)

// The exit codes. They are stable: scripts branch on them (docs/cli.md).
const (
	exitDone        = 0
	exitFailed      = 1 // nothing half-done
	exitUsage       = 2
	exitConfig      = 3 // configuration, data folder in use, newer database
	exitRefused     = 4 // by label, policy or charter
	exitDenied      = 5 // not signed in, or the role does not allow it
	exitQueued      = 6 // no relay reachable: the message is safe in the outbox
	exitTimeout     = 7 // deadline of --wait, or of the message
	exitUnverified  = 8 // a proof, signature, digest or certificate is wrong
	exitInterrupted = 130
)

// usageError is a mistake in the command line, with what mends it.
type usageError struct {
	msg  string
	hint string
}

// Error returns what is wrong.
func (e usageError) Error() string { return e.msg }

// asUsage turns an error of the flag or argument parser into a usage error.
func asUsage(err error) error {
	if _, ok := errors.AsType[usageError](err); ok {
		return err
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	msg, _, _ := strings.Cut(err.Error(), "\n")
	return usageError{inert(msg), "hotline help, or --help after a command, lists what it takes"}
}

// queuedError says that a message is safe but has not left.
type queuedError struct{ id string }

// Error returns the sentence for the person who sent it.
func (e queuedError) Error() string {
	return "No relay is reachable. The message is safe in the outbox and goes as soon as one is."
}

// exitOf returns the exit code of an error.
func exitOf(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[queuedError](err); ok {
		return exitQueued
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return exitFailed
	}
	switch f.Kind {
	case fault.Invalid:
		return exitUsage
	case fault.Config:
		return exitConfig
	case fault.Refused:
		return exitRefused
	case fault.Denied:
		return exitDenied
	case fault.Timeout:
		return exitTimeout
	case fault.Unverified:
		return exitUnverified
	}
	return exitFailed
}

// report writes an error as a sentence and a hint, and returns its exit code.
func (a *app) report(err error) int {
	code := exitOf(err)
	if err == nil {
		return code
	}
	msg, hint := words(err)
	fmt.Fprintf(a.err, "hotline: %s\n", inert(msg))
	if hint != "" {
		fmt.Fprintf(a.err, "hint: %s\n", inert(hint))
	}
	if a.verbose {
		fmt.Fprintf(a.err, "cause: %s\n", inert(err.Error()))
	}
	return code
}

// words returns what a person reads of an error. On the command line the
// reader and the operator are one person, so an error without a sentence is
// shown as it is.
func words(err error) (msg, hint string) {
	if u, ok := errors.AsType[usageError](err); ok {
		return u.msg, u.hint
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Msg, f.Hint
	}
	return err.Error(), ""
}
