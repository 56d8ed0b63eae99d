package exchange

import (
	"time"

	"hotline/internal/ident"
)

// maxRations bounds what is remembered of what was done for others.
const maxRations = 1 << 13

// ration is something that a desk, or a relay that gives its old words again,
// can have this desk do over and over.
type ration struct {
	what string
	desk ident.Desk
	of   [32]byte // about which; zeros: whatever. Never what the other side makes up
}

// spent is how often that was done since, steady.
type spent struct {
	since time.Time
	times int
}

// spare reports whether a thing may be done now: at most so often in a while.
func (b *Batch) spare(r ration, most int, every time.Duration) bool {
	s, known := b.e.rations[r]
	return !known || s.times < most || b.Steady.Sub(s.since) >= every
}

// spend is spare, and counts it.
func (b *Batch) spend(r ration, most int, every time.Duration) bool {
	if !b.spare(r, most, every) {
		return false
	}
	all := b.e.rations
	was, known := all[r]
	now := was
	if !known || b.Steady.Sub(was.since) >= every {
		now = spent{since: b.Steady}
	}
	now.times++
	if !known && len(all) >= maxRations {
		clear(all)
	}
	all[r] = now
	b.undo = append(b.undo, func() {
		if all[r] = was; !known {
			delete(all, r)
		}
	})
	return true
}
