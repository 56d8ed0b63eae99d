package roster

import (
	"bytes"
	"cmp"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Head says what a set holds of one signer and scope: everything up to Number,
// and the hash of exactly that. Desks whose digests differ send each other
// their heads, and then what the other lacks. A head without an author is a
// charter version: Signer is its hash, Number its version.
type Head struct {
	Author ident.Party
	Signer ident.Key
	Line   ident.Line // scope: zero for all lines
	Number uint64     // every number from 1 to this one is held
	Digest [32]byte   // over the ids of those statements
}

// Heads lists the set's heads, by author, signer and scope.
func (s *Set) Heads() []Head {
	var out []Head
	for at := range s.bySlot {
		if at.number == 1 {
			out = append(out, s.head(at.scope, MaxNumber))
		}
	}
	for _, hash := range s.terms.chain {
		out = append(out, Head{Signer: ident.Key(hash), Line: s.line, Number: s.terms.offers[hash].Charter.Version})
	}
	slices.SortFunc(out, compareHeads)
	return out[:min(len(out), MaxHeads)]
}

// head computes the head of one scope, up to the given number at most.
func (s *Set) head(of scope, most uint64) Head {
	h := Head{Author: of.author, Signer: of.signer, Line: of.line}
	var ids []ident.Statement
	for h.Number < most {
		at, ok := s.bySlot[slot{of, h.Number + 1}]
		if !ok {
			break
		}
		ids = append(ids, at...)
		h.Number++
	}
	h.Digest = digestOf(s.v, of.line, ids)
	return h
}

// Missing lists what a set with the given heads seems to lack: statements by
// author and number, and the charter versions that count. A set that holds
// something else under the same numbers is sent all of that scope, so that both
// sides see the evidence.
func (s *Set) Missing(heads []Head) (statements []Statement, versions []Offer) {
	from, held := make(map[scope]uint64), make(map[ident.Key]bool)
	for _, h := range heads {
		of := scope{h.Author, h.Signer, h.Line}
		if h.Author == (ident.Party{}) {
			held[h.Signer] = true
		} else if mine := s.head(of, h.Number); mine.Number < h.Number || mine.Digest == h.Digest {
			from[of] = h.Number
		}
	}
	statements = slices.DeleteFunc(s.Statements(), func(st Statement) bool {
		return st.Number <= from[scope{st.Author, st.Signer, st.Line}]
	})
	for _, hash := range s.terms.chain {
		if !held[ident.Key(hash)] {
			versions = append(versions, s.terms.offers[hash])
		}
	}
	return statements, versions
}

// heads is a list of heads in a layout.
func heads(c *octets.Coder, p *[]Head) {
	octets.List(c, "heads", p, 0, MaxHeads, compareHeads, func(h *Head) {
		c.Array(h.Author[:], h.Signer[:], h.Line[:])
		c.Number("head number", &h.Number, MaxNumber)
		c.Array(h.Digest[:])
	})
}

func headsFields(p *[]Head) fields { return func(c *octets.Coder) { c.Magic(magicHeads); heads(c, p) } }

// MarshalHeads returns the one spelling of heads.
func MarshalHeads(heads []Head) []byte { return octets.Encode(headsFields(&heads)) }

// ParseHeads reads what [MarshalHeads] wrote. They are a peer's word: all they
// can do is make this desk send statements that the peer may read anyway.
func ParseHeads(b []byte) (heads []Head, err error) {
	err = octets.Parse("heads", b, MaxFile, headsFields(&heads))
	return heads, err
}

func compareHeads(a, b Head) int {
	return cmp.Or(ident.Compare(a.Author, b.Author), ident.Compare(a.Signer, b.Signer), bytes.Compare(a.Line[:], b.Line[:]))
}
