package bench

import "syscall"

// attributes have the kernel end the scene should the benchmark be killed, and
// keep it out of the terminal's reach, so that Ctrl-C comes to the benchmark
// alone.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
