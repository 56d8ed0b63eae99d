package trust

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// PurposeCustodian marks a custodian's key file, a sealed file of package
// keyring with the layout of [Delegate].
const PurposeCustodian = "party-custodian"

// OwnSet builds what our own party stated for all its lines.
func (k *Book) OwnSet(tx *store.Tx) (*roster.Set, error) {
	return k.partySet(tx, k.Self.Party, k.Self.Root)
}

// partySet builds what a party stated for all its lines.
func (k *Book) partySet(tx *store.Tx, p ident.Party, root []byte) (*roster.Set, error) {
	set, err := roster.NewSet(k.Suite, ident.Line{}, []roster.Member{{Party: p, Root: root}})
	if err != nil {
		return nil, fmt.Errorf("make set of party: %w", err)
	}
	raw, err := tx.Statements(p)
	if err != nil {
		return nil, fmt.Errorf("list statements: %w", err)
	}
	var all []roster.Statement
	for _, b := range raw {
		st, err := roster.ParseStatement(b)
		if err != nil {
			return nil, fmt.Errorf("read statement: %w", err)
		}
		if st.Line == (ident.Line{}) {
			all = append(all, st)
		}
	}
	if err := set.AddHistory(all); err != nil {
		return nil, fmt.Errorf("add statements: %w", err)
	}
	return set, nil
}

// State takes in a statement of our own party that was signed elsewhere, by the
// root, a delegate or custodians, gives it effect here, and tells every party
// that we know. A removal goes the way of the cut-off.
func (k *Book) State(ctx context.Context, raw []byte) (st roster.Statement, err error) {
	st, err = roster.ParseStatement(raw)
	if err != nil {
		return st, fault.Wrap(err, fault.Invalid, "This is not a statement.")
	}
	if st.Author != k.Self.Party {
		return st, fault.New(fault.Refused, "This statement is of another party; %s says only what is its own.", k.Self.PartyName)
	}
	if st.Remove != nil {
		return st, fault.New(fault.Invalid, "A desk is removed by a cut-off.").WithHint("hotline cutoff DESK --reason …")
	}
	err = k.Step(ctx, func(o Outlet) error { return k.state(o, st) })
	return st, err
}

// state verifies, keeps and tells one statement.
func (k *Book) state(o Outlet, st roster.Statement) error {
	set, err := k.OwnSet(o.Store())
	if err != nil {
		return err
	}
	switch added, err := set.Add(st, time.Now()); {
	case errors.Is(err, roster.ErrEquivocation):
		return fault.Wrap(err, fault.Conflict, "%s has said something else under this number.", k.Self.PartyName).
			WithHint("is the list beside the key the newest one? another desk may have used it")
	case errors.Is(err, roster.ErrWaiting):
		return fault.Wrap(err, fault.Unverified, "The root that signed this is not the one of %s.", k.Self.PartyName)
	case err != nil:
		return fault.Wrap(err, fault.Unverified, "This statement does not hold.")
	case !added:
		return fault.New(fault.Conflict, "This was said before.")
	}
	if err := o.TakeStatements([]roster.Statement{st}); err != nil {
		return err
	}
	all, err := o.Store().Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	for _, p := range all {
		if err := o.Tell(p.ID, kindStatement, st.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// Suspend has a delegate's key that lies at this desk say that our party sends
// another one nothing new. Reopening takes the root, or two custodians.
func (k *Book) Suspend(ctx context.Context, ref, reason string, until time.Time, key func(tx *store.Tx) (roster.Keeper, error)) (st roster.Statement, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		p, err := party(o.Store(), ref)
		if err != nil {
			return err
		}
		keeper, err := key(o.Store())
		if err != nil {
			return err
		}
		set, err := k.OwnSet(o.Store())
		if err != nil {
			return err
		}
		if n, suspended := set.Roster().Suspended(k.Self.Party, p.ID); suspended && n.Author == k.Self.Party {
			return fault.New(fault.Conflict, "%s is suspended already, since %s.", p.Name, n.Time.Format("2006-01-02 15:04Z"))
		}
		signer := keeper.Warrant.Holder(k.Suite).Key
		st, err = roster.NewStatementBy(k.Suite, roster.Statement{
			Type: roster.SuspendParty, Number: set.NextNumber(k.Self.Party, signer, ident.Line{}), Time: time.Now(),
			Suspend: &roster.Suspension{Subject: p.ID, Notice: NextNotice(set, k.Self.Party, p.ID), Reason: reason, Until: until.UTC().Truncate(time.Millisecond)},
		}, keeper)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "This suspension cannot be written.")
		}
		return k.state(o, st)
	})
	return st, err
}

// NextNotice numbers the author's next suspension or reopening of a subject.
func NextNotice(set *roster.Set, author, subject ident.Party) uint64 {
	var highest uint64
	for _, st := range set.Statements() {
		if st.Author == author && st.Suspend != nil && st.Suspend.Subject == subject {
			highest = max(highest, st.Suspend.Notice)
		}
	}
	return highest + 1
}

// Standing is what this desk knows of a party.
type Standing struct {
	store.Party
	Roster     *roster.Roster // of what it stated for all its lines
	Set        *roster.Set
	Suspended  []roster.Notice // by us of it, by it of us, by it of itself
	Introduced bool            // by a charter or a joining pack; nobody compared words
}

// Party returns a party by name or id.
func (k *Book) Party(tx *store.Tx, ref string) (s Standing, err error) {
	if s.Party, err = party(tx, ref); err != nil {
		return s, err
	}
	if s.Set, err = k.partySet(tx, s.ID, s.Root); err != nil {
		return s, err
	}
	s.Roster = s.Set.Roster()
	own, err := k.OwnSet(tx)
	if err != nil {
		return s, err
	}
	for _, n := range append(own.Roster().Suspensions(), s.Roster.Suspensions()...) {
		if n.Author == k.Self.Party && n.Subject == s.ID || n.Author == s.ID && (n.Subject == k.Self.Party || n.Subject == s.ID) {
			s.Suspended = append(s.Suspended, n)
		}
	}
	if s.Self {
		s.Suspended = own.Roster().Suspensions()
	}
	return s, nil
}
