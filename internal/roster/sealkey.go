package roster

import (
	"bytes"
	"fmt"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Announcement is a desk's seal key for one period, signed by its desk key.
// The first rides in the statement that adds the desk; later ones travel
// outside the set, and the highest number wins (docs/spec/line.md, Section 4).
type Announcement struct {
	Suite     uint8
	Desk      ident.Desk
	Number    uint64 // from 1
	Public    []byte
	Time      time.Time
	Signature []byte // by the desk key
}

func (a *Announcement) body(c *octets.Coder) {
	Version(c, "seal key announcement", &a.Suite)
	c.Array(a.Desk[:])
	c.Number("seal key number", &a.Number, MaxNumber)
	c.Key("seal key", &a.Public, c.Sizes.Seal)
	c.Time("time of the announcement", &a.Time)
}

func (a *Announcement) fields(c *octets.Coder) {
	a.body(c)
	c.Key("seal key signature", &a.Signature, c.Sizes.DeskSignature)
}

// NewAnnouncement returns a signed announcement of a desk's seal key, of the
// suite that the desk's key has.
func NewAnnouncement(desk Signer, a Announcement) (_ Announcement, err error) {
	for id, k := range suites {
		if len(desk.Public()) == k.Desk {
			a.Suite = id
		}
	}
	a.Time = wholeMilli(a.Time)
	a.Signature, err = sign("announce seal key", desk, labelSealKey, a.body)
	return a, err
}

// ParseAnnouncement reads an announcement and checks its form, not its
// signature.
func ParseAnnouncement(b []byte) (Announcement, error) {
	return parse[Announcement]("seal key announcement", b, MaxStatement)
}

// Bytes returns the one spelling of a.
func (a Announcement) Bytes() []byte { return octets.Encode(a.fields) }

// Verify checks that the desk of certificate c announced a. The certificate
// itself must have been verified before, by a [Set] for example.
func (a Announcement) Verify(v Verifier, c Certificate) error {
	if c.ID(v) != a.Desk {
		return fmt.Errorf("verify seal key announcement: %w: certificate is another desk's", ErrForeign)
	}
	if err := verifyDesk(v, c.DeskKey, labelSealKey, a.Suite, a.Signature, a.body); err != nil {
		return fmt.Errorf("verify seal key announcement: %w", err)
	}
	return nil
}

// Supersedes reports whether the verified announcement a takes the place of
// the verified announcement old of the same desk. The same number with another
// key is an error wrapping [ErrEquivocation]: keep both, they are evidence.
func (a Announcement) Supersedes(old Announcement) (bool, error) {
	switch {
	case a.Desk != old.Desk:
		return false, fmt.Errorf("compare seal keys: %w", ErrForeign)
	case a.Number == old.Number && !bytes.Equal(a.Public, old.Public):
		return false, fmt.Errorf("compare seal keys: %w: number %d", ErrEquivocation, a.Number)
	}
	return a.Number > old.Number, nil
}
