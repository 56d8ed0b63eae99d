package exchange

import (
	"hotline/internal/chain"
	"hotline/internal/ident"
)

// Hear gives the batch what a desk of a line said in its chain to all parties.
func (b *Batch) Hear(line ident.Line, o chain.Opened) error {
	l := b.e.lines[line]
	o.Group = l.whole
	return b.take(l, l.parties, o, nil)
}

// HearControl gives the batch what a paired desk said outside of any chain.
func (b *Batch) HearControl(c chain.Control) error { return b.takeControl(c) }
