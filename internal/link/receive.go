package link

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"
)

// read serves one connection until it breaks.
func (s *session) read(c *conn) {
	defer s.running.Done()
	br := bufio.NewReaderSize(c.tc, 4096)
	var buf []byte
	for {
		t, body, grown, err := readFrame(br, buf)
		if err == nil {
			buf = grown
			err = s.take(c, t, body)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = fmt.Errorf("relay link: %w", io.EOF)
			}
			s.lost(c, err)
			return
		}
	}
}

// take handles one frame.
func (s *session) take(c *conn, t byte, body []byte) error {
	switch t {
	case frameEnv, frameChunk:
		return s.takeData(c, t, body)
	case frameFlow, framePing, framePong:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = 0
		return s.takeTiming(t, body)
	default:
		s.mu.Lock()
		s.asked = 0
		s.mu.Unlock()
		if t >= frameOptional {
			return nil // of a later version
		}
		return s.r.frame(c, t, body)
	}
}

// takeData handles ENV and CHUNK.
func (s *session) takeData(c *conn, t byte, body []byte) error {
	in, err := s.assemble(c, t, body)
	if err != nil {
		return err
	}
	if t == frameEnv {
		if in.ctx, err = s.r.begin(c, in.lane, in.stamp); err != nil {
			return err
		}
	}
	if !in.whole() {
		return nil
	}
	if err := in.check(); err != nil {
		return err
	}
	s.hold(1)
	defer s.hold(-1)
	return s.r.envelope(in.ctx, in.lane, in.stamp, in.buf)
}

func (s *session) hold(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocked += n
	s.asked = 0
}

// assemble adds a part to its envelope and counts it for FLOW.
func (s *session) assemble(c *conn, t byte, body []byte) (in *incoming, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed {
		// What is kept of its envelopes has been told to the peer by now: a frame
		// that was read before must not change it.
		return nil, errReplaced
	}
	now := s.now()
	s.asked = 0
	c.recv += uint32(headSize + len(body))
	c.recvAt = uint32(now.Milliseconds())
	s.received = true
	c.used = now
	s.flowDue(now)
	if t == frameEnv {
		var kept *incoming
		if len(body) > 0 && body[0] < Lanes {
			kept = s.kept[body[0]]
		}
		if in, err = parseEnv(body, kept); err != nil {
			return nil, err
		}
		s.kept[in.lane] = nil
		s.in[in.lane] = in
	} else if in, err = parseChunk(body, &s.in); err != nil {
		return nil, err
	}
	if isBulk(in.lane) != c.bulk {
		return nil, protocolError("lane %d on the wrong connection", in.lane)
	}
	if in.whole() {
		s.in[in.lane] = nil
	}
	return in, nil
}

// flowDue notes that a report is owed: after the second frame or a quarter of a
// round trip, whichever is later, and for one frame alone after half of one.
func (s *session) flowDue(now time.Duration) {
	s.unseen++
	rtt := msToDuration(s.win.rtt.value())
	switch s.unseen {
	case 1:
		s.flowAt = now + max(rtt/2, 20*time.Millisecond)
		s.schedule(now)
	case 2:
		s.flowAt = now + max(rtt/4, 2*time.Millisecond)
		s.schedule(now)
	}
}

// takeTiming handles FLOW, PING and PONG; mu is held.
func (s *session) takeTiming(t byte, body []byte) error {
	now := s.now()
	switch {
	case t == frameFlow && len(body) == flowSize:
		s.takeFlow(now, body)
		for _, c := range s.conns {
			if c != nil {
				s.wakeLocked(c)
			}
		}
	case t == framePing && len(body) == 4:
		if len(s.pings) < 64 { // a peer that asks without end is not answered without end
			s.pings = appendFrame(s.pings, framePong, body)
		}
		s.wakeLocked(s.conns[0])
	case t == framePong && len(body) == 4:
		took := time.Duration(uint32(now.Milliseconds())-be.Uint32(body)) * time.Millisecond
		if took >= 0 && took < time.Hour {
			s.win.roundTrip(now, max(took, 50*time.Microsecond))
		}
	default:
		return protocolError("frame type %d of %d bytes", t, len(body))
	}
	return nil
}

// takeFlow takes the peer's report: bytes and time per connection.
func (s *session) takeFlow(now time.Duration, body []byte) {
	for i, c := range s.conns {
		if c == nil {
			continue
		}
		pos, clock := be.Uint32(body[8*i:]), be.Uint32(body[8*i+4:])
		acked := pos - c.acked
		if acked == 0 || acked > c.sent-c.acked {
			continue // nothing new, or of a connection before this one
		}
		c.acked = pos
		s.total += uint64(acked)
		var last mark
		n := 0
		for n < len(c.marks) && int32(pos-c.marks[n].pos) >= 0 {
			last = c.marks[n]
			n++
		}
		c.marks = append(c.marks[:0], c.marks[n:]...)
		if n > 0 {
			s.win.report(now, int(acked), s.total, last, clock)
		}
	}
}
