package model

import (
	"fmt"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// statements is a case with real keys: each desk is of a party of its own, and
// the party's root says what a change says.
type statements struct {
	members []roster.Member
	desks   [Desks]ident.Desk
	start   []roster.Statement
	changes []roster.Statement
}

func check[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newStatements(t *testing.T, c *Case) *statements {
	t.Helper()
	now, s := time.Now(), suite.One
	var out statements
	var roots [Desks]suite.RootKey
	var certs [Desks]roster.Certificate
	var numbers [Desks]uint64
	sign := func(d int, st roster.Statement) roster.Statement {
		numbers[d]++
		st.Number, st.Time = numbers[d], now
		return check[roster.Statement](t)(roster.NewStatement(s, roots[d], st))
	}
	var adds [Desks]roster.Addition
	for d := range Desks {
		roots[d] = s.NewRootKey()
		out.members = append(out.members, roster.Member{Party: roster.PartyOf(s, roots[d].Public()), Name: fmt.Sprintf("PARTY %d", d), Root: roots[d].Public()})
		key, seal := s.NewDeskKey(), s.NewSealKey()
		certs[d] = check[roster.Certificate](t)(roster.NewCertificate(s, roots[d], roster.Certificate{
			Name: fmt.Sprintf("DESK-%d", d), Role: "watch officer", MessageKey: s.NewMessageKey().Public(), DeskKey: key.Public(),
			ControlKey: s.NewSealKey().Public(), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		}))
		out.desks[d] = certs[d].ID(s)
		adds[d] = roster.Addition{
			Certificate: certs[d], Mailboxes: []roster.Mailbox{{Addr: "relay.example:443", Box: ident.Mailbox{byte(d)}, Putter: make([]byte, roster.PutterSize)}},
			SealKey: check[roster.Announcement](t)(roster.NewAnnouncement(key, roster.Announcement{Desk: out.desks[d], Number: 1, Public: seal.Public(), Time: now})),
		}
		if c.Members.Has(d) {
			out.start = append(out.start, sign(d, roster.Statement{Type: roster.AddDesk, Add: &adds[d]}))
		}
	}
	for _, ch := range c.Changes {
		st := roster.Statement{Type: roster.AddDesk, Add: &adds[ch.Subject]}
		if ch.Remove {
			st = roster.Statement{Type: roster.RemoveDesk, Remove: &roster.Cut{Desk: out.desks[ch.Subject], Fingerprint: certs[ch.Subject].Fingerprint(s), Reason: "EXERCISE"}}
		}
		out.changes = append(out.changes, sign(ch.Subject, st))
	}
	return &out
}

// who asks package roster who belongs to the line when these changes come in
// this order after the start.
func (s *statements) who(t *testing.T, order []int) (on Set) {
	t.Helper()
	set := check[*roster.Set](t)(roster.NewSet(suite.One, ident.Line{}, s.members))
	for _, st := range s.start {
		check[bool](t)(set.Add(st, time.Now()))
	}
	for _, i := range order {
		check[bool](t)(set.Add(s.changes[i], time.Now()))
	}
	r := set.Roster()
	for d, id := range s.desks {
		if _, ok := r.Desk(id); ok {
			on |= one(d)
		}
	}
	return on
}

// orders calls f with every order of the changes in known.
func orders(known Set, f func(order []int)) {
	var walk func(left Set, done []int)
	walk = func(left Set, done []int) {
		if left == 0 {
			f(done)
			return
		}
		each(left, func(i int) { walk(left&^one(i), append(done[:len(done):len(done)], i)) })
	}
	walk(known, nil)
}

// real returns the roster of c's changes as package roster has it, the same in
// every order of arrival.
func real(t *testing.T, c *Case) func(known Set) Set {
	t.Helper()
	s := newStatements(t, c)
	table := make([]Set, 1<<len(c.Changes))
	for known := range table {
		first := true
		orders(Set(known), func(order []int) {
			switch got := s.who(t, order); {
			case first:
				table[known], first = got, false
			case got != table[known]:
				t.Fatalf("changes in the order %v make %03b, in another %03b", order, got, table[known])
			}
		})
	}
	return func(known Set) Set { return table[known] }
}

// What the rules say without keys is what package roster says with them.
func TestRosterOfTheModelIsTheRealOne(t *testing.T) {
	for _, c := range append(small(), large()...) {
		ask := real(t, &c)
		for known := range Set(1) << len(c.Changes) {
			if got, want := ask(known), c.roster(known); got != want {
				t.Errorf("%s, changes %03b: roster says %03b, the model %03b", c.Name, known, got, want)
			}
		}
	}
}
