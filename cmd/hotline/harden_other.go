//go:build !linux

package main

import (
	"fmt"
	"syscall"
)

// harden keeps what this process holds in memory out of core dumps.
func harden() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return nil
}
