package link

import (
	"slices"
	"time"
)

// window decides how many bytes may be on the way at once, and how long a frame
// may be, in one direction of one link. It takes times as durations since the
// start of the session and reads no clock.
//
// The queue that makes a FLASH wait stands in the network, behind our own
// scheduler, and only a bound on the bytes in flight removes it. The sign of a
// standing queue is delay, not loss (radio loses without being full): the
// receiver tells when it had how many bytes, and the growth of that one-way
// time over its minimum is the queue, in our direction only. The two clocks
// need not agree, only run alike.
//
// The window doubles each round trip until a queue is seen, then shrinks to
// what empties it, and from there grows by a frame per round trip. It never
// falls below the product of measured rate and shortest round trip, so a stall
// by a lost packet does not empty the link.
type window struct {
	size    float64 // bytes in flight that are allowed
	started bool    // a queue has been seen once
	limited bool    // the sender had more to send than the window let it

	rtt    minimum       // shortest round trip, ms
	oneWay minimum       // shortest one-way time by two clocks, ms
	queue  float64       // standing queue by the last report, ms
	cut    time.Duration // when the window last shrank

	rates [8]float64 // bytes/s, latest measurements
	nRate int
	total uint64 // bytes received at the last measurement
	clock uint32 // receiver's clock then, ms
	timed bool
}

const (
	firstFrame = 1150 // one packet of 1,280 B, before a rate is known
	minFrame   = 256
	maxFrame   = 16000 // with its heads still one TLS record
	frameTime  = 0.040 // s: a FLASH waits for at most one frame per hop
	shortTime  = 0.010 // s: where the round trip is short too
	firstSize  = 4096  // bytes in flight before anything is known
	maxSize    = 8 << 20
	paceGain   = 1.25
	minTarget  = 15.0 // ms of queue that count as none: timers and schedulers
)

func newWindow() window { return window{size: firstSize} }

// rate is the link's rate in bytes/s, zero if unknown: the second largest of
// the latest measurements, because a burst after a stall makes one too large.
func (w *window) rate() float64 {
	n := min(w.nRate, len(w.rates))
	if n == 0 {
		return 0
	}
	s := slices.Clone(w.rates[:n])
	slices.Sort(s)
	return s[max(n-2, 0)]
}

// frame is how long a frame may be in bytes.
func (w *window) frame() int {
	r := w.rate()
	if r == 0 {
		return firstFrame
	}
	// An eighth of the round trip is a wait that nobody sees; below a packet's
	// worth the heads would take too much of the link.
	short := min(max(w.rtt.value()/8000, shortTime), frameTime)
	f := max(r*short, min(r*frameTime, firstFrame), minFrame)
	return int(min(f, maxFrame))
}

// target is the queue in ms that is not worth shrinking for.
func (w *window) target() float64 {
	r := w.rate()
	if r == 0 {
		return minTarget
	}
	return max(2*float64(w.frame())/r*1000, minTarget)
}

// allows reports whether more of a lane may go with inFlight bytes on the way.
// A FLASH may pass a full window, but not without any bound.
func (w *window) allows(lane uint8, inFlight int) bool {
	if lane == flashLane {
		return float64(inFlight) < 2*w.size+firstSize
	}
	if float64(inFlight) < w.size {
		return true
	}
	w.limited = true
	return false
}

// pace is the pause that belongs behind n bytes: the window is spread over most
// of a round trip, because a burst would be a queue of its own, and would look
// like a standing one.
func (w *window) pace(n int) time.Duration {
	return msToDuration(float64(n) * w.rtt.value() / (paceGain * w.size))
}

// roundTrip takes a measured round trip.
func (w *window) roundTrip(now, rtt time.Duration) { w.rtt.add(now, ms(rtt)) }

// report takes a receiver's report: acked bytes more than before, total in all,
// the last of which were sent in the record last and received at clock.
func (w *window) report(now time.Duration, acked int, total uint64, last mark, clock uint32) {
	w.measure(total, clock)
	target := w.target()
	// A short record is sooner through and a FLASH in one piece later: only
	// records of about a frame can be compared with each other.
	if f := w.frame(); last.size >= f/2 && last.size <= 2*f {
		// Differences of the receiver's clock and ours are taken modulo 2³² ms.
		v := float64(int32(clock - uint32(last.at.Milliseconds())))
		w.oneWay.add(now, v)
		w.queue = v - w.oneWay.value()
		if w.queue > target {
			w.shrink(now)
		}
	}
	switch {
	case w.queue < target*0.75 && w.limited && !w.started:
		w.size += float64(acked)
	case w.queue < target*0.75 && w.limited:
		w.size += float64(w.frame()) * float64(acked) / w.size
	}
	w.size = min(w.size, maxSize)
	w.limited = false
}

// shrink empties the queue, at most once per round trip: before that the
// reports still tell of the larger window.
func (w *window) shrink(now time.Duration) {
	w.started = true
	rtt := w.rtt.value()
	if now-w.cut < msToDuration(rtt+w.queue) && w.cut != 0 {
		return
	}
	w.cut = now
	floor := w.rate()*(rtt+0.75*w.target())/1000 + float64(w.frame())
	w.size = max(min(w.size*rtt/(rtt+w.queue), w.size), floor, 2*float64(w.frame()))
}

// measure takes the rate at which bytes came in, by the receiver's clock.
func (w *window) measure(total uint64, clock uint32) {
	if !w.timed {
		w.timed, w.total, w.clock = true, total, clock
		return
	}
	span := float64(int32(clock - w.clock))
	if span < max(w.rtt.value(), 100) {
		return
	}
	r := float64(total-w.total) / span * 1000
	w.total, w.clock = total, clock
	// With too little to send the link is faster than what was measured.
	if !w.limited && r <= w.rate() {
		return
	}
	w.rates[w.nRate%len(w.rates)] = r
	w.nRate++
}

// minimum is the smallest value of the last five to ten minutes: paths change,
// and clocks drift.
type minimum struct {
	now, before float64
	since       time.Duration
	have, had   bool
}

const minimumFor = 5 * time.Minute

func (m *minimum) add(now time.Duration, v float64) {
	if m.have && now-m.since > minimumFor {
		m.before, m.had, m.have = m.now, true, false
	}
	if !m.have {
		m.now, m.have, m.since = v, true, now
	}
	m.now = min(m.now, v)
}

func (m *minimum) value() float64 {
	switch {
	case m.have && m.had:
		return min(m.now, m.before)
	case m.have:
		return m.now
	default:
		return 0
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func msToDuration(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
