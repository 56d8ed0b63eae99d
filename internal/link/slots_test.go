package link

import (
	"encoding/binary"
	"testing"
)

// A line of 200 desks has lists of every length: each "delivered" takes a desk
// off one. What a desk registers must stay within what a relay keeps, or the
// relay ends the link.
func TestListsOfALargeLineFitTheRelay(t *testing.T) {
	var ours slots
	var theirs dests
	for n := range uint32(5000) {
		size := 1 + int(n)%MaxFanOut
		dest := make([]byte, 32*size)
		binary.BigEndian.PutUint32(dest, n)
		slot, frame := ours.find(string(dest))
		if frame == nil {
			t.Fatalf("list %d: not registered", n)
		}
		if err := theirs.register(frame[headSize:]); err != nil {
			t.Fatalf("list %d of %d mailboxes: %v", n, size, err)
		}
		if got := len(theirs.slots[slot]); got != size {
			t.Fatalf("list %d: the relay has %d mailboxes, want %d", n, got, size)
		}
		if again, frame := ours.find(string(dest)); again != slot || frame != nil {
			t.Fatalf("list %d: registered once more", n)
		}
	}
}
