package link

import (
	"crypto/ed25519"
	"slices"
	"time"

	"hotline/internal/ident"
)

// Revoke takes putter keys off the list of the own mailbox at once, and has the
// relay drop what they put there and this desk has not fetched. It is asked for
// until the relay says that it was done.
func (c *Client) Revoke(putters ...ed25519.PublicKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	gone := func(k ed25519.PublicKey) bool {
		return slices.ContainsFunc(putters, func(p ed25519.PublicKey) bool { return p.Equal(k) })
	}
	c.revoke = append(slices.DeleteFunc(c.revoke, gone), putters...)
	if c.allowSet {
		c.allow = slices.DeleteFunc(slices.Clone(c.allow), gone)
		c.status.AllowKnown = false
	}
	if c.live != nil && c.status.Enrolled {
		c.live.ask(frameRevoke, keys(putters)...)
	}
}

// Forget has the relay drop what this desk put into a mailbox and its owner has
// not fetched. It is asked for until the relay says that it was done: at once,
// and once more when nothing that waits is for that mailbox, because what is on
// its way on the bulk connection may come behind the request.
func (c *Client) Forget(box ident.Mailbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget[box] = !c.waitsFor(box)
	if c.live != nil {
		c.live.ask(frameForget, box)
	}
}

// waitsFor reports whether a put for a mailbox has no answer; mu is held.
func (c *Client) waitsFor(box ident.Mailbox) bool {
	for _, w := range c.byHandle {
		if slices.Contains(w.To, box) {
			return true
		}
	}
	return false
}

// forgetNow asks once more for mailboxes for which nothing waits any more; mu
// is held.
func (c *Client) forgetNow() {
	for box, asked := range c.forget {
		if asked || c.waitsFor(box) {
			continue
		}
		c.forget[box] = true
		if c.live != nil {
			c.live.ask(frameForget, box)
		}
	}
}

// askDrops asks a new session for what no relay has answered; mu is held.
func (c *Client) askDrops(d *desk) {
	if len(c.revoke) > 0 && c.status.Enrolled {
		d.ask(frameRevoke, keys(c.revoke)...)
	}
	for box := range c.forget {
		d.ask(frameForget, box)
	}
}

// maxDropped bounds the keys or mailboxes of one frame: each is a transaction
// of the relay's.
const maxDropped = 64

// ask queues a frame that lists keys or mailboxes.
func (d *desk) ask(t byte, list ...[32]byte) {
	for part := range slices.Chunk(list, maxDropped) {
		var body []byte
		for _, x := range part {
			body = append(body, x[:]...)
		}
		d.mu.Lock()
		d.other = appendFrame(d.other, t, body)
		d.mu.Unlock()
	}
	d.s.wakeControl()
}

// keys are public keys as [desk.ask] takes them.
func keys(list []ed25519.PublicKey) (out [][32]byte) {
	for _, k := range list {
		out = append(out, [32]byte(k))
	}
	return out
}

// dropped takes the relay's answer about one key or mailbox.
func (c *Client) dropped(t byte, what [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch t {
	case frameRevoke:
		c.revoke = slices.DeleteFunc(c.revoke, func(k ed25519.PublicKey) bool { return [32]byte(k) == what })
	case frameForget:
		if c.forget[what] {
			delete(c.forget, what)
		}
	}
}

// rival notes that another program uses the same mailbox key.
func (c *Client) rival(is bool) {
	if !is {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.RivalAt = time.Now()
}
