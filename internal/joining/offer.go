package joining

import "hotline/internal/roster"

// Portions returns an offer as several offers of the same version, each with some of
// the signatures and, where that can be, no longer than limit.
func Portions(x roster.Offer, limit int) (out []roster.Offer) {
	for part := (roster.Offer{Charter: x.Charter}); ; {
		n := len(part.Signatures)
		if n == len(x.Signatures) {
			return append(out, part)
		}
		next := roster.Offer{Charter: x.Charter, Signatures: x.Signatures[:n+1]}
		if n > 0 && len(next.Bytes()) > limit {
			out, x.Signatures, next = append(out, part), x.Signatures[n:], roster.Offer{Charter: x.Charter}
		}
		part = next
	}
}
