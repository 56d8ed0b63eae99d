package link

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// model is one direction of a link in virtual time: a sender with the window,
// a serialising link, a receiver that reports as a session does.
type model struct {
	rate    float64 // bytes/s
	oneWay  time.Duration
	jitter  time.Duration
	win     window
	now     time.Duration
	free    time.Duration // when the link is free
	sent    uint64
	acked   uint64
	marks   []mark
	arrive  []arrival
	reports []arrival // on the way back
	got     uint64
	gotAt   time.Duration
	unseen  int
	flowAt  time.Duration
	rng     uint64
	paceAt  time.Duration
}

type arrival struct {
	at    time.Duration
	bytes uint64 // total with this one
	clock uint32
	flash bool
	sent  time.Duration
}

// recordHead is what TLS, TCP and IP add to a record.
const recordHead = 62

func (m *model) random() float64 {
	m.rng = m.rng*6364136223846793005 + 1442695040888963407
	return float64(m.rng>>40) / (1 << 24)
}

// send puts a record on the link.
func (m *model) send(n int, flash bool) {
	m.free = max(m.free, m.now) + time.Duration(float64(n+recordHead)/m.rate*float64(time.Second))
	m.sent += uint64(n)
	m.marks = append(m.marks, mark{uint32(m.sent), m.now, n})
	at := m.free + m.oneWay + time.Duration(m.random()*float64(m.jitter))
	if k := len(m.arrive); k > 0 {
		at = max(at, m.arrive[k-1].at)
	}
	m.arrive = append(m.arrive, arrival{at: at, bytes: m.sent, flash: flash, sent: m.now})
}

// step moves time to the next event and returns how long a FLASH took that
// arrived with it.
func (m *model) step(until time.Duration) (flash time.Duration) {
	for m.paceAt <= m.now && float64(m.sent-m.acked) < m.win.size {
		n := m.win.frame()
		m.send(n, false)
		m.paceAt = max(m.paceAt, m.now) + m.win.pace(n)
	}
	next := until
	if float64(m.sent-m.acked) < m.win.size {
		next = min(next, m.paceAt)
	} else {
		m.win.limited = true
	}
	if len(m.arrive) > 0 {
		next = min(next, m.arrive[0].at)
	}
	if m.unseen > 0 {
		next = min(next, m.flowAt)
	}
	if len(m.reports) > 0 {
		next = min(next, m.reports[0].at)
	}
	m.now = max(next, m.now)
	for len(m.arrive) > 0 && m.arrive[0].at <= m.now {
		a := m.arrive[0]
		m.arrive = m.arrive[1:]
		m.got, m.gotAt = a.bytes, m.now
		if a.flash {
			flash = m.now - a.sent
		}
		m.unseen++
		rtt := 2 * m.oneWay
		if m.unseen == 1 {
			m.flowAt = m.now + max(rtt/2, 20*time.Millisecond)
		} else if m.unseen == 2 {
			m.flowAt = m.now + max(rtt/4, 2*time.Millisecond)
		}
	}
	if m.unseen > 0 && m.now >= m.flowAt {
		m.unseen = 0
		m.reports = append(m.reports, arrival{at: m.now + m.oneWay, bytes: m.got, clock: uint32(m.gotAt.Milliseconds()) + 77_000})
	}
	for len(m.reports) > 0 && m.reports[0].at <= m.now {
		m.report(m.reports[0])
		m.reports = m.reports[1:]
	}
	return flash
}

func (m *model) report(r arrival) {
	var last mark
	n := 0
	for n < len(m.marks) && uint64(m.marks[n].pos) <= r.bytes {
		last = m.marks[n]
		n++
	}
	m.marks = m.marks[n:]
	acked := r.bytes - m.acked
	m.acked = r.bytes
	if n > 0 {
		m.win.report(m.now, int(acked), r.bytes, last, r.clock)
	}
}

// TestWindow: on every kind of link a FLASH passes a bulk transfer at a small
// multiple of what it takes alone, and the bulk keeps the link busy. A window
// that is ten times too large shows what the bound is for.
func TestWindow(t *testing.T) {
	for name, l := range map[string]struct {
		rate     float64 // bit/s
		rtt      time.Duration
		jitter   time.Duration
		most     float64 // times the idle time, mean over FLASHes
		leastUse float64
	}{
		"4G":   {10e6, 60 * time.Millisecond, 5 * time.Millisecond, 2, 0.75},
		"GEO":  {512e3, 600 * time.Millisecond, 0, 1.3, 0.75},
		"thin": {64e3, 300 * time.Millisecond, 0, 1.5, 0.68},
		"HF":   {9600, 1500 * time.Millisecond, 0, 1.7, 0.65},
		"LAN":  {1e9, time.Millisecond, time.Millisecond, math.Inf(1), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			ratio, use, size := simulate(l.rate, l.rtt, l.jitter, 0)
			t.Logf("FLASH %.2f times idle, use %.2f, window %.0f of BDP %.0f", ratio, use, size, l.rate/8*l.rtt.Seconds())
			if ratio > l.most || use < l.leastUse {
				t.Errorf("FLASH %.2f times idle and use %.2f, want at most %.2f and at least %.2f", ratio, use, l.most, l.leastUse)
			}
			if l.rate > 1e6 {
				return
			}
			if ratio, _, _ := simulate(l.rate, l.rtt, l.jitter, 10); ratio < l.most {
				t.Errorf("control: with ten times the window FLASH takes %.2f, so the test shows nothing", ratio)
			}
		})
	}
}

// simulate runs a bulk transfer with a FLASH now and then. fixed, if set, is a
// window in BDPs in place of the adaptive one.
func simulate(rate float64, rtt, jitter time.Duration, fixed float64) (ratio, use, size float64) {
	m := &model{rate: rate / 8, oneWay: rtt / 2, jitter: jitter, win: newWindow(), rng: 1}
	m.win.roundTrip(0, rtt)
	idle := (rtt / 2).Seconds() + (1041+recordHead)/m.rate
	pause := max(5*rtt, time.Duration(12*1041/m.rate*float64(time.Second)), 50*time.Millisecond)
	settle, end := 30*pause, 100*pause
	var before uint64
	var took []float64
	next := settle
	for m.now < end {
		if fixed > 0 {
			m.win.size = fixed * m.rate * rtt.Seconds()
		}
		if m.now >= next {
			if before == 0 {
				before = m.got
			}
			m.send(1041, true)
			next += pause
		}
		if d := m.step(next); d > 0 {
			took = append(took, d.Seconds()/idle)
		}
	}
	slices.Sort(took)
	if len(took) == 0 {
		panic(fmt.Sprint("no FLASH arrived in ", end))
	}
	use = float64(m.got-before) / (end - settle).Seconds() / m.rate
	return took[len(took)/2], use, m.win.size
}
