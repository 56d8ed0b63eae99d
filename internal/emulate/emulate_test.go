package emulate_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"hotline/internal/emulate"
)

// echo answers every byte on every connection.
func echo(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); io.Copy(c, c) }()
		}
	}()
	return ln.Addr().String()
}

func dial(t *testing.T, l emulate.Link) (*emulate.Proxy, net.Conn) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	p, err := emulate.Start(ctx, echo(t), l)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return p, c
}

// exchange sends n bytes and waits until they are back.
func exchange(t *testing.T, c net.Conn, n int) time.Duration {
	t.Helper()
	began := time.Now()
	go c.Write(make([]byte, n))
	if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Error(err)
	}
	return time.Since(began)
}

// The model cannot be faster than its figures; how much slower a loaded
// machine makes it is not for a test to say.

func TestDelay(t *testing.T) {
	_, c := dial(t, emulate.Link{Delay: 40 * time.Millisecond})
	if first := exchange(t, c, 1); first < 160*time.Millisecond {
		t.Errorf("first byte took %v, want two round trips of 80 ms", first)
	}
	second := exchange(t, c, 1)
	if second < 80*time.Millisecond {
		t.Errorf("second byte took %v, want a round trip of 80 ms", second)
	}
}

func TestRateIsSharedByConnections(t *testing.T) {
	p, c := dial(t, emulate.Link{RateUp: 400_000})
	d, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	began := time.Now()
	var both sync.WaitGroup
	for _, c := range []net.Conn{c, d} {
		both.Add(1)
		go func() { defer both.Done(); exchange(t, c, 10_000) }()
	}
	both.Wait()
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("20 kB at 400 kbit/s took %v, want at least 400 ms", took)
	}
	if up, _ := p.Bytes(); up < 20_000 {
		t.Errorf("%d bytes on the wire, want 20,000 and headers", up)
	}
}

func TestLossCostsTime(t *testing.T) {
	_, c := dial(t, emulate.Link{Delay: 20 * time.Millisecond, Loss: 1})
	exchange(t, c, 1)
	if took := exchange(t, c, 1); took < 120*time.Millisecond {
		t.Errorf("a byte lost both ways took %v, want three round trips of 40 ms", took)
	}
}

func TestOutageStopsAndEnds(t *testing.T) {
	p, c := dial(t, emulate.Link{})
	exchange(t, c, 1)
	p.SetDown(true)
	back := make(chan time.Duration, 1)
	go func() { back <- exchange(t, c, 1) }()
	select {
	case took := <-back:
		t.Errorf("a byte came through an outage after %v", took)
	case <-time.After(100 * time.Millisecond):
	}
	p.SetDown(false)
	<-back
}

func TestOutageBySchedule(t *testing.T) {
	_, c := dial(t, emulate.Link{Outages: []emulate.Outage{{Start: 0, For: 150 * time.Millisecond}}})
	if took := exchange(t, c, 1); took < 100*time.Millisecond {
		t.Errorf("a byte came through an outage after %v", took)
	}
}

func TestCutBreaksConnections(t *testing.T) {
	p, c := dial(t, emulate.Link{})
	exchange(t, c, 1)
	p.Cut()
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read after a cut succeeded")
	}
}
