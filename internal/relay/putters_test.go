package relay_test

import (
	"bytes"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/link"
	"hotline/internal/relay"
)

// part makes the envelope of a part of a file.
func part(size int) []byte {
	e := env(4, size)
	h, _ := envelope.Parse(e)
	h.Type = envelope.Chunk
	copy(e, h.Append(nil))
	return e
}

// waiting waits until n envelopes wait at the relay.
func waiting(t *testing.T, r *running, n int) {
	t.Helper()
	poll(t, "envelopes that wait", func() bool {
		s, err := relay.ReadStatus(t.Context(), r.dir)
		return err == nil && s.Waiting == n
	})
}

// A desk that lost parts of a file after it had acknowledged them asks its
// sender for them. The relay once dropped them by their id until they expired.
func TestPartsLostAfterTheirAcknowledgementComeAgain(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	e, m := part(2000), env(1, 500)
	put(t, a, 1, e, b)
	put(t, a, 2, m, b)
	b.wait(t, "delivery", func() bool { return len(b.got) == 2 })
	waiting(t, r, 0) // acknowledged
	put(t, a, 3, e, b)
	b.wait(t, "the part again", func() bool { return len(b.got) == 3 && bytes.Equal(b.got[2].Envelope, e) })
	put(t, a, 4, m, b)
	a.wait(t, "answers", func() bool { return len(a.accepted) == 4 })
	b.wait(t, "no message again", func() bool { return len(b.got) == 3 })
}

// An owner's revocation counts at once, and takes with it what waits.
func TestRevokedPutterLeavesNothing(t *testing.T) {
	r := newRelay(t, nil)
	a, evil := enrolled(t, r), enrolled(t, r)
	b := enrolledVia(t, r, r.addr)
	stop := runDesk(t, b)
	guest := newDesk(t, r.addr, mustInvite(t, r).Pin, newKey(t), nil)
	allow(t, b, a, evil, guest)
	runDesk(t, guest)
	guest.wait(t, "guest is up", func() bool { return len(guest.ups) == 1 })
	stop()
	for ref := range uint64(20) {
		put(t, evil, ref, env(uint8(ref%5), 700), b)
	}
	put(t, a, 1, env(1, 700), b)
	waiting(t, r, 21)

	again := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	again.noAck = true
	again.block = make(chan struct{})
	again.Revoke(public(evil.key), public(guest.key)) // before the link is up: it is kept
	again.Client.Allow(nil)
	runDesk(t, again)
	waiting(t, r, 1)
	close(again.block)
	guest.wait(t, "the guest is shown out", func() bool { return len(guest.downs) > 0 })
	put(t, evil, 100, env(3, 700), b)
	evil.wait(t, "refusal", func() bool { return len(evil.refused) == 1 })
	if got := evil.refused[0].Reason; got != link.ReasonNotAllowed {
		t.Errorf("put of a revoked desk: %v, want %v", got, link.ReasonNotAllowed)
	}
}

// A desk that cuts another off takes back what it put for it.
func TestPutterTakesBackWhatItPut(t *testing.T) {
	r := newRelay(t, nil)
	a, c := enrolled(t, r), enrolled(t, r)
	b := enrolledVia(t, r, r.addr)
	stop := runDesk(t, b)
	allow(t, b, a, c)
	stop()
	for ref := range uint64(12) {
		put(t, a, ref, env(uint8(ref%5), 700), b, c) // b's only is taken back
	}
	put(t, c, 1, env(2, 700), b)
	a.Forget(b.Mailbox()) // while puts are on their way
	a.wait(t, "all accepted", func() bool { return len(a.accepted)+len(a.refused) >= 12 })
	poll(t, "what is left", func() bool {
		s, err := relay.ReadStatus(t.Context(), r.dir)
		return err == nil && s.Waiting == 1
	})
	again := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	runDesk(t, again)
	again.wait(t, "the other's", func() bool { return len(again.got) == 1 })
}

// Two programs with one mailbox key: each is told, and each desk can show it.
func TestSecondProgramOfADeskIsTold(t *testing.T) {
	r := newRelay(t, nil)
	b := enrolled(t, r)
	if !b.Status().RivalAt.IsZero() {
		t.Error("a rival before there is one")
	}
	twin := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	runDesk(t, twin)
	twin.wait(t, "twin is up", func() bool { return len(twin.ups) == 1 })
	if !twin.ups[0].Rival || twin.Status().RivalAt.IsZero() {
		t.Error("the newer one is not told that there was another")
	}
	poll(t, "the older one knows", func() bool { return time.Since(b.Status().RivalAt) < time.Minute })
}

// The same program that comes again is no rival, however early it comes.
func TestReconnectIsNoSecondProgram(t *testing.T) {
	r := newRelay(t, nil)
	var wires dialed
	b := enrolledVia(t, r, r.addr)
	b.Client = link.NewClient(link.ClientConfig{Addr: r.addr, Pin: mustInvite(t, r).Pin, Key: b.key, Dial: wires.dial}, b)
	runDesk(t, b)
	b.wait(t, "up", func() bool { return len(b.ups) == 1 })
	wires.mu.Lock()
	wires.conns[0].Close()
	wires.mu.Unlock()
	b.wait(t, "up again", func() bool { return len(b.ups) == 2 })
	if b.ups[1].Rival || !b.Status().RivalAt.IsZero() {
		t.Error("a desk was told that it is its own rival")
	}
}
