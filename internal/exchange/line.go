package exchange

import (
	"bytes"
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"

	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// line is one line in memory.
type line struct {
	store.Line
	charter roster.Charter // the version that counts
	set     *roster.Set
	roster  *roster.Roster
	digest  [32]byte
	parties []ident.Party   // members, in the charter's order
	whole   ident.Group     // the group of all members
	earlier [][]ident.Party // members by other versions of the charter: who lags behind writes to those
	rule    marking.Rule
	stopped string       // why the line stands still
	gone    []ident.Desk // left, by their own word
	// suspended holds the parties that are sent nothing new, by our notice or
	// by their own.
	suspended map[ident.Party]roster.Notice
	signed    []ident.Party        // signed the charter
	heads     map[ident.Desk]heads // when each desk was last told what our set holds
}

// directory is everybody whom this desk can write to or hear: the desks of its
// own party and of the paired ones.
type directory struct {
	names map[ident.Party]string
	ids   map[string]ident.Party
	roots map[ident.Party][]byte
	still map[ident.Party]string // parties whose lines stand still, and why
	desks map[ident.Desk]roster.Entry
	certs map[ident.Desk]roster.Certificate // removed desks too: what they signed still verifies
	boxes map[ident.Desk][]roster.Mailbox   // of the same
	seal  map[ident.Desk]roster.Announcement
	// general holds what parties state for all their lines.
	general *roster.Set
}

// name is our name for a party, or its id.
func (d *directory) name(p ident.Party) string {
	if n, ok := d.names[p]; ok {
		return n
	}
	return p.String()
}

// loadLines builds lines and directory from the store.
func (e *Engine) loadLines(tx *store.Tx) (map[ident.Line]*line, *directory, error) {
	d := &directory{
		names: map[ident.Party]string{}, ids: map[string]ident.Party{}, roots: map[ident.Party][]byte{}, still: map[ident.Party]string{},
		desks: map[ident.Desk]roster.Entry{}, certs: map[ident.Desk]roster.Certificate{}, seal: map[ident.Desk]roster.Announcement{},
		boxes: map[ident.Desk][]roster.Mailbox{},
	}
	parties, err := tx.Parties()
	if err != nil {
		return nil, nil, fmt.Errorf("list parties: %w", err)
	}
	var members []roster.Member
	for _, p := range parties {
		d.names[p.ID], d.ids[p.Name], d.roots[p.ID] = p.Name, p.ID, p.Root
		if !p.StoppedAt.IsZero() {
			d.still[p.ID] = p.Stopped
		}
		members = append(members, roster.Member{Party: p.ID, Name: p.Name, Root: p.Root})
	}
	d.general, err = roster.NewSet(e.memo, ident.Line{}, members)
	if err != nil {
		return nil, nil, fmt.Errorf("make set of parties: %w", err)
	}
	if err := e.fillSet(tx, d.general, d.partyIDs()); err != nil {
		return nil, nil, err
	}
	d.take(e, d.general)
	rows, err := tx.Lines()
	if err != nil {
		return nil, nil, fmt.Errorf("list lines: %w", err)
	}
	lines := map[ident.Line]*line{}
	for _, row := range rows {
		l, err := e.loadLine(tx, row)
		if err != nil {
			return nil, nil, fmt.Errorf("read line %s: %w", row.ID, err)
		}
		if old := e.lines[row.ID]; old != nil {
			l.heads = old.heads
		}
		d.take(e, l.set)
		l.stop(d)
		lines[row.ID] = l
	}
	return lines, d, e.loadAnnouncements(tx, d)
}

// stop makes an open line stand still while one of its parties is stopped: its
// root changed, or an officer doubts it. Only a new ceremony lets it go on.
func (l *line) stop(d *directory) {
	for _, p := range l.parties {
		if why, ok := d.still[p]; ok && l.State == "open" {
			l.State, l.stopped = "stopped", why
		}
	}
}

func (d *directory) partyIDs() []ident.Party {
	var ids []ident.Party
	for id := range d.roots {
		ids = append(ids, id)
	}
	return ids
}

// take adds the desks of a set. The first seal key rides in the addition.
func (d *directory) take(e *Engine, s *roster.Set) {
	for _, st := range s.Statements() {
		if st.Add != nil {
			desk := st.Desk(e.cfg.Suite)
			d.certs[desk], d.boxes[desk] = st.Add.Certificate, st.Add.Mailboxes
		}
	}
	for _, entry := range s.Roster().Desks() {
		d.desks[entry.Desk] = entry
		if _, ok := d.seal[entry.Desk]; !ok {
			d.seal[entry.Desk] = entry.SealKey
		}
	}
}

// loadAnnouncements takes the newest seal key of every desk.
func (e *Engine) loadAnnouncements(tx *store.Tx, d *directory) error {
	keys, err := tx.SealKeys()
	if err != nil {
		return fmt.Errorf("list seal keys: %w", err)
	}
	for _, k := range keys {
		a, err := roster.ParseAnnouncement(k.Announcement)
		if err != nil {
			return fmt.Errorf("read seal key of %s: %w", k.Desk, err)
		}
		if old, ok := d.seal[k.Desk]; !ok || a.Number > old.Number {
			d.seal[k.Desk] = a
		}
	}
	return nil
}

// fillSet adds to s what the parties stated for it. The store holds verified
// statements; they are verified again, because a flipped bit on the disk must
// not make a member.
func (e *Engine) fillSet(tx *store.Tx, s *roster.Set, parties []ident.Party) error {
	all, err := e.statementsOf(tx, parties)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(st roster.Statement) bool { return st.Line != (ident.Line{}) && st.Line != s.Line() })
	if err := s.AddHistory(all); err != nil {
		return fmt.Errorf("add statements: %w", err)
	}
	return nil
}

func (e *Engine) statementsOf(tx *store.Tx, parties []ident.Party) (all []roster.Statement, err error) {
	for _, p := range parties {
		statements, err := tx.Statements(p)
		if err != nil {
			return nil, fmt.Errorf("list statements of %s: %w", p, err)
		}
		for _, b := range statements {
			st, err := e.memo.parse(b)
			if err != nil {
				return nil, fmt.Errorf("read statement of %s: %w", p, err)
			}
			all = append(all, st)
		}
	}
	return all, nil
}

// lineSet builds the set of a line: its charter versions, and what the parties
// of any of them stated.
func (e *Engine) lineSet(tx *store.Tx, c roster.Charter) (*roster.Set, error) {
	set, err := roster.CharterSet(e.memo, c)
	if err != nil {
		return nil, err
	}
	raw, err := tx.Versions(set.Line())
	if err != nil {
		return nil, fmt.Errorf("list charter versions: %w", err)
	}
	parties, versions := c.Parties(), []roster.Offer(nil)
	for _, b := range raw {
		o, err := roster.ParseOffer(e.memo, b)
		if err != nil {
			return nil, fmt.Errorf("read charter version: %w", err)
		}
		versions, parties = append(versions, o), append(parties, o.Charter.Parties()...)
	}
	slices.SortFunc(parties, func(a, b ident.Party) int { return bytes.Compare(a[:], b[:]) })
	all, err := e.statementsOf(tx, slices.Compact(parties))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(st roster.Statement) bool { return st.Line != (ident.Line{}) && st.Line != set.Line() })
	if _, err := joining.Load(set, versions, all); err != nil {
		return nil, fmt.Errorf("add statements: %w", err)
	}
	return set, nil
}

func (e *Engine) loadLine(tx *store.Tx, row store.Line) (*line, error) {
	c, err := roster.ParseCharter(e.cfg.Suite, row.Charter)
	if err != nil {
		return nil, err
	}
	l := &line{Line: row, heads: map[ident.Desk]heads{}}
	if l.set, err = e.lineSet(tx, c); err != nil {
		return nil, err
	}
	l.charter, _ = l.set.Current()
	l.parties = slices.DeleteFunc(l.charter.Parties(), func(p ident.Party) bool { return !l.set.Belongs(p) })
	for _, version := range l.set.Chain() {
		if members := version.Parties(); !slices.Equal(members, l.parties) {
			l.earlier = append(l.earlier, members)
		}
	}
	c = l.charter
	if l.rule, err = marking.ParseRule(c.Rule.Classification, c.Rule.PAP, c.Rule.REL); err != nil {
		return nil, fmt.Errorf("read label rule: %w", err)
	}
	l.roster, l.digest, l.suspended = l.set.Roster(), l.set.Digest(), map[ident.Party]roster.Notice{}
	for _, p := range l.parties {
		if n, ok := l.roster.Suspended(e.cfg.Self.Party, p); ok && p != e.cfg.Self.Party {
			l.suspended[p] = n
		}
	}
	if l.gone, err = tx.Departures(l.ID); err != nil {
		return nil, fmt.Errorf("list departures: %w", err)
	}
	if l.signed, err = e.signers(tx, l.ID); err != nil {
		return nil, err
	}
	l.whole = roster.GroupID(e.cfg.Suite, l.ID, l.parties)
	return l, nil
}

// signers lists the parties whose signature under a charter is here.
func (e *Engine) signers(tx *store.Tx, id ident.Line) ([]ident.Party, error) {
	raw, err := tx.CharterSignatures(id)
	if err != nil {
		return nil, fmt.Errorf("list charter signatures: %w", err)
	}
	var all []ident.Party
	for _, b := range raw {
		s, err := roster.ParseCharterSignature(b)
		if err != nil {
			return nil, fmt.Errorf("read charter signature: %w", err)
		}
		all = append(all, s.Party)
	}
	return all, nil
}

func sortLines(all []LineView) {
	slices.SortFunc(all, func(a, b LineView) int { return strings.Compare(a.Name, b.Name) })
}

// readers lists the desks of parties on the line that get what this desk makes:
// all but this one, and those of parties that are suspended.
func (l *line) readers(self ident.Desk, parties []ident.Party) []roster.Entry {
	return slices.DeleteFunc(l.others(self, parties), func(d roster.Entry) bool {
		_, suspended := l.suspended[d.Party]
		return suspended
	})
}

// others lists the desks of parties on the line, without this one. Whom to
// refuse is told to all of them, suspended or not.
func (l *line) others(self ident.Desk, parties []ident.Party) []roster.Entry {
	return slices.DeleteFunc(l.desksOf(parties...), func(d roster.Entry) bool { return d.Desk == self })
}

// desksOf lists the desks of parties that are on the line and have not left.
func (l *line) desksOf(parties ...ident.Party) []roster.Entry {
	return slices.DeleteFunc(l.roster.DesksOf(parties...), func(d roster.Entry) bool { return slices.Contains(l.gone, d.Desk) })
}

// fingerprint tells sets of desks apart.
func fingerprint(desks []roster.Entry) (f [32]byte) {
	h := sha512.New384()
	for _, d := range desks { // DesksOf is sorted
		h.Write(d.Desk[:])
	}
	copy(f[:], h.Sum(nil))
	return f
}

// targets lists where desks are reached: at every relay that they name.
func targets(desks ...roster.Entry) []store.Target {
	var out []store.Target
	for _, d := range desks {
		for _, m := range d.Mailboxes {
			out = append(out, store.Target{Desk: d.Desk, Relay: m.Relay, Box: m.Box})
		}
	}
	return out
}

// afterReload tries again what waited for a statement or a signature, and lets
// go of what is for desks that are gone. It runs at the end of a batch, when no
// step is half done.
func (b *Batch) afterReload() error {
	for range maxBatch { // what is opened may bring statements itself
		if !b.reloaded {
			return nil
		}
		b.reloaded = false
		if err := b.settleRemovals(); err != nil {
			return err
		}
		if err := b.e.noteDigests(b.Tx); err != nil {
			return err
		}
		if err := b.forgetDesks(); err != nil {
			return err
		}
		tags, err := b.Tx.ParkedTags()
		if err != nil {
			return fmt.Errorf("list parked envelopes: %w", err)
		}
		for _, tag := range tags {
			_, slice := b.e.sealKeys[tag]
			if !slice && b.e.receivers[tag] == nil {
				continue
			}
			if err := b.unpark(tag); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetDesks takes desks that were removed, or left a line, off what waits to
// leave: they would be waited for until the end of time.
func (b *Batch) forgetDesks() error {
	waiting, err := b.Tx.TargetDesks()
	if err != nil {
		return fmt.Errorf("list desks that something waits for: %w", err)
	}
	for _, d := range waiting {
		if _, ok := b.e.dir.desks[d]; !ok {
			if _, err := b.Tx.DropTargets(d, nil); err != nil {
				return fmt.Errorf("let go of desk %s: %w", d, err)
			}
		}
		for id, l := range b.e.lines {
			_, on := l.roster.Desk(d)
			if !slices.Contains(l.gone, d) && on {
				continue
			}
			if _, err := b.Tx.DropTargets(d, &id); err != nil {
				return fmt.Errorf("let go of desk %s: %w", d, err)
			}
			if err := b.forgetOutgoing(d, &id); err != nil {
				return err
			}
		}
	}
	return b.settleMoot()
}
