// Package desk puts a party's end point together: store, keys, links, rules
// and doors, in the order in which they start and stop.
//
// It has no rules of its own. It opens the folder, gives each part what it
// declared that it needs, and translates between the rules (packages exchange,
// trust and watch) and the doors (packages api and console), which do not know
// one another.
//
// This package is on floor 5.
package desk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"hotline/internal/api"
	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/config"
	"hotline/internal/console"
	"hotline/internal/custody"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/journal"
	"hotline/internal/keyring"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/tpm"
	"hotline/internal/trust"
	"hotline/internal/watch"
)

// Options are what a desk needs besides its configuration.
type Options struct {
	Dir string
	// Unlock opens the folder's slots: called once, after the folder was
	// found to be free.
	Unlock  func() (keyring.Opened, error)
	Version string
	Log     *slog.Logger
}

// Desk is an open desk. Make one with [New], then [Desk.Run] it once.
type Desk struct {
	cfg    config.Desk
	opts   Options
	log    *slog.Logger
	id     identity
	store  *store.Store
	blobs  *blob.Dir
	engine *exchange.Engine
	book   *trust.Book
	keeper *journal.Keeper
	vouch  *console.Voucher
	ready  chan struct{}
	// porters takes the ids of pairings whose files are to be carried.
	porters chan string

	expires time.Time // the end of this desk's certificate; zero: unknown

	duress bool // a duress word opened it; goes into one message, and nowhere else

	destroy   sync.Once
	destroyed chan struct{} // closed when the desk was told to destroy itself

	summaries summaries

	// mu guards the following.
	mu      sync.Mutex
	console string // address of the console once it listens
}

// core is what the translators embed; the name Desk would hide a method of one.
type core = Desk

// New opens a desk's folder. The caller runs it or closes it.
func New(ctx context.Context, cfg config.Desk, o Options) (*Desk, error) {
	if !keyring.Exists(o.Dir) {
		return nil, fault.New(fault.Config, "There is no desk in %s.", o.Dir).WithHint("hotline desk init makes one")
	}
	lock, err := store.Acquire(o.Dir)
	if err != nil {
		return nil, err
	}
	d := &Desk{cfg: cfg, opts: o, log: o.Log, ready: make(chan struct{}), porters: make(chan string, 64), destroyed: make(chan struct{})}
	if err := d.open(ctx, lock); err != nil {
		if d.store == nil {
			return nil, errors.Join(err, lock.Release())
		}
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// holdsDatabase refuses a folder with keys and without a database. Opened, it
// would get an empty one and new cells, and the real line.db, put back later,
// would not fit them any more.
func holdsDatabase(dir string) error {
	st, err := os.Stat(filepath.Join(dir, "line.db"))
	switch {
	case errors.Is(err, os.ErrNotExist) && !keyring.Exists(dir):
		return nil // the keyring says it better
	case errors.Is(err, os.ErrNotExist) || err == nil && st.Size() == 0:
		return fault.New(fault.Config, "The database line.db of this desk is missing or empty; nothing was changed.").
			WithHint("put line.db back, or restore a backup; after a hotline desk init that was cut short, remove the folder")
	case err != nil:
		return fault.Wrap(err, fault.Config, "The database line.db of this desk cannot be read.")
	}
	return nil
}

func (d *Desk) open(ctx context.Context, lock *store.Lock) error {
	if err := holdsDatabase(d.opts.Dir); err != nil {
		return err
	}
	key, err := d.opts.Unlock()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, d.opts.Dir, key.Key, store.Options{Log: d.log, Lock: lock, Counter: d.counter()})
	clear(key.Key)
	if err != nil {
		return err
	}
	d.duress = key.Duress()
	d.store, d.vouch = s, console.NewVoucher(accounts{d}, nil)
	err = s.View(ctx, func(tx *store.Tx) (err error) {
		if d.id, err = loadIdentity(tx); err != nil {
			return err
		}
		if err := isDormant(tx); err != nil {
			return err
		}
		d.expires, err = expiry(tx, &d.id)
		return err
	})
	if err != nil {
		return err
	}
	if d.blobs, err = blob.Open(filepath.Join(d.opts.Dir, "files")); err != nil {
		return fmt.Errorf("open files: %w", err)
	}
	keep, err := d.cfg.Store.Keep()
	if err != nil {
		return err
	}
	d.engine, err = exchange.New(ctx, exchange.Config{
		Retention: keep,
		Store:     s, Blobs: d.blobs, Suite: d.id.MessageKey.Suite(), Self: d.id.Self, Connect: d.connect, Log: d.log,
		Control: func(b *exchange.Batch, from roster.Entry, c chain.Control) error {
			return d.book.Control(b, from, c.Kind, c.Body)
		},
	})
	if err != nil {
		return err
	}
	d.book = &trust.Book{
		Suite: d.id.MessageKey.Suite(),
		Self: trust.Self{
			Party: d.id.Party, PartyName: d.id.PartyName, Root: d.id.root, Desk: d.id.Self.Desk, DeskName: d.id.DeskName, DeskKey: d.id.DeskKey,
		},
		Persons: d.cfg.Pairing.Persons,
		Step: func(ctx context.Context, fn func(o trust.Outlet) error) error {
			return d.engine.Transact(ctx, func(b *exchange.Batch) error { return fn(b) })
		},
	}
	if left := time.Until(d.expires); !d.expires.IsZero() && left < api.ExpiryWarning {
		d.log.Warn("this desk's certificate ends soon; hotline desk rotate makes another", "ends", d.expires.UTC().Format(time.RFC3339))
	}
	d.keeper = d.keep()
	if p := s.Provenance(); p != store.Clean {
		d.log.Warn("this folder is not the one that was closed; new keys are made", "provenance", p.String())
	}
	debug.FreeOSMemory() // the passphrase took 256 MiB
	return nil
}

// counter is the TPM's count of this desk's starts, if it has one.
func (d *Desk) counter() store.Counter {
	index, err := keyring.Counter(d.opts.Dir)
	if err != nil || index == 0 {
		return nil
	}
	return tpm.Counter{Addr: d.cfg.Store.TPM, Index: index}
}

// connect starts a link to a relay.
func (d *Desk) connect(ctx context.Context, m roster.Mailbox, h link.Handler) exchange.Link {
	c := link.NewClient(link.ClientConfig{Addr: m.Addr, Pin: m.Relay, Key: d.id.mailbox, Log: d.log}, h)
	go func() { _ = c.Run(ctx) }() // it ends with ctx and says nothing else
	return c
}

// Close closes the folder. Run does it by itself.
func (d *Desk) Close() error {
	var errs []error
	if d.blobs != nil {
		errs = append(errs, d.blobs.Close())
	}
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	return errors.Join(errs...)
}

// Ready is closed when the desk serves its control socket and console.
func (d *Desk) Ready() <-chan struct{} { return d.ready }

// Names returns the names of party and desk.
func (d *Desk) Names() (party, desk string) { return d.id.PartyName, d.id.DeskName }

// Console returns the console's address, "http://127.0.0.1:8650", once the
// desk is ready; empty when it has none.
func (d *Desk) Console() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.console
}

// Run serves until ctx ends or a part fails, and closes the folder. It returns
// nil when ctx ended.
func (d *Desk) Run(ctx context.Context) (err error) {
	defer func() { err = d.end(err) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var listener net.Listener
	if d.cfg.Console.Listen != "" {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", d.cfg.Console.Listen)
		if err != nil {
			return fault.Wrap(err, fault.Config, "The console cannot listen on %s.", d.cfg.Console.Listen).
				WithHint("is another desk running there? set console.listen in desk.toml")
		}
		d.mu.Lock()
		d.console = "http://" + listener.Addr().String()
		d.mu.Unlock()
	}
	server := d.server()
	socketReady := make(chan struct{})
	parts := map[string]func(context.Context) error{
		"exchange": d.engine.Run,
		"watch":    (&watch.Clock{Queue: queue{d.engine}, Kick: d.engine.Clock(), Log: d.log}).Run,
		"remind":   d.remind,
		"opened":   d.sayOpened,
		"journal":  d.keeper.Run,
		"pairings": d.carry,
		"socket": func(ctx context.Context) error {
			path := filepath.Join(d.opts.Dir, api.SocketName)
			return api.ServeSocket(ctx, path, server, d.officer, d.log, func() { close(socketReady) })
		},
	}
	if listener != nil {
		parts["console"] = func(ctx context.Context) error { return d.serveConsole(ctx, listener, server) }
	}
	go func() {
		select {
		case <-socketReady:
			close(d.ready)
		case <-ctx.Done():
		}
	}()
	go func() {
		select {
		case <-d.destroyed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return runAll(ctx, cancel, parts)
}

// end closes the folder, and destroys it if the desk was told so.
func (d *Desk) end(err error) error {
	select {
	case <-d.destroyed:
	default:
		return errors.Join(err, d.Close())
	}
	_ = d.Close() // its files may be gone
	_, err = custody.Destroy(d.opts.Dir)
	return err
}

// runAll runs parts until one fails or ctx ends, and waits for all.
func runAll(ctx context.Context, cancel func(), parts map[string]func(context.Context) error) error {
	type end struct {
		part string
		err  error
	}
	ends := make(chan end, len(parts))
	for name, run := range parts {
		go func() { ends <- end{name, run(ctx)} }()
	}
	var first error
	for range parts {
		e := <-ends
		if e.err != nil && first == nil && !errors.Is(e.err, context.Canceled) {
			first = fmt.Errorf("%s: %w", e.part, e.err)
		}
		cancel() // one that ends, ends all
	}
	return first
}

// server is the JSON door over the rules.
func (d *Desk) server() http.Handler {
	s := &api.Server{
		Status: status{d}, Lines: lines{d}, Joining: joining{d}, Trust: belonging{d}, Standing: standing{d}, Messages: messages{d}, Uploads: uploads{d},
		Pairings: pairings{d}, Vouching: vouching{d}, Events: events{d}, Journal: records{d}, Custody: keeper{d}, Answers: answers{d}, Log: d.log,
	}
	return s.Handler()
}

// officer is who the command line acts as.
func (d *Desk) officer(uint32) api.Officer {
	return api.Officer{Name: d.cfg.Socket.Officer, Role: api.Role(d.cfg.Socket.Role)}
}

// serveConsole serves the officers' pages until ctx ends.
func (d *Desk) serveConsole(ctx context.Context, ln net.Listener, apiHandler http.Handler) error {
	c := console.New(console.Config{
		API: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			o, ok := console.OfficerFrom(r.Context())
			if ok {
				r = r.WithContext(api.WithOfficer(r.Context(), api.Officer{Name: o.Name, Role: api.Role(o.Role)}))
			}
			apiHandler.ServeHTTP(w, r)
		}),
		Accounts: accounts{d}, Sessions: sessions{d}, Voucher: d.vouch, DeskID: d.id.Self.Desk, DeskName: d.id.DeskName,
		Version: d.opts.Version, Hosts: d.hosts(), Log: d.log,
	})
	srv := console.Server(c, d.log)
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	go func() {
		<-ctx.Done()
		// Streams end with ctx; what else is open gets a moment.
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := srv.Shutdown(stop); err != nil {
			_ = srv.Close()
		}
	}()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve console: %w", err)
	}
	return nil
}

func (d *Desk) hosts() []string {
	return append([]string{"localhost", "127.0.0.1", "::1"}, d.cfg.Console.Hosts...)
}

// remindEvery is how often lines that wait for signatures are offered again.
const remindEvery = 10 * time.Minute

func (d *Desk) remind(ctx context.Context) error {
	t := time.NewTicker(remindEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if err := d.book.Remind(ctx); err != nil && ctx.Err() == nil {
				d.log.Error("remind of proposed lines", "err", err)
			}
		}
	}
}

// queue gives the watch what waits.
type queue struct{ e *exchange.Engine }

func (q queue) NextStep(ctx context.Context) (watch.Waiting, bool, error) {
	m, ok, err := q.e.NextStep(ctx)
	return watch.Waiting{
		Message: m.ID, Level: m.Precedence, From: m.CommittedAt, Due: m.DueAt, Step: m.Step, At: m.NextAt,
	}, ok, err
}

func (q queue) Stepped(ctx context.Context, w watch.Waiting, past int, next time.Time, overdue bool) error {
	return q.e.Stepped(ctx, w.Message, past, next, overdue)
}
