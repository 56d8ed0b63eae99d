package exchange_test

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/complaint"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/suite"
)

// TestComplaintsOfOneDeskAreBounded: who lies about every slice that it ever got
// fills nobody's journal.
func TestComplaintsOfOneDeskAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.puppet()
		for range 40 {
			sl := s.quoted(s.aus.party, s.all()...) // its friend signs what is to be complained of
			q.state(s.accuse(sl, nil))
		}
		time.Sleep(time.Minute)
		if n := len(s.nato.complaints(t, s.line)); n != 16 || s.nato.leaves(t, "complaint") != n {
			t.Errorf("forty complaints of one desk in an hour: %d kept, %d leaves, want 16", n, s.nato.leaves(t, "complaint"))
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestNarrowComplaintsOfOneDeskAreBounded: there are many audiences of a line, and
// who lies in each of them fills nobody's journal either.
func TestNarrowComplaintsOfOneDeskAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDisputeWith(t, true)
		for _, parties := range [][]*party{
			{s.jpn, s.nato.party}, {s.jpn, s.nato.party, s.aus.party}, {s.jpn, s.nato.party, s.fra},
		} {
			q := s.jpn.puppet(t, s.hub, s.line, s.nato.party, chain.Start{}, parties...)
			for range 8 {
				q.state(s.accuse(s.quoted(s.nato.party, parties...), func(x *complaint.Complaint) {
					x.Parties = nil
					for _, p := range parties {
						x.Parties = append(x.Parties, p.id)
					}
				}))
			}
			time.Sleep(time.Minute)
		}
		if n := len(s.nato.complaints(t, s.line)); n != 16 || s.nato.leaves(t, "complaint") != n {
			t.Errorf("24 complaints of one desk in three narrow groups: %d kept, %d leaves, want 16", n, s.nato.leaves(t, "complaint"))
		}
		quiesce(s.nato, s.aus)
	})
}

// TestWordsUseUpNoProofs: a desk that has said much in an hour is heard all the
// same when it proves something.
func TestWordsUseUpNoProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		q := s.puppet()
		for range 16 {
			q.state(s.accuse(s.quoted(s.aus.party, s.all()...), nil))
		}
		proof := s.quoted(s.aus.party, s.all()...)
		q.state(s.accuse(proof, func(x *complaint.Complaint) {
			x.Kind, x.Beside = complaint.Unattested, s.attests(proof)
		}))
		time.Sleep(time.Minute)
		if f, err := s.nato.Record(t.Context(), s.line); err != nil || len(f.Complaints) != 17 || !f.Complaints[0].Proven {
			t.Errorf("NATO shows %d complaints, want 17 and the proof first: %v", len(f.Complaints), err)
		}
		quiesce(s.nato, s.aus)
	})
}

// attests is an attestation of AUS' that contradicts a slice of its.
func (s *dispute) attests(sl chain.Slice) []byte {
	a := checkpoint.Attestation{Sender: sl.Sender, Group: sl.Group, Generation: sl.Generation, Commitment: [48]byte{1}, Time: time.Now()}
	a = a.Sign(one, s.aus.self.DeskKey)
	return a.Bytes(one)
}

// TestFloodOfComplaintsHidesNone: who says much pushes out what it said itself,
// not what is proven, nor what others say.
func TestFloodOfComplaintsHidesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		put := func(by, about *party, kind complaint.Kind, beside []byte) {
			x := complaint.Complaint{
				By: by.self.Desk, About: about.self.Desk, Line: s.line, Parties: []ident.Party{s.jpn.id, s.nato.id, s.aus.id}, Kind: kind, Time: time.Now(), Slice: by.self.Desk[:], Beside: beside,
			}
			_, _ = rand.Read(x.Generation[:])
			x = x.Sign(one, by.self.DeskKey)
			err := s.nato.store.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.PutComplaint(store.Complaint{At: time.Now(), Line: s.line, By: x.By, About: x.About, Generation: x.Generation, Kind: uint8(kind), Bytes: x.Bytes(one)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		put(s.aus.party, s.jpn, complaint.TwoKeys, []byte{1})
		put(s.aus.party, s.jpn, complaint.Garbage, nil)
		for range 30 {
			put(s.jpn, s.aus.party, complaint.Garbage, nil)
			put(s.jpn, s.aus.party, complaint.TwoKeys, []byte{1})
		}
		f, err := s.nato.Record(t.Context(), s.line)
		if err != nil || len(f.Complaints) != 40 {
			t.Fatalf("NATO shows %d complaints, %v, want 20 proofs and 20 words", len(f.Complaints), err)
		}
		if c := f.Complaints[19]; !c.Proven || c.About != s.jpn.self.Desk {
			t.Errorf("the only proof about JPN is hidden by those about AUS: there stands %q", c.Text)
		}
		if c := f.Complaints[39]; c.Proven || c.By != s.aus.self.Desk {
			t.Errorf("AUS' only word is hidden by JPN's: there stands %q", c.Text)
		}
		quiesce(s.nato, s.aus)
	})
}

// TestNoComplaintOfAnOutsider: of a desk that is not of the audience nobody could
// take a complaint, so none is made; nor is it convicted before a line that it is
// not on.
func TestNoComplaintOfAnOutsider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDisputeWith(t, false)
		s.hub.accused = false
		ids := []ident.Party{s.jpn.id, s.nato.id, s.aus.id}
		unsent := func(by *party) *puppet { // FRA knows the group, and seals as if it were of it
			q := &puppet{party: by, t: t, hub: s.hub, victim: s.nato.party}
			var err error
			q.sender, err = chain.NewSender(one, chain.Start{Desk: by.self.Desk, Group: roster.GroupID(one, s.line, ids), Parties: append(ids, s.fra.id), Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		q := unsent(s.fra)
		for name, env := range map[string][]byte{
			"garbage of an outsider":              unsent(s.fra).forged(s.nato.party, s.nato.seal, garbage),
			"a slice of an outsider":              q.forged(s.nato.party, s.nato.seal, nil),
			"an outsider's for another desk":      unsent(s.fra).forged(s.aus.party, s.nato.seal, nil),
			"garbage of a desk on another line":   unsent(s.elsewhere).forged(s.nato.party, s.nato.seal, garbage),
			"a member's, made out to an outsider": unsent(s.jpn).forged(s.fra, s.nato.seal, nil),
		} {
			q.put(3, env)
			time.Sleep(time.Minute)
			if n := len(s.nato.complaints(t, s.line)); n != 0 {
				t.Errorf("%s: %d complaints", name, n)
			}
		}
		q.put(3, q.second(s.nato.party))
		s.told(0)
		if all := s.nato.alarms(t, s.line); len(all) != 0 {
			t.Errorf("the line alarms about a desk that is not on it: %s", all[0].Text)
		}
		s.works()
		quiesce(s.nato, s.aus)
	})
}

// TestNoiseUsesUpNoLookAtAnothersSlice: anybody who knows a seal key can send
// slices that nobody signed. They do not keep a desk from looking at a lie.
func TestNoiseUsesUpNoLookAtAnothersSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newDispute(t)
		for range 9 {
			noise := &party{name: "AUS", id: s.aus.id, self: s.aus.self}
			noise.self.MessageKey = suite.One.NewMessageKey()
			q := s.unsentBy(noise, s.all()...)
			q.put(3, q.forged(s.nato.party, s.nato.seal, nil))
		}
		q := s.unsent(s.all()...)
		q.put(3, q.forged(s.aus.party, s.nato.seal, nil))
		s.told(1)
		s.shows(false, "NATO-1 says", "JPN-1 or AUS-1")
		quiesce(s.nato, s.aus)
	})
}
