package link

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"hotline/internal/ident"
)

// frozenLink is what the vectors hold, as seeds.
func frozenLink(f *testing.F) (v linkVectors) {
	f.Helper()
	raw, err := os.ReadFile(vectorFile)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		f.Fatal(err)
	}
	return v
}

// FuzzHello: whatever stands where a desk's HELLO is due, it is taken for the
// key alone that signed it for this session and this relay, and what it asks for
// holds the bounds.
func FuzzHello(f *testing.F) {
	v := frozenLink(f)
	good, exporter, relay := unhex(f, v.Hello), unhex(f, v.Exporter), ident.Relay(unhex(f, v.Relay))
	f.Add(good)
	unproved := bytes.Clone(good)
	unproved[headSize+helloSize-1] ^= 1
	f.Add(unproved)
	f.Add(good[:len(good)-wantSize-headSize])
	f.Add(append(bytes.Clone(good), good[headSize+helloSize:]...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h Hello
		var signed []byte
		err := h.hear(bytes.NewReader(b), func(hello []byte) ([]byte, error) {
			signed = bytes.Clone(hello)
			return bound(exporter, relay, hello), nil
		})
		if err != nil {
			return
		}
		if !ed25519.Verify(h.Key, bound(exporter, relay, signed), b[headSize+len(signed):headSize+helloSize]) {
			t.Error("a HELLO without its proof is taken")
		}
		if h.Purpose < Urgent || h.Purpose > Meeting || len(h.Wants) > Lanes || len(h.Wants) != int(signed[2]) {
			t.Errorf("a HELLO of purpose %d with %d wants is taken", h.Purpose, len(h.Wants))
		}
	})
}

// FuzzAnswer: a relay's HELLO that a desk takes is said in the same words again,
// but for the version and for flags of later ones.
func FuzzAnswer(f *testing.F) {
	for _, s := range frozenLink(f).Frames {
		if s.Name == "HELLO" {
			f.Add(unhex(f, s.Bytes))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var a Answer
		if a.hear(bytes.NewReader(b)) != nil {
			return
		}
		var again bytes.Buffer
		if err := a.say(&again); err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(b[:again.Len()])
		want[headSize], want[headSize+2] = protocolVersion, want[headSize+2]&(flagEnrolled|flagRival)
		if !bytes.Equal(again.Bytes(), want) {
			t.Errorf("%x is said again as %x", want, again.Bytes())
		}
	})
}

// FuzzMeeting: what a stranger says at a rendezvous reads in one way, and a blob
// is never longer than one may be.
func FuzzMeeting(f *testing.F) {
	for _, s := range frozenLink(f).Frames {
		if s.Name == "MEET" {
			f.Add(unhex(f, s.Bytes), false)
		}
	}
	for _, put := range []bool{false, true} {
		f.Add(appendMet(nil, ReasonNone, []byte("EXERCISE")), put)
		f.Add(appendMet(nil, ReasonNotYet, nil), put)
	}
	f.Fuzz(func(t *testing.T, b []byte, put bool) {
		if op, slot, step, size, err := readMeet(bytes.NewReader(b)); err == nil {
			if again := appendMeet(nil, op, slot, step, size); !bytes.HasPrefix(b, again) {
				t.Errorf("%x is said again as %x", b, again)
			}
		}
		op := map[bool]uint8{false: opGet, true: opPut}[put]
		blob, err := readMet(bytes.NewReader(b), op)
		if err != nil {
			return
		}
		if len(blob) > MaxMeeting || put && len(blob) > 0 {
			t.Errorf("a blob of %d bytes, put %t", len(blob), put)
		}
		if again := appendMet(nil, ReasonNone, blob); !bytes.HasPrefix(b, again) {
			t.Errorf("%x is said again as %x", b, again)
		}
	})
}

// FuzzDeskFrames: frames of a desk end its link or change what it may change: no
// more lists than a connection may have, no frame beyond the longest.
func FuzzDeskFrames(f *testing.F) {
	seedFrames(f, "desk")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, c, _ := relayEnd()
		_ = feed(p.s, c, b)
		n := 0
		for _, list := range c.dests.slots {
			n += len(list)
		}
		if n != c.dests.boxes || n > maxBoxes {
			t.Errorf("%d mailboxes in lists, %d counted", n, c.dests.boxes)
		}
	})
}

// FuzzRelayFrames: frames of a relay end the link or answer what this desk has
// asked: each put is answered once, and nothing else is.
func FuzzRelayFrames(f *testing.F) {
	seedFrames(f, "relay")
	v := frozenLink(f)
	f.Add(unhex(f, v.Accepted))
	everything := appendHead(nil, frameAccepted, MaxFrame/10*10)
	for range MaxFrame / 10 { // as many handles as a frame can name
		everything = append(everything, 0, 0, 0, 0, 0, 0, 0, 4, 0xff, 0xff)
	}
	f.Add(everything)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, c := deskEnd()
		_ = feed(d.s, c, b)
		answered := map[uint64]bool{}
		for _, ref := range d.c.out.refs {
			if answered[ref] || ref != 103 && ref != 1<<40+100 {
				t.Errorf("put %d is accepted, or once more", ref)
			}
			answered[ref] = true
		}
		for _, r := range d.c.out.refusal {
			if r.Ref != 103 && r.Ref != 1<<40+100 || len(r.To) == 0 || len(r.To) > 2 {
				t.Errorf("refusal %+v", r)
			}
		}
		if left := len(d.c.byHandle); left+len(answered) > 2 || left != len(d.c.waiting[flashLane]) {
			t.Errorf("%d answered, %d wait", len(answered), left)
		}
	})
}

// seedFrames adds all that the vectors have of one end, and all of it at once.
func seedFrames(f *testing.F, from string) {
	f.Helper()
	var all []byte
	for _, s := range frozenLink(f).Frames {
		if s.Name == "HELLO" || s.Name == "MEET" || s.Name == "MET" || s.From != from && s.From != "both" {
			continue
		}
		b, err := hex.DecodeString(s.Bytes)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if s.Name != "BYE" {
			all = append(all, b...)
		}
	}
	f.Add(all)
	f.Add(bytes.Repeat(all, 2))
}
