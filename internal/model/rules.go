package model

// change lets the actor make change i and send the statement to everybody whom
// it was, or is now, on a line with.
func (c *Case) change(w *World, i int) {
	ch := c.Changes[i]
	d := &w.desks[ch.Actor]
	before := c.roster(d.known)
	w.made |= one(i)
	d.known |= one(i)
	d.conf[i] |= one(ch.Actor)
	c.push(w, i, before|c.roster(d.known))
	c.unwait(w, ch.Actor)
}

// push sends statement i to desks that have not confirmed it to its actor.
func (c *Case) push(w *World, i int, to Set) {
	a := c.Changes[i].Actor
	each(to&^one(a)&^w.desks[a].conf[i], func(t int) {
		c.put(w, t, func(m *mail) { m.statements |= one(i) })
	})
}

// key returns the generation to seal with: the current one, or a new one when
// the desks of the line changed. ok is false when the case has no more.
func (c *Case) key(w *World, me int) (gen uint8, ok bool) {
	d := &w.desks[me]
	readers := c.roster(d.known) &^ one(me)
	if c.Fault == OldReaders && d.cur != none {
		readers = d.readers
	}
	if d.cur == none || d.readers != readers {
		if w.gens[me] == maxGens {
			return 0, false
		}
		d.cur, d.readers, d.seq = w.gens[me], readers, 0
		w.gens[me]++
	}
	each(d.readers, func(t int) {
		w.leaked = w.leaked || c.removed(d.known, t)
		if w.restored.Has(t) && !d.fresh.Has(t) {
			return // sealed to a seal key that t has lost
		}
		c.put(w, t, func(m *mail) { m.slices |= 1 << sg(me, d.cur) })
	})
	return d.cur, true
}

// seal seals message m under the desk's key and puts it for every reader that
// has not signed. Under one generation it is sealed once.
func (c *Case) seal(w *World, m int) bool {
	me := c.Senders[m]
	d := &w.desks[me]
	gen, ok := c.key(w, me)
	if !ok {
		return false
	}
	if w.sealed[m][gen] == 0 || d.sent&one(m) == 0 || d.gen[m] != gen {
		if d.seq == MaxMessages {
			return false
		}
		if old := w.used[me][gen][d.seq]; old != 0 && int(old) != m+1 {
			w.reused = true
		}
		w.used[me][gen][d.seq] = uint8(m + 1)
		w.sealed[m][gen] = d.seq + 1
		w.known[m][gen] = d.known
		d.seq++
	}
	d.sent |= one(m)
	d.gen[m] = gen
	d.acked[m] |= one(me)
	each(d.readers&^d.acked[m], func(t int) { c.put(w, t, func(b *mail) { b.messages |= 1 << mg(m, gen) }) })
	return true
}

// retry puts again what nobody signed for, sealed anew when the desks of the
// line have changed, and statements that are not confirmed.
func (c *Case) retry(w *World, me int) {
	if c.Fault == NoRetry {
		return
	}
	d := &w.desks[me]
	for m, s := range c.Senders {
		if s != me || !d.sent.Has(m) || c.roster(d.known)&^d.acked[m] == 0 || !c.roster(d.known).Has(me) {
			continue
		}
		if c.Fault == NoSealingAnew {
			each(d.readers&^d.acked[m], func(t int) { c.put(w, t, func(b *mail) { b.messages |= 1 << mg(m, d.gen[m]) }) })
			continue
		}
		c.seal(w, m)
	}
	for i := range c.Changes {
		if d.known.Has(i) && c.Changes[i].Actor == me {
			c.push(w, i, c.roster(d.known))
		}
	}
}

// say tells the desks of the line what this one's set holds: a line check.
func (c *Case) say(w *World, me int, to Set) {
	if c.Fault == NoDigest {
		return
	}
	known := w.desks[me].known
	each(to&^one(me), func(t int) { c.put(w, t, func(m *mail) { m.heads[me] |= 1 << known }) })
}

// compare handles what another desk's set holds: what it lacks is sent, and
// what this one lacks is asked for by saying what it has.
func (c *Case) compare(w *World, me, from int, theirs Set) {
	if c.Fault == NoDigest {
		return
	}
	known := w.desks[me].known
	each(known&^theirs, func(i int) { c.put(w, from, func(m *mail) { m.statements |= one(i) }) })
	if theirs&^known != 0 {
		c.say(w, me, one(from))
	}
}

// check handles a line check: what the other's set holds, and the number of its
// seal key, from which one hears that it lost the old one.
func (c *Case) check(w *World, me, from int, theirs Set) {
	d := &w.desks[me]
	if w.restored.Has(from) && !d.fresh.Has(from) && c.Fault != RestoreUntold {
		d.fresh |= one(from)
		d.cur = none
	}
	c.compare(w, me, from, theirs)
}

// learn adds statement i to what a desk knows, and confirms it.
func (c *Case) learn(w *World, me, i int) {
	d := &w.desks[me]
	d.known |= one(i)
	if a := c.Changes[i].Actor; a != me {
		c.put(w, a, func(m *mail) { m.conf[i] |= one(me) })
	} else {
		d.conf[i] |= one(me)
	}
	c.unwait(w, me)
}

// unwait takes slices that came before the statement that adds their desk.
func (c *Case) unwait(w *World, me int) {
	each32(w.desks[me].waiting, func(i int) { c.slice(w, me, i/maxGens, uint8(i%maxGens)) })
}

// slice handles a generation's key of another desk.
func (c *Case) slice(w *World, me, from int, gen uint8) {
	d := &w.desks[me]
	bit := uint32(1) << sg(from, gen)
	d.waiting &^= bit
	if !c.roster(d.known).Has(from) && !c.removed(d.known, from) {
		d.waiting |= bit
		return
	}
	d.held |= bit
	for m, s := range c.Senders {
		if s == from && d.parked>>mg(m, gen)&1 == 1 {
			d.parked &^= 1 << mg(m, gen)
			c.message(w, me, m, gen)
		}
	}
	each64(d.pacc, func(i int) {
		if m, f, g := i/maxGens/Desks, i/maxGens%Desks, uint8(i%maxGens); f == from && g == gen {
			d.pacc &^= 1 << i
			d.acked[m] |= one(f)
		}
	})
}

// message handles a message: shown once, signed for each time.
func (c *Case) message(w *World, me, m int, gen uint8) {
	d, from := &w.desks[me], c.Senders[m]
	if d.held>>sg(from, gen)&1 == 0 {
		if c.Fault == EarlyMessageDropped {
			c.sign(w, me, m)
			return
		}
		d.parked |= 1 << mg(m, gen)
		return
	}
	gone := c.removed(d.known, from)
	if gone && c.Fault != ShowRemoved {
		return // held, not shown, not signed for
	}
	if d.shown.Has(m) && c.Fault == NoReplayCheck {
		d.twice = true
	}
	d.after = d.after || gone && !d.shown.Has(m)
	d.shown |= one(m)
	c.sign(w, me, m)
	c.compare(w, me, from, w.known[m][gen])
}

// sign puts "delivered" for the sender of m, under this desk's own key.
func (c *Case) sign(w *World, me, m int) {
	from := c.Senders[m]
	if !c.roster(w.desks[me].known).Has(me) {
		return
	}
	gen, ok := c.key(w, me)
	if !ok || !w.desks[me].readers.Has(from) {
		return
	}
	w.signed[m] |= one(me)
	c.put(w, from, func(b *mail) { b.acks |= 1 << ack(m, me, gen) })
}

// signature handles "delivered" of another desk.
func (c *Case) signature(w *World, me, m, from int, gen uint8) {
	d := &w.desks[me]
	if d.held>>sg(from, gen)&1 == 0 {
		d.pacc |= 1 << ack(m, from, gen)
		return
	}
	d.acked[m] |= one(from)
}
