package relay_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/emulate"
	"hotline/internal/link"
)

// dialed remembers the connections of a desk.
type dialed struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (d *dialed) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err == nil {
		d.mu.Lock()
		d.conns = append(d.conns, c)
		d.mu.Unlock()
	}
	return c, err
}

// breakBulk closes every connection but the first, which is the urgent one.
func (d *dialed) breakBulk() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.conns[min(1, len(d.conns)):] {
		c.Close()
	}
	d.conns = d.conns[:min(1, len(d.conns))]
}

// TestBulkConnectionsMayBreak: bulk moves both ways while the bulk connection
// breaks over and over, so that both ends ask for a new one at the same time.
// The session stands all the while, and all arrives: two that are opened at
// once once told the relay of the same half of an envelope, whose rest then
// followed on nothing ("protocol error").
func TestBulkConnectionsMayBreak(t *testing.T) {
	r := newRelay(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	p, err := emulate.Start(ctx, r.addr, emulate.Link{RateUp: 4_000_000, RateDown: 4_000_000, Delay: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	a := enrolled(t, r)
	b := enrolledVia(t, r, p.Addr())
	var wires dialed
	b.Client = link.NewClient(link.ClientConfig{Addr: p.Addr(), Pin: mustInvite(t, r).Pin, Key: b.key, Dial: wires.dial}, b)
	runDesk(t, b)
	b.wait(t, "up", func() bool { return len(b.ups) > 0 })
	allow(t, b, a)
	allow(t, a, b)
	const n, size = 40, 40 << 10
	for ref := range uint64(n) {
		lane := []uint8{0, 1, 4}[ref%3]
		put(t, a, ref, env(lane, size), b)
		put(t, b, ref, env(lane, size), a)
	}
	stop := make(chan struct{})
	broken := make(chan struct{})
	go func() {
		defer close(broken)
		for pause := 30 * time.Millisecond; ; pause = (pause*7 + 13*time.Millisecond) % (310 * time.Millisecond) {
			select {
			case <-stop:
				return
			case <-time.After(pause + 20*time.Millisecond):
				wires.breakBulk()
			}
		}
	}()
	time.AfterFunc(4*time.Second, func() { close(stop) })
	<-broken
	b.wait(t, "all accepted", func() bool { return len(b.accepted) == n })
	b.wait(t, "all delivered", func() bool { return distinct(b) == n })
	a.wait(t, "all delivered the other way", func() bool { return distinct(a) == n })
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, err := range b.downs {
		if strings.Contains(err.Error(), "protocol") {
			t.Errorf("the session ended: %v", err)
		}
	}
	if len(b.downs) != 0 {
		t.Errorf("the session ended %d times for the sake of its bulk connection: %v", len(b.downs), b.downs)
	}
}

// distinct counts the envelopes that came, each once.
func distinct(d *testDesk) int {
	seen := map[string]bool{}
	for _, x := range d.got {
		seen[string(x.Envelope)] = true
	}
	return len(seen)
}
