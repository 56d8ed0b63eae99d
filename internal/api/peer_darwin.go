package api

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// peerUID asks the kernel who is at the other end (unix(4), LOCAL_PEERCRED).
func peerUID(c *net.UnixConn) (uint32, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("ask for peer: %w", err)
	}
	var cred *unix.Xucred
	var inner error
	if err := raw.Control(func(fd uintptr) {
		cred, inner = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	}); err != nil {
		return 0, fmt.Errorf("ask for peer: %w", err)
	}
	if inner != nil {
		return 0, fmt.Errorf("ask for peer: %w", inner)
	}
	return cred.Uid, nil
}

// refused reports whether a dial failed because nobody listens.
func refused(err error) bool { return errors.Is(err, unix.ECONNREFUSED) }
