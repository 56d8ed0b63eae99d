package hostile

import (
	"context"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/pack"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// copyOf is a message at a desk.
type copyOf struct {
	id   ident.Message
	desk ident.Desk
}

// copies asks every desk that was not cut off, and collects what it answers.
func (s *scene) copies(q func(d *Desk) (string, []any)) map[copyOf]bool {
	all := map[copyOf]bool{}
	for _, d := range s.desks() {
		if d == s.gone || d.store == nil { // cut off, or a puppet, which does not run
			continue
		}
		text, args := q(d)
		must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
			for row, err := range tx.Rows(text, args...) {
				c := copyOf{desk: d.Self.Desk}
				if err == nil {
					err = row.Scan(c.id[:], c.desk[:])
				}
				if err != nil {
					return err
				}
				all[c] = true
			}
			return nil
		}))
	}
	return all
}

func (s *scene) here() map[copyOf]bool {
	return s.copies(func(d *Desk) (string, []any) {
		return "SELECT id, ? FROM message WHERE outgoing = 0", []any{d.Self.Desk}
	})
}

func (s *scene) signed() map[copyOf]bool {
	return s.copies(func(*Desk) (string, []any) {
		return "SELECT g.message, g.desk FROM rung g JOIN message m ON m.id = g.message WHERE m.outgoing = 1 AND g.state = 'delivered'", nil
	})
}

// missing counts the copies that are not where they should be, and those that
// nobody has signed for at the sender.
func (s *scene) missing() (lost, unsigned int) {
	here, signed := s.here(), s.signed()
	for _, m := range s.sent {
		for _, d := range m.to {
			if !here[copyOf{m.id, d.Self.Desk}] {
				lost++
			}
			if !signed[copyOf{m.id, d.Self.Desk}] {
				unsigned++
			}
		}
	}
	return lost, unsigned
}

// progress notes what has to be alarmed by now, and in a long run says how far
// it is.
func (s *scene) progress(name, phase string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.undelivered()
	if !s.long {
		return
	}
	wanted := 0
	for _, m := range s.sent {
		wanted += len(m.to)
	}
	lost, unsigned := s.missing()
	fmt.Printf("progress %s: %s, %d sent, %d of %d copies delivered, %d not signed for, %v virtual\n",
		name, phase, len(s.sent), wanted-lost, wanted, unsigned, time.Since(s.began).Round(time.Second))
}

// alarmLate is when a message that was accepted and is not signed for must have
// been alarmed: after five minutes, and two rounds of the desk's chores.
const alarmLate = 5*time.Minute + 15*time.Second

// undelivered collects the messages that a relay accepted long ago and that a
// desk which signed something since has not signed for. It asks the ladders, as
// an officer does, and not what the alarm itself is made of.
func (s *scene) undelivered() {
	signed, alarmed := s.signed(), s.alarmed()
	for _, d := range s.desks() {
		if d == s.gone || d.store == nil { // cut off, or a puppet, which does not run
			continue
		}
		accepted, lives := map[ident.Message]time.Time{}, map[ident.Desk]map[ident.Line]time.Time{}
		must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
			for row, err := range tx.Rows("SELECT g.message, min(g.at) FROM rung g JOIN message m ON m.id = g.message WHERE m.outgoing = 1 AND g.state = 'accepted' GROUP BY g.message") {
				var id ident.Message
				var at time.Time
				if err == nil {
					err = row.Scan(id[:], &at)
				}
				if err != nil {
					return err
				}
				accepted[id] = at
			}
			for row, err := range tx.Rows("SELECT g.desk, m.line, max(g.at) FROM rung g JOIN message m ON m.id = g.message WHERE m.outgoing = 1 AND g.state = 'delivered' GROUP BY g.desk, m.line") {
				var desk ident.Desk
				var line ident.Line
				var at time.Time
				if err == nil {
					err = row.Scan(desk[:], line[:], &at)
				}
				if err != nil {
					return err
				}
				if lives[desk] == nil {
					lives[desk] = map[ident.Line]time.Time{}
				}
				lives[desk][line] = at
			}
			return nil
		}))
		for _, m := range s.sent {
			at, ok := accepted[m.id]
			if m.from != d || !ok || time.Since(at) < alarmLate {
				continue
			}
			for _, to := range m.to {
				if !signed[copyOf{m.id, to.Self.Desk}] && lives[to.Self.Desk][m.line].After(at) {
					s.owed[m.id] = true
					if !alarmed[copyOf{id: m.id}] {
						s.unalarmed[m.id] = true
					}
				}
			}
		}
	}
}

// count compares what every desk shows with what was sent.
func (s *scene) count(out *played) {
	sent := map[ident.Message]note{}
	for _, m := range s.sent {
		sent[m.id] = m
		out.Copies += len(m.to)
	}
	out.Lost, out.Unsigned = s.missing()
	incoming := false
	for _, d := range s.desks() {
		texts := map[string]bool{}
		must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
			all, err := tx.Messages(store.MessageFilter{Outgoing: &incoming, Limit: 1 << 20})
			for _, m := range all {
				body, err := wire.ParseMessage(m.Body)
				if err != nil {
					return err
				}
				plain, err := pack.Unpack(body.Text, body.Dictionary, wire.MaxText)
				if err != nil {
					return err
				}
				note, ok := sent[m.ID]
				text := string(plain)
				if !ok || note.line != m.Line || note.from.Self.Desk != m.Desk || note.text != text || texts[text] {
					out.Wrong++
				}
				texts[text] = true
			}
			return err
		}))
	}
	if n := s.rows("SELECT count(*) FROM complaint"); n > 0 { // whatever a relay does, desks are honest here
		s.t.Errorf("desks made and kept %d complaints of one another", n)
	}
	out.Alarms, out.Owed, out.Unalarmed = len(s.alarmed()), len(s.owed), len(s.unalarmed)
}

// alarmed lists the messages of which a sender says that they are not delivered.
func (s *scene) alarmed() map[copyOf]bool {
	return s.copies(func(*Desk) (string, []any) {
		return "SELECT message, zeroblob(32) FROM rung WHERE state = 'undelivered'", nil
	})
}

// noticed reports whether the desks noticed what they must.
func (s *scene) noticed(n Notice) bool {
	switch n {
	case Anew:
		return s.leaves("sealed-anew") > 0
	case Lost:
		return s.leaves("relay-lost-spool") > 0
	case Refused:
		return s.rungs("refused") > 0
	case Dropped:
		total := 0
		for _, d := range s.desks() {
			total += d.log.count("envelope dropped")
		}
		return total > 0
	case Undone:
		return s.rungs("undelivered") > 0
	case Diverged:
		return s.rows("SELECT count(*) FROM proof WHERE kind = 'divergence'") > 0
	case Unconfirmed:
		return s.leaves("cutoff-alarm") > 0
	default:
		return true
	}
}

// leaves counts journal leaves of a kind at all desks.
func (s *scene) leaves(kind string) int {
	return s.rows("SELECT count(*) FROM journal WHERE kind = ?", kind)
}

// rungs counts the steps of ladders.
func (s *scene) rungs(state string) int {
	return s.rows("SELECT count(*) FROM rung WHERE state = ?", state)
}

// rows adds up a count over all desks.
func (s *scene) rows(q string, args ...any) (n int) {
	for _, d := range s.desks() {
		must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
			var k int
			err := tx.Row(q, args...).Scan(&k)
			n += k
			return err
		}))
	}
	return n
}
