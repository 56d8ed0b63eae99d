package model

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// next lists everything that can happen in w. With faults it lists what the
// adversary can do as well.
func (c *Case) next(w *World, faults bool, visit func(what string, n *World)) {
	try := func(what string, f func(n *World)) {
		n := *w
		if f(&n); n == *w {
			return
		}
		if c.Prompt {
			c.settle(&n)
		}
		visit(what, &n)
	}
	if faults {
		c.happenings(w, try)
	}
	for r := range Relays {
		for d := range Desks {
			c.arrivals(w, r, d, func(what string, take func(n *World), handle func(n *World)) {
				try(what, func(n *World) { take(n); handle(n) })
				if faults && w.drops > 0 {
					try("lost: "+what, func(n *World) { take(n); n.drops-- })
				}
			})
		}
	}
}

// settle hands over every confirmation and signature.
func (c *Case) settle(w *World) {
	for r := range Relays {
		for d := range Desks {
			m := &w.net[r][d]
			for i := range c.Changes {
				w.desks[d].conf[i] |= m.conf[i]
				m.conf[i] = 0
			}
			acks := m.acks
			m.acks = 0
			each64(acks, func(i int) { c.signature(w, d, i/maxGens/Desks, i/maxGens%Desks, uint8(i%maxGens)) })
		}
	}
}

// happenings lists what people, machines and the adversary start.
func (c *Case) happenings(w *World, try func(what string, f func(n *World))) {
	for i, ch := range c.Changes {
		if !w.made.Has(i) && c.roster(w.desks[ch.Actor].known).Has(ch.Actor) {
			try(fmt.Sprintf("change %d", i), func(n *World) { c.change(n, i) })
		}
	}
	for m, s := range c.Senders {
		if !w.desks[s].sent.Has(m) && w.signed[m] == 0 && w.sealed[m] == [maxGens]uint8{} && c.roster(w.desks[s].known).Has(s) {
			try(fmt.Sprintf("desk %d sends %d", s, m), func(n *World) { c.seal(n, m) })
		}
	}
	for d := range Desks {
		if w.retries > 0 {
			try(fmt.Sprintf("desk %d tries again", d), func(n *World) {
				if c.retry(n, d); *n != *w {
					n.retries--
				}
			})
		}
		if w.rekeys > 0 && w.desks[d].cur != none {
			try(fmt.Sprintf("desk %d rekeys", d), func(n *World) { n.rekeys--; n.desks[d].cur = none })
		}
		if w.restarts > 0 && w.desks[d].cur != none {
			try(fmt.Sprintf("desk %d restarts", d), func(n *World) { n.restarts--; n.desks[d].cur = none })
		}
		if w.restores > 0 && w.kept == 0 {
			try(fmt.Sprintf("desk %d is backed up", d), func(n *World) { n.backup, n.kept = n.desks[d], uint8(d+1) })
		}
	}
	if w.restores > 0 && w.kept != 0 {
		try("the backup is restored", func(n *World) { c.restore(n) })
	}
}

// restore puts a desk back to its backup. A backup holds no keys: the desk
// starts with a new sending key and holds no slices.
func (c *Case) restore(n *World) {
	d := int(n.kept - 1)
	n.restores--
	n.desks[d] = n.backup
	n.restored |= one(d)
	n.backup, n.kept = desk{}, 0
	n.desks[d].held, n.desks[d].waiting = 0, 0
	for r := range Relays {
		n.net[r][d].slices = 0 // their seal key is gone
	}
	if c.Fault != RestoreKeepsKey {
		n.desks[d].cur = none
	}
}

// arrivals lists what relay r can hand to desk d.
func (c *Case) arrivals(w *World, r, d int, visit func(what string, take, handle func(n *World))) {
	box := &w.net[r][d]
	for i := range c.Changes {
		if box.statements.Has(i) {
			visit(fmt.Sprintf("statement %d at %d", i, d), func(n *World) { n.net[r][d].statements &^= one(i) }, func(n *World) { c.learn(n, d, i) })
		}
		each(box.conf[i], func(from int) {
			visit(fmt.Sprintf("confirmation %d by %d", i, from), func(n *World) { n.net[r][d].conf[i] &^= one(from) }, func(n *World) { n.desks[d].conf[i] |= one(from) })
		})
	}
	each32(box.slices, func(i int) {
		visit(fmt.Sprintf("slice %d of %d at %d", i%maxGens, i/maxGens, d), func(n *World) { n.net[r][d].slices &^= 1 << i }, func(n *World) { c.slice(n, d, i/maxGens, uint8(i%maxGens)) })
	})
	each32(box.messages, func(i int) {
		visit(fmt.Sprintf("message %d under %d at %d", i/maxGens, i%maxGens, d), func(n *World) { n.net[r][d].messages &^= 1 << i }, func(n *World) { c.message(n, d, i/maxGens, uint8(i%maxGens)) })
	})
	each64(box.acks, func(i int) {
		m, from, gen := i/maxGens/Desks, i/maxGens%Desks, uint8(i%maxGens)
		visit(fmt.Sprintf("delivered %d by %d", m, from), func(n *World) { n.net[r][d].acks &^= 1 << i }, func(n *World) { c.signature(n, d, m, from, gen) })
	})
	for from := range Desks {
		each(Set(box.heads[from]), func(known int) {
			visit(fmt.Sprintf("desk %d says %03b to %d", from, known, d), func(n *World) { n.net[r][d].heads[from] &^= 1 << known }, func(n *World) { c.check(n, d, from, Set(known)) })
		})
	}
}

// Result is what a search saw.
type Result struct {
	States, Moves int
	Whole         bool     // every reachable state was looked at
	Wrong         string   // what is wrong, or nothing
	Trace         []string // how that state was reached
}

// Search looks at every state of c that can be reached, or at limit of them
// when that is not 0. It ends at the first that is wrong.
func (c *Case) Search(limit int) Result {
	s := search{c: c, limit: limit, seen: map[[2]uint64]struct{}{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	w := c.Start()
	s.visit("start", &w)
	s.res.States, s.res.Whole = len(s.seen), s.res.Wrong == "" && !s.cut
	return s.res
}

type search struct {
	c     *Case
	limit int
	seen  map[[2]uint64]struct{} // by hash: two of 64 bits, so that no two states are taken for one
	seeds [2]maphash.Seed
	path  []string
	cut   bool
	res   Result
}

func (s *search) visit(what string, w *World) {
	if s.res.Wrong != "" {
		return
	}
	s.res.Moves++
	k := [2]uint64{maphash.Comparable(s.seeds[0], *w), maphash.Comparable(s.seeds[1], *w)}
	if _, ok := s.seen[k]; ok {
		return
	}
	if s.limit > 0 && len(s.seen) >= s.limit {
		s.cut = true
		return
	}
	s.seen[k] = struct{}{}
	s.path = append(s.path, what)
	if s.res.Wrong = s.c.Judge(w); s.res.Wrong != "" {
		s.res.Trace = slices.Clone(s.path)
		return
	}
	s.c.next(w, true, s.visit)
	s.path = s.path[:len(s.path)-1]
}
