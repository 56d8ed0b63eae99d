package model

import "fmt"

// Judge says what is wrong with a state, or nothing: first what must hold at
// every moment, then what must come of it once the faults stop.
func (c *Case) Judge(w *World) string {
	switch {
	case w.reused:
		return "one number of a generation was used for two messages"
	case w.leaked:
		return "a key was sealed for a desk that its sender knew to be removed"
	}
	for i := range w.desks {
		if w.desks[i].twice {
			return fmt.Sprintf("desk %d showed a message twice", i)
		}
		if w.desks[i].after {
			return fmt.Sprintf("desk %d showed a message of a desk that it knew to be removed", i)
		}
	}
	end := *w
	if !c.heal(&end) {
		return "the desks never come to rest"
	}
	return c.judgeEnd(&end)
}

// rounds is how many times everything is delivered and tried again before a
// case counts as restless. The longest way seen needs 6.
const rounds = 30

// heal lets everything arrive and every desk do its chores until nothing
// changes any more.
func (c *Case) heal(w *World) bool {
	for range rounds {
		before := *w
		for d := range Desks {
			c.retry(w, d)
			if c.roster(w.desks[d].known).Has(d) {
				c.say(w, d, c.roster(w.desks[d].known))
			}
		}
		for more := true; more; {
			more = false
			for r := range Relays {
				for d := range Desks {
					c.arrivals(w, r, d, func(_ string, take, handle func(n *World)) {
						take(w)
						handle(w)
						more = true
					})
				}
			}
		}
		if *w == before {
			return true
		}
	}
	return false
}

// judgeEnd judges a state in which nothing is on its way any more.
func (c *Case) judgeEnd(w *World) string {
	// Who remains is what everybody knows together: two desks that removed each
	// other are both gone, though neither may have heard of it.
	var said, all, think Set
	for d := range Desks {
		said |= w.desks[d].known
		if c.roster(w.desks[d].known).Has(d) {
			think |= one(d)
		}
	}
	stay := c.roster(said) & think
	each(stay, func(d int) { all |= w.desks[d].known })
	if stay != 0 && w.restored == 0 && c.roster(all)&c.roster(said) != stay {
		return fmt.Sprintf("desks %03b are on the line, and %03b know it", c.roster(all), stay)
	}
	lost := ""
	each(w.made&^all, func(i int) {
		if a := c.Changes[i].Actor; stay.Has(a) && !w.restored.Has(a) {
			lost = fmt.Sprintf("change %d is lost", i)
		}
	})
	if lost != "" {
		return lost
	}
	for d := range Desks {
		if stay.Has(d) && w.desks[d].known != all {
			return fmt.Sprintf("desk %d knows changes %03b of %03b", d, w.desks[d].known, all)
		}
	}
	for m, s := range c.Senders {
		if !stay.Has(s) || !w.desks[s].sent.Has(m) {
			continue
		}
		for d := range Desks {
			if d == s || !stay.Has(d) || w.restored.Has(d) && w.signed[m].Has(d) {
				continue
			}
			if !w.desks[d].shown.Has(m) {
				return fmt.Sprintf("message %d never reaches desk %d", m, d)
			}
			if !w.desks[s].acked[m].Has(d) {
				return fmt.Sprintf("desk %d never hears that %d has message %d", s, d, m)
			}
		}
	}
	return ""
}
