package relay

import (
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/link"
)

// TestMeetingsEnd: after a day a rendezvous is gone, with its place and bytes.
func TestMeetingsEnd(t *testing.T) {
	m := newMeetings()
	p := place{m, ident.Mailbox{1}, true}
	if why := p.Put(nil, link.Slot{1}, 1, make([]byte, 1000)); why != link.ReasonNone {
		t.Fatal(why)
	}
	if m.size != 1000 || m.of[p.box] != 1 {
		t.Fatalf("%d bytes, %d of the desk", m.size, m.of[p.box])
	}
	m.forget(time.Now().Add(meetingLife - time.Minute))
	if len(m.slots) != 1 {
		t.Error("over too early")
	}
	m.forget(time.Now().Add(meetingLife))
	if len(m.slots) != 0 || m.size != 0 || len(m.of) != 0 {
		t.Errorf("%d rendezvous, %d bytes, %v are left", len(m.slots), m.size, m.of)
	}
	m.size = maxMeetingBytes
	if why := p.Put(nil, link.Slot{1}, 1, []byte{1}); why != link.ReasonBusy {
		t.Errorf("a blob more than all may hold: %v", why)
	}
}
