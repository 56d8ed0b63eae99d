package link

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// notSent is how much the kernel may hold that it has not sent: what waits
	// there cannot be overtaken.
	notSent = 4096
	// userTimeout, in ms, is how long sent data may stay unacknowledged. Linux
	// otherwise retransmits for a quarter of an hour.
	userTimeout = 45_000
)

// tune sets a TCP connection's options. Each is an improvement where it is
// there and no loss where it is not, so errors are passed over.
func tune(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, notSent)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, userTimeout)
		_ = unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, "bbr")
	})
}
