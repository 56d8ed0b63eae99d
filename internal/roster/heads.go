package roster

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Head says what a set holds of one author and scope: everything up to Number,
// and the hash of exactly that. Desks whose digests differ send each other
// their heads, and then what the other lacks.
type Head struct {
	Author ident.Party
	Line   ident.Line // scope: zero for all lines
	Number uint64     // every number from 1 to this one is held
	Digest [32]byte   // over the ids of those statements
}

// Heads lists the set's heads, by author and scope.
func (s *Set) Heads() []Head {
	var out []Head
	for at := range s.bySlot {
		if !slices.ContainsFunc(out, func(h Head) bool { return h.Author == at.author && h.Line == at.line }) {
			out = append(out, s.head(at.scope, MaxNumber))
		}
	}
	slices.SortFunc(out, compareHeads)
	return out
}

// head computes the head of one scope, up to the given number at most.
func (s *Set) head(of scope, most uint64) Head {
	h := Head{Author: of.author, Line: of.line}
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

// Missing lists what a set with the given heads seems to lack: removals first,
// then by author and number. A set that holds something else under the same
// numbers is sent all of that scope, so that both sides see the evidence.
func (s *Set) Missing(heads []Head) []Statement {
	theirs := make(map[scope]Head, len(heads))
	for _, h := range heads {
		theirs[scope{h.Author, h.Line}] = h
	}
	from := make(map[scope]uint64)
	for of, h := range theirs {
		mine := s.head(of, h.Number)
		if mine.Number < h.Number || mine.Digest == h.Digest {
			from[of] = h.Number
		}
	}
	out := slices.DeleteFunc(s.Statements(), func(st Statement) bool {
		return st.Number <= from[scope{st.Author, st.Line}]
	})
	slices.SortStableFunc(out, func(a, b Statement) int {
		return -cmp.Compare(a.Type, b.Type) // RemoveDesk is above AddDesk
	})
	return out
}

// MarshalHeads returns the one spelling of heads.
func MarshalHeads(heads []Head) []byte {
	var w octets.Writer
	w.Raw([]byte(magicHeads))
	w.Uint8(uint8(len(heads)))
	for _, h := range heads {
		w.Raw(h.Author[:])
		w.Raw(h.Line[:])
		w.Uint64(h.Number)
		w.Raw(h.Digest[:])
	}
	return w.Bytes()
}

// ParseHeads reads what [MarshalHeads] wrote. They are a peer's word: all they
// can do is make this desk send statements that the peer may read anyway.
func ParseHeads(b []byte) ([]Head, error) {
	r := octets.NewReader(b)
	readMagic(r, magicHeads)
	var out []Head
	for n := readCount(r, "heads", 2*MaxMembers); n > 0 && r.Err() == nil; n-- {
		var h Head
		r.Into(h.Author[:])
		r.Into(h.Line[:])
		h.Number = r.Uint64()
		r.Into(h.Digest[:])
		if r.Err() == nil && h.Number > MaxNumber {
			r.Fail(fmt.Errorf("%w: head number %d", ErrMalformed, h.Number))
		}
		if len(out) > 0 && r.Err() == nil && compareHeads(out[len(out)-1], h) >= 0 {
			r.Fail(fmt.Errorf("%w: heads are not in order", ErrMalformed))
		}
		out = append(out, h)
	}
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("parse heads: %w", malformed(err))
	}
	return out, nil
}

func compareHeads(a, b Head) int {
	return cmp.Or(compareParties(a.Author, b.Author), bytes.Compare(a.Line[:], b.Line[:]))
}
