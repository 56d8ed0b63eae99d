package demo

import "syscall"

// attributes keep a child out of the terminal's reach, so that Ctrl-C comes to
// the demo alone, which then stops its children in order; and have the kernel
// end it should the demo itself be killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
