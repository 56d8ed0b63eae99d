package desk

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hotline/internal/blob"
	"hotline/internal/complaint"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// person is a party with one desk, as others know it.
type person struct {
	root  suite.RootKey
	self  exchange.Self
	added roster.Statement
}

func newPerson(t *testing.T, name string) *person {
	t.Helper()
	s := suite.One
	p := &person{root: s.NewRootKey(), self: exchange.Self{
		PartyName: name, DeskName: name + "-1", MessageKey: s.NewMessageKey(), DeskKey: s.NewDeskKey(), Control: s.NewSealKey(),
	}}
	now := time.Now().UTC().Truncate(time.Millisecond)
	cert, err := roster.NewCertificate(s, p.root, roster.Certificate{
		Name: p.self.DeskName, Role: "watch officer", MessageKey: p.self.MessageKey.Public(), DeskKey: p.self.DeskKey.Public(),
		ControlKey: p.self.Control.Public(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.self.Party, p.self.Desk = cert.Party, cert.ID(s)
	seal, err := roster.NewAnnouncement(p.self.DeskKey, roster.Announcement{Desk: p.self.Desk, Number: 1, Public: s.NewSealKey().Public(), Time: now})
	if err != nil {
		t.Fatal(err)
	}
	box := roster.Mailbox{Addr: "relay.example:4711", Relay: ident.Relay{1}, Box: ident.Mailbox{2}, Putter: make([]byte, ed25519.PublicKeySize)}
	p.added, err = roster.NewStatement(s, p.root, roster.Statement{
		Type: roster.AddDesk, Number: 1, Time: now, Add: &roster.Addition{Certificate: cert, SealKey: seal, Mailboxes: []roster.Mailbox{box}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOnlyWhatIsProvenStandsAboveTheScreens: of what other desks complain, a word
// is shown with the line alone, and proof above every screen.
func TestOnlyWhatIsProvenStandsAboveTheScreens(t *testing.T) {
	st, err := store.Open(t.Context(), t.TempDir(), make([]byte, store.KeySize), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	jpn, nato, aus := newPerson(t, "JPN"), newPerson(t, "NATO"), newPerson(t, "AUS")
	c := roster.Charter{
		Nonce: [32]byte{1}, Name: "JPN-NATO-AUS", Profile: "bilateral", Created: time.Now().UTC().Truncate(time.Millisecond), Clocks: roster.DefaultClocks(),
		Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers}, SealKeyPeriod: 24 * time.Hour,
		Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	for _, p := range []*person{jpn, nato, aus} {
		c.Members = append(c.Members, roster.Member{Party: p.self.Party, Name: p.self.PartyName, Root: p.root.Public()})
	}
	if c, err = roster.NewCharter(suite.One, c); err != nil {
		t.Fatal(err)
	}
	line := c.ID(suite.One)
	update := func(fn func(tx *store.Tx) error) {
		t.Helper()
		if err := st.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		for _, p := range []*person{jpn, nato, aus} {
			how := map[bool]string{true: store.BySelf, false: store.ByPack}[p == jpn]
			if err := tx.PutParty(store.Party{ID: p.self.Party, Name: p.self.PartyName, Root: p.root.Public(), Self: p == jpn, PairedAt: time.Now(), How: how}); err != nil {
				return err
			}
			if _, err := tx.PutStatement(p.added.ID(suite.One), p.self.Party, ident.Line{}, p.added.Bytes()); err != nil {
				return err
			}
		}
		return tx.PutLine(store.Line{ID: line, Name: c.Name, Charter: c.Bytes(), State: "open", CreatedAt: time.Now()})
	})
	d := &Desk{store: st, id: identity{Self: jpn.self}}
	if d.blobs, err = blob.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	d.engine, err = exchange.New(t.Context(), exchange.Config{Store: st, Blobs: d.blobs, Suite: suite.One, Self: jpn.self, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	alarms := func() (text string) {
		t.Helper()
		v, _ := d.engine.View().Line(line)
		err := st.View(t.Context(), func(tx *store.Tx) error {
			all, err := d.lineAlarms(tx, v)
			for _, a := range all {
				text += a.Kind + ": " + a.Text
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	complain := func(by, about *person, kind complaint.Kind, times byte) {
		x := complaint.Complaint{
			By: by.self.Desk, About: about.self.Desk, Line: line, Parties: c.Parties(), Kind: kind, Time: time.Now(), Slice: by.self.Desk[:],
		}
		if kind.Proves() {
			x.Beside = []byte{1}
		}
		x = x.Sign(suite.One, by.self.DeskKey)
		update(func(tx *store.Tx) (err error) {
			for n := range times {
				_, put := tx.PutComplaint(store.Complaint{At: time.Now(), Line: line, By: x.By, About: x.About, Generation: [16]byte{n}, Kind: uint8(kind), Bytes: x.Bytes(suite.One)})
				err = errors.Join(err, put)
			}
			return err
		})
	}
	complain(nato, aus, complaint.Garbage, 1)
	if text := alarms(); text != "" {
		t.Errorf("a desk's word stands above every screen: %s", text)
	}
	complain(nato, aus, complaint.TwoKeys, 1)
	const told = "complaint: AUS-1 signed two sending keys under one name; NATO-1 shows both."
	if text := alarms(); text != told {
		t.Errorf("above the screens stands %q", text)
	}
	complain(aus, nato, complaint.Garbage, 100)
	complain(aus, nato, complaint.TwoKeys, 100)
	if text := alarms(); !strings.Contains(text, told) || strings.Count(text, "complaint: ") != 2 {
		t.Errorf("behind a flood of complaints by who is convicted stands %q", text)
	}
	prove := func(p *person, verdict string) {
		update(func(tx *store.Tx) error {
			_, err := tx.PutProof(store.Proof{At: time.Now(), Line: line, Sender: p.self.Desk, Kind: verdict, Verdict: verdict, Text: "EXERCISE " + verdict})
			return err
		})
	}
	prove(aus, "path or sender")
	if text := alarms(); !strings.Contains(text, told) {
		t.Errorf("what a relay may have done hides what convicts: %q", text)
	}
	prove(nato, "sender")
	if text := alarms(); !strings.Contains(text, "divergence: EXERCISE sender") || !strings.Contains(text, told) || strings.Count(text, "complaint: ") != 1 {
		t.Errorf("beside our own proof about NATO stands %q", text)
	}
	update(func(tx *store.Tx) (err error) {
		for n := range 100 {
			_, put := tx.PutProof(store.Proof{At: time.Now(), Line: line, Sender: nato.self.Desk, Kind: "sender", Verdict: "sender", Text: fmt.Sprintf("EXERCISE again, %d", n)})
			err = errors.Join(err, put)
		}
		return err
	})
	if text := alarms(); !strings.Contains(text, "EXERCISE path or sender") || !strings.Contains(text, "EXERCISE again, 99") || strings.Count(text, "divergence: ") != 2 {
		t.Errorf("behind a flood of proofs about who is convicted stands %q", text)
	}
	out := d.checks(exchange.RecordFacts{Complaints: []exchange.Complaint{{By: nato.self.Desk, About: aus.self.Desk, Kind: complaint.Astray, Text: "NATO-1 says"}}})
	if len(out.Complaints) != 1 || out.Complaints[0].By != "NATO-1" || out.Complaints[0].About != "AUS-1" || out.Complaints[0].Kind != "astray" || out.Complaints[0].Proven {
		t.Errorf("the line's facts say %+v", out.Complaints)
	}
}
