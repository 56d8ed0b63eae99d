package roster

import (
	"hotline/internal/octets"
)

// maxSignatures is several desks or custodians of each member.
const maxSignatures = 16 * MaxMembers

// Offer is a version of a charter with the signatures that it has so far: what
// a party that proposes it sends to the others, and what they send back.
type Offer struct {
	Charter    Charter
	Signatures []CharterSignature
}

// Fields is an offer within a file.
func (x *Offer) Fields(c *octets.Coder) {
	nested(c, "charter", &x.Charter, MaxCharter, (*Charter).fields)
	octets.List(c, "charter signatures", &x.Signatures, 0, maxSignatures, compareSignatures, func(s *CharterSignature) { s.fields(c) })
}

func (x *Offer) fields(c *octets.Coder) { c.Magic(magicOffer); x.Fields(c) }

// ParseOffer reads an offer. The charter is checked whole, the signatures only
// in form: see [Set.CheckSignature].
func ParseOffer(v Verifier, b []byte) (o Offer, err error) {
	if err = octets.Parse("line offer", b, MaxFile, o.fields); err == nil {
		err = o.Charter.Check(v)
	}
	return o, err
}

// Bytes returns the file form of o, with its list in its one order.
func (x Offer) Bytes() []byte {
	x = x.InOrder()
	return octets.Encode(x.fields)
}

// InOrder returns o with its signatures in their one order, each once.
func (x Offer) InOrder() Offer {
	return Offer{x.Charter, octets.Sorted(x.Signatures, compareSignatures)}
}
