// Package relay is a store-and-forward node: it takes sealed envelopes for
// mailboxes, says "accepted" when they are on its disk, and pushes them to
// their owners. It knows neither names nor identities nor contents.
//
// It assembles a spool and links: [Init] makes a directory, [New] and
// [Relay.Run] serve it, [Invite] prints a token that lets a desk enrol. An
// envelope goes to a connected owner from memory, right behind the commit; one
// that is not connected, or slow, costs no memory, because what waits, waits in
// the spool. This package is on floor 5.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/spool"
	"hotline/internal/spool/sqlitespool"
)

// Config says which relay to run. A zero number means the default.
type Config struct {
	Dir string
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// Public is what invitations name; empty means the address listened on.
	Public string
	// MailboxBytes is the quota of a mailbox whose invitation names none.
	MailboxBytes int64
	// TotalBytes bounds all envelopes together.
	TotalBytes int64
	// Connections bounds the desks connected at once.
	Connections int
	Log         *slog.Logger // nil discards
	// Ready, if set, is called once with the address listened on.
	Ready func(addr string)
}

// Defaults of [Config].
const (
	DefaultMailboxBytes = 1 << 30
	DefaultTotalBytes   = 20 << 30
	DefaultConnections  = 4096
)

const (
	// helloTimeout is how long a stranger has for TLS and HELLO: 12 round
	// trips over HF.
	helloTimeout = 20 * time.Second
	sweepEvery   = 5 * time.Minute
)

// Relay is one relay. Make one with [New].
type Relay struct {
	cfg   Config
	log   *slog.Logger
	id    *link.Identity
	spool *sqlitespool.Spool
	boxes *boxFile
	lock  *dirLock
	hub   *hub
	gate  *gate
	meets *meetings
	since time.Time
	addr  string

	accepted, refused atomic.Uint64
	serving           sync.WaitGroup
}

// New opens the relay in cfg.Dir. Only one process can have it open. It takes
// its files with it when it fails; otherwise [Relay.Run] closes them.
func New(ctx context.Context, cfg Config) (r *Relay, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.MailboxBytes = orDefault(cfg.MailboxBytes, DefaultMailboxBytes)
	cfg.TotalBytes = orDefault(cfg.TotalBytes, DefaultTotalBytes)
	cfg.Connections = orDefault(cfg.Connections, DefaultConnections)
	key, err := readKey(cfg.Dir)
	if err != nil {
		return nil, err
	}
	made := &Relay{cfg: cfg, log: cfg.Log, hub: newHub(), gate: newGate(), meets: newMeetings(), since: time.Now()}
	if made.id, err = link.NewIdentity(key); err != nil {
		return nil, fmt.Errorf("open relay: %w", err)
	}
	if made.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	if err := made.open(ctx); err != nil {
		return nil, errors.Join(err, made.close())
	}
	return made, nil
}

func orDefault[T int | int64](v, d T) T {
	if v == 0 {
		return d
	}
	return v
}

// open opens the spool, and gives it back the mailboxes that it should have.
func (r *Relay) open(ctx context.Context) (err error) {
	if r.spool, err = openSpool(ctx, r.cfg.Dir, r.log); err != nil {
		return err
	}
	if r.boxes, err = openBoxFile(r.cfg.Dir); err != nil {
		return err
	}
	for _, b := range r.boxes.entries {
		if err := r.spool.Adopt(ctx, b.box, b.owner, b.quota); err != nil {
			return fmt.Errorf("open relay: %w", err)
		}
	}
	return nil
}

func openSpool(ctx context.Context, dir string, log *slog.Logger) (*sqlitespool.Spool, error) {
	s, err := sqlitespool.Open(ctx, path(dir, spoolFile), sqlitespool.Options{Log: log})
	if errors.Is(err, sqlitespool.ErrNewerSchema) {
		return nil, fault.Wrap(err, fault.Config, "This relay's data was written by a newer version of hotline.").WithHint("run the newer version")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Config, "The relay's spool cannot be opened.")
	}
	return s, nil
}

func (r *Relay) close() error {
	var errs []error
	if r.spool != nil {
		errs = append(errs, r.spool.Close())
	}
	if r.boxes != nil {
		errs = append(errs, r.boxes.close())
	}
	if r.lock != nil {
		errs = append(errs, r.lock.close())
	}
	return errors.Join(errs...)
}

// ID returns the relay's id, which desks pin.
func (r *Relay) ID() ident.Relay { return r.id.ID() }

// Run serves until ctx ends, then closes the relay; it returns nil when ctx
// ended it, and the error that stopped it otherwise.
func (r *Relay) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, r.close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer r.serving.Wait()
	defer stop()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", r.cfg.Listen)
	if err != nil {
		return fault.Wrap(err, fault.Config, "The relay cannot listen on %s.", r.cfg.Listen)
	}
	defer ln.Close()
	r.addr = ln.Addr().String()
	if r.cfg.Public == "" {
		r.cfg.Public = r.addr
	}
	ctl, err := r.listenControl()
	if err != nil {
		return fault.Wrap(err, fault.Config, "The relay's control socket cannot be made.")
	}
	defer ctl.Close()
	r.serving.Add(3)
	go r.serveControl(ctx, ctl)
	go r.sweep(ctx)
	failed := make(chan error, 1)
	go func() { defer r.serving.Done(); failed <- r.acceptAll(ctx, ln) }()
	r.log.Info("relay ready", "addr", r.addr, "relay", r.ID().String())
	if r.cfg.Ready != nil {
		r.cfg.Ready(r.addr)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("accept desks: %w", err)
	case <-r.spool.Failed():
		return fault.Wrap(r.spool.Err(), fault.Internal, "The relay's spool failed; the relay stops so that nothing is accepted that is not kept.")
	}
}

// acceptAll takes connections. Each stranger is bounded in time and memory.
func (r *Relay) acceptAll(ctx context.Context, ln net.Listener) error {
	context.AfterFunc(ctx, func() { ln.Close() })
	for {
		nc, err := ln.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			// Out of descriptors: wait for some to come back.
			r.log.Warn("accept", "err", err)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		leave, ok := r.gate.enter(nc.RemoteAddr())
		if !ok {
			nc.Close()
			continue
		}
		r.serving.Add(1)
		go func() {
			defer r.serving.Done()
			r.greet(ctx, nc, leave)
		}()
	}
}

// greet finds out who it is and serves it until it leaves.
func (r *Relay) greet(ctx context.Context, nc net.Conn, leave func()) {
	hello, stop := context.WithTimeout(ctx, helloTimeout)
	p, err := link.Accept(hello, nc, r.id)
	stop()
	leave()
	if err != nil {
		r.log.Debug("greet desk", "err", err)
		return
	}
	switch p.Purpose {
	case link.Enrolling:
		r.enrol(ctx, p)
	case link.BulkOf:
		r.join(p)
	case link.Meeting:
		r.meet(ctx, p)
	default:
		r.serve(ctx, p)
	}
}

// answer is the relay's half of HELLO for a mailbox or a guest.
func (r *Relay) answer(box ident.Mailbox) link.Answer {
	a := link.Answer{Epoch: r.spool.Epoch(), Time: time.Now()}
	if u, err := r.spool.Usage(box); err == nil {
		a.Enrolled, a.Quota, a.Used, a.AllowHash = true, u.Quota, u.Used, u.AllowHash
	}
	return a
}

// enrol makes a mailbox for whoever shows an invitation.
func (r *Relay) enrol(ctx context.Context, p *link.Pending) {
	box := link.MailboxOf(p.Key)
	err := r.spool.Enrol(ctx, box, spool.Putter(p.Key), p.Secret[:], time.Now())
	if err == nil {
		var u spool.Usage
		if u, err = r.spool.Usage(box); err == nil {
			err = r.boxes.add(boxEntry{box, spool.Putter(p.Key), u.Quota})
		}
	}
	switch {
	case errors.Is(err, spool.ErrToken):
		r.log.Warn("enrolment refused", "box", short(box))
		p.Refuse(link.ReasonToken)
	case err != nil:
		r.log.Error("enrol", "box", short(box), "err", err)
		p.Refuse(link.ReasonBusy)
	default:
		r.log.Info("enrolled", "box", short(box))
		p.Finish(r.answer(box))
	}
}

// short names a mailbox in the log, without making logs a list of mailboxes.
func short(m ident.Mailbox) string { return fmt.Sprintf("%x", m[:3]) }

// sweep deletes what has expired.
func (r *Relay) sweep(ctx context.Context) {
	defer r.serving.Done()
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		n, err := r.spool.Expire(ctx, time.Now())
		if err != nil && ctx.Err() == nil {
			r.log.Error("sweep", "err", err)
		} else if n > 0 {
			r.log.Info("expired", "envelopes", n)
		}
		r.hub.forget(time.Now())
		r.meets.forget(time.Now())
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
