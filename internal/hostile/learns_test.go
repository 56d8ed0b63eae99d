package hostile

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// TestRelayLearnsOnlyTheseFields: two runs that differ in text, subject, label,
// kind and what a person answers look the same to a relay: who puts to whom,
// type, lane, bucket, expiry. And nothing that it holds shows a name, an id or a
// word.
func TestRelayLearnsOnlyTheseFields(t *testing.T) {
	runs := []struct {
		kind    traffic.Kind
		tlp     marking.TLP
		subject string
		answer  traffic.State
	}{
		{traffic.Alert, marking.TLPAmber, "EXERCISE attack on banks", traffic.Receipted},
		{traffic.Formal, marking.TLPGreen, "EXERCISE all is quiet now", traffic.Comply},
	}
	var seen [][]string
	for i, run := range runs {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			s := newScene(t, dir)
			s.traffic("warm", 0, 10)
			s.wait("warm", time.Hour)
			time.Sleep(time.Minute)
			jpn, usa := s.jpn.Desks[0], s.usa.Desks[0]
			s.Relay.watch(true)
			for n := range 6 {
				d := exchange.Draft{
					Line: s.ju, Kind: run.kind, Status: traffic.Exercise, ExerciseName: "EXERCISE", Precedence: precedence.Level(n % 4),
					Label: marking.Label{TLP: run.tlp}, Subject: run.subject, Language: "en",
					Text: fmt.Sprintf("EXERCISE %s canary-%d", run.subject, n), AckWanted: traffic.AckReceipt,
				}
				sent, err := jpn.Send(context.Background(), d, nil)
				must(t, err)
				time.Sleep(5 * time.Second)
				must(t, usa.Acknowledge(context.Background(), sent.ID, exchange.Ack{State: run.answer, Role: "watch officer"}))
				time.Sleep(5 * time.Second)
			}
			s.Relay.watch(false)
			seen = append(seen, s.seenBy())
			s.searched(i)
			s.end()
		})
	}
	if len(seen[0]) < 12 || !slices.Equal(seen[0], seen[1]) {
		t.Errorf("a relay can tell two runs apart:\n%q\n%q", seen[0], seen[1])
	}
}

// watch has the relay note what it sees, or stop.
func (r *Relay) watch(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watching = on
}

// seenBy is what the relay saw, without what is random by design.
func (s *scene) seenBy() (all []string) {
	names := map[ident.Mailbox]string{}
	for _, d := range s.desks() {
		names[d.Box] = d.Self.DeskName
	}
	s.Relay.mu.Lock()
	defer s.Relay.mu.Unlock()
	for _, o := range s.Relay.observed {
		life := time.Until(time.Unix(60*int64(o.Header.Expiry), 0)).Round(24 * time.Hour)
		all = append(all, fmt.Sprintf("%s to %s: suite %d type %d lane %d, %d bytes for %v", names[o.From], names[o.To], o.Header.Suite, o.Header.Type, o.Lane, o.Size, life))
	}
	slices.Sort(all)
	return all
}

// searched looks for what must not be in anything that the relay was given.
func (s *scene) searched(run int) {
	needles := map[string][]byte{"text": []byte("canary-"), "a word": []byte("EXERCISE"), "a desk's name": []byte("JPN-1"), "a line's name": []byte("JPN-USA")}
	for _, p := range s.Parties {
		needles["party "+p.Name] = p.ID[:]
		for _, d := range p.Desks {
			needles["desk "+d.Self.DeskName] = d.Self.Desk[:]
		}
	}
	needles["line"], needles["message"] = s.ju[:], s.sent[0].id[:]
	s.Relay.mu.Lock()
	defer s.Relay.mu.Unlock()
	for _, x := range s.Relay.all {
		for what, needle := range needles {
			if bytes.Contains(x.Bytes, needle) {
				s.t.Errorf("run %d: %s stands in an envelope of type %d", run, what, x.Header.Type)
			}
		}
	}
}

// TestRelayCannotChangeRoster: a relay that drops, repeats, reorders and swaps
// statements, before and after a desk was cut off, adds nobody, brings nobody
// back, and no key goes to anybody who is not on a line.
func TestRelayCannotChangeRoster(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, dir)
		s.traffic("warm", 0, 10)
		s.wait("warm", time.Hour)
		before := s.statements()
		s.Relay.Behave(meddle())
		s.traffic("meddled", 10, 30)
		time.Sleep(10 * time.Minute)
		if got := s.statements(); !slices.Equal(got, before) {
			t.Errorf("statements changed: %q, were %q", got, before)
		}
		gone := s.nato.Desks[1]
		cert := gone.Add.Add.Certificate
		st, err := roster.NewStatement(one, s.nato.Root, roster.Statement{
			Type: roster.RemoveDesk, Number: 9, Time: time.Now().UTC().Truncate(time.Millisecond),
			Remove: &roster.Cut{Desk: gone.Self.Desk, Fingerprint: cert.Fingerprint(one), Reason: "EXERCISE"},
		})
		must(t, err)
		must(t, s.nato.Desks[0].CutOff(context.Background(), st, "EXERCISE"))
		time.Sleep(30 * time.Minute)
		s.Relay.Behave(nil)
		time.Sleep(30 * time.Minute)
		s.Relay.replayAll()
		time.Sleep(10 * time.Minute)
		s.Relay.watch(true)
		s.nato.Desks = s.nato.Desks[:1]
		// What the relay kept of its signatures counts no more, nor what it wrote.
		s.sent = slices.DeleteFunc(s.sent, func(m note) bool { return m.from == gone })
		for i := range s.sent {
			s.sent[i].to = slices.DeleteFunc(slices.Clone(s.sent[i].to), func(d *Desk) bool { return d == gone })
		}
		s.traffic("after", 40, 30)
		s.wait("after", 3*time.Hour)
		time.Sleep(25 * time.Hour) // new keys are due
		s.Relay.watch(false)
		s.nato.Desks = append(s.nato.Desks, gone)
		for _, d := range []*Desk{s.jpn.Desks[0], s.nato.Desks[0]} {
			v, ok := d.Engine.View().Line(s.jn)
			if !ok || slices.ContainsFunc(v.Desks[s.nato.ID], func(e roster.Entry) bool { return e.Desk == gone.Self.Desk }) {
				t.Errorf("%s has the removed desk on its line", d.Self.DeskName)
			}
		}
		known := map[ident.Mailbox]bool{}
		for _, d := range s.desks() {
			known[d.Box] = true
		}
		for _, o := range s.Relay.observed {
			if !known[o.To] {
				t.Error("something went to a mailbox that nobody has")
			}
			if o.To == gone.Box && (o.Header.Type == envelope.Slice || o.Header.Type == envelope.Chain) {
				t.Errorf("an envelope of type %d went to the removed desk", o.Header.Type)
			}
		}
		s.end()
	})
}

// statements lists which desk holds which statement.
func (s *scene) statements() (all []string) {
	for _, d := range s.desks() {
		must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
			for _, r := range rows(tx, "SELECT hex(id) FROM statement") {
				all = append(all, d.Self.DeskName+" "+r)
			}
			return nil
		}))
	}
	slices.Sort(all)
	return all
}

// meddle does to statements and keys what a relay can: loses a third, repeats,
// delays and gives to others.
func meddle() *Behaviour {
	return &Behaviour{Name: "meddle", Put: func(r *Relay, x *Parcel) {
		switch r.rand.IntN(4) {
		case 0:
			r.say(x)
		case 1:
			r.honest(x)
			for id := range r.boxes {
				r.deliver(id, x.Lane, x.Bytes)
			}
		case 2:
			r.say(x)
			r.later(time.Duration(r.rand.IntN(600))*time.Second, true, func() {
				for _, to := range x.To {
					r.deliver(to, x.Lane, x.Bytes)
				}
			})
		default:
			r.honest(x)
		}
	}}
}

// replayAll gives everything that the relay remembers to everybody.
func (r *Relay) replayAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.all {
		for id := range r.boxes {
			r.deliver(id, x.Lane, x.Bytes)
		}
	}
}
