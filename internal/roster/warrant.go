package roster

import (
	"fmt"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Office is who signs a statement for a party.
type Office uint8

// The offices. Their numbers are part of the format.
const (
	Root      Office = 1 // the party's root, offline: everything
	Delegate  Office = 2 // may only remove and suspend: it lies ready for 3 a.m.
	Custodian Office = 3 // two of them together activate, reopen and sign charters
)

// String returns the word that officers see, "delegate".
func (o Office) String() string {
	if names := []string{Root: "root", Delegate: "delegate", Custodian: "custodian"}; o > 0 && int(o) < len(names) {
		return names[o]
	}
	return fmt.Sprintf("Office(%d)", uint8(o))
}

// Holder is a delegate or custodian as an addition names it.
type Holder struct {
	Name string // "JPN duty manager"; a label, not an identity
	Key  ident.Key
}

// SortHolders puts holders in their one order, each once.
func SortHolders(all []Holder) []Holder {
	return octets.Sorted(all, func(a, b Holder) int { return ident.Compare(a.Key, b.Key) })
}

// Warrant is a root's certificate of an office: whoever holds this key is the
// party's delegate, or one of its custodians. What the holder signs carries
// it, so that anybody can check it without having seen it before. It counts
// until the root rotates.
type Warrant struct {
	Suite     uint8
	Party     ident.Party
	Root      ident.Key // which of the party's roots signed it
	Office    Office
	Name      string
	Public    []byte // of the form of a desk key
	Signature []byte // by the root
}

func (x *Warrant) body(c *octets.Coder) {
	Version(c, "warrant", &x.Suite)
	c.Array(x.Party[:], x.Root[:])
	c.Uint8((*uint8)(&x.Office))
	c.Must(x.Office == Delegate || x.Office == Custodian, "warrant for office %d", uint8(x.Office))
	c.Text("name of the "+x.Office.String(), &x.Name, MaxName, false)
	c.Key("key of the "+x.Office.String(), &x.Public, c.Sizes.Desk)
}

func (x *Warrant) fields(c *octets.Coder) {
	x.body(c)
	c.Key("warrant signature", &x.Signature, c.Sizes.RootSignature)
}

// NewWarrant checks w's fields and returns it signed by the party's root. A
// zero w.Party is set from the root.
func NewWarrant(v Verifier, root Signer, w Warrant) (_ Warrant, err error) {
	w.Suite, w.Root = v.ID(), RootID(v, root.Public())
	if w.Party == (ident.Party{}) {
		w.Party = PartyOf(v, root.Public())
	}
	w.Signature, err = sign("issue warrant", root, labelWarrant, w.body)
	return w, err
}

// ParseWarrant reads a warrant and checks its form, not its signature.
func ParseWarrant(b []byte) (Warrant, error) {
	return parse[Warrant]("warrant", b, MaxStatement)
}

// Bytes returns the one spelling of w.
func (x Warrant) Bytes() []byte { return octets.Encode(x.fields) }

// Holder returns how an addition names the warrant's key.
func (x Warrant) Holder(v Verifier) Holder { return Holder{x.Name, KeyID(v, x.Public)} }

// KeyID returns the id of a public key.
func KeyID(v Verifier, public []byte) ident.Key { return ident.Key(short(v.Hash(labelKey, public))) }

// Keeper is an office's key in use.
type Keeper struct {
	Signer
	Warrant Warrant
}

// Endorsement is a signature by an office: of the root without a warrant, of
// everybody else with one.
type Endorsement struct {
	Warrant   *Warrant
	Signature []byte
}

// endorsements is the signed end of a layout whose body says the office.
func endorsements(c *octets.Coder, by Office, p *[]Endorsement, n int) {
	if c.Reads() {
		*p = make([]Endorsement, n)
	}
	c.Must(len(*p) == n, "%d signatures by a %v, want %d", len(*p), by, n)
	for i := range *p {
		e := &(*p)[i]
		optional(c, "warrant of the signer", &e.Warrant, by != Root, (*Warrant).fields)
		size := c.Sizes.DeskSignature
		if by == Root {
			size = c.Sizes.RootSignature
		}
		c.Key("signature", &e.Signature, size)
	}
}

// CommittedRoot is a root key that committed to its successor: its public form
// is the key and the commitment, and only that successor can take its place.
type CommittedRoot struct {
	Signer
	Next [commitmentSize]byte // [Commitment] of the successor
}

// Public returns the public key with the commitment behind it.
func (r CommittedRoot) Public() []byte { return append(r.Signer.Public(), r.Next[:]...) }

// Commitment returns what a root says about its successor before it is known:
// the hash of the successor's public key.
func Commitment(v Verifier, successor []byte) [commitmentSize]byte {
	return v.Hash(labelSuccessor, publicOf(v, successor))
}

// publicOf returns the public key of a root without the commitment.
func publicOf(v Verifier, root []byte) []byte { return root[:min(len(root), suites[v.ID()].Root)] }

// Commits reports whether a root has named its successor.
func Commits(v Verifier, root []byte) bool { return len(root) > len(publicOf(v, root)) }

// RootID names a root's key, whatever it committed to.
func RootID(v Verifier, root []byte) ident.Key { return KeyID(v, publicOf(v, root)) }

// verifyRoot checks a root's signature over a body.
func verifyRoot(v Verifier, root []byte, label string, suite uint8, signature []byte, body fields) error {
	return verified(v, suite, body, func(b []byte) error { return v.VerifyRoot(publicOf(v, root), label, signature, b) })
}

// verifyDesk checks a signature by a desk key, or a key of that form.
func verifyDesk(v Verifier, public []byte, label string, suite uint8, signature []byte, body fields) error {
	return verified(v, suite, body, func(b []byte) error { return v.VerifyDesk(public, label, signature, b) })
}

// verified also holds the bounds of what is signed, and that it is of the suite
// that its line has: nothing of another suite counts for it.
func verified(v Verifier, suite uint8, body fields, verify func(b []byte) error) error {
	if err := octets.Check(body); err != nil {
		return err
	}
	if suite != v.ID() {
		return fmt.Errorf("%w: suite %d on a line of suite %d", ErrForeign, suite, v.ID())
	}
	if err := verify(octets.Encode(body)); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}
