package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/journal"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// Everything in here is EXERCISE data.

var (
	start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	dbKey = []byte("EXERCISE EXERCISE EXERCISE 32 b.")
)

// desk is one desk's record, with the keys that signed what is in it.
type desk struct {
	*journal.Keeper
	dir     string
	key     suite.DeskKey
	message suite.MessageKey
	sender  *chain.Sender
	line    ident.Line
	group   ident.Group
	log     bytes.Buffer
	changed int
	sent    int
	last    ident.Message
	nato    person
}

// person is a party with one desk: what its root and its desk sign.
type person struct {
	name    string
	root    suite.RootKey
	key     suite.DeskKey
	message suite.MessageKey
	cert    roster.Certificate
	added   roster.Statement
}

func newPerson(t *testing.T, name string) person {
	t.Helper()
	return newDeskOf(t, name, suite.One.NewRootKey(), ident.Line{})
}

// newDeskOf is a desk that a root adds on a line, or on all.
func newDeskOf(t *testing.T, name string, root suite.RootKey, line ident.Line) person {
	t.Helper()
	s := suite.One
	p := person{name: name, root: root, key: s.NewDeskKey(), message: s.NewMessageKey()}
	var err error
	p.cert, err = roster.NewCertificate(s, p.root, roster.Certificate{
		Name: name + "-1", Role: "watch officer", MessageKey: p.message.Public(), DeskKey: p.key.Public(), ControlKey: s.NewSealKey().Public(),
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := roster.NewAnnouncement(p.key, roster.Announcement{Suite: s.ID(), Desk: p.cert.ID(s), Number: 1, Public: s.NewSealKey().Public(), Time: start})
	if err != nil {
		t.Fatal(err)
	}
	p.added, err = roster.NewStatement(s, p.root, roster.Statement{Type: roster.AddDesk, Line: line, Number: 1, Time: start, Add: &roster.Addition{
		Certificate: p.cert, Mailboxes: []roster.Mailbox{{Addr: "relay.example:8650", Putter: make([]byte, roster.PutterSize)}}, SealKey: a,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, jpn, nato := suite.One, newPerson(t, "JPN"), newPerson(t, "NATO")
	d := &desk{dir: t.TempDir(), key: jpn.key, message: jpn.message, nato: nato}
	c := roster.Charter{
		Suite: s.ID(), Version: 1, Nonce: [32]byte{1}, Name: "JPN-NATO", Profile: "bilateral", Created: start, Quorum: 2, Clocks: roster.DefaultClocks(),
		Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers}, SealKeyPeriod: 24 * time.Hour,
		Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	for _, p := range []person{jpn, nato} {
		c.Members = append(c.Members, roster.Member{Party: p.cert.Party, Name: p.name, Root: p.root.Public()})
	}
	c, err := roster.NewCharter(s, c)
	if err != nil {
		t.Fatal(err)
	}
	d.Keeper = &journal.Keeper{
		Suite: s, Desk: jpn.cert.ID(s), Party: jpn.cert.Party, Key: d.key, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		MayLeave: func(*wire.Message) error { return nil }, Changed: func() { d.changed++ },
	}
	d.line = c.ID(s)
	d.group = roster.GroupID(s, d.line, c.Parties())
	d.sender = d.newSender(t, jpn)
	d.open(t)
	d.update(t, func(tx *store.Tx) error {
		errs := []error{tx.PutLine(store.Line{ID: d.line, Name: "JPN-NATO", Charter: c.Bytes(), State: "open", CreatedAt: start})}
		for _, p := range []person{jpn, nato} {
			sig, err := roster.SignCharter(s, p.key, c, roster.CharterSignature{Party: p.cert.Party, Desk: p.cert.ID(s), Time: start})
			how := map[bool]string{true: store.BySelf, false: store.ByPack}[p.name == "JPN"]
			_, put := tx.PutStatement(p.added.ID(s), p.cert.Party, ident.Line{}, p.added.Bytes())
			errs = append(errs, err, put, tx.PutCharterSignature(d.line, p.cert.Party, sig.Bytes()),
				tx.PutParty(store.Party{ID: p.cert.Party, Name: p.name, Root: p.root.Public(), Self: p.name == "JPN", PairedAt: start, How: how}))
		}
		return errors.Join(errs...)
	})
	return d
}

// newSender is a sending key of a person's desk for the whole line.
func (d *desk) newSender(t *testing.T, p person) *chain.Sender {
	t.Helper()
	m, err := chain.NewSender(suite.One, chain.Start{
		Group: d.group, Desk: p.cert.ID(suite.One), Parties: []ident.Party{d.Party, d.nato.cert.Party}, Now: start,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (d *desk) open(t *testing.T) {
	t.Helper()
	s, err := store.Open(t.Context(), d.dir, dbKey, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d.Store = s
	t.Cleanup(func() { _ = s.Close() })
}

func (d *desk) update(t *testing.T, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := d.Store.Update(context.WithoutCancel(t.Context()), fn); err != nil {
		t.Fatal(err)
	}
}

// send puts n messages of the desk into its record, each with a receipt and,
// at the end, an attestation.
func (d *desk) send(t *testing.T, n int) {
	t.Helper()
	d.update(t, func(tx *store.Tx) error {
		for range n {
			if err := d.sendOne(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *desk) sendOne(tx *store.Tx) error {
	d.sent++
	m := wire.Message{
		Kind: traffic.Informal, Status: traffic.Exercise, Exercise: "X", Serial: fmt.Sprintf("JPN-1/%04d", d.sent), Composed: 1, Text: []byte("EXERCISE"),
		Label: wire.Label{Classification: marking.Unclassified, TLP: marking.TLPClear, PAP: marking.PAPClear, Any: true},
	}
	body, err := m.Encode()
	if err != nil {
		return err
	}
	row := store.Message{ID: ident.NewMessage(), Line: d.line, Group: d.group, Outgoing: true, Party: d.Party, Desk: d.Desk, Content: wire.ContentHash(body), Body: body, CommittedAt: start}
	x, err := d.sender.Seal(d.message, chain.SealInput{Kind: envelope.Message, Precedence: precedence.Routine, Message: row.ID, Body: body, Expiry: start})
	if err != nil {
		return err
	}
	row.Evidence, row.Envelope, d.last = x.Evidence, envelope.Identify(x.Envelope), row.ID
	said, err := d.sender.Seal(d.message, chain.SealInput{Kind: envelope.Receipt, ReceiptTo: d.nato.cert.Party, Message: ident.NewMessage(), Body: []byte("EXERCISE"), Expiry: start})
	if err != nil {
		return err
	}
	_, err = tx.AppendJournal("sent", start, journal.Leaf(&row))
	return errors.Join(err, tx.PutMessage(&row), tx.PutReceipt(store.Receipt{
		Line: d.line, Group: d.group, Desk: d.Desk, Party: d.nato.cert.Party, Generation: d.sender.Generation(), Sequence: said.Sequence, Evidence: said.Evidence, Body: []byte("EXERCISE"),
	}))
}

// attest keeps an attestation of the desk's own chains.
func (d *desk) attest(t *testing.T) {
	t.Helper()
	n, running := d.sender.Last(precedence.Routine)
	a := checkpoint.Attestation{Sender: d.Desk, Group: d.group, Generation: d.sender.Generation(), Commitment: d.sender.Commitment(), Time: start,
		Lanes: []checkpoint.Lane{{Last: n, Running: running}}}.Sign(d.Suite, d.key)
	d.update(t, func(tx *store.Tx) error {
		id, err := tx.PutGeneration(store.Generation{Line: d.line, Sender: d.Desk, Group: d.group, Name: d.sender.Generation(), Identity: d.sender.Identity(), Commitment: d.sender.Commitment(), At: start})
		return errors.Join(err, tx.PutAttestation(store.Attestation{Generation: id, At: start, CameAt: start, Hash: a.Hash(d.Suite), Bytes: a.Bytes(d.Suite)}))
	})
}

// change runs one statement that changes exactly one row.
func (d *desk) change(t *testing.T, q string) {
	t.Helper()
	d.update(t, func(tx *store.Tx) error {
		n, err := tx.Exec(q)
		if n != 1 && err == nil {
			err = fmt.Errorf("%s: %d rows", q, n)
		}
		return err
	})
}

// root is that of the journal as it stands in the database.
func (d *desk) root(t *testing.T) checkpoint.Hash {
	t.Helper()
	s, err := d.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Root
}

func TestCheckpointGoesOnFromTheLast(t *testing.T) {
	d := newDesk(t)
	d.send(t, 5)
	first, err := d.Checkpoint(t.Context())
	if err != nil || first.Size != 6 { // and the generation's own leaf
		t.Fatalf("checkpoint %+v, %v", first, err)
	}
	p, err := checkpoint.Open(d.Suite, d.Desk, d.key.Public(), first.Note)
	if err != nil || p.Root != d.root(t) || p.Generation != first.Generation {
		t.Errorf("signed %+v, %v; want root %v", p, err, d.root(t))
	}
	if again, err := d.Checkpoint(t.Context()); err != nil || !bytes.Equal(again.Note, first.Note) {
		t.Errorf("nothing new, and signed again: %+v, %v", again, err)
	}
	d.send(t, 2500) // more than a page
	if next, err := d.Checkpoint(t.Context()); err != nil || next.Size != 2506 {
		t.Errorf("next %+v, %v", next, err)
	}
	if err := d.Verify(t.Context(), true); err != nil {
		t.Error(err)
	}
	if s, err := d.Status(t.Context()); err != nil || s.Err != nil || s.Covered != 2506 || s.VerifiedAt.IsZero() || s.Running {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestHeadIsRecomputedBeforeSigning changes what is stored between writing and
// signing: nothing is signed, the log says so, and nothing is cleaned away.
func TestHeadIsRecomputedBeforeSigning(t *testing.T) {
	blob := func(column, where string) string {
		return strings.NewReplacer("COLUMN", column, "WHERE", where).Replace(
			"SET COLUMN = CAST(substr(COLUMN, 1, 7) || x'00' || substr(COLUMN, 9) AS BLOB) WHERE")
	}
	for name, q := range map[string]string{
		"data of a new leaf":           "UPDATE journal " + blob("data", "WHERE seq = 18"),
		"the time of a new leaf":       "UPDATE journal SET at = at + 1 WHERE seq = 18",
		"the kind of a new leaf":       "UPDATE journal SET kind = 'tent' WHERE seq = 18",
		"a new leaf gone":              "DELETE FROM journal WHERE seq = 18",
		"the last leaf gone":           "DELETE FROM journal WHERE seq = 21",
		"a new leaf's number":          "UPDATE journal SET seq = 99 WHERE seq = 21",
		"a new leaf's hash":            "UPDATE tree " + blob("hash", "WHERE place = (SELECT max(place) FROM tree)"),
		"an inner hash of new ones":    "UPDATE tree " + blob("hash", "WHERE place = 30"),
		"the edge that was signed":     "UPDATE tree " + blob("hash", "WHERE place = 14"),
		"the last checkpoint's note":   "UPDATE checkpoint " + blob("note", "WHERE size = 11"),
		"the last checkpoint's size":   "UPDATE checkpoint SET size = 10 WHERE size = 11",
		"the last checkpoint's number": "UPDATE checkpoint SET generation = generation - 1",
		"the last checkpoint's time":   "UPDATE checkpoint SET at = at + 1",
	} {
		d := newDesk(t)
		d.send(t, 10)
		if _, err := d.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		d.send(t, 10)
		d.change(t, q)
		if c, err := d.Checkpoint(t.Context()); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: signed %+v, %v; want ErrDamaged", name, c, err)
		}
		if !strings.Contains(d.log.String(), "level=ERROR") || d.changed != 1 {
			t.Errorf("%s: nobody is told: %q, %d", name, d.log.String(), d.changed)
		}
		d.update(t, func(tx *store.Tx) error {
			if all, err := tx.Checkpoints(0, 9); err != nil || len(all) != 1 {
				t.Errorf("%s: checkpoints %d, %v", name, len(all), err)
			}
			if !errors.Is(tx.MayClean(), store.ErrDamaged) {
				t.Errorf("%s: cleaning goes on", name)
			}
			return nil
		})
	}
}

// TestFlippedDiskIsNeverSigned flips bits of the database file itself: a
// checkpoint that is signed all the same has the root of what was written.
func TestFlippedDiskIsNeverSigned(t *testing.T) {
	d := newDesk(t)
	d.send(t, 40)
	if _, err := d.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.send(t, 300)
	want := d.root(t)
	if err := d.Store.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(d.dir, "line.db")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		bad := bytes.Clone(good)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), d.dir, dbKey, store.Options{})
		if err != nil {
			refused++
			continue
		}
		d.Store = s
		c, err := d.Checkpoint(t.Context())
		if err != nil {
			refused++
		} else if p, err := checkpoint.Open(d.Suite, d.Desk, d.key.Public(), c.Note); err != nil || p.Size == 341 && p.Root != want {
			t.Errorf("signed root %v of %d leaves, %v; want %v", p.Root, p.Size, err, want)
		}
		_ = s.Close()
	}
	if refused == 0 {
		t.Error("no flip was noticed: the test flips nothing that counts")
	}
}

// TestVerifyFindsEveryFlippedByteClass changes each kind of thing that the
// record is made of.
func TestVerifyFindsEveryFlippedByteClass(t *testing.T) {
	flip := func(table, column string) string {
		return strings.NewReplacer("TABLE", table, "COLUMN", column).Replace(
			"UPDATE TABLE SET COLUMN = CAST(substr(COLUMN, 1, 70) || x'00' || substr(COLUMN, 72) AS BLOB) WHERE rowid = (SELECT max(rowid) FROM TABLE)")
	}
	for name, c := range map[string]struct {
		change     string
		signatures bool // found only where signatures are verified
	}{
		"an old leaf":                  {"UPDATE journal SET at = at + 1 WHERE seq = 3", false},
		"an old hash":                  {"UPDATE tree SET hash = zeroblob(32) WHERE place = 0", false},
		"an old inner hash":            {"UPDATE tree SET hash = zeroblob(32) WHERE place = 2", false},
		"a checkpoint":                 {"UPDATE checkpoint SET note = CAST(substr(note, 1, 99) || 'x' || substr(note, 101) AS BLOB)", false},
		"a checkpoint's size":          {"UPDATE checkpoint SET size = 7", false},
		"a checkpoint of more leaves":  {"UPDATE checkpoint SET size = 700", false},
		"a message's body":             {"UPDATE message SET body = CAST(substr(body, 1, 9) || x'00' || substr(body, 11) AS BLOB) WHERE seq = 4", false},
		"a message's content hash":     {"UPDATE message SET content = zeroblob(32) WHERE seq = 4", false},
		"a message's line":             {"UPDATE message SET desk = zeroblob(32) WHERE seq = 4", false},
		"a message's direction":        {"UPDATE message SET outgoing = 0 WHERE seq = 4", false},
		"a message gone":               {"DELETE FROM message WHERE seq = 4", false},
		"a message that nobody sent":   {"INSERT INTO message SELECT zeroblob(16), 99, line, grp, outgoing, party, desk, precedence, exercise, content, body, envelope, evidence, committed_at, due_at, next_at, step, settled_at, told, NULL, NULL, NULL FROM message WHERE seq = 4", false},
		"a text that no leaf removes":  {"UPDATE message SET removed_at = 1, body = x'00' WHERE seq = 4", false},
		"what a message's desk signed": {flip("message", "evidence"), true},
		"what a receipt's desk signed": {flip("receipt", "evidence"), true},
		"a receipt's body":             {"UPDATE receipt SET body = x'00' WHERE id = 3", true},
		"an attestation":               {flip("attestation", "bytes"), true},
		"a certificate in a statement": {"UPDATE statement SET bytes = CAST(substr(bytes, 1, 260) || x'0000000000000000' || substr(bytes, 269) AS BLOB) WHERE party = (SELECT id FROM party WHERE self)", true},
	} {
		d := newDesk(t)
		d.send(t, 20)
		d.attest(t)
		if _, err := d.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Verify(t.Context(), true); err != nil {
			t.Fatalf("%s: before: %v", name, err)
		}
		d.change(t, c.change)
		err := d.Verify(t.Context(), false)
		if errors.Is(err, store.ErrDamaged) == c.signatures {
			t.Errorf("%s: Verify without signatures = %v", name, err)
		}
		if c.signatures {
			err = d.Verify(t.Context(), true)
		}
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: Verify = %v, want ErrDamaged", name, err)
		}
		if s, err := d.Status(t.Context()); err != nil || s.Err == nil || d.changed != 1 {
			t.Errorf("%s: status %+v, %v, told %d", name, s, err, d.changed)
		}
	}
}

func TestDamageThatIsMendedIsForgotten(t *testing.T) {
	d := newDesk(t)
	d.send(t, 20)
	d.change(t, "UPDATE journal SET kind = 'tent' WHERE seq = 3")
	if err := d.Verify(t.Context(), false); !errors.Is(err, store.ErrDamaged) {
		t.Fatal(err)
	}
	d.change(t, "UPDATE journal SET kind = 'sent' WHERE seq = 3")
	if err := d.Verify(t.Context(), false); err != nil || d.changed != 2 {
		t.Fatalf("mended: %v, told %d", err, d.changed)
	}
	d.update(t, func(tx *store.Tx) error { return tx.MayClean() })
	if _, err := d.Checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestRestoredJournalBeginsAnew: a copy signs nothing before it was settled,
// and then under another generation.
func TestRestoredJournalBeginsAnew(t *testing.T) {
	d := newDesk(t)
	d.send(t, 3)
	first, err := d.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Store.Close(); err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(d.dir)); err != nil {
		t.Fatal(err)
	}
	d.dir = copied
	d.open(t)
	d.send(t, 3)
	if _, err := d.Checkpoint(t.Context()); !errors.Is(err, journal.ErrNotSettled) {
		t.Fatalf("a copy signs: %v", err)
	}
	d.update(t, func(tx *store.Tx) error { return tx.Settle() })
	next, err := d.Checkpoint(t.Context())
	if err != nil || next.Generation <= first.Generation {
		t.Errorf("generation %d after %d, %v", next.Generation, first.Generation, err)
	}
	if err := d.Verify(t.Context(), false); err != nil {
		t.Error(err)
	}
}

// TestKeeperSignsByTheClock: soon after the start, ten minutes after what is
// new, and at the end; and looks at everything once a day.
func TestKeeperSignsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.send(t, 2)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		covered := func() int64 {
			s, err := d.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s.Covered
		}
		time.Sleep(time.Minute)
		if n := covered(); n != 3 {
			t.Fatalf("%d leaves signed after the start, want 3", n)
		}
		d.send(t, 2)
		time.Sleep(8 * time.Minute)
		if n := covered(); n != 3 {
			t.Errorf("%d leaves signed after 8 minutes, want 3", n)
		}
		time.Sleep(3 * time.Minute)
		if n := covered(); n != 5 {
			t.Errorf("%d leaves signed after 11 minutes, want 5", n)
		}
		d.send(t, 1000)
		time.Sleep(time.Minute)
		if n := covered(); n != 1005 {
			t.Errorf("%d leaves signed after a thousand, want 1005", n)
		}
		d.send(t, 1)
		stop()
		if err := <-ended; err != nil || covered() != 1006 {
			t.Errorf("%d leaves signed at the end, want 1006; %v", covered(), err)
		}
		ctx, stop = context.WithCancel(t.Context())
		defer stop()
		go func() { ended <- d.Run(ctx) }()
		d.change(t, "UPDATE tree SET hash = zeroblob(32) WHERE place = 2")
		time.Sleep(25 * time.Hour)
		if d.changed == 0 || !strings.Contains(d.log.String(), "damaged") {
			t.Errorf("a day later nobody has noticed: %q", d.log.String())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		_ = d.Store.Close()
	})
}
