package custody

import (
	"errors"
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// Authority is a party's root in use, and what belongs to it.
type Authority struct {
	suite.RootKey
	// Next is the successor that it committed to, [roster.Commitment]. Zero:
	// none; only a new ceremony changes this root.
	Next [48]byte
	// Party is whose root it is: after a rotation the hash of an earlier one.
	Party ident.Party
}

// Public returns the public key, and the commitment behind it where there is one.
func (a Authority) Public() []byte {
	if a.Next == ([48]byte{}) {
		return a.RootKey.Public()
	}
	return roster.CommittedRoot{Signer: a.RootKey, Next: a.Next}.Public()
}

// Found draws a party's first root and the successor to which it commits. The
// successor has none yet: it commits when it takes its place.
func Found(s suite.Suite) (root, successor Authority) {
	root, successor = Authority{RootKey: s.NewRootKey()}, Authority{RootKey: s.NewRootKey()}
	root.Next = roster.Commitment(s, successor.Public())
	root.Party = roster.PartyOf(s, root.Public())
	successor.Party = root.Party
	return root, successor
}

// Succeed readies a successor to take the root's place: it commits to one of
// its own, which is drawn here.
func (a Authority) Succeed() (root, successor Authority) {
	s := a.Suite()
	root, successor = a, Authority{RootKey: s.NewRootKey(), Party: a.Party}
	root.Next = roster.Commitment(s, successor.Public())
	return root, successor
}

// bytes is what a root's file holds: the suite's number, the party, the
// commitment and the seed.
func (a Authority) bytes() []byte {
	seed := a.Seed()
	defer clear(seed)
	out := append([]byte{a.Suite().ID()}, a.Party[:]...)
	return append(append(out, a.Next[:]...), seed...)
}

func parseAuthority(b []byte) (a Authority, err error) {
	if len(b) < 1+len(a.Party)+len(a.Next) {
		return a, errors.New("read root: too short")
	}
	s, err := suite.ByID(b[0])
	if err != nil {
		return a, fmt.Errorf("read root: %w", err)
	}
	b = b[1+copy(a.Party[:], b[1:]):]
	if a.RootKey, err = s.RootKeyFromSeed(b[copy(a.Next[:], b):]); err != nil {
		return a, fmt.Errorf("read root: %w", err)
	}
	return a, nil
}
