package exchange

import (
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// keepReceipt keeps a receipt as its desk signed it: a ladder shows what it
// meant, a record has to show what was signed. All of a chain are kept, also
// those that change nothing here, or nobody could show that one is not there.
func (b *Batch) keepReceipt(l ident.Line, group ident.Group, desk ident.Desk, to ident.Party, sequence uint32, evidence, body []byte) error {
	r := store.Receipt{
		Line: l, Group: group, Desk: desk, Party: to, Generation: generationOf(evidence), Sequence: sequence, Evidence: evidence, Body: body,
	}
	if read, err := wire.ParseReceipt(body); err == nil {
		r.Message = read.Message
	}
	return b.Tx.PutReceipt(r)
}

// keepSlice keeps the signed part of a slice: with a second one for the same
// generation and another key it convicts its sender.
func (b *Batch) keepSlice(facts chain.Slice) error {
	return b.Tx.PutSliceProof(facts.Sender, facts.Group, facts.Generation, facts.Proof)
}

// generationOf is the generation that evidence is of: it follows what is signed
// of the clear header.
func generationOf(evidence []byte) (g [16]byte) {
	if len(evidence) >= envelope.PrefixSize+len(g) {
		copy(g[:], evidence[envelope.PrefixSize:])
	}
	return g
}
