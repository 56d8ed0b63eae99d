package hostile

import (
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// Puppet is a desk with valid keys whose every word a test chooses: a member of
// a line with bad will, or one whose machine was taken.
type Puppet struct {
	*Desk
	victim *Desk
	line   ident.Line
	rel    []*Party // whom its labels name
	sender *chain.Sender
	Digest [32]byte // of the statement set that it claims to hold
	err    error
}

// Puppet has a desk, which does not run, speak to victim in the group of
// parties on a line, under a new sending key.
func (d *Desk) Puppet(victim *Desk, line ident.Line, start chain.Start, parties ...*Party) *Puppet {
	q := &Puppet{Desk: d, victim: victim, line: line, rel: parties}
	q.renew(start)
	q.Slice(victim)
	return q
}

// note keeps the first error of the puppet's own making: it is the test's.
func (q *Puppet) note(err error) {
	if q.err == nil {
		q.err = err
	}
}

// renew makes a sending key.
func (q *Puppet) renew(start chain.Start) {
	for _, p := range q.rel {
		start.Parties = append(start.Parties, p.ID)
	}
	if start.Group == (ident.Group{}) {
		start.Group = roster.GroupID(one, q.line, start.Parties)
	}
	if start.Desk == (ident.Desk{}) {
		start.Desk = q.Self.Desk
	}
	start.Now = time.Now()
	s, err := chain.NewSender(one, start)
	q.note(err)
	q.sender = s
}

// SliceOf seals the puppet's key to a desk.
func (q *Puppet) SliceOf(to *Desk) []byte {
	env, err := q.sender.SliceFor(q.Self.MessageKey, chain.SliceInput{
		Desk: to.Self.Desk, Party: to.Party.ID, SealPublic: to.Seal.Public(), SealNumber: 1, Digest: q.Digest,
		Precedence: precedence.Flash, Expiry: time.Now().Add(time.Hour), Now: time.Now(),
	})
	q.note(err)
	return env
}

// Slice puts it.
func (q *Puppet) Slice(to *Desk) { q.Put(3, q.SliceOf(to)) }

// Put gives the victim bytes.
func (q *Puppet) Put(lane uint8, env []byte) {
	r := q.world.Relay
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deliver(q.victim.Box, lane, env)
}

// Seal seals a body under the puppet's key.
func (q *Puppet) Seal(id ident.Message, in chain.SealInput) []byte {
	in.Message, in.Digest, in.Expiry = id, q.Digest, time.Now().Add(time.Hour)
	sealed, err := q.sender.Seal(q.Self.MessageKey, in)
	q.note(err)
	return sealed.Envelope
}

// Say seals a body and puts it.
func (q *Puppet) Say(id ident.Message, in chain.SealInput) {
	q.Put(uint8(in.Precedence), q.Seal(id, in))
}

// Message composes a FLASH, changed by edit.
func (q *Puppet) Message(edit func(m *wire.Message)) *wire.Message {
	m := &wire.Message{
		Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "EXERCISE", Precedence: precedence.Flash, Serial: "X-1/0001",
		Composed: time.Now().UnixMilli(), Action: []ident.Party{q.victim.Party.ID}, AckWanted: traffic.AckReceipt, AckDue: 600, Text: []byte("EXERCISE"),
	}
	m.Label = q.label(q.rel...)
	if edit != nil {
		edit(m)
	}
	return m
}

// label names parties.
func (q *Puppet) label(rel ...*Party) wire.Label {
	label := wire.Label{Classification: marking.Unclassified, TLP: marking.TLPAmber, PAP: marking.PAPClear}
	for _, p := range rel {
		label.REL = append(label.REL, p.ID)
	}
	label.REL = octets.Sorted(label.REL, ident.Compare[ident.Party])
	return label
}

// Send puts a message, changed by edit.
func (q *Puppet) Send(edit func(m *wire.Message)) ident.Message {
	body, err := q.Message(edit).Encode()
	q.note(err)
	id := ident.NewMessage()
	q.Say(id, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: body})
	return id
}

// Body puts a message whose body is any bytes.
func (q *Puppet) Body(body []byte) ident.Message {
	id := ident.NewMessage()
	q.Say(id, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Body: body})
	return id
}

// Receipt puts a receipt, changed by edit, of a message of the victim's.
func (q *Puppet) Receipt(id ident.Message, content, label [32]byte, group ident.Group, edit func(r *wire.Receipt)) {
	r := wire.Receipt{State: traffic.Delivered, At: time.Now().UnixMilli(), Message: id, Content: content, Label: label, Group: group}
	if edit != nil {
		edit(&r)
	}
	body, err := r.Encode()
	q.note(err)
	q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.Receipt, Precedence: precedence.Flash, ReceiptTo: q.victim.Party.ID, Body: body})
}

// State puts a body about trust.
func (q *Puppet) State(body ...byte) {
	q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.Statement, Body: body})
}

// Control puts a control envelope.
func (q *Puppet) Control(kind uint8, body []byte, edit func(in *chain.ControlInput)) {
	in := chain.ControlInput{
		Control: chain.Control{Sender: q.Self.Desk, Kind: kind, Body: body}, Public: q.victim.Self.Control.Public(),
		Precedence: precedence.Priority, Expiry: time.Now().Add(time.Hour),
	}
	if edit != nil {
		edit(&in)
	}
	env, err := chain.SealControl(one, q.Self.DeskKey, in)
	q.note(err)
	q.Put(1, env)
}

// Attestation signs where the puppet's chains stand, changed by edit.
func (q *Puppet) Attestation(edit func(a *checkpoint.Attestation)) []byte {
	a := checkpoint.Attestation{
		Sender: q.Self.Desk, Group: q.sender.Group(), Generation: q.sender.Generation(), Commitment: q.sender.Commitment(), Time: time.Now(),
	}
	for p := precedence.Routine; p <= precedence.Flash; p++ {
		if last, running := q.sender.Last(p); last > 0 {
			a.Lanes = append(a.Lanes, checkpoint.Lane{Lane: uint8(p), Last: last, Running: running})
		}
	}
	if edit != nil {
		edit(&a)
	}
	return a.Sign(one, q.Self.DeskKey).Bytes(one)
}

// Attest puts it.
func (q *Puppet) Attest(edit func(a *checkpoint.Attestation)) {
	q.Say(ident.NewMessage(), chain.SealInput{Kind: envelope.Attestation, Body: q.Attestation(edit)})
}
