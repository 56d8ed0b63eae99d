package roster

import (
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Certificate says that a desk belongs to a party: its keys and its validity,
// signed by the party's root. The zero value is not valid.
//
// Times are kept in whole milliseconds, UTC.
type Certificate struct {
	Suite      uint8
	Party      ident.Party
	Name       string // the desk's own name, "JPN-1"; a label, not an identity
	Role       string // whom the desk speaks for, "watch officer"
	MessageKey []byte // verifies single messages and slices
	DeskKey    []byte // verifies what lives long
	ControlKey []byte // trust between desks is sealed to it, never slices
	NotBefore  time.Time
	NotAfter   time.Time
	Signature  []byte // by the party's root
}

func (x *Certificate) body(c *octets.Coder) {
	Version(c, "certificate", &x.Suite)
	c.Array(x.Party[:])
	c.Text("desk name", &x.Name, MaxName, false)
	c.Text("desk role", &x.Role, MaxName, false)
	c.Key("message key", &x.MessageKey, c.Sizes.Message)
	c.Key("desk key", &x.DeskKey, c.Sizes.Desk)
	c.Key("control key", &x.ControlKey, c.Sizes.Seal)
	c.Time("start of validity", &x.NotBefore)
	c.Time("end of validity", &x.NotAfter)
	c.Must(x.NotBefore.Before(x.NotAfter), "validity ends before it begins")
}

func (x *Certificate) fields(c *octets.Coder) {
	x.body(c)
	c.Key("certificate signature", &x.Signature, c.Sizes.RootSignature)
}

// NewCertificate checks c's fields and returns it signed by the party's root.
// A zero c.Party is set from the root, which is right until the root rotates.
func NewCertificate(v Verifier, root Signer, c Certificate) (_ Certificate, err error) {
	c.Suite = v.ID()
	if c.Party == (ident.Party{}) {
		c.Party = PartyOf(v, root.Public())
	}
	c.NotBefore, c.NotAfter = wholeMilli(c.NotBefore), wholeMilli(c.NotAfter)
	c.Signature, err = sign("issue certificate", root, labelCertificate, c.body)
	return c, err
}

// ParseCertificate reads a certificate and checks its form, not its signature.
func ParseCertificate(b []byte) (Certificate, error) {
	return parse[Certificate]("certificate", b, MaxStatement)
}

// Bytes returns the one spelling of c.
func (x Certificate) Bytes() []byte { return octets.Encode(x.fields) }

// Fingerprint is the hash of c without its signature. A removal carries it, so
// that anybody can check whose desk is removed without holding c.
func (x Certificate) Fingerprint(v Verifier) [48]byte {
	return v.Hash(labelCertificate, octets.Encode(x.body))
}

// ID returns the id of the desk that c is about.
func (x Certificate) ID(v Verifier) ident.Desk { return DeskID(v, x.Party, x.Fingerprint(v)) }

// DeskID returns the id of the party's desk with that certificate
// fingerprint. The party is in the hash: another party's removal can never
// name this desk, whoever has seen its certificate.
func DeskID(v Verifier, party ident.Party, fingerprint [48]byte) ident.Desk {
	return ident.Desk(short(v.Hash(labelDesk, party[:], fingerprint[:])))
}

// ValidAt reports whether t is within c's validity, give or take skew.
func (x Certificate) ValidAt(t time.Time, skew time.Duration) bool {
	return !t.Before(x.NotBefore.Add(-skew)) && !t.After(x.NotAfter.Add(skew))
}
