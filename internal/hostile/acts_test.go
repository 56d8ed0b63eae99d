package hostile

import (
	"context"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// acts are what is played beside or instead of steady traffic.
var acts = map[string]func(s *scene, b *Behaviour, n int, out *played){
	"19 fork and check":    (*scene).forkAndCheck,
	"20 withhold removals": (*scene).withholdRemovals,
}

// forkAndCheck: once in a hundred messages the relay keeps some of one desk's
// messages from one of two desks that both should have them, and their repairs
// too. Then somebody presses "check". That check must name whose messages
// differ.
func (s *scene) forkAndCheck(b *Behaviour, n int, out *played) {
	jpn, nato, second := s.jpn.Desks[0], s.nato.Desks[0], s.nato.Desks[1]
	turns := []struct{ from, victim, witness *Desk }{
		{jpn, nato, second}, {jpn, second, nato}, {nato, jpn, second}, {nato, second, jpn},
	}
	for i := 0; i < n; i += 100 {
		turn := turns[i/100%len(turns)]
		s.traffic(b.Name, 10+i, min(50, n-i))
		from, victim := turn.from.Box, turn.victim.Box
		kept, sending := map[envelope.ID]bool{}, true
		s.Relay.Pick(func(x *Parcel, to ident.Mailbox) bool {
			if x.From != from || to != victim {
				return false
			}
			id := envelope.Identify(x.Bytes)
			if sending && x.Header.Type == envelope.Chain && len(x.To) > 1 {
				kept[id] = true
			}
			return kept[id] || x.Header.Type == envelope.Control
		})
		before := s.divergences(turn.from)
		s.traffic(b.Name, 10+i+50, min(50, max(0, n-i-50)))
		forked := false
		s.Relay.Do(func() { sending, forked = false, len(kept) > 0 })
		if !forked {
			continue
		}
		out.Forks++
		asked := time.Now()
		must(s.t, turn.witness.Check(context.Background(), s.jn))
		for time.Since(asked) < 2*time.Minute {
			time.Sleep(time.Second)
			if s.divergences(turn.from) > before {
				out.ForksNoticed++
				out.Slowest = max(out.Slowest, time.Since(asked))
				break
			}
		}
		s.Relay.Pick(nil)
	}
}

// divergences counts the alarms about a desk's messages.
func (s *scene) divergences(about *Desk) int {
	return s.rows("SELECT count(*) FROM proof WHERE kind = 'divergence' AND sender = ?", about.Self.Desk)
}

// withholdRemovals: NATO cuts its second desk off, and the relay keeps the
// removal from everybody, while all go on sending, the removed desk too.
func (s *scene) withholdRemovals(b *Behaviour, n int, out *played) {
	jpn, nato, gone := s.jpn.Desks[0], s.nato.Desks[0], s.nato.Desks[1]
	s.gone = gone
	for i := range s.sent {
		s.sent[i].to = slices.DeleteFunc(s.sent[i].to, func(d *Desk) bool { return d == gone })
	}
	s.Relay.Pick(func(x *Parcel, _ ident.Mailbox) bool {
		statement := x.Header.Type == envelope.Chain && x.Lane == 3 && len(x.Bytes) >= 4096
		return x.From == nato.Box && (statement || x.Header.Type == envelope.Control)
	})
	st, err := roster.NewStatement(one, s.nato.Root, roster.Statement{
		Type: roster.RemoveDesk, Number: 9, Time: time.Now().UTC().Truncate(time.Millisecond),
		Remove: &roster.Cut{Desk: gone.Self.Desk, Fingerprint: gone.Add.Add.Certificate.Fingerprint(one), Reason: "EXERCISE"},
	})
	must(s.t, err)
	done := make(chan int, 1)
	go func() {
		time.Sleep(3 * time.Second)
		must(s.t, nato.CutOff(context.Background(), st, "EXERCISE"))
		at, taken := time.Now(), s.taken(nato)
		for out.Slowest == 0 && time.Since(at) < time.Minute {
			time.Sleep(100 * time.Millisecond)
			must(s.t, nato.View(context.Background(), func(tx *store.Tx) error {
				c, err := nato.Cutoff(tx, gone.Self.Desk)
				if c.Alarm {
					out.Slowest = time.Since(at)
				}
				return err
			}))
		}
		done <- taken
	}()
	s.traffic(b.Name, 10, n)
	atCut := <-done
	if out.Slowest == 0 || out.Slowest > 10*time.Second {
		s.t.Errorf("the alarm came %v after the cut, want 10 s at most", out.Slowest)
	}
	if jpn.Engine.View().Removed[gone.Self.Desk] {
		s.t.Error("the removal came to JPN-1 although it was withheld: this proves nothing")
	}
	// JPN-1 gets the removal; the removed desk does not, and goes on.
	out.Exposed = s.taken(jpn)
	s.Relay.Release(jpn.Box)
	for end := time.Now().Add(time.Hour); !jpn.Engine.View().Removed[gone.Self.Desk]; time.Sleep(time.Second) {
		if time.Now().After(end) {
			s.t.Fatal("an hour after the relay let it go the removal is not at JPN-1")
		}
	}
	atEffect := s.taken(jpn)
	s.traffic(b.Name, 10+n, n/20)
	time.Sleep(10 * time.Minute)
	if late := s.taken(nato) - atCut; late != 0 {
		out.Wrong += late
		s.t.Errorf("NATO-1 took %d messages of the removed desk after it had cut it off", late)
	}
	if late := s.taken(jpn) - atEffect; late != 0 {
		out.Wrong += late
		s.t.Errorf("JPN-1 took %d messages of the removed desk after it had the removal", late)
	}
	must(s.t, nato.View(context.Background(), func(tx *store.Tx) error {
		c, err := nato.Cutoff(tx, gone.Self.Desk)
		if c.Alarm || !slices.Contains(c.Confirmed, jpn.Self.Desk) {
			s.t.Errorf("after healing the cut-off stands unconfirmed: %+v", c)
		}
		return err
	}))
}

// taken counts the messages of the removed desk at another.
func (s *scene) taken(at *Desk) (n int) {
	must(s.t, at.View(context.Background(), func(tx *store.Tx) error {
		return tx.Row("SELECT count(*) FROM message WHERE outgoing = 0 AND desk = ?", s.gone.Self.Desk).Scan(&n)
	}))
	return n
}
