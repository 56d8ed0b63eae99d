package relay_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/relay"
)

// patience is how long a test waits for what must happen; far above what it
// takes, because machines are slow at times.
var patience = 30 * time.Second

// running is a relay in this process.
type running struct {
	dir, addr string
	stop      func()
}

func start(t testing.TB, dir string, change func(*relay.Config)) *running {
	t.Helper()
	ready := make(chan string, 1)
	cfg := relay.Config{Dir: dir, Listen: "127.0.0.1:0", Ready: func(a string) { ready <- a }}
	if change != nil {
		change(&cfg)
	}
	r, err := relay.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	run := &running{dir: dir}
	run.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(run.stop)
	select {
	case run.addr = <-ready:
	case err := <-done:
		t.Fatalf("Run = %v", err)
	}
	return run
}

func newRelay(t testing.TB, change func(*relay.Config)) *running {
	t.Helper()
	dir := t.TempDir()
	if _, err := relay.Init(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return start(t, dir, change)
}

func newKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func public(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// invite returns an invitation of the relay.
func invite(t testing.TB, r *running, o relay.InviteOptions) link.Invite {
	t.Helper()
	token, err := relay.Invite(t.Context(), r.dir, o)
	if err != nil {
		t.Fatal(err)
	}
	i, err := link.ParseInvite(token)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// testDesk is a client with a handler that remembers.
type testDesk struct {
	*link.Client
	key ed25519.PrivateKey

	mu       sync.Mutex
	cond     *sync.Cond
	ups      []link.Up
	downs    []error
	accepted map[uint64]int
	refused  []link.Refusal
	got      []link.Delivery
	block    chan struct{} // while set, Deliver waits for it
	noAck    bool
}

func (d *testDesk) note(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
	d.cond.Broadcast()
}

func (d *testDesk) Up(u link.Up)           { d.note(func() { d.ups = append(d.ups, u) }) }
func (d *testDesk) Down(err error)         { d.note(func() { d.downs = append(d.downs, err) }) }
func (d *testDesk) Refused(r link.Refusal) { d.note(func() { d.refused = append(d.refused, r) }) }
func (d *testDesk) Accepted(refs []uint64) {
	d.note(func() {
		for _, r := range refs {
			d.accepted[r]++
		}
	})
}

func (d *testDesk) Deliver(ds []link.Delivery) {
	d.mu.Lock()
	block, noAck := d.block, d.noAck
	d.mu.Unlock()
	if block != nil {
		<-block
	}
	d.note(func() { d.got = append(d.got, ds...) })
	if !noAck {
		for _, x := range ds {
			d.Ack(x.Lane, x.Seq)
		}
	}
}

// wait waits until ok, under the desk's lock.
func (d *testDesk) wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	late := time.AfterFunc(patience, d.cond.Broadcast)
	defer late.Stop()
	end := time.Now().Add(patience)
	d.mu.Lock()
	defer d.mu.Unlock()
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("%s: did not happen (%d delivered, %d accepted, refused %v, downs %v)", what, len(d.got), len(d.accepted), d.refused, d.downs)
		}
		d.cond.Wait()
	}
}

func newDesk(t testing.TB, addr string, pin ident.Relay, key ed25519.PrivateKey, change func(*link.ClientConfig)) *testDesk {
	t.Helper()
	d := &testDesk{key: key, accepted: map[uint64]int{}}
	d.cond = sync.NewCond(&d.mu)
	cfg := link.ClientConfig{Addr: addr, Pin: pin, Key: key}
	if change != nil {
		change(&cfg)
	}
	d.Client = link.NewClient(cfg, d)
	return d
}

// runDesk starts a desk's client, and stops it with the test or before.
func runDesk(t testing.TB, d *testDesk) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// enrolled returns a desk with a mailbox, connected.
func enrolled(t testing.TB, r *running) *testDesk {
	t.Helper()
	d := enrolledVia(t, r, r.addr)
	runDesk(t, d)
	d.wait(t, "up", func() bool { return len(d.ups) > 0 })
	return d
}

func enrolledVia(t testing.TB, r *running, addr string) *testDesk {
	t.Helper()
	i := invite(t, r, relay.InviteOptions{})
	key := newKey(t)
	up, err := link.Enrol(t.Context(), i, link.ClientConfig{Key: key})
	if err != nil || !up.Enrolled || up.Epoch == 0 {
		t.Fatalf("Enrol = %+v, %v", up, err)
	}
	return newDesk(t, addr, i.Pin, key, nil)
}

// allow lets senders put into d's mailbox and waits until the relay knows.
func allow(t testing.TB, d *testDesk, senders ...*testDesk) {
	t.Helper()
	var keys []ed25519.PublicKey
	for _, s := range senders {
		keys = append(keys, public(s.key))
	}
	d.Allow(keys)
	poll(t, "allow list known", func() bool { return d.Status().AllowKnown })
}

func poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("%s: did not happen", what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// env makes an envelope with a valid header and random contents.
func env(lane uint8, size int) []byte {
	h := envelope.Header{Suite: 1, Type: envelope.Chain, Lane: lane, Length: uint32(size),
		Expiry: uint32(time.Now().Add(time.Hour).Unix() / 60)}
	rand.Read(h.Nonce[:])
	b := h.Append(nil)
	b = append(b, make([]byte, size-len(b))...)
	rand.Read(b[envelope.HeaderSize:])
	return b
}

func put(t testing.TB, d *testDesk, ref uint64, e []byte, to ...*testDesk) {
	t.Helper()
	var boxes []ident.Mailbox
	for _, x := range to {
		boxes = append(boxes, x.Mailbox())
	}
	h, err := envelope.Parse(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Put(link.Put{Ref: ref, Lane: h.Lane, To: boxes, Envelope: e}); err != nil {
		t.Fatal(err)
	}
}
