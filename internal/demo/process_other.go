//go:build unix && !linux

package demo

import "syscall"

// attributes keep a child out of the terminal's reach, so that Ctrl-C comes to
// the demo alone, which then stops its children in order.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
