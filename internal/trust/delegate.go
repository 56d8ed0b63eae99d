package trust

import (
	"fmt"

	"hotline/internal/octets"
)

// PurposeDelegate marks a delegate key file, a sealed file of package keyring.
const PurposeDelegate = "party-delegate"

// Delegate is what a delegate key file holds: a key that may remove the desks
// whose additions name it, and do nothing else. Whoever steals it can deny
// service to its own party, no more.
type Delegate struct {
	Name    string
	Seed    []byte // of the key, which is of the form of a desk key
	Warrant []byte // roster.Warrant: the root's word for it
}

const delegateVersion = 1

// Bytes returns the one spelling of d.
func (d Delegate) Bytes() []byte {
	var w octets.Writer
	w.Uint8(delegateVersion)
	w.String(d.Name)
	w.Var16(d.Seed)
	w.Var32(d.Warrant)
	return w.Bytes()
}

// ParseDelegate reads what [Delegate.Bytes] wrote.
func ParseDelegate(b []byte) (d Delegate, err error) {
	r := octets.NewReader(b)
	if v := r.Uint8(); r.Err() == nil && v != delegateVersion {
		return d, fmt.Errorf("read delegate key: version %d", v)
	}
	d.Name, d.Seed, d.Warrant = r.String(1<<10), r.Var16(1<<10), r.Var32(1<<16)
	if err := r.Done(); err != nil {
		return d, fmt.Errorf("read delegate key: %w", err)
	}
	return d, nil
}
