package hostile

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// lie is one thing that a desk with valid keys does to another.
type lie struct {
	name string
	// tell does it, and returns the messages that nobody may be shown.
	tell func(s *stage, q *Puppet) []ident.Message
	// proof says that it must leave something that convicts or alarms.
	proof bool
	// inert says that not a byte of the victim's state may change by it.
	inert bool
}

// stage is the scene of the lies: JPN, whose desk is the puppet, NATO and AUS on
// one line, NATO and AUS on another.
type stage struct {
	scene
	aus        *Party
	puppet     *Desk
	victim     *Desk
	whole, own ident.Line
	said       ident.Message // by NATO on the whole line
	private    ident.Message // by NATO on the other
	content    [32]byte      // of said
	label      [32]byte
	group      ident.Group
	dir        *blob.Dir
}

// TestHostilePeer: whatever a member of a line says, its own line alone is
// touched, what must not be shown is not, what comes behind is answered, and
// what convicts is kept.
func TestHostilePeer(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, dir)
		all := slices.Concat(lyingBodies(), lyingKeys(), lyingReceipts(), lyingStatements(), lyingRecords(), lyingComplaints(), lyingFiles())
		if len(all) < 50 {
			t.Errorf("%d lies, want at least 50", len(all))
		}
		for _, l := range all {
			s.tell(l)
		}
		s.end()
	})
}

func newStage(t *testing.T, dir string) *stage {
	t.Helper()
	w, err := NewWorld(dir, 1)
	must(t, err)
	s := &stage{scene: scene{World: w, t: t, began: time.Now()}}
	s.jpn, err = w.Found("JPN", 1)
	must(t, err)
	s.nato, err = w.Found("NATO", 1)
	must(t, err)
	s.aus, err = w.Found("AUS", 1)
	must(t, err)
	s.puppet, s.victim = s.jpn.Desks[0], s.nato.Desks[0]
	s.whole, err = w.Line("JPN-NATO-AUS", s.jpn, s.nato, s.aus)
	must(t, err)
	s.own, err = w.Line("NATO-AUS", s.nato, s.aus)
	must(t, err)
	for _, d := range s.desks() {
		must(t, d.Start(context.Background()))
	}
	s.send(s.victim, s.own, precedence.Flash, "EXERCISE private")
	s.private = s.sent[0].id
	s.wait("private", time.Hour)
	s.send(s.victim, s.whole, precedence.Flash, "EXERCISE to all")
	s.said = s.sent[1].id
	must(t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		m, err := tx.Message(s.said)
		if err != nil {
			return err
		}
		body, err := wire.ParseMessage(m.Body)
		s.content, s.label, s.group = m.Content, body.Label.Hash(), m.Group
		return err
	}))
	s.dir, err = blob.Open(filepath.Join(dir, "forged"))
	must(t, err)
	t.Cleanup(func() { _ = s.dir.Close() })
	time.Sleep(time.Minute)
	return s
}

// desks are those that run: the puppet does not.
func (s *stage) desks() []*Desk { return []*Desk{s.victim, s.aus.Desks[0]} }

func (s *stage) end() {
	for _, d := range s.desks() {
		if err := d.Stop(); err != nil {
			s.t.Error(err)
		}
		for _, e := range d.log.errors {
			if !bytes.Contains([]byte(e), []byte("record does not fit")) && !bytes.Contains([]byte(e), []byte("two different things")) &&
				!bytes.Contains([]byte(e), []byte("receipt for an unknown message")) {
				s.t.Errorf("%s logged an error of its own: %s", d.Self.DeskName, e)
			}
		}
	}
	s.Relay.Close()
	synctest.Wait()
}

// tell has one lie told and looks at what it did.
func (s *stage) tell(l lie) {
	s.t.Helper()
	q := s.puppet.Puppet(s.victim, s.whole, chain.Start{Restart: true}, s.jpn, s.nato, s.aus)
	time.Sleep(time.Second)
	other, proofs := s.print(ownLine(s)), s.proofs()
	state := s.print(everything)
	ids := l.tell(s, q)
	time.Sleep(time.Second)
	if l.inert && s.print(everything) != state {
		s.t.Errorf("%s: the victim's state changed", l.name)
	}
	// What comes behind is taken, and answered.
	good := s.puppet.Puppet(s.victim, s.whole, chain.Start{}, s.jpn, s.nato, s.aus)
	id := good.Send(nil)
	if q.err != nil || good.err != nil {
		s.t.Errorf("%s: the puppet's own: %v %v", l.name, q.err, good.err)
	}
	for end := time.Now().Add(2 * time.Minute); !s.shown(id); time.Sleep(time.Second) {
		if time.Now().After(end) {
			s.t.Errorf("%s: what came behind was not taken", l.name)
			break
		}
	}
	for _, bad := range ids {
		if s.shown(bad) {
			s.t.Errorf("%s: the victim shows a message that it must refuse", l.name)
		}
	}
	if got := s.print(ownLine(s)); got != other {
		s.t.Errorf("%s: another line was touched: %s, was %s", l.name, got, other)
	}
	if l.proof && s.proofs() == proofs {
		s.t.Errorf("%s: nothing convicts or alarms", l.name)
	}
}

// shown reports whether the victim shows a message.
func (s *stage) shown(id ident.Message) (ok bool) {
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		m, err := tx.Message(id)
		ok = err == nil && !m.Outgoing
		return nil
	}))
	return ok
}

// proofs counts what convicts or alarms, at the victim.
func (s *stage) proofs() (n int) {
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		return tx.Row(`SELECT (SELECT count(*) FROM proof) + (SELECT count(*) FROM journal WHERE kind LIKE '%-conflict')
			+ (SELECT count(*) FROM journal WHERE kind IN ('receipt-mismatch', 'complaint'))`).Scan(&n)
	}))
	return n
}

// everything is what of a desk's state a lie could change: all but what time
// and the desk's own chores change.
func everything(tx *store.Tx) (all []string) {
	all = rows(tx, "SELECT hex(id) FROM message", "SELECT hex(message), state, hex(desk) FROM rung", "SELECT hex(id) FROM statement",
		"SELECT hex(desk), number FROM seal_key", "SELECT hex(tag), state FROM file", "SELECT count(*), 0 FROM parked", "SELECT count(*) FROM proof", "SELECT count(*) FROM complaint")
	refs, _ := tx.Cells("receiver")
	for _, ref := range refs {
		b, _ := tx.Cell("receiver", ref)
		all = append(all, fmt.Sprintf("%x", sha256.Sum256(b)))
	}
	return all
}

// ownLine is what of the line that the puppet is not on could change.
func ownLine(s *stage) func(tx *store.Tx) []string {
	return func(tx *store.Tx) (all []string) {
		line := s.own
		for row, err := range tx.Rows("SELECT hex(id) FROM message WHERE line = ? ORDER BY id", line) {
			var id string
			if err == nil && row.Scan(&id) == nil {
				all = append(all, id)
			}
		}
		all = append(all, rows(tx, "SELECT hex(id) FROM line", "SELECT hex(id) FROM party", "SELECT hex(id) FROM statement")...)
		ladder, _ := tx.Ladder(s.private)
		for _, g := range ladder {
			all = append(all, g.State+g.Desk.String())
		}
		return all
	}
}

func rows(tx *store.Tx, queries ...string) (all []string) {
	for _, q := range queries {
		n := bytes.Count([]byte(q[:bytes.Index([]byte(q), []byte("FROM"))]), []byte(",")) + 1
		for row, err := range tx.Rows(q + " ORDER BY 1") {
			cols := make([]string, n)
			ptr := make([]any, n)
			for i := range cols {
				ptr[i] = &cols[i]
			}
			if err == nil {
				err = row.Scan(ptr...)
			}
			all = append(all, fmt.Sprint(cols, err))
		}
	}
	return all
}

func (s *stage) print(what func(tx *store.Tx) []string) (hash string) {
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		all := what(tx)
		slices.Sort(all)
		hash = fmt.Sprintf("%d rows %x", len(all), sha256.Sum256(fmt.Append(nil, all)))
		return nil
	}))
	return hash
}

func one1(id ident.Message) []ident.Message { return []ident.Message{id} }

// message is a lie in the fields of a message, which must not be shown.
func message(name string, edit func(s *stage, q *Puppet, m *wire.Message)) lie {
	return lie{name: name, tell: func(s *stage, q *Puppet) []ident.Message {
		return one1(q.Send(func(m *wire.Message) { edit(s, q, m) }))
	}}
}

// body is a lie in the bytes of a body.
func body(name string, make func(q *Puppet) []byte) lie {
	return lie{name: name, tell: func(_ *stage, q *Puppet) []ident.Message { return one1(q.Body(make(q))) }}
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func file(edit func(f *wire.File)) func(*stage, *Puppet, *wire.Message) {
	return func(_ *stage, _ *Puppet, m *wire.Message) {
		f := wire.File{Name: "x.json", Media: exchange.Media, Size: 1 << 10, ChunkSize: 1 << 10, Count: 1, Purpose: wire.STIX, Packed: pack.Latest}
		copy(f.Key[:], noise(32))
		edit(&f)
		m.Files = []wire.File{f}
	}
}

func encoded(q *Puppet) []byte {
	b, err := q.Message(nil).Encode()
	q.note(err)
	return b
}

// lyingBodies are messages.
func lyingBodies() []lie {
	return []lie{
		message("a label narrower than the audience it is sealed to", func(s *stage, q *Puppet, m *wire.Message) { m.Label = q.label(s.jpn, s.nato) }),
		message("a label that leaves out its sender", func(s *stage, q *Puppet, m *wire.Message) { m.Label = q.label(s.nato, s.aus) }),
		message("a label that leaves out its reader", func(s *stage, q *Puppet, m *wire.Message) {
			m.Label, m.Action = q.label(s.jpn, s.aus), []ident.Party{s.aus.ID}
		}),
		message("another precedence than the envelope's", func(_ *stage, _ *Puppet, m *wire.Message) { m.Precedence = precedence.Routine }),
		message("escape sequences in a packed text", func(_ *stage, _ *Puppet, m *wire.Message) {
			m.Text, m.Dictionary = pack.Pack(append(bytes.Repeat([]byte("EXERCISE cyber attack on the energy sector "), 20), "\x1b[2J"...))
		}),
		message("a packed text that is no frame", func(_ *stage, _ *Puppet, m *wire.Message) { m.Text, m.Dictionary = []byte("no frame"), pack.Latest }),
		message("a file of 64 GiB in parts", file(func(f *wire.File) { f.Count, f.ChunkSize = 1<<20, 64<<10 })),
		message("a file of 1 GiB", file(func(f *wire.File) { f.Size = 1 << 30 })),
		message("two files under one key", func(s *stage, q *Puppet, m *wire.Message) {
			file(func(*wire.File) {})(s, q, m)
			m.Files = append(m.Files, m.Files[0])
		}),
		body("noise for a body", func(*Puppet) []byte { return noise(300) }),
		body("an empty body", func(*Puppet) []byte { return nil }),
		body("a body with a byte behind it", func(q *Puppet) []byte { return append(encoded(q), 0) }),
		body("half a body", func(q *Puppet) []byte { b := encoded(q); return b[:len(b)/2] }),
		body("arrays in arrays, 10,000 deep", func(*Puppet) []byte { return bytes.Repeat([]byte{0x81}, 10_000) }),
		body("an array that says 2^32 items", func(*Puppet) []byte { return []byte{0x9a, 0xff, 0xff, 0xff, 0xff} }),
		{name: "a body with each of 150 bytes changed", tell: func(_ *stage, q *Puppet) (ids []ident.Message) {
			b := encoded(q)
			for i := 0; i < len(b) && i < 150; i++ {
				bad := slices.Clone(b)
				bad[i] ^= 0x80
				q.Body(bad) // some are still messages; none may harm
			}
			return nil
		}},
		{name: "two bodies under one id", proof: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			id := q.Send(nil)
			b, err := q.Message(func(m *wire.Message) { m.Text = []byte("EXERCISE otherwise") }).Encode()
			q.note(err)
			q.Say(id, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: b})
			return nil
		}},
		{name: "one body under its id again", tell: func(_ *stage, q *Puppet) []ident.Message {
			b, id := encoded(q), ident.NewMessage()
			for range 20 {
				q.Say(id, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: b})
			}
			return nil
		}},
		{name: "one content under two ids", tell: func(s *stage, q *Puppet) []ident.Message {
			b := encoded(q)
			first, second := q.Body(b), q.Body(b)
			time.Sleep(time.Second)
			if !s.shown(first) || !s.shown(second) { // two messages of one serial: a reader sees both
				s.t.Error("one content under two ids: one of them vanished")
			}
			return nil
		}},
		{name: "a time in 2250, and one in 1970", tell: func(s *stage, q *Puppet) []ident.Message {
			for _, at := range []int64{8836000000000, 1} {
				id := q.Send(func(m *wire.Message) { m.Composed = at })
				time.Sleep(time.Second)
				must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
					m, err := tx.Message(id)
					if d := time.Until(m.DueAt); err == nil && (d > 11*time.Minute || d < 9*time.Minute) {
						s.t.Errorf("a message of the year %d is due in %v, want what it asks for: 10 minutes", time.UnixMilli(at).Year(), d)
					}
					return err
				}))
			}
			return nil
		}},
		{name: "a thousand tiny messages", tell: func(_ *stage, q *Puppet) []ident.Message {
			for range 900 {
				q.Send(func(m *wire.Message) { m.AckWanted, m.AckDue = 0, 0; m.Text = []byte("x") })
			}
			return nil
		}},
	}
}

// lyingKeys are slices and generations.
func lyingKeys() []lie {
	return []lie{
		{name: "a key for a group that it is not in", tell: func(s *stage, _ *Puppet) []ident.Message {
			in := s.puppet.Puppet(s.victim, s.own, chain.Start{Group: roster.GroupID(one, s.own, []ident.Party{s.nato.ID, s.aus.ID})}, s.nato, s.aus)
			return one1(in.Send(nil))
		}},
		{name: "a key for a group that nobody has", tell: func(s *stage, _ *Puppet) []ident.Message {
			in := s.puppet.Puppet(s.victim, s.whole, chain.Start{Group: ident.Group(noise(32))}, s.jpn, s.nato, s.aus)
			return one1(in.Send(nil))
		}},
		{name: "a narrow group that leaves its sender out", tell: func(s *stage, _ *Puppet) []ident.Message {
			return one1(s.puppet.Puppet(s.victim, s.whole, chain.Start{}, s.nato).Send(nil))
		}},
		{name: "two keys for one generation", proof: true, tell: func(s *stage, q *Puppet) []ident.Message {
			must(s.t, forgeSecondKey(q))
			return nil
		}},
		{name: "noise under the tag of a seal key", inert: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			env := q.SliceOf(q.victim)
			copy(env[envelope.HeaderSize:], noise(len(env)-envelope.HeaderSize))
			q.Put(3, env)
			return nil
		}},
		{name: "a slice for another desk", inert: true, tell: func(s *stage, q *Puppet) []ident.Message {
			fresh := *q
			fresh.renew(chain.Start{})
			q.Put(3, fresh.SliceOf(s.aus.Desks[0]))
			return nil
		}},
		{name: "a slice signed with another key", inert: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			forged := *q
			forged.Desk = clone(q.Desk)
			forged.Desk.Self.MessageKey = one.NewMessageKey()
			forged.renew(chain.Start{})
			forged.Slice(q.victim)
			return nil
		}},
		{name: "a key in another desk's name", tell: func(s *stage, q *Puppet) []ident.Message {
			forged := *q
			forged.renew(chain.Start{Desk: s.aus.Desks[0].Self.Desk})
			forged.Slice(q.victim)
			return one1(forged.Send(nil))
		}},
		{name: "a slice that is spoilt in each tenth byte", inert: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			fresh := *q
			fresh.renew(chain.Start{})
			env := fresh.SliceOf(q.victim)
			for i := envelope.HeaderSize; i < len(env); i += 10 {
				bad := slices.Clone(env)
				bad[i] ^= 1
				q.Put(3, bad)
			}
			return nil
		}},
		{name: "a number used twice, after a pretended restore", tell: func(_ *stage, q *Puppet) []ident.Message {
			before := q.sender.Clone()
			q.Send(nil)
			q.sender = before
			id := q.Send(func(m *wire.Message) { m.Text = []byte("EXERCISE otherwise") })
			return one1(id)
		}},
		{name: "a number 1,002 ahead", tell: func(_ *stage, q *Puppet) []ident.Message {
			in := chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: encoded(q)}
			for range chain.MaxSkipped + 1 {
				q.Seal(ident.NewMessage(), in)
			}
			return one1(q.Send(nil))
		}},
		{name: "an envelope of its chain, spoilt in each byte", tell: func(s *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			time.Sleep(time.Second)
			before := s.print(everything)
			env := q.Seal(ident.NewMessage(), chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: encoded(q)})
			for i := range env {
				if i >= 4 && i < 20 { // another tag is another key's, and waits for it
					continue
				}
				bad := slices.Clone(env)
				bad[i] ^= 1
				q.Put(3, bad)
			}
			time.Sleep(time.Second)
			if s.print(everything) != before {
				s.t.Error("an envelope of its chain, spoilt in each byte: the victim's state changed")
			}
			return nil
		}},
		{name: "fewer messages than it sent, at the end of a key", tell: func(_ *stage, q *Puppet) []ident.Message {
			for range 3 {
				q.Send(nil)
			}
			old := q.sender.Clone()
			q.renew(chain.Start{Previous: old}) // then two more under the old key, whose end was told
			q.Slice(q.victim)
			return nil
		}},
		{name: "a start without state, fifty times", tell: func(s *stage, q *Puppet) []ident.Message {
			before := s.made()
			for range 50 {
				q.renew(chain.Start{Restart: true})
				q.Slice(q.victim)
				q.Send(nil)
			}
			time.Sleep(5 * time.Second)
			if n := s.made() - before; n > 3 {
				s.t.Errorf("a start without state, fifty times: the victim made %d keys for it", n)
			}
			return nil
		}},
		{name: "two hundred generations", tell: func(s *stage, q *Puppet) []ident.Message {
			for range 200 {
				q.renew(chain.Start{})
				q.Slice(q.victim)
			}
			time.Sleep(2 * time.Second)
			n := 0
			must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
				refs, err := tx.Cells("receiver")
				n = len(refs)
				return err
			}))
			if n > 300 {
				s.t.Errorf("two hundred generations: the victim keeps %d receivers", n)
			}
			return nil
		}},
	}
}

// made counts the sending keys that the victim made.
func (s *stage) made() (n int) {
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		return tx.Row("SELECT count(*) FROM generation WHERE sender = ?", s.victim.Self.Desk).Scan(&n)
	}))
	return n
}

func clone(d *Desk) *Desk { c := *d; return &c }

// forgeSecondKey seals a second key under the puppet's generation: the name of a
// generation is drawn by its maker, who may draw it twice. The key is found in
// the state of a sender by its commitment (docs/spec/chain.md).
func forgeSecondKey(q *Puppet) error {
	other := *q
	other.renew(chain.Start{})
	state, err := other.sender.MarshalBinary()
	if err != nil {
		return err
	}
	group, name, taken := q.sender.Group(), other.sender.Generation(), q.sender.Generation()
	commitment := func(key []byte, g [16]byte) [48]byte {
		return one.Hash("hotline/1/commitment", key, q.Self.Desk[:], group[:], g[:])
	}
	old := other.sender.Commitment()
	for at := 0; at+32 <= len(state); at++ {
		if key := state[at : at+32]; commitment(key, name) == old {
			fresh := commitment(key, taken)
			state = bytes.Replace(bytes.Replace(state, old[:], fresh[:], 1), name[:], taken[:], 1)
			break
		}
	}
	if other.sender, err = chain.UnmarshalSender(one, state); err != nil {
		return err
	}
	other.Slice(q.victim)
	return other.err
}

// receipt is a lie in a receipt of NATO's message.
func receipt(name string, edit func(s *stage, r *wire.Receipt)) lie {
	return lie{name: name, tell: func(s *stage, q *Puppet) []ident.Message {
		before := s.ladder()
		q.Receipt(s.said, s.content, s.label, s.group, func(r *wire.Receipt) { edit(s, r) })
		time.Sleep(time.Second)
		if got := s.ladder(); got != before {
			s.t.Errorf("%s: the ladder says it: %s", name, got)
		}
		return nil
	}}
}

// ladder is that of NATO's message.
func (s *stage) ladder() (text string) {
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		all, err := tx.Ladder(s.said)
		for _, g := range all {
			text += g.State + " of " + g.Desk.String() + " "
		}
		return err
	}))
	return text
}

// lyingReceipts say of a message what is not so.
func lyingReceipts() []lie {
	return []lie{
		receipt("a receipt of a message that nobody sent", func(_ *stage, r *wire.Receipt) { r.Message = ident.NewMessage() }),
		receipt("a receipt of another line's message", func(s *stage, r *wire.Receipt) { r.Message = s.private }),
		receipt("a receipt of another content", func(_ *stage, r *wire.Receipt) { r.Content[0] ^= 1 }),
		receipt("a receipt under another label", func(_ *stage, r *wire.Receipt) { r.Label[0] ^= 1 }),
		receipt("a receipt in another company", func(_ *stage, r *wire.Receipt) { r.Group[0] ^= 1 }),
		receipt("parts of a file that there is not", func(_ *stage, r *wire.Receipt) {
			r.State, r.File, r.Missing = traffic.Want, 7, []wire.Range{{First: 0, Count: 1 << 20}}
		}),
		receipt("a whole file that there is not", func(_ *stage, r *wire.Receipt) { r.State, r.File = traffic.Whole, 3 }),
		{name: "a receipt of the puppet's own message", tell: func(s *stage, q *Puppet) []ident.Message {
			id := q.Send(nil)
			time.Sleep(time.Second)
			q.Receipt(id, s.content, s.label, s.group, nil)
			return nil
		}},
		{name: "a body that is no receipt", tell: func(_ *stage, q *Puppet) []ident.Message {
			for _, b := range [][]byte{nil, {0}, noise(200), bytes.Repeat([]byte{0x81}, 5000)} {
				q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.Receipt, Precedence: precedence.Flash, ReceiptTo: q.victim.Party.ID, Body: b})
			}
			return nil
		}},
		{name: "two hundred receipts of one message", tell: func(s *stage, q *Puppet) []ident.Message {
			for i := range 200 {
				q.Receipt(s.said, s.content, s.label, s.group, func(r *wire.Receipt) { r.At += int64(i) })
			}
			time.Sleep(time.Second)
			must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
				n, err := tx.Rungs(s.said, s.puppet.Self.Desk)
				if n > 70 {
					s.t.Errorf("two hundred receipts: %d rungs", n)
				}
				return err
			}))
			return nil
		}},
		{name: "a receipt of the year 2250", tell: func(s *stage, q *Puppet) []ident.Message {
			q.Receipt(s.said, s.content, s.label, s.group, func(r *wire.Receipt) { r.At = 8836000000000 })
			return nil
		}},
	}
}

// trust is a lie in a body about trust: nothing of the victim's parties,
// statements and seal keys may change.
func trust(name string, say func(s *stage, q *Puppet)) lie {
	return lie{name: name, tell: func(s *stage, q *Puppet) []ident.Message {
		what := func(tx *store.Tx) []string {
			return rows(tx, "SELECT hex(id) FROM statement", "SELECT hex(desk), number FROM seal_key WHERE number > 1", "SELECT hex(id), name FROM party")
		}
		before := s.print(what)
		say(s, q)
		time.Sleep(time.Second)
		if got := s.print(what); got != before {
			s.t.Errorf("%s: %s, was %s", name, got, before)
		}
		return nil
	}}
}

// statement has the puppet's root sign a statement.
func (s *stage) statement(q *Puppet, st roster.Statement) []byte {
	st.Time = time.Now().UTC().Truncate(time.Millisecond)
	made, err := roster.NewStatement(one, s.jpn.Root, st)
	q.note(err)
	return append([]byte{2}, made.Bytes()...)
}

// lyingStatements are about other parties' desks, and about keys.
func lyingStatements() []lie {
	return []lie{
		trust("heads that are noise", func(_ *stage, q *Puppet) { q.State(append([]byte{1}, noise(100)...)...) }),
		trust("a statement that is noise", func(_ *stage, q *Puppet) { q.State(append([]byte{2}, noise(5000)...)...) }),
		trust("an empty body about trust", func(_ *stage, q *Puppet) { q.State() }),
		trust("a body about trust of no kind", func(_ *stage, q *Puppet) { q.State(77, 1, 2, 3) }),
		trust("the removal of another party's desk", func(s *stage, q *Puppet) {
			aus := s.aus.Desks[0].Add.Add.Certificate
			q.State(s.statement(q, roster.Statement{Type: roster.RemoveDesk, Number: 50, Remove: &roster.Cut{Desk: aus.ID(one), Fingerprint: aus.Fingerprint(one), Reason: "EXERCISE"}})...)
		}),
		trust("another party's desk as its own", func(s *stage, q *Puppet) {
			add := *s.aus.Desks[0].Add.Add
			st := roster.Statement{Type: roster.AddDesk, Number: 51, Time: time.Now().UTC().Truncate(time.Millisecond), Add: &add}
			made, err := roster.NewStatement(one, s.jpn.Root, st)
			if err == nil { // refused by its maker is as good
				q.State(append([]byte{2}, made.Bytes()...)...)
			}
		}),
		trust("a statement of a root made at home", func(s *stage, q *Puppet) {
			st := s.aus.Desks[0].Add
			made, err := roster.NewStatement(one, one.NewRootKey(), roster.Statement{Type: roster.AddDesk, Number: 2, Time: st.Time, Add: st.Add})
			if err == nil {
				q.State(append([]byte{2}, made.Bytes()...)...)
			}
		}),
		trust("a true statement with each hundredth byte changed", func(s *stage, q *Puppet) {
			b := s.aus.Desks[0].Add.Bytes()
			for i := 0; i < len(b); i += 100 {
				bad := slices.Clone(b)
				bad[i] ^= 1
				q.State(append([]byte{2}, bad...)...)
			}
		}),
		trust("another desk's seal key", func(s *stage, q *Puppet) {
			a, err := roster.NewAnnouncement(q.Self.DeskKey, roster.Announcement{
				Desk: s.aus.Desks[0].Self.Desk, Number: 9, Public: one.NewSealKey().Public(), Time: time.Now().UTC().Truncate(time.Millisecond),
			})
			q.note(err)
			q.State(append([]byte{3}, a.Bytes()...)...)
		}),
		trust("a seal key with the last number that there is", func(_ *stage, q *Puppet) {
			a, err := roster.NewAnnouncement(q.Self.DeskKey, roster.Announcement{
				Desk: q.Self.Desk, Number: 1<<63 - 1, Public: one.NewSealKey().Public(), Time: time.Now().UTC().Truncate(time.Millisecond),
			})
			if err == nil {
				q.State(append([]byte{3}, a.Bytes()...)...)
			}
		}),
		{name: "two seal keys of one number", proof: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			for range 2 {
				a, err := roster.NewAnnouncement(q.Self.DeskKey, roster.Announcement{
					Desk: q.Self.Desk, Number: 5, Public: one.NewSealKey().Public(), Time: time.Now().UTC().Truncate(time.Millisecond),
				})
				q.note(err)
				q.State(append([]byte{3}, a.Bytes()...)...)
			}
			return nil
		}},
		{name: "digests that fit nobody", tell: func(s *stage, q *Puppet) []ident.Message {
			for range 60 {
				q.Digest = [32]byte(noise(32))
				id := q.Send(nil)
				time.Sleep(time.Second)
				if !s.shown(id) {
					s.t.Error("digests that fit nobody: a message was held back for them")
					break
				}
			}
			return nil
		}},
		{name: "a control envelope of no kind", inert: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Control(99, noise(100), nil)
			return nil
		}},
		{name: "a control envelope in another desk's name", inert: true, tell: func(s *stage, q *Puppet) []ident.Message {
			q.Control(exchange.ControlStatement, s.aus.Desks[0].Add.Bytes(), func(in *chain.ControlInput) { in.Sender = s.aus.Desks[0].Self.Desk })
			return nil
		}},
		{name: "noise under the tag of a control key", inert: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			h := envelope.Header{Suite: 1, Type: envelope.Control, Lane: 1, Tag: chain.ControlTag(one, q.victim.Self.Control.Public()), Length: 4096, Expiry: 1 << 31}
			q.Put(1, append(h.Append(nil), noise(4096-envelope.HeaderSize)...))
			return nil
		}},
	}
}

// lyingRecords are attestations, line checks and confirmations.
func lyingRecords() []lie {
	say := func(kind envelope.Kind, body []byte) func(*stage, *Puppet) []ident.Message {
		return func(_ *stage, q *Puppet) []ident.Message {
			in := chain.SealInput{Kind: kind, Body: body}
			if kind == envelope.Confirmation {
				in.ReceiptTo = q.victim.Party.ID
			}
			q.Say(ident.NewMessage(), in)
			return nil
		}
	}
	return []lie{
		{name: "an attestation that contradicts its messages", proof: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			q.Attest(func(a *checkpoint.Attestation) { a.Lanes[len(a.Lanes)-1].Running[0] ^= 1 })
			return nil
		}},
		{name: "two attestations that differ", proof: true, tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			b := q.Attestation(nil)
			q.Attest(func(a *checkpoint.Attestation) { a.Lanes[len(a.Lanes)-1].Running[0] ^= 1 })
			q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.Attestation, Body: b})
			return nil
		}},
		{name: "an attestation of fewer messages than were sent", tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			q.Send(nil)
			q.Attest(func(a *checkpoint.Attestation) { a.Lanes[len(a.Lanes)-1].Last = 1 })
			return nil
		}},
		{name: "an attestation of 2^32-1 messages", tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			q.Attest(func(a *checkpoint.Attestation) { a.Lanes[len(a.Lanes)-1].Last = 1<<32 - 1 })
			return nil
		}},
		{name: "an attestation of another desk's chains", tell: func(s *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			q.Attest(func(a *checkpoint.Attestation) { a.Sender = s.aus.Desks[0].Self.Desk })
			return nil
		}},
		{name: "an attestation of another group", tell: func(s *stage, q *Puppet) []ident.Message {
			q.Send(nil)
			q.Attest(func(a *checkpoint.Attestation) {
				a.Group = roster.GroupID(one, s.own, []ident.Party{s.nato.ID, s.aus.ID})
			})
			return nil
		}},
		{name: "an attestation that is noise", tell: say(envelope.Attestation, noise(4000))},
		{name: "a line check that is noise", tell: say(envelope.LineCheck, noise(300))},
		{name: "a line check of 65,535 desks", tell: func(_ *stage, q *Puppet) []ident.Message {
			var w octets.Writer
			w.Raw(noise(16))
			w.Uint8(1)
			w.Uint64(1)
			w.Raw(noise(32))
			w.Var32(nil)
			w.Uint16(65535)
			q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.LineCheck, Body: w.Bytes()})
			return nil
		}},
		{name: "line checks whose vectors lie, fifty of them, each asking for an answer", tell: func(s *stage, q *Puppet) []ident.Message {
			before := s.Relay.given()
			for range 50 {
				var w octets.Writer
				w.Raw(noise(16))
				w.Uint8(1)
				w.Uint64(1)
				w.Raw(noise(32))
				w.Var32(nil)
				w.Uint16(0)
				q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.LineCheck, Body: w.Bytes()})
			}
			time.Sleep(5 * time.Second)
			if n := s.Relay.given() - before; n > 150 {
				s.t.Errorf("fifty line checks made %d puts", n)
			}
			return nil
		}},
		{name: "a confirmation of a removal that nobody made", tell: say(envelope.Confirmation, noise(64))},
		{name: "a kind of body that there is not", tell: func(_ *stage, q *Puppet) []ident.Message {
			q.Control(exchange.ControlSealKey, noise(3000), nil)
			return nil
		}},
	}
}

// given counts the puts of all desks.
func (r *Relay) given() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.puts
}

// lyingFiles are parts of files.
func lyingFiles() []lie {
	return []lie{
		{name: "parts that do not make the file that was named", tell: func(s *stage, q *Puppet) []ident.Message {
			return s.fileLie(q, "broken", func(f *wire.File) { f.SHA256[0] ^= 1 })
		}},
		{name: "parts under another root", tell: func(s *stage, q *Puppet) []ident.Message {
			return s.fileLie(q, "broken", func(f *wire.File) { f.Root[0] ^= 1 })
		}},
		{name: "noise for parts", tell: func(_ *stage, q *Puppet) []ident.Message {
			var key [32]byte
			copy(key[:], noise(32))
			f := wire.File{Name: "x.json", Media: exchange.Media, Size: 4 << 10, Key: key, ChunkSize: 1 << 10, Count: 4, Purpose: wire.STIX}
			q.Send(func(m *wire.Message) { m.Files = []wire.File{f} })
			time.Sleep(time.Second)
			h := envelope.Header{Suite: 1, Type: envelope.Chunk, Lane: 2, Tag: chain.FileTag(one, key), Length: 2048, Expiry: 1 << 31}
			for i := range uint32(50) {
				binary.BigEndian.PutUint32(h.Masked[:], i)
				_, _ = rand.Read(h.Nonce[:])
				q.Put(2, append(h.Append(nil), noise(2048-envelope.HeaderSize)...))
			}
			return nil
		}},
		{name: "parts of a file that no message names", tell: func(_ *stage, q *Puppet) []ident.Message {
			for i := range uint32(30) {
				env, err := chain.SealChunk(one, chain.ChunkInput{Chunk: chain.Chunk{Index: i, Data: noise(1 << 10)}, Key: [32]byte(noise(32)), Lane: 2, Expiry: time.Now().Add(time.Hour)})
				q.note(err)
				q.Put(2, env)
			}
			return nil
		}},
	}
}

// fileLie sends a file that is whole, and not the one that its message names.
func (s *stage) fileLie(q *Puppet, want string, edit func(f *wire.File)) []ident.Message {
	given := []byte(`{"type":"bundle","id":"bundle--6a5c3f1c-8f9b-4b2b-9d55-000000000001","objects":[]}`)
	var key [32]byte
	copy(key[:], noise(32))
	var sealed [][]byte
	content, err := s.dir.Seal(chain.FileTag(one, key), 1<<10, 1<<20, bytes.NewReader(given), func(i uint32, final bool, data []byte) ([]byte, error) {
		env, err := chain.SealChunk(one, chain.ChunkInput{
			Chunk: chain.Chunk{Index: i, Final: final, Data: data}, Key: key, Lane: 2, Expiry: time.Now().Add(time.Hour),
		})
		sealed = append(sealed, env)
		return env, err
	})
	q.note(err)
	f := wire.File{
		Name: "x.json", Media: exchange.Media, Size: uint64(len(given)), SHA256: sha256.Sum256(given), Root: content.Root, Key: key,
		ChunkSize: content.ChunkSize, Count: content.Count, Purpose: wire.STIX,
	}
	edit(&f)
	id := q.Send(func(m *wire.Message) { m.Files = []wire.File{f} })
	time.Sleep(time.Second)
	for _, env := range sealed {
		q.Put(2, env)
	}
	time.Sleep(3 * time.Second)
	must(s.t, s.victim.View(context.Background(), func(tx *store.Tx) error {
		files, err := tx.FilesOf(id)
		if err == nil && (len(files) != 1 || files[0].State != want) {
			s.t.Errorf("a false file stands as %+v, want %s", files, want)
		}
		return err
	}))
	return nil
}
