package exchange

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// relay is one relay as the engine uses it.
type relay struct {
	link Link
	addr string
	home bool // holds a mailbox of this desk
	up   bool
	skew time.Duration // our clock less the relay's
	late time.Duration // our steady clock less the relay's
	// onTheWay holds what the link has and the relay has not answered for.
	onTheWay map[uint64]journey
	count    [link.Lanes]int  // of onTheWay, without parts of files
	parts    int              // of onTheWay, parts of files
	queued   map[int64]bool   // outbox rows in onTheWay
	backlog  [link.Lanes]bool // more waits on disk
	held     [link.Lanes]held // what our disk did not take
	lostAt   time.Time        // when it last said that its spool is another one
	rivalAt  time.Time        // when it last said that another program has our key
}

// journey is what one put is for.
type journey struct {
	lane   uint8
	outbox int64 // zero: a part of a file
	// message is set for a message's own envelope, slice for a sending key's.
	message *ident.Message
	slice   bool
	tag     [16]byte // of the file
	index   uint32
	boxes   int // that have not refused it
	to      []ident.Mailbox
	void    bool // sealed anew since: the relay's word for it counts for nothing
}

func journeyOf(o store.Out) journey {
	j := journey{lane: o.Lane, outbox: o.ID, slice: o.Purpose == store.ForSlice}
	if o.Purpose == store.ForMessage {
		j.message = o.Message
	}
	return j
}

// connect starts a link to every relay that is needed and tells our own
// relays who may put.
func (e *Engine) connect() {
	if e.ctx == nil {
		return
	}
	self := e.dir.desks[e.cfg.Self.Desk]
	for _, m := range self.Mailboxes {
		e.link(m, true)
	}
	putters := map[[32]byte]bool{}
	for id, d := range e.dir.desks {
		if id == e.cfg.Self.Desk {
			continue
		}
		for _, m := range d.Mailboxes {
			e.link(m, false)
			putters[[ed25519.PublicKeySize]byte(m.Putter)] = true
		}
	}
	var list []ed25519.PublicKey
	for p := range putters {
		list = append(list, ed25519.PublicKey(slices.Clone(p[:])))
	}
	e.publishLinks()
	slices.SortFunc(list, func(a, b ed25519.PublicKey) int { return slices.Compare(a, b) })
	gone := slices.DeleteFunc(e.allowed, func(p ed25519.PublicKey) bool { return putters[[ed25519.PublicKeySize]byte(p)] })
	for _, r := range e.relays {
		if !r.home {
			continue
		}
		if len(gone) > 0 {
			r.link.Revoke(gone...) // a short frame, ahead of a list that may be long
		}
		r.link.Allow(list)
	}
	e.allowed = slices.Clone(list)
}

func (e *Engine) link(m roster.Mailbox, home bool) {
	if r := e.relays[m.Relay]; r != nil {
		return
	}
	r := &relay{addr: m.Addr, home: home, onTheWay: map[uint64]journey{}, queued: map[int64]bool{}}
	e.relays[m.Relay] = r
	for lane := range r.backlog {
		r.backlog[lane] = true
	}
	r.link = e.cfg.Connect(e.ctx, m, &handler{e: e, id: m.Relay})
}

// handler brings what a link hears before the engine, in order.
type handler struct {
	e  *Engine
	id ident.Relay
}

// put queues a step and waits for room, which is the back-pressure that the
// link wants.
func (h *handler) put(s step) {
	select {
	case h.e.steps <- s:
	case <-h.e.ctx.Done():
	}
}

// Up implements [link.Handler].
func (h *handler) Up(u link.Up) {
	h.put(step{
		apply:  func(b *Batch) error { return b.relayUp(h.id, u) },
		settle: h.e.logged("relay up"),
	})
}

// Down implements [link.Handler].
func (h *handler) Down(cause error) {
	h.put(step{
		apply: func(b *Batch) error {
			if r, ok := errors.AsType[*link.RefusedError](cause); ok && r.Reason == link.ReasonReplaced {
				if err := b.rival(h.e.relays[h.id], h.id); err != nil {
					return err
				}
			}
			b.After(func() { h.e.relays[h.id].up = false })
			return b.Event(EventDesk, h.id[:])
		},
		settle: h.e.logged("relay down"),
	})
}

// Accepted implements [link.Handler].
func (h *handler) Accepted(refs []uint64) {
	at := time.Now().UTC().Truncate(time.Millisecond)
	h.put(step{
		apply:  func(b *Batch) error { return b.accepted(h.id, refs, at) },
		settle: func(err error) { h.e.acceptedOrNot(h.id, refs, err) },
		lazy:   true,
	})
}

// Refused implements [link.Handler].
func (h *handler) Refused(f link.Refusal) {
	h.put(step{
		apply:  func(b *Batch) error { return b.refused(h.id, f) },
		settle: h.e.logged("relay refused"),
	})
}

// Deliver implements [link.Handler]. Each envelope is a step of its own, so
// that a bad one harms no other.
func (h *handler) Deliver(all []link.Delivery) {
	for _, d := range all {
		h.put(h.e.delivery(h.id, d))
	}
}

// relayUp notes a link. When the relay's spool is another one than before,
// everything that it had accepted is put again.
func (b *Batch) relayUp(id ident.Relay, u link.Up) error {
	r := b.e.relays[id]
	if err := b.spoolEpoch(r, id, u.Epoch); err != nil {
		return err
	}
	if u.Rival {
		if err := b.rival(r, id); err != nil {
			return err
		}
	}
	skew := b.Now.Sub(u.RelayTime)
	late := b.Steady.Sub(u.RelayTime)
	behind := b.e.compareClocks(id, late)
	if err := b.Tx.PutSetting(settingBehind, be64(uint64(behind))); err != nil {
		return fmt.Errorf("store clock: %w", err)
	}
	if skew.Abs() > 5*time.Minute {
		b.After(func() { b.e.cfg.Log.Warn("clock differs from the relay's", "seconds", int64(skew.Seconds())) })
	}
	b.After(func() {
		r.up, r.skew, r.late, r.held = true, skew, late, [link.Lanes]held{} // what was not acknowledged comes again
		for lane := range r.backlog {
			r.backlog[lane] = true
		}
		b.e.publishLinks()
		b.e.behind.Store(int64(behind))
	})
	return b.Event(EventDesk, id[:])
}

// maxBehind bounds how far a relay can make us believe that our clock is
// behind: machines that lost their battery start in 1970 at the earliest.
const maxBehind = 100 * 365 * 24 * time.Hour

// settingBehind is where it is kept how far our clock was behind, so that it
// is known before a link is up.
const settingBehind = "clock.behind"

// compareClocks returns how far our steady clock is behind the relays', of which one
// has just told its own.
func (e *Engine) compareClocks(id ident.Relay, late time.Duration) time.Duration {
	behind := min(max(0, -late), maxBehind)
	for other, r := range e.relays {
		if other != id {
			behind = max(behind, min(-r.late, maxBehind))
		}
	}
	return behind
}

// expiry is when relays may drop what is sealed now, by their clocks: what a
// desk seals whose own clock is far behind must not have expired on arrival.
// The steady clock counts, so that a step of the wall clock expires nothing.
func (e *Engine) expiry(life time.Duration) time.Time {
	return e.steady.now().Add(time.Duration(e.behind.Load()) + life)
}

// accepted notes a relay's word for envelopes that are on its disk.
func (b *Batch) accepted(id ident.Relay, refs []uint64, at time.Time) error {
	r := b.e.relays[id]
	for _, ref := range refs {
		j, ok := r.onTheWay[ref]
		if !ok {
			continue
		}
		b.After(func() { r.finish(ref) })
		if j.void {
			continue
		}
		if j.outbox == 0 {
			if err := b.partAccepted(id, j); err != nil {
				return fmt.Errorf("note part of a file: %w", err)
			}
			continue
		}
		if err := b.acceptedOut(id, r, j, at); err != nil {
			return err
		}
	}
	return nil
}

// finish forgets a put that was answered.
func (r *relay) finish(ref uint64) {
	j, ok := r.onTheWay[ref]
	if !ok {
		return
	}
	delete(r.onTheWay, ref)
	if j.outbox == 0 {
		r.parts--
		return
	}
	delete(r.queued, j.outbox)
	r.count[j.lane]--
}

func (b *Batch) acceptedOut(id ident.Relay, r *relay, j journey, at time.Time) error {
	again := store.Retry{}
	switch {
	case j.message != nil:
		again = store.Retry{First: retryFirst, Most: retryMost}
	case j.slice:
		again = store.Retry{First: sliceAgain, Most: sliceSeldom}
	}
	tries, err := b.Tx.SetAccepted(j.outbox, id, b.Steady, again)
	if err != nil {
		return fmt.Errorf("note acceptance of row %d: %w", j.outbox, err)
	}
	if j.message != nil {
		if err := b.Tx.NoteAccepted(j.outbox, id, b.Steady); err != nil {
			return fmt.Errorf("note acceptance of row %d: %w", j.outbox, err)
		}
		if tries > 1 {
			return nil
		}
		if tries == 0 { // every desk has signed already; the relay's word is part of the story all the same
			ladder, err := b.Tx.Ladder(*j.message)
			if err != nil {
				return fmt.Errorf("read ladder of %s: %w", *j.message, err)
			}
			if slices.ContainsFunc(ladder, func(g store.Rung) bool { return g.State == "accepted" }) {
				return nil
			}
		}
		return b.rung(store.Rung{Message: *j.message, State: "accepted", Text: r.addr, At: at})
	}
	if j.slice {
		return nil // stays until the desk shows that it holds the key
	}
	left, err := b.Tx.Targets(j.outbox)
	if err != nil {
		return fmt.Errorf("list targets of row %d: %w", j.outbox, err)
	}
	for _, t := range left {
		if t.State == store.Queued || t.State == store.Refused {
			return nil
		}
	}
	return b.Tx.DropOut(j.outbox)
}

// refused notes that a mailbox did not take an envelope, loudly.
func (b *Batch) refused(id ident.Relay, f link.Refusal) error {
	r := b.e.relays[id]
	j, ok := r.onTheWay[f.Ref]
	if !ok {
		return nil
	}
	b.After(func() { r.less(f.Ref, len(f.To)) })
	if j.void {
		return nil
	}
	b.After(func() {
		b.e.cfg.Log.Warn("relay refused an envelope", "relay", id.String(), "reason", f.Reason.String(), "mailboxes", len(f.To))
	})
	// A mailbox that is full, or whose owner has not listed us yet, may take
	// it later; only what can never be taken is not tried again.
	retry := b.Now.Add(max(f.RetryAfter, retryFirst))
	if f.Reason == link.ReasonTooLarge || f.Reason == link.ReasonMalformed || f.Reason == link.ReasonExpired {
		retry = time.Time{}
	}
	if j.outbox == 0 {
		b.After(func() { b.e.partRefused(id, j, f.To, retry) })
		return nil
	}
	o, missing := b.Tx.Out(j.outbox)
	if missing == nil && f.Reason == link.ReasonNotAllowed {
		// The list that names a new desk is on its way: ask early, then less often.
		wait := min(max(b.Now.Sub(o.MadeAt), allowFirst), retryFirst)
		retry = b.Now.Add(wait)
		b.After(func() { b.e.requeueIn(wait) })
	}
	for _, box := range f.To {
		if err := b.Tx.SetRefused(j.outbox, id, box, retry); err != nil {
			return fmt.Errorf("note refusal of row %d: %w", j.outbox, err)
		}
	}
	if missing != nil || o.Message == nil || o.Purpose != store.ForMessage {
		return nil //nolint:nilerr // a row that is gone needs no rung
	}
	return b.rung(store.Rung{Message: *o.Message, State: "refused", Text: r.addr + ": " + f.Reason.String(), At: b.Now})
}

// dispatch hands a new envelope to the links at once, unless older ones of its
// lane still wait on disk.
func (e *Engine) dispatch(o store.Out, to []store.Target) {
	byRelay := map[ident.Relay][]ident.Mailbox{}
	for _, t := range to {
		byRelay[t.Relay] = append(byRelay[t.Relay], t.Box)
	}
	for id, boxes := range byRelay {
		r := e.relays[id]
		if r == nil {
			continue // connect comes, and finds it on disk
		}
		if r.backlog[o.Lane] || r.count[o.Lane] >= window || !r.put(e, journeyOf(o), boxes, o.Bytes) {
			r.backlog[o.Lane] = true
		}
	}
}

// put hands one envelope to the link.
func (r *relay) put(e *Engine, j journey, to []ident.Mailbox, env []byte) bool {
	ref := e.nextRef()
	if err := r.link.Put(link.Put{Ref: ref, Lane: j.lane, To: to, Envelope: env}); err != nil {
		return false
	}
	j.boxes, j.to = len(to), to
	r.onTheWay[ref] = j
	if j.outbox == 0 {
		r.parts++
		return true
	}
	r.queued[j.outbox] = true
	r.count[j.lane]++
	return true
}

// pump moves what waits on disk to links that have room, the most urgent
// first.
func (e *Engine) pump() {
	for id, r := range e.relays {
		if !r.up {
			continue
		}
		for lane := link.Lanes - 1; lane >= 0; lane-- {
			l := uint8(lane)
			if l == envelope.Files || !r.backlog[l] || r.count[l] > window/2 {
				continue
			}
			if err := e.refill(id, r, l); err != nil && e.ctx.Err() == nil {
				e.cfg.Log.Error("read outbox", "err", err)
			}
		}
	}
	e.pumpFiles()
}

// refill takes the oldest envelopes of a lane from disk.
func (e *Engine) refill(id ident.Relay, r *relay, lane uint8) error {
	return e.cfg.Store.View(e.ctx, func(tx *store.Tx) error {
		limit := len(r.queued) + window
		rows, err := tx.Queue(id, lane, 0, limit)
		if err != nil {
			return fmt.Errorf("read outbox: %w", err)
		}
		for _, o := range rows {
			if r.queued[o.ID] {
				continue
			}
			if r.count[lane] >= window {
				return nil
			}
			to, err := tx.Boxes(o.ID, id)
			if err != nil {
				return fmt.Errorf("read targets: %w", err)
			}
			boxes := make([]ident.Mailbox, 0, len(to))
			for _, t := range to {
				boxes = append(boxes, t.Box)
			}
			if len(boxes) == 0 {
				continue
			}
			if !r.put(e, journeyOf(o), boxes, o.Bytes) {
				return nil
			}
		}
		r.backlog[lane] = len(rows) == limit // then there may be more
		return nil
	})
}
