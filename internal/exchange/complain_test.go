package exchange_test

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/complaint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// dispute is a line of three: JPN is a puppet, NATO and AUS run.
type dispute struct {
	*testing.T
	hub       *hub
	jpn, fra  *party
	elsewhere *party // JPN's second desk, on another line of JPN and NATO alone
	members   []*party
	nato, aus *desk
	line      ident.Line
}

func newDispute(t *testing.T) *dispute {
	t.Helper()
	return newDisputeWith(t, false)
}

// newDisputeWith is newDispute with FRA, which has no desk that runs: on the
// line, or paired with all and on no line of theirs.
func newDisputeWith(t *testing.T, member bool) *dispute {
	t.Helper()
	h := newHub()
	h.accused = true
	a, b, c := newParty(t, "JPN", h), newParty(t, "NATO", h), newParty(t, "AUS", h)
	fra := newParty(t, "FRA", h)
	s := &dispute{T: t, hub: h, jpn: a, fra: fra, members: []*party{a, b, c}}
	if member {
		s.members = append(s.members, fra)
	}
	ch := charter(t, "JPN-NATO-AUS", s.members...)
	s.line = ch.ID(one)
	for _, p := range []*party{b, c} {
		p.found(t, ch, a, b, c, fra)
	}
	s.elsewhere = newDesk(t, "JPN", 2, a.root, h)
	s.elsewhere.addOn(t, b, charter(t, "JPN-NATO", a, b))
	s.nato, s.aus = b.start(t, h), c.start(t, h)
	s.nato.virtual, s.aus.virtual = true, true
	return s
}

// addOn has a desk open a line on which p is, and on no other.
func (p *party) addOn(t *testing.T, at *party, ch roster.Charter) {
	t.Helper()
	add := p.add
	add.Line, add.Number = ch.ID(one), 1
	add, err := roster.NewStatement(one, p.root, add)
	if err != nil {
		t.Fatal(err)
	}
	st := at.open(t)
	defer st.Close()
	err = st.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.PutStatement(add.ID(one), p.id, add.Line, add.Bytes())
		return errors.Join(err, tx.PutLine(store.Line{ID: add.Line, Name: ch.Name, Charter: ch.Bytes(), State: "open", CreatedAt: time.Now()}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// all are the members.
func (s *dispute) all() []*party { return s.members }

// puppet makes a sending key for the whole line and gives it to NATO.
func (s *dispute) puppet() *puppet {
	s.Helper()
	return s.jpn.puppet(s.T, s.hub, s.line, s.nato.party, chain.Start{}, s.all()...)
}

// unsent makes a sending key that nobody has got.
func (s *dispute) unsent(parties ...*party) *puppet {
	s.Helper()
	return s.unsentBy(s.jpn, parties...)
}

func (s *dispute) unsentBy(by *party, parties ...*party) *puppet {
	s.Helper()
	q := &puppet{party: by, t: s.T, hub: s.hub, victim: s.nato.party}
	start := chain.Start{Desk: by.self.Desk, Now: time.Now()}
	for _, p := range parties {
		start.Parties = append(start.Parties, p.id)
	}
	start.Group = roster.GroupID(one, s.line, start.Parties)
	var err error
	if q.sender, err = chain.NewSender(one, start); err != nil {
		s.Fatal(err)
	}
	return q
}

// complaints lists those that a desk keeps, words first.
func (d *desk) complaints(t *testing.T, line ident.Line) (all []store.Complaint) {
	t.Helper()
	for _, worth := range []store.Worth{store.Word, store.Proven} {
		err := d.store.View(t.Context(), func(tx *store.Tx) error {
			some, err := tx.Complaints(line, worth, 999)
			all = append(all, some...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// told waits for n complaints at both desks, and for no more.
func (s *dispute) told(n int) {
	s.Helper()
	time.Sleep(time.Minute)
	for _, d := range []*desk{s.nato, s.aus} {
		if got := len(d.complaints(s.T, s.line)); got != n || d.leaves(s.T, "complaint") != n {
			s.Errorf("%s keeps %d complaints and %d leaves of them, want %d", d.name, got, d.leaves(s.T, "complaint"), n)
		}
	}
}

// shows holds what both desks show of their newest complaint.
func (s *dispute) shows(proven bool, words ...string) {
	s.Helper()
	for _, d := range []*desk{s.nato, s.aus} {
		f, err := d.Record(s.Context(), s.line)
		if err != nil || len(f.Complaints) == 0 {
			s.Errorf("%s shows no complaint: %v", d.name, err)
			continue
		}
		for _, want := range words {
			if c := f.Complaints[0]; c.Proven != proven || !strings.Contains(c.Text, want) {
				s.Errorf("%s shows %q (proven: %v), want %q", d.name, c.Text, c.Proven, want)
			}
		}
	}
}

// works holds that what comes behind is taken, and that nobody is out.
func (s *dispute) works() {
	s.Helper()
	q := s.puppet()
	id := q.send(s.all(), nil)
	s.nato.until(s.T, "a message behind it", known(id))
	id = send(s.T, s.aus, flash(s.line, "EXERCISE"))
	s.nato.until(s.T, "a message of the third desk", known(id))
	for _, d := range []*desk{s.nato, s.aus} {
		v, _ := d.View().Line(s.line)
		if v.State != "open" || len(d.View().Removed) != 0 {
			s.Errorf("%s: the line is %s, %d desks removed", d.name, v.State, len(d.View().Removed))
		}
	}
}

// forged is a slice of the puppet's key as no honest desk makes one: made out to
// one desk and sealed to another, with its key or what is signed changed.
func (q *puppet) forged(madeOut *party, to suite.SealKey, edit func(key, statement []byte)) []byte {
	q.t.Helper()
	env, err := q.sender.SliceFor(q.self.MessageKey, chain.SliceInput{
		Desk: madeOut.self.Desk, Party: madeOut.id, SealPublic: madeOut.seal.Public(), SealNumber: 1,
		Precedence: precedence.Flash, Expiry: time.Now().Add(time.Hour), Now: time.Now(),
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return resealed(q.t, env, madeOut, to, q.self.MessageKey, edit)
}

// signedSize is the signed part of a slice without its signature.
const signedSize = 221

// resealed opens a slice with the key of the desk that it is made out to, and
// seals it to another. signer nil: its signature stays as it is.
func resealed(t *testing.T, env []byte, madeOut *party, to suite.SealKey, signer chain.Signer, edit func(key, statement []byte)) []byte {
	t.Helper()
	plain, err := madeOut.seal.Open("hotline/1/slice", env[:envelope.HeaderSize], env[envelope.HeaderSize:])
	if err != nil {
		t.Fatal(err)
	}
	key, statement := plain[:32], plain[32:32+signedSize]
	if edit != nil {
		edit(key, statement)
	}
	if signer != nil {
		copy(plain[32+signedSize:], signer.Sign("hotline/1/slice", madeOut.self.Desk[:], binary.BigEndian.AppendUint64(nil, 1), statement))
	}
	tag := chain.SliceTag(one, to.Public())
	copy(env[4:20], tag[:])
	box, err := one.SealTo(to.Public(), "hotline/1/slice", env[:envelope.HeaderSize], plain)
	if err != nil {
		t.Fatal(err)
	}
	return append(env[:envelope.HeaderSize:envelope.HeaderSize], box...)
}

// garbage puts noise in the place of the key.
func garbage(key, _ []byte) { _, _ = rand.Read(key) }

// TestGarbageInASliceIsComplainedOf: what only the reader of a slice can see it
// says to all, under its signature, once; it is shown as its word and no more.
func TestGarbageInASliceIsComplainedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.unsent(s.all()...)
		for range 3 {
			q.put(3, q.forged(s.nato.party, s.nato.seal, garbage))
		}
		s.told(1)
		s.shows(false, "NATO-1 says", "JPN-1")
		for _, d := range []*desk{s.nato, s.aus} {
			if all := d.alarms(t, s.line); len(all) != 0 {
				t.Errorf("%s alarms on a desk's word: %+v", d.name, all)
			}
		}
		s.works()
		for range 9 { // a desk that lies without end is complained of now and then
			q := s.unsent(s.all()...)
			q.put(3, q.forged(s.nato.party, s.nato.seal, garbage))
		}
		s.told(4)
		last := s.puppet() // and what convicts it is told all the same
		last.put(3, last.second(s.nato.party))
		s.told(5)
		s.shows(true, "JPN-1 signed two sending keys under one name")
		quiesce(s.nato, s.aus)
	})
}

// TestSliceMadeOutToAnotherIsComplainedOf: a slice that is signed for another
// desk is refused. Its signer or that desk gave its key away: both are named.
func TestSliceMadeOutToAnotherIsComplainedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.unsent(s.all()...)
		for range 3 {
			q.put(3, q.forged(s.aus.party, s.nato.seal, nil))
		}
		id := q.send(s.all(), nil)
		s.told(1)
		s.shows(false, "NATO-1 says", "JPN-1 or AUS-1")
		if s.nato.now(t, "shown", known(id)) {
			t.Error("NATO follows a key that was made out to AUS")
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// second is another key under the puppet's generation, signed as if it were the
// only one.
func (q *puppet) second(to *party) []byte {
	g, group := q.sender.Generation(), q.sender.Group()
	return q.forged(to, to.seal, func(key, statement []byte) {
		_, _ = rand.Read(key)
		c := one.Hash("hotline/1/commitment", key, q.self.Desk[:], group[:], g[:])
		copy(statement, c[:])
	})
}

// TestTwoKeysUnderOneNameConvictAtEveryDesk: what convicts a desk is proven at
// those too to whom it told no lie.
func TestTwoKeysUnderOneNameConvictAtEveryDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.puppet()
		q.put(3, q.second(s.nato.party))
		s.told(1)
		s.shows(true, "JPN-1 signed two sending keys under one name; NATO-1 shows both")
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestKeysThatDifferBetweenDesksConvict: two desks get two keys of one name. One
// of them learns it from what the sender attests, and then every desk knows.
func TestKeysThatDifferBetweenDesksConvict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.puppet()
		other := *q
		other.victim = s.aus.party
		other.put(3, q.second(s.aus.party))
		time.Sleep(time.Second)
		q.attest() // NATO finds its own key in it
		carrier := s.jpn.puppet(t, s.hub, s.line, s.aus.party, chain.Start{}, s.all()...)
		carrier.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Attestation, Body: q.attestation()})
		s.told(1)
		s.shows(true, "JPN-1 signed another sending key for AUS-1 than it attests; AUS-1 shows both")
		if _, ok := s.aus.convicted(t, s.line, s.jpn.self.Desk); !ok {
			t.Error("AUS holds no proof of its own")
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestComplaintIsHeldAgainstOwnKey: what a complaint quotes is a slice, and may
// be of another key than the one that this desk has.
func TestComplaintIsHeldAgainstOwnKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		fresh := s.unsent(s.all()...)
		fresh.slice(s.aus.party)
		fresh.put(3, fresh.forged(s.nato.party, s.nato.seal, func(key, statement []byte) { garbage(key, nil); copy(statement, key) }))
		time.Sleep(time.Minute)
		found := false
		for _, c := range s.aus.complaints(t, s.line) {
			found = found || c.By == s.aus.self.Desk && c.Kind == uint8(complaint.TwoKeys) && c.Generation == fresh.sender.Generation()
		}
		if !found {
			t.Error("AUS did not hold what NATO quotes against the key that it has itself")
		}
		s.shows(true, "JPN-1 signed two sending keys under one name; AUS-1 shows both")
		if _, ok := s.aus.convicted(t, s.line, s.jpn.self.Desk); !ok {
			t.Error("AUS holds no proof of its own")
		}
		quiesce(s.nato, s.aus)
	})
}

// TestHonestRacesMakeNoComplaint: what comes of lost state, of races and of
// anybody who knows a seal key is refused, and nobody is accused of it.
func TestHonestRacesMakeNoComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		s.hub.accused = false
		q := s.puppet()
		time.Sleep(time.Second)
		stranger, dormant := newParty(t, "JPN", s.hub), suite.One.NewSealKey()
		for name, env := range map[string]func() []byte{
			"sealed to a key that is gone":                    func() []byte { return q.forged(s.nato.party, dormant, nil) },
			"the same slice sealed again":                     func() []byte { return q.forged(s.nato.party, s.nato.seal, nil) },
			"noise beside a signed part that was shown since": func() []byte { return q.forged(s.nato.party, s.nato.seal, garbage) },
			"signed by another desk's key": func() []byte {
				r := s.unsent(s.all()...)
				r.party = &party{name: "JPN", id: s.jpn.id, self: s.jpn.self}
				r.self.MessageKey = suite.One.NewMessageKey()
				return r.forged(s.nato.party, s.nato.seal, garbage)
			},
			"of a desk that is not known yet": func() []byte {
				r := s.unsent(s.all()...)
				start := chain.Start{Desk: stranger.self.Desk, Group: r.sender.Group(), Parties: []ident.Party{s.jpn.id, s.nato.id, s.aus.id}, Now: time.Now()}
				r.party = stranger
				var err error
				if r.sender, err = chain.NewSender(one, start); err != nil {
					t.Fatal(err)
				}
				return r.forged(s.nato.party, s.nato.seal, garbage)
			},
			"of a group that is no audience here": func() []byte {
				r := s.unsent(s.all()...)
				return r.forged(s.nato.party, s.nato.seal, func(key, statement []byte) { garbage(key, nil); garbage(statement[48:80], nil) })
			},
			"noise sealed to the seal key": func() []byte {
				r := s.unsent(s.all()...)
				return resealed(t, r.forged(s.nato.party, s.nato.seal, nil), s.nato.party, s.nato.seal, nil, func(key, statement []byte) { garbage(statement, nil) })
			},
			"cut short on the way": func() []byte { return q.forged(s.nato.party, s.nato.seal, garbage)[:1200] },
		} {
			q.put(3, env())
			time.Sleep(2 * time.Minute)
			if n := len(s.nato.complaints(t, s.line)); n != 0 {
				t.Errorf("%s: %d complaints", name, n)
			}
		}
		s.told(0)
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestComplaintGoesToItsAudienceAlone: who writes to whom is for nobody else.
func TestComplaintGoesToItsAudienceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		time.Sleep(2 * time.Minute) // what starts say is said
		got := map[ident.Mailbox]int{}
		s.hub.mu.Lock()
		s.hub.withhold = func(_, to ident.Mailbox, _ []byte) bool { got[to]++; return false }
		s.hub.mu.Unlock()
		q := s.unsent(s.jpn, s.nato.party)
		q.put(3, q.forged(s.nato.party, s.nato.seal, garbage))
		time.Sleep(time.Minute)
		if a, b := len(s.nato.complaints(t, s.line)), len(s.aus.complaints(t, s.line)); a != 1 || b != 0 {
			t.Errorf("NATO keeps %d complaints and AUS %d, want 1 and none", a, b)
		}
		s.hub.mu.Lock()
		if got[s.jpn.box] == 0 || got[s.aus.box] != 0 {
			t.Errorf("JPN, which is complained of, got %d envelopes, and AUS, which is not of the audience, %d", got[s.jpn.box], got[s.aus.box])
		}
		s.hub.withhold = nil
		s.hub.mu.Unlock()
		quiesce(s.nato, s.aus)
	})
}

// slicesOf collects the signed parts of what a desk sealed to the puppet's.
func (s *dispute) slicesOf(d *desk) (all []chain.Slice) {
	s.Helper()
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	key := func(id ident.Desk) ([]byte, bool) { return d.self.MessageKey.Public(), id == d.self.Desk }
	to := chain.Recipient{Desk: s.jpn.self.Desk, Party: s.jpn.id, Key: s.jpn.seal, SealNumber: 1}
	for _, x := range s.hub.boxes[s.jpn.box] {
		if _, sl, err := chain.OpenSlice(one, x.Envelope, to, key, time.Now()); err == nil {
			all = append(all, sl)
		}
	}
	return all
}

// accuse is a true complaint's form, filled with what the puppet likes.
func (s *dispute) accuse(sl chain.Slice, edit func(x *complaint.Complaint)) []byte {
	x := complaint.Complaint{
		By: s.jpn.self.Desk, About: sl.Sender, Line: s.line, Parties: []ident.Party{s.jpn.id, s.nato.id, s.aus.id}, Generation: sl.Generation,
		Kind: complaint.Garbage, Time: time.Now(), Slice: sl.Proof,
	}
	if edit != nil {
		edit(&x)
	}
	x = x.Sign(one, s.jpn.self.DeskKey)
	return append([]byte{5}, x.Bytes(one)...)
}

// quoted is a slice to the puppet of a key that was never sent.
func (s *dispute) quoted(by *party, parties ...*party) chain.Slice {
	s.Helper()
	key := func(ident.Desk) ([]byte, bool) { return by.self.MessageKey.Public(), true }
	to := chain.Recipient{Desk: s.jpn.self.Desk, Party: s.jpn.id, Key: s.jpn.seal, SealNumber: 1}
	_, sl, err := chain.OpenSlice(one, s.unsentBy(by, parties...).forged(s.jpn, s.jpn.seal, nil), to, key, time.Now())
	if err != nil {
		s.Fatal(err)
	}
	return sl
}

func (q *puppet) state(body []byte) {
	q.say(ident.NewMessage(), chain.SealInput{Kind: envelope.Statement, Body: body})
}

// TestLyingComplaintStopsNobody: a desk complains of slices that were good. It is
// shown as what it says; nothing follows, the second time nothing at all.
func TestLyingComplaintStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		send(t, s.aus, flash(s.line, "EXERCISE"))
		time.Sleep(time.Minute)
		given := s.slicesOf(s.aus)
		if len(given) == 0 {
			t.Fatal("AUS gave the puppet no key")
		}
		keys := func() (n int) {
			_ = s.nato.store.View(t.Context(), func(tx *store.Tx) error {
				return tx.Row("SELECT count(*) FROM generation WHERE sender IN (?, ?)", s.nato.self.Desk, s.aus.self.Desk).Scan(&n)
			})
			return n
		}
		q, before := s.puppet(), keys()
		q.slice(s.aus.party)
		lie := s.accuse(given[0], nil)
		for range 20 {
			q.state(lie)
		}
		time.Sleep(time.Minute)
		if n := len(s.nato.complaints(t, s.line)); n != 1 || s.nato.leaves(t, "complaint") != 1 {
			t.Errorf("NATO keeps %d complaints and %d leaves, want 1 each", n, s.nato.leaves(t, "complaint"))
		}
		f, err := s.nato.Record(t.Context(), s.line)
		if err != nil || len(f.Complaints) != 1 || f.Complaints[0].Proven || !strings.HasPrefix(f.Complaints[0].Text, "JPN-1 says") {
			t.Fatalf("NATO shows %+v, %v", f.Complaints, err)
		}
		if len(f.Alarms) != 0 || f.Agree != nil && !*f.Agree || keys() != before {
			t.Errorf("a lie has effect: %+v, %d keys, were %d", f.Alarms, keys(), before)
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestUnfoundedComplaintsAreRefused: what a complaint quotes has to be signed,
// by the desk that it is about, and say what the complaint says; else it leaves
// no trace. And nobody fills a journal with complaints.
func TestUnfoundedComplaintsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		send(t, s.aus, flash(s.line, "EXERCISE"))
		time.Sleep(2 * time.Minute)
		if err := s.aus.RenewKeys(t.Context(), s.line); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		given := s.slicesOf(s.aus)
		if len(given) < 2 {
			t.Fatalf("AUS gave the puppet %d keys, want 2", len(given))
		}
		one0, two := given[0], given[len(given)-1]
		q := s.puppet()
		q.slice(s.aus.party)
		stranger := newParty(t, "FRA", s.hub)
		for name, body := range map[string][]byte{
			"nothing":                        {5},
			"noise":                          append([]byte{5}, make([]byte, 4000)...),
			"bytes behind it":                append(s.accuse(one0, nil), make([]byte, 3000)...),
			"by another desk":                s.accuse(one0, func(x *complaint.Complaint) { x.By = s.nato.self.Desk }),
			"about a desk that nobody knows": s.accuse(one0, func(x *complaint.Complaint) { x.About = stranger.self.Desk }),
			"about another desk":             s.accuse(one0, func(x *complaint.Complaint) { x.About = s.nato.self.Desk }),
			"of another line":                s.accuse(one0, func(x *complaint.Complaint) { x.Line = ident.Line{1} }),
			"of another group":               s.accuse(one0, func(x *complaint.Complaint) { x.Parties = x.Parties[:2] }),
			"with a stranger in the group":   s.accuse(one0, func(x *complaint.Complaint) { x.Parties = append(x.Parties, stranger.id) }),
			"of another generation":          s.accuse(one0, func(x *complaint.Complaint) { x.Generation = two.Generation }),
			"of no kind":                     s.accuse(one0, func(x *complaint.Complaint) { x.Kind = 9 }),
			"astray at its own desk":         s.accuse(one0, func(x *complaint.Complaint) { x.Kind = complaint.Astray }),
			"two keys that are one":          s.accuse(one0, func(x *complaint.Complaint) { x.Kind, x.Beside = complaint.TwoKeys, one0.Proof }),
			"two keys of two names":          s.accuse(one0, func(x *complaint.Complaint) { x.Kind, x.Beside = complaint.TwoKeys, two.Proof }),
			"beside no attestation":          s.accuse(one0, func(x *complaint.Complaint) { x.Kind, x.Beside = complaint.Unattested, two.Proof }),
			"a slice with a bit changed":     s.accuse(one0, func(x *complaint.Complaint) { x.Slice = append([]byte{}, x.Slice...); x.Slice[100] ^= 1 }),
		} {
			q.state(body)
			time.Sleep(time.Second)
			if n := len(s.nato.complaints(t, s.line)); n != 0 || s.nato.leaves(t, "complaint") != 0 {
				t.Errorf("%s: %d complaints kept, %d leaves", name, n, s.nato.leaves(t, "complaint"))
			}
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}
