package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// Draft is a message as a person or a program asks for it.
type Draft struct {
	Line         ident.Line
	Kind         traffic.Kind
	Status       traffic.Status
	ExerciseName string
	Precedence   precedence.Level
	Label        marking.Label // fields that nobody chose are left to the charter's rule
	Subject      string
	Language     string
	Text         string
	Upload       string        // of [Engine.Upload]; empty: no file
	AckWanted    traffic.Ack   // with its zero value nothing is asked for
	AckBy        time.Duration // zero: the charter's clock
	// Action names the parties that have to act; nil: all who can read it. The
	// others have it for information.
	Action []ident.Party
	// ActionFirst has new keys go first to those parties, and to the rest
	// behind the message.
	ActionFirst bool
	ReplyTo     ident.Message
	Role        string // of the officer

	packed     []byte // Text as it travels
	dictionary uint8
}

// pack packs the text, ahead of the engine's loop: it is the largest part of
// preparing a message that needs nothing of the desk.
func (d *Draft) pack() error {
	if err := wire.CheckText(d.Text); err != nil {
		return err
	}
	d.packed, d.dictionary = pack.Pack([]byte(d.Text))
	return nil
}

// Reader is a party that can read a message, with its desks.
type Reader struct {
	Party ident.Party
	Name  string
	Desks []string
}

// Plan is what sending a draft would do.
type Plan struct {
	Label    marking.Label
	Filled   []string // fields that the charter's rule filled
	Readers  []Reader
	Excluded []Reader // members of the line that REL leaves out
	Sealed   int      // bytes of the envelope
	NewKeys  int      // bytes of sending keys that go ahead of it
	Keys     int      // desks that they go to
	First    int      // of those, desks of parties that have to act
	Words    int      // of the text
	File     *wire.File
}

// Sent is a message that is safely in the outbox.
type Sent struct {
	ID     ident.Message
	Serial string
	Plan   Plan
}

// prepared is a draft that passed every rule.
type prepared struct {
	line    *line
	parties []ident.Party
	body    wire.Message
	plan    Plan
	upload  *store.Upload
	first   []ident.Party // whose desks get new keys first; nil: all
}

// Review computes what [Engine.Send] would do, and keeps nothing.
func (e *Engine) Review(ctx context.Context, d Draft) (Plan, error) {
	var p prepared
	if err := d.pack(); err != nil {
		return p.plan, err
	}
	err := e.do(ctx, func(b *Batch) (err error) {
		p, err = b.prepare(d)
		return err
	})
	return p.plan, err
}

// Send seals a message and returns when it is in the outbox, durably. What
// also runs in the same transaction, when it is not nil.
func (e *Engine) Send(ctx context.Context, d Draft, also func(tx *store.Tx, s Sent) error) (Sent, error) {
	var s Sent
	if err := d.pack(); err != nil {
		return s, err
	}
	if err := e.raise(ctx, d.Upload, d.Precedence); err != nil {
		return s, err
	}
	if err := e.waitForClaims(ctx, d.Line); err != nil {
		return s, err
	}
	err := e.do(ctx, func(b *Batch) (err error) {
		p, err := b.prepare(d)
		if err != nil {
			return err
		}
		if s, err = b.send(p); err != nil {
			return err
		}
		if also != nil {
			return also(b.Tx, s)
		}
		return nil
	})
	return s, err
}

// flashSealed is the size in bytes above which a FLASH is refused: on the
// thinnest links it would not be one.
const flashSealed = 4096

// prepare applies every rule to a draft and changes nothing.
func (b *Batch) prepare(d Draft) (p prepared, err error) {
	e := b.e
	l := e.lines[d.Line]
	switch {
	case l == nil:
		return p, fault.New(fault.NotFound, "This desk has no such line.")
	case l.State == "proposed":
		return p, fault.New(fault.Conflict, "Line %s is not open yet: not every party has accepted its charter.", l.Name)
	case l.State == "stopped":
		return p, fault.New(fault.Refused, "Line %s stands still. %s", l.Name, l.stopped).
			WithHint("only a new pairing ceremony with that party lets it go on")
	case l.State != "open":
		return p, fault.New(fault.Conflict, "This desk has left line %s.", l.Name)
	case e.cut[e.cfg.Self.Desk]:
		return p, fault.New(fault.Refused, "This desk was cut off by %s; nobody accepts anything of it any more.", e.cfg.Self.PartyName)
	case l.charter.Exercise && d.Status == traffic.Actual:
		return p, fault.New(fault.Refused, "Line %s carries exercise traffic only.", l.Name).WithHint("send it as exercise")
	}
	p.line = l
	if err := b.mark(&p, d); err != nil {
		return p, err
	}
	if err := b.attach(&p, d); err != nil {
		return p, err
	}
	if err := b.compose(&p, d); err != nil {
		return p, err
	}
	encoded, err := p.body.Encode()
	if err != nil {
		return p, err
	}
	p.plan.Sealed = envelope.Bucket(envelope.Overhead + e.cfg.Suite.Sizes().MessageSignature + len(encoded))
	if d.Precedence == precedence.Flash && p.plan.Sealed > flashSealed {
		return p, fault.New(fault.TooLarge, "This FLASH is %d bytes sealed; at most %d go as FLASH.", p.plan.Sealed, flashSealed).
			WithHint("shorten the text; a file does not count, it follows by itself")
	}
	group := roster.GroupID(e.cfg.Suite, l.ID, p.parties)
	readers := l.readers(e.cfg.Self.Desk, p.parties)
	if s := e.senders[group]; s == nil || s.readers != fingerprint(readers) {
		p.plan.NewKeys, p.plan.Keys = chain.SliceSize(e.cfg.Suite)*len(readers), len(readers)
		for _, r := range readers {
			if slices.Contains(p.body.Action, r.Party) {
				p.plan.First++
			}
		}
	}
	return p, nil
}

// mark completes the label and finds the readers.
func (b *Batch) mark(p *prepared, d Draft) error {
	e, l := b.e, p.line
	ids := l.addressable()
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, e.dir.name(id))
	}
	if len(ids) < 2 && len(l.suspended) > 0 {
		return fault.New(fault.Refused, "Nobody on line %s would get this. %s", l.Name, e.suspensions(l)).
			WithHint("hotline party reopen PARTY ends a suspension of ours")
	}
	label, filled := l.rule.Fill(d.Label, names)
	if err := label.Check(); err != nil {
		return labelFault(err)
	}
	if label.Classification != marking.Unclassified {
		return fault.New(fault.Refused, "Line %s carries unclassified information only; %s is above its ceiling.", l.Name, label.Classification).
			WithHint("no security authority has approved more for this line")
	}
	for _, n := range label.REL.Parties {
		if !slices.Contains(names, n) {
			if _, suspended := l.suspended[e.dir.ids[n]]; suspended {
				return fault.New(fault.Refused, "%s is sent nothing new. %s", n, e.suspensions(l)).WithHint("leave it out of REL")
			}
		}
	}
	var err error
	if p.body.Label, err = e.dir.label(label); err != nil {
		return err
	}
	audience, err := marking.Audience(label, names, e.cfg.Self.PartyName)
	if err != nil {
		return labelFault(err)
	}
	p.plan.Label, p.plan.Filled = label, filled
	for id := range l.suspended {
		p.plan.Excluded = append(p.plan.Excluded, Reader{Party: id, Name: e.dir.name(id)})
	}
	for i, id := range ids {
		r := Reader{Party: id, Name: names[i]}
		for _, desk := range l.desksOf(id) {
			r.Desks = append(r.Desks, desk.Certificate.Name)
		}
		if !slices.Contains(audience, names[i]) {
			p.plan.Excluded = append(p.plan.Excluded, r)
			continue
		}
		p.parties = append(p.parties, id)
		p.plan.Readers = append(p.plan.Readers, r)
		if len(r.Desks) == 0 {
			return fault.New(fault.Conflict, "%s has no desk on line %s that could read this.", names[i], l.Name)
		}
	}
	return nil
}

// attach takes the file of an upload.
func (b *Batch) attach(p *prepared, d Draft) error {
	if d.Upload == "" {
		return nil
	}
	u, err := b.Tx.Upload(d.Upload)
	if errors.Is(err, store.ErrNone) {
		return fault.New(fault.NotFound, "There is no upload %q; it was used, or it is older than a day.", d.Upload)
	}
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	f, err := parseFile(u.File)
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	p.upload, p.plan.File = &u, &f
	p.body.Files = []wire.File{f}
	return nil
}

// compose fills the body but its serial, which is taken when it is sent.
func (b *Batch) compose(p *prepared, d Draft) error {
	e := b.e
	m := &p.body
	m.Kind, m.Status, m.Exercise, m.Precedence = d.Kind, d.Status, d.ExerciseName, d.Precedence
	m.Composed, m.Role = b.Now.UnixMilli(), d.Role
	m.Subject, m.Language, m.ReplyTo = d.Subject, d.Language, d.ReplyTo
	m.AckWanted = d.AckWanted
	if d.AckWanted != traffic.AckNone {
		by := d.AckBy
		if by == 0 {
			by = p.line.charter.Clocks[d.Precedence].ReceiptWithin
		}
		if by < time.Second || by > roster.MaxClock {
			return fault.New(fault.Invalid, "An acknowledgement can be asked for within 1 second to 30 days, not %s.", by)
		}
		m.AckDue = uint32(by / time.Second)
	}
	for _, id := range d.Action {
		if id == e.cfg.Self.Party || !slices.Contains(p.parties, id) {
			return fault.New(fault.Invalid, "%s cannot be asked to act: it cannot read this message.", e.dir.name(id))
		}
	}
	for _, id := range p.parties {
		if id != e.cfg.Self.Party && (d.Action == nil || slices.Contains(d.Action, id)) {
			m.Action = append(m.Action, id)
		}
	}
	if d.ActionFirst {
		p.first = m.Action
	}
	slices.SortFunc(m.Action, func(a, b ident.Party) int { return strings.Compare(string(a[:]), string(b[:])) })
	p.plan.Words = len(strings.Fields(d.Text))
	m.Text, m.Dictionary = d.packed, d.dictionary
	m.Serial = e.cfg.Self.DeskName + "/0000" // the real one is as long up to 9999
	return m.Check()
}

// send seals what was prepared: one transaction {chain advanced, sealed
// envelope in the outbox, journal leaf}.
func (b *Batch) send(p prepared) (Sent, error) {
	e, l := b.e, p.line
	level := p.body.Precedence
	var s *sender
	err := b.firstTo(p.first, func() (err error) { s, err = b.senderFor(l, p.parties, level); return err })
	if err != nil {
		return Sent{}, err
	}
	group := s.Group()
	if p.body.Serial, err = b.serial(l, group, p.parties); err != nil {
		return Sent{}, err
	}
	body, err := p.body.Encode()
	if err != nil {
		return Sent{}, err
	}
	m := store.Message{
		ID: ident.NewMessage(), Line: l.ID, Group: group, Outgoing: true, Party: e.cfg.Self.Party, Desk: e.cfg.Self.Desk,
		Precedence: level, Exercise: p.body.Status != traffic.Actual, Content: wire.ContentHash(body), Body: body, CommittedAt: b.Now,
	}
	sealed, err := b.seal(s, chain.SealInput{Kind: envelope.Message, Precedence: level, Message: m.ID, Digest: l.digest, Body: body})
	if err != nil {
		return Sent{}, fmt.Errorf("seal message: %w", err)
	}
	m.Envelope, m.Evidence = envelope.Identify(sealed.Envelope), sealed.Evidence
	b.startClock(&m, &p.body)
	if err := b.Tx.PutMessage(&m); err != nil {
		return Sent{}, fmt.Errorf("store message %s: %w", m.ID, err)
	}
	readers := l.readers(e.cfg.Self.Desk, p.parties)
	if err := b.out(store.Out{Purpose: store.ForMessage, Message: &m.ID, Lane: uint8(level), Bytes: sealed.Envelope}, targets(readers...)); err != nil {
		return Sent{}, err
	}
	if err := b.rung(store.Rung{Message: m.ID, Desk: e.cfg.Self.Desk, Party: e.cfg.Self.Party, State: traffic.Queued.String(), At: b.Now, Verified: true}); err != nil {
		return Sent{}, err
	}
	if err := b.sendFiles(p, m, readers); err != nil {
		return Sent{}, err
	}
	if err := b.Leaf("sent", messageLeaf(&m)); err != nil {
		return Sent{}, err
	}
	return Sent{ID: m.ID, Serial: p.body.Serial, Plan: p.plan}, b.Event(EventMessage, m.ID[:])
}

// serial takes the next number of the audience: one series for the whole line,
// one for each narrower audience, so that a gap is exact and tells nobody of
// what they may not know.
func (b *Batch) serial(l *line, group ident.Group, parties []ident.Party) (string, error) {
	n, err := b.Tx.NextSerial(l.ID, group, group == l.whole)
	if err != nil {
		return "", fmt.Errorf("take serial: %w", err)
	}
	if group == l.whole {
		return fmt.Sprintf("%s/%04d", b.e.cfg.Self.DeskName, n), nil
	}
	var names []string
	for _, p := range parties {
		if p != b.e.cfg.Self.Party {
			names = append(names, b.e.dir.name(p))
		}
	}
	return fmt.Sprintf("%s:%s/%04d", b.e.cfg.Self.DeskName, strings.Join(names, "+"), n), nil
}

// startClock sets when an acknowledgement falls due and when the watch takes
// its first step.
func (b *Batch) startClock(m *store.Message, body *wire.Message) {
	if body.AckWanted == traffic.AckNone {
		return
	}
	m.DueAt = b.Now.Add(time.Duration(body.AckDue) * time.Second)
	m.NextAt = m.Precedence.Schedule(b.Now, m.DueAt)[0]
	b.clock = true
}

// messageLeaf is what the journal holds of a message: enough to prove which
// one it was, nothing of what it says.
func messageLeaf(m *store.Message) []byte {
	leaf := append([]byte{}, m.ID[:]...)
	leaf = append(leaf, m.Line[:]...)
	leaf = append(leaf, m.Desk[:]...)
	leaf = append(leaf, byte(m.Precedence))
	return append(leaf, m.Content[:]...)
}

// rung adds a step to a ladder and tells the screens.
func (b *Batch) rung(r store.Rung) error {
	added, err := b.Tx.PutRung(r)
	if err != nil {
		return fmt.Errorf("store rung: %w", err)
	}
	if !added {
		return nil
	}
	return b.Event(EventLadder, r.Message[:])
}

// state seals a body about trust for everybody on a line.
func (b *Batch) state(l *line, body []byte) error { return b.stateIn(l, l.parties, body) }

// stateIn seals a body about trust for some parties of a line.
func (b *Batch) stateIn(l *line, parties []ident.Party, body []byte) error {
	s, err := b.senderFor(l, parties, precedence.Routine)
	if err != nil {
		return err
	}
	sealed, err := b.seal(s, chain.SealInput{
		Kind: envelope.Statement, Precedence: precedence.Routine, Message: ident.NewMessage(), Digest: l.digest, Body: body,
	})
	if err != nil {
		return fmt.Errorf("seal statement: %w", err)
	}
	to := targets(l.readers(b.e.cfg.Self.Desk, parties)...)
	return b.out(store.Out{Purpose: store.ForStatement, Lane: uint8(precedence.Routine), Bytes: sealed.Envelope}, to)
}
