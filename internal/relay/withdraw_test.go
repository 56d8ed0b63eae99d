package relay_test

import (
	"bytes"
	"testing"
)

// A put can be taken back as long as nothing of it has left; then the relay
// never sees it, and no answer comes for it.
func TestWithdrawnPutNeverLeaves(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolledVia(t, r, r.addr), enrolled(t, r)
	allow(t, b, a)
	first, second := env(1, 2048), env(1, 2048)
	put(t, a, 1, first, b) // no link is up yet
	put(t, a, 2, second, b)
	if !a.Withdraw(1) || a.Withdraw(1) || a.Withdraw(7) {
		t.Fatal("a put that waits must be taken back, once")
	}
	runDesk(t, a)
	a.wait(t, "accepted", func() bool { return a.accepted[2] > 0 })
	b.wait(t, "delivered", func() bool { return len(b.got) > 0 })
	if a.accepted[1] != 0 || len(b.got) != 1 || !bytes.Equal(b.got[0].Envelope, second) {
		t.Errorf("%d delivered and %d answers for what was taken back, want the other one alone", len(b.got), a.accepted[1])
	}
	if a.Withdraw(2) {
		t.Error("what the relay has was taken back")
	}
}

// Behind a long queue what waits can still be taken back; what has begun cannot.
func TestWithdrawFromARunningQueue(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	const n = 60
	for ref := range uint64(n) {
		put(t, a, ref+1, env(4, 65536), b)
	}
	back := 0
	for ref := uint64(n); ref > 0; ref-- {
		if a.Withdraw(ref) {
			back++
		}
	}
	a.wait(t, "the rest accepted", func() bool { return len(a.accepted) == n-back })
	b.wait(t, "the rest delivered", func() bool { return len(b.got) == n-back })
	end := env(4, 65536)
	put(t, a, n+1, end, b)
	a.wait(t, "the lane goes on", func() bool { return a.accepted[n+1] == 1 })
	b.wait(t, "the last one", func() bool { return len(b.got) > 0 && bytes.Equal(b.got[len(b.got)-1].Envelope, end) })
	if len(b.got) != n-back+1 || len(a.accepted) != n-back+1 {
		t.Errorf("%d taken back of %d, and %d arrived, %d accepted", back, n, len(b.got)-1, len(a.accepted)-1)
	}
}
