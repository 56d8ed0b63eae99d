package exchange

import (
	"errors"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// maxGuess bounds of how many parties each combination is tried for a group that
// nothing else names: with the sender's and ours in it, 256 hashes a line.
const maxGuess = 10

// few reports whether all audiences of a line can be tried.
func (l *line) few() bool { return len(l.parties) <= maxGuess }

// audienceOf finds the line of a group, and whom of it the group is of. only is
// the line, where it is known. A group is a hash, and what is no message has no
// label that says its audience: it is known from the charter, from what this
// desk sends there, by trying, or on a long line from the sender's newest message
// there. Nil: of no open line.
func (b *Batch) audienceOf(group ident.Group, sender ident.Desk, only ident.Line) (*line, []ident.Party, error) {
	for _, source := range []func(*line, ident.Group, ident.Desk) ([][]ident.Party, error){b.charterSays, b.combinations, b.messageSays} {
		for _, l := range b.e.lines {
			if l.State != "open" || only != (ident.Line{}) && only != l.ID {
				continue
			}
			if l.whole == group {
				return l, l.parties, nil
			}
			audiences, err := source(l, group, sender)
			if err != nil {
				return nil, nil, err
			}
			for _, parties := range audiences {
				if roster.GroupID(b.e.cfg.Suite, l.ID, parties) == group {
					return l, parties, nil
				}
			}
		}
	}
	return nil, nil, nil
}

// charterSays lists the members of other versions of a charter, and to whom this
// desk sends under a group.
func (b *Batch) charterSays(l *line, group ident.Group, _ ident.Desk) ([][]ident.Party, error) {
	if s := b.e.senders[group]; s != nil && s.line == l.ID {
		return [][]ident.Party{s.parties}, nil
	}
	return l.earlier, nil
}

// messageSays is the audience of the newest message of a desk in a group.
func (b *Batch) messageSays(l *line, group ident.Group, sender ident.Desk) ([][]ident.Party, error) {
	if l.few() {
		return nil, nil // all were tried
	}
	id, err := b.Tx.LastFrom(sender, group)
	if errors.Is(err, store.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a message of a group: %w", err)
	}
	m, err := b.Tx.Message(id)
	if err != nil {
		return nil, fmt.Errorf("read message %s: %w", id, err)
	}
	body, err := wire.ParseMessage(m.Body)
	if err != nil {
		return nil, nil //nolint:nilerr // its text may be gone: it says nothing, and the rest is tried
	}
	return [][]ident.Party{l.coveredBy(body.Label)}, nil
}

// combinations lists all audiences on a line that hold a desk's party and ours,
// when they are few.
func (b *Batch) combinations(l *line, _ ident.Group, sender ident.Desk) (all [][]ident.Party, _ error) {
	both := slices.Compact([]ident.Party{b.e.cfg.Self.Party, b.e.dir.certs[sender].Party})
	others := slices.DeleteFunc(slices.Clone(l.parties), func(p ident.Party) bool { return slices.Contains(both, p) })
	if len(others)+len(both) != len(l.parties) || !l.few() {
		return nil, nil // one of the two is no member; or too many
	}
	for mask := range 1 << len(others) {
		parties := slices.Clone(both)
		for i, p := range others {
			if mask>>i&1 == 1 {
				parties = append(parties, p)
			}
		}
		all = append(all, parties)
	}
	return all, nil
}

// coveredBy lists the members of a line that a label allows.
func (l *line) coveredBy(label wire.Label) []ident.Party {
	return slices.DeleteFunc(slices.Clone(l.parties), func(p ident.Party) bool { return !label.Covers([]ident.Party{p}) })
}
