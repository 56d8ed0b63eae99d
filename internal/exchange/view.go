package exchange

import (
	"context"
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// View is what the engine knows of parties and lines at one moment. It never
// changes; a newer one takes its place.
type View struct {
	Lines  []LineView // by name
	Names  map[ident.Party]string
	IDs    map[string]ident.Party
	Desks  map[ident.Desk]string // own names, of removed desks too
	Owners map[ident.Desk]ident.Party
	// Removed holds the desks that were removed from all lines of their party.
	Removed map[ident.Desk]bool
}

// LineView is one line of a [View].
type LineView struct {
	store.Line
	Charter roster.Charter
	Parties []ident.Party
	Desks   map[ident.Party][]roster.Entry // on the line, and not left
	Rule    marking.Rule
	Signed  []ident.Party
}

// Line returns the line with that id.
func (v *View) Line(id ident.Line) (LineView, bool) {
	for _, l := range v.Lines {
		if l.ID == id {
			return l, true
		}
	}
	return LineView{}, false
}

// Name is our name for a party, or its id.
func (v *View) Name(p ident.Party) string {
	if n, ok := v.Names[p]; ok {
		return n
	}
	return p.String()
}

// Desk is a desk's own name, or its id.
func (v *View) Desk(d ident.Desk) string {
	if n, ok := v.Desks[d]; ok {
		return n
	}
	return d.String()
}

// View returns the newest view.
func (e *Engine) View() *View { return e.view.Load() }

// publish makes the engine's lines and parties visible to others.
func (e *Engine) publish() {
	v := &View{Names: e.dir.names, IDs: e.dir.ids, Desks: map[ident.Desk]string{}, Owners: map[ident.Desk]ident.Party{}, Removed: map[ident.Desk]bool{}}
	for id, c := range e.dir.certs {
		v.Desks[id], v.Owners[id] = c.Name, c.Party
		if _, gone := e.removed(id); gone {
			v.Removed[id] = true
		}
	}
	for _, l := range e.lines {
		lv := LineView{Line: l.Line, Charter: l.charter, Parties: l.parties, Desks: map[ident.Party][]roster.Entry{}, Rule: l.rule, Signed: l.signed}
		for _, p := range l.parties {
			lv.Desks[p] = l.desksOf(p)
		}
		v.Lines = append(v.Lines, lv)
	}
	sortLines(v.Lines)
	e.view.Store(v)
}

// KeyHolders returns how many of the other desks of a line are known to hold
// this desk's present sending key, and how many there are.
func (e *Engine) KeyHolders(ctx context.Context, id ident.Line) (held, of int, err error) {
	err = e.do(ctx, func(b *Batch) error {
		l := e.lines[id]
		if l == nil {
			return nil
		}
		of = len(l.readers(e.cfg.Self.Desk, l.parties))
		s := e.senders[l.whole]
		if s == nil {
			return nil
		}
		unheld, _, err := b.Tx.SlicesPending(s.Tag(), 0)
		if err != nil {
			return fmt.Errorf("count slices: %w", err)
		}
		held = max(of-unheld, 0)
		return nil
	})
	return held, of, err
}
