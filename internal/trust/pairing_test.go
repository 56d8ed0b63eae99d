package trust

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/link"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// side is one party's book over a store of its own.
type side struct {
	*Book
	store  *store.Store
	leaves []string
	events []string
}

// outlet writes straight into the store.
type outlet struct {
	tx *store.Tx
	s  *side
}

func (o outlet) Store() *store.Tx                        { return o.tx }
func (o outlet) Reload() error                           { return nil }
func (o outlet) Tell(ident.Party, uint8, []byte) error   { return nil }
func (o outlet) TakeStatements([]roster.Statement) error { return nil }
func (o outlet) Event(kind string, _ []byte) error {
	o.s.events = append(o.s.events, kind)
	return nil
}
func (o outlet) Leaf(kind string, data []byte) error {
	o.s.leaves = append(o.s.leaves, kind)
	_, err := o.tx.AppendJournal(kind, time.Now(), data)
	return err
}

func newSide(t testing.TB, name string, persons int) *side {
	t.Helper()
	key := make([]byte, store.KeySize)
	_, _ = rand.Read(key)
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), name), key, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	root := suite.One.NewRootKey()
	s := &side{store: st}
	s.Book = &Book{
		Suite: suite.One, Persons: persons,
		Self: Self{Party: roster.PartyOf(suite.One, root.Public()), PartyName: name, Root: root.Public(), DeskName: name + "-1", DeskKey: suite.One.NewDeskKey()},
		Step: func(ctx context.Context, fn func(Outlet) error) error {
			return st.Update(ctx, func(tx *store.Tx) error { return fn(outlet{tx, s}) })
		},
	}
	desk := addition(t, root, s.Self.DeskKey)
	s.tx(t, func(tx *store.Tx) error {
		if _, err := tx.PutStatement(desk.ID(suite.One), s.Self.Party, desk.Line, desk.Bytes()); err != nil {
			return err
		}
		return tx.PutParty(store.Party{ID: s.Self.Party, Name: name, Root: root.Public(), Self: true, PairedAt: time.Now()})
	})
	return s
}

// addition is a root's statement about a desk; a card has at least one.
func addition(t testing.TB, root suite.RootKey, desk roster.Signer) roster.Statement {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert := must[roster.Certificate](t)(roster.NewCertificate(suite.One, root, roster.Certificate{
		Name: "desk-1", Role: "watch officer", MessageKey: suite.One.NewMessageKey().Public(), DeskKey: desk.Public(),
		ControlKey: suite.One.NewSealKey().Public(), NotBefore: now, NotAfter: now.Add(time.Hour),
	}))
	seal := must[roster.Announcement](t)(roster.NewAnnouncement(desk, roster.Announcement{
		Desk: cert.ID(suite.One), Number: 1, Public: suite.One.NewSealKey().Public(), Time: now,
	}))
	putter := make([]byte, 32)
	_, _ = rand.Read(putter)
	return must[roster.Statement](t)(roster.NewStatement(suite.One, root, roster.Statement{
		Type: roster.AddDesk, Number: 1, Time: now, Add: &roster.Addition{
			Certificate: cert, SealKey: seal, Mailboxes: []roster.Mailbox{{Addr: "relay.example:7402", Box: link.MailboxOf(putter), Putter: putter}},
		},
	}))
}

func (s *side) tx(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := s.store.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// known lists the parties other than the own one.
func (s *side) known(t *testing.T) (out []store.Party) {
	t.Helper()
	s.tx(t, func(tx *store.Tx) error {
		all, err := tx.Parties()
		out = slices.DeleteFunc(all, func(p store.Party) bool { return p.Self })
		return err
	})
	return out
}

func (s *side) get(t *testing.T, id string) (p Pairing) {
	t.Helper()
	s.tx(t, func(tx *store.Tx) (err error) { p, err = s.Get(tx, id); return err })
	return p
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var (
	wo1  = By{Officer: "WO1"}
	both = By{Officer: "WO1", Witness: "CUS1"}
)

// files passes the three files by hand, found by what is in them.
func files(t *testing.T, a, b *side, again bool) (pa, pb Pairing) {
	t.Helper()
	ok := must[Pairing](t)
	pa = ok(a.Start(t.Context(), Meeting{Peer: b.Self.PartyName, Again: again}, wo1))
	pb = ok(b.Answer(t.Context(), pa.File, Meeting{Again: again}, wo1))
	pa = ok(a.Take(t.Context(), pb.File, wo1))
	pb = ok(b.Take(t.Context(), pa.File, wo1))
	if pa.Step != "words" || pb.Step != "words" || pa.Session != pb.Session {
		t.Fatalf("after the files: %s and %s", pa.Step, pb.Step)
	}
	return pa, pb
}

func pair(t *testing.T, a, b *side, again bool) (pa, pb Pairing) {
	t.Helper()
	pa, pb = files(t, a, b, again)
	ok := must[Pairing](t)
	return ok(a.Confirm(t.Context(), pa.ID, pb.Say, both)), ok(b.Confirm(t.Context(), pb.ID, []string{strings.ToUpper(strings.Join(pa.Say, "　, "))}, both))
}

// TestNothingButWordsMakesAParty is attack 16: short of the other side's six
// words nothing that a book offers, and no row that somebody writes into its
// database, makes a party that this desk knows.
func TestNothingButWordsMakesAParty(t *testing.T) {
	a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
	pa, pb := files(t, a, b, false)
	ctx := t.Context()
	calls := map[string]func() error{
		"own words":        func() error { _, err := a.Confirm(ctx, pa.ID, pa.Say, wo1); return err },
		"no words":         func() error { _, err := a.Confirm(ctx, pa.ID, nil, wo1); return err },
		"all but one":      func() error { _, err := a.Confirm(ctx, pa.ID, pb.Say[:5], wo1); return err },
		"nobody confirms":  func() error { _, err := a.Confirm(ctx, pa.ID, pb.Say, By{}); return err },
		"a file once more": func() error { _, err := a.Take(ctx, pb.File, wo1); return err },
		"its own file":     func() error { _, err := a.Take(ctx, pa.File, wo1); return err },
		"a record before": func() error {
			return a.store.View(ctx, func(tx *store.Tx) error { _, err := a.Record(tx, pa.ID); return err })
		},
		"a pairing of b":     func() error { _, err := a.Confirm(ctx, "77", pb.Say, wo1); return err },
		"a stranger's party": func() error { _, err := a.StopParty(ctx, "NATO", "r", wo1); return err },
	}
	for what, call := range calls {
		err := call()
		if err == nil && what != "a file once more" {
			t.Errorf("%s: no refusal", what)
		}
	}
	id := b.Self.Party
	for what, write := range map[string]func(tx *store.Tx) error{
		"a party by words": func(tx *store.Tx) error {
			return tx.PutParty(store.Party{ID: id, Name: "NATO", Root: b.Self.Root, PairedAt: time.Now(), How: store.ByWords})
		},
		"a party that is ours": func(tx *store.Tx) error {
			return tx.PutParty(store.Party{ID: id, Name: "NATO", Root: b.Self.Root, PairedAt: time.Now(), How: store.BySelf})
		},
		"a party without more": func(tx *store.Tx) error {
			return tx.PutParty(store.Party{ID: id, Name: "NATO", Root: b.Self.Root, PairedAt: time.Now()})
		},
		"a record of an open pairing": func(tx *store.Tx) error {
			if err := tx.PutPairingRecord(store.PairingRecord{Pairing: 1, Party: id, At: time.Now(), Officer: "WO1", Text: "x"}); err != nil {
				return err
			}
			return tx.PutParty(store.Party{ID: id, Name: "NATO", Root: b.Self.Root, PairedAt: time.Now(), How: store.ByWords})
		},
	} {
		if err := a.store.Update(ctx, write); err == nil {
			t.Errorf("the database takes %s", what)
		}
	}
	// Somebody turns the row to "paired": the ceremony's own state counts.
	a.tx(t, func(tx *store.Tx) error { _, err := tx.Exec("UPDATE pairing SET step = 'paired'"); return err })
	if p := a.get(t, pa.ID); p.Step == "paired" || p.Party != nil {
		t.Errorf("a changed row shows %q, party %v", p.Step, p.Party)
	}
	if got := a.known(t); len(got) != 0 {
		t.Fatalf("known without words: %v", got)
	}
	a.tx(t, func(tx *store.Tx) error { _, err := tx.Exec("UPDATE pairing SET step = 'words'"); return err })
	if p := must[Pairing](t)(a.Confirm(ctx, pa.ID, pb.Say, wo1)); p.Party == nil || len(a.known(t)) != 1 {
		t.Errorf("the right words make no party: %+v", p)
	}
}

func TestTwoPersonsWhereTheyAreAsked(t *testing.T) {
	a, b := newSide(t, "JPN", 2), newSide(t, "NATO", 1)
	pa, pb := files(t, a, b, false)
	for _, who := range []By{wo1, {Officer: "WO1", Witness: "WO1"}, {Witness: "CUS1"}} {
		if _, err := a.Confirm(t.Context(), pa.ID, pb.Say, who); !fault.Is(err, fault.Refused) {
			t.Errorf("%+v confirms alone: %v", who, err)
		}
	}
	if p := a.get(t, pa.ID); p.AttemptsLeft != ceremony.Attempts || p.Persons != 2 {
		t.Errorf("%d attempts are left, %d persons", p.AttemptsLeft, p.Persons)
	}
	p := must[Pairing](t)(a.Confirm(t.Context(), pa.ID, pb.Say, both))
	if p.Record == nil || p.Record.Officer != "WO1" || p.Record.Witness != "CUS1" {
		t.Errorf("record: %+v", p.Record)
	}
}

// TestRecordOfAPairing: it names root, officer, witness and time, and one
// changed letter breaks its signature.
func TestRecordOfAPairing(t *testing.T) {
	a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
	pa, _ := pair(t, a, b, false)
	text := pa.Record.Text
	said, err := CheckRecord(suite.One, a.Self.DeskKey.Public(), text)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"their party and root: NATO " + b.Self.Party.String(), "words typed by: WO1", "witness: CUS1", "session: " + pa.Session, "at: 20"} {
		if !strings.Contains(said, want) {
			t.Errorf("record lacks %q:\n%s", want, said)
		}
	}
	if _, err := CheckRecord(suite.One, a.Self.DeskKey.Public(), strings.Replace(text, "CUS1", "CUS2", 1)); !fault.Is(err, fault.Unverified) {
		t.Errorf("a changed record: %v", err)
	}
	if !slices.Contains(a.leaves, "pairing-record") {
		t.Errorf("journal has %v", a.leaves)
	}
}

// TestDeadPairingsAreLimited: three in a day with one party, each of three
// tries; one that is given up does not count, another party is not held up.
func TestDeadPairingsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
		for range maxDead {
			pa, pb := files(t, a, b, false)
			for range ceremony.Attempts {
				if _, err := a.Confirm(t.Context(), pa.ID, pa.Say, wo1); !fault.Is(err, fault.Unverified) {
					t.Fatalf("wrong words: %v", err)
				}
			}
			if p := a.get(t, pa.ID); p.Step != "failed" || p.Ended != "words" || len(p.Say) != 0 {
				t.Fatalf("after %d wrong sets: %+v", ceremony.Attempts, p)
			}
			if _, err := a.Confirm(t.Context(), pa.ID, pb.Say, wo1); err == nil {
				t.Fatal("a dead pairing takes the right words")
			}
			must[Pairing](t)(b.Abandon(t.Context(), pb.ID, wo1))
		}
		if _, err := a.Start(t.Context(), Meeting{Peer: "NATO"}, wo1); !fault.Is(err, fault.Busy) {
			t.Errorf("a pairing after %d dead ones: %v", maxDead, err)
		}
		if _, err := a.Start(t.Context(), Meeting{Peer: "AUS"}, wo1); err != nil {
			t.Errorf("another party: %v", err)
		}
		if _, err := b.Start(t.Context(), Meeting{Peer: "JPN"}, wo1); err != nil {
			t.Errorf("after pairings that were given up: %v", err)
		}
		time.Sleep(24 * time.Hour)
		if _, err := a.Start(t.Context(), Meeting{Peer: "NATO"}, wo1); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

// TestDeadAnswersAreCountedWhateverTheName: whoever makes the first file chooses
// the name in it. Another name is no other start, and whom a stranger names is
// not shut out: not from beginning here, and for an hour from being answered.
func TestDeadAnswersAreCountedWhateverTheName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, nato := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
		for range maxDead {
			_, p := files(t, newSide(t, "NATO", 1), us, false) // not the true one
			for range ceremony.Attempts {
				if _, err := us.Confirm(t.Context(), p.ID, p.Say, wo1); !fault.Is(err, fault.Unverified) {
					t.Fatalf("wrong words: %v", err)
				}
			}
		}
		begun := must[Pairing](t)(newSide(t, "OTHER", 1).Start(t.Context(), Meeting{Peer: "JPN"}, wo1))
		if _, err := us.Answer(t.Context(), begun.File, Meeting{}, wo1); !fault.Is(err, fault.Busy) {
			t.Errorf("another name is answered: %v", err)
		}
		if _, err := us.Answer(t.Context(), begun.File, Meeting{Peer: "FIFTH"}, wo1); !fault.Is(err, fault.Busy) {
			t.Errorf("a name of our own is answered: %v", err)
		}
		if p, _ := pair(t, us, nato, false); p.Step != "paired" {
			t.Errorf("a ceremony that is begun here with the party that was named stands at %s", p.Step)
		}
		time.Sleep(time.Hour)
		if _, err := us.Answer(t.Context(), begun.File, Meeting{}, wo1); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}

// TestPairingExpires: seven days after it began a pairing is dead; the words of
// the other side come too late.
func TestPairingExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
		pa, pb := files(t, a, b, false)
		must[Pairing](t)(a.Confirm(t.Context(), pa.ID, pb.Say, wo1)) // b's officer never does
		time.Sleep(PairingLife - time.Minute)
		if err := b.Expire(t.Context()); err != nil || b.get(t, pb.ID).Step != "words" {
			t.Fatalf("a minute early: %s, %v", b.get(t, pb.ID).Step, err)
		}
		time.Sleep(time.Minute)
		if err := b.Expire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p := b.get(t, pb.ID); p.Step != "failed" || p.Ended != "expired" {
			t.Errorf("after seven days: %+v", p)
		}
		if _, err := b.Confirm(t.Context(), pb.ID, pa.Say, wo1); err == nil || len(b.known(t)) != 0 {
			t.Errorf("words after the end: %v, knows %v", err, b.known(t))
		}
		if p := a.get(t, pa.ID); p.Step != "paired" {
			t.Errorf("the side that had confirmed stands at %s", p.Step)
		}
	})
}

// TestChangedRootStopsTheLines: a party that comes back with another root is a
// new party; the old one stands still until its own root is verified anew.
func TestChangedRootStopsTheLines(t *testing.T) {
	a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
	pair(t, a, b, false)
	if _, err := a.Start(t.Context(), Meeting{Peer: "NATO"}, wo1); !fault.Is(err, fault.Conflict) {
		t.Errorf("a second pairing without asking: %v", err)
	}
	other := newSide(t, "NATO", 1)
	pair(t, a, other, true)
	got := a.known(t)
	if len(got) != 2 || got[0].Name != "NATO" || got[0].ID != other.Self.Party || !got[0].StoppedAt.IsZero() {
		t.Fatalf("known: %+v", got)
	}
	if !strings.HasPrefix(got[1].Name, "NATO before ") || got[1].StoppedAt.IsZero() || !strings.Contains(got[1].Stopped, "root of NATO changed") {
		t.Errorf("old root: %+v", got[1])
	}
	if !slices.Contains(a.leaves, "party-stopped") {
		t.Errorf("journal has %v", a.leaves)
	}
}

// TestStoppedPartyGoesOnAfterANewCeremony: and not before.
func TestStoppedPartyGoesOnAfterANewCeremony(t *testing.T) {
	a, b := newSide(t, "JPN", 1), newSide(t, "NATO", 1)
	pair(t, a, b, false)
	line := store.Line{ID: ident.Line{1}, Name: "JPN-NATO", Charter: []byte("c"), State: "open", CreatedAt: time.Now()}
	a.tx(t, func(tx *store.Tx) error { return tx.PutLine(line) })
	if _, err := a.StopParty(t.Context(), "NATO", "", wo1); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a reason: %v", err)
	}
	a.events = nil
	must[store.Party](t)(a.StopParty(t.Context(), "NATO", "their safe was opened", wo1))
	if !slices.Contains(a.events, eventLine) {
		t.Errorf("the screens hear %v, and not of the line", a.events)
	}
	if p := a.known(t)[0]; p.StoppedAt.IsZero() || p.Stopped != "their safe was opened" {
		t.Fatalf("stopped: %+v", p)
	}
	pa, pb := files(t, a, b, true)
	if a.known(t)[0].StoppedAt.IsZero() {
		t.Error("files alone let it go on")
	}
	must[Pairing](t)(a.Confirm(t.Context(), pa.ID, pb.Say, wo1))
	if p := a.known(t)[0]; !p.StoppedAt.IsZero() || len(a.known(t)) != 1 {
		t.Errorf("after the words: %+v", p)
	}
}

// memoryRelay is a relay's rendezvous in memory.
type memoryRelay struct {
	mu    sync.Mutex
	blobs map[uint8][]byte
	spoil bool
}

func (m *memoryRelay) Relay(context.Context, string) (ident.Relay, error) {
	return ident.Relay{7}, nil
}

func (m *memoryRelay) Put(_ context.Context, _ Code, own bool, step uint8, blob []byte) error {
	if own != (step != 2) {
		return fmt.Errorf("step %d by %v", step, own)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blobs[step] == nil {
		m.blobs[step] = slices.Clone(blob)
		if m.spoil {
			m.blobs[step][20] ^= 1
		}
	}
	return nil
}

func (m *memoryRelay) Get(ctx context.Context, _ Code, step uint8) ([]byte, error) {
	m.mu.Lock()
	b := m.blobs[step]
	m.mu.Unlock()
	if b != nil {
		return b, nil
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(link.MeetingWait):
		return nil, &link.RefusedError{Reason: link.ReasonNotYet}
	}
}

// TestRendezvousCarriesTheFiles: with a code and nothing else both sides come
// to their words; nothing is trusted by that.
func TestRendezvousCarriesTheFiles(t *testing.T) {
	for _, spoil := range []bool{false, true} {
		t.Run(fmt.Sprintf("spoiled %v", spoil), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b, relay := newSide(t, "JPN", 1), newSide(t, "NATO", 1), &memoryRelay{blobs: map[uint8][]byte{}}
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				code := must[*Code](t)(Draw("relay.example:7402", ident.Relay{7}))
				pa := must[Pairing](t)(a.Start(ctx, Meeting{Peer: "NATO", Code: code}, wo1))
				go func() { _ = a.Carry(ctx, relay, pa.ID) }()
				synctest.Wait()
				relay.spoil = spoil
				pb := must[Pairing](t)(b.Meet(ctx, relay, strings.ToUpper(pa.Place.Code), Meeting{}, wo1))
				go func() { _ = b.Carry(ctx, relay, pb.ID) }()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				pa, pb = a.get(t, pa.ID), b.get(t, pb.ID)
				if spoil {
					if pa.Step != "send_file" || pa.Place.State != placeSpoiled {
						t.Errorf("a spoiled file: %s, %s", pa.Step, pa.Place.State)
					}
					return
				}
				if pa.Step != "words" || pb.Step != "words" || len(a.known(t))+len(b.known(t)) != 0 {
					t.Fatalf("after ten minutes: %s (%s), %s (%s)", pa.Step, pa.Place.State, pb.Step, pb.Place.State)
				}
				must[Pairing](t)(a.Confirm(ctx, pa.ID, pb.Say, wo1))
				if p := must[Pairing](t)(b.Confirm(ctx, pb.ID, pa.Say, wo1)); p.Place != nil {
					t.Errorf("the code outlives the pairing: %+v", p.Place)
				}
			})
		})
	}
	if _, err := newSide(t, "JPN", 1).Meet(t.Context(), &memoryRelay{}, "k7q2m", Meeting{}, wo1); !fault.Is(err, fault.Invalid) || errors.Is(err, context.Canceled) {
		t.Errorf("no code: %v", err)
	}
}
