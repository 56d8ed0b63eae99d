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

// Portions returns o as several offers of the same version, each with some of
// the signatures and, where that can be, no longer than limit.
func (x Offer) Portions(limit int) (out []Offer) {
	for part := (Offer{Charter: x.Charter}); ; {
		n := len(part.Signatures)
		if n == len(x.Signatures) {
			return append(out, part)
		}
		next := Offer{x.Charter, x.Signatures[:n+1]}
		if n > 0 && len(next.Bytes()) > limit {
			out, x.Signatures, next = append(out, part), x.Signatures[n:], Offer{Charter: x.Charter}
		}
		part = next
	}
}
