package exchange_test

import (
	"slices"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// puppet is a desk with valid keys whose every word the test chooses.
type puppet struct {
	*party
	t      *testing.T
	hub    *hub
	victim *party
	digest [32]byte
	sender *chain.Sender
	last   []byte // newest envelope of its chain
}

// puppet makes a sending key of p for parties of a line and seals it to victim.
func (p *party) puppet(t *testing.T, h *hub, line ident.Line, victim *party, start chain.Start, parties ...*party) *puppet {
	t.Helper()
	q := &puppet{party: p, t: t, hub: h, victim: victim}
	for _, o := range parties {
		start.Parties = append(start.Parties, o.id)
	}
	start.Group, start.Desk, start.Now = roster.GroupID(one, line, start.Parties), p.self.Desk, time.Now()
	var err error
	if q.sender, err = chain.NewSender(one, start); err != nil {
		t.Fatal(err)
	}
	slice, err := q.sender.SliceFor(p.self.MessageKey, chain.SliceInput{
		Desk: victim.self.Desk, Party: victim.id, SealPublic: victim.seal.Public(), SealNumber: 1,
		Precedence: precedence.Flash, Expiry: time.Now().Add(time.Hour), Now: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	q.put(3, slice)
	return q
}

// put gives the victim an envelope.
func (q *puppet) put(lane uint8, env []byte) {
	h := q.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	d := link.Delivery{Mailbox: q.victim.box, Lane: lane, Seq: h.seq, Envelope: env}
	h.boxes[q.victim.box] = append(h.boxes[q.victim.box], d)
	if to := h.on[q.victim.box]; to != nil {
		to.work <- func() { to.h.Deliver([]link.Delivery{d}) }
	}
}

// say seals a body and puts it.
func (q *puppet) say(id ident.Message, in chain.SealInput) {
	q.t.Helper()
	in.Message, in.Digest, in.Expiry = id, q.digest, time.Now().Add(time.Hour)
	sealed, err := q.sender.Seal(q.self.MessageKey, in)
	if err != nil {
		q.t.Fatal(err)
	}
	q.last = sealed.Envelope
	q.put(uint8(in.Precedence), sealed.Envelope)
}

// send puts a FLASH to the parties, changed by edit.
func (q *puppet) send(rel []*party, edit func(m *wire.Message)) ident.Message {
	q.t.Helper()
	id := ident.NewMessage()
	q.sendAs(rel, id, edit)
	return id
}

// sendAs is send under an id.
func (q *puppet) sendAs(rel []*party, id ident.Message, edit func(m *wire.Message)) {
	q.t.Helper()
	m := wire.Message{
		Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "EXERCISE", Precedence: precedence.Flash, Serial: "X-1/0001",
		Composed: time.Now().UnixMilli(), Action: []ident.Party{q.victim.id}, AckWanted: traffic.AckReceipt, AckDue: 600, Text: []byte("EXERCISE"),
	}
	m.Label = wire.Label{Classification: marking.Unclassified, TLP: marking.TLPAmber, PAP: marking.PAPClear}
	for _, p := range rel {
		m.Label.REL = append(m.Label.REL, p.id)
	}
	m.Label.REL = octets.Sorted(m.Label.REL, ident.Compare[ident.Party])
	if edit != nil {
		edit(&m)
	}
	body, err := m.Encode()
	if err != nil {
		q.t.Fatal(err)
	}
	q.say(id, chain.SealInput{Kind: envelope.Message, Precedence: m.Precedence, Body: body})
}

// heard counts what the victim has put into the puppet's mailbox, by type.
func (q *puppet) heard(kind envelope.Type) (n int) {
	q.hub.mu.Lock()
	defer q.hub.mu.Unlock()
	for _, d := range q.hub.boxes[q.box] {
		if h, err := envelope.Parse(d.Envelope); err == nil && h.Type == kind {
			n++
		}
	}
	return n
}

// puts counts what has been put at the relay.
func (q *puppet) puts() int {
	q.hub.mu.Lock()
	defer q.hub.mu.Unlock()
	return q.hub.puts
}

// slice seals the puppet's key to one more desk and puts it.
func (q *puppet) slice(to *party) {
	q.t.Helper()
	env, err := q.sender.SliceFor(q.self.MessageKey, chain.SliceInput{
		Desk: to.self.Desk, Party: to.id, SealPublic: to.seal.Public(), SealNumber: 1,
		Precedence: precedence.Flash, Expiry: time.Now().Add(time.Hour), Now: time.Now(),
	})
	if err != nil {
		q.t.Fatal(err)
	}
	victim := q.victim
	q.victim = to
	q.put(3, env)
	q.victim = victim
}

// attestation signs where the puppet's chains stand.
func (q *puppet) attestation() []byte {
	a := checkpoint.Attestation{
		Sender: q.self.Desk, Group: q.sender.Group(), Generation: q.sender.Generation(), Commitment: q.sender.Commitment(), Time: time.Now(),
	}
	for p := precedence.Routine; p <= precedence.Flash; p++ {
		if last, running := q.sender.Last(p); last > 0 {
			a.Lanes = append(a.Lanes, checkpoint.Lane{Lane: uint8(p), Last: last, Running: running})
		}
	}
	return a.Sign(one, q.self.DeskKey).Bytes(one)
}

// attest puts that.
func (q *puppet) attest() {
	q.t.Helper()
	q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Attestation, Body: q.attestation()})
}

func sortParties(all []ident.Party) {
	slices.SortFunc(all, func(a, b ident.Party) int { return slices.Compare(a[:], b[:]) })
}
