package exchange

import (
	"slices"

	"hotline/internal/ident"
	"hotline/internal/roster"
)

// waitsMost is how many statements are kept, of all that the desks of one party
// brought, for a rotation that has not come.
const waitsMost = 8

// hold keeps a statement under a root that nobody here knows yet. It may be made
// up, so each party that brings such has a share of its own, and the newest takes
// the place of the oldest in it.
func (b *Batch) hold(st roster.Statement) {
	e := b.e
	by := e.dir.certs[b.from].Party // zero: a person or a file here
	kept, id := e.waiting[by], st.ID(e.cfg.Suite)
	if slices.ContainsFunc(kept, func(o roster.Statement) bool { return o.ID(e.cfg.Suite) == id }) {
		return
	}
	if len(kept) >= waitsMost {
		kept = kept[1:]
	}
	e.waiting[by] = append(slices.Clone(kept), st)
}

// waitingFor lists what waits for a rotation of its author's.
func (e *Engine) waitingFor(author ident.Party) (all []roster.Statement) {
	for _, kept := range e.waiting {
		for _, st := range kept {
			if st.Author == author {
				all = append(all, st)
			}
		}
	}
	return rotationsFirst(all)
}
