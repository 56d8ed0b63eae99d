package hostile

import (
	"context"
	"crypto/rand"
	"time"

	"hotline/internal/chain"
	"hotline/internal/complaint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/store"
)

// reseal opens a slice with the key of the desk that it is made out to, changes
// the sending key in it, and seals it to another desk.
func (q *Puppet) reseal(env []byte, madeOut, to *Desk, edit func(key []byte)) []byte {
	header := env[:envelope.HeaderSize:envelope.HeaderSize]
	plain, err := madeOut.Seal.Open("hotline/1/slice", header, env[envelope.HeaderSize:])
	q.note(err)
	if edit != nil {
		edit(plain[:32])
	}
	tag := chain.SliceTag(one, to.Seal.Public())
	copy(header[4:20], tag[:])
	box, err := one.SealTo(to.Seal.Public(), "hotline/1/slice", header, plain)
	q.note(err)
	return append(header, box...)
}

// complaints counts those that a desk keeps.
func (s *stage) complaints(d *Desk) int { return s.count(d, "complaint") }

func (s *stage) count(d *Desk, table string) (n int) {
	must(s.t, d.View(context.Background(), func(tx *store.Tx) error { return tx.Row("SELECT count(*) FROM " + table).Scan(&n) }))
	return n
}

// told is a lie of which every desk of the line must hear, in a signed complaint.
// forge makes a slice of a key that nobody has yet.
func told(name string, forge func(s *stage, q *Puppet) []byte) lie {
	return lie{name: name, proof: true, tell: func(s *stage, q *Puppet) []ident.Message {
		time.Sleep(time.Minute) // strange slices are looked at a few times a minute
		before := map[*Desk]int{}
		for _, d := range s.desks() {
			before[d] = s.complaints(d)
		}
		bad := *q
		bad.renew(chain.Start{})
		for range 3 {
			q.Put(3, forge(s, &bad))
		}
		q.note(bad.err)
		time.Sleep(time.Minute)
		for _, d := range s.desks() {
			if n := s.complaints(d) - before[d]; n != 1 {
				s.t.Errorf("%s: %s keeps %d complaints of it, want 1", name, d.Self.DeskName, n)
			}
		}
		return nil
	}}
}

// accuse has the puppet complain of the third desk, whose slice was good.
func (s *stage) accuse(q *Puppet, edit func(x *complaint.Complaint)) []byte {
	q.renew(chain.Start{})
	q.Slice(q.victim)
	aus := *q
	aus.Desk = s.aus.Desks[0]
	aus.renew(chain.Start{}) // its keys are ours here: this is what it would have sent
	key := func(ident.Desk) ([]byte, bool) { return aus.Self.MessageKey.Public(), true }
	to := chain.Recipient{Desk: q.Self.Desk, Party: q.Party.ID, Key: q.Desk.Seal, SealNumber: 1}
	_, sl, err := chain.OpenSlice(one, aus.SliceOf(q.Desk), to, key, time.Now())
	q.note(err)
	x := complaint.Complaint{
		By: q.Self.Desk, About: aus.Self.Desk, Line: s.whole, Parties: []ident.Party{s.jpn.ID, s.nato.ID, s.aus.ID},
		Generation: sl.Generation, Kind: complaint.Garbage, Time: time.Now(), Slice: sl.Proof,
	}
	if edit != nil {
		edit(&x)
	}
	x = x.Sign(one, q.Self.DeskKey)
	return append([]byte{5}, x.Bytes(one)...)
}

// lyingComplaints are slices at fault, of which others are told, and complaints
// that are lies themselves.
func lyingComplaints() []lie {
	refused := func(name string, body func(s *stage, q *Puppet) []byte) lie {
		return lie{name: name, tell: func(s *stage, q *Puppet) []ident.Message {
			before := s.complaints(q.victim)
			q.State(body(s, q)...)
			time.Sleep(time.Second)
			if s.complaints(q.victim) != before {
				s.t.Errorf("%s: it is kept", name)
			}
			return nil
		}}
	}
	return []lie{
		told("a slice whose key is not the one that it signs for", func(_ *stage, q *Puppet) []byte {
			return q.reseal(q.SliceOf(q.victim), q.victim, q.victim, func(key []byte) { _, _ = rand.Read(key) })
		}),
		told("a slice made out to another desk", func(s *stage, q *Puppet) []byte {
			return q.reseal(q.SliceOf(s.aus.Desks[0]), s.aus.Desks[0], q.victim, nil)
		}),
		{name: "a complaint of a slice that was good", tell: func(s *stage, q *Puppet) []ident.Message {
			proofs, before, body := s.count(q.victim, "proof"), s.complaints(q.victim), s.accuse(q, nil)
			for range 20 {
				q.State(body...)
			}
			time.Sleep(time.Second)
			if n := s.complaints(q.victim) - before; n != 1 || s.count(q.victim, "proof") != proofs {
				s.t.Errorf("a complaint of a slice that was good: %d kept of twenty, want 1, and nothing convicts", n)
			}
			// Nobody is out: the desk that it is about is read as before.
			s.send(s.aus.Desks[0], s.whole, precedence.Flash, "EXERCISE still here")
			time.Sleep(time.Second)
			if !s.shown(s.sent[len(s.sent)-1].id) {
				s.t.Error("a complaint of a slice that was good: the desk that it is about is not read any more")
			}
			return nil
		}},
		refused("a complaint in another desk's name", func(s *stage, q *Puppet) []byte {
			return s.accuse(q, func(x *complaint.Complaint) { x.By = s.aus.Desks[0].Self.Desk })
		}),
		refused("a complaint about a desk that nobody knows", func(s *stage, q *Puppet) []byte {
			return s.accuse(q, func(x *complaint.Complaint) { x.About = ident.Desk(noise(32)) })
		}),
		refused("a complaint in a group that it is not in", func(s *stage, q *Puppet) []byte {
			return s.accuse(q, func(x *complaint.Complaint) { x.Line, x.Parties = s.own, []ident.Party{s.nato.ID, s.aus.ID} })
		}),
		refused("a complaint that two slices differ which do not", func(s *stage, q *Puppet) []byte {
			return s.accuse(q, func(x *complaint.Complaint) { x.Kind, x.Beside = complaint.TwoKeys, x.Slice })
		}),
		refused("a complaint that is noise", func(*stage, *Puppet) []byte { return append([]byte{5}, noise(9000)...) }),
	}
}
