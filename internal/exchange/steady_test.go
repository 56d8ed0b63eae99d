package exchange_test

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/roster"
	"hotline/internal/store"
)

// sealNumbers lists the private seal keys that a desk holds.
func (d *desk) sealNumbers(t *testing.T) (got []uint64) {
	t.Helper()
	err := d.store.View(t.Context(), func(tx *store.Tx) error {
		refs, err := tx.Cells("seal")
		for _, r := range refs {
			got = append(got, binary.BigEndian.Uint64(r))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

// TestClockJumps: a wall clock that is set, alone, destroys no key, keeps none
// for longer, stops no FLASH and revives nothing.
func TestClockJumps(t *testing.T) {
	for name, by := range map[string]time.Duration{
		"a day forward": 24 * time.Hour, "a day back": -24 * time.Hour, "ten years back": -10 * 365 * 24 * time.Hour, "two hundred years forward": 200 * 365 * 24 * time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHub()
				a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
				c := hourly(t, "JPN-NATO", a, b)
				a.found(t, c, a, b)
				b.found(t, c, a, b)
				line := c.ID(one)
				var jump atomic.Int64
				b.wall = func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
				jpn, nato := a.start(t, h), b.start(t, h)
				jpn.virtual, nato.virtual = true, true
				before := send(t, jpn, flash(line, "EXERCISE before"))
				nato.until(t, "delivered", has(before, "delivered"))
				time.Sleep(65 * time.Minute)
				if got := nato.sealNumbers(t); !slices.Equal(got, []uint64{1, 2}) {
					t.Fatalf("seal keys %v before the jump", got)
				}
				jump.Store(int64(by))
				time.Sleep(time.Minute)
				if got := nato.sealNumbers(t); !slices.Equal(got, []uint64{1, 2}) {
					t.Errorf("seal keys %v after the jump, want 1 and 2", got)
				}
				id := send(t, jpn, flash(line, "EXERCISE to a desk whose clock jumped"))
				nato.until(t, "delivered", has(id, "delivered"))
				jpn.until(t, "delivered", has(id, "delivered"))
				back := send(t, nato, flash(line, "EXERCISE from it"))
				jpn.until(t, "delivered", has(back, "delivered"))
				time.Sleep(time.Hour)
				if got := nato.sealNumbers(t); !slices.Equal(got, []uint64{2, 3}) {
					t.Errorf("seal keys %v an hour after the jump, want 2 and 3: kept for longer, or gone", got)
				}
				for _, d := range []*desk{jpn, nato} {
					if all := d.alarms(t, line); len(all) != 0 {
						t.Errorf("%s alarms: %s", d.name, all[0].Text)
					}
				}
				quiesce(jpn, nato)
			})
		})
	}
}

// hourly is a charter whose seal keys live for an hour.
func hourly(t *testing.T, name string, parties ...*party) roster.Charter {
	t.Helper()
	c := charter(t, name, parties...)
	c.SealKeyPeriod = time.Hour
	c, err := roster.NewCharter(one, c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// pass lets time pass for a desk that is stopped, as if it had run.
func (p *party) pass(t *testing.T, d time.Duration) {
	t.Helper()
	st := p.open(t)
	defer st.Close()
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		raw, err := tx.Setting("clock.steady")
		if err != nil {
			return err
		}
		at := binary.BigEndian.Uint64(raw) + uint64(d.Milliseconds())
		return tx.PutSetting("clock.steady", binary.BigEndian.AppendUint64(nil, at))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTimeOffCountsWhenPeersAgree: a desk that was off for three hours takes two
// peers' word for it, and not its own clock's.
func TestTimeOffCountsWhenPeersAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
		ch := hourly(t, "JPN-NATO-AUS", a, b, c)
		line := ch.ID(one)
		var all []*desk
		for _, p := range []*party{a, b, c} {
			p.found(t, ch, a, b, c)
			all = append(all, p.start(t, h))
			all[len(all)-1].virtual = true
		}
		jpn, nato, aus := all[0], all[1], all[2]
		id := send(t, jpn, flash(line, "EXERCISE"))
		nato.until(t, "delivered", has(id, "delivered"))
		time.Sleep(65 * time.Minute)
		nato.stop()
		held := func(d *desk, want ...uint64) {
			t.Helper()
			if got := d.sealNumbers(t); !slices.Equal(got, want) {
				t.Errorf("%s: seal keys %v, want %v", d.name, got, want)
			}
		}
		time.Sleep(3 * time.Hour)
		alone := b.startOn(t, nil)
		time.Sleep(time.Minute)
		held(alone, 1, 2) // nobody has said how late it is
		alone.stop()
		back := b.start(t, h)
		back.virtual = true
		if err := jpn.RenewKeys(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if err := aus.RenewKeys(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		held(back, 2, 3)
		quiesce(jpn, back, aus)
	})
}

// TestOfflineDeskKeepsItsSealKeys: what was sealed to it while it was cut off
// still opens, up to eight days; then the key is gone.
func TestOfflineDeskKeepsItsSealKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub()
		a, b := newParty(t, "JPN", h), newParty(t, "NATO", h)
		c := hourly(t, "JPN-NATO", a, b)
		a.found(t, c, a, b)
		b.found(t, c, a, b)
		offline := func(want ...uint64) {
			t.Helper()
			d := b.startOn(t, nil)
			time.Sleep(time.Minute)
			if got := d.sealNumbers(t); !slices.Equal(got, want) {
				t.Errorf("seal keys %v, want %v", got, want)
			}
			d.stop()
		}
		offline(1)
		b.pass(t, 2*time.Hour)
		offline(1, 2) // due, and no relay has heard of it
		b.pass(t, 7*24*time.Hour)
		offline(1, 2)
		b.pass(t, 25*time.Hour)
		offline(2)
		nato := b.start(t, h)
		time.Sleep(time.Minute)
		if got := nato.sealNumbers(t); !slices.Equal(got, []uint64{2, 3}) {
			t.Errorf("seal keys %v when a relay answers again, want 2 and 3", got)
		}
		quiesce(nato)
	})
}
