package exchange_test

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

var one = suite.One

// hub is a relay in memory: it keeps what is put and gives it to whoever is
// connected. Tests make it misbehave.
type hub struct {
	id ident.Relay

	mu        sync.Mutex
	epoch     uint64
	seq       uint64
	boxes     map[ident.Mailbox][]link.Delivery
	seen      map[envelope.ID]bool
	on        map[ident.Mailbox]*fakeLink
	tap       func(p link.Put) bool // false: swallowed after it was accepted
	puts      int
	open      chan struct{} // nil: at once; else links come up when it is closed
	mute      bool          // never answers a put
	revoked   []ed25519.PublicKey
	putter    ident.Mailbox   // of the put that tap looks at
	forgotten []ident.Mailbox // that a desk asked to be emptied of what it put
	stalling  bool
	waiting   []stalled
	// withhold says what does not reach a mailbox, though it was accepted.
	withhold func(from, to ident.Mailbox, env []byte) bool
	// accused: a desk lies in its slices, or complains of others'. Else no desk may
	// complain of another, whatever happens to it.
	accused bool
	// unlisted says whose puts are refused because an owner does not list them.
	unlisted func(from ident.Mailbox) bool
	// ahead is how far the relay's clock is ahead of the desks'. It refuses what
	// has expired by it.
	ahead time.Duration
}

func newHub() *hub {
	return &hub{id: ident.Relay{0xee}, epoch: 1, boxes: map[ident.Mailbox][]link.Delivery{}, seen: map[envelope.ID]bool{}, on: map[ident.Mailbox]*fakeLink{}}
}

// fakeLink is a desk's end of the hub.
type fakeLink struct {
	hub  *hub
	own  ident.Mailbox
	h    link.Handler
	work chan func()
}

func (h *hub) connect(ctx context.Context, own ident.Mailbox, handler link.Handler) *fakeLink {
	l := &fakeLink{hub: h, own: own, h: handler, work: make(chan func(), 1<<16)}
	go func() {
		if h.open != nil {
			select {
			case <-ctx.Done():
				return
			case <-h.open:
			}
		}
		for {
			select {
			case <-ctx.Done():
				return
			case fn := <-l.work:
				fn()
			}
		}
	}()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.on[own] = l
	epoch, waiting := h.epoch, slices.Clone(h.boxes[own])
	l.work <- func() { handler.Up(link.Up{Epoch: epoch, Enrolled: true, RelayTime: time.Now().Add(h.ahead)}) }
	for _, d := range waiting {
		l.work <- func() { handler.Deliver([]link.Delivery{d}) }
	}
	return l
}

func (l *fakeLink) Put(p link.Put) error {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.puts++
	if h.mute {
		return nil
	}
	if h.stalling {
		h.waiting = append(h.waiting, stalled{l, p})
		return nil
	}
	if h.unlisted != nil && h.unlisted(l.own) {
		l.work <- func() {
			l.h.Refused(link.Refusal{Ref: p.Ref, To: p.To, Reason: link.ReasonNotAllowed, RetryAfter: 5 * time.Second})
		}
		return nil
	}
	if head, err := envelope.Parse(p.Envelope); err == nil && time.Unix(60*int64(head.Expiry), 0).Before(time.Now().Add(h.ahead)) {
		l.work <- func() { l.h.Refused(link.Refusal{Ref: p.Ref, To: p.To, Reason: link.ReasonExpired}) }
		return nil
	}
	l.work <- func() { l.h.Accepted([]uint64{p.Ref}) }
	id := envelope.Identify(p.Envelope)
	if h.seen[id] {
		return nil
	}
	h.seen[id] = true
	h.putter = l.own
	if h.tap != nil && !h.tap(p) {
		return nil
	}
	h.give(p, p.To)
	return nil
}

// give puts an envelope into mailboxes; mu is held.
func (h *hub) give(p link.Put, to []ident.Mailbox) {
	for _, box := range to {
		if h.withhold != nil && h.withhold(h.putter, box, p.Envelope) {
			continue
		}
		h.seq++
		d := link.Delivery{Mailbox: box, Lane: p.Lane, Seq: h.seq, Envelope: p.Envelope}
		h.boxes[box] = append(h.boxes[box], d)
		if to := h.on[box]; to != nil {
			to.work <- func() { to.h.Deliver([]link.Delivery{d}) }
		}
	}
}

func (l *fakeLink) Ack(lane uint8, seq uint64) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.boxes[l.own] = slices.DeleteFunc(l.hub.boxes[l.own], func(d link.Delivery) bool { return d.Lane == lane && d.Seq <= seq })
}

// Withdraw takes back what waits at a stalled relay.
func (l *fakeLink) Withdraw(ref uint64) bool {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.waiting)
	h.waiting = slices.DeleteFunc(h.waiting, func(w stalled) bool { return w.l == l && w.p.Ref == ref })
	return len(h.waiting) < n
}

// stalled is a put of which nothing has left.
type stalled struct {
	l *fakeLink
	p link.Put
}

// stall keeps puts from leaving, until flow.
func (h *hub) stall() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stalling = true
}

func (h *hub) flow() {
	h.mu.Lock()
	waiting := h.waiting
	h.stalling, h.waiting = false, nil
	h.mu.Unlock()
	for _, w := range waiting {
		_ = w.l.Put(w.p)
	}
}

func (l *fakeLink) Forget(box ident.Mailbox) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.forgotten = append(l.hub.forgotten, box)
}
func (l *fakeLink) Allow([]ed25519.PublicKey) {}
func (l *fakeLink) Revoke(keys ...ed25519.PublicKey) {
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	l.hub.revoked = append(l.hub.revoked, keys...)
}
func (l *fakeLink) Status() link.Status { return link.Status{State: link.StateUp} }

// party is an organisation with one desk in a test.
type party struct {
	name string
	root roster.Signer
	id   ident.Party
	self exchange.Self
	add  roster.Statement
	box  ident.Mailbox
	seal suite.SealKey
	dir  string
	key  []byte
	wall func() time.Time // nil: the real clock
	keep time.Duration    // retention; zero: for good
	log  *slog.Logger     // nil: warnings are printed
}

func newParty(t testing.TB, name string, h *hub) *party {
	t.Helper()
	return newDesk(t, name, 1, suite.One.NewRootKey(), h)
}

// newDesk makes the number-th desk of the party with that root.
func newDesk(t testing.TB, name string, number uint64, root roster.Signer, h *hub) *party {
	t.Helper()
	p := &party{name: name, root: root, seal: suite.One.NewSealKey(), dir: filepath.Join(t.TempDir(), name), key: make([]byte, store.KeySize)}
	_, _ = rand.Read(p.key)
	p.id = roster.PartyOf(one, p.root.Public())
	p.self = exchange.Self{
		Party: p.id, PartyName: name, DeskName: fmt.Sprintf("%s-%d", name, number),
		MessageKey: suite.One.NewMessageKey(), DeskKey: suite.One.NewDeskKey(), Control: suite.One.NewSealKey(),
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert, err := roster.NewCertificate(one, p.root, roster.Certificate{
		Name: p.self.DeskName, Role: "watch officer", MessageKey: p.self.MessageKey.Public(), DeskKey: p.self.DeskKey.Public(),
		ControlKey: p.self.Control.Public(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.self.Desk = cert.ID(one)
	seal, err := roster.NewAnnouncement(p.self.DeskKey, roster.Announcement{Desk: p.self.Desk, Number: 1, Public: p.seal.Public(), Time: now})
	if err != nil {
		t.Fatal(err)
	}
	pub, _, _ := ed25519.GenerateKey(rand.Reader)
	p.box = link.MailboxOf(pub)
	p.add, err = roster.NewStatement(one, p.root, roster.Statement{Type: roster.AddDesk, Number: number, Time: now, Add: &roster.Addition{
		Certificate: cert, SealKey: seal, Mailboxes: []roster.Mailbox{{Addr: "relay.example:4711", Relay: h.id, Box: p.box, Putter: pub}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// charter founds a line of parties.
func charter(t testing.TB, name string, parties ...*party) roster.Charter {
	t.Helper()
	c := roster.Charter{
		Name: name, Profile: "bilateral", Created: time.Now().UTC().Truncate(time.Millisecond), Clocks: roster.DefaultClocks(),
		Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers}, SealKeyPeriod: 24 * time.Hour,
		Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	_, _ = rand.Read(c.Nonce[:])
	for _, p := range parties {
		c.Members = append(c.Members, roster.Member{Party: p.id, Name: p.name, Root: p.root.Public()})
	}
	c, err := roster.NewCharter(one, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// desk is a running engine over a party's folder.
type desk struct {
	*exchange.Engine
	*party
	store *store.Store
	blobs *blob.Dir
	stop  func()
	hub   *hub
	// virtual says that the test runs in virtual time.
	virtual bool
}

// found writes the state of a desk that has paired with parties and opened c.
func (p *party) found(t testing.TB, c roster.Charter, parties ...*party) {
	t.Helper()
	p.foundWithout(t, c, nil, parties...)
}

// foundWithout is found before the statements of one of them came.
func (p *party) foundWithout(t testing.TB, c roster.Charter, not *party, parties ...*party) {
	t.Helper()
	st := p.open(t)
	defer st.Close()
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		if err := exchange.PutSealKey(tx, 1, p.seal); err != nil {
			return err
		}
		for _, o := range parties {
			err := tx.PutParty(store.Party{ID: o.id, Name: o.name, Root: o.root.Public(), Self: o.id == p.id, PairedAt: time.Now(), How: map[bool]string{true: store.BySelf, false: store.ByPack}[o.id == p.id]})
			if err != nil && !errors.Is(err, store.ErrExists) { // a second desk of a party
				return err
			}
			if o == not {
				continue
			}
			if _, err := tx.PutStatement(o.add.ID(one), o.id, ident.Line{}, o.add.Bytes()); err != nil {
				return err
			}
		}
		return tx.PutLine(store.Line{ID: c.ID(one), Name: c.Name, Charter: c.Bytes(), State: "open", CreatedAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (p *party) open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), p.dir, p.key, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// start runs the desk until the test ends or stop is called.
func (p *party) start(t testing.TB, h *hub) *desk { return p.startOn(t, h) }

// startOn is start; without a hub it has no relay that answers.
func (p *party) startOn(t testing.TB, h *hub) *desk {
	t.Helper()
	if h == nil {
		h = newHub()
		h.open = make(chan struct{}) // and it is never closed
	}
	d := &desk{party: p, store: p.open(t), hub: h}
	var err error
	if d.blobs, err = blob.Open(filepath.Join(p.dir, "files")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.Engine, err = exchange.New(ctx, exchange.Config{
		Store: d.store, Blobs: d.blobs, Suite: one, Self: p.self,
		Connect: func(ctx context.Context, _ roster.Mailbox, handler link.Handler) exchange.Link {
			return h.connect(ctx, p.box, handler)
		},
		Control: func(*exchange.Batch, roster.Entry, chain.Control) error { return nil },
		Log:     cmp.Or(p.log, slog.New(slog.NewTextHandler(testWriter{t, p.name}, &slog.HandlerOptions{Level: slog.LevelWarn}))),
		Wall:    p.wall, Retention: p.keep,
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	d.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("engine of %s: %v", p.name, err)
			}
			n := 0
			_ = d.store.View(context.Background(), func(tx *store.Tx) error { return tx.Row("SELECT count(*) FROM complaint").Scan(&n) })
			if n > 0 && !h.accused {
				t.Errorf("%s keeps %d complaints, and every desk was honest", p.name, n)
			}
			_ = d.blobs.Close()
			_ = d.store.Close()
		})
	}
	t.Cleanup(d.stop)
	return d
}

type testWriter struct {
	t    testing.TB
	name string
}

func (w testWriter) Write(b []byte) (int, error) {
	fmt.Printf("%s %s", w.name, b)
	return len(b), nil
}

// patience is how long a test waits: in virtual time it costs nothing, and in
// real time only where something is broken; a slow machine is not.
func (d *desk) patience() time.Duration {
	if d.virtual {
		return time.Hour
	}
	return time.Minute
}

// until waits for something that events announce.
func (d *desk) until(t testing.TB, what string, ok func(tx *store.Tx) bool) {
	t.Helper()
	deadline := time.NewTimer(d.patience())
	defer deadline.Stop()
	for {
		changed := d.Changed()
		good := false
		if err := d.store.View(t.Context(), func(tx *store.Tx) error { good = ok(tx); return nil }); err != nil {
			t.Fatal(err)
		}
		if good {
			return
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // not everything is an event
		case <-deadline.C:
			t.Fatalf("%s: never %s", d.name, what)
		}
	}
}

// has reports whether a message's ladder has a step.
func has(id ident.Message, state string) func(tx *store.Tx) bool {
	return func(tx *store.Tx) bool {
		ladder, _ := tx.Ladder(id)
		return slices.ContainsFunc(ladder, func(r store.Rung) bool { return r.State == state })
	}
}
