package exchange

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// sealMost is how long a private seal key is kept, at most, after its successor
// was made: an EMCON or offline desk opens what was sealed to it meanwhile, and
// relays keep nothing longer.
const sealMost = sliceLife

const (
	settingSeal = "seal.state"
	// maxSealState bounds the seal keys that are remembered at once: in the
	// shortest period one is made every ten minutes and kept for eight days.
	maxSealState = 2048
)

// sealRecord is when a seal key of this desk was made and when a relay had its
// announcement, by the steady clock.
type sealRecord struct {
	number         uint64
	made, accepted time.Time // accepted zero: not yet
	out            []int64   // outbox rows of its announcement
}

// sealState is what is remembered of the own seal keys, oldest first.
type sealState []sealRecord

func (st sealState) find(number uint64) *sealRecord {
	for i := range st {
		if st[i].number == number {
			return &st[i]
		}
	}
	return nil
}

func (b *Batch) loadSealState() (sealState, error) {
	raw, err := b.Tx.Setting(settingSeal)
	if errors.Is(err, store.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read seal keys' times: %w", err)
	}
	st, err := parseSealState(raw)
	if err != nil {
		return nil, fmt.Errorf("read seal keys' times: %w", err)
	}
	return st, nil
}

func parseSealState(raw []byte) (st sealState, err error) {
	r := octets.NewReader(raw)
	for range min(int(r.Uint16()), maxSealState) {
		k := sealRecord{number: r.Uint64(), made: time.UnixMilli(int64(r.Uint64())).UTC()}
		if at := r.Uint64(); at != 0 {
			k.accepted = time.UnixMilli(int64(at)).UTC()
		}
		for range r.Uint16() {
			if r.Err() != nil {
				break
			}
			k.out = append(k.out, int64(r.Uint64()))
		}
		st = append(st, k)
	}
	return st, r.Done()
}

func (b *Batch) saveSealState(st sealState) error {
	if err := b.Tx.PutSetting(settingSeal, st.bytes()); err != nil {
		return fmt.Errorf("store seal keys' times: %w", err)
	}
	return nil
}

func (st sealState) bytes() []byte {
	var w octets.Writer
	w.Uint16(uint16(len(st)))
	for _, k := range st {
		w.Uint64(k.number)
		w.Uint64(uint64(k.made.UnixMilli()))
		if k.accepted.IsZero() {
			w.Uint64(0)
		} else {
			w.Uint64(uint64(k.accepted.UnixMilli()))
		}
		w.Uint16(uint16(len(k.out)))
		for _, id := range k.out {
			w.Uint64(uint64(id))
		}
	}
	return w.Bytes()
}

// sealPeriod is the shortest period that a charter of ours asks for, a day
// without one.
func (e *Engine) sealPeriod() time.Duration {
	period := 24 * time.Hour
	for _, l := range e.lines {
		if l.State == "open" && l.charter.SealKeyPeriod > 0 {
			period = min(period, l.charter.SealKeyPeriod)
		}
	}
	return period
}

// tendSealKey publishes a new seal key when the newest is a period old and its
// announcement has left, and destroys the private half of one a period after a
// relay accepted its successor: until then slices for it may be under way. All
// of it is measured in time that this desk has run: a clock that somebody sets
// destroys nothing and keeps nothing.
func (b *Batch) tendSealKey() error {
	e := b.e
	newest, ok := e.dir.seal[e.cfg.Self.Desk]
	if !ok {
		return nil
	}
	st, err := b.loadSealState()
	if err != nil {
		return err
	}
	k := st.find(newest.Number)
	if k == nil { // the first one, or a start without its state
		st = append(st, sealRecord{number: newest.Number, made: b.Steady, accepted: b.Steady})
		k = &st[len(st)-1]
		if err := b.saveSealState(st); err != nil {
			return err
		}
	}
	if k.accepted.IsZero() {
		if err := b.sealAccepted(st, k); err != nil {
			return err
		}
	}
	period := e.sealPeriod()
	if !e.holdsSeal(newest.Number) || !k.accepted.IsZero() && b.Steady.Sub(k.made) >= period {
		return b.renewSealKey(st, newest.Number+1)
	}
	return b.destroySealKeys(st, newest.Number, period)
}

// sealAccepted notes that a relay has the announcement of a seal key.
func (b *Batch) sealAccepted(st sealState, k *sealRecord) error {
	accepted := len(k.out) == 0 // there was nobody to tell
	for _, id := range k.out {
		left, err := b.Tx.Targets(id)
		if err != nil {
			return fmt.Errorf("list targets of an announcement: %w", err)
		}
		taken := func(t store.Target) bool { return t.State == store.Accepted || t.State == store.Arrived }
		accepted = accepted || len(left) == 0 || slices.ContainsFunc(left, taken)
	}
	if !accepted {
		return nil
	}
	k.accepted, k.out = b.Steady, nil
	return b.saveSealState(st)
}

// destroySealKeys destroys what has been replaced for long enough.
func (b *Batch) destroySealKeys(st sealState, newest uint64, period time.Duration) error {
	for tag, k := range b.e.sealKeys {
		if k.number >= newest {
			continue
		}
		due := true // nothing is known of its successor: it is older than any that is
		if next := st.find(k.number + 1); next != nil {
			due = !next.accepted.IsZero() && b.Steady.Sub(next.accepted) >= period || b.Steady.Sub(next.made) >= sealMost
		}
		if !due {
			continue
		}
		if err := b.Tx.DropCell(cellSeal, be64(k.number)); err != nil {
			return fmt.Errorf("destroy seal key %d: %w", k.number, err)
		}
		b.After(func() { delete(b.e.sealKeys, tag) })
		if err := b.Leaf("seal-key-destroyed", be64(k.number)); err != nil {
			return err
		}
		st = slices.DeleteFunc(st, func(r sealRecord) bool { return r.number <= k.number })
		if err := b.saveSealState(st); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) holdsSeal(number uint64) bool {
	for _, k := range e.sealKeys {
		if k.number == number {
			return true
		}
	}
	return false
}

// renewSealKey makes, stores and announces a seal key. Announcements travel in
// each line's own group; a desk without our key learns it from the next one.
func (b *Batch) renewSealKey(st sealState, number uint64) error {
	e := b.e
	k := e.cfg.Suite.NewSealKey()
	a, err := roster.NewAnnouncement(e.cfg.Self.DeskKey, roster.Announcement{
		Desk: e.cfg.Self.Desk, Number: number, Public: k.Public(), Time: b.Now,
	})
	if err != nil {
		return fmt.Errorf("announce seal key: %w", err)
	}
	if err := PutSealKey(b.Tx, number, k); err != nil {
		return err
	}
	if err := b.Tx.PutSealKey(a.Desk, a.Number, a.Bytes(), b.Steady); err != nil {
		return fmt.Errorf("store announcement: %w", err)
	}
	if err := b.Leaf("seal-key", be64(number)); err != nil {
		return err
	}
	if err := b.Reload(); err != nil {
		return err
	}
	before := len(b.outs)
	if err := b.announce(a); err != nil {
		return err
	}
	st = append(st, sealRecord{number: number, made: b.Steady, out: slices.Clone(b.outs[before:])})
	return b.saveSealState(st)
}

// announce tells every line of a seal key of this desk.
func (b *Batch) announce(a roster.Announcement) error {
	body := append([]byte{statementSealKey}, a.Bytes()...)
	for _, l := range b.e.lines {
		if l.State != "open" {
			continue
		}
		if err := b.state(l, body); err != nil {
			return err
		}
	}
	return nil
}

// announceEvery is how often a seal key is announced once more, at most: who
// may put can make us do it.
const announceEvery = 10 * time.Minute

// announceAgain tells a peer, whoever it is, that it seals to a key that is
// gone: the announcement of the newer one was lost.
func (b *Batch) announceAgain() error {
	e := b.e
	a, ok := e.dir.seal[e.cfg.Self.Desk]
	if since := b.Steady.Sub(e.announced); !ok || since >= 0 && since < announceEvery {
		return nil
	}
	was := e.announced
	e.announced = b.Steady
	b.undo = append(b.undo, func() { e.announced = was })
	return b.announce(a)
}
