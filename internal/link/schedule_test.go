package link

import (
	"crypto/ed25519"
	"testing"
	"time"

	"hotline/internal/ident"
)

// quiet is a receiver that does nothing.
type quiet struct{}

func (quiet) begin(*conn, uint8, uint64) (any, error)   { return nil, nil }
func (quiet) envelope(any, uint8, uint64, []byte) error { return nil }
func (quiet) frame(*conn, byte, []byte) error           { return nil }
func (quiet) control(dst []byte, _ int) []byte          { return dst }
func (quiet) room(uint8)                                {}
func (quiet) needBulk()                                 {}
func (quiet) bulkLost()                                 {}

// still returns a session whose connections nobody serves.
func still(t *testing.T) (s *session, urgent, bulk *conn) {
	t.Helper()
	s = newSession(quiet{}, newWindow(), func() time.Duration { return time.Hour })
	urgent = &conn{wake: make(chan struct{}, 1)}
	bulk = &conn{bulk: true, wake: make(chan struct{}, 1)}
	s.conns = [2]*conn{urgent, bulk}
	s.pingAt = time.Hour
	s.win.size = 1 << 20
	return s, urgent, bulk
}

// first returns lane and type of the first frame of a record.
func first(rec []byte) (t byte, lane uint8) {
	if len(rec) < headSize+1 {
		return 0, 0
	}
	return rec[0], rec[headSize]
}

func (s *session) put(lane uint8, size int) {
	s.send(&outgoing{lane: lane, env: make([]byte, size)})
}

// TestUrgentBeforeBulk: FLASH before IMMEDIATE, nothing of the bulk starts
// while either waits, and an envelope under way is interrupted.
func TestUrgentBeforeBulk(t *testing.T) {
	s, urgent, bulk := still(t)
	s.put(fileLane, 60_000)
	if rec, _, _ := s.fill(bulk, nil); len(rec) == 0 {
		t.Fatal("a file part does not start on an idle link")
	}
	s.put(immediateLane, 300)
	s.put(flashLane, 300)
	if rec, _, _ := s.fill(bulk, nil); len(rec) != 0 {
		t.Errorf("%d bytes of a file go while a FLASH waits", len(rec))
	}
	rec, _, _ := s.fill(urgent, nil)
	if typ, lane := first(rec); typ != frameEnv || lane != flashLane {
		t.Errorf("first frame is type %d on lane %d, want ENV of the FLASH", typ, lane)
	}
	if s.lanes[immediateLane].head() != nil {
		t.Error("IMMEDIATE does not fit behind the FLASH")
	}
	rec, _, _ = s.fill(bulk, nil)
	if typ, lane := first(rec); typ != frameChunk || lane != fileLane {
		t.Errorf("then type %d on lane %d, want the file to go on", typ, lane)
	}
}

// TestFullWindowStopsAllButFlash, and a report opens it.
func TestFullWindowStopsAllButFlash(t *testing.T) {
	s, urgent, bulk := still(t)
	s.win.size = 3000
	s.put(fileLane, 60_000)
	sent := 0
	for range 20 {
		rec, _, _ := s.fill(bulk, nil)
		sent += len(rec)
	}
	if sent < 3000 || sent > 3000+firstFrame {
		t.Errorf("%d bytes on the way, want about the window of 3000", sent)
	}
	s.put(immediateLane, 300)
	if rec, _, _ := s.fill(urgent, nil); len(rec) != 0 {
		t.Error("IMMEDIATE passes a full window")
	}
	s.put(flashLane, 1000)
	rec, _, _ := s.fill(urgent, nil)
	if _, lane := first(rec); lane != flashLane || len(rec) < 1000 {
		t.Errorf("%d bytes on lane %d, want a whole FLASH past a full window", len(rec), lane)
	}
	flow := make([]byte, flowSize)
	be.PutUint32(flow[8:], bulk.sent)
	if err := s.take(urgent, frameFlow, flow); err != nil {
		t.Fatal(err)
	}
	if rec, _, _ := s.fill(urgent, nil); len(rec) == 0 {
		t.Error("IMMEDIATE does not go when the window is open again")
	}
}

// TestBulkShares: PRIORITY goes before ROUTINE without starving it, and files
// go when neither waits.
func TestBulkShares(t *testing.T) {
	s, _, bulk := still(t)
	for range 100 {
		s.put(priorityLane, 1000)
		s.put(routineLane, 1000)
		s.put(fileLane, 1000)
	}
	var n [Lanes]int
	for range 90 {
		rec, _, _ := s.fill(bulk, nil)
		_, lane := first(rec)
		n[lane]++
	}
	if n[priorityLane] < 70 || n[routineLane] < 5 || n[fileLane] != 0 {
		t.Errorf("of 90 turns PRIORITY had %d, ROUTINE %d, files %d", n[priorityLane], n[routineLane], n[fileLane])
	}
	for s.lanes[priorityLane].head() != nil || s.lanes[routineLane].head() != nil {
		s.fill(bulk, nil)
	}
	rec, _, _ := s.fill(bulk, nil)
	if _, lane := first(rec); lane != fileLane {
		t.Errorf("then lane %d, want files", lane)
	}
}

// TestPartsMakeTheEnvelope: what the sender cuts up the receiver joins, with a
// cut in the middle, and a wrong half is noticed.
func TestPartsMakeTheEnvelope(t *testing.T) {
	env := make([]byte, 5000)
	for i := range env {
		env[i] = byte(i * 7)
	}
	o := &outgoing{lane: immediateLane, stamp: 9, env: env}
	var lanes [Lanes]*incoming
	var in *incoming
	feed := func(rec []byte, kept *incoming) {
		t.Helper()
		var err error
		if rec[0] == frameEnv {
			in, err = parseEnv(rec[headSize:], kept)
		} else {
			lanes[immediateLane] = in
			in, err = parseChunk(rec[headSize:], &lanes)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		rec, _ := o.piece(nil, 700, false, nil, nil)
		feed(rec, nil)
	}
	half, want := in, in.want()
	if want.Have == 0 || int(want.Have) != o.pos {
		t.Fatalf("want %+v after %d bytes", want, o.pos)
	}
	o = &outgoing{lane: immediateLane, stamp: 10, env: env}
	rec, _ := o.piece(nil, 700, false, nil, &want)
	feed(rec, half)
	for o.pos < len(env) {
		rec, _ := o.piece(nil, 700, false, nil, nil)
		feed(rec, nil)
	}
	if !in.whole() || in.check() != nil || string(in.buf) != string(env) || in.stamp != 10 {
		t.Errorf("joined %d bytes of %d, %v", len(in.buf), len(env), in.check())
	}
	in.buf[100] ^= 1
	if in.check() == nil {
		t.Error("a changed half is not noticed")
	}
	if _, err := parseEnv(rec[headSize:], nil); err == nil {
		t.Error("an envelope that goes on from nothing is taken")
	}
}

// FuzzFrames: frames of a stranger never make a session hold more than an
// envelope per lane, and never panic.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{frameEnv, 0, 0, 0, 0, 1, 2, 3}, true)
	f.Add([]byte{frameFlow, 1, 2, 3, 4}, false)
	f.Fuzz(func(t *testing.T, b []byte, onBulk bool) {
		if len(b) == 0 || len(b) > MaxFrame {
			return
		}
		s := newSession(&Peer{h: nil}, newWindow(), func() time.Duration { return time.Hour })
		s.conns[0] = &conn{wake: make(chan struct{}, 1)}
		s.conns[1] = &conn{bulk: true, wake: make(chan struct{}, 1)}
		p := &Peer{s: s, h: nobody{}}
		s.r = p
		c := s.conns[index(onBulk)]
		for len(b) > 0 {
			n := min(len(b)-1, 40)
			if s.take(c, b[0], b[1:1+n]) != nil {
				return
			}
			b = b[1+n:]
		}
	})
}

type nobody struct{}

func (nobody) Put(*Peer, PeerPut)                               {}
func (nobody) Committed(*Peer, uint8, uint64)                   {}
func (nobody) Allow(*Peer, []ed25519.PublicKey) error           { return nil }
func (nobody) Revoke(*Peer, []ed25519.PublicKey) ([]int, error) { return nil, nil }
func (nobody) Forget(*Peer, []ident.Mailbox) ([]int, error)     { return nil, nil }
func (nobody) Room(*Peer, uint8)                                {}
func (nobody) Again(*Peer)                                      {}
