package chain

import (
	"fmt"
	"slices"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
)

// evidence is what, with the body, proves that a desk signed a message: clear
// header, generation, inside header and signature. It shows nothing of any key.
func (n names) evidence(header, inside, signature []byte) []byte {
	return slices.Concat(header, n.generation[:], inside, signature)
}

// VerifyEvidence checks, with public values alone, that the desk with that
// message key signed body for the group. Errors wrap [ErrSignature] or
// [ErrRefused] (not the layout of evidence).
func VerifyEvidence(s Asymmetric, group ident.Group, desk ident.Desk, messageKey, evidence, body []byte) (envelope.Inside, error) {
	r := octets.NewReader(evidence)
	header := r.Raw(envelope.HeaderSize)
	generation := r.Raw(16)
	inside := r.Raw(envelope.InsideSize)
	signature := r.Raw(s.Sizes().MessageSignature)
	if err := r.Done(); err != nil {
		return envelope.Inside{}, fmt.Errorf("verify evidence: %w: %w", ErrRefused, err)
	}
	signed := slices.Concat(inside, body)
	in, _, _, err := envelope.ParseInside(slices.Concat(signed, signature), len(signature))
	if err != nil || int(in.BodyLength) != len(body) {
		return envelope.Inside{}, fmt.Errorf("verify evidence: layout: %w", ErrRefused)
	}
	if s.VerifyMessage(messageKey, labelMessage, signature, group[:], desk[:], generation, header, signed) != nil {
		return envelope.Inside{}, fmt.Errorf("verify evidence: %w", ErrSignature)
	}
	return in, nil
}
