package model

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// draw makes a case that is too large to be searched whole.
func draw(t *rapid.T) *Case {
	c := &Case{
		Name: "drawn", Members: Set(rapid.SampledFrom([]int{0b011, 0b101, 0b110, 0b111}).Draw(t, "members")),
		Drops: rapid.IntRange(0, 6).Draw(t, "drops"), Restarts: rapid.IntRange(0, 2).Draw(t, "restarts"),
		Restores: rapid.IntRange(0, 1).Draw(t, "restores"), Rekeys: rapid.IntRange(0, 1).Draw(t, "rekeys"),
		Retries: rapid.IntRange(0, 3).Draw(t, "retries"), Both: rapid.Bool().Draw(t, "both relays"),
	}
	for range rapid.IntRange(0, MaxChanges).Draw(t, "changes") {
		ch := Change{Actor: rapid.IntRange(0, Desks-1).Draw(t, "actor"), Subject: rapid.IntRange(0, Desks-1).Draw(t, "subject")}
		ch.Remove = c.Members.Has(ch.Subject) || rapid.Bool().Draw(t, "remove")
		c.Changes = append(c.Changes, ch)
	}
	for range rapid.IntRange(1, MaxMessages).Draw(t, "messages") {
		c.Senders = append(c.Senders, rapid.IntRange(0, Desks-1).Draw(t, "sender"))
	}
	return c
}

// Each schedule is one way through a drawn case, judged at every step. The
// number of schedules is -rapid.checks; make model takes 100,000.
func TestRandomSchedulesConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		w := c.Start()
		var path []string
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			var what []string
			var worlds []World
			c.next(&w, true, func(s string, n *World) { what, worlds = append(what, s), append(worlds, *n) })
			if len(worlds) == 0 {
				break
			}
			i := rapid.IntRange(0, len(worlds)-1).Draw(t, "step")
			w, path = worlds[i], append(path, what[i])
			if slices.Contains(w.gens[:], maxGens) {
				return // more keys than a state has room for
			}
			if wrong := c.Judge(&w); wrong != "" {
				t.Fatalf("%s after %q", wrong, path)
			}
		}
	})
}
