package exchange_test

import (
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ident"
)

// A new desk's first message meets mailboxes whose owners have not told their
// relay of it yet. It once waited 30 s whatever came meanwhile.
func TestFirstMessageOfANewDeskWaitsForItsListOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		listed := time.Now().Add(3 * time.Second)
		h.unlisted = func(from ident.Mailbox) bool { return from == a.box && time.Now().Before(listed) }
		c := charter(t, "JPN-NATO", a, b)
		a.found(t, c, a, b)
		b.found(t, c, b, a)
		jpn, nato := a.start(t, h), b.start(t, h)
		jpn.virtual, nato.virtual = true, true
		began := time.Now()
		id := send(t, jpn, flash(c.ID(one), "EXERCISE"))
		jpn.until(t, "delivered", has(id, "delivered"))
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("delivered %v after the first attempt, and 3 s after that the list was there", took)
		}
		h.mu.Lock()
		puts := h.puts
		h.mu.Unlock()
		if puts > 40 {
			t.Errorf("%d puts in 3 s: that is no waiting", puts)
		}
		jpn.stop()
		nato.stop()
		synctest.Wait()
	})
}
