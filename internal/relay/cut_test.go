package relay_test

import (
	"testing"
	"time"

	"hotline/internal/emulate"
)

// TestLargeEnvelopesGoOnAfterCuts: on links that always break before a large
// envelope is through, each way, the rest follows after each reconnect. Without
// that none would ever arrive.
func TestLargeEnvelopesGoOnAfterCuts(t *testing.T) {
	r := newRelay(t, nil)
	l := emulate.Link{RateUp: 600_000, RateDown: 600_000, Delay: 5 * time.Millisecond}
	a, pa := over(t, r, l)
	b, pb := over(t, r, l)
	runDesk(t, a)
	runDesk(t, b)
	allow(t, b, a)
	stop := make(chan struct{})
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		for {
			select {
			case <-stop:
				return
			case <-time.After(700 * time.Millisecond): // an envelope takes 900 ms of air
				pa.Cut()
				pb.Cut()
			}
		}
	}()
	const n, size = 2, 64 << 10
	for ref := range uint64(n) {
		put(t, a, ref, env(2+2*uint8(ref), size), b)
	}
	a.wait(t, "all accepted", func() bool { return len(a.accepted) == n })
	b.wait(t, "all delivered", func() bool { return len(b.got) >= n })
	close(stop)
	<-cut
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.downs) < 2 {
		t.Errorf("the link broke %d times, want more", len(a.downs))
	}
}

// TestFlashAfterOutage: a FLASH that was put while the link was silent arrives
// after it comes back, without waiting for TCP's back-off.
func TestFlashAfterOutage(t *testing.T) {
	r := newRelay(t, nil)
	l := emulate.Link{Delay: 10 * time.Millisecond}
	a, p := over(t, r, l)
	b := enrolled(t, r)
	runDesk(t, a)
	allow(t, b, a)
	flash(t, 1, a, b)
	p.SetDown(true)
	put(t, a, 2, env(3, 700), b)
	<-time.After(3 * time.Second)
	b.mu.Lock()
	early := len(b.got) != 1
	b.mu.Unlock()
	if early {
		t.Fatal("came through an outage")
	}
	p.SetDown(false)
	b.wait(t, "FLASH after the outage", func() bool { return len(b.got) == 2 })
	a.wait(t, "accepted once", func() bool { return a.accepted[2] == 1 })
}
