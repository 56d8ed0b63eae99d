package exchange

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// Engine is the desk's clerk. Make one with [New]; its exported methods are
// safe for use by several goroutines.
type Engine struct {
	cfg   Config
	steps chan step
	// urgent wakes the run loop for work it made for itself.
	kick    chan struct{}
	clock   chan struct{} // signalled when a clock may have to start or stop
	changed *broadcast

	view  atomic.Pointer[View]
	links atomic.Pointer[[]linkView] // for Relays
	// behind is how far our clock is behind the relays', in nanoseconds.
	behind atomic.Int64

	// The run loop alone uses the following.
	ctx       context.Context
	lines     map[ident.Line]*line
	dir       *directory
	senders   map[ident.Group]*sender
	receivers map[[16]byte]*receiver
	sealKeys  map[[16]byte]sealKey // own, by slice tag
	relays    map[ident.Relay]*relay
	files     map[[16]byte]*incoming
	verifying chan struct{} // held by the one that verifies a file
	sending   []*outgoing
	untold    []ident.Message             // committed, "delivered" not sealed yet
	tellMost  int                         // of untold in one batch
	tellAfter time.Time                   // not before, after a failure
	parked    *[2]int64                   // bytes that wait for keys, below FLASH and in it; nil: not known
	repeated  map[ident.Message]time.Time // when "delivered" was sealed once more
	fresh     bool                        // state could not be proved: start new sending keys
	steady    steady
	checks    map[ident.Group]*checking
	claims    map[claimKey]claim
	recent    map[envelope.ID]bool                  // chain envelopes that were opened
	wanted    map[ident.Desk]map[[32]byte]time.Time // ends of sending keys that were asked for
	rations   map[ration]spent                      // what was done for whom, and how often
	waiting   map[ident.Party][]roster.Statement    // for rotations, by who brought them
	memo      *Memo
	cut       map[ident.Desk]bool // removals that have had their effect here
	rekeyAt   time.Time           // before this, steady, nothing makes new keys ahead of need
	lastCut   time.Time           // sending keys not made after it may be a removed desk's too
	lastTick  time.Time
	announced time.Time           // when the own seal key was last announced once more
	refs      uint64              // last number of a put
	allowed   []ed25519.PublicKey // who may put into our mailboxes, as last said
	marked    int64               // messages up to it were looked at by retention in this round
	requeuing bool                // a timer runs that queues again what was refused
}

// step is one thing that happened. apply runs inside the transaction; settle
// is called once, after the commit or with the error.
type step struct {
	apply  func(b *Batch) error
	settle func(error)
	lazy   bool
}

// sealKey is a private seal key of this desk and its number.
type sealKey struct {
	number uint64
	key    suite.SealKey
}

// New reads the desk's state and returns an engine that does nothing before
// [Engine.Run].
func New(ctx context.Context, cfg Config) (*Engine, error) {
	e := &Engine{
		cfg:       cfg,
		steps:     make(chan step, maxBatch),
		kick:      make(chan struct{}, 1),
		clock:     make(chan struct{}, 1),
		changed:   newBroadcast(),
		relays:    map[ident.Relay]*relay{},
		files:     map[[16]byte]*incoming{},
		senders:   map[ident.Group]*sender{},
		receivers: map[[16]byte]*receiver{},
		tellMost:  maxBatch,
		verifying: make(chan struct{}, 1),
		repeated:  map[ident.Message]time.Time{},
		cut:       map[ident.Desk]bool{},
		checks:    map[ident.Group]*checking{},
		claims:    map[claimKey]claim{},
		recent:    map[envelope.ID]bool{},
		rations:   map[ration]spent{},
		waiting:   map[ident.Party][]roster.Statement{},
		wanted:    map[ident.Desk]map[[32]byte]time.Time{},
		memo:      cfg.Memo,
	}
	if e.memo == nil {
		e.memo = NewMemo(cfg.Suite)
	}
	if cfg.Store.Provenance() != store.Clean {
		e.fresh = true
	}
	err := cfg.Store.Update(ctx, func(tx *store.Tx) error { return e.load(tx) })
	if err != nil {
		return nil, fmt.Errorf("read desk state: %w", err)
	}
	e.publish()
	return e, nil
}

// Clock is signalled when a message began or ceased to wait.
func (e *Engine) Clock() <-chan struct{} { return e.clock }

// Changed returns a channel that is closed at the next event.
func (e *Engine) Changed() <-chan struct{} { return e.changed.wait() }

// Run works until ctx ends or the store stops. It returns nil in the first
// case.
func (e *Engine) Run(ctx context.Context) error {
	e.ctx = ctx
	e.connect()
	e.resume()
	timer := time.NewTimer(tick)
	defer timer.Stop()
	for {
		var batch []step
		select {
		case <-ctx.Done():
			return nil
		case s := <-e.steps:
			batch = e.gather(ctx, s)
		case <-e.kick:
		case <-timer.C:
		}
		if now := time.Now(); now.Sub(e.lastTick) >= tick {
			e.lastTick = now
			batch = append(batch, step{apply: e.chores, settle: e.logged("chores")})
			batch = append(batch, e.heldSteps()...)
			timer.Reset(tick)
		}
		if e.tells() {
			batch = append(batch, step{apply: e.tell, settle: e.told})
		}
		e.run(batch)
		e.pump()
		if e.tells() {
			signal(e.kick)
		}
		if err := e.cfg.Store.Err(); err != nil {
			return fmt.Errorf("exchange: %w", err)
		}
	}
}

// gather takes what waits behind first. A batch of nothing but relays' words
// waits a little for company.
func (e *Engine) gather(ctx context.Context, first step) []step {
	batch := []step{first}
	onlyLazy := first.lazy
	deadline := time.NewTimer(lazy)
	defer deadline.Stop()
	for len(batch) < maxBatch {
		select {
		case s := <-e.steps:
			batch, onlyLazy = append(batch, s), onlyLazy && s.lazy
			continue
		default:
		}
		if !onlyLazy || len(e.untold) > 0 {
			return batch
		}
		select {
		case s := <-e.steps:
			batch, onlyLazy = append(batch, s), onlyLazy && s.lazy
		case <-deadline.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// run applies steps in one transaction. When one of them fails, all of it is
// undone and each is tried alone, so that it fails alone.
func (e *Engine) run(steps []step) {
	if len(steps) == 0 {
		return
	}
	err := e.transact(steps)
	if err == nil {
		return
	}
	if len(steps) == 1 || errors.Is(err, store.ErrStopped) || e.ctx.Err() != nil {
		for _, s := range steps {
			s.settle(err)
		}
		return
	}
	for _, s := range steps {
		if err := e.transact([]step{s}); err != nil {
			s.settle(err)
		}
	}
}

// transact applies steps and settles them, or undoes them and returns the
// error without settling any.
func (e *Engine) transact(steps []step) error {
	b := &Batch{e: e, Now: e.wall().UTC().Truncate(time.Millisecond), Steady: e.steady.now()}
	// The context of shutdown must not tear a batch that is being written.
	err := e.cfg.Store.Update(context.WithoutCancel(e.ctx), func(tx *store.Tx) error {
		b.Tx = tx
		for _, s := range steps {
			if err := s.apply(b); err != nil {
				return err
			}
		}
		if err := b.afterReload(); err != nil {
			return err
		}
		if err := b.attestDue(); err != nil {
			return err
		}
		return b.flush()
	})
	if err != nil {
		b.rollback()
		return err
	}
	for _, fn := range b.after {
		fn()
	}
	for _, s := range steps {
		s.settle(nil)
	}
	if b.events {
		e.changed.send()
	}
	if b.clock {
		signal(e.clock)
	}
	return nil
}

// do puts a step before the engine and waits for it. When ctx ends first, the
// step is taken back; one that has begun is waited for, as it writes what the
// caller reads. It returns the error of ctx only where nothing happened.
func (e *Engine) do(ctx context.Context, apply func(b *Batch) error) error {
	const begun, takenBack = 1, 2
	var fate atomic.Int32
	done := make(chan error, 1)
	s := step{
		apply: func(b *Batch) error {
			if !fate.CompareAndSwap(0, begun) && fate.Load() == takenBack {
				return nil
			}
			return apply(b)
		},
		settle: func(err error) { done <- err },
	}
	select {
	case e.steps <- s:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if fate.CompareAndSwap(0, takenBack) {
			return ctx.Err()
		}
		return <-done
	}
}

// Transact runs fn as one step of the engine: what it writes and what it
// queues happens at once or not at all.
func (e *Engine) Transact(ctx context.Context, fn func(b *Batch) error) error { return e.do(ctx, fn) }

// logged settles a step that nobody waits for.
func (e *Engine) logged(what string) func(error) {
	return func(err error) {
		if err != nil {
			e.cfg.Log.Error("engine step", "step", what, "err", err)
		}
	}
}

// signal wakes a loop without waiting for it.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Batch is one transaction of the engine. It is valid inside a step only.
type Batch struct {
	Tx  *store.Tx
	Now time.Time // of the whole batch, by the wall clock, to the millisecond
	// Steady is the same moment by the clock that nobody can set: for periods.
	Steady time.Time

	e         *Engine
	undo      []func()
	after     []func()
	senders   map[ident.Group]*sender // changed
	receivers map[[16]byte]*receiver  // changed
	events    bool
	clock     bool
	done      map[string]bool // what is done once per batch: events, traffic
	reloaded  bool            // lines or parties were read again
	outs      []int64         // rows of the outbox that it made
	since     time.Time       // when what is being tried again was parked
	origins   map[ident.Desk]origin
	from      ident.Desk    // whose statements are being taken; zero: a person's or a file's
	ahead     []ident.Party // whose desks get slices first; nil: all
}

// rollback puts the engine's memory back, newest change first.
func (b *Batch) rollback() {
	for i := len(b.undo) - 1; i >= 0; i-- {
		b.undo[i]()
	}
}

// flush writes the state of every chain that moved: once per batch, however
// many messages moved it.
func (b *Batch) flush() error {
	for _, s := range b.senders {
		if err := s.save(b.Tx); err != nil {
			return err
		}
	}
	for _, r := range b.receivers {
		if err := r.save(b.Tx); err != nil {
			return err
		}
	}
	return nil
}

// After runs fn when the batch is durable.
func (b *Batch) After(fn func()) { b.after = append(b.after, fn) }

// Leaf appends to the journal.
func (b *Batch) Leaf(kind string, data []byte) error {
	if _, err := b.Tx.AppendJournal(kind, b.Now, data); err != nil {
		return fmt.Errorf("append journal leaf: %w", err)
	}
	return nil
}

// Event tells every screen that a thing changed, once per batch.
func (b *Batch) Event(kind string, ref []byte) error {
	if !b.first(kind + string(ref)) {
		return nil
	}
	if _, err := b.Tx.AppendEvent(kind, b.Now, ref); err != nil {
		return fmt.Errorf("append event: %w", err)
	}
	b.events = true
	return nil
}

// first reports whether this batch does a thing for the first time. When the
// thing fails, so does the batch.
func (b *Batch) first(thing string) bool {
	if b.done[thing] {
		return false
	}
	if b.done == nil {
		b.done = map[string]bool{}
	}
	b.done[thing] = true
	return true
}

// out queues an envelope for desks and hands it to the links when the batch is
// durable.
func (b *Batch) out(o store.Out, to []store.Target) error {
	if len(to) == 0 {
		return nil // for nobody: it would wait for ever
	}
	o.Envelope, o.MadeAt = envelope.Identify(o.Bytes), b.Steady
	id, err := b.Tx.PutOut(o, to)
	if err != nil {
		return fmt.Errorf("queue %s: %w", o.Purpose, err)
	}
	o.ID = id
	b.outs = append(b.outs, id)
	b.After(func() { b.e.dispatch(o, to) })
	return nil
}
