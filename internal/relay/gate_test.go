package relay

import (
	"net"
	"net/netip"
	"testing"
)

func addr(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

// TestGateBoundsStrangers: in all, and from one network, and the places come
// back.
func TestGateBoundsStrangers(t *testing.T) {
	g := newGate()
	var leave []func()
	enter := func(from string) bool {
		l, ok := g.enter(addr(from))
		if ok {
			leave = append(leave, l)
		}
		return ok
	}
	for i := range maxPerPrefix {
		if !enter("192.0.2.1:1000") {
			t.Fatalf("stranger %d is refused", i)
		}
	}
	if enter("192.0.2.200:1000") {
		t.Error("one more from the same /24 is let in")
	}
	if !enter("[2001:db8::1]:1000") {
		t.Error("another network is kept out")
	}
	for i := 0; g.all < maxStrangers; i++ {
		enter(netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i), 1}), 1).String())
	}
	if enter("203.0.113.1:1") {
		t.Errorf("stranger %d is let in", maxStrangers+1)
	}
	for _, l := range leave {
		l()
		l() // twice does no harm
	}
	if g.all != 0 || len(g.prefix) != 0 {
		t.Errorf("%d strangers and %d networks left", g.all, len(g.prefix))
	}
}
