package hostile

import (
	"context"
	"errors"
	"net"
	"sync"
)

// network carries connections inside one process: addresses are names, and a
// connection is a pipe, so that it works in a bubble of virtual time.
type network struct {
	mu sync.Mutex
	// mu guards the following.
	accept map[string]func(net.Conn)
	down   map[string]bool
}

func newNetwork() *network {
	return &network{accept: map[string]func(net.Conn){}, down: map[string]bool{}}
}

var errNobody = errors.New("nobody answers at that address")

// dial connects to whoever listens at addr.
func (n *network) dial(_ context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	accept, down := n.accept[addr], n.down[addr]
	n.mu.Unlock()
	if accept == nil || down {
		return nil, errNobody
	}
	ours, theirs := net.Pipe()
	go accept(theirs)
	return ours, nil
}

// listen has accept called for each connection to addr.
func (n *network) listen(addr string, accept func(net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.accept[addr] = accept
}
