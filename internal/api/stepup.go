package api

import (
	"context"
	"strings"

	"hotline/internal/fault"
)

// stepUp asks the officer for the password once more, before an act that
// nobody may do at somebody else's open console. Whom the kernel vouches for
// needs none: that door is the machine's own sign-in.
func (s *Server) stepUp(ctx context.Context, password string) error {
	who, _ := OfficerFrom(ctx)
	switch {
	case who.Local:
		return nil
	case s.Vouching == nil:
		return fault.New(fault.Unavailable, "This desk cannot check passwords.")
	case password == "":
		return fault.New(fault.Invalid, "This act needs your password once more.")
	}
	if _, err := s.Vouching.Vouch(ctx, who.Name, password); err != nil {
		return err
	}
	return nil
}

// PasswordIn is the body of an act that says nothing but who does it.
type PasswordIn struct {
	Password string `json:"password,omitempty"`
}

// Voucher is a second officer at somebody else's door: name and password.
type Voucher struct {
	Officer  string `json:"officer"`
	Password string `json:"password"`
}

// second returns the name of the second officer behind an act, checked: an
// officer of this desk who may do the act too and is not the first one.
func (s *Server) second(ctx context.Context, v *Voucher, need Role) (string, error) {
	if v == nil {
		return "", nil
	}
	who, _ := OfficerFrom(ctx)
	switch {
	case s.Vouching == nil:
		return "", fault.New(fault.Unavailable, "This desk cannot check passwords.")
	case strings.TrimSpace(v.Officer) == "" || v.Password == "":
		return "", fault.New(fault.Invalid, "The second officer gives name and password.")
	}
	o, err := s.Vouching.Vouch(ctx, strings.TrimSpace(v.Officer), v.Password)
	if err != nil {
		return "", err
	}
	if o.Name == who.Name {
		return "", fault.New(fault.Refused, "The second officer has to be another person than the first.")
	}
	if !o.Role.may(need) {
		return "", fault.New(fault.Denied, "The role of %s does not allow this.", o.Name)
	}
	return o.Name, nil
}
