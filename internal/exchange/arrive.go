package exchange

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// again answers an envelope that was opened before: the sender has not got our
// "delivered", so it is sealed once more. It reports whether a message is known
// that came or left in it.
func (b *Batch) again(id envelope.ID) (known bool, err error) {
	m, err := b.Tx.MessageByEnvelope(id)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find message of envelope %s: %w", id, err)
	}
	if m.Outgoing {
		return true, nil
	}
	return true, b.repeat(&m)
}

const (
	// repeatEvery is how often "delivered" of one message is sealed, at most. A
	// sender tries again after retryFirst; what comes sooner is the copy of
	// another relay, or a relay that plays with us.
	repeatEvery = 10 * time.Second
	// maxRepeated bounds what is remembered of that.
	maxRepeated = 4096
)

// repeat seals "delivered" of a message once more.
func (b *Batch) repeat(m *store.Message) error {
	e, id := b.e, m.ID
	last := m.CommittedAt
	if at, ok := e.repeated[id]; ok {
		last = at
	}
	if since := b.Now.Sub(last); since >= 0 && since < repeatEvery {
		return nil
	}
	if err := b.Tx.SetTold(id, false); err != nil {
		return fmt.Errorf("reopen message %s: %w", id, err)
	}
	b.After(func() {
		if len(e.repeated) >= maxRepeated {
			clear(e.repeated)
		}
		e.repeated[id] = b.Now
		if !slices.Contains(e.untold, id) {
			e.untold = append(e.untold, id)
		}
	})
	return nil
}

// takeMessage commits a message: {chain advanced, plaintext, journal leaf}.
func (b *Batch) takeMessage(l *line, parties []ident.Party, o chain.Opened, env []byte) error {
	body, err := wire.ParseMessage(o.Body)
	if err != nil { // its sender's doing, not our disk's: tried again it would hold up what is behind it
		err = fault.Wrap(err, fault.Refused, "A message came whose body is none.")
	} else {
		err = b.admissible(l, parties, o, body)
	}
	if k, _, _ := fault.Visible(err); err != nil && k == fault.Internal {
		return err
	}
	if err != nil {
		_, msg, _ := fault.Visible(err)
		b.drop("message refused: "+msg, err)
		return b.Leaf("refused", append(o.Sender[:], o.Inside.Message[:]...))
	}
	id := ident.Message(o.Inside.Message)
	content := wire.ContentHash(o.Body)
	if old, err := b.Tx.Message(id); err == nil {
		if old.Content == content && old.Desk == o.Sender {
			return b.repeat(&old)
		}
		if old.Desk != o.Sender {
			return b.evidence("message-conflict", o.Sender, o.Evidence)
		}
		return b.oneID(l, &old, o)
	} else if !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("look for message %s: %w", id, err)
	}
	sender, _ := l.roster.Desk(o.Sender)
	m := store.Message{
		ID: id, Line: l.ID, Group: o.Group, Party: sender.Party, Desk: o.Sender, Precedence: body.Precedence,
		Exercise: body.Status != traffic.Actual, Content: content, Body: o.Body, Envelope: envelope.Identify(env),
		Evidence: o.Evidence, CommittedAt: b.Now,
	}
	if slices.Contains(body.Action, b.e.cfg.Self.Party) {
		b.startClock(&m, body) // a copy of our own party's message is the others' to receipt
	}
	if err := b.Tx.PutMessage(&m); err != nil {
		return fmt.Errorf("store message %s: %w", id, err)
	}
	if err := b.Leaf("received", messageLeaf(&m)); err != nil {
		return err
	}
	if err := b.expectFiles(&m, body); err != nil {
		return err
	}
	b.After(func() { b.e.untold = append(b.e.untold, id) })
	kind := EventMessage
	if m.Precedence >= precedence.Immediate {
		kind = EventAlarm
	}
	return b.Event(kind, id[:])
}

// oneID keeps two messages that a desk signed under one id.
func (b *Batch) oneID(l *line, old *store.Message, o chain.Opened) error {
	proof := store.Proof{
		Line: l.ID, Sender: o.Sender, Kind: "id-conflict", Verdict: verdictSender,
		A: signedText(old), B: signedBody(o.Evidence, o.Body),
		Text: fmt.Sprintf("%s signed two messages under one id (%s).", b.e.deskName(o.Sender), old.ID),
	}
	if len(proof.A) == 0 {
		proof.Verdict = verdictOpen // its text was removed: nobody else can be shown it
	}
	return b.prove(proof)
}

// admissible holds the receiver's half of the marking rule: the label must
// cover the audience that the message was sealed to, and the clear fields must
// say what the signed body says.
func (b *Batch) admissible(l *line, parties []ident.Party, o chain.Opened, m *wire.Message) error {
	sender, _ := l.roster.Desk(o.Sender)
	switch {
	case !m.Label.Covers(parties):
		return fault.New(fault.Refused, "A message came sealed to more parties than its label allows.")
	case !slices.Contains(parties, sender.Party) || !slices.Contains(parties, b.e.cfg.Self.Party):
		return fault.New(fault.Refused, "A message came sealed to this desk, and its label leaves out its sender or us.")
	case m.Label.Classification != marking.Unclassified:
		return fault.New(fault.Refused, "A message came with a classification above the ceiling of its line.")
	case uint8(m.Precedence) != o.Inside.Precedence || chain.Lane(m.Precedence) != o.Lane:
		return fault.New(fault.Refused, "A message says another precedence than its envelope.")
	case l.charter.Exercise && m.Status == traffic.Actual:
		return fault.New(fault.Refused, "A message of status actual came on a line for exercises only.")
	}
	if err := readable(m); err != nil {
		return err
	}
	return b.filesFit(o.Inside.Message, m)
}

// readable asks of a packed text, unpacked, what is asked of a plain one. A
// dictionary that is newer than this desk is no fault of the text.
func readable(m *wire.Message) error {
	text, err := pack.Unpack(m.Text, m.Dictionary, wire.MaxText)
	switch {
	case errors.Is(err, pack.ErrUnknownDictionary):
		return nil
	case err != nil:
		return fault.Wrap(err, fault.Refused, "A message came with a text that does not unpack.")
	}
	return wire.CheckText(string(text))
}

// filesFit refuses files that this desk could not keep, and files whose parts
// could not be told from those of another message: a peer knows the keys of
// what it was sent.
func (b *Batch) filesFit(id ident.Message, m *wire.Message) error {
	seen := map[[16]byte]bool{}
	for _, f := range m.Files {
		tag := chain.FileTag(b.e.cfg.Suite, f.Key)
		held, err := b.Tx.File(tag)
		switch {
		case err == nil && held.Message != id || seen[tag]:
			return fault.New(fault.Refused, "A message came with a file that has the key of another file.")
		case err != nil && !errors.Is(err, store.ErrNone):
			return fmt.Errorf("look for file: %w", err)
		case f.Size > maxFile || uint64(f.Count-1)*uint64(f.ChunkSize) >= maxFile:
			return fault.New(fault.Refused, "A message came with a file of more than %d bytes.", maxFile)
		}
		seen[tag] = true
	}
	return nil
}
