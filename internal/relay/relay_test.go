package relay_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"hotline/internal/emulate"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/relay"
)

// TestEveryLaneArrives: small and large, on each lane, to one and to many.
func TestEveryLaneArrives(t *testing.T) {
	r := newRelay(t, nil)
	a, b, c := enrolled(t, r), enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	allow(t, c, a)
	want := map[string]bool{}
	ref := uint64(0)
	for lane := range uint8(link.Lanes) {
		for _, size := range []int{256, 1024, 20_000, envelope.MaxSize} {
			ref++
			e := env(lane, size)
			want[string(e)] = true
			put(t, a, ref, e, b, c)
		}
	}
	a.wait(t, "all accepted", func() bool { return len(a.accepted) == int(ref) })
	for _, d := range []*testDesk{b, c} {
		d.wait(t, "all delivered", func() bool { return len(d.got) >= int(ref) })
		seen := map[string]int{}
		last := map[uint8]uint64{}
		for _, x := range d.got {
			seen[string(x.Envelope)]++
			if !want[string(x.Envelope)] || x.Seq <= last[x.Lane] || x.Mailbox != d.Mailbox() {
				t.Errorf("delivery on lane %d, sequence %d after %d: wrong", x.Lane, x.Seq, last[x.Lane])
			}
			last[x.Lane] = x.Seq
		}
		if len(seen) != len(want) || len(d.got) != len(want) {
			t.Errorf("%d different envelopes in %d deliveries, want %d", len(seen), len(d.got), len(want))
		}
	}
	if len(a.refused)+len(a.got) != 0 {
		t.Errorf("sender got %v and %d deliveries", a.refused, len(a.got))
	}
	poll(t, "relay empty after acknowledgement", func() bool {
		s, err := relay.ReadStatus(t.Context(), r.dir)
		return err == nil && s.Running && s.Waiting == 0 && s.Links == 3 && s.Mailboxes == 3
	})
}

// TestRefusalsAreLoud: each refusal reaches the sender with its reason, and the
// other mailboxes of the same put get theirs.
func TestRefusalsAreLoud(t *testing.T) {
	r := newRelay(t, nil)
	a, b, c := enrolled(t, r), enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	stranger := newDesk(t, r.addr, ident.Relay{}, newKey(t), nil)

	put(t, a, 1, env(2, 300), c)
	put(t, a, 2, env(2, 300), b, c, stranger)
	old := env(2, 300)
	binary.BigEndian.PutUint32(old[25:], uint32(time.Now().Add(-time.Hour).Unix()/60))
	put(t, a, 3, old, b)
	if err := a.Put(link.Put{Ref: 4, Lane: 3, To: []ident.Mailbox{b.Mailbox()}, Envelope: env(2, 300)}); err != nil {
		t.Fatal(err)
	}
	a.wait(t, "refusals and one acceptance", func() bool { return len(a.refused) >= 5 && len(a.accepted) == 1 })
	got := map[string]bool{}
	for _, x := range a.refused {
		got[fmt.Sprint(x.Ref, len(x.To), x.To[0] == c.Mailbox(), x.Reason)] = true
	}
	for _, want := range []string{
		fmt.Sprint(1, 1, true, link.ReasonNotAllowed),
		fmt.Sprint(2, 1, true, link.ReasonNotAllowed),
		fmt.Sprint(2, 1, false, link.ReasonUnknownMailbox),
		fmt.Sprint(3, 1, false, link.ReasonExpired),
		fmt.Sprint(4, 1, false, link.ReasonMalformed),
	} {
		if !got[want] {
			t.Errorf("no refusal %q in %v", want, got)
		}
	}
	if a.accepted[2] != 1 {
		t.Errorf("accepted %v, want put 2", a.accepted)
	}
	b.wait(t, "delivery", func() bool { return len(b.got) == 1 })
	if st := a.Status(); st.Waiting != 0 {
		t.Errorf("%d puts still wait", st.Waiting)
	}
}

// TestFullMailboxIsLoudAtTheSender, and a FLASH still fits.
func TestFullMailboxIsLoudAtTheSender(t *testing.T) {
	r := newRelay(t, nil)
	a := enrolled(t, r)
	key := newKey(t)
	i := invite(t, r, relay.InviteOptions{Quota: 50_000})
	if _, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: key}); err != nil {
		t.Fatal(err)
	}
	b := newDesk(t, r.addr, i.Pin, key, nil)
	b.Allow([]ed25519.PublicKey{public(a.key)})
	stop := runDesk(t, b)
	poll(t, "allow list known", func() bool { return b.Status().AllowKnown })
	stop() // nobody fetches
	for ref := range uint64(60) {
		put(t, a, ref, env(0, 1024), b)
	}
	a.wait(t, "answers", func() bool { return len(a.refused)+len(a.accepted) == 60 })
	if len(a.accepted) < 20 || len(a.refused) < 10 {
		t.Errorf("%d accepted, %d refused; want some of each", len(a.accepted), len(a.refused))
	}
	for _, x := range a.refused {
		if x.Reason != link.ReasonQuota || x.RetryAfter == 0 {
			t.Errorf("refusal = %+v, want quota and when to try again", x)
		}
	}
	put(t, a, 100, env(3, 1024), b)
	a.wait(t, "FLASH accepted", func() bool { return a.accepted[100] == 1 })
}

// TestWrongPinIsRefused: nothing is said to a relay with another key.
func TestWrongPinIsRefused(t *testing.T) {
	r := newRelay(t, nil)
	i := invite(t, r, relay.InviteOptions{})
	i.Pin[0] ^= 1
	if _, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: newKey(t)}); err == nil || !bytes.Contains([]byte(err.Error()), []byte(link.ErrPin.Error())) {
		t.Errorf("Enrol with a wrong pin = %v, want %v", err, link.ErrPin)
	}
}

// TestUnknownDeskIsRefused, and may come as a guest once an owner lists it.
func TestUnknownDeskIsRefused(t *testing.T) {
	r := newRelay(t, nil)
	b := enrolled(t, r)
	i := invite(t, r, relay.InviteOptions{})
	guest := newDesk(t, r.addr, i.Pin, newKey(t), nil)
	runDesk(t, guest)
	poll(t, "refusal", func() bool {
		return guest.Status().LastError != "" && bytes.Contains([]byte(guest.Status().LastError), []byte(link.ReasonUnknownDesk.String()))
	})
	allow(t, b, guest)
	guest.wait(t, "guest is up", func() bool { return len(guest.ups) > 0 })
	if guest.ups[0].Enrolled {
		t.Error("guest has a mailbox")
	}
	put(t, guest, 7, env(3, 512), b)
	b.wait(t, "delivery", func() bool { return len(b.got) == 1 })
	guest.wait(t, "acceptance", func() bool { return guest.accepted[7] == 1 })
}

// TestInvitationIsUsedUp over the network, and repeating is free.
func TestInvitationIsUsedUp(t *testing.T) {
	r := newRelay(t, nil)
	i := invite(t, r, relay.InviteOptions{Uses: 1, Quota: 12345678})
	key := newKey(t)
	for range 2 {
		if up, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: key}); err != nil || up.Quota != 12345678 {
			t.Fatalf("Enrol = %+v, %v", up, err)
		}
	}
	_, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: newKey(t)})
	if err == nil || !bytes.Contains([]byte(err.Error()), []byte(link.ReasonToken.String())) {
		t.Errorf("second desk: %v, want %v", err, link.ReasonToken)
	}
}

// TestUnacknowledgedComesAgain after a reconnect, and acknowledged does not.
func TestUnacknowledgedComesAgain(t *testing.T) {
	r := newRelay(t, nil)
	a := enrolled(t, r)
	b := enrolledVia(t, r, r.addr)
	b.noAck = true
	stop := runDesk(t, b)
	allow(t, b, a)
	for ref := range uint64(4) {
		put(t, a, ref, env(2, 400), b)
	}
	b.wait(t, "four", func() bool { return len(b.got) == 4 })
	b.Ack(2, b.got[1].Seq)
	poll(t, "two left", func() bool {
		s, err := relay.ReadStatus(t.Context(), r.dir)
		return err == nil && s.Waiting == 2
	})
	stop()
	again := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	runDesk(t, again)
	again.wait(t, "two again", func() bool { return len(again.got) >= 2 })
	if len(again.got) != 2 || again.got[0].Seq != b.got[2].Seq || !bytes.Equal(again.got[1].Envelope, b.got[3].Envelope) {
		t.Errorf("%d came again, want the last two", len(again.got))
	}
}

func mustInvite(t testing.TB, r *running) link.Invite { return invite(t, r, relay.InviteOptions{}) }

// TestNewerLinkWithTheSameKeyWins, and the older is told.
func TestNewerLinkWithTheSameKeyWins(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	twin := newDesk(t, r.addr, mustInvite(t, r).Pin, b.key, nil)
	runDesk(t, twin)
	twin.wait(t, "twin is up", func() bool { return len(twin.ups) == 1 })
	b.wait(t, "older is down", func() bool { return len(b.downs) == 1 })
	if !bytes.Contains([]byte(b.downs[0].Error()), []byte(link.ReasonReplaced.String())) {
		t.Errorf("older was told %v", b.downs[0])
	}
	put(t, a, 1, env(3, 500), b)
	twin.wait(t, "delivery at the twin", func() bool { return len(twin.got) == 1 })
}

// TestWipedSpoolIsTold: the epoch changes, enrolment and lists come back, and
// what is put again arrives.
func TestWipedSpoolIsTold(t *testing.T) {
	r := newRelay(t, nil)
	addr := r.addr
	a, b := enrolled(t, r), enrolled(t, r)
	allow(t, b, a)
	put(t, a, 1, env(2, 500), b)
	b.wait(t, "before", func() bool { return len(b.got) == 1 })
	epoch := b.ups[0].Epoch
	r.stop()
	wipe(t, r.dir)
	start(t, r.dir, func(c *relay.Config) { c.Listen = addr })
	for _, d := range []*testDesk{a, b} {
		d.wait(t, "up again", func() bool { return len(d.ups) == 2 })
		if d.ups[1].Epoch == epoch || !d.ups[1].Enrolled {
			t.Errorf("Up = %+v, want a new epoch and still enrolled", d.ups[1])
		}
	}
	poll(t, "allow list known", func() bool { return b.Status().AllowKnown })
	put(t, a, 2, env(2, 500), b)
	b.wait(t, "after", func() bool { return len(b.got) == 2 })
}

// TestSlowReaderHoldsNoMemory: a desk that commits nothing stops the flow, the
// relay keeps it on disk, and another desk is not slowed.
func TestSlowReaderHoldsNoMemory(t *testing.T) {
	r := newRelay(t, nil)
	a, b := enrolled(t, r), enrolled(t, r)
	slow, wire := over(t, r, emulate.Link{})
	runDesk(t, slow)
	allow(t, slow, a)
	allow(t, b, a)
	slow.note(func() { slow.block = make(chan struct{}) })
	const n = 300
	want := 0
	for ref := range uint64(n) {
		for {
			err := a.Put(link.Put{Ref: ref, Lane: 4, To: []ident.Mailbox{slow.Mailbox()}, Envelope: env(4, 64<<10)})
			if err == nil {
				break
			}
			<-time.After(5 * time.Millisecond)
		}
		want++
	}
	a.wait(t, "all accepted", func() bool { return len(a.accepted) == n })
	put(t, a, 10_000, env(4, 64<<10), b)
	b.wait(t, "the other desk", func() bool { return len(b.got) == 1 })
	var down, before int64 = 1, 0
	poll(t, "the flow stops", func() bool {
		before = down
		<-time.After(200 * time.Millisecond)
		_, down = wire.Bytes()
		return down == before
	})
	if down > n<<16/2 {
		t.Errorf("%d bytes went to a desk that takes none, of %d", down, n<<16)
	}
	slow.note(func() { close(slow.block); slow.block = nil })
	slow.wait(t, "all in the end", func() bool { return len(slow.got) == want })
}

// TestControlSocketAndSecondProcess: one process per directory; invitations
// also without one.
func TestControlSocketAndSecondProcess(t *testing.T) {
	r := newRelay(t, nil)
	if _, err := relay.New(t.Context(), relay.Config{Dir: r.dir, Listen: "127.0.0.1:0"}); err == nil {
		t.Error("a second relay opened the same directory")
	}
	if _, err := relay.Init(t.Context(), r.dir); err == nil {
		t.Error("Init over a relay succeeded")
	}
	r.stop()
	if s, err := relay.ReadStatus(t.Context(), r.dir); err != nil || s.Running || s.ID == "" {
		t.Errorf("ReadStatus of a stopped relay = %+v, %v", s, err)
	}
	token, err := relay.Invite(t.Context(), r.dir, relay.InviteOptions{Addr: "relay.example:8651"})
	if err != nil {
		t.Fatal(err)
	}
	i, err := link.ParseInvite(token)
	if err != nil || i.Addr != "relay.example:8651" {
		t.Fatalf("ParseInvite = %v, %v", i, err)
	}
	again := start(t, r.dir, nil)
	i.Addr = again.addr
	if _, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: newKey(t)}); err != nil {
		t.Errorf("Enrol with an invitation made offline = %v", err)
	}
}
