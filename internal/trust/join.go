package trust

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// Card returns what this party hands out about itself: its root and the
// statements about its desks.
func (k *Book) Card(tx *store.Tx) (joining.Card, error) {
	raw, err := tx.Statements(k.Self.Party)
	if err != nil {
		return joining.Card{}, fmt.Errorf("list own statements: %w", err)
	}
	c := joining.Card{Name: k.Self.PartyName, Root: k.Self.Root}
	for _, b := range raw {
		st, err := roster.ParseStatement(b)
		if err != nil {
			return c, fmt.Errorf("read own statement: %w", err)
		}
		c.Statements = append(c.Statements, st)
	}
	return c, nil
}

// AddDesk takes in the card of a further desk of our own party, or of a party
// that a version of the charter has admitted, tells every party of the line, and
// returns the pack with which that desk joins it.
func (k *Book) AddDesk(ctx context.Context, ref string, card []byte) (pack []byte, err error) {
	c, err := joining.ParseCard(k.Suite, card)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unverified, "This is not a desk card whose signatures hold.")
	}
	err = k.Step(ctx, func(o Outlet) error {
		l, err := find(o.Store(), ref)
		if err != nil {
			return err
		}
		if l.State != "open" {
			return fault.New(fault.Conflict, "Line %s is %s; a desk joins an open line.", l.Name, l.State)
		}
		t, err := k.terms(o.Store(), l)
		if err != nil {
			return err
		}
		if _, member := t.now.Member(c.Party(k.Suite)); !member {
			return fault.New(fault.Refused, "This card is not of %s, nor of a party that is on line %s.", k.Self.PartyName, l.Name).
				WithHint("a version of the charter admits a party: hotline line propose %s --admit PARTY", l.Name)
		}
		if err := o.TakeStatements(c.Statements); err != nil {
			return err
		}
		for _, p := range t.now.Parties() {
			for _, st := range c.Statements {
				if err := o.Tell(p, kindStatement, st.Bytes()); err != nil {
					return err
				}
			}
		}
		pack, err = k.pack(o.Store(), l)
		return err
	})
	return pack, err
}

// pack gathers what a new desk needs of a line.
func (k *Book) pack(tx *store.Tx, l store.Line) ([]byte, error) {
	t, err := k.terms(tx, l)
	if err != nil {
		return nil, err
	}
	set, c := t.set, t.now
	p := joining.Pack{Charter: t.first, Statements: set.Statements()}
	for _, version := range set.Chain()[1:] {
		p.Versions = append(p.Versions, set.Version(version.Hash(k.Suite)))
	}
	if p.Signatures, err = signatures(tx, l.ID); err != nil {
		return nil, err
	}
	keys, err := tx.SealKeys()
	if err != nil {
		return nil, fmt.Errorf("list seal keys: %w", err)
	}
	on := set.Roster()
	for _, key := range keys {
		if _, ok := on.Desk(key.Desk); !ok {
			continue
		}
		a, err := roster.ParseAnnouncement(key.Announcement)
		if err != nil {
			return nil, fmt.Errorf("read seal key: %w", err)
		}
		p.SealKeys = append(p.SealKeys, a)
	}
	parties, err := tx.Parties()
	if err != nil {
		return nil, fmt.Errorf("list parties: %w", err)
	}
	for _, party := range parties {
		if _, ok := c.Member(party.ID); ok {
			p.Names = append(p.Names, joining.PartyName{Party: party.ID, Name: party.Name})
		}
	}
	return p.Bytes(), nil
}

// Join opens a joining pack that a desk of our own party made. Its other
// parties are known from then on by that desk's word.
func (k *Book) Join(ctx context.Context, raw []byte) (id ident.Line, err error) {
	p, err := joining.ParsePack(k.Suite, raw)
	if err != nil {
		return id, fault.Wrap(err, fault.Invalid, "This is not a joining pack.")
	}
	set, err := p.Open(k.Suite, k.Self.Root)
	if err != nil {
		return id, fault.Wrap(err, fault.Unverified, "The signatures in this joining pack do not hold for a desk of %s.", k.Self.PartyName)
	}
	if _, ok := set.Roster().Desk(k.Self.Desk); !ok {
		return id, fault.New(fault.Refused, "This joining pack is for another desk of %s.", k.Self.PartyName)
	}
	id = p.Charter.ID(k.Suite)
	err = k.Step(ctx, func(o Outlet) error {
		now, _ := set.Current()
		if err := k.introduce(o, p, now); err != nil {
			return err
		}
		for _, st := range set.Statements() {
			if _, err := o.Store().PutStatement(st.ID(k.Suite), st.Author, st.Line, st.Bytes()); err != nil {
				return fmt.Errorf("store statement: %w", err)
			}
		}
		for _, a := range p.SealKeys {
			e, ok := set.Roster().Desk(a.Desk)
			if !ok || a.Verify(k.Suite, e.Certificate) != nil {
				continue
			}
			if err := o.Store().PutSealKey(a.Desk, a.Number, a.Bytes(), time.Now()); err != nil {
				return fmt.Errorf("store seal key: %w", err)
			}
		}
		row := store.Line{ID: id, Name: p.Charter.Name, Charter: p.Charter.Bytes(), State: "open", CreatedAt: time.Now()}
		if err := o.Store().PutLine(row); errors.Is(err, store.ErrExists) {
			return fault.New(fault.Conflict, "This desk has a line of that id or name already.")
		} else if err != nil {
			return fmt.Errorf("store line: %w", err)
		}
		for _, v := range p.Versions {
			if err := o.Store().PutVersion(id, v.Charter.Hash(k.Suite), v.Bytes(), time.Now()); err != nil {
				return fmt.Errorf("store charter version: %w", err)
			}
		}
		for _, s := range p.Signatures {
			if err := o.Store().PutCharterSignature(id, s.Party, s.Bytes()); err != nil {
				return fmt.Errorf("store charter signature: %w", err)
			}
		}
		if err := o.Leaf("line-joined", id[:]); err != nil {
			return err
		}
		return k.opened(o, p.Charter)
	})
	return id, err
}

// introduce adds the parties of a pack that this desk did not know.
func (k *Book) introduce(o Outlet, p joining.Pack, now roster.Charter) error {
	names := map[ident.Party]string{}
	for _, n := range p.Names {
		names[n.Party] = n.Name
	}
	return k.introduceMembers(o, now, names)
}

// introduceMembers adds the members of a charter that this desk did not know:
// the members who signed it stand for them.
func (k *Book) introduceMembers(o Outlet, c roster.Charter, names map[ident.Party]string) error {
	all, err := o.Store().Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	known, taken := map[ident.Party]bool{}, map[string]bool{}
	for _, q := range all {
		known[q.ID], taken[q.Name] = true, true
	}
	for _, m := range c.Members {
		if known[m.Party] {
			continue
		}
		name := cmp.Or(names[m.Party], m.Name)
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s-%d", m.Name, n) // the name of another party here
		}
		taken[name] = true
		if err := o.Store().PutParty(store.Party{ID: m.Party, Name: name, Root: m.Root, PairedAt: time.Now(), How: store.ByPack}); err != nil {
			return fmt.Errorf("store party %s: %w", name, err)
		}
		if err := o.Leaf("party-introduced", append(m.Party[:], []byte(name)...)); err != nil {
			return err
		}
	}
	return nil
}
