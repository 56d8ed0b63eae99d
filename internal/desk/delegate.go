package desk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"hotline/internal/api"
	"hotline/internal/exchange"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
	"hotline/internal/trust"
)

// settingDelegates is where the delegate keys of this desk lie, in the encrypted
// store.
const settingDelegates = "desk.delegates"

// maxDelegates bounds them: a party has a few.
const maxDelegates = 16

func delegates(tx *store.Tx) (all []trust.Delegate, err error) {
	raw, err := tx.Setting(settingDelegates)
	if errors.Is(err, store.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseDelegates(raw)
}

func parseDelegates(raw []byte) (all []trust.Delegate, err error) {
	r := octets.NewReader(raw)
	for range r.Uint8() {
		d, err := trust.ParseDelegate(r.Var32(1 << 17))
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, r.Done()
}

func delegatesBytes(all []trust.Delegate) []byte {
	var w octets.Writer
	w.Uint8(uint8(len(all)))
	for _, d := range all {
		w.Var32(d.Bytes())
	}
	return w.Bytes()
}

// delegateKey is a delegate's key, ready to sign.
func delegateKey(d trust.Delegate) (roster.Keeper, error) {
	w, err := roster.ParseWarrant(d.Warrant)
	if err != nil {
		return roster.Keeper{}, fmt.Errorf("read warrant: %w", err)
	}
	s, err := suite.ByID(w.Suite)
	if err != nil {
		return roster.Keeper{}, fmt.Errorf("read warrant: %w", err)
	}
	k, err := s.DeskKeyFromSeed(d.Seed)
	if err != nil {
		return roster.Keeper{}, fmt.Errorf("read delegate key: %w", err)
	}
	if !bytes.Equal(k.Public(), w.Public) {
		return roster.Keeper{}, errors.New("read delegate key: it is not the one of its warrant")
	}
	return roster.Keeper{Signer: k, Warrant: w}, nil
}

// byDelegate has a delegate key of this desk remove another desk.
func (b belonging) byDelegate(batch *exchange.Batch, desk ident.Desk, reason string) (roster.Statement, error) {
	all, err := delegates(batch.Tx)
	if err != nil {
		return roster.Statement{}, fmt.Errorf("read delegate keys: %w", err)
	}
	for _, d := range all {
		k, err := delegateKey(d)
		if err != nil {
			return roster.Statement{}, err
		}
		if batch.MayRemove(holder(k).Key, desk) {
			return batch.Removal(k, desk, reason)
		}
	}
	why := "No delegate key at this desk may remove %s."
	if len(all) == 0 {
		why = "This desk has no delegate key, so it cannot remove %s by itself."
	}
	return roster.Statement{}, fault.New(fault.Refused, why, b.engine.View().Desk(desk)).
		WithHint("import one: hotline desk delegate import FILE; or use the root: hotline cutoff … --root FILE")
}

func (b belonging) ImportDelegate(ctx context.Context, in api.DelegateIn) (out api.Delegate, err error) {
	d, err := trust.ParseDelegate(in.Key)
	if err != nil {
		return out, fault.Wrap(err, fault.Invalid, "This is not a delegate key.")
	}
	k, err := delegateKey(d)
	if err != nil {
		return out, fault.Wrap(err, fault.Invalid, "This delegate key cannot be used: its parts do not fit.")
	}
	err = b.engine.Transact(ctx, func(batch *exchange.Batch) error {
		if err := batch.CheckWarrant(k.Warrant); err != nil {
			return fault.Wrap(err, fault.Unverified, "The root of %s does not stand behind this delegate key.", b.id.PartyName)
		}
		all, err := delegates(batch.Tx)
		if err != nil {
			return fmt.Errorf("read delegate keys: %w", err)
		}
		if !slices.ContainsFunc(all, func(o trust.Delegate) bool { return bytes.Equal(o.Seed, d.Seed) }) {
			if len(all) >= maxDelegates {
				return fault.New(fault.Conflict, "This desk has %d delegate keys already.", maxDelegates)
			}
			if err := batch.Tx.PutSetting(settingDelegates, delegatesBytes(append(all, d))); err != nil {
				return err
			}
			if err := batch.Leaf("delegate-imported", []byte(d.Name)); err != nil {
				return err
			}
		}
		out = b.delegate(batch, k)
		return nil
	})
	return out, err
}

func (b belonging) Delegates(ctx context.Context) (out []api.Delegate, err error) {
	err = b.engine.Transact(ctx, func(batch *exchange.Batch) error {
		all, err := delegates(batch.Tx)
		if err != nil {
			return fmt.Errorf("read delegate keys: %w", err)
		}
		for _, d := range all {
			k, err := delegateKey(d)
			if err != nil {
				return err
			}
			out = append(out, b.delegate(batch, k))
		}
		return nil
	})
	return out, err
}

func (b belonging) delegate(batch *exchange.Batch, k roster.Keeper) api.Delegate {
	h := holder(k)
	out := api.Delegate{ID: h.Key.String(), Name: h.Name, Desks: []string{}}
	for _, e := range batch.OwnDesks() {
		if batch.MayRemove(h.Key, e.Desk) {
			out.Desks = append(out.Desks, e.Certificate.Name)
		}
	}
	return out
}

// holder is the public side of a delegate's key.
func holder(k roster.Keeper) roster.Holder {
	s, _ := suite.ByID(k.Warrant.Suite) // delegateKey has read it
	return k.Warrant.Holder(s)
}

// statement says one statement for the doors.
func (b belonging) statement(st roster.Statement) api.TrustStatement {
	v := b.engine.View()
	s := b.id.DeskKey.Suite()
	out := api.TrustStatement{
		ID: st.ID(s).String(), Type: st.Type.String(), Text: trust.Describe(s, st, v.Name, v.Desk), Author: v.Name(st.Author),
		Signer: st.By.String(), Number: st.Number, At: at(st.Time),
	}
	for _, e := range st.Endorsements {
		if st.By != roster.Root {
			out.Signer = e.Warrant.Name
		}
	}
	return out
}
