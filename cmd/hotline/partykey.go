package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/keyring"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/trust"
)

// purposes mark the key files of offices.
var purposes = map[roster.Office]string{roster.Delegate: trust.PurposeDelegate, roster.Custodian: trust.PurposeCustodian}

// newHolder draws a key for an office, has the root warrant it, and seals both
// into a file. What is public of it goes to the facts beside the root.
func (a *app) newHolder(root custody.Authority, r custody.Root, office roster.Office, name, file string, passphrase []byte) (roster.Holder, error) {
	s := root.Suite()
	key := s.NewDeskKey()
	w, err := roster.NewWarrant(s, root, roster.Warrant{Party: root.Party, Office: office, Name: name, Public: key.Public()})
	if err != nil {
		return roster.Holder{}, fault.Wrap(err, fault.Invalid, "%q cannot be the name of a %s.", name, office)
	}
	facts, err := r.Facts()
	if err != nil {
		return roster.Holder{}, err
	}
	seed := key.Seed()
	defer clear(seed)
	content := trust.Delegate{Name: name, Seed: seed, Warrant: w.Bytes()}.Bytes()
	defer clear(content)
	if err := keyring.SealFile(file, passphrase, purposes[office], content, a.cost); err != nil {
		return roster.Holder{}, err
	}
	facts.Warrants = append(facts.Warrants, w.Bytes())
	return w.Holder(s), r.PutFacts(facts)
}

// keeper opens the key file of an office.
func (a *app) keeper(office roster.Office, file, passphraseFile string) (k roster.Keeper, err error) {
	passphrase, err := a.passphrase(passphraseFile, "the key in "+file, false)
	if err != nil {
		return k, err
	}
	defer clear(passphrase)
	b, err := keyring.OpenFile(file, passphrase, purposes[office])
	if err != nil {
		return k, err
	}
	defer clear(b)
	d, err := trust.ParseDelegate(b)
	if err == nil {
		k.Warrant, err = roster.ParseWarrant(d.Warrant)
	}
	if err != nil {
		return k, fault.Wrap(err, fault.Invalid, "The key file %s cannot be read.", file)
	}
	s, err := suite.ByID(k.Warrant.Suite)
	if err != nil {
		return k, fault.Wrap(err, fault.Invalid, "The key file %s is of a suite that this program does not know.", file)
	}
	key, err := s.DeskKeyFromSeed(d.Seed)
	if err != nil {
		return k, fault.Wrap(err, fault.Invalid, "The key file %s cannot be read.", file)
	}
	k.Signer = key
	return k, nil
}

// keyFlags name key files of offices for one signature.
type keyFlags struct {
	delegate        string
	custodians      []string
	passphraseFiles []string
}

func (f *keyFlags) flags(cmd *cobra.Command, delegate, custodians bool) {
	fs := cmd.Flags()
	if delegate {
		fs.StringVar(&f.delegate, "delegate", "", "key file of a delegate")
	}
	if custodians {
		fs.StringArrayVar(&f.custodians, "custodian", nil, "key file of a custodian; two of them sign")
	}
	fs.StringArrayVar(&f.passphraseFiles, "key-passphrase-file", nil, "file with the passphrase of a key file, in the same order (default: ask)")
}

// keepers opens the key files that the flags name.
func (a *app) keepers(f keyFlags) (out []roster.Keeper, err error) {
	files, office := f.custodians, roster.Custodian
	if f.delegate != "" {
		files, office = []string{f.delegate}, roster.Delegate
	}
	for i, file := range files {
		passphraseFile := ""
		if n := len(f.passphraseFiles); n > 0 {
			passphraseFile = f.passphraseFiles[min(i, n-1)]
		}
		k, err := a.keeper(office, file, passphraseFile)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, nil
}

// own is what the desk holds of its own party.
type own struct {
	card  joining.Card
	party ident.Party
	set   *roster.Set
	suite suite.Suite
}

// ownParty asks the desk for its party's root and statements.
func (a *app) ownParty(ctx context.Context, cl *api.Client) (o own, err error) {
	var f api.File
	if err := cl.Get(ctx, "/card", nil, &f); err != nil {
		return o, err
	}
	var d api.Desk
	if err := cl.Get(ctx, "/desk", nil, &d); err != nil {
		return o, err
	}
	o.suite = suite.One
	if o.card, err = joining.ParseCard(o.suite, f.File); err != nil {
		o.suite = suite.Two
		if o.card, err = joining.ParseCard(o.suite, f.File); err != nil {
			return o, fmt.Errorf("read own card: %w", err)
		}
	}
	o.party = o.card.Party(o.suite)
	o.set, err = roster.NewSet(o.suite, ident.Line{}, []roster.Member{{Party: o.party, Name: o.card.Name, Root: o.card.Root}})
	if err != nil {
		return o, fmt.Errorf("read own card: %w", err)
	}
	var all []roster.Statement
	for _, st := range o.card.Statements {
		if st.Line == (ident.Line{}) {
			all = append(all, st)
		}
	}
	return o, o.set.AddHistory(all)
}

// byRoot has the root sign a statement, and notes it in its list first.
func (o own) byRoot(root custody.Authority, r custody.Root, st roster.Statement, subject string) (roster.Statement, error) {
	number, err := r.NextNumber()
	if err != nil {
		return st, err
	}
	st.Author, st.Time = o.party, time.Now()
	st.Number = max(number, o.set.NextNumber(o.party, roster.RootID(o.suite, root.Public()), ident.Line{}))
	if root.Party != o.party {
		return st, fault.New(fault.Invalid, "The root in %s is not the one of %s.", filepath.Base(r.File), o.card.Name)
	}
	st, err = roster.NewStatement(o.suite, root, st)
	if err != nil {
		return st, fault.Wrap(err, fault.Invalid, "This statement cannot be made: %s.", err.Error())
	}
	return st, r.Record(st, subject, o.suite)
}

// byKeepers has a delegate or two custodians sign a statement.
func (o own) byKeepers(st roster.Statement, keepers []roster.Keeper) (roster.Statement, error) {
	if len(keepers) == 0 {
		return st, usageError{"nobody signs this", "--root FILE, --delegate FILE, or --custodian FILE twice"}
	}
	st.Time = time.Now()
	st.Number = o.set.NextNumber(o.party, keepers[0].Warrant.Holder(o.suite).Key, ident.Line{})
	st, err := roster.NewStatementBy(o.suite, st, keepers...)
	if err != nil {
		return st, fault.Wrap(err, fault.Invalid, "This statement cannot be signed by those keys: %s.", err.Error())
	}
	return st, nil
}

// tell gives a statement to the desk and prints what it says.
func (a *app) tell(ctx context.Context, cl *api.Client, st roster.Statement, asJSON bool) error {
	var out api.TrustStatement
	if err := cl.Post(ctx, "/statements", newKey(), api.StatementIn{Statement: st.Bytes()}, &out); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(out)
	}
	a.say("%s", inertLine(out.Text))
	_, err := fmt.Fprintln(a.out, out.ID)
	return err
}
