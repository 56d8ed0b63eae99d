//go:build !linux

package bench

import "syscall"

// attributes keep the scene out of the terminal's reach, so that Ctrl-C comes
// to the benchmark alone.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
