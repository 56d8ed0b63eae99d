package hostile

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// one is the suite of all that is played here.
const one = suite.One

// Party is an organisation: a root, and desks.
type Party struct {
	Name  string
	ID    ident.Party
	Root  suite.RootKey
	Desks []*Desk
}

// Desk is one desk of a party: its keys and its folder, and while it runs its
// engine over them. A [Puppet] has the keys without an engine.
type Desk struct {
	*exchange.Engine
	Party   *Party
	Self    exchange.Self
	Add     roster.Statement
	Box     ident.Mailbox
	Seal    suite.SealKey
	mailbox ed25519.PrivateKey
	world   *World
	dir     string
	key     []byte
	store   *store.Store
	blobs   *blob.Dir
	log     *counter
	stop    func()
}

// World is a network with relays, parties and lines.
type World struct {
	net     *network
	Relay   *Relay
	dir     string
	Parties []*Party
	Lines   []roster.Charter
	memo    *exchange.Memo
}

// NewWorld makes a world whose folders stand under dir.
func NewWorld(dir string, seed uint64) (*World, error) {
	w := &World{net: newNetwork(), dir: dir, memo: exchange.NewMemo(one)}
	var err error
	w.Relay, err = newRelay(w.net, "relay.example:4711", seed)
	return w, err
}

// Found adds a party with a number of desks.
func (w *World) Found(name string, desks int) (*Party, error) {
	p := &Party{Name: name, Root: one.NewRootKey()}
	p.ID = roster.PartyOf(one, p.Root.Public())
	w.Parties = append(w.Parties, p)
	for n := range desks {
		if err := w.add(p, uint64(n+1)); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// add makes the number-th desk of a party.
func (w *World) add(p *Party, number uint64) error {
	d := &Desk{
		Party: p, Seal: one.NewSealKey(), world: w, key: make([]byte, store.KeySize), log: &counter{},
		Self: exchange.Self{
			Party: p.ID, PartyName: p.Name, DeskName: fmt.Sprintf("%s-%d", p.Name, number),
			MessageKey: one.NewMessageKey(), DeskKey: one.NewDeskKey(), Control: one.NewSealKey(),
		},
	}
	d.dir = filepath.Join(w.dir, d.Self.DeskName)
	_, _ = rand.Read(d.key) // never fails
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert, err := roster.NewCertificate(one, p.Root, roster.Certificate{
		Name: d.Self.DeskName, Role: "watch officer", MessageKey: d.Self.MessageKey.Public(), DeskKey: d.Self.DeskKey.Public(),
		ControlKey: d.Self.Control.Public(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
	})
	if err != nil {
		return err
	}
	d.Self.Desk = cert.ID(one)
	seal, err := roster.NewAnnouncement(d.Self.DeskKey, roster.Announcement{Desk: d.Self.Desk, Number: 1, Public: d.Seal.Public(), Time: now})
	if err != nil {
		return err
	}
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	d.mailbox, d.Box = key, link.MailboxOf(pub)
	d.Add, err = roster.NewStatement(one, p.Root, roster.Statement{Type: roster.AddDesk, Number: number, Time: now, Add: &roster.Addition{
		Certificate: cert, SealKey: seal, Mailboxes: []roster.Mailbox{{Addr: w.Relay.Addr, Relay: w.Relay.ID(), Box: d.Box, Putter: pub}},
	}})
	p.Desks = append(p.Desks, d)
	return err
}

// Line founds a line of parties.
func (w *World) Line(name string, parties ...*Party) (ident.Line, error) {
	c := roster.Charter{
		Name: name, Profile: "bilateral", Created: time.Now().UTC().Truncate(time.Millisecond), Clocks: roster.DefaultClocks(),
		Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers}, SealKeyPeriod: 24 * time.Hour,
		Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	_, _ = rand.Read(c.Nonce[:]) // never fails
	for _, p := range parties {
		c.Members = append(c.Members, roster.Member{Party: p.ID, Name: p.Name, Root: p.Root.Public()})
	}
	c, err := roster.NewCharter(one, c)
	if err != nil {
		return ident.Line{}, err
	}
	w.Lines = append(w.Lines, c)
	return c.ID(one), nil
}

// member reports whether a party is on a line.
func member(c *roster.Charter, p *Party) bool {
	for _, m := range c.Members {
		if m.Party == p.ID {
			return true
		}
	}
	return false
}

// Start writes what a desk knows that has paired with every party of its lines,
// and runs it.
func (d *Desk) Start(ctx context.Context) error {
	st, err := store.Open(ctx, d.dir, d.key, store.Options{})
	if err != nil {
		return err
	}
	if err := errors.Join(st.Update(ctx, d.found), st.Close()); err != nil {
		return err
	}
	return d.Run(ctx)
}

func (d *Desk) found(tx *store.Tx) error {
	if err := exchange.PutSealKey(tx, 1, d.Seal); err != nil {
		return err
	}
	knows := map[*Party]bool{d.Party: true}
	for _, c := range d.world.Lines {
		if !member(&c, d.Party) {
			continue
		}
		for _, p := range d.world.Parties {
			knows[p] = knows[p] || member(&c, p)
		}
		err := tx.PutLine(store.Line{ID: c.ID(one), Name: c.Name, Charter: c.Bytes(), State: "open", CreatedAt: time.Now()})
		if err != nil {
			return err
		}
	}
	for p, known := range knows {
		if !known {
			continue
		}
		how := store.ByPack
		if p == d.Party {
			how = store.BySelf
		}
		if err := tx.PutParty(store.Party{ID: p.ID, Name: p.Name, Root: p.Root.Public(), Self: p == d.Party, PairedAt: time.Now(), How: how}); err != nil {
			return err
		}
		for _, o := range p.Desks {
			if _, err := tx.PutStatement(o.Add.ID(one), p.ID, ident.Line{}, o.Add.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run runs a desk that was started before.
func (d *Desk) Run(ctx context.Context) (err error) {
	if d.store, err = store.Open(ctx, d.dir, d.key, store.Options{}); err != nil {
		return err
	}
	if d.blobs, err = blob.Open(filepath.Join(d.dir, "files")); err != nil {
		return errors.Join(err, d.store.Close())
	}
	run, cancel := context.WithCancel(context.Background())
	var links sync.WaitGroup
	d.Engine, err = exchange.New(run, exchange.Config{
		Store: d.store, Blobs: d.blobs, Suite: one, Self: d.Self, Memo: d.world.memo,
		Connect: func(ctx context.Context, m roster.Mailbox, h link.Handler) exchange.Link {
			c := link.NewClient(link.ClientConfig{Addr: m.Addr, Pin: m.Relay, Key: d.mailbox, Dial: d.world.net.dial, Log: slog.New(d.log)}, h)
			links.Add(1)
			go func() { defer links.Done(); _ = c.Run(ctx) }() // it ends with ctx and says nothing else
			return c
		},
		Control: func(*exchange.Batch, roster.Entry, chain.Control) error { return nil },
		Log:     slog.New(d.log),
	})
	if err != nil {
		cancel()
		return errors.Join(err, d.blobs.Close(), d.store.Close())
	}
	done := make(chan error, 1)
	go func() { done <- d.Engine.Run(run) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			d.log.broken.Store(&err)
		}
		links.Wait()
		_ = d.blobs.Close() // nothing is written to either any more
		_ = d.store.Close()
	})
	return nil
}

// Stop ends the desk and closes its folder. It returns the error that ended the
// engine before.
func (d *Desk) Stop() error {
	d.stop()
	if err := d.log.broken.Load(); err != nil {
		return fmt.Errorf("engine of %s: %w", d.Self.DeskName, *err)
	}
	return nil
}

// View reads the desk's store.
func (d *Desk) View(ctx context.Context, fn func(tx *store.Tx) error) error {
	return d.store.View(ctx, fn)
}

// counter is a log that counts by message, and keeps the errors.
type counter struct {
	mu sync.Mutex
	// mu guards the following.
	lines  map[string]int // by message and reason
	errors []string
	broken atomic.Pointer[error]
}

// Enabled implements [slog.Handler].
func (c *counter) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn
}

// Handle implements [slog.Handler].
func (c *counter) Handle(_ context.Context, r slog.Record) error {
	what := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "reason" {
			what += ": " + a.Value.String()
		}
		return true
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lines == nil {
		c.lines = map[string]int{}
	}
	c.lines[what]++
	if r.Level >= slog.LevelError && len(c.errors) < 100 {
		text := what
		r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
		c.errors = append(c.errors, text)
	}
	return nil
}

// WithAttrs implements [slog.Handler].
func (c *counter) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements [slog.Handler].
func (c *counter) WithGroup(string) slog.Handler { return c }

// count returns how often a message whose text begins so was logged.
func (c *counter) count(prefix string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for what, k := range c.lines {
		if len(what) >= len(prefix) && what[:len(prefix)] == prefix {
			n += k
		}
	}
	return n
}
