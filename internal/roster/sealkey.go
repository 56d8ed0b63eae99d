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
	Desk      ident.Desk
	Number    uint64 // from 1
	Public    []byte // X-Wing
	Time      time.Time
	Signature []byte // by the desk key
}

// NewAnnouncement returns a signed announcement of a desk's seal key.
func NewAnnouncement(desk Signer, a Announcement) (Announcement, error) {
	a.Time = wholeMilli(a.Time)
	if err := a.check(); err != nil {
		return Announcement{}, fmt.Errorf("announce seal key: %w", err)
	}
	a.Signature = desk.Sign(labelSealKey, a.body())
	return a, nil
}

// ParseAnnouncement reads an announcement and checks its form, not its
// signature.
func ParseAnnouncement(b []byte) (Announcement, error) {
	r := octets.NewReader(bytes.Clone(b))
	a := readAnnouncement(r)
	if err := r.Done(); err != nil {
		return Announcement{}, fmt.Errorf("parse seal key announcement: %w", malformed(err))
	}
	return a, nil
}

func readAnnouncement(r *octets.Reader) (a Announcement) {
	readVersion(r, "seal key announcement", announcementVersion)
	r.Into(a.Desk[:])
	a.Number = r.Uint64()
	a.Public = r.Raw(KEMPublicSize)
	a.Time = readTime(r)
	a.Signature = r.Raw(DeskSignatureSize)
	if r.Err() == nil {
		if err := a.check(); err != nil {
			r.Fail(err)
		}
	}
	return a
}

// Bytes returns the one spelling of a.
func (a Announcement) Bytes() []byte {
	var w octets.Writer
	a.write(&w)
	return w.Bytes()
}

func (a Announcement) write(w *octets.Writer) {
	w.Raw(a.body())
	w.Raw(a.Signature)
}

// body is what the desk signs.
func (a Announcement) body() []byte {
	var w octets.Writer
	writeVersion(&w, announcementVersion)
	w.Raw(a.Desk[:])
	w.Uint64(a.Number)
	w.Raw(a.Public)
	writeTime(&w, a.Time)
	return w.Bytes()
}

func (a Announcement) check() error {
	if a.Number == 0 || a.Number > MaxNumber {
		return fmt.Errorf("%w: seal key number %d", ErrMalformed, a.Number)
	}
	if err := checkSize("seal key", a.Public, KEMPublicSize); err != nil {
		return err
	}
	return checkTime("time of the announcement", a.Time)
}

// Verify checks that the desk of certificate c announced a. The certificate
// itself must have been verified before, by a [Set] for example.
func (a Announcement) Verify(v Verifier, c Certificate) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("verify seal key announcement: %w", err)
	}
	if c.ID(v) != a.Desk {
		return fmt.Errorf("verify seal key announcement: %w: certificate is another desk's", ErrForeign)
	}
	if err := v.VerifyDesk(c.DeskKey, labelSealKey, a.Signature, a.body()); err != nil {
		return fmt.Errorf("verify seal key announcement: %w: %w", ErrSignature, err)
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
