package link

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"
	"time"
)

// receiver is what a session hands over to: the desk's end or the relay's end.
// Its methods are called without the session's lock.
type receiver interface {
	// begin is called when the first part of an envelope has come; what it
	// returns is kept for envelope.
	begin(c *conn, lane uint8, stamp uint64) (any, error)
	// envelope takes a whole envelope. While it blocks, nothing more is read
	// from that connection: that is the back-pressure.
	envelope(ctx any, lane uint8, stamp uint64, env []byte) error
	// frame takes any other frame but FLOW, PING and PONG.
	frame(c *conn, t byte, body []byte) error
	// control appends control frames that are waiting, about limit bytes.
	control(dst []byte, limit int) []byte
	// room says that a lane has little left to send.
	room(lane uint8)
	// needBulk says that something waits for a bulk connection.
	needBulk()
	// bulkLost says that the bulk connection broke: what was sent on it and
	// not answered is to be sent again.
	bulkLost()
}

// conn is one of the connections of a session.
type conn struct {
	tc   *tls.Conn
	bulk bool
	wake chan struct{}

	dests dests // the relay's end: used by the reader only

	// The session's mu guards the following.
	sent, acked uint32 // data bytes, modulo 2³²
	marks       []mark
	recv        uint32 // data bytes received
	recvAt      uint32 // when the last came, ms
	used        time.Duration
	closed      bool
	slots       slots // the desk's end
}

// mark notes when the bytes up to a position were handed to the connection.
type mark struct {
	pos  uint32
	at   time.Duration
	size int // of the record, data bytes
}

func (c *conn) inFlight() int { return int(c.sent - c.acked) }

// session is a link that is up: an urgent connection, perhaps a bulk one, one
// scheduler and one window over both.
type session struct {
	r     receiver
	start time.Time
	limit func() time.Duration // how long an answer may take

	mu sync.Mutex
	// mu guards the following.
	lanes    [Lanes]lane
	turn     int // PRIORITY parts since the last ROUTINE one
	conns    [2]*conn
	in       [Lanes]*incoming
	kept     [Lanes]*incoming // from the session before
	wants    [Lanes]*Want     // what the peer kept
	win      window
	total    uint64        // data bytes that the peer has reported in all
	paceAt   time.Duration // before this only FLASH goes
	paced    bool          // something waits for paceAt
	flowAt   time.Duration // when FLOW is due; zero if none is
	unseen   int           // data frames since the last FLOW
	pings    []byte        // PONGs to send
	pingAt   time.Duration // when the next PING is due
	asked    time.Duration // since when an answer is owed; zero if none is
	blocked  int           // readers held up by the receiver
	timer    *time.Timer
	err      error
	closed   bool
	done     chan struct{}
	running  sync.WaitGroup
	bulkWant bool
	received bool // any data
}

const (
	// keepAlive is the pause between PINGs of an idle link: short enough for
	// most NATs, 0.2 MB a day.
	keepAlive = 30 * time.Second
	busyPing  = time.Second
	// bulkIdle is how long a bulk connection stays without traffic.
	bulkIdle = 5 * time.Minute
	// lowWater is how little of a lane is left when more is asked for.
	lowWater = 64 << 10
)

func newSession(r receiver, win window, limit func() time.Duration) *session {
	s := &session{r: r, start: time.Now(), win: win, limit: limit, done: make(chan struct{})}
	// The clocks of the peer start anew with each session.
	s.win.oneWay, s.win.timed = minimum{}, false
	return s
}

func (s *session) now() time.Duration { return time.Since(s.start) }

// attach adds a connection and starts to serve it.
func (s *session) attach(tc *tls.Conn, bulk bool, wants []Want, rtt time.Duration) bool {
	c := &conn{tc: tc, bulk: bulk, wake: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.closed || s.conns[index(bulk)] != nil {
		s.mu.Unlock()
		return false
	}
	s.conns[index(bulk)] = c
	c.used = s.now()
	for l := range s.wants {
		if isBulk(uint8(l)) == bulk {
			s.wants[l] = nil // what an earlier connection asked for is of the past
		}
	}
	for _, w := range wants {
		if isBulk(w.Lane) == bulk {
			s.wants[w.Lane] = &w
		}
	}
	if rtt > 0 {
		s.win.roundTrip(s.now(), rtt)
	}
	if bulk {
		s.bulkWant = false
	} else {
		s.timer = time.AfterFunc(time.Hour, s.tick)
	}
	s.running.Add(2)
	s.mu.Unlock()
	go s.read(c)
	go s.write(c)
	return true
}

func index(bulk bool) int {
	if bulk {
		return 1
	}
	return 0
}

// close ends the session with a cause and does not wait.
func (s *session) close(cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed, s.err = true, cause
	close(s.done)
	if s.timer != nil {
		s.timer.Stop()
	}
	for _, c := range s.conns {
		if c != nil {
			s.drop(c)
		}
	}
}

// drop closes a connection; mu is held. Closing TLS could block behind a
// writer, so the TCP connection is closed under it.
func (s *session) drop(c *conn) {
	c.closed = true
	c.tc.NetConn().Close()
	s.wakeLocked(c)
}

// lost ends a connection. Without its urgent one a session ends; a bulk one is
// opened again when it is needed.
func (s *session) lost(c *conn, cause error) {
	if !c.bulk {
		s.close(cause)
		return
	}
	s.mu.Lock()
	if s.closed || s.conns[1] != c {
		s.mu.Unlock()
		return
	}
	s.drop(c)
	s.conns[1] = nil
	for _, l := range bulkOrder {
		s.lanes[l] = lane{}
		if in := s.in[l]; in != nil {
			s.kept[l], s.in[l] = in, nil
		}
	}
	s.bulkWant = false
	s.mu.Unlock()
	if errors.Is(cause, errProtocol) {
		s.close(cause)
		return
	}
	s.r.bulkLost()
}

// wait returns when the session has ended and all its goroutines with it.
func (s *session) wait() error {
	<-s.done
	s.running.Wait()
	return s.err
}

// leftovers returns the halves of envelopes that have come, for the session
// after this one. The session has ended.
func (s *session) leftovers() (kept [Lanes]*incoming) {
	if errors.Is(s.err, errProtocol) {
		return kept
	}
	for l := range kept {
		kept[l] = s.kept[l]
		if s.in[l] != nil && s.in[l].split {
			kept[l] = s.in[l]
		}
		if kept[l] != nil {
			kept[l].ctx = nil
		}
	}
	return kept
}

// wantsOf lists what is kept for the lanes of a connection.
func wantsOf(kept *[Lanes]*incoming, bulk bool) (wants []Want) {
	for _, in := range kept {
		if in != nil && in.split && isBulk(in.lane) == bulk && len(in.buf) > 0 {
			wants = append(wants, in.want())
		}
	}
	return wants
}

// send queues an envelope.
func (s *session) send(o *outgoing) {
	s.mu.Lock()
	s.lanes[o.lane].push(o)
	bulk := isBulk(o.lane)
	ask := s.askBulk(bulk)
	if c := s.conns[index(bulk)]; c != nil {
		s.wakeLocked(c)
	}
	s.mu.Unlock()
	if ask {
		s.r.needBulk()
	}
}

// unsend takes an envelope out of its lane, if nothing of it has gone.
func (s *session) unsend(o *outgoing) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return o == nil || s.lanes[o.lane].remove(o)
}

// askBulk reports, once until it comes, that a bulk connection is needed.
func (s *session) askBulk(bulk bool) bool {
	if !bulk || s.conns[1] != nil || s.bulkWant || s.closed {
		return false
	}
	s.bulkWant = true
	return true
}

// queued is how many bytes a lane holds.
func (s *session) queued(l uint8) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lanes[l].bytes
}

// wakeControl makes the urgent connection ask for control frames.
func (s *session) wakeControl() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.conns[0]; c != nil {
		s.wakeLocked(c)
	}
}

func (s *session) wakeLocked(c *conn) {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// stats returns the round trip and the rate in bit/s.
func (s *session) stats() (rtt time.Duration, rate int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return msToDuration(s.win.rtt.value()), int64(8 * s.win.rate())
}

// moved reports whether any part of an envelope got through, either way.
func (s *session) moved() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total > 0 || s.received
}

// runUntil ends the session when ctx does.
func (s *session) runUntil(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() { s.close(ctx.Err()) })
}

var (
	errReplaced = errors.New("replaced by a newer connection")
	errBye      = errors.New("desk said good-bye")
)
