package bench

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/emulate"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/relay"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// fleet is a relay and many desks on one line, in this process: their engines,
// stores and links are those of the desks that run, without doors.
type fleet struct {
	dir   string
	line  ident.Line
	desks []*vessel
	memo  *exchange.Memo
	cutAt time.Time // of the last cut-off, and at first of the start
	addr  string
	relay ident.Relay
	epoch uint64 // of the relay's spool
	boxes map[ident.Mailbox]*vessel

	cancel  context.CancelFunc
	running sync.WaitGroup
	mu      sync.Mutex
	// mu guards the following.
	err error // of an engine or the relay
}

// vessel is one desk of a fleet.
type vessel struct {
	party    int
	self     exchange.Self
	add      roster.Statement
	delegate roster.Keeper // may remove it
	mailbox  ed25519.PrivateKey
	seal     suite.SealKey
	store    *store.Store
	blobs    *blob.Dir
	engine   *exchange.Engine
	proxy    *emulate.Proxy
	gone     bool // cut off
	quay     *quay
	waiting  []link.Delivery // while it is made ready; its fleet's mu guards it
}

// perParty is how many desks each party of a fleet has.
const perParty = 5

// launch starts a fleet of n desks, each behind a link of its own, and returns
// when every desk holds every other's key.
func (o *Options) launch(ctx context.Context, n int, l emulate.Link) (_ *fleet, err error) {
	f := &fleet{memo: exchange.NewMemo(suite.One), cutAt: time.Now(), boxes: map[ident.Mailbox]*vessel{}}
	if f.dir, err = os.MkdirTemp("", "hotline-bench-"); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	ctx, f.cancel = context.WithCancel(ctx)
	// What hundreds of processes would each collect now and then is one heap
	// here, whose collection would stop all desks at once.
	debug.SetGCPercent(400)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	began := time.Now()
	lap := func(what string) {
		o.say("%s: %.1f s", what, time.Since(began).Seconds())
		began = time.Now()
	}
	if err := f.startRelay(ctx); err != nil {
		return nil, err
	}
	invitation, err := f.invite(ctx, n)
	if err != nil {
		return nil, err
	}
	members, err := f.certify(n)
	if err != nil {
		return nil, err
	}
	c, err := fleetCharter(members)
	if err != nil {
		return nil, err
	}
	f.line = c.ID(suite.One)
	lap("Keys and statements made")
	if err := f.enrol(ctx, invitation); err != nil {
		return nil, err
	}
	if err := each(f.desks, func(i int, v *vessel) error { return f.found(ctx, i, v, c, members) }); err != nil {
		return nil, err
	}
	lap("Stores filled")
	if err := each(f.desks, func(_ int, v *vessel) error { return f.start(ctx, v, l) }); err != nil {
		return nil, err
	}
	if err := f.settle(ctx); err != nil {
		return nil, err
	}
	lap("Desks started, keys made")
	for _, v := range f.desks {
		v.quay.sail(ctx)
	}
	err = f.connected(ctx)
	lap("Links up")
	return f, err
}

// each runs do for all desks, several at once on each processor: most of them
// wait for a disk.
func each(desks []*vessel, do func(i int, v *vessel) error) error {
	errs := make([]error, len(desks))
	slots := make(chan struct{}, 8*runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	for i, v := range desks {
		slots <- struct{}{}
		all.Go(func() { errs[i] = do(i, v); <-slots })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err // they mostly fail alike
		}
	}
	return nil
}

func (f *fleet) startRelay(ctx context.Context) error {
	dir := filepath.Join(f.dir, "relay")
	if _, err := relay.Init(ctx, dir); err != nil {
		return fmt.Errorf("make relay: %w", err)
	}
	ready := make(chan string, 1)
	r, err := relay.New(ctx, relay.Config{Dir: dir, Listen: "127.0.0.1:0", Ready: func(a string) { ready <- a }})
	if err != nil {
		return fmt.Errorf("make relay: %w", err)
	}
	ended := make(chan error, 1)
	f.running.Go(func() { err := r.Run(ctx); ended <- err; f.failed(err) })
	select {
	case f.addr = <-ready:
		return nil
	case err := <-ended:
		return fmt.Errorf("start relay: %w", err)
	}
}

func (f *fleet) failed(err error) {
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = errors.Join(f.err, err)
}

// certify makes the parties' roots and delegates and the statements that add
// the desks, once for all of them.
func (f *fleet) certify(n int) ([]roster.Member, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	var members []roster.Member
	var root suite.RootKey
	var named []roster.Holder
	var keeper roster.Keeper
	for i := range n {
		party := i / perParty
		if i%perParty == 0 {
			root = suite.One.NewRootKey()
			members = append(members, roster.Member{Party: roster.PartyOf(suite.One, root.Public()), Name: fmt.Sprintf("PARTY%d", party), Root: root.Public()})
			named = nil
			for _, name := range []string{"first", "second"} {
				k := suite.One.NewDeskKey()
				w, err := roster.NewWarrant(suite.One, root, roster.Warrant{Office: roster.Delegate, Name: name, Public: k.Public()})
				if err != nil {
					return nil, fmt.Errorf("name delegate: %w", err)
				}
				keeper, named = roster.Keeper{Signer: k, Warrant: w}, append(named, w.Holder(suite.One))
			}
			slices.SortFunc(named, func(a, b roster.Holder) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		}
		v := &vessel{party: party, delegate: keeper, mailbox: ed25519.NewKeyFromSeed(seed()), seal: suite.One.NewSealKey()}
		if err := v.certify(root, members[party], f.relay, i, named, now); err != nil {
			return nil, err
		}
		f.desks = append(f.desks, v)
		f.boxes[v.add.Add.Mailboxes[0].Box] = v
	}
	return members, nil
}

func seed() []byte {
	b := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(b) // never fails
	return b
}

func (v *vessel) certify(root suite.RootKey, m roster.Member, at ident.Relay, i int, named []roster.Holder, now time.Time) error {
	v.self = exchange.Self{
		Party: m.Party, PartyName: m.Name, DeskName: fmt.Sprintf("%s-%d", m.Name, i%perParty+1),
		MessageKey: suite.One.NewMessageKey(), DeskKey: suite.One.NewDeskKey(), Control: suite.One.NewSealKey(),
	}
	cert, err := roster.NewCertificate(suite.One, root, roster.Certificate{
		Name: v.self.DeskName, Role: "watch officer", MessageKey: v.self.MessageKey.Public(), DeskKey: v.self.DeskKey.Public(),
		ControlKey: v.self.Control.Public(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
	})
	if err != nil {
		return fmt.Errorf("certify desk: %w", err)
	}
	v.self.Desk = cert.ID(suite.One)
	seal, err := roster.NewAnnouncement(v.self.DeskKey, roster.Announcement{Desk: v.self.Desk, Number: 1, Public: v.seal.Public(), Time: now})
	if err != nil {
		return fmt.Errorf("announce seal key: %w", err)
	}
	v.add = roster.Statement{
		Type: roster.AddDesk, Number: uint64(i%perParty + 1), Time: now,
		Add: &roster.Addition{Certificate: cert, SealKey: seal, Delegates: named},
	}
	public := v.mailbox.Public().(ed25519.PublicKey)
	v.add.Add.Mailboxes = []roster.Mailbox{{Addr: "relay.example:4711", Relay: at, Box: link.MailboxOf(public), Putter: public}}
	v.add, err = roster.NewStatement(suite.One, root, v.add)
	if err != nil {
		return fmt.Errorf("add desk: %w", err)
	}
	return nil
}

func fleetCharter(members []roster.Member) (roster.Charter, error) {
	c := roster.Charter{
		Name: "EXERCISE", Profile: "alliance", Created: time.Now().UTC().Truncate(time.Millisecond), Clocks: roster.DefaultClocks(),
		Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers}, SealKeyPeriod: 24 * time.Hour,
		Exercise: true, Record: roster.Attributable, Release: roster.ReleaseNone, Members: members,
	}
	_, _ = rand.Read(c.Nonce[:]) // never fails
	c, err := roster.NewCharter(suite.One, c)
	if err != nil {
		return c, fmt.Errorf("make charter: %w", err)
	}
	return c, nil
}

// invite gets one invitation for n desks.
func (f *fleet) invite(ctx context.Context, n int) (i link.Invite, err error) {
	token, err := relay.Invite(ctx, filepath.Join(f.dir, "relay"), relay.InviteOptions{Uses: n})
	if err != nil {
		return i, fmt.Errorf("invite desks: %w", err)
	}
	if i, err = link.ParseInvite(token); err != nil {
		return i, fmt.Errorf("invite desks: %w", err)
	}
	f.relay = i.Pin
	return i, nil
}

// enrol gives every desk its mailbox.
func (f *fleet) enrol(ctx context.Context, i link.Invite) error {
	return each(f.desks, func(_ int, v *vessel) error {
		up, err := link.Enrol(ctx, i, link.ClientConfig{Key: v.mailbox})
		f.mu.Lock()
		defer f.mu.Unlock()
		f.epoch = up.Epoch
		return err
	})
}

// found writes the state of a desk that is on the line already.
func (f *fleet) found(ctx context.Context, i int, v *vessel, c roster.Charter, members []roster.Member) (err error) {
	key := make([]byte, store.KeySize)
	_, _ = rand.Read(key) // never fails
	dir := filepath.Join(f.dir, fmt.Sprintf("desk%d", i))
	if v.store, err = store.Open(ctx, dir, key, store.Options{}); err != nil {
		return fmt.Errorf("make store: %w", err)
	}
	if v.blobs, err = blob.Open(filepath.Join(dir, "files")); err != nil {
		return fmt.Errorf("make store: %w", err)
	}
	return v.store.Update(ctx, func(tx *store.Tx) error {
		for j, m := range members {
			if err := tx.PutParty(store.Party{ID: m.Party, Name: m.Name, Root: m.Root, Self: j == v.party, PairedAt: time.Now(), How: map[bool]string{true: store.BySelf, false: store.ByPack}[j == v.party]}); err != nil {
				return err
			}
		}
		for _, o := range f.desks {
			if _, err := tx.PutStatement(o.add.ID(suite.One), o.add.Author, ident.Line{}, o.add.Bytes()); err != nil {
				return err
			}
		}
		if err := exchange.PutSealKey(tx, 1, v.seal); err != nil {
			return err
		}
		return tx.PutLine(store.Line{ID: f.line, Name: c.Name, Charter: c.Bytes(), State: "open", CreatedAt: c.Created})
	})
}

func (f *fleet) start(ctx context.Context, v *vessel, l emulate.Link) (err error) {
	if v.proxy, err = emulate.Start(ctx, f.addr, l); err != nil {
		return err
	}
	v.engine, err = exchange.New(ctx, exchange.Config{
		Store: v.store, Blobs: v.blobs, Suite: suite.One, Self: v.self, Memo: f.memo, Log: slog.New(slog.DiscardHandler),
		Connect: func(ctx context.Context, _ roster.Mailbox, h link.Handler) exchange.Link {
			return f.moor(ctx, v, h)
		},
		Control: func(*exchange.Batch, roster.Entry, chain.Control) error { return nil },
	})
	if err != nil {
		return fmt.Errorf("start desk: %w", err)
	}
	f.running.Go(func() { f.failed(v.engine.Run(ctx)) })
	return nil
}

// settledWithin is how long the links of a fleet may take to come up, and how
// long a fleet may take to exchange new keys.
const settledWithin = 10 * time.Minute

// connected waits until the link of every desk is up and the relay knows who
// may put into its mailbox.
func (f *fleet) connected(ctx context.Context) error {
	return f.await(ctx, "links", func(v *vessel) (bool, error) {
		relays, err := v.engine.Relays(ctx)
		return len(relays) == 1 && relays[0].State == link.StateUp && relays[0].AllowKnown, err
	})
}

// settle waits until every desk that is left has made keys for all, and has
// them with the relay.
func (f *fleet) settle(ctx context.Context) error {
	return f.await(ctx, "new keys", func(v *vessel) (bool, error) {
		var queued, all int
		err := v.store.View(ctx, func(tx *store.Tx) error {
			return tx.Row(`SELECT count(*), coalesce(sum(t.state <> 1), 0) FROM outbox o JOIN target t ON t.outbox = o.id
				WHERE o.purpose = 'slice' AND o.made_at >= ?`, f.cutAt).Scan(&all, &queued)
		})
		if errors.Is(err, store.ErrSlow) {
			return false, nil
		}
		return all > 0 && queued == 0, err
	})
}

// await asks each desk that is left until it is so.
func (f *fleet) await(ctx context.Context, what string, ok func(v *vessel) (bool, error)) error {
	limit := time.Now().Add(settledWithin)
	for _, v := range f.desks {
		for !v.gone {
			if good, err := ok(v); err != nil {
				return err
			} else if good {
				break
			}
			if time.Now().After(limit) {
				return fmt.Errorf("no %s at %s within %s", what, v.self.DeskName, settledWithin)
			}
			if err := rest(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func (f *fleet) close() error {
	f.cancel()
	f.running.Wait()
	var errs []error
	for _, v := range f.desks {
		if v.store != nil {
			errs = append(errs, v.store.Close())
		}
		if v.blobs != nil {
			errs = append(errs, v.blobs.Close())
		}
	}
	return errors.Join(append(errs, os.RemoveAll(f.dir))...)
}
