package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
)

const (
	// alarmAfter is when a confirmation that is missing is an alarm: shown
	// within ten seconds of the officer's act.
	alarmAfter = 9 * time.Second
	// toldFirst is when those who have not confirmed are told again after the
	// alarm; it grows sixfold up to toldMost.
	toldFirst = time.Minute
	toldMost  = 6 * time.Hour
	// toldTries is how often: a month or so. No clock counts that could be set.
	toldTries = int(envelopeLife / toldMost)
	// confirmEvery is how often one desk has a removal confirmed once more.
	confirmEvery = 10 * time.Second
)

// CutOff removes a desk of our own party from all its lines, by a statement that
// its root or a delegate signed, and tells everybody who has to know.
func (e *Engine) CutOff(ctx context.Context, st roster.Statement, officer string) error {
	return e.do(ctx, func(b *Batch) error { return b.CutOff(st, officer) })
}

// CutOff is [Engine.CutOff] inside a step.
func (b *Batch) CutOff(st roster.Statement, officer string) error {
	e := b.e
	if st.Remove == nil || st.Author != e.cfg.Self.Party {
		return fault.New(fault.Refused, "Only a desk of %s can be cut off here.", e.cfg.Self.PartyName)
	}
	desk := st.Remove.Desk
	if _, gone := e.removed(desk); gone {
		return fault.New(fault.Conflict, "That desk is cut off already.").WithHint("hotline cutoff status shows who has confirmed it")
	}
	if _, err := b.fits(st); passedOver(err) != nil {
		return fault.Wrap(err, fault.Unverified, "The statement that removes this desk does not hold.")
	}
	b.origin(desk, origin{officer: officer})
	if err := b.TakeStatements([]roster.Statement{st}); err != nil {
		return err
	}
	if _, gone := e.removed(desk); !gone {
		return fault.New(fault.Refused, "The key that signed this may not remove that desk.").
			WithHint("a delegate can remove the desks whose addition names it; the party's root can remove every desk")
	}
	return b.afterReload() // so that the caller learns of a failure
}

// origin notes how a removal came.
func (b *Batch) origin(desk ident.Desk, o origin) {
	if b.origins == nil {
		b.origins = map[ident.Desk]origin{}
	}
	if _, known := b.origins[desk]; !known {
		b.origins[desk] = o
	}
}

// propagate tells who has to know. The desk at which it was done tells every
// line that it is on in one FLASH under the present key, and by control
// envelope whoever cannot have that key, and the own party's other desks. A
// desk of the party that learns of it carries it to lines that the desk which
// told it is not on.
func (b *Batch) propagate(r roster.Removal, concerned []*line, how origin) error {
	e := b.e
	if r.Party != e.cfg.Self.Party {
		return nil
	}
	st, ok := e.dir.general.Statement(r.Statement)
	if !ok {
		return fmt.Errorf("statement %s is not in its set", r.Statement)
	}
	body := st.Bytes()
	told := map[ident.Desk]bool{e.cfg.Self.Desk: true}
	for _, l := range concerned {
		if _, knows := l.roster.Desk(how.from); knows {
			continue
		}
		without, err := b.flashStatement(l, body)
		if err != nil {
			return err
		}
		for _, d := range l.others(e.cfg.Self.Desk, l.parties) {
			if !slices.Contains(without, d.Desk) {
				told[d.Desk] = true
			}
		}
	}
	for _, d := range e.dir.desks {
		_, shared := b.shares(concerned, d.Desk)
		if told[d.Desk] || how.from != (ident.Desk{}) || d.Party != r.Party && !shared {
			continue
		}
		if err := b.controlAt(d, ControlStatement, body, precedence.Flash); err != nil {
			return err
		}
	}
	return nil
}

// shares reports whether a desk is on one of lines.
func (b *Batch) shares(lines []*line, d ident.Desk) (roster.Entry, bool) {
	for _, l := range lines {
		if e, on := l.roster.Desk(d); on && !slices.Contains(l.gone, d) {
			return e, true
		}
	}
	return roster.Entry{}, false
}

// flashStatement seals a statement for a line under the key that there is, one
// envelope for all its desks, and returns those that cannot open it: no relay
// has taken their slice yet.
func (b *Batch) flashStatement(l *line, statement []byte) (without []ident.Desk, err error) {
	e := b.e
	readers := l.others(e.cfg.Self.Desk, l.parties)
	s := e.senders[l.whole]
	if s == nil {
		for _, d := range readers {
			without = append(without, d.Desk)
		}
		return without, nil
	}
	unproven, err := b.Tx.Unproven(s.Tag())
	if err != nil {
		return nil, fmt.Errorf("list desks without key: %w", err)
	}
	for _, d := range readers {
		if sent, waiting := unproven[d.Desk]; waiting && !sent {
			without = append(without, d.Desk)
		}
	}
	sealed, err := b.seal(s, chain.SealInput{
		Kind: envelope.Statement, Precedence: precedence.Flash, Message: ident.NewMessage(), Digest: l.digest,
		Body: append([]byte{statementSet}, statement...),
	})
	if err != nil {
		return nil, fmt.Errorf("seal statement: %w", err)
	}
	return without, b.out(store.Out{Purpose: store.ForStatement, Lane: uint8(precedence.Flash), Bytes: sealed.Envelope}, targets(readers...))
}

// A confirmation is {statement 32, removed desk 32, time u64}: since then its
// sender refuses the desk.
func confirmation(r roster.Removal, at time.Time) []byte {
	var w octets.Writer
	w.Raw(r.Statement[:])
	w.Raw(r.Desk[:])
	w.Uint64(uint64(at.UnixMilli()))
	return w.Bytes()
}

// parseConfirmation reads what confirmation wrote. When a desk says that it was is
// for its own journal.
func parseConfirmation(body []byte) (st ident.Statement, desk ident.Desk, err error) {
	r := octets.NewReader(body)
	r.Into(st[:])
	r.Into(desk[:])
	_ = r.Uint64()
	return st, desk, r.Done()
}

// confirm tells the desks of the party that removed a desk that it is refused
// here. It goes under the key that there is, the old one: that the desk is
// removed is all that it says, and new keys would cost a slice for everybody.
func (b *Batch) confirm(r roster.Removal) error {
	e := b.e
	body := confirmation(r, b.Now)
	for _, l := range e.lines {
		to := l.others(e.cfg.Self.Desk, []ident.Party{r.Party})
		s := e.senders[l.whole]
		if l.State != "open" || s == nil || len(to) == 0 {
			continue
		}
		sealed, err := b.seal(s, chain.SealInput{
			Kind: envelope.Confirmation, Precedence: precedence.Flash, ReceiptTo: r.Party, Message: ident.NewMessage(),
			Digest: l.digest, Body: body,
		})
		if err != nil {
			return fmt.Errorf("seal confirmation: %w", err)
		}
		return b.out(store.Out{Purpose: store.ForStatement, Lane: uint8(precedence.Flash), Bytes: sealed.Envelope}, targets(to...))
	}
	for _, d := range e.dir.desks {
		if d.Party != r.Party || d.Desk == e.cfg.Self.Desk {
			continue
		}
		if err := b.controlAt(d, ControlConfirmation, body, precedence.Flash); err != nil {
			return err
		}
	}
	return nil
}

// confirmAgain answers a desk that tells us of a removal which is in effect here
// already: it has not had our confirmation, because the key that it went under
// has not come yet, or never will. This one needs no key of ours.
func (b *Batch) confirmAgain(statement []byte, to ident.Desk) error {
	e := b.e
	st, err := roster.ParseStatement(statement)
	if err != nil || st.Remove == nil || !e.cut[st.Remove.Desk] {
		return nil //nolint:nilerr // what is none of ours is judged where statements are taken
	}
	entry, on := e.dir.desks[to]
	r, gone := e.removed(st.Remove.Desk)
	if !on || !gone || entry.Party != r.Party || !b.spend(ration{"confirmation", to, st.Remove.Desk}, 1, confirmEvery) {
		return nil
	}
	return b.controlAt(entry, ControlConfirmation, confirmation(r, b.Now), precedence.Flash)
}

// takeConfirmation counts a desk's word that it refuses a desk of our party.
func (b *Batch) takeConfirmation(sender ident.Desk, body, evidence []byte) error {
	e := b.e
	st, desk, err := parseConfirmation(body)
	cert, known := e.dir.certs[desk]
	said, held := e.dir.general.Statement(st)
	// It counts for a removal that stands here: one that was sent ahead, or that
	// names another statement, must not silence the alarm of a later cut.
	if err != nil || !known || cert.Party != e.cfg.Self.Party || !held || said.Remove == nil || said.Remove.Desk != desk {
		b.drop("confirmation of no removal of ours", err)
		return nil //nolint:nilerr // a stranger's bytes are dropped, and nothing else
	}
	fresh, err := b.Tx.Confirm(desk, sender, b.Now, evidence)
	if err != nil {
		return fmt.Errorf("note confirmation: %w", err)
	}
	if !fresh {
		return nil
	}
	if err := b.Leaf("cutoff-confirmed", append(append(sender[:], body...), evidence...)); err != nil {
		return err
	}
	return b.Event(EventCutoff, desk[:])
}

// expectConfirmations notes who has to confirm: the desks of our party, and all
// on the lines that the desk was on.
func (b *Batch) expectConfirmations(r roster.Removal, concerned []*line) error {
	e := b.e
	if r.Party != e.cfg.Self.Party {
		return nil
	}
	for _, d := range e.dir.desks {
		if _, shared := b.shares(concerned, d.Desk); !shared && d.Party != r.Party || d.Desk == e.cfg.Self.Desk {
			continue
		}
		if err := b.Tx.ExpectConfirmation(r.Desk, d.Desk); err != nil {
			return fmt.Errorf("expect confirmation: %w", err)
		}
	}
	return nil
}

// tendCutoffs alarms when a confirmation is missing, and tells those who owe it
// once more, by a control envelope, which needs no key of ours.
func (b *Batch) tendCutoffs() error {
	due, err := b.Tx.CutoffsDue(b.Steady)
	if err != nil {
		return fmt.Errorf("list cut-offs: %w", err)
	}
	for _, c := range due {
		if err := b.tendCutoff(c); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) tendCutoff(c store.Cutoff) error {
	e := b.e
	all, err := b.Tx.Confirmations(c.Desk)
	if err != nil {
		return fmt.Errorf("list confirmations: %w", err)
	}
	st, ok := e.dir.general.Statement(c.Statement)
	missing := 0
	for _, w := range all {
		to, on := e.dir.desks[w.By]
		if !w.At.IsZero() || !on {
			continue
		}
		missing++
		if !ok || c.Tries > toldTries {
			continue
		}
		if err := b.controlAt(to, ControlStatement, st.Bytes(), precedence.Immediate); err != nil {
			return err
		}
	}
	c.NextAt = time.Time{}
	if missing > 0 {
		c.NextAt = b.Steady.Add(min(toldFirst*time.Duration(pow(6, min(c.Tries, 4))), toldMost))
		c.Tries++
	}
	if alarmed := c.Alarmed; missing > 0 && !alarmed {
		c.Alarmed = true
		b.After(func() { e.cfg.Log.Error("cut-off not confirmed by all", "desk", c.Desk.String(), "missing", missing) })
		if err := b.Leaf("cutoff-alarm", append(c.Desk[:], be64(uint64(missing))...)); err != nil {
			return err
		}
	}
	if err := b.Tx.SetCutoff(c); err != nil {
		return fmt.Errorf("note cut-off: %w", err)
	}
	return b.Event(EventCutoff, c.Desk[:])
}

func pow(n, to int) int {
	p := 1
	for range to {
		p *= n
	}
	return p
}

// Cutoff is a removed desk and who refuses it, as this desk knows it.
type Cutoff struct {
	store.Cutoff
	Confirmed   []ident.Desk
	Unconfirmed []ident.Desk // still rostered
	// Alarm: somebody has not confirmed in time, and still has not.
	Alarm bool
	// Late is how many messages of the desk came after its removal.
	Late int
}

// Cutoffs lists the removed desks, newest first.
func (e *Engine) Cutoffs(tx *store.Tx) ([]Cutoff, error) {
	rows, err := tx.Cutoffs()
	if err != nil {
		return nil, fmt.Errorf("list cut-offs: %w", err)
	}
	var all []Cutoff
	for _, row := range rows {
		c, err := e.cutoff(tx, row)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Cutoff returns one removed desk.
func (e *Engine) Cutoff(tx *store.Tx, desk ident.Desk) (Cutoff, error) {
	row, err := tx.Cutoff(desk)
	if errors.Is(err, store.ErrNone) {
		return Cutoff{}, fault.New(fault.NotFound, "That desk is not cut off.")
	}
	if err != nil {
		return Cutoff{}, fmt.Errorf("read cut-off: %w", err)
	}
	return e.cutoff(tx, row)
}

func (e *Engine) cutoff(tx *store.Tx, row store.Cutoff) (Cutoff, error) {
	c := Cutoff{Cutoff: row}
	all, err := tx.Confirmations(row.Desk)
	if err != nil {
		return c, fmt.Errorf("list confirmations: %w", err)
	}
	v := e.View()
	for _, w := range all {
		switch {
		case !w.At.IsZero():
			c.Confirmed = append(c.Confirmed, w.By)
		case !v.Removed[w.By]:
			c.Unconfirmed = append(c.Unconfirmed, w.By)
		}
	}
	c.Alarm = row.Alarmed && len(c.Unconfirmed) > 0
	late, err := tx.LateOf(row.Desk)
	if err != nil {
		return c, fmt.Errorf("list what came late: %w", err)
	}
	c.Late = len(late)
	return c, nil
}

// Removal has a delegate sign that a desk is removed from all lines, under the
// delegate's next number.
func (b *Batch) Removal(k roster.Keeper, desk ident.Desk, reason string) (roster.Statement, error) {
	e := b.e
	cert, known := e.dir.certs[desk]
	if !known {
		return roster.Statement{}, fault.New(fault.NotFound, "This desk does not know the desk that is to be cut off.")
	}
	holder := k.Warrant.Holder(e.memo)
	st, err := roster.NewStatementBy(e.memo, roster.Statement{
		Type: roster.RemoveDesk, Number: e.dir.general.NextNumber(cert.Party, holder.Key, ident.Line{}), Time: b.Now,
		Remove: &roster.Cut{Desk: desk, Fingerprint: cert.Fingerprint(e.memo), Reason: reason},
	}, k)
	if err != nil {
		return st, fault.Wrap(err, fault.Invalid, "A removal cannot be made of this: %s.", err.Error())
	}
	return st, nil
}

// MayRemove reports whether the addition of a desk names a delegate's key.
func (b *Batch) MayRemove(key ident.Key, desk ident.Desk) bool {
	entry, on := b.e.dir.desks[desk]
	return on && slices.ContainsFunc(entry.Delegates, func(h roster.Holder) bool { return h.Key == key })
}

// CheckWarrant reports whether our party's root stands behind a delegate's key.
func (b *Batch) CheckWarrant(w roster.Warrant) error {
	return b.e.dir.general.CheckWarrant(w, b.e.cfg.Self.Party, roster.Delegate)
}

// OwnDesks lists the desks of our party that are not removed.
func (b *Batch) OwnDesks() (all []roster.Entry) {
	for _, d := range b.e.dir.desks {
		if d.Party == b.e.cfg.Self.Party {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b roster.Entry) int { return strings.Compare(a.Certificate.Name, b.Certificate.Name) })
	return all
}
