package complaint_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/complaint"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// Everything in here is EXERCISE data.

var start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)

func named(name string) [32]byte { return sha256.Sum256([]byte("EXERCISE " + name)) }

type desk struct {
	name    string
	id      ident.Desk
	party   ident.Party
	key     suite.DeskKey
	message suite.MessageKey
	seal    suite.SealKey
}

func (d *desk) certificate() roster.Certificate {
	return roster.Certificate{Party: d.party, Name: d.name, MessageKey: d.message.Public(), DeskKey: d.key.Public()}
}

// scene is a group of three desks, one of each party. JPN's slices are at fault.
type scene struct {
	testing.TB
	s              suite.Suite
	jpn, nato, aus *desk
	line           ident.Line
	sender         *chain.Sender
}

func newScene(tb testing.TB, s suite.Suite) *scene {
	tb.Helper()
	make := func(name string) *desk {
		return &desk{name + "-1", named("desk " + name), named("party " + name), s.NewDeskKey(), s.NewMessageKey(), s.NewSealKey()}
	}
	sc := &scene{TB: tb, s: s, jpn: make("JPN"), nato: make("NATO"), aus: make("AUS"), line: named("line")}
	var err error
	sc.sender, err = chain.NewSender(s, chain.Start{Group: roster.GroupID(s, sc.line, sc.parties()), Desk: sc.jpn.id, Parties: sc.parties(), Now: start})
	if err != nil {
		tb.Fatal(err)
	}
	return sc
}

func (sc *scene) parties() []ident.Party {
	return []ident.Party{sc.jpn.party, sc.nato.party, sc.aus.party}
}

// desks knows all three.
func (sc *scene) desks(id ident.Desk) (roster.Certificate, bool) {
	for _, d := range []*desk{sc.jpn, sc.nato, sc.aus} {
		if d.id == id {
			return d.certificate(), true
		}
	}
	return roster.Certificate{}, false
}

// slice is the signed part of JPN's slice to a desk.
func (sc *scene) slice(to *desk) []byte {
	env, err := sc.sender.SliceFor(sc.jpn.message, chain.SliceInput{
		Desk: to.id, Party: to.party, SealPublic: to.seal.Public(), SealNumber: 7, Precedence: precedence.Flash, Expiry: start.Add(time.Hour), Now: start,
	})
	if err != nil {
		sc.Fatal(err)
	}
	key := func(d ident.Desk) ([]byte, bool) { c, ok := sc.desks(d); return c.MessageKey, ok }
	_, sl, err := chain.OpenSlice(sc.s, env, chain.Recipient{Desk: to.id, Party: to.party, Key: to.seal, SealNumber: 7}, key, start)
	if err != nil {
		sc.Fatal(err)
	}
	return sl.Proof
}

// other is slice with another commitment, signed by JPN as well.
func (sc *scene) other(to *desk) []byte {
	signed := slices.Clone(sc.slice(to))
	statement := signed[40 : 40+221]
	statement[0] ^= 1
	signature := sc.jpn.message.Sign("hotline/1/slice", to.id[:], binary.BigEndian.AppendUint64(nil, 7), statement)
	return append(signed[:40+221], signature...)
}

func (sc *scene) attestation(edit func(a *checkpoint.Attestation)) []byte {
	a := checkpoint.Attestation{
		Sender: sc.jpn.id, Group: sc.sender.Group(), Generation: sc.sender.Generation(), Commitment: sc.sender.Commitment(), Time: start,
		Lanes: []checkpoint.Lane{{Lane: 3, Last: 1, Running: named("running")}},
	}
	if edit != nil {
		edit(&a)
	}
	return a.Sign(sc.s, sc.jpn.key).Bytes(sc.s)
}

// complain is NATO's complaint about JPN.
func (sc *scene) complain(kind complaint.Kind, slice, beside []byte) complaint.Complaint {
	return complaint.Complaint{
		By: sc.nato.id, About: sc.jpn.id, Line: sc.line, Parties: sc.parties(), Generation: sc.sender.Generation(), Kind: kind, Time: start,
		Slice: slice, Beside: beside,
	}.Sign(sc.s, sc.nato.key)
}

// all is a founded complaint of each kind.
func (sc *scene) all() []complaint.Complaint {
	return []complaint.Complaint{
		sc.complain(complaint.Garbage, sc.slice(sc.nato), nil),
		sc.complain(complaint.Astray, sc.slice(sc.aus), nil),
		sc.complain(complaint.TwoKeys, sc.slice(sc.nato), sc.other(sc.nato)),
		sc.complain(complaint.Unattested, sc.other(sc.nato), sc.attestation(nil)),
	}
}

func (sc *scene) name(id ident.Desk) string { c, _ := sc.desks(id); return c.Name }

// TestComplaintsHold: each kind, in each suite, reads as it was written and is
// verified by somebody who has nothing but certificates.
func TestComplaintsHold(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		sc := newScene(t, s)
		want := []struct {
			proves bool
			text   string
		}{
			{false, "NATO-1 says that the sending key which JPN-1 sealed to it"},
			{false, "NATO-1 says that a sending key of JPN-1, made out to AUS-1, came to it: JPN-1 or AUS-1"},
			{true, "JPN-1 signed two sending keys under one name; NATO-1 shows both."},
			{true, "JPN-1 signed another sending key for NATO-1 than it attests; NATO-1 shows both."},
		}
		for i, x := range sc.all() {
			b := x.Bytes(s)
			read, err := complaint.Parse(s, b)
			if err != nil || !bytes.Equal(read.Bytes(s), b) || len(b) > complaint.MaxSize {
				t.Fatalf("kind %d: %d bytes do not read as written: %v", x.Kind, len(b), err)
			}
			q, err := read.Verify(s, sc.desks)
			if err != nil || q.Slice.Sender != sc.jpn.id || (q.Other != nil) != (x.Kind == complaint.TwoKeys) || (q.Attestation != nil) != (x.Kind == complaint.Unattested) || read.Kind.Proves() != want[i].proves || read.Group(s) != sc.sender.Group() {
				t.Errorf("kind %d: %v, proves %v", x.Kind, err, read.Kind.Proves())
			}
			if kinds := "garbage astray two-keys unattested"; !strings.Contains(kinds, read.Kind.String()) || complaint.Kind(9).String() != "kind 9" {
				t.Errorf("kind %d is called %q", x.Kind, read.Kind)
			}
			if text := read.Text(sc.name); !strings.HasPrefix(text, want[i].text) {
				t.Errorf("kind %d says %q, want %q", x.Kind, text, want[i].text)
			}
		}
	}
}

// TestEveryByteOfAComplaintCounts: whatever is changed, it does not read or does
// not hold.
func TestEveryByteOfAComplaintCounts(t *testing.T) {
	sc := newScene(t, suite.One)
	for _, x := range sc.all() {
		b := x.Bytes(sc.s)
		for i := range b {
			if i > 500 && i%40 > 0 { // the long signatures need not all
				continue
			}
			bad := slices.Clone(b)
			bad[i] ^= 1
			read, err := complaint.Parse(sc.s, bad)
			if err == nil {
				_, err = read.Verify(sc.s, sc.desks)
			}
			if err == nil {
				t.Fatalf("kind %d: byte %d of %d changed, and it holds", x.Kind, i, len(b))
			}
		}
	}
}

// TestUnfoundedComplaints: what is signed by the complainer and not so.
func TestUnfoundedComplaints(t *testing.T) {
	sc := newScene(t, suite.One)
	own, aus, attested := sc.slice(sc.nato), sc.slice(sc.aus), sc.attestation(nil)
	stranger := sc.complain(complaint.Garbage, own, nil)
	stranger.About = named("nobody")
	outside := sc.complain(complaint.Garbage, own, nil)
	outside.Parties = []ident.Party{sc.jpn.party, sc.aus.party}
	narrow := sc.complain(complaint.Garbage, own, nil)
	narrow.Parties = []ident.Party{sc.jpn.party, sc.nato.party}
	self := sc.complain(complaint.Astray, sc.slice(sc.jpn), nil)
	unsigned := sc.complain(complaint.Garbage, own, nil)
	unsigned.Time = start.Add(time.Second)
	for name, c := range map[string]struct {
		x    complaint.Complaint
		want error
	}{
		"of a stranger":                        {stranger.Sign(sc.s, sc.nato.key), complaint.ErrUnknown},
		"by a desk outside its audience":       {outside.Sign(sc.s, sc.nato.key), complaint.ErrUnknown},
		"of another group than its slice":      {narrow.Sign(sc.s, sc.nato.key), complaint.ErrUnfounded},
		"signed by another desk":               {sc.complain(complaint.Garbage, own, nil).Sign(sc.s, sc.aus.key), complaint.ErrUnfounded},
		"changed after it was signed":          {unsigned, complaint.ErrUnfounded},
		"garbage in somebody else's slice":     {sc.complain(complaint.Garbage, aus, nil), complaint.ErrUnfounded},
		"astray, and the complainer's":         {sc.complain(complaint.Astray, own, nil), complaint.ErrUnfounded},
		"astray, and its signer's":             {self, complaint.ErrUnfounded},
		"two keys that are one":                {sc.complain(complaint.TwoKeys, own, aus), complaint.ErrUnfounded},
		"two keys, and one not signed":         {sc.complain(complaint.TwoKeys, own, append([]byte{}, own[:len(own)-1]...)), complaint.ErrUnfounded},
		"unattested, and attested":             {sc.complain(complaint.Unattested, own, attested), complaint.ErrUnfounded},
		"unattested, beside a slice":           {sc.complain(complaint.Unattested, own, aus), complaint.ErrUnfounded},
		"unattested, in another generation":    {sc.complain(complaint.Unattested, own, sc.attestation(func(a *checkpoint.Attestation) { a.Generation[0] ^= 1; a.Commitment[0] ^= 1 })), complaint.ErrUnfounded},
		"unattested, by whom it is not about":  {sc.complain(complaint.Unattested, own, sc.attestation(func(a *checkpoint.Attestation) { a.Sender = sc.aus.id; a.Commitment[0] ^= 1 })), complaint.ErrUnfounded},
		"unattested, by a signature of nobody": {sc.complain(complaint.Unattested, own, append(slices.Clone(sc.attestation(func(a *checkpoint.Attestation) { a.Commitment[0] ^= 1 }))[:400], make([]byte, 3373)...)), complaint.ErrUnfounded},
	} {
		if _, err := c.x.Verify(sc.s, sc.desks); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestDecoderIsStrict: a complaint has one spelling and bounds.
func TestDecoderIsStrict(t *testing.T) {
	sc := newScene(t, suite.One)
	x := sc.complain(complaint.Garbage, sc.slice(sc.nato), nil)
	b := x.Bytes(sc.s)
	for n := range len(b) - sc.s.Sizes().DeskSignature + 1 { // of a signature cut short Verify says that it does not hold
		if _, err := complaint.Parse(sc.s, b[:n]); !errors.Is(err, complaint.ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v, want ErrMalformed", n, err)
		}
	}
	for name, change := range map[string]func(x *complaint.Complaint){
		"kind 0":        func(x *complaint.Complaint) { x.Kind = 0 },
		"kind 5":        func(x *complaint.Complaint) { x.Kind = 5 },
		"about oneself": func(x *complaint.Complaint) { x.About = x.By },
		"one party":     func(x *complaint.Complaint) { x.Parties = x.Parties[:1] },
		"65 parties": func(x *complaint.Complaint) {
			x.Parties = make([]ident.Party, 65)
			for i := range x.Parties {
				x.Parties[i][0] = byte(i)
			}
		},
		"a word with something beside it": func(x *complaint.Complaint) { x.Beside = []byte{1} },
		"a proof with nothing beside it":  func(x *complaint.Complaint) { x.Kind = complaint.TwoKeys },
		"no time":                         func(x *complaint.Complaint) { x.Time = time.UnixMilli(0) },
		"too long":                        func(x *complaint.Complaint) { x.Slice = make([]byte, 7<<10) },
	} {
		y := x
		change(&y)
		y = y.Sign(sc.s, sc.nato.key)
		if _, err := complaint.Parse(sc.s, y.Bytes(sc.s)); !errors.Is(err, complaint.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	two := newScene(t, suite.Two).all()[0]
	for name, bad := range map[string][]byte{
		"another suite":   two.Bytes(suite.Two),
		"nothing":         nil,
		"17 kB":           append(slices.Clone(b), make([]byte, 17<<10)...),
		"another version": append([]byte{2}, b[1:]...),
	} {
		if _, err := complaint.Parse(sc.s, bad); !errors.Is(err, complaint.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// FuzzParse: what reads, writes back to the same bytes; nothing panics.
func FuzzParse(f *testing.F) {
	sc := newScene(f, suite.One)
	for _, x := range sc.all() {
		f.Add(x.Bytes(sc.s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := complaint.Parse(sc.s, b)
		if err != nil {
			return
		}
		if !bytes.Equal(x.Bytes(sc.s), b) {
			t.Error("a complaint has two spellings")
		}
		_, _ = x.Verify(sc.s, sc.desks)
		_ = x.Text(sc.name)
	})
}
