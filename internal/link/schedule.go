package link

import (
	"errors"
	"fmt"
	"time"
)

// write sends on one connection what the scheduler gives it.
func (s *session) write(c *conn) {
	defer s.running.Done()
	buf := make([]byte, 0, 2048)
	for {
		buf = buf[:0]
		if !c.bulk {
			buf = s.r.control(buf, MaxFrame/2)
		}
		rec, popped, closed := s.fill(c, buf)
		if closed {
			return
		}
		buf = rec
		if len(rec) > 0 {
			if _, err := c.tc.Write(rec); err != nil {
				s.lost(c, fmt.Errorf("write to link: %w", err))
				return
			}
		}
		for l, p := range popped {
			if p {
				s.r.room(uint8(l))
			}
		}
		if len(rec) == 0 {
			select {
			case <-c.wake:
			case <-s.done:
				return
			}
		}
	}
}

// fill adds to a record what the connection may send now. popped tells which
// lanes are nearly empty after losing an envelope.
func (s *session) fill(c *conn, rec []byte) (_ []byte, popped [Lanes]bool, closed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || c.closed {
		return nil, popped, true
	}
	now := s.now()
	if !c.bulk {
		rec = s.timing(now, rec)
	}
	before, pos := len(rec), c.sent
	rec = s.data(c, rec, &popped)
	if len(rec) > before {
		c.used = now
		c.marks = append(c.marks, mark{c.sent, now, int(c.sent - pos)})
	}
	if len(rec) > 0 && len(rec) > before && s.asked == 0 {
		s.asked = now
	}
	if len(rec) > 0 || s.paced {
		s.schedule(now)
	}
	return rec, popped, false
}

// timing adds PONG, FLOW and PING.
func (s *session) timing(now time.Duration, rec []byte) []byte {
	rec = append(rec, s.pings...)
	s.pings = s.pings[:0]
	if s.unseen > 0 && (now >= s.flowAt || len(rec) > 0 && s.unseen > 1) {
		s.unseen = 0
		rec = appendHead(rec, frameFlow, flowSize)
		for _, c := range s.conns {
			var recv, at uint32
			if c != nil {
				recv, at = c.recv, c.recvAt
			}
			rec = be.AppendUint32(rec, recv)
			rec = be.AppendUint32(rec, at)
		}
	}
	if now >= s.pingAt {
		s.pingAt = now + keepAlive
		if s.inFlight() > 0 {
			s.pingAt = now + max(busyPing, msToDuration(4*s.win.rtt.value()))
		}
		rec = appendHead(rec, framePing, 4)
		rec = be.AppendUint32(rec, uint32(now.Milliseconds()))
		if s.asked == 0 {
			s.asked = now
		}
	}
	return rec
}

func (s *session) inFlight() (n int) {
	for _, c := range s.conns {
		if c != nil {
			n += c.inFlight()
		}
	}
	return n
}

// data adds parts of envelopes by precedence, about a frame's worth.
func (s *session) data(c *conn, rec []byte, popped *[Lanes]bool) []byte {
	limit := s.win.frame()
	order := urgentOrder[:]
	if c.bulk {
		// While something urgent waits to be written, no part of a bulk
		// envelope starts.
		if s.lanes[flashLane].head() != nil || s.lanes[immediateLane].head() != nil {
			return rec
		}
		order = s.bulkTurn()
	}
	for _, l := range order {
		for len(rec) < limit {
			o := s.lanes[l].head()
			if o == nil || !s.mayGo(l) {
				break
			}
			var n int
			rec, n = o.piece(rec, limit-len(rec), l == flashLane, c, s.wants[l])
			if n == 0 {
				return rec // the rest of this record is too short
			}
			c.sent += uint32(n)
			s.paceAt = max(s.paceAt, s.now()) + s.win.pace(n)
			if o.pos == len(o.env) {
				s.lanes[l].pop()
				s.wants[l] = nil
				popped[l] = s.lanes[l].bytes <= lowWater
				s.woken(c, l)
			}
			if l == priorityLane {
				s.turn++
			}
		}
	}
	return rec
}

// paceSlack is how far ahead of the pace a lane may be: timers are no finer.
const paceSlack = time.Millisecond

// mayGo applies window and pace. The pace of a record is checked at its start
// and between its frames alike, so a record is about a frame long.
func (s *session) mayGo(l uint8) bool {
	if l != flashLane && s.paceAt > s.now()+paceSlack {
		s.paced = true
		return false
	}
	return s.win.allows(l, s.inFlight())
}

// woken lets the bulk connection go on when the last urgent envelope is out.
func (s *session) woken(c *conn, l uint8) {
	if !c.bulk && s.lanes[l].head() == nil && s.conns[1] != nil {
		s.wakeLocked(s.conns[1])
	}
}

// bulkTurn gives ROUTINE every ninth turn before PRIORITY, so that it is not
// starved; files come behind both.
func (s *session) bulkTurn() []uint8 {
	if s.turn >= 8 {
		s.turn = 0
		return []uint8{routineLane, priorityLane, fileLane}
	}
	return bulkOrder[:]
}

// schedule sets the timer for whatever is due next; mu is held.
func (s *session) schedule(now time.Duration) {
	if s.timer == nil || s.closed {
		return
	}
	next := s.pingAt
	if s.inFlight() > 0 {
		next = min(next, now+busyPing)
	}
	if s.unseen > 0 {
		next = min(next, s.flowAt)
	}
	if s.asked != 0 {
		next = min(next, now+time.Second)
	}
	if s.paced {
		next = min(next, s.paceAt)
	}
	s.timer.Reset(max(next-now, time.Millisecond))
}

// errSilent means that the peer owed an answer for too long.
var errSilent = errors.New("no answer on the link")

// tick runs when something is due.
func (s *session) tick() {
	limit := s.limit()
	s.mu.Lock()
	now := s.now()
	silent := s.asked != 0 && s.blocked == 0 && now-s.asked > max(limit, msToDuration(4*s.win.rtt.value()))
	if s.inFlight() > 0 {
		s.pingAt = min(s.pingAt, now+max(busyPing, msToDuration(4*s.win.rtt.value())))
	}
	if c := s.conns[0]; c != nil && (now >= s.pingAt || s.unseen > 0) {
		s.wakeLocked(c)
	}
	if s.paced && now+paceSlack >= s.paceAt {
		s.paced = false
		for _, c := range s.conns {
			if c != nil {
				s.wakeLocked(c)
			}
		}
	}
	s.schedule(now)
	var idle *conn
	if b := s.conns[1]; b != nil && now-b.used > bulkIdle && b.inFlight() == 0 {
		idle = b
	}
	s.mu.Unlock()
	if silent {
		s.close(errSilent)
	} else if idle != nil {
		s.lost(idle, errIdle)
	}
}

// errIdle means that a bulk connection was closed because nothing used it.
var errIdle = errors.New("bulk connection idle")
