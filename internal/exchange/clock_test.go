package exchange_test

import (
	"testing"
	"time"

	"hotline/internal/octets"
	"hotline/internal/store"
)

// TestClockFarBehindIsNoReasonToRefuse: two desks on a line come back with
// clocks that stand ninety days behind the relay's. They deliver and receipt;
// what they seal lives by the relay's clock.
func TestClockFarBehindIsNoReasonToRefuse(t *testing.T) {
	h := newHub()
	a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
	c := charter(t, "JPN-NATO", a, b)
	a.found(t, c, a, b)
	b.found(t, c, a, b)
	jpn, nato := a.start(t, h), b.start(t, h)
	before := send(t, jpn, flash(c.ID(one), "EXERCISE"))
	jpn.until(t, "delivered", has(before, "delivered"))
	jpn.stop()
	nato.stop()

	h.ahead = 90 * 24 * time.Hour
	jpn, nato = a.start(t, h), b.start(t, h)
	for _, d := range []*desk{jpn, nato} {
		d.until(t, "clock", func(tx *store.Tx) bool {
			behind, err := tx.Setting("clock.behind")
			return err == nil && octets.NewReader(behind).Uint64() != 0
		})
	}
	id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
	nato.until(t, "delivered", has(id, "delivered"))
	jpn.until(t, "delivered", has(id, "delivered"))
}
