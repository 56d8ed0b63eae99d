package exchange

import (
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// keepReceipt keeps what a desk signed in a chain of receipts: a ladder shows
// what it meant, a record has to show what was signed. All of a chain is kept,
// also what changes nothing here, or nobody could show that a receipt is not
// there.
func (b *Batch) keepReceipt(l ident.Line, group ident.Group, desk ident.Desk, to ident.Party, kind envelope.Kind, sequence uint32, evidence, body []byte) error {
	r := store.Receipt{
		Line: l, Group: group, Desk: desk, Party: to, Generation: generationOf(evidence), Sequence: sequence, Evidence: evidence, Body: body,
	}
	written := false
	if read, err := wire.ParseReceipt(body); err == nil && kind == envelope.Receipt {
		r.Message, written = read.Message, read.Text != ""
	}
	if err := b.Tx.PutReceipt(r); err != nil || !written {
		return err
	}
	return b.Tx.KeepAnew(r.Message, b.Steady)
}

// generationOf is the generation that evidence is of: it follows what is signed
// of the clear header.
func generationOf(evidence []byte) (g [16]byte) {
	if len(evidence) >= envelope.PrefixSize+len(g) {
		copy(g[:], evidence[envelope.PrefixSize:])
	}
	return g
}
