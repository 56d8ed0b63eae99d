package exchange

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/store"
)

// steady is the clock of periods, windows and retries: it counts the time that
// this desk has run, through restarts, and nobody can set it. The wall clock
// moves it on only where the signed times of two peers say the same, so that a
// spoofed clock neither destroys a key nor keeps one for ever
// (docs/spec/chain.md, Section 7). It never goes back.
type steady struct {
	base    atomic.Int64 // when this process started, by this clock, in Unix ms
	started time.Time    // the same moment, with the monotonic reading
	saved   time.Time    // last value on disk
	peers   map[ident.Desk]peerTime
}

// peerTime is a time that a peer signed, and when it came by the steady clock.
type peerTime struct{ theirs, came time.Time }

const (
	settingSteady = "clock.steady"
	// steadySaved is how much of the steady clock a crash may lose.
	steadySaved = time.Minute
	// clocksAgree is how far two clocks that agree may be apart: an envelope's
	// way through a relay is in it.
	clocksAgree = 5 * time.Minute
	// clocksWanted is how many peers have to agree with a jump.
	clocksWanted = 2
)

// now is the steady clock's time. It may be asked from any goroutine.
func (s *steady) now() time.Time {
	return time.UnixMilli(s.base.Load()).Add(time.Since(s.started)).UTC().Truncate(time.Millisecond)
}

// loadSteady starts the clock where it stopped.
func (e *Engine) loadSteady(tx *store.Tx) error {
	e.steady.started, e.steady.peers = time.Now(), map[ident.Desk]peerTime{}
	e.steady.base.Store(e.wall().UnixMilli())
	raw, err := tx.Setting(settingSteady)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read steady clock: %w", err)
	}
	at := int64(octets.NewReader(raw).Uint64())
	e.steady.base.Store(at)
	e.steady.saved = time.UnixMilli(at).UTC()
	return nil
}

// saveSteady writes the clock down, now and then.
func (b *Batch) saveSteady() error {
	s := &b.e.steady
	if since := b.Steady.Sub(s.saved); since >= 0 && since < steadySaved {
		return nil
	}
	return b.keepSteady()
}

// keepSteady writes the clock down now.
func (b *Batch) keepSteady() error {
	s := &b.e.steady
	if err := b.Tx.PutSetting(settingSteady, be64(uint64(b.Steady.UnixMilli()))); err != nil {
		return fmt.Errorf("store steady clock: %w", err)
	}
	b.After(func() { s.saved = b.Steady })
	return nil
}

// signedTime takes note of a time that a peer signed just now. When enough
// peers agree with our wall clock, what it is ahead of the steady clock has
// really passed: the desk was off, or the machine slept.
func (b *Batch) signedTime(d ident.Desk, theirs time.Time) {
	e := b.e
	if d == e.cfg.Self.Desk {
		return
	}
	s := &e.steady
	s.peers[d] = peerTime{theirs: theirs, came: b.Steady}
	agree := 0
	for _, p := range s.peers {
		if p.theirs.Add(b.Steady.Sub(p.came)).Sub(b.Now).Abs() <= clocksAgree {
			agree++
		}
	}
	ahead := b.Now.Sub(b.Steady)
	if agree < clocksWanted || ahead <= clocksAgree {
		return
	}
	b.After(func() {
		e.cfg.Log.Warn("clock moved on: peers agree with the time", "seconds", int64(ahead.Seconds()))
		s.base.Add(ahead.Milliseconds())
		clear(s.peers) // what they said is counted now
	})
}

// wall is the machine's own clock.
func (e *Engine) wall() time.Time {
	if e.cfg.Wall != nil {
		return e.cfg.Wall()
	}
	return time.Now()
}
