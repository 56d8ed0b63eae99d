package link

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// said is one frame, or a HELLO or MET with what stands behind it.
type said struct {
	Name  string         `json:"name"`
	From  string         `json:"from"` // desk or relay
	Bytes string         `json:"bytes"`
	Says  map[string]any `json:"says"`
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Values that the frames below carry.
var (
	saidKeys  = []ed25519.PublicKey{bytes.Repeat([]byte{9}, 32), bytes.Repeat([]byte{7}, 32)}
	saidBoxes = []ident.Mailbox{{0: 1, 31: 0x11}, {0: 2, 31: 0x22}}
	saidWant  = Want{Lane: immediateLane, ID: envelope.ID(bytes.Repeat([]byte{0xd}, 16)), Have: 66_000}
	saidYes   = Answer{
		Enrolled: true, Rival: true, Session: [16]byte(bytes.Repeat([]byte{0xe}, 16)), Epoch: 1 << 40, Quota: 64 << 20, Used: 12_345,
		Time: time.UnixMilli(1_795_000_000_123).UTC(), AllowHash: allowHash(saidKeys), Wants: []Want{saidWant},
	}
	saidSlot = Slot(bytes.Repeat([]byte{0xc}, 16))
)

// saidBlob is longer than a frame.
func saidBlob() []byte {
	b := make([]byte, MaxFrame+100)
	for i := range b {
		b[i] = byte(i * 11)
	}
	return b
}

// saidFrames has a desk and a relay say one of everything, by the functions
// that they say it with.
func saidFrames(t *testing.T, key ed25519.PrivateKey, box ident.Mailbox) (all []said) {
	t.Helper()
	x := func(b []byte) string { return hex.EncodeToString(b) }
	add := func(from, name string, b []byte, says map[string]any) {
		all = append(all, said{name, from, x(b), says})
	}
	keys, boxes := []string{x(saidKeys[0]), x(saidKeys[1])}, []string{x(saidBoxes[0][:]), x(saidBoxes[1][:])}

	var lists slots
	slot, dest := lists.find(string(saidBoxes[0][:]) + string(saidBoxes[1][:]))
	add("desk", "DEST", dest, map[string]any{"slot": slot, "mailboxes": boxes})
	d := &desk{s: newSession(nil, newWindow(), nil), c: NewClient(ClientConfig{Key: key}, nil)}
	control := func() []byte { return d.control(nil, MaxFrame) }
	d.allow(saidKeys)
	add("desk", "ALLOW", control(), map[string]any{"keys": keys})
	d.ask(frameRevoke, [32]byte(saidKeys[0]), [32]byte(saidKeys[1]))
	add("desk", "REVOKE", control(), map[string]any{"keys": keys})
	d.ask(frameForget, saidBoxes[0])
	add("desk", "FORGET", control(), map[string]any{"mailboxes": boxes[:1]})
	d.commit(flashLane, 5)
	d.commit(routineLane, 1<<40+6)
	add("desk", "COMMITTED", control(), map[string]any{"lanes": [][2]int{{routineLane, 1<<40 + 6}, {flashLane, 5}}})

	s := newSession(nil, newWindow(), func() time.Duration { return time.Hour })
	s.conns[0] = &conn{wake: make(chan struct{}, 1), recv: 1<<32 - 2, recvAt: 7001}
	s.unseen, s.pingAt = 1, time.Minute
	add("both", "FLOW", s.timing(7*time.Second, nil), map[string]any{"urgent": []int{1<<32 - 2, 7001}, "bulk": []int{0, 0}})
	s.pingAt = 0
	ping := s.timing(70_000*time.Millisecond, nil)
	add("both", "PING", ping, map[string]any{"stamp": 70_000})
	if err := s.takeTiming(framePing, ping[headSize:]); err != nil {
		t.Fatal(err)
	}
	add("both", "PONG", s.timing(0, nil), map[string]any{"stamp": 70_000})

	p := &Peer{h: &ear{}, s: newSession(nil, newWindow(), nil)}
	say := func(name string, says map[string]any) { add("relay", name, p.control(nil, MaxFrame), says) }
	p.Refused(3, 1, ReasonQuota, 90*time.Second, false)
	say("REFUSE", map[string]any{"handle": 3, "index": 1, "reason": 3, "retry": 90, "last": 0})
	p.Refused(1<<40, -1, ReasonShare, 0, true)
	say("REFUSE", map[string]any{"handle": 1 << 40, "index": 65535, "reason": 14, "retry": 0, "last": 1})
	p.Allowed(allowHash(saidKeys))
	say("ALLOWED", map[string]any{"keys": keys})
	p.needBulk()
	say("BULK", map[string]any{})
	if err := p.drop(frameRevoke, slices.Concat(saidKeys...)); err != nil {
		t.Fatal(err)
	}
	say("DROPPED", map[string]any{"of": 0x17, "what": keys, "envelopes": []int{41, 42}})
	if err := p.drop(frameForget, saidBoxes[1][:]); err != nil {
		t.Fatal(err)
	}
	say("DROPPED", map[string]any{"of": 0x18, "what": boxes[1:], "envelopes": []int{41}})
	synctest.Test(t, func(*testing.T) {
		p := &Peer{s: newSession(nil, newWindow(), nil)}
		p.Close(ReasonReplaced)
		<-p.s.done
		add("relay", "BYE", p.control(nil, MaxFrame), map[string]any{"reason": 9})
	})

	var hello bytes.Buffer
	answer := func(a Answer, says map[string]any) {
		hello.Reset()
		if err := a.say(&hello); err != nil {
			t.Fatal(err)
		}
		add("relay", "HELLO", hello.Bytes(), says)
	}
	answer(saidYes, map[string]any{
		"reason": 0, "flags": 3, "session": x(saidYes.Session[:]), "epoch": 1 << 40, "quota": 64 << 20, "used": 12_345, "clock": 1_795_000_000_123,
		"keys": keys, "want": map[string]any{"lane": immediateLane, "id": x(saidWant.ID[:]), "have": 66_000},
	})
	answer(Answer{Reason: ReasonUnknownDesk, Time: saidYes.Time}, map[string]any{
		"reason": 8, "flags": 0, "session": x(make([]byte, 16)), "epoch": 0, "quota": 0, "used": 0, "clock": 1_795_000_000_123,
	})
	add("desk", "MEET", appendMeet(nil, opPut, saidSlot, 3, len(saidBlob())), map[string]any{"op": 1, "slot": x(saidSlot[:]), "step": 3, "length": len(saidBlob())})
	add("desk", "MEET", appendMeet(nil, opGet, saidSlot, 1, 0), map[string]any{"op": 2, "slot": x(saidSlot[:]), "step": 1, "length": 0})
	add("relay", "MET", appendMet(nil, ReasonNone, saidBlob()), map[string]any{"reason": 0, "blob": x(saidBlob())})
	add("relay", "MET", appendMet(nil, ReasonNotYet, nil), map[string]any{"reason": 16})
	return all
}

// ear is a relay that notes what desks ask of it.
type ear struct {
	nobody
	heard []string
}

func (e *ear) note(format string, args ...any) {
	e.heard = append(e.heard, fmt.Sprintf(format, args...))
}

func (e *ear) Committed(_ *Peer, lane uint8, seq uint64) { e.note("committed %d %d", lane, seq) }

func (e *ear) Allow(_ *Peer, k []ed25519.PublicKey) error { e.note("allow %x", k); return nil }

func (e *ear) Revoke(_ *Peer, k []ed25519.PublicKey) (n []int, err error) {
	e.note("revoke %x", k)
	for i := range k {
		n = append(n, 41+i)
	}
	return n, nil
}

func (e *ear) Forget(_ *Peer, boxes []ident.Mailbox) (n []int, err error) {
	e.note("forget %x", boxes)
	for i := range boxes {
		n = append(n, 41+i)
	}
	return n, nil
}

// feed gives all frames of b to an end of a session.
func feed(s *session, c *conn, b []byte) error {
	for r := bytes.NewReader(b); ; {
		t, body, _, err := readFrame(r, nil)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = s.take(c, t, body)
		}
		if err != nil {
			return err
		}
	}
}

// relayEnd is a relay's end of a link, for what a desk says.
func relayEnd() (*Peer, *conn, *ear) {
	e := &ear{}
	p := &Peer{h: e}
	p.s = newSession(p, newWindow(), func() time.Duration { return time.Hour })
	c := &conn{wake: make(chan struct{}, 1)}
	p.s.conns[0] = c
	return p, c, e
}

// deskEnd is a desk's end of a link, for what a relay says. Two puts wait.
func deskEnd() (*desk, *conn) {
	c := NewClient(ClientConfig{Key: ed25519.NewKeyFromSeed(make([]byte, 32))}, nil)
	c.allow, c.allowSet, c.revoke = saidKeys, true, slices.Clone(saidKeys)
	c.forget[saidBoxes[0]], c.forget[saidBoxes[1]] = true, true
	for _, h := range []uint64{3, 1 << 40} {
		w := &waiting{Put: Put{Ref: h + 100, To: saidBoxes, Lane: flashLane}, handle: h}
		c.byHandle[h], c.waiting[flashLane] = w, append(c.waiting[flashLane], w)
	}
	d := &desk{c: c, bulk: opener{busy: true}} // so that nobody dials
	d.s = newSession(d, newWindow(), func() time.Duration { return time.Hour })
	conn := &conn{wake: make(chan struct{}, 1)}
	d.s.conns[0] = conn
	return d, conn
}

// TestAcceptedIsWhatARangeNames: handles 1 to 3, and 9, are no word about others.
func TestAcceptedIsWhatARangeNames(t *testing.T) {
	for handles, want := range map[[4]uint64][]uint64{
		{1, 2, 3, 9}: {103}, {3, 4, 5, 6}: {103}, {4, 5, 6, 7}: nil, {1 << 40, 5, 6, 3}: {1<<40 + 100, 103},
	} {
		d, c := deskEnd()
		var s spans
		for _, h := range handles {
			s.add(h)
		}
		if err := feed(d.s, c, s.append(nil)); err != nil || !slices.Equal(d.c.out.refs, want) {
			t.Errorf("handles %v accept puts %v, want %v: %v", handles, d.c.out.refs, want, err)
		}
	}
}

// TestFramesSayWhatTheyAre reads the frames of the vectors as the other end of
// the link does.
func TestFramesSayWhatTheyAre(t *testing.T) {
	p, pc, heard := relayEnd()
	d, dc := deskEnd()
	dc.sent, dc.acked = 1<<32-1, 1<<32-3
	var bye error
	for _, f := range saidFrames(t, ed25519.NewKeyFromSeed(make([]byte, 32)), ident.Mailbox{}) {
		b := unhex(t, f.Bytes)
		switch {
		case f.Name == "HELLO":
			readAnswer(t, b, f.Says["reason"] == 0)
		case f.Name == "MEET":
			op, slot, step, size, err := readMeet(bytes.NewReader(b))
			if err != nil || slot != saidSlot || !reflect.DeepEqual([]any{int(op), int(step), size}, []any{f.Says["op"], f.Says["step"], f.Says["length"]}) {
				t.Errorf("MEET says %d %x %d %d, %v", op, slot, step, size, err)
			}
		case f.Name == "MET":
			blob, err := readMet(bytes.NewReader(b), opGet)
			if refused, ok := errors.AsType[*RefusedError](err); ok != (f.Says["reason"] != 0) || ok && refused.Reason != ReasonNotYet || !ok && !bytes.Equal(blob, saidBlob()) {
				t.Errorf("MET gives %d bytes, %v", len(blob), err)
			}
		case f.From == "desk":
			if err := feed(p.s, pc, b); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		default:
			if err := feed(d.s, dc, b); f.Name == "BYE" {
				bye = err
			} else if err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	want := []string{fmt.Sprintf("allow %x", saidKeys), fmt.Sprintf("revoke %x", saidKeys), fmt.Sprintf("forget %x", saidBoxes[:1]), "committed 0 1099511627782", "committed 3 5"}
	if !slices.Equal(heard.heard, want) || !slices.Equal(pc.dests.slots[longSlots], saidBoxes) {
		t.Errorf("the relay heard %q, list %x", heard.heard, pc.dests.slots[longSlots])
	}
	refusals := []Refusal{
		{Ref: 103, To: saidBoxes[1:], Reason: ReasonQuota, RetryAfter: 90 * time.Second},
		{Ref: 1<<40 + 100, To: saidBoxes, Reason: ReasonShare},
	}
	if !reflect.DeepEqual(d.c.out.refusal, refusals) || len(d.c.byHandle) != 1 {
		t.Errorf("the desk heard %+v, and %d puts wait", d.c.out.refusal, len(d.c.byHandle))
	}
	if !d.c.status.AllowKnown || !d.bulk.relay || len(d.c.revoke) != 0 || len(d.c.forget) != 1 || dc.acked != 1<<32-2 {
		t.Errorf("list known %t, bulk asked %t, to revoke %d, to forget %d, seen %d", d.c.status.AllowKnown, d.bulk.relay, len(d.c.revoke), len(d.c.forget), dc.acked)
	}
	if pongs := appendFrame(nil, framePong, be.AppendUint32(nil, 70_000)); !bytes.Equal(d.s.pings, pongs) {
		t.Errorf("PING is answered with %x", d.s.pings)
	}
	if refused, ok := errors.AsType[*RefusedError](bye); !ok || refused.Reason != ReasonReplaced {
		t.Errorf("BYE = %v", bye)
	}
}

func readAnswer(t *testing.T, b []byte, yes bool) {
	t.Helper()
	var a Answer
	err := a.hear(bytes.NewReader(b))
	if yes && (err != nil || !reflect.DeepEqual(a, saidYes)) {
		t.Errorf("HELLO says %+v, %v", a, err)
	}
	if refused, ok := errors.AsType[*RefusedError](err); !yes && (!ok || refused.Reason != ReasonUnknownDesk) {
		t.Errorf("HELLO refuses with %v", err)
	}
}
