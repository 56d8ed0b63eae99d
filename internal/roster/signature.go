package roster

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// CharterSignature is a member's consent to one version of a charter. The
// first version is signed by one of its desks, so that a line can be made
// without the offline keys; every later one by two custodians, one signature
// each.
type CharterSignature struct {
	Suite     uint8
	Line      ident.Line
	Charter   ident.Line // hash of the version; of the first it is the line's id
	Party     ident.Party
	Desk      ident.Desk // that signed version 1; zero later
	Warrant   *Warrant   // of the custodian, from version 2 on
	Time      time.Time
	Signature []byte
}

func (s *CharterSignature) body(c *octets.Coder) {
	Version(c, "charter signature", &s.Suite)
	c.Array(s.Line[:], s.Charter[:], s.Party[:], s.Desk[:])
	c.Time("time of the signature", &s.Time)
}

func (s *CharterSignature) fields(c *octets.Coder) {
	s.body(c)
	// A desk signs the first version, custodians the others.
	optional(c, "warrant of the signer", &s.Warrant, s.Charter != s.Line, (*Warrant).fields)
	c.Key("signature under the charter", &s.Signature, c.Sizes.DeskSignature)
}

// SignCharter signs c for the party with a desk key, or with a custodian's
// [Keeper]. The party, the desk and the time are the caller's.
func SignCharter(v Verifier, key Signer, c Charter, s CharterSignature) (CharterSignature, error) {
	s.Suite, s.Line, s.Charter, s.Time = v.ID(), c.ID(v), c.Hash(v), wholeMilli(s.Time)
	if k, ok := key.(Keeper); ok {
		s.Warrant, s.Party = &k.Warrant, k.Warrant.Party
	}
	if _, ok := c.Member(s.Party); !ok {
		return CharterSignature{}, fmt.Errorf("sign charter: %w: party is no member", ErrForeign)
	}
	var err error
	if s.Signature, err = sign("sign charter", key, labelSignature, s.body); err != nil {
		return CharterSignature{}, err
	}
	if err := octets.Check(s.fields); err != nil {
		return CharterSignature{}, fmt.Errorf("sign charter: %w", err)
	}
	return s, nil
}

// ParseCharterSignature reads a charter signature and checks its form, not
// whether it holds; see [Set.CheckSignature].
func ParseCharterSignature(b []byte) (CharterSignature, error) {
	return parse[CharterSignature]("charter signature", b, MaxStatement)
}

// Bytes returns the one spelling of s.
func (s CharterSignature) Bytes() []byte { return octets.Encode(s.fields) }

// signer is the key that signed: the custodian's, or the desk's by its id.
func (s CharterSignature) signer() []byte {
	if s.Warrant != nil {
		return s.Warrant.Public
	}
	return s.Desk[:]
}

// CheckSignature checks a member's signature under a version of the charter.
// current says whether it counts now: a desk that was removed may have signed
// before that, but its word opens no new line.
func (s *Set) CheckSignature(c Charter, sig CharterSignature) (current bool, err error) {
	if err := s.checkSignature(c, sig); err != nil {
		return false, fmt.Errorf("check charter signature: %w", err)
	}
	return sig.Warrant != nil || s.Roster().State(sig.Desk) == StateIn, nil
}

func (s *Set) checkSignature(c Charter, sig CharterSignature) error {
	if sig.Charter != c.Hash(s.v) || sig.Line != c.ID(s.v) {
		return fmt.Errorf("%w: signature is for another charter", ErrForeign)
	}
	if _, ok := c.Member(sig.Party); !ok {
		return fmt.Errorf("%w: signer is no member", ErrForeign)
	}
	if err := octets.Check(sig.fields); err != nil {
		return err
	}
	if sig.Warrant != nil {
		if err := s.CheckWarrant(*sig.Warrant, sig.Party, Custodian); err != nil {
			return err
		}
		return verifyDesk(s.v, sig.Warrant.Public, labelSignature, sig.Suite, sig.Signature, sig.body)
	}
	cert, ok := s.Certificate(sig.Desk)
	switch {
	case !ok:
		return fmt.Errorf("%w: %v", ErrUnknownDesk, sig.Desk)
	case cert.Party != sig.Party:
		return fmt.Errorf("%w: signing desk is not the member's", ErrForeign)
	}
	return verifyDesk(s.v, cert.DeskKey, labelSignature, sig.Suite, sig.Signature, sig.body)
}

// Unsigned lists the members whose consent to a version is not there: of the
// first no current desk has signed, of a later one not two custodians. Anybody
// else's signature, and one that does not hold, counts for nothing.
func (s *Set) Unsigned(c Charter, sigs []CharterSignature) (missing []ident.Party) {
	signers := make(map[ident.Party]map[string]bool)
	for _, sig := range sigs {
		if current, err := s.CheckSignature(c, sig); err != nil || !current {
			continue
		}
		if signers[sig.Party] == nil {
			signers[sig.Party] = make(map[string]bool)
		}
		signers[sig.Party][string(sig.signer())] = true
	}
	for _, p := range c.Parties() {
		if len(signers[p]) < int(min(c.Version, 2)) {
			missing = append(missing, p)
		}
	}
	return missing
}

// compareSignatures sorts by who signed, so that a list has each once.
func compareSignatures(a, b CharterSignature) int {
	return cmp.Or(bytes.Compare(a.Charter[:], b.Charter[:]), ident.Compare(a.Party, b.Party), bytes.Compare(a.Desk[:], b.Desk[:]), bytes.Compare(a.signer(), b.signer()))
}
