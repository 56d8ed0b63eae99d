package console

import (
	"context"
	"errors"
	"math"
	"time"

	"hotline/internal/fault"
)

// Voucher says whether a password is an officer's. Sign-in asks it, and so does
// every act that wants the person again: a second officer at a pairing, a
// cut-off. Its methods are safe for use by several goroutines.
type Voucher struct {
	accounts Accounts
	passes   *passwords
	throttle *throttle
}

// NewVoucher returns a voucher for the officers of a. A nil now is time.Now.
func NewVoucher(a Accounts, now func() time.Time) *Voucher {
	if now == nil {
		now = time.Now
	}
	return &Voucher{accounts: a, passes: newPasswords(), throttle: newThrottle(now)}
}

// Check returns the officer of that name and password, without the hash. Wrong
// ones count with those of sign-in; an unknown name costs the same work and
// gives the same fault.
func (v *Voucher) Check(ctx context.Context, name, password string) (Officer, error) {
	if len(name) > maxPassword || len(password) > maxPassword {
		return Officer{}, errWrongPassword
	}
	if d := v.throttle.wait(nameKey(name)); d > 0 {
		return Officer{}, tooMany(d)
	}
	o, err := v.check(ctx, name, password)
	if err != nil {
		return Officer{}, err
	}
	o.Password = ""
	return o, nil
}

// check is Check without the wait. With [errWrongPassword] it returns the
// officer who exists, for the journal.
func (v *Voucher) check(ctx context.Context, name, password string) (Officer, error) {
	o, err := v.accounts.Officer(ctx, name)
	if err != nil && !errors.Is(err, ErrNoOfficer) {
		return Officer{}, err
	}
	ok, verr := v.passes.verify(ctx, o.Password, password)
	if verr != nil {
		return Officer{}, verr
	}
	if !ok || err != nil {
		v.throttle.failed(nameKey(name), triesPerAccount)
		return o, errWrongPassword
	}
	v.throttle.passed(nameKey(name))
	return o, nil
}

// tooMany says how long to wait, in whole seconds.
func tooMany(d time.Duration) error {
	d = time.Duration(math.Ceil(d.Seconds())) * time.Second
	return fault.New(fault.Busy, "Too many tries. Wait %v.", d.String())
}
