package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hotline/internal/fault"
)

// TestExitCodes names every code: scripts branch on them.
func TestExitCodes(t *testing.T) {
	tests := map[string]struct {
		err  error
		want int
	}{
		"done":                       {nil, 0},
		"an error without a kind":    {errors.New("x"), 1},
		"our mistake":                {fault.New(fault.Internal, "x"), 1},
		"not found":                  {fault.New(fault.NotFound, "x"), 1},
		"conflict":                   {fault.New(fault.Conflict, "x"), 1},
		"too large":                  {fault.New(fault.TooLarge, "x"), 1},
		"busy":                       {fault.New(fault.Busy, "x"), 1},
		"no desk":                    {fault.New(fault.Unavailable, "x"), 1},
		"usage":                      {usageError{"x", "y"}, 2},
		"invalid":                    {fault.New(fault.Invalid, "x"), 2},
		"configuration":              {fault.New(fault.Config, "x"), 3},
		"refused":                    {fault.New(fault.Refused, "x"), 4},
		"denied":                     {fault.New(fault.Denied, "x"), 5},
		"queued":                     {queuedError{"x"}, 6},
		"deadline":                   {fault.New(fault.Timeout, "x"), 7},
		"a wrong signature":          {fault.New(fault.Unverified, "x"), 8},
		"a fault below other layers": {fmt.Errorf("send: %w", fault.New(fault.Refused, "x")), 4},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := exitOf(tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
		})
	}
}

func TestInterruptedIs130(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, words bytes.Buffer
	dir := t.TempDir()
	a := &app{in: strings.NewReader(""), out: &out, err: &words, env: func(string) (string, bool) { return dir, true }}
	if code := a.run(ctx, []string{"watch"}); code != exitInterrupted || out.Len() != 0 {
		t.Errorf("exit code %d, output %q, want 130 and nothing", code, out.String())
	}
}

func TestReport(t *testing.T) {
	var words bytes.Buffer
	a := &app{err: &words}
	code := a.report(fmt.Errorf("send: %w", fault.Wrap(errors.New("secret cause"), fault.Refused, "REL names\x1b[2J nobody.").WithHint("add a party")))
	if got, want := words.String(), "hotline: REL names<U+001B>[2J nobody.\nhint: add a party\n"; code != 4 || got != want {
		t.Errorf("report is %d %q, want 4 %q", code, got, want)
	}
	words.Reset()
	a.verbose = true
	a.report(fault.Wrap(errors.New("the cause"), fault.Refused, "No."))
	if !strings.Contains(words.String(), "cause: No.: the cause") {
		t.Errorf("-v says %q", words.String())
	}
}
