package exchange_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ident"
	"hotline/internal/store"
)

// cells is what a desk's key state is written as: each sealed cell of a sending
// key or a receiver, by its row.
func (d *desk) cells(t *testing.T) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := d.store.View(t.Context(), func(tx *store.Tx) error {
		for row, err := range tx.Rows("SELECT kind, hex(ref), sealed FROM cell WHERE kind IN ('sender', 'receiver')") {
			var kind, ref string
			var sealed []byte
			if err != nil || row.Scan(&kind, &ref, &sealed) != nil {
				return fmt.Errorf("read cells: %w", err)
			}
			out[kind+" "+ref] = bytes.Clone(sealed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// written is how many bytes of key state changed since before: cells sealed
// anew, and a slot of 64 bytes for each.
func (d *desk) written(t *testing.T, before map[string][]byte) (size int) {
	t.Helper()
	for ref, sealed := range d.cells(t) {
		if !bytes.Equal(sealed, before[ref]) {
			size += len(sealed) + 64
		}
	}
	return size
}

// TestStateWrittenPerMessage: what one message has written of key state, at
// both ends, is bounded and does not grow with what was said before, nor with
// how many desks are on the line. Counted in bytes of what changed.
func TestStateWrittenPerMessage(t *testing.T) {
	read := map[int]int{}                                                             // by history, of two parties
	for _, tt := range []struct{ parties, history int }{{2, 10}, {2, 990}, {8, 10}} { // a key serves 1,000
		t.Run(fmt.Sprintf("%d parties, %d messages", tt.parties, tt.history), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if size := stateWritten(t, tt.parties, tt.history); tt.parties == 2 {
					read[tt.history] = size
				}
			})
		})
	}
	if read[10] != read[990] {
		t.Errorf("a message has a reader write %d bytes after 10 messages, and %d after 990", read[10], read[990])
	}
}

// stateWritten returns what one message has a reader write.
func stateWritten(t *testing.T, parties, history int) int {
	t.Helper()
	h := newHub()
	var all []*party
	for n := range parties {
		all = append(all, newParty(t, fmt.Sprintf("P%02d", n), h))
	}
	c := charter(t, "ALL", all...)
	var desks []*desk
	for _, p := range all {
		p.found(t, c, all...)
		d := p.start(t, h)
		d.virtual = true
		desks = append(desks, d)
	}
	for _, d := range desks { // every desk has a sending key, and all others'
		id := send(t, d, flash(c.ID(one), "EXERCISE"))
		d.until(t, "delivered", has(id, "delivered"))
	}
	from, to := desks[0], desks[1]
	var last ident.Message
	for range history {
		last = send(t, from, flash(c.ID(one), "EXERCISE"))
	}
	from.until(t, "delivered", has(last, "delivered"))
	time.Sleep(time.Minute)
	if have := len(to.cells(t)); have < parties {
		t.Errorf("%d cells of key state, want one of each of %d senders", have, parties)
	}
	before, there := from.cells(t), to.cells(t)
	id := send(t, from, flash(c.ID(one), "EXERCISE the one that counts"))
	to.until(t, "delivered", has(id, "delivered"))
	time.Sleep(time.Second)
	// A reader writes the sender's chain, and its own for the receipt; the sender
	// its own, and one for each receipt that comes. A sending key is 104 bytes
	// longer for each party of its group.
	more := parties - 2
	for _, tt := range []struct {
		who        string
		size, most int
	}{
		{"reader", to.written(t, there), maxKeyState + 104*more},
		{"sender", from.written(t, before), maxKeyState + (104+1<<10)*more},
	} {
		t.Logf("%s: %d bytes", tt.who, tt.size)
		if tt.size == 0 || tt.size > tt.most {
			t.Errorf("the %s wrote %d bytes of key state for a message, want at most %d", tt.who, tt.size, tt.most)
		}
	}
	size := to.written(t, there)
	quiesce(desks...)
	return size
}
