package exchange

import (
	"context"
	"fmt"
	"slices"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// DeskFacts is what one desk of a line has shown, or not.
type DeskFacts struct {
	roster.Entry
	State string // in, suspended, dormant, removed, left
	// Key: "yes" when the desk has shown that it holds our present sending key,
	// "sent" when a relay has its slice, else "no".
	Key    string
	Roster string // same, behind, ahead, unknown
	Heard  time.Time
	Seal   roster.Announcement
	Amber  bool // its seal key is older than two periods
}

// LineFacts is who is on a line, by which statements.
type LineFacts struct {
	LineView
	Desks      []DeskFacts
	Statements []roster.Statement
}

// Facts returns what is known of the desks of a line.
func (e *Engine) Facts(ctx context.Context, id ident.Line) (f LineFacts, err error) {
	err = e.do(ctx, func(b *Batch) error {
		l := e.lines[id]
		if l == nil {
			return fault.New(fault.NotFound, "This desk has no such line.")
		}
		f.LineView, _ = e.View().Line(id)
		f.Statements = l.set.Statements()
		f.Desks, err = b.deskFacts(l)
		return err
	})
	return f, err
}

func (b *Batch) deskFacts(l *line) ([]DeskFacts, error) {
	e := b.e
	heard, err := b.Tx.HeardFrom(l.ID)
	if err != nil {
		return nil, fmt.Errorf("read traffic: %w", err)
	}
	shown, err := b.Tx.Shown(l.ID)
	if err != nil {
		return nil, fmt.Errorf("read digests: %w", err)
	}
	var unproven map[ident.Desk]bool
	s := e.senders[l.whole]
	if s != nil {
		if unproven, err = b.Tx.Unproven(s.Tag()); err != nil {
			return nil, fmt.Errorf("list desks without key: %w", err)
		}
	}
	var all []DeskFacts
	for _, d := range l.roster.DesksOf(l.parties...) {
		f := DeskFacts{Entry: d, State: "in", Key: "yes", Heard: heard[d.Desk], Seal: e.dir.seal[d.Desk]}
		if _, suspended := l.suspended[d.Party]; suspended {
			f.State = "suspended"
		}
		if slices.Contains(l.gone, d.Desk) {
			f.State = "left"
		}
		if sent, waits := unproven[d.Desk]; s == nil || waits && !sent {
			f.Key = "no"
		} else if waits {
			f.Key = "sent"
		}
		f.Amber = b.Now.Sub(f.Seal.Time) > 2*l.charter.SealKeyPeriod
		if f.Roster, err = b.compared(l, d.Desk, shown); err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	for _, d := range l.roster.Dormant() {
		all = append(all, DeskFacts{Entry: d, State: "dormant", Key: "no", Roster: "unknown"})
	}
	for id, cert := range e.dir.certs {
		if r, gone := l.roster.Removed(id); gone {
			all = append(all, DeskFacts{
				Entry: roster.Entry{Desk: id, Party: cert.Party, Addition: roster.Addition{Certificate: cert}, Statement: r.Statement},
				State: "removed", Key: "no", Roster: "unknown", Heard: heard[id],
			})
		}
	}
	return all, nil
}

// compared says how the statements that a desk last showed stand to ours.
func (b *Batch) compared(l *line, d ident.Desk, shown map[ident.Desk][32]byte) (string, error) {
	digest, ok := shown[d]
	switch {
	case d == b.e.cfg.Self.Desk || ok && digest == l.digest:
		return "same", nil
	case !ok:
		return "unknown", nil
	}
	before, err := b.Tx.HeldDigest(l.ID, digest)
	if err != nil {
		return "", fmt.Errorf("look for digest: %w", err)
	}
	if before {
		return "behind", nil
	}
	return "ahead", nil
}

// noteDigests remembers which statements we held.
func (e *Engine) noteDigests(tx *store.Tx) error {
	for _, l := range e.lines {
		if err := tx.PutHeldDigest(l.ID, l.digest); err != nil {
			return fmt.Errorf("note digest: %w", err)
		}
	}
	return nil
}
