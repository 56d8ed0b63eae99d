package relay_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/relay"
)

// TestUnauthenticatedPeerIsCheap: garbage, bombs, silence and slow bytes from
// many connections cost the relay a bounded amount of memory, and a desk gets
// through meanwhile and afterwards.
func TestUnauthenticatedPeerIsCheap(t *testing.T) {
	dir := t.TempDir()
	if _, err := relay.Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	c := startChild(t, dir, "127.0.0.1:0")
	r := &running{dir: dir, addr: c.addr}
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	put(t, a, 0, env(3, 1024), b)
	b.wait(t, "warm", func() bool { return len(b.got) == 1 })
	before := residentKB(t, c.cmd.Process.Pid)

	var wg sync.WaitGroup
	for i := range 400 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			attack(r.addr, i)
		}()
	}
	wg.Wait()
	after := residentKB(t, c.cmd.Process.Pid)
	t.Logf("resident: %d kB before, %d kB after", before, after)
	if after-before > 16<<10*memoryFactor {
		t.Errorf("strangers cost %d kB, want at most 16 MiB", after-before)
	}
	put(t, a, 1, env(3, 1024), b)
	b.wait(t, "delivery under attack", func() bool { return len(b.got) == 2 })
	fresh := enrolled(t, r)
	if len(fresh.ups) == 0 {
		t.Error("no new desk gets through")
	}
}

// attack does one of several hostile things.
func attack(addr string, i int) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(2 * time.Second))
	junk := make([]byte, 1<<16)
	rand.Read(junk)
	switch i % 5 {
	case 0: // garbage
		c.Write(junk)
	case 1: // a TLS record that promises the most, and then slowly
		c.Write([]byte{22, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff})
		for range 10 {
			<-time.After(50 * time.Millisecond)
			c.Write(junk[:1])
		}
	case 2: // silence
		c.Read(junk[:1])
	default: // TLS, then frames without end or of the largest size
		tc := tls.Client(c, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"hotline/1"}})
		if tc.Handshake() != nil {
			return
		}
		if i%5 == 3 {
			tc.Write([]byte{1, 0xff, 0xff})
		} else {
			tc.Write([]byte{1, 0, 140})
		}
		for range 32 {
			if _, err := tc.Write(junk); err != nil {
				return
			}
		}
		io.Copy(io.Discard, tc)
	}
}

// TestHelloMustBeOfThisConnection: a proof taken from another connection, or a
// key that the desk does not hold, is refused. The recording relay in the
// middle cannot be used: the proof binds the TLS session.
func TestHelloMustBeOfThisConnection(t *testing.T) {
	r := newRelay(t, nil)
	b := enrolledVia(t, r, r.addr)
	raw, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"hotline/1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	hello := make([]byte, 3+140)
	hello[0], hello[2] = 1, 140
	hello[3], hello[4] = 1, 1 // version, urgent
	copy(hello[3+28:], public(b.key))
	rand.Read(hello[3+76:]) // a proof that is none
	if _, err := raw.Write(hello); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := io.ReadFull(raw, answer); err != nil {
		t.Fatal(err)
	}
	if got := link.Reason(answer[4]); got != link.ReasonUnknownDesk {
		t.Errorf("answer to a forged HELLO: %v, want %v", got, link.ReasonUnknownDesk)
	}
}

// rawDesk says a valid HELLO, from the text of docs/spec/link.md and not from
// the code, and returns the connection behind the relay's answer.
func rawDesk(t *testing.T, addr string, pin ident.Relay, key ed25519.PrivateKey) *tls.Conn {
	t.Helper()
	tc, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13, NextProtos: []string{"hotline/1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tc.Close() })
	body := make([]byte, 76)
	body[0], body[1] = 1, 1
	copy(body[28:], public(key))
	cs := tc.ConnectionState()
	exp, err := cs.ExportKeyingMaterial("EXPORTER-hotline-link", nil, 32)
	if err != nil {
		t.Fatal(err)
	}
	label := "hotline/1/link-hello"
	signed := slices.Concat([]byte{byte(len(label))}, []byte(label), exp, pin[:], body)
	rec := slices.Concat([]byte{1, 0, 140}, body, ed25519.Sign(key, signed))
	if _, err := tc.Write(rec); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 3+60)
	if _, err := io.ReadFull(tc, answer); err != nil || answer[4] != 0 {
		t.Fatalf("answer %x, %v", answer[:5], err)
	}
	return tc
}

// TestNonsenseAfterHelloEndsTheLink of that desk only.
func TestNonsenseAfterHelloEndsTheLink(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	evil := enrolledVia(t, r, r.addr)
	for _, frames := range [][]byte{
		{2, 0xff, 0xff},                      // longer than a frame may be
		{2, 0, 1, 9},                         // ENV too short
		{3, 0, 6, 2, 0, 0, 0, 9, 9},          // CHUNK of nothing
		{0x0b, 0, 3, 0, 0, 1},                // DEST of one byte
		{0x30, 0, 0},                         // no such frame
		{5, 0, 9, 9, 0, 0, 0, 0, 0, 0, 0, 1}, // commit on lane 9
	} {
		tc := rawDesk(t, r.addr, mustInvite(t, r).Pin, evil.key)
		if _, err := tc.Write(frames); err != nil {
			t.Fatal(err)
		}
		tc.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, tc); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("frames %x: the link goes on", frames)
		}
	}
	put(t, a, 1, env(3, 512), b)
	b.wait(t, "others go on", func() bool { return len(b.got) == 1 })
}
