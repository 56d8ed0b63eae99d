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
	firstSize  = 4096  // bytes in flight before anything is known
	maxSize    = 8 << 20
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
	return int(min(max(r*frameTime, minFrame), maxFrame))
}

// target is the queue in ms that is not worth shrinking for.
func (w *window) target() float64 {
	r := w.rate()
	if r == 0 {
		return minTarget
	}
	return max(1.25*float64(w.frame())/r*1000, minTarget)
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

// roundTrip takes a measured round trip.
func (w *window) roundTrip(now, rtt time.Duration) { w.rtt.add(now, ms(rtt)) }

// report takes a receiver's report: acked bytes more than before, total in all,
// the last of which was sent at sent and received at clock.
func (w *window) report(now time.Duration, acked int, total uint64, sent time.Duration, clock uint32) {
	w.measure(total, clock)
	// Differences of the receiver's clock and ours are taken modulo 2³² ms.
	w.oneWay.add(now, float64(int32(clock-uint32(sent.Milliseconds()))))
	w.queue = float64(int32(clock-uint32(sent.Milliseconds()))) - w.oneWay.value()
	target := w.target()
	switch {
	case w.queue > target:
		w.shrink(now)
	case w.queue < target/2 && w.limited && !w.started:
		w.size += float64(acked)
	case w.queue < target/2 && w.limited:
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
	floor := w.rate()*(rtt+w.target()/2)/1000 + float64(w.frame())
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
