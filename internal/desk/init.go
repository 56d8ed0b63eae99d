package desk

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hotline/internal/console"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/keyring"
	"hotline/internal/link"
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// InitOptions are what a new desk is made of.
type InitOptions struct {
	Dir        string // new or empty
	Party      string // name of the organisation, "JPN"
	Name       string // name of the desk, "JPN-1"; empty: the party's and -1
	Role       string // whom the desk speaks for; empty: "watch officer"
	Relays     []string
	Passphrase []byte // of the desk's store
	// Cost is what a guess at it costs; zero is the keyring's own.
	Cost keyring.Cost
	// RootFile is where the party's root key lies: outside Dir, best on a
	// medium of its own. It is made when it is not there. Empty: beside Dir.
	RootFile string
	// RootPassphrase opens RootFile; nil: Passphrase.
	RootPassphrase []byte
	// Suite is the number of the party's suite, for ever; zero is the root's
	// own, and suite 1 where the root is made.
	Suite uint8
	// RootShares are files of shares of the root, used in place of RootFile.
	RootShares []string
	// Dormant makes a spare desk: it is on no line until two custodians
	// activate it.
	Dormant bool
	// ConsoleAddr is where the console will listen, for the sign-in link.
	ConsoleAddr string
	Log         *slog.Logger
}

// InitResult is what the person who made the desk needs to know.
type InitResult struct {
	Party     string
	PartyID   ident.Party
	Desk      string
	DeskID    ident.Desk
	RootFile  string
	Statement roster.Statement // by which the root added it
	RootMade  bool             // the root is new: keep it, twice, and offline
	Delegates int              // that the desk's addition names; without any, only the root cuts it off
	SignInURL string           // of the first officer; empty when the console's port is not known yet
	Officer   string
}

// certificateLife is how long a desk's certificate is valid.
const certificateLife = 2 * 365 * 24 * time.Hour

// FirstOfficer is the name of the officer that a new desk starts with.
const FirstOfficer = "WO1"

// Init makes a desk: its keys, its place at the relays, its certificate by the
// party's root. An invitation serves once, so all that can fail by itself is
// tried before the relays are asked; no key is written before they answered.
func Init(ctx context.Context, o InitOptions) (InitResult, error) {
	if err := o.complete(); err != nil {
		return InitResult{}, err
	}
	id := identity{mailbox: ed25519.NewKeyFromSeed(randomSeed())}
	id.PartyName, id.DeskName = o.Party, o.Name
	root, next, err := openRoot(o)
	if err != nil {
		return InitResult{}, err
	}
	s := root.Suite()
	id.MessageKey, id.DeskKey, id.Control = s.NewMessageKey(), s.NewDeskKey(), s.NewSealKey()
	facts := custody.Facts{Name: o.Party, Root: root.Public()}
	if next == nil {
		if facts, err = o.root().Facts(); err != nil {
			return InitResult{}, err
		}
	}
	id.root = facts.Root
	if o.Dormant {
		if err := activators(facts, s); err != nil {
			return InitResult{}, err
		}
	}
	cert, err := certify(&id, root, o)
	if err != nil {
		return InitResult{}, err
	}
	if err := try(o.Dir); err != nil {
		return InitResult{}, err
	}
	boxes, err := enrol(ctx, o, id.mailbox)
	if err != nil {
		_ = os.Remove(o.Dir) // if it is empty
		return InitResult{}, err
	}
	made := next != nil
	if made {
		if err := o.keepRoot(root, *next); err != nil {
			return InitResult{}, err
		}
	}
	seal := s.NewSealKey()
	st, err := state(&id, root, facts, o, cert, boxes, seal)
	if err != nil {
		return InitResult{}, err
	}
	if err := o.root().Record(st, o.Name, s); err != nil {
		return InitResult{}, err
	}
	r := InitResult{
		Party: o.Party, PartyID: id.Party, Desk: o.Name, DeskID: id.Self.Desk,
		RootFile: o.RootFile, Statement: st, RootMade: made, Officer: FirstOfficer, Delegates: len(st.Add.Delegates),
	}
	if r.SignInURL, err = write(ctx, o, id, facts.Rotations, st, seal); err != nil {
		return InitResult{}, err
	}
	return r, nil
}

// try makes the folder and a file in it, and takes the file away.
func try(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(dir, ".try-*"); err == nil {
			err = errors.Join(f.Close(), os.Remove(f.Name()))
		}
	}
	if err == nil {
		return nil
	}
	why := err
	if p, ok := errors.AsType[*os.PathError](err); ok {
		why = p.Err
	}
	return fault.Wrap(err, fault.Config, "The folder %s cannot be used: %s.", dir, why)
}

// complete fills what was left open and refuses what cannot be.
func (o *InitOptions) complete() error {
	if o.Name == "" {
		o.Name = o.Party + "-1"
	}
	if o.Role == "" {
		o.Role = "watch officer"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.RootPassphrase == nil {
		o.RootPassphrase = o.Passphrase
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "The folder %s cannot be used.", o.Dir)
	}
	o.Dir = dir
	if o.RootFile == "" {
		o.RootFile = filepath.Join(filepath.Dir(dir), o.Party+".root")
	}
	if err := custody.Outside(dir, o.RootFile); err != nil {
		return err
	}
	switch {
	case o.Party == "":
		return fault.New(fault.Invalid, "A desk needs the name of its party.").WithHint("--party JPN")
	case len(o.Passphrase) == 0:
		return fault.New(fault.Invalid, "A desk needs a passphrase.")
	case marking.PartyName(o.Party) != nil:
		return fault.New(fault.Invalid, "%q cannot be the name of a party.", o.Party).WithHint("1 to 64 letters without a comma, such as JPN")
	case len(o.Relays) == 0:
		return fault.New(fault.Invalid, "A desk needs a relay.").WithHint("--relay TOKEN; hotline relay invite prints one")
	case keyring.Exists(dir):
		return fault.New(fault.Config, "%s holds a desk already.", o.Dir)
	}
	return nil
}

func randomSeed() []byte {
	b := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(b) // never fails
	return b
}

// enrol shows the invitations to their relays.
func enrol(ctx context.Context, o InitOptions, key ed25519.PrivateKey) ([]roster.Mailbox, error) {
	var boxes []roster.Mailbox
	public := key.Public().(ed25519.PublicKey)
	for _, token := range o.Relays {
		inv, err := link.ParseInvite(token)
		if err != nil {
			return nil, fault.Wrap(err, fault.Invalid, "The relay's invitation cannot be read: %s.", err.Error())
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		_, err = link.Enrol(ctx, inv, link.ClientConfig{Key: key, Log: o.Log})
		cancel()
		if refused, ok := errors.AsType[*link.RefusedError](err); ok {
			return nil, fault.Wrap(err, fault.Refused, "The relay at %s refused: %s.", inv.Addr, refused.Reason)
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "The relay at %s does not answer.", inv.Addr).
				WithHint("is it running, and is the address right from here?")
		}
		boxes = append(boxes, roster.Mailbox{Addr: inv.Addr, Relay: inv.Pin, Box: link.MailboxOf(public), Putter: public})
	}
	return boxes, nil
}

// openRoot opens the party's root, or makes one and the successor that it
// commits to, which keepRoot writes.
func openRoot(o InitOptions) (root custody.Authority, next *custody.Authority, err error) {
	want, err := suite.ByID(cmp.Or(o.Suite, suite.One.ID()))
	if err != nil {
		return root, nil, fault.Wrap(err, fault.Invalid, "There is no suite %d.", o.Suite).WithHint("1 is the default, 2 the algorithms of CNSA 2.0")
	}
	root, err = o.root().Open()
	if err == nil && o.Suite != 0 && root.Suite() != want {
		return root, nil, fault.New(fault.Invalid, "The root of %s is of suite %d, and a party's suite is for ever.", o.Party, root.Suite()).
			WithHint("leave --suite away, or make another party")
	}
	if len(o.RootShares) > 0 || !errors.Is(err, os.ErrNotExist) {
		return root, nil, err
	}
	root, successor := custody.Found(want)
	return root, &successor, try(filepath.Dir(o.RootFile))
}

// NextRoot is the file of a root's successor, beside it until somebody takes it
// to another safe.
func NextRoot(rootFile string) string { return rootFile + ".next" }

// keepRoot writes a new root, its successor, and what is public about them.
func (o InitOptions) keepRoot(root, next custody.Authority) error {
	if err := custody.Keep(o.RootFile, o.RootPassphrase, root, o.Cost); err != nil {
		return err
	}
	if err := custody.Keep(NextRoot(o.RootFile), o.RootPassphrase, next, o.Cost); err != nil {
		return err
	}
	return o.root().PutFacts(custody.Facts{Name: o.Party, Root: root.Public()})
}

// root says where the root is to be had.
func (o InitOptions) root() custody.Root {
	return custody.Root{File: o.RootFile, Shares: o.RootShares, Passphrase: func() ([]byte, error) { return bytes.Clone(o.RootPassphrase), nil }}
}

// certify has the root sign the desk's certificate.
func certify(id *identity, root custody.Authority, o InitOptions) (roster.Certificate, error) {
	s := root.Suite()
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert, err := roster.NewCertificate(s, root, roster.Certificate{
		Party: root.Party, Name: o.Name, Role: o.Role, MessageKey: id.MessageKey.Public(), DeskKey: id.DeskKey.Public(),
		ControlKey: id.Control.Public(), NotBefore: now, NotAfter: now.Add(certificateLife),
	})
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), roster.ErrMalformed.Error()+": ")
		return cert, fault.Wrap(err, fault.Invalid, "A certificate cannot be made of these names: %s.", cmp.Or(why, err.Error()))
	}
	id.Party, id.Self.Desk = cert.Party, cert.ID(s)
	return cert, nil
}

// state has the root sign the statement that adds the desk to all lines of the
// party.
func state(id *identity, root custody.Authority, facts custody.Facts, o InitOptions, cert roster.Certificate, boxes []roster.Mailbox, seal suite.SealKey) (roster.Statement, error) {
	now := cert.NotBefore
	first, err := roster.NewAnnouncement(id.DeskKey, roster.Announcement{Desk: id.Self.Desk, Number: 1, Public: seal.Public(), Time: now})
	if err != nil {
		return roster.Statement{}, fmt.Errorf("announce seal key: %w", err)
	}
	number, err := o.root().NextNumber()
	if err != nil {
		return roster.Statement{}, err
	}
	add := &roster.Addition{Certificate: cert, SealKey: first, Mailboxes: boxes}
	if add.Delegates, err = facts.Holders(root.Suite(), roster.Delegate); err != nil {
		return roster.Statement{}, err
	}
	if add.Custodians, err = facts.Holders(root.Suite(), roster.Custodian); err != nil {
		return roster.Statement{}, err
	}
	kind := roster.AddDesk
	if o.Dormant {
		kind, add.SealKey = roster.DormantDesk, roster.Announcement{}
	}
	st, err := roster.NewStatement(root.Suite(), root, roster.Statement{Type: kind, Author: root.Party, Number: number, Time: now, Add: add})
	if err != nil {
		return st, fmt.Errorf("state new desk: %w", err)
	}
	return st, nil
}

// write makes the folder and the store. On a failure it takes away what it
// made, so that the next try starts clean.
func write(ctx context.Context, o InitOptions, id identity, rotations [][]byte, st roster.Statement, seal suite.SealKey) (url string, err error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return "", fault.Wrap(err, fault.Config, "The folder %s cannot be made.", o.Dir)
	}
	defer func() {
		if err != nil {
			for _, n := range []string{"keys", "line.db", "line.db-wal", "line.db-shm", "files"} {
				_ = os.RemoveAll(filepath.Join(o.Dir, n))
			}
		}
	}()
	key, err := keyring.Create(o.Dir, o.Name, o.Passphrase, o.Cost)
	if err != nil {
		return "", err
	}
	s, err := store.Open(ctx, o.Dir, key, store.Options{Log: o.Log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	secret := console.NewLink()
	now := time.Now()
	err = s.Update(ctx, func(tx *store.Tx) error {
		for _, b := range rotations {
			r, err := roster.ParseStatement(b)
			if err == nil {
				_, err = tx.PutStatement(r.ID(seal.Suite()), r.Author, r.Line, b)
			}
			if err != nil {
				return fmt.Errorf("store rotation: %w", err)
			}
		}
		hash := console.LinkHash(secret)
		return errors.Join(
			tx.PutSetting(settingIdentity, id.bytes()),
			awake(tx, o.Dormant, seal),
			tx.PutParty(store.Party{ID: id.Party, Name: o.Party, Root: id.root, Self: true, PairedAt: now}),
			discard(tx.PutStatement(st.ID(seal.Suite()), st.Author, st.Line, st.Bytes())),
			discard(tx.AppendJournal("desk", now, st.Bytes())),
			tx.PutOfficer(store.Officer{Name: FirstOfficer, Role: "operator"}),
			tx.PutLoginLink(store.LoginLink{Hash: hash[:], Officer: FirstOfficer, Role: "operator", ExpiresAt: now.Add(console.LinkLife)}),
		)
	})
	if err != nil {
		return "", fmt.Errorf("write new desk: %w", err)
	}
	if _, port, err := net.SplitHostPort(o.ConsoleAddr); err == nil && port != "0" {
		url = console.LinkURL("http://"+o.ConsoleAddr, secret)
	}
	return url, nil
}

func discard[T any](_ T, err error) error { return err }
