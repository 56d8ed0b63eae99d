package relay_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"hotline/internal/emulate"
	"hotline/internal/link"
)

// over returns a desk whose link goes through an emulator.
func over(t testing.TB, r *running, l emulate.Link) (*testDesk, *emulate.Proxy) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	p, err := emulate.Start(ctx, r.addr, l)
	if err != nil {
		t.Fatal(err)
	}
	return enrolledVia(t, r, p.Addr()), p
}

// flash sends a FLASH of 1 kB and returns how long it took to arrive.
func flash(t testing.TB, ref uint64, a, b *testDesk) time.Duration {
	t.Helper()
	e := env(3, 1024)
	began := time.Now()
	put(t, a, ref, e, b)
	var took time.Duration
	b.wait(t, "FLASH", func() bool {
		for _, x := range slices.Backward(b.got) {
			if x.Lane == 3 && string(x.Envelope) == string(e) {
				took = time.Since(began)
				return true
			}
		}
		return false
	})
	return took
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// pumpFiles keeps file parts waiting on a's link to b until stop is closed.
func pumpFiles(a, b *testDesk, stop chan struct{}) {
	for ref := uint64(1 << 40); ; ref++ {
		p := link.Put{Ref: ref, Lane: 4, Envelope: env(4, 64<<10)}
		p.To = append(p.To, b.Mailbox())
		for a.Put(p) != nil {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		select {
		case <-stop:
			return
		default:
		}
	}
}

// TestFlashOvertakesFiles: on slow links both ways of the relay, a FLASH under
// a file transfer takes a small multiple of what it takes alone. Without the
// scheduler and the window it waits behind everything that is queued, which is
// far more than that (HOTLINE_LINK=64000,150 runs it on the thin profile).
func TestFlashOvertakesFiles(t *testing.T) {
	l := emulate.Link{RateUp: 800_000, RateDown: 800_000, Delay: 30 * time.Millisecond, Queue: 200_000}
	settle, n := 2*time.Second, 7
	if v, ok := os.LookupEnv("HOTLINE_LINK"); ok {
		rate, _ := strconv.ParseInt(v[:len(v)-4], 10, 64)
		delay, _ := strconv.Atoi(v[len(v)-3:])
		l = emulate.Link{RateUp: rate, RateDown: rate, Delay: time.Duration(delay) * time.Millisecond}
		settle, n, patience = 20*time.Second, 15, 2*time.Minute
	}
	r := newRelay(t, nil)
	a, _ := over(t, r, l)
	b, _ := over(t, r, l)
	runDesk(t, a)
	runDesk(t, b)
	allow(t, b, a)
	var idle, under []time.Duration
	for i := range n {
		idle = append(idle, flash(t, uint64(i), a, b))
	}
	stop := make(chan struct{})
	defer close(stop)
	go pumpFiles(a, b, stop)
	b.wait(t, "file parts come", func() bool { return slices.ContainsFunc(b.got, func(d link.Delivery) bool { return d.Lane == 4 }) })
	<-time.After(settle)
	parts := files(b)
	began := time.Now()
	for i := range n {
		under = append(under, flash(t, uint64(100+i), a, b))
		<-time.After(settle / 10)
	}
	rate := float64(files(b)-parts) * 8 / time.Since(began).Seconds()
	ratio := float64(median(under)) / float64(median(idle))
	t.Logf("idle %v, under files %v: %.2f times; files took %.2f of the link; idle %v; under %v", median(idle), median(under), ratio, rate/float64(l.RateUp), idle, under)
	t.Logf("a: %+v", a.Status())
	if ratio > 3 {
		t.Errorf("FLASH under files takes %.1f times the idle time, want at most 3", ratio)
	}
	if files(b) == parts {
		t.Error("no file part came meanwhile: nothing was overtaken")
	}
}

// files is how many bytes of files have come.
func files(d *testDesk) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.got {
		if x.Lane == 4 {
			n += len(x.Envelope)
		}
	}
	return n
}
