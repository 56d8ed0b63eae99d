package main

import (
	"fmt"
	"syscall"
)

// harden keeps what this process holds in memory out of files: no core dump,
// and no other process of this user may read its memory (prctl(2),
// PR_SET_DUMPABLE: "Processes that are not dumpable can not be attached via
// ptrace(2) PTRACE_ATTACH"). Whoever is root on the machine still can.
func harden() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0); errno != 0 {
		return fmt.Errorf("forbid dumps: %w", errno)
	}
	return nil
}
