package desk

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// identity is who a desk is: the names and private keys that it was made with.
// It lives in the encrypted store and is never printed.
type identity struct {
	exchange.Self
	root    []byte // public
	mailbox ed25519.PrivateKey
}

// settingIdentity is where the identity lives in the store.
const settingIdentity = "desk.identity"

const identityVersion = 1

func (i identity) bytes() []byte {
	var w octets.Writer
	w.Uint8(identityVersion)
	w.Uint8(i.MessageKey.Suite().ID())
	w.Raw(i.Party[:])
	w.String(i.PartyName)
	w.Raw(i.Self.Desk[:])
	w.String(i.DeskName)
	w.Var16(i.MessageKey.Seed())
	w.Var16(i.DeskKey.Seed())
	w.Var16(i.Control.Bytes())
	w.Raw(i.mailbox.Seed())
	w.Var16(i.root)
	return w.Bytes()
}

func parseIdentity(b []byte) (i identity, err error) {
	r := octets.NewReader(b)
	if v := r.Uint8(); v != identityVersion {
		return i, fmt.Errorf("read identity: version %d", v)
	}
	s, err := suite.ByID(r.Uint8())
	if err != nil {
		return i, fmt.Errorf("read identity: %w", err)
	}
	r.Into(i.Party[:])
	i.PartyName = r.String(1 << 10)
	r.Into(i.Self.Desk[:])
	i.DeskName = r.String(1 << 10)
	message := r.Var16(1 << 10)
	desk := r.Var16(1 << 10)
	control := r.Var16(1 << 10)
	mailbox := r.Raw(ed25519.SeedSize)
	i.root = r.Var16(1 << 15)
	if err := r.Done(); err != nil {
		return i, fmt.Errorf("read identity: %w", err)
	}
	var errs [3]error
	i.MessageKey, errs[0] = s.MessageKeyFromSeed(message)
	i.DeskKey, errs[1] = s.DeskKeyFromSeed(desk)
	i.Control, errs[2] = s.ParseSealKey(control)
	i.mailbox = ed25519.NewKeyFromSeed(mailbox)
	if err := errors.Join(errs[:]...); err != nil {
		return i, fmt.Errorf("read identity: %w", err)
	}
	return i, nil
}

func loadIdentity(tx *store.Tx) (identity, error) {
	b, err := tx.Setting(settingIdentity)
	if errors.Is(err, store.ErrNone) {
		return identity{}, fault.New(fault.Config, "This folder holds a desk that was never finished.").
			WithHint("remove the folder and run hotline desk init again")
	}
	if err != nil {
		return identity{}, fmt.Errorf("read identity: %w", err)
	}
	return parseIdentity(b)
}

// expiry is the end of the certificate by which the party's root added this
// desk.
func expiry(tx *store.Tx, id *identity) (end time.Time, err error) {
	all, err := tx.Statements(id.Party)
	if err != nil {
		return end, fmt.Errorf("list own statements: %w", err)
	}
	for _, b := range all {
		st, err := roster.ParseStatement(b)
		if err != nil {
			return end, fmt.Errorf("read own statement: %w", err)
		}
		if st.Add != nil && st.Desk(id.MessageKey.Suite()) == id.Self.Desk {
			end = st.Add.Certificate.NotAfter
		}
	}
	return end, nil
}
