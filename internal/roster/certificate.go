package roster

import (
	"bytes"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Certificate says that a desk belongs to a party: its keys and its validity,
// signed by the party's root. The zero value is not valid.
//
// Times are kept in whole milliseconds, UTC.
type Certificate struct {
	Party      ident.Party
	Name       string // the desk's own name, "JPN-1"; a label, not an identity
	Role       string // whom the desk speaks for, "watch officer"
	MessageKey []byte // Ed25519: verifies single messages and slices
	DeskKey    []byte // Ed25519 and ML-DSA-65: verifies what lives long
	ControlKey []byte // X-Wing: trust between desks is sealed to it, never slices
	NotBefore  time.Time
	NotAfter   time.Time
	Signature  []byte // by the party's root
}

// NewCertificate checks c's fields and returns it signed by the party's root.
// c.Party is set from the root's public key.
func NewCertificate(v Verifier, root Signer, c Certificate) (Certificate, error) {
	c.Party = PartyOf(v, root.Public())
	c.NotBefore, c.NotAfter = wholeMilli(c.NotBefore), wholeMilli(c.NotAfter)
	if err := c.check(); err != nil {
		return Certificate{}, fmt.Errorf("issue certificate: %w", err)
	}
	c.Signature = root.Sign(labelCertificate, c.body())
	return c, nil
}

// ParseCertificate reads a certificate and checks its form, not its signature.
func ParseCertificate(b []byte) (Certificate, error) {
	r := octets.NewReader(bytes.Clone(b))
	c := readCertificate(r)
	if err := r.Done(); err != nil {
		return Certificate{}, fmt.Errorf("parse certificate: %w", malformed(err))
	}
	return c, nil
}

func readCertificate(r *octets.Reader) (c Certificate) {
	readVersion(r, "certificate", certificateVersion)
	r.Into(c.Party[:])
	c.Name = r.String(MaxName)
	c.Role = r.String(MaxName)
	c.MessageKey = r.Raw(MessageKeySize)
	c.DeskKey = r.Raw(DeskPublicSize)
	c.ControlKey = r.Raw(KEMPublicSize)
	c.NotBefore = readTime(r)
	c.NotAfter = readTime(r)
	c.Signature = r.Raw(RootSignatureSize)
	if r.Err() == nil {
		if err := c.check(); err != nil {
			r.Fail(err)
		}
	}
	return c
}

// Bytes returns the one spelling of c.
func (c Certificate) Bytes() []byte {
	var w octets.Writer
	c.write(&w)
	return w.Bytes()
}

func (c Certificate) write(w *octets.Writer) {
	w.Raw(c.body())
	w.Raw(c.Signature)
}

// body is what the root signs.
func (c Certificate) body() []byte {
	var w octets.Writer
	writeVersion(&w, certificateVersion)
	w.Raw(c.Party[:])
	w.String(c.Name)
	w.String(c.Role)
	w.Raw(c.MessageKey)
	w.Raw(c.DeskKey)
	w.Raw(c.ControlKey)
	writeTime(&w, c.NotBefore)
	writeTime(&w, c.NotAfter)
	return w.Bytes()
}

func (c Certificate) check() error {
	if err := checkText("desk name", c.Name, MaxName, false); err != nil {
		return err
	}
	if err := checkText("desk role", c.Role, MaxName, false); err != nil {
		return err
	}
	if err := checkSize("message key", c.MessageKey, MessageKeySize); err != nil {
		return err
	}
	if err := checkSize("desk key", c.DeskKey, DeskPublicSize); err != nil {
		return err
	}
	if err := checkSize("control key", c.ControlKey, KEMPublicSize); err != nil {
		return err
	}
	if err := checkTime("start of validity", c.NotBefore); err != nil {
		return err
	}
	if err := checkTime("end of validity", c.NotAfter); err != nil {
		return err
	}
	if !c.NotBefore.Before(c.NotAfter) {
		return fmt.Errorf("%w: validity ends before it begins", ErrMalformed)
	}
	return nil
}

// Fingerprint is the hash of c without its signature. A removal carries it, so
// that anybody can check whose desk is removed without holding c.
func (c Certificate) Fingerprint(v Verifier) [48]byte {
	return v.Hash(labelCertificate, c.body())
}

// ID returns the id of the desk that c is about.
func (c Certificate) ID(v Verifier) ident.Desk { return DeskID(v, c.Party, c.Fingerprint(v)) }

// DeskID returns the id of the party's desk with that certificate
// fingerprint. The party is in the hash: another party's removal can never
// name this desk, whoever has seen its certificate.
func DeskID(v Verifier, party ident.Party, fingerprint [48]byte) (d ident.Desk) {
	sum := v.Hash(labelDesk, party[:], fingerprint[:])
	copy(d[:], sum[:])
	return d
}

// Verify checks that the root signed c and that the root is the party's. It
// says nothing about c's validity in time; see [Certificate.ValidAt].
func (c Certificate) Verify(v Verifier, rootPublic []byte) error {
	if err := c.check(); err != nil {
		return fmt.Errorf("verify certificate: %w", err)
	}
	if PartyOf(v, rootPublic) != c.Party {
		return fmt.Errorf("verify certificate: %w: root is another party's", ErrForeign)
	}
	if err := v.VerifyRoot(rootPublic, labelCertificate, c.Signature, c.body()); err != nil {
		return fmt.Errorf("verify certificate: %w: %w", ErrSignature, err)
	}
	return nil
}

// ValidAt reports whether t is within c's validity, give or take skew.
func (c Certificate) ValidAt(t time.Time, skew time.Duration) bool {
	return !t.Before(c.NotBefore.Add(-skew)) && !t.After(c.NotAfter.Add(skew))
}
