package exchange

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"hotline/internal/chain"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// Kinds of key cells.
const (
	cellSender   = "sender"   // by group
	cellReceiver = "receiver" // by tag
	cellSeal     = "seal"     // by number, eight bytes
)

// sender is this desk's sending key for one group, and whom it was sealed to.
type sender struct {
	*chain.Sender
	line    ident.Line
	parties []ident.Party
	readers [32]byte // fingerprint of the desks that got a slice
	before  [32]byte // hash of the final attestation of the key before this one
	row     int64    // of its generation in the store
	soiled  map[ident.Party]soiled
}

// receiver is a peer's sending key.
type receiver struct {
	*chain.Receiver
	line    ident.Line // zero until a message has shown it
	expired time.Time  // when old keys were last looked for; not stored
	row     int64      // of its generation in the store
	ahead   [5]uint32  // how far each lane is attested, at most
}

func (s *sender) save(tx *store.Tx) error {
	state, err := s.MarshalBinary()
	if err != nil {
		return fmt.Errorf("marshal sending key: %w", err)
	}
	var w octets.Writer
	w.Raw(s.line[:])
	w.Uint16(uint16(len(s.parties)))
	for _, p := range s.parties {
		w.Raw(p[:])
	}
	w.Raw(s.readers[:])
	w.Raw(s.before[:])
	w.Var32(state)
	group := s.Group()
	if err := tx.PutCell(cellSender, group[:], w.Bytes()); err != nil {
		return fmt.Errorf("store sending key: %w", err)
	}
	return nil
}

func parseSender(st suite.Suite, b []byte) (*sender, error) {
	s := &sender{}
	r := octets.NewReader(b)
	r.Into(s.line[:])
	for range r.Uint16() {
		var p ident.Party
		r.Into(p[:])
		if r.Err() != nil {
			break
		}
		s.parties = append(s.parties, p)
	}
	r.Into(s.readers[:])
	r.Into(s.before[:])
	state := r.Var32(1 << 20)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("read sending key: %w", err)
	}
	var err error
	s.Sender, err = chain.UnmarshalSender(st, state)
	return s, err
}

func (r *receiver) save(tx *store.Tx) error {
	state, err := r.MarshalBinary()
	if err != nil {
		return fmt.Errorf("marshal receiver: %w", err)
	}
	var w octets.Writer
	w.Raw(r.line[:])
	w.Var32(state)
	tag := r.Tag()
	if err := tx.PutCell(cellReceiver, tag[:], w.Bytes()); err != nil {
		return fmt.Errorf("store receiver: %w", err)
	}
	return nil
}

func parseReceiver(st suite.Suite, b []byte) (*receiver, error) {
	rec := &receiver{}
	r := octets.NewReader(b)
	r.Into(rec.line[:])
	state := r.Var32(1 << 20)
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("read receiver: %w", err)
	}
	var err error
	rec.Receiver, err = chain.UnmarshalReceiver(st, state)
	return rec, err
}

// touchSender notes that s will change in this batch and how to undo it.
func (b *Batch) touchSender(s *sender) {
	group := s.Group()
	if _, ok := b.senders[group]; ok {
		return
	}
	before := *s
	before.Sender = s.Sender.Clone()
	b.undo = append(b.undo, func() { *s = before })
	b.setSender(group, s)
}

func (b *Batch) setSender(group ident.Group, s *sender) {
	if b.senders == nil {
		b.senders = map[ident.Group]*sender{}
	}
	b.senders[group] = s
}

// touchReceiver notes that r will change in this batch and how to undo it.
func (b *Batch) touchReceiver(r *receiver) {
	tag := r.Tag()
	if _, ok := b.receivers[tag]; ok {
		return
	}
	before, line := r.Receiver.Clone(), r.line
	b.undo = append(b.undo, func() { r.Receiver, r.line = before, line })
	b.setReceiver(tag, r)
}

func (b *Batch) setReceiver(tag [16]byte, r *receiver) {
	if b.receivers == nil {
		b.receivers = map[[16]byte]*receiver{}
	}
	b.receivers[tag] = r
}

// load reads everything that the engine keeps in memory. After a copy or a
// roll-back, chains are dropped: what they would seal may have been sealed
// before, and what they would open is sent again under new keys.
func (e *Engine) load(tx *store.Tx) error {
	if err := e.loadSteady(tx); err != nil {
		return err
	}
	if err := e.loadSealKeys(tx); err != nil {
		return err
	}
	behind, err := tx.Setting(settingBehind)
	if err != nil && !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read clock: %w", err)
	}
	e.behind.Store(int64(octets.NewReader(behind).Uint64())) // nothing is 0
	if e.fresh {
		if err := e.dropChains(tx); err != nil {
			return err
		}
	}
	if err := e.loadChains(tx); err != nil {
		return err
	}
	lines, dir, err := e.loadLines(tx)
	if err != nil {
		return err
	}
	e.lines, e.dir = lines, dir
	if err := e.noteDigests(tx); err != nil {
		return err
	}
	cutoffs, err := tx.Cutoffs()
	if err != nil {
		return fmt.Errorf("list cut-offs: %w", err)
	}
	for _, c := range cutoffs {
		e.cut[c.Desk] = true
		for _, s := range e.senders {
			if s.Created().After(e.lastCut) {
				e.lastCut = s.Created() // which of them is newer than the removal is not known any more
			}
		}
	}
	untold, err := tx.Untold(1 << 20)
	if err != nil {
		return fmt.Errorf("list messages without delivered: %w", err)
	}
	for _, m := range untold {
		e.untold = append(e.untold, m.ID)
	}
	if err := e.sweepFiles(tx); err != nil {
		return err
	}
	return e.loadFiles(tx)
}

func (e *Engine) loadChains(tx *store.Tx) error {
	refs, err := tx.Cells(cellSender)
	if err != nil {
		return fmt.Errorf("list sending keys: %w", err)
	}
	for _, ref := range refs {
		b, err := tx.Cell(cellSender, ref)
		if err != nil {
			return fmt.Errorf("read sending key: %w", err)
		}
		s, err := parseSender(e.cfg.Suite, b)
		if err != nil {
			return err
		}
		if err := e.placeSender(tx, s); err != nil {
			return err
		}
		e.senders[s.Group()] = s
	}
	if refs, err = tx.Cells(cellReceiver); err != nil {
		return fmt.Errorf("list receivers: %w", err)
	}
	for _, ref := range refs {
		b, err := tx.Cell(cellReceiver, ref)
		if err != nil {
			return fmt.Errorf("read receiver: %w", err)
		}
		r, err := parseReceiver(e.cfg.Suite, b)
		if err != nil {
			return err
		}
		if err := r.find(tx, e.cfg.Suite, e.cfg.Self.Party); err != nil {
			return err
		}
		e.receivers[r.Tag()] = r
	}
	return nil
}

// dropChains removes all sending keys and receivers, and journals why.
func (e *Engine) dropChains(tx *store.Tx) error {
	for _, kind := range []string{cellSender, cellReceiver} {
		refs, err := tx.Cells(kind)
		if err != nil {
			return fmt.Errorf("list key cells: %w", err)
		}
		for _, ref := range refs {
			if err := tx.DropCell(kind, ref); err != nil {
				return fmt.Errorf("drop key cell: %w", err)
			}
		}
	}
	return nil
}

// loadSealKeys reads the private seal keys. One that a roll-back took is
// skipped; peers learn the next one.
func (e *Engine) loadSealKeys(tx *store.Tx) error {
	keys := map[[16]byte]sealKey{}
	refs, err := tx.Cells(cellSeal)
	if err != nil {
		return fmt.Errorf("list seal keys: %w", err)
	}
	for _, ref := range refs {
		b, err := tx.Cell(cellSeal, ref)
		if errors.Is(err, store.ErrRolledBack) {
			e.cfg.Log.Warn("seal key is gone after a roll-back")
			continue
		}
		if err != nil {
			return fmt.Errorf("read seal key: %w", err)
		}
		k, err := e.cfg.Suite.ParseSealKey(b)
		if err != nil {
			return fmt.Errorf("read seal key: %w", err)
		}
		n := octets.NewReader(ref).Uint64()
		keys[chain.SliceTag(e.cfg.Suite, k.Public())] = sealKey{number: n, key: k}
	}
	e.sealKeys = keys
	return nil
}

// PutSealKey stores the private half of a seal key of this desk. The engine
// reads it at its next start, or when it made the key itself.
func PutSealKey(tx *store.Tx, number uint64, k suite.SealKey) error {
	var w octets.Writer
	w.Uint64(number)
	if err := tx.PutCell(cellSeal, w.Bytes(), k.Bytes()); err != nil {
		return fmt.Errorf("store seal key: %w", err)
	}
	return nil
}

// Reload reads lines, parties and seal keys again, inside the batch that
// changed them.
func (b *Batch) Reload() error {
	e := b.e
	lines, dir, err := e.loadLines(b.Tx)
	if err != nil {
		return err
	}
	oldLines, oldDir, oldKeys := e.lines, e.dir, maps.Clone(e.sealKeys)
	b.undo = append(b.undo, func() { e.lines, e.dir, e.sealKeys = oldLines, oldDir, oldKeys })
	if err := e.loadSealKeys(b.Tx); err != nil {
		return err
	}
	e.lines, e.dir = lines, dir
	b.reloaded = true
	b.After(func() {
		e.publish()
		e.connect()
		e.lastTick = e.lastTick.Add(-tick) // new keys now, not at the next tick
		signal(e.kick)
	})
	return nil
}
