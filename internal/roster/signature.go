package roster

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// CharterSignature is a member's consent to a charter, given by one of its
// desks. A line is open when every member has given it.
type CharterSignature struct {
	Line      ident.Line // hash of the charter
	Party     ident.Party
	Desk      ident.Desk
	Time      time.Time
	Signature []byte // by the desk key
}

// SignCharter signs c for the party with a desk key. s.Party, s.Desk and
// s.Time are the caller's; s.Line is set from c.
func SignCharter(v Verifier, desk Signer, c Charter, s CharterSignature) (CharterSignature, error) {
	s.Line = c.ID(v)
	s.Time = wholeMilli(s.Time)
	if _, ok := c.Member(s.Party); !ok {
		return CharterSignature{}, fmt.Errorf("sign charter: %w: party is no member", ErrForeign)
	}
	if err := checkTime("time of the signature", s.Time); err != nil {
		return CharterSignature{}, fmt.Errorf("sign charter: %w", err)
	}
	s.Signature = desk.Sign(labelSignature, s.body())
	return s, nil
}

// ParseCharterSignature reads a charter signature and checks its form, not
// whether it holds; see [Set.CheckSignature].
func ParseCharterSignature(b []byte) (CharterSignature, error) {
	r := octets.NewReader(bytes.Clone(b))
	s := readCharterSignature(r)
	if err := r.Done(); err != nil {
		return CharterSignature{}, fmt.Errorf("parse charter signature: %w", malformed(err))
	}
	return s, nil
}

func readCharterSignature(r *octets.Reader) (s CharterSignature) {
	readVersion(r, "charter signature", signatureVersion)
	r.Into(s.Line[:])
	r.Into(s.Party[:])
	r.Into(s.Desk[:])
	s.Time = readTime(r)
	s.Signature = r.Raw(DeskSignatureSize)
	return s
}

// Bytes returns the one spelling of s.
func (s CharterSignature) Bytes() []byte {
	var w octets.Writer
	w.Raw(s.body())
	w.Raw(s.Signature)
	return w.Bytes()
}

// body is what the desk signs. The charter stands in it as the line's id.
func (s CharterSignature) body() []byte {
	var w octets.Writer
	writeVersion(&w, signatureVersion)
	w.Raw(s.Line[:])
	w.Raw(s.Party[:])
	w.Raw(s.Desk[:])
	writeTime(&w, s.Time)
	return w.Bytes()
}

// verify checks s against the charter and the certificate of the signing desk.
func (s CharterSignature) verify(v Verifier, c Charter, cert Certificate) error {
	if s.Line != c.ID(v) {
		return fmt.Errorf("%w: signature is for another charter", ErrForeign)
	}
	if _, ok := c.Member(s.Party); !ok || cert.Party != s.Party || cert.ID(v) != s.Desk {
		return fmt.Errorf("%w: signing desk is not the member's", ErrForeign)
	}
	if err := checkSize("charter signature", s.Signature, DeskSignatureSize); err != nil {
		return err
	}
	if err := v.VerifyDesk(cert.DeskKey, labelSignature, s.Signature, s.body()); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// CheckSignature checks a member's signature under the charter. current says
// whether the signing desk is on the roster now: a desk that was removed may
// have signed before that, but its word opens no new line.
func (s *Set) CheckSignature(c Charter, sig CharterSignature) (current bool, err error) {
	cert, ok := s.Certificate(sig.Desk)
	if !ok {
		return false, fmt.Errorf("check charter signature: %w: %v", ErrUnknownDesk, sig.Desk)
	}
	if err := sig.verify(s.v, c, cert); err != nil {
		return false, fmt.Errorf("check charter signature: %w", err)
	}
	_, current = s.Roster().Desk(sig.Desk)
	return current, nil
}

// Unsigned lists the members of whom no current desk has signed the charter.
// The line is open when there is none.
func (s *Set) Unsigned(c Charter, sigs []CharterSignature) []ident.Party {
	missing := c.Parties()
	for _, sig := range sigs {
		if current, err := s.CheckSignature(c, sig); err == nil && current {
			missing = slices.DeleteFunc(missing, func(p ident.Party) bool { return p == sig.Party })
		}
	}
	return missing
}
