package exchange

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/complaint"
	"hotline/internal/ident"
	"hotline/internal/store"
)

const (
	// complaintsMost is how many complaints about one desk are made in an hour in a
	// group, of words and of proofs each: who lies once lies as often as it likes,
	// and each costs an envelope to all. What it burns so is for no other lie.
	complaintsMost = 4
	// complaintsNarrow is how many about one desk are made in an hour in groups
	// narrower than their line: each may cost a sending key for one.
	complaintsNarrow = 16
	// complaintsTaken is how many of one desk are taken in an hour in a group, of
	// words and of proofs each, and so many in all groups narrower than their line:
	// each is a leaf.
	complaintsTaken = 16
	// astrayMost bounds how often a slice that is not signed for this desk is tried
	// as one for others. In astrayEvery so many are looked at that name one sender,
	// and in all: anybody who knows the seal key can send them, and name anybody.
	astrayMost   = 128
	astraySender = 4
	astrayAll    = 32
	astrayEvery  = time.Minute
)

// atFault complains of a slice that did not open, when only a desk that lies can
// have made it. What comes of races, lost state, or of anybody who knows our seal
// key, is dropped and no more (docs/spec/complaint.md, Section 2).
func (b *Batch) atFault(k sealKey, env []byte, sender ident.Desk, facts chain.Slice, err error) error {
	switch {
	case len(facts.Proof) > 0:
		return b.garbage(facts)
	case errors.Is(err, chain.ErrSignature):
		return b.astray(k, env, sender)
	}
	return nil
}

// garbage complains of a slice whose signer signed for another key than is in it.
// Where the right key of that generation came before, the signed part may have
// been shown to others since: anybody of them can have put noise beside it.
func (b *Batch) garbage(facts chain.Slice) error {
	if conflict, err := b.secondKey(facts); conflict || err != nil {
		return err
	}
	_, err := b.Tx.Generation(facts.Sender, facts.Group, facts.Generation)
	if errors.Is(err, store.ErrNone) {
		return b.complain(complaint.Garbage, facts, facts.Proof, nil)
	}
	if err != nil {
		return fmt.Errorf("read generation: %w", err)
	}
	return nil
}

// astray looks whether a slice that is not signed for this desk is signed for
// another one. Then one of two gave a key away: who signed it, or whom it is for.
func (b *Batch) astray(k sealKey, env []byte, sender ident.Desk) error {
	e := b.e
	named := ration{what: "astray", desk: sender}
	if !b.spare(named, astraySender, astrayEvery) || !b.spend(ration{what: "astray"}, astrayAll, astrayEvery) {
		return nil
	}
	b.spend(named, astraySender, astrayEvery)
	tries := 0
	for d, entry := range e.dir.desks {
		if d == sender || d == e.cfg.Self.Desk {
			continue
		}
		newest := e.dir.seal[d].Number
		for n := newest; n > 0 && n+1 >= newest && tries < astrayMost; n-- {
			tries++
			to := chain.Recipient{Desk: d, Party: entry.Party, Key: k.key, SealNumber: n}
			_, facts, err := chain.OpenSlice(e.cfg.Suite, env, to, e.messageKey, b.Steady)
			if len(facts.Proof) > 0 { // whatever is wrong with it besides
				b.drop("slice made out to another desk", err)
				return b.complain(complaint.Astray, facts, facts.Proof, nil)
			}
		}
	}
	return nil
}

// secondKey notices a slice with another key for a generation that this desk
// has, had, or was shown by another desk: its maker gave one name to two keys.
// What convicts it is kept and told, and the second key is not followed.
func (b *Batch) secondKey(facts chain.Slice) (bool, error) {
	held, err := b.otherSlice(facts)
	if err != nil || held == nil {
		return false, err
	}
	return true, b.twoKeys(facts, held)
}

// otherSlice returns the signed part of a slice of the same generation that
// contradicts facts, or nothing.
func (b *Batch) otherSlice(facts chain.Slice) ([]byte, error) {
	g, err := b.Tx.Generation(facts.Sender, facts.Group, facts.Generation)
	if err == nil && len(g.Slice) > 0 && (g.Commitment != facts.Commitment || g.Predecessor != facts.Predecessor) {
		return g.Slice, nil
	}
	if err != nil && !errors.Is(err, store.ErrNone) {
		return nil, fmt.Errorf("read generation: %w", err)
	}
	all, err := b.Tx.ComplaintsOf(facts.Sender, facts.Group, facts.Generation)
	if err != nil {
		return nil, fmt.Errorf("list complaints: %w", err)
	}
	for _, row := range all {
		x, err := complaint.Parse(b.e.cfg.Suite, row.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read complaint: %w", err)
		}
		told, err := chain.VerifySlice(b.e.cfg.Suite, x.Slice, b.e.everKey)
		if err == nil && (told.Commitment != facts.Commitment || told.Predecessor != facts.Predecessor) {
			return x.Slice, nil
		}
	}
	return nil, nil
}

// everKey finds the key that verifies a desk's messages, removed or not.
func (e *Engine) everKey(d ident.Desk) ([]byte, bool) {
	cert, ok := e.dir.certs[d]
	return cert.MessageKey, ok
}

// twoKeys keeps two slices that convict their signer, and tells the others.
func (b *Batch) twoKeys(facts chain.Slice, held []byte) error {
	l, parties, err := b.audienceOf(facts.Group, facts.Sender, ident.Line{})
	if err != nil {
		return err
	}
	proof := store.Proof{
		Sender: facts.Sender, Kind: "slice-conflict", Verdict: verdictSender, A: held, B: facts.Proof,
		Text: b.e.deskName(facts.Sender) + " signed two sending keys under one name.",
	}
	if l != nil && slices.Contains(parties, b.e.dir.certs[facts.Sender].Party) {
		proof.Line = l.ID
	}
	if err := b.prove(proof); err != nil {
		return err
	}
	return b.complain(complaint.TwoKeys, facts, held, facts.Proof)
}

// complain signs what is wrong with a slice and tells every desk of its group,
// once for each sending key and kind.
func (b *Batch) complain(kind complaint.Kind, facts chain.Slice, slice, beside []byte) error {
	e := b.e
	l, parties, err := b.audienceOf(facts.Group, facts.Sender, ident.Line{})
	if err != nil || l == nil {
		return err // no line of ours: there is nobody to tell
	}
	x := complaint.Complaint{
		By: e.cfg.Self.Desk, About: facts.Sender, Line: l.ID, Parties: parties, Generation: facts.Generation, Kind: kind, Time: b.Now,
		Slice: slice, Beside: beside,
	}
	told, err := b.toldAlready(&x)
	if err != nil || told || !b.mayComplain(&x, facts.Group != l.whole) {
		return err
	}
	x = x.Sign(e.cfg.Suite, e.cfg.Self.DeskKey)
	if _, err := x.Verify(e.cfg.Suite, l.set.Certificate); err != nil {
		b.drop("slice of no desk of the audience", err) // every reader would refuse the complaint
		return nil
	}
	if err := b.keepComplaint(&x); err != nil {
		return err
	}
	return b.stateIn(l, parties, append([]byte{statementComplaint}, x.Bytes(e.cfg.Suite)...))
}

// mayComplain reports whether a complaint is within bounds, and counts it.
func (b *Batch) mayComplain(x *complaint.Complaint, narrow bool) bool {
	one := ration{what: "complaint", desk: x.About, of: x.Group(b.e.cfg.Suite)}
	if x.Kind.Proves() {
		one.what = "proof"
	}
	if !b.spare(one, complaintsMost, time.Hour) || narrow && !b.spend(ration{what: "narrow complaint", desk: x.About}, complaintsNarrow, time.Hour) {
		return false
	}
	return b.spend(one, complaintsMost, time.Hour)
}

// toldAlready reports whether a complaint would tell nobody anything: this desk
// made it before, or somebody has proven as much of the same sending key.
func (b *Batch) toldAlready(x *complaint.Complaint) (bool, error) {
	row := b.complaintRow(x)
	all, err := b.Tx.ComplaintsOf(row.About, row.Group, row.Generation)
	if err != nil {
		return false, fmt.Errorf("list complaints: %w", err)
	}
	return slices.ContainsFunc(all, func(c store.Complaint) bool {
		return c.By == row.By && c.Kind == row.Kind || x.Kind.Proves() && complaint.Kind(c.Kind).Proves()
	}), nil
}

// complaintRow is what the store keeps of a complaint, without its bytes.
func (b *Batch) complaintRow(x *complaint.Complaint) store.Complaint {
	return store.Complaint{
		At: b.Now, Line: x.Line, By: x.By, About: x.About, Group: x.Group(b.e.cfg.Suite), Generation: x.Generation, Kind: uint8(x.Kind),
	}
}

// keepComplaint keeps a complaint, journals it and tells the screens.
func (b *Batch) keepComplaint(x *complaint.Complaint) error {
	row := b.complaintRow(x)
	row.Bytes = x.Bytes(b.e.cfg.Suite)
	added, err := b.Tx.PutComplaint(row)
	if err != nil {
		return fmt.Errorf("store complaint: %w", err)
	}
	if !added {
		return nil
	}
	b.After(func() {
		b.e.cfg.Log.Warn("complaint about a slice", "kind", row.Kind, "desk", row.By.String(), "about", row.About.String(), "line", row.Line.String())
	})
	if err := b.Leaf("complaint", row.Bytes); err != nil {
		return err
	}
	return b.Event(EventLine, x.Line[:])
}

// takeComplaint takes what a desk says of another's slice. It is kept and shown
// as its word, and as proof only where the quoted signatures prove it here too.
// Nothing else follows from it: a desk that lies here stops nobody.
func (b *Batch) takeComplaint(l *line, o chain.Opened, raw []byte) error {
	e := b.e
	x, err := complaint.Parse(e.cfg.Suite, raw)
	if err == nil && (x.By != o.Sender || x.Line != l.ID || x.Group(e.cfg.Suite) != o.Group) {
		err = errors.New("of another desk, line or group than it came in")
	}
	if err != nil {
		b.drop("complaint", err)
		return nil
	}
	known, err := b.Tx.HasComplaint(b.complaintRow(&x))
	if err != nil {
		return fmt.Errorf("look for complaint: %w", err)
	}
	taken := b.takes(&x, o.Group != l.whole)
	if known || slices.ContainsFunc(taken, func(r ration) bool { return !b.spare(r, complaintsTaken, time.Hour) }) {
		return nil
	}
	quotes, err := x.Verify(e.cfg.Suite, l.set.Certificate)
	if err != nil {
		b.drop("complaint", err)
		return nil
	}
	for _, r := range taken {
		b.spend(r, complaintsTaken, time.Hour)
	}
	if err := b.keepComplaint(&x); err != nil {
		return err
	}
	if x.About == e.cfg.Self.Desk {
		return nil // what this desk signed, it need not hold against itself
	}
	_, err = b.secondKey(quotes.Slice) // it may not be the key that we were given
	return err
}

// takes lists what a complaint that is taken counts against.
func (b *Batch) takes(x *complaint.Complaint, narrow bool) []ration {
	what := "word of"
	if x.Kind.Proves() {
		what = "proof of"
	}
	all := []ration{{what: what, desk: x.By, of: x.Group(b.e.cfg.Suite)}}
	if narrow {
		all = append(all, ration{what: "narrow " + what, desk: x.By})
	}
	return all
}

// Complaint is what is shown of a complaint.
type Complaint struct {
	At        time.Time // when it was made or came, by our clock
	By, About ident.Desk
	Kind      complaint.Kind
	Proven    bool // by what it quotes; else it is the word of By and no more
	Text      string
}

// complaints lists what is shown beside the alarms about a line, proofs first: each
// complaint as a sentence that says whose word it is.
func (b *Batch) complaints(l *line) (all []Complaint, err error) {
	for _, worth := range []store.Worth{store.Proven, store.Word} {
		rows, err := b.Tx.Complaints(l.ID, worth, maxAlarms)
		if err != nil {
			return nil, fmt.Errorf("list complaints: %w", err)
		}
		for _, row := range rows {
			x, err := complaint.Parse(b.e.cfg.Suite, row.Bytes)
			if err != nil {
				return nil, fmt.Errorf("read complaint: %w", err)
			}
			all = append(all, Complaint{At: row.At, By: x.By, About: x.About, Kind: x.Kind, Proven: x.Kind.Proves(), Text: x.Text(b.e.deskName)})
		}
	}
	return all, nil
}
