// Package spooltest is the contract of a relay's spool, as tests that every
// implementation runs. What a relay promises its desks rests on these rules and
// on nothing else of an implementation. It is imported by tests only.
package spooltest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/spool"
)

// Subject is what the suite tests.
type Subject interface {
	spool.Spool
	spool.Registry
}

// Opener opens a spool. When reopen is given, the spool is opened again on what
// that one left behind, after closing it; nil when the implementation cannot.
type Opener struct {
	New    func(t *testing.T) Subject
	Reopen func(t *testing.T, s Subject) Subject
}

// Run runs the contract.
func Run(t *testing.T, o Opener) {
	for name, f := range map[string]func(*testing.T, Opener){
		"a put is answered and read back in order":         inOrder,
		"a repeated put is taken once, also when fetched":  idempotent,
		"one put serves many mailboxes":                    fanOut,
		"only the owner and the listed may put":            onlyAllowed,
		"a full mailbox refuses, FLASH has a reserve":      quota,
		"expired envelopes are refused and swept":          expiry,
		"an invitation is used up and runs out":            invitations,
		"everything answered is there after opening again": restart,
		"sequences are never given twice":                  sequences,
		"a part that was taken may come again":             parts,
		"one putter of many fills its share only":          shares,
		"a revoked putter leaves nothing behind":           revoke,
		"a putter takes back what it put":                  forget,
	} {
		t.Run(name, func(t *testing.T) { f(t, o) })
	}
}

// owner is a made-up mailbox and its key.
type owner struct {
	box ident.Mailbox
	key spool.Putter
}

func newOwner(n byte) (o owner) {
	o.box[0], o.key[0] = n, n
	return o
}

var counter uint64

// env makes bytes that are an envelope to a spool: it looks at no header.
func env(size int) []byte {
	counter++
	b := make([]byte, max(size, 8))
	binary.BigEndian.PutUint64(b, counter)
	return b
}

// validUntil is that of all envelopes: it is part of an envelope, so the same one has
// the same whenever it is put.
var validUntil = time.Now().Add(time.Hour)

func put(b []byte, from owner, lane uint8, to ...ident.Mailbox) spool.Put {
	return spool.Put{
		To: to, Putter: from.key, Lane: lane, ID: envelope.Identify(b),
		Expiry: validUntil, Envelope: b,
	}
}

// do puts and waits for the answer.
func do(t *testing.T, s spool.Spool, p spool.Put) []spool.Placed {
	t.Helper()
	c := make(chan []spool.Placed, 2)
	s.Put(p, func(out []spool.Placed) { c <- out })
	select {
	case out := <-c:
		if len(out) != len(p.To) {
			t.Fatalf("answer for %d mailboxes, want %d", len(out), len(p.To))
		}
		return out
	case <-time.After(20 * time.Second):
		t.Fatal("no answer to a put")
		return nil
	}
}

func enrol(t *testing.T, s Subject, quota uint64, who ...owner) {
	t.Helper()
	secret := env(16)
	inv := spool.Invitation{Secret: secret, Uses: len(who), Quota: quota, Expiry: time.Now().Add(time.Hour)}
	if err := s.Invite(t.Context(), inv); err != nil {
		t.Fatal(err)
	}
	for _, o := range who {
		if err := s.Enrol(t.Context(), o.box, o.key, secret, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, s spool.Spool, o owner, lane uint8, after uint64) []spool.Item {
	t.Helper()
	items, err := s.Next(t.Context(), o.box, lane, after, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return items
}

func inOrder(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 1<<20, a)
	if s.Epoch() == 0 {
		t.Error("Epoch() = 0")
	}
	var want [][]byte
	for range 5 {
		b := env(100)
		want = append(want, b)
		if out := do(t, s, put(b, a, 2, a.box)); out[0].Err != nil || out[0].Seq == 0 {
			t.Fatalf("Put = %+v, want a sequence", out[0])
		}
	}
	items := read(t, s, a, 2, 0)
	if len(items) != len(want) {
		t.Fatalf("%d items, want %d", len(items), len(want))
	}
	for i, it := range items {
		if !bytes.Equal(it.Envelope, want[i]) || i > 0 && it.Seq <= items[i-1].Seq {
			t.Errorf("item %d: wrong bytes or sequence %d", i, it.Seq)
		}
	}
	if got := read(t, s, a, 2, items[2].Seq); len(got) != 2 {
		t.Errorf("%d items behind the third, want 2", len(got))
	}
	if got, err := s.Next(t.Context(), a.box, 2, 0, 1); err != nil || len(got) != 1 {
		t.Errorf("Next with limit 1 = %d items, %v; want 1", len(got), err)
	}
	if got := read(t, s, a, 3, 0); len(got) != 0 {
		t.Errorf("%d items on another lane, want 0", len(got))
	}
	s.Done(a.box, 2, items[3].Seq)
	settle(t, s, a, 1)
	if got := read(t, s, a, 2, 0); len(got) != 1 || got[0].Seq != items[4].Seq {
		t.Errorf("%d items after Done, want the last", len(got))
	}
}

// settle waits until a mailbox holds n items: Done may be lazy.
func settle(t *testing.T, s Subject, o owner, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		u, err := s.Usage(o.box)
		if err != nil {
			t.Fatal(err)
		}
		if u.Items == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d items, want %d", u.Items, n)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func idempotent(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 1<<20, a)
	b := env(100)
	first := do(t, s, put(b, a, 1, a.box))[0]
	if again := do(t, s, put(b, a, 1, a.box))[0]; again.Err != nil || again.Seq != 0 {
		t.Errorf("second put = %+v, want taken before", again)
	}
	s.Done(a.box, 1, first.Seq)
	settle(t, s, a, 0)
	if again := do(t, s, put(b, a, 1, a.box))[0]; again.Err != nil || again.Seq != 0 {
		t.Errorf("put after Done = %+v, want taken before", again)
	}
	if n := len(read(t, s, a, 1, 0)); n != 0 {
		t.Errorf("%d items came back", n)
	}
}

func fanOut(t *testing.T, o Opener) {
	s, a, b, c := o.New(t), newOwner(1), newOwner(2), newOwner(3)
	enrol(t, s, 1<<20, a, b, c)
	for _, x := range []owner{b, c} {
		if err := s.Allow(t.Context(), x.box, []spool.Putter{a.key}); err != nil {
			t.Fatal(err)
		}
	}
	e := env(500)
	out := do(t, s, put(e, a, 3, b.box, newOwner(9).box, c.box))
	if out[0].Err != nil || out[2].Err != nil || !errors.Is(out[1].Err, spool.ErrUnknownMailbox) {
		t.Errorf("Put = %+v, want two taken and one unknown", out)
	}
	for _, x := range []owner{b, c} {
		items := read(t, s, x, 3, 0)
		if len(items) != 1 || !bytes.Equal(items[0].Envelope, e) {
			t.Fatalf("%d items, want the one", len(items))
		}
	}
	s.Done(b.box, 3, out[0].Seq)
	settle(t, s, b, 0)
	if n := len(read(t, s, c, 3, 0)); n != 1 {
		t.Errorf("%d items in the other mailbox after Done in one, want 1", n)
	}
}

func onlyAllowed(t *testing.T, o Opener) {
	s, a, b := o.New(t), newOwner(1), newOwner(2)
	enrol(t, s, 1<<20, a)
	if s.Known(b.key) || !s.Known(a.key) {
		t.Errorf("Known = %v, %v; want only the owner", s.Known(a.key), s.Known(b.key))
	}
	if out := do(t, s, put(env(9), b, 0, a.box))[0]; !errors.Is(out.Err, spool.ErrNotAllowed) {
		t.Errorf("stranger's put = %+v, want %v", out, spool.ErrNotAllowed)
	}
	if err := s.Allow(t.Context(), a.box, []spool.Putter{b.key, b.key}); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Usage(a.box); err != nil || u.AllowHash != spool.HashPutters([]spool.Putter{b.key}) {
		t.Errorf("AllowHash is not that of the list, %v", err)
	}
	if out := do(t, s, put(env(9), b, 0, a.box))[0]; out.Err != nil || !s.Known(b.key) {
		t.Errorf("listed putter's put = %+v, Known %v", out, s.Known(b.key))
	}
	if err := s.Allow(t.Context(), a.box, nil); err != nil {
		t.Fatal(err)
	}
	if out := do(t, s, put(env(9), b, 0, a.box))[0]; !errors.Is(out.Err, spool.ErrNotAllowed) || s.Known(b.key) {
		t.Errorf("put after revocation = %+v, Known %v", out, s.Known(b.key))
	}
}

func quota(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 20_000, a)
	taken := 0
	var last spool.Placed
	for range 30 {
		if last = do(t, s, put(env(1000), a, 2, a.box))[0]; last.Err != nil {
			break
		}
		taken++
	}
	if !errors.Is(last.Err, spool.ErrQuota) || taken < 10 {
		t.Fatalf("after %d envelopes: %v, want %v", taken, last.Err, spool.ErrQuota)
	}
	refused := env(1000)
	if out := do(t, s, put(refused, a, 2, a.box))[0]; !errors.Is(out.Err, spool.ErrQuota) {
		t.Errorf("another put: %v, want %v", out.Err, spool.ErrQuota)
	}
	if out := do(t, s, put(env(1000), a, spool.FlashLane, a.box))[0]; out.Err != nil {
		t.Errorf("FLASH into the reserve: %v", out.Err)
	}
	items := read(t, s, a, 2, 0)
	s.Done(a.box, 2, items[len(items)-1].Seq)
	settle(t, s, a, 1)
	if out := do(t, s, put(refused, a, 2, a.box))[0]; out.Err != nil || out.Seq == 0 {
		t.Errorf("a put that was refused before = %+v, want taken now", out)
	}
}

func expiry(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 1<<20, a)
	old := put(env(10), a, 0, a.box)
	old.Expiry = time.Now().Add(-time.Minute)
	if out := do(t, s, old)[0]; !errors.Is(out.Err, spool.ErrExpired) {
		t.Errorf("Put of an expired one = %+v, want %v", out, spool.ErrExpired)
	}
	soon := put(env(10), a, 0, a.box)
	do(t, s, soon)
	do(t, s, put(env(10), a, 1, a.box))
	late := put(env(10), a, 0, a.box)
	late.Expiry = time.Now().Add(2 * time.Hour)
	do(t, s, late)
	n, err := s.Expire(t.Context(), time.Now().Add(90*time.Minute))
	if err != nil || n != 2 {
		t.Errorf("Expire = %d, %v; want 2", n, err)
	}
	settle(t, s, a, 1)
	if items := read(t, s, a, 0, 0); len(items) != 1 || !bytes.Equal(items[0].Envelope, late.Envelope) {
		t.Errorf("%d items left, want the late one", len(items))
	}
}

func invitations(t *testing.T, o Opener) {
	s, now := o.New(t), time.Now()
	secret := env(16)
	if err := s.Invite(t.Context(), spool.Invitation{Secret: secret, Uses: 2, Quota: 1000, Expiry: now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	a, b, c := newOwner(1), newOwner(2), newOwner(3)
	steps := []struct {
		who    owner
		secret []byte
		at     time.Time
		want   error
	}{
		{a, env(16), now, spool.ErrToken},
		{a, secret, now.Add(2 * time.Hour), spool.ErrToken},
		{a, secret, now, nil},
		{a, secret, now, nil}, // again: nothing used up
		{b, secret, now, nil},
		{c, secret, now, spool.ErrToken},
		{a, env(16), now, nil}, // enrolled already
	}
	for i, st := range steps {
		if err := s.Enrol(t.Context(), st.who.box, st.who.key, st.secret, st.at); !errors.Is(err, st.want) {
			t.Errorf("step %d: Enrol = %v, want %v", i, err, st.want)
		}
	}
	if u, err := s.Usage(b.box); err != nil || u.Quota != 1000 {
		t.Errorf("Usage = %+v, %v; want the invitation's quota", u, err)
	}
	if _, err := s.Usage(c.box); !errors.Is(err, spool.ErrUnknownMailbox) {
		t.Errorf("Usage of a stranger = %v, want %v", err, spool.ErrUnknownMailbox)
	}
}

func restart(t *testing.T, o Opener) {
	if o.Reopen == nil {
		t.Skip("this spool is not kept")
	}
	s, a, b := o.New(t), newOwner(1), newOwner(2)
	enrol(t, s, 1<<20, a)
	if err := s.Allow(t.Context(), a.box, []spool.Putter{b.key}); err != nil {
		t.Fatal(err)
	}
	kept := env(300)
	p := put(kept, b, 2, a.box)
	do(t, s, p)
	epoch := s.Epoch()
	before, err := s.Usage(a.box)
	if err != nil {
		t.Fatal(err)
	}
	s = o.Reopen(t, s)
	if s.Epoch() != epoch {
		t.Error("epoch changed by opening again")
	}
	after, err := s.Usage(a.box)
	if err != nil || after != before {
		t.Errorf("Usage = %+v, %v; want %+v", after, err, before)
	}
	if items := read(t, s, a, 2, 0); len(items) != 1 || !bytes.Equal(items[0].Envelope, kept) {
		t.Fatalf("%d items after opening again, want the one", len(items))
	}
	if out := do(t, s, p)[0]; out.Err != nil || out.Seq != 0 {
		t.Errorf("repeated put = %+v, want taken before", out)
	}
}

func sequences(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 1<<20, a)
	var last uint64
	for i := range 6 {
		out := do(t, s, put(env(50), a, 0, a.box))[0]
		if out.Seq <= last {
			t.Fatalf("put %d: sequence %d after %d", i, out.Seq, last)
		}
		last = out.Seq
		s.Done(a.box, 0, last)
		settle(t, s, a, 0)
		if o.Reopen != nil && i%2 == 1 {
			s = o.Reopen(t, s)
		}
	}
	c := make(chan string, 100)
	for i := range 50 {
		s.Put(put(env(50), a, 0, a.box), func(p []spool.Placed) { c <- fmt.Sprint(i, p[0].Seq > last) })
	}
	for i := range 50 {
		if got, want := <-c, fmt.Sprint(i, true); got != want {
			t.Fatalf("answer %q, want %q: answers in the order of the puts", got, want)
		}
	}
}

// parts of files are asked for by an owner that lost them; what waits is held
// once.
func parts(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 1<<20, a)
	p := put(env(100), a, 4, a.box, a.box)
	p.Part = true
	out := do(t, s, p)
	if out[0].Seq == 0 || out[1].Seq != 0 || out[1].Err != nil {
		t.Errorf("Put into one mailbox, named twice = %+v, want it once", out)
	}
	if again := do(t, s, p); again[0].Err != nil || again[0].Seq != 0 {
		t.Errorf("second put = %+v, want held already", again[0])
	}
	if o.Reopen != nil {
		s = o.Reopen(t, s)
	}
	if again := do(t, s, p); again[0].Err != nil || again[0].Seq != 0 {
		t.Errorf("put after opening again = %+v, want held already", again[0])
	}
	s.Done(a.box, 4, out[0].Seq)
	settle(t, s, a, 0)
	if again := do(t, s, p); again[0].Err != nil || again[0].Seq <= out[0].Seq {
		t.Errorf("put after Done = %+v, want a new sequence", again[0])
	}
	if n := len(read(t, s, a, 4, 0)); n != 1 {
		t.Errorf("%d items, want 1", n)
	}
}

// flood puts until it is refused, and returns how many were taken and why no
// more.
func flood(t *testing.T, s Subject, from owner, lane uint8, to owner) (n int, why error) {
	t.Helper()
	for range 1000 {
		out := do(t, s, put(env(1000), from, lane, to.box))[0]
		if out.Err != nil {
			return n, out.Err
		}
		n++
	}
	return n, nil
}

func shares(t *testing.T, o Opener) {
	s, a := o.New(t), newOwner(1)
	enrol(t, s, 400_000, a)
	var putters []owner
	var list []spool.Putter
	for i := range byte(6) {
		p := newOwner(10 + i)
		putters, list = append(putters, p), append(list, p.key)
	}
	if err := s.Allow(t.Context(), a.box, list); err != nil {
		t.Fatal(err)
	}
	n, why := flood(t, s, putters[0], 1, a)
	if !errors.Is(why, spool.ErrShare) || n < 60 || n > 95 {
		t.Errorf("one of six putters got %d of about 350 places, then %v; want its share, then %v", n, why, spool.ErrShare)
	}
	if out := do(t, s, put(env(1000), putters[0], spool.FlashLane, a.box))[0]; out.Err != nil {
		t.Errorf("FLASH of a putter whose share is full: %v", out.Err)
	}
	if out := do(t, s, put(env(1000), putters[1], 1, a.box))[0]; out.Err != nil {
		t.Errorf("another putter's message: %v", out.Err)
	}
	if o.Reopen != nil {
		s = o.Reopen(t, s)
		if n, why := flood(t, s, putters[0], 1, a); n != 0 || !errors.Is(why, spool.ErrShare) {
			t.Errorf("after opening again the putter got %d more places, then %v", n, why)
		}
	}
	for _, p := range putters[1:4] {
		_, _ = flood(t, s, p, 1, a)
	}
	if _, why := flood(t, s, putters[0], spool.FlashLane, a); !errors.Is(why, spool.ErrShare) {
		t.Errorf("FLASH without end: %v, want %v", why, spool.ErrShare)
	}
	if out := do(t, s, put(env(1000), putters[5], spool.FlashLane, a.box))[0]; out.Err != nil {
		t.Errorf("FLASH of a putter that was silent, into a full mailbox: %v", out.Err)
	}
}

func revoke(t *testing.T, o Opener) {
	s, a, b, c := o.New(t), newOwner(1), newOwner(2), newOwner(3)
	enrol(t, s, 1<<20, a)
	if err := s.Allow(t.Context(), a.box, []spool.Putter{b.key, c.key}); err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{}, 1000)
	for range cap(answered) { // the revocation comes behind what was put before it
		s.Put(put(env(60), b, 1, a.box), func([]spool.Placed) { answered <- struct{}{} })
	}
	if out := do(t, s, put(env(60), c, 3, a.box))[0]; out.Err != nil {
		t.Fatal(out.Err)
	}
	n, err := s.Revoke(t.Context(), a.box, []spool.Putter{b.key})
	if err != nil || n != cap(answered) {
		t.Errorf("Revoke = %d, %v; want %d", n, err, cap(answered))
	}
	settle(t, s, a, 1)
	if out := do(t, s, put(env(60), b, 3, a.box))[0]; !errors.Is(out.Err, spool.ErrNotAllowed) || s.Known(b.key) {
		t.Errorf("put after revocation = %+v, Known %v", out, s.Known(b.key))
	}
	if u, err := s.Usage(a.box); err != nil || u.AllowHash != spool.HashPutters([]spool.Putter{c.key}) {
		t.Errorf("the list after revocation is not the other putter's, %v", err)
	}
	if out := do(t, s, put(env(60), c, 3, a.box))[0]; out.Err != nil {
		t.Errorf("the other putter's put: %v", out.Err)
	}
}

func forget(t *testing.T, o Opener) {
	s, a, b, c := o.New(t), newOwner(1), newOwner(2), newOwner(3)
	enrol(t, s, 1<<20, a, b)
	for _, x := range []owner{a, b} {
		if err := s.Allow(t.Context(), x.box, []spool.Putter{c.key}); err != nil {
			t.Fatal(err)
		}
	}
	do(t, s, put(env(60), a, 0, a.box))
	both := env(60)
	do(t, s, put(both, c, 2, a.box, b.box))
	if n, err := s.Forget(t.Context(), a.box, c.key); err != nil || n != 1 {
		t.Errorf("Forget = %d, %v; want 1", n, err)
	}
	settle(t, s, a, 1)
	if items := read(t, s, b, 2, 0); len(items) != 1 || !bytes.Equal(items[0].Envelope, both) {
		t.Errorf("the other mailbox has %d items, want the one", len(items))
	}
	if n, err := s.Forget(t.Context(), newOwner(9).box, c.key); err != nil || n != 0 {
		t.Errorf("Forget of a mailbox that is not here = %d, %v", n, err)
	}
}
