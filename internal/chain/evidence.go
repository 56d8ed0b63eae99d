package chain

import (
	"fmt"
	"slices"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
)

// evidence is what, with the body, proves that a desk signed a message: clear
// header without nonce and mask, generation, inside header and signature. It
// shows nothing of any key.
func (n names) evidence(prefix, inside, signature []byte) []byte {
	return slices.Concat(prefix, n.generation[:], inside, signature)
}

// Signed is what a desk signed of a message beside its body.
type Signed struct {
	envelope.Inside
	Generation Generation
	Lane       Lane
	Sequence   uint32
}

// VerifyEvidence checks, with public values alone, that the desk with that
// message key signed body for the group. Errors wrap [ErrSignature] or
// [ErrRefused] (not the layout of evidence).
func VerifyEvidence(s Asymmetric, group ident.Group, desk ident.Desk, messageKey, evidence, body []byte) (sd Signed, err error) {
	r := octets.NewReader(evidence)
	prefix := r.Raw(envelope.PrefixSize)
	r.Into(sd.Generation[:])
	inside := r.Raw(envelope.InsideSize)
	signature := r.Raw(s.Sizes().MessageSignature)
	if err := r.Done(); err != nil {
		return Signed{}, fmt.Errorf("verify evidence: %w: %w", ErrRefused, err)
	}
	signed := slices.Concat(inside, body)
	if sd.Inside, _, _, err = envelope.ParseInside(slices.Concat(signed, signature), len(signature)); err != nil || int(sd.BodyLength) != len(body) {
		return Signed{}, fmt.Errorf("verify evidence: layout: %w", ErrRefused)
	}
	if s.VerifyMessage(messageKey, labelMessage, signature, group[:], desk[:], sd.Generation[:], prefix, signed) != nil {
		return Signed{}, fmt.Errorf("verify evidence: %w", ErrSignature)
	}
	sd.Lane, sd.Sequence = placeOf([5]byte(prefix[20:25]))
	return sd, nil
}

// EvidenceHash stands for the message of that evidence in its chain: see
// [Follow].
func EvidenceHash(s Symmetric, evidence, body []byte) [32]byte {
	r := octets.NewReader(evidence)
	r.Raw(envelope.PrefixSize + len(Generation{}))
	return insideHash(s, slices.Concat(r.Raw(envelope.InsideSize), body))
}

// RunningStart is the running hash before the first message of a chain: of a
// lane, or of the receipts to a party.
func RunningStart(s Symmetric, group ident.Group, desk ident.Desk, g Generation, lane Lane, to ident.Party) (h [32]byte) {
	purpose := []byte{byte(lane)}
	if lane == Receipts {
		purpose = to[:]
	}
	return names{group: group, desk: desk, generation: g}.start(s, purpose)
}
