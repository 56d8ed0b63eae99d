package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/exchange"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/pack"
	"hotline/internal/precedence"
	"hotline/internal/store"
	"hotline/internal/traffic"
)

// messages is how many messages each behaviour is tried with: 200 in a test of
// every day, 10,000 with `make hostile`.
func messages() int {
	if n, err := strconv.Atoi(os.Getenv("HOTLINE_HOSTILE")); err == nil && n > 0 {
		return n
	}
	return 200
}

// TestHostileRelay: whatever a relay does, nothing is accepted that was not
// sent, nothing is shown twice, and all arrives when it behaves again.
func TestHostileRelay(t *testing.T) {
	n := messages()
	for _, b := range Behaviours(n > 1000) {
		t.Run(b.Name, func(t *testing.T) {
			began := time.Now()
			var out played
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, dir)
				s.long = n > 1000
				s.play(b, n, &out)
				s.end()
			})
			out.Took, out.Ended = time.Since(began), "passed"
			if bad := out.bad(); bad != "" {
				t.Error(bad)
			}
			if t.Failed() {
				out.Ended = "failed"
			}
			if n > 1000 {
				line, _ := json.Marshal(out) // it has nothing that cannot be written
				fmt.Println(string(line))
			}
		})
	}
}

// The packer makes channels at its first use. They must not be of a bubble.
func TestMain(m *testing.M) {
	for _, text := range []string{"EXERCISE", "EXERCISE EXERCISE attack on banks 12", strings.Repeat("EXERCISE attack on banks ", 40)} {
		for dictionary := range pack.Latest + 1 {
			packed, _ := pack.Pack([]byte(text))
			_, _ = pack.Unpack(packed, dictionary, 1<<16)
		}
	}
	os.Exit(m.Run())
}

// scene is three parties on two lines: JPN and NATO, which has two desks, and
// JPN and USA.
type scene struct {
	*World
	t              *testing.T
	jpn, nato, usa *Party
	jn, ju         ident.Line
	mu             sync.Mutex
	sent           []note
	began          time.Time
	long           bool                   // it tells how far it is
	gone           *Desk                  // was cut off: what it sends and gets is not counted as lost
	owed           map[ident.Message]bool // had to be alarmed
	unalarmed      map[ident.Message]bool // and were not, when it was time
}

// note is a message that a desk sent.
type note struct {
	id   ident.Message
	from *Desk
	line ident.Line
	to   []*Desk
	text string
}

func newScene(t *testing.T, dir string) *scene {
	t.Helper()
	w, err := NewWorld(dir, 1)
	must(t, err)
	s := &scene{World: w, t: t, began: time.Now(), owed: map[ident.Message]bool{}, unalarmed: map[ident.Message]bool{}}
	s.jpn, err = w.Found("JPN", 1)
	must(t, err)
	s.nato, err = w.Found("NATO", 2)
	must(t, err)
	s.usa, err = w.Found("USA", 1)
	must(t, err)
	s.jn, err = w.Line("JPN-NATO", s.jpn, s.nato)
	must(t, err)
	s.ju, err = w.Line("JPN-USA", s.jpn, s.usa)
	must(t, err)
	for _, d := range s.desks() {
		must(t, d.Start(context.Background()))
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *scene) desks() (all []*Desk) {
	for _, p := range s.Parties {
		for _, d := range p.Desks {
			if d.dir != "" {
				all = append(all, d)
			}
		}
	}
	return all
}

// end stops all desks, and then the relay.
func (s *scene) end() {
	for _, d := range s.desks() {
		if err := d.Stop(); err != nil {
			s.t.Error(err)
		}
	}
	s.Relay.Close()
	synctest.Wait()
}

// readers lists the desks that a message of a desk on a line is for.
func (s *scene) readers(from *Desk, line ident.Line) (to []*Desk) {
	if from == s.gone {
		return nil
	}
	for _, c := range s.Lines {
		if c.ID(one) != line {
			continue
		}
		for _, p := range s.Parties {
			if !member(&c, p) {
				continue
			}
			for _, d := range p.Desks {
				if d != from && d != s.gone {
					to = append(to, d)
				}
			}
		}
	}
	return to
}

// send sends the n-th message.
func (s *scene) send(from *Desk, line ident.Line, level precedence.Level, text string) {
	sent, err := from.Send(context.Background(), exchange.Draft{
		Line: line, Kind: traffic.Alert, Status: traffic.Exercise, ExerciseName: "EXERCISE", Precedence: level,
		Label: marking.Label{TLP: marking.TLPAmber}, Subject: "EXERCISE", Language: "en", Text: text,
	}, nil)
	if err != nil {
		s.t.Errorf("%s sends: %v", from.Self.DeskName, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, note{sent.ID, from, line, s.readers(from, line), text})
}

// levels is the mix of precedence.
var levels = []precedence.Level{0, 0, 1, 3, 0, 2, 1, 3}

// traffic sends n messages, some at a time, so that batches form as they do.
func (s *scene) traffic(name string, from, n int) {
	type sender struct {
		d    *Desk
		line ident.Line
	}
	senders := []sender{{s.jpn.Desks[0], s.jn}, {s.jpn.Desks[0], s.ju}, {s.nato.Desks[0], s.jn}, {s.usa.Desks[0], s.ju}, {s.jpn.Desks[0], s.ju}}
	if s.gone != nil {
		senders = append(senders, sender{s.gone, s.jn})
	}
	together := 25
	if s.long {
		together = 100
	}
	for i := 0; i < n; i += together {
		var group sync.WaitGroup
		for k := i; k < min(i+together, n); k++ {
			group.Add(1)
			go func() {
				defer group.Done()
				who := senders[(from+k)%len(senders)]
				s.send(who.d, who.line, levels[(from+k)%len(levels)], fmt.Sprintf("EXERCISE %s %d", name, from+k))
			}()
		}
		group.Wait()
		time.Sleep(time.Second)
		if sent := from + i + together; sent/1000 > (sent-together)/1000 {
			s.progress(name, "sending")
		}
	}
}

// play warms the lines up, lets the relay misbehave, heals it, and counts.
func (s *scene) play(b *Behaviour, n int, out *played) {
	out.Behaviour = b.Name
	if b.Early {
		s.Relay.Behave(b)
	}
	s.traffic("warm", 0, 10)
	s.wait("warm", time.Hour)
	if !b.Early {
		s.Relay.Behave(b)
	}
	switch act := acts[b.Name]; {
	case act != nil:
		act(s, b, n, out)
	default:
		s.traffic(b.Name, 10, n/2)
		if b.Restart {
			for _, d := range s.desks() {
				must(s.t, d.Stop())
				must(s.t, d.Run(context.Background()))
			}
		}
		s.traffic(b.Name, 10+n/2, n-n/2)
	}
	step := time.Minute
	if s.long { // to look at all ladders takes longer than what happens meanwhile
		step = 4 * time.Minute
	}
	for end := time.Now().Add(max(b.Lasts, 20*time.Minute)); time.Now().Before(end); {
		time.Sleep(min(step, time.Until(end)))
		if left := time.Until(end); left < 20*time.Minute || left%(2*time.Hour) < step {
			s.progress(b.Name, "misbehaving")
		}
	}
	out.Noticed = s.noticed(b.Noticed)
	s.Relay.Behave(nil)
	s.wait(b.Name, 3*time.Hour)
	out.Messages, out.Misdeeds = len(s.sent), s.Relay.Counted()
	s.count(out)
	out.Virtual = time.Since(s.began)
}

// wait waits until every message is delivered and signed for.
func (s *scene) wait(what string, most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(time.Minute) {
		s.progress(what, "waiting")
		if lost, unsigned := s.missing(); lost+unsigned == 0 {
			return
		}
	}
	lost, unsigned := s.missing()
	s.t.Errorf("%s: %v later %d copies are lost, %d not signed for", what, most, lost, unsigned)
	s.explain()
}

// explain says of the first messages that are not where they should be how they
// stand.
func (s *scene) explain() {
	for _, m := range s.sent {
		for _, d := range m.to {
			here, signed := false, false
			must(s.t, d.View(context.Background(), func(tx *store.Tx) error {
				_, err := tx.Message(m.id)
				here = err == nil
				return nil
			}))
			text := ""
			must(s.t, m.from.View(context.Background(), func(tx *store.Tx) error {
				ladder, err := tx.Ladder(m.id)
				for _, g := range ladder {
					signed = signed || g.State == "delivered" && g.Desk == d.Self.Desk
					text += g.State + " "
				}
				for row, err := range tx.Rows("SELECT o.id, t.state, t.tries, coalesce(t.retry_at, 0), o.made_at FROM target t JOIN outbox o ON o.id = t.outbox WHERE o.message = ? AND t.desk = ?", m.id, d.Self.Desk) {
					var id, state, tries, retry, made int64
					if err == nil {
						err = row.Scan(&id, &state, &tries, &retry, &made)
					}
					text += fmt.Sprintf("outbox %d state %d tries %d retry in %ds made %ds ago (%v)", id, state, tries, retry/1000-time.Now().Unix(), time.Now().Unix()-made/1000, err)
				}
				return err
			}))
			if !here || !signed {
				s.t.Logf("%s from %s to %s: here %v, signed %v; %s", m.id, m.from.Self.DeskName, d.Self.DeskName, here, signed, text)
			}
		}
	}
}
