package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// outgoing is a file on its way to desks that have not confirmed all of it.
type outgoing struct {
	store.File
	blob *blob.Blob
	legs map[ident.Relay]*leg
}

// leg is the way of a file to one relay.
type leg struct {
	boxes  []ident.Mailbox
	next   uint32          // first part that was never put
	behind uint32          // parts below it are accepted
	done   map[uint32]bool // accepted parts from behind on
	again  []resend        // parts that a desk asked for, or that were refused
	after  time.Time       // wait until then, after a refusal
}

type resend struct {
	index uint32
	boxes []ident.Mailbox
}

// sendFiles queues the files of a message that is being sent.
func (b *Batch) sendFiles(p prepared, m store.Message, readers []roster.Entry) error {
	if p.upload == nil {
		return nil
	}
	for i, f := range p.body.Files {
		row := store.File{
			Tag: chain.FileTag(b.e.cfg.Suite, f.Key), Message: m.ID, Outgoing: true, Number: i,
			Lane: fileLane(m.Precedence), State: "partial", At: b.Now,
		}
		if err := b.Tx.PutFile(row); err != nil {
			return fmt.Errorf("queue file: %w", err)
		}
		to := targets(readers...)
		for _, t := range to {
			if err := b.Tx.PutFileTarget(row.Tag, t); err != nil {
				return fmt.Errorf("queue file: %w", err)
			}
		}
		out, err := b.e.outgoing(row, to)
		if err != nil {
			return err
		}
		b.After(func() { b.e.enqueue(out) })
	}
	return b.Tx.DropUpload(p.upload.ID)
}

func (e *Engine) outgoing(row store.File, to []store.Target) (*outgoing, error) {
	bl, err := e.cfg.Blobs.Open(row.Tag)
	if err != nil {
		return nil, fmt.Errorf("open file: %w", err)
	}
	out := &outgoing{File: row, blob: bl, legs: map[ident.Relay]*leg{}}
	for _, t := range to {
		g := out.legs[t.Relay]
		if g == nil {
			g = &leg{done: map[uint32]bool{}}
			out.legs[t.Relay] = g
		}
		g.boxes = append(g.boxes, t.Box)
	}
	return out, nil
}

// enqueue puts a file among the others: the most urgent first, then the oldest.
func (e *Engine) enqueue(out *outgoing) {
	e.sending = append(e.sending, out)
	urgency := func(o *outgoing) int {
		if o.Lane == envelope.Files {
			return -1
		}
		return int(o.Lane)
	}
	slices.SortStableFunc(e.sending, func(a, b *outgoing) int { return cmp.Compare(urgency(b), urgency(a)) })
}

// loadFiles reads the files that are under way in either direction.
func (e *Engine) loadFiles(tx *store.Tx) error {
	for _, out := range []bool{true, false} {
		rows, err := tx.FilesUnderWay(out)
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		for _, row := range rows {
			if err := e.loadFile(tx, row); err != nil {
				return fmt.Errorf("read file of message %s: %w", row.Message, err)
			}
		}
	}
	return nil
}

func (e *Engine) loadFile(tx *store.Tx, row store.File) error {
	if row.Outgoing {
		to, err := tx.FileTargets(row.Tag)
		if err != nil {
			return err
		}
		out, err := e.outgoing(row, to)
		if err != nil {
			return err
		}
		for relay, g := range out.legs {
			if g.behind, err = tx.FileSent(row.Tag, relay); err != nil {
				return err
			}
			g.next = g.behind
		}
		e.enqueue(out)
		return nil
	}
	m, err := tx.Message(row.Message)
	if err != nil {
		return err
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return err
	}
	if row.Number >= len(body.Files) {
		return fmt.Errorf("message has no file %d", row.Number)
	}
	return e.expect(row, body.Files[row.Number])
}

// resume verifies files that were complete when the desk stopped.
func (e *Engine) resume() {
	for _, f := range e.files {
		if have, of := f.blob.Have(); have == of {
			e.verify(f)
		}
	}
}

// pumpFiles hands parts of files to links that have room.
func (e *Engine) pumpFiles() {
	now := e.steady.now()
	for _, out := range e.sending {
		for id, g := range out.legs {
			r := e.relays[id]
			if r == nil || !r.up || now.Before(g.after) {
				continue
			}
			for r.parts < fileWindow && e.putPart(out, g, r) {
			}
		}
	}
}

// putPart puts the next part of a leg; it returns false when there is none, or
// the link takes no more.
func (e *Engine) putPart(out *outgoing, g *leg, r *relay) bool {
	next := resend{index: g.next, boxes: g.boxes}
	again := len(g.again) > 0
	if again {
		next = g.again[0]
	} else if g.next >= out.blob.Layout().Count {
		return false
	}
	sealed, err := out.blob.Chunk(next.index)
	if err != nil {
		e.cfg.Log.Error("read part of a file", "message_id", out.Message.String(), "err", err)
		return false
	}
	if !r.put(e, journey{lane: out.Lane, tag: out.Tag, index: next.index}, next.boxes, sealed) {
		return false
	}
	if again {
		g.again = g.again[1:]
	} else {
		g.next++
	}
	return true
}

// find returns a file that is under way.
func (e *Engine) find(tag [16]byte) *outgoing {
	for _, out := range e.sending {
		if out.Tag == tag {
			return out
		}
	}
	return nil
}

// partAccepted notes that a relay has a part, and remembers how far it got, so
// that a restart goes on there.
func (b *Batch) partAccepted(id ident.Relay, j journey) error {
	out := b.e.find(j.tag)
	if out == nil || out.legs[id] == nil {
		return nil
	}
	g := out.legs[id]
	if j.index < g.behind {
		return nil // sent once more
	}
	g.done[j.index] = true
	before := g.behind
	for g.done[g.behind] {
		delete(g.done, g.behind)
		g.behind++
	}
	if g.behind == before {
		return nil
	}
	return b.Tx.SetFileSent(j.tag, id, g.behind)
}

// partRefused puts a part again later.
func (e *Engine) partRefused(id ident.Relay, j journey, to []ident.Mailbox, retry time.Time) {
	out := e.find(j.tag)
	if out == nil || out.legs[id] == nil || retry.IsZero() {
		return
	}
	g := out.legs[id]
	g.again, g.after = append(g.again, resend{index: j.index, boxes: to}), retry
}

// restartFiles puts all parts again at a relay that lost its spool.
func (e *Engine) restartFiles(id ident.Relay) {
	for _, out := range e.sending {
		if g := out.legs[id]; g != nil {
			g.next, g.behind, g.done, g.again = 0, 0, map[uint32]bool{}, nil
		}
	}
}

// resendChunks puts the parts again that a desk asked for.
func (b *Batch) resendChunks(m *store.Message, r *wire.Receipt, desk ident.Desk) error {
	files, err := b.Tx.FilesOf(m.ID)
	if err != nil {
		return fmt.Errorf("list files of %s: %w", m.ID, err)
	}
	if int(r.File) >= len(files) {
		b.drop("request for a file that the message has not", nil)
		return nil
	}
	to, err := b.Tx.FileTargets(files[r.File].Tag)
	if err != nil {
		return fmt.Errorf("list targets of file: %w", err)
	}
	to = slices.DeleteFunc(to, func(t store.Target) bool { return t.Desk != desk })
	b.After(func() { b.e.resend(files[r.File].Tag, to, r.Missing) })
	return nil
}

func (e *Engine) resend(tag [16]byte, to []store.Target, missing []wire.Range) {
	out := e.find(tag)
	if out == nil {
		return
	}
	count := out.blob.Layout().Count
	for _, t := range to {
		g := out.legs[t.Relay]
		if g == nil {
			continue
		}
		g.again = slices.DeleteFunc(g.again, func(a resend) bool { return len(a.boxes) == 1 && a.boxes[0] == t.Box })
		for _, m := range missing {
			for i := m.First; i < min(count, m.First+m.Count) && i < g.next; i++ {
				g.again = append(g.again, resend{index: i, boxes: []ident.Mailbox{t.Box}})
			}
		}
	}
}

// fileWhole notes that a desk has all of a file.
func (b *Batch) fileWhole(m *store.Message, number int, desk ident.Desk) error {
	files, err := b.Tx.FilesOf(m.ID)
	if err != nil {
		return fmt.Errorf("list files of %s: %w", m.ID, err)
	}
	if number >= len(files) {
		b.drop("receipt for a file that the message has not", nil)
		return nil
	}
	tag := files[number].Tag
	all, err := b.Tx.FileWhole(tag, desk)
	if err != nil {
		return fmt.Errorf("note file at %s: %w", desk, err)
	}
	left, err := b.Tx.FileTargets(tag)
	if err != nil {
		return fmt.Errorf("list targets of file: %w", err)
	}
	b.After(func() { b.e.narrow(tag, left, all) })
	return nil
}

// narrow takes desks that have a file off its legs.
func (e *Engine) narrow(tag [16]byte, left []store.Target, all bool) {
	e.sending = slices.DeleteFunc(e.sending, func(o *outgoing) bool { return all && o.Tag == tag })
	out := e.find(tag)
	if out == nil {
		return
	}
	for id, g := range out.legs {
		g.boxes = g.boxes[:0:0]
		for _, t := range left {
			if t.Relay == id {
				g.boxes = append(g.boxes, t.Box)
			}
		}
		if len(g.boxes) == 0 {
			delete(out.legs, id)
		}
	}
}
