//go:build !linux

package link

import "net"

// tune does nothing where the options are not known.
func tune(net.Conn) {}
