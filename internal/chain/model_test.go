package chain

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
)

// place is where a message stands: generation, lane, sequence.
type place struct {
	generation int
	lane       Lane
	sequence   uint32
}

// world is one sender with its generations, a network that loses, doubles and
// reorders, and one receiving desk that restarts and whose transactions fail.
type world struct {
	t        *rapid.T
	from, to end
	tx       *Sender
	rx       []*Receiver
	sent     map[place]Sealed
	bodies   map[place][]byte
	opened   map[place]bool
	lost     map[place]bool // its key expired
	skipped  map[place]time.Time
	now      time.Time
}

// TestEachMessageOpensOnceWhateverHappens drives the world with random actions
// and compares it with the plainest model: a set of what was opened.
func TestEachMessageOpensOnceWhateverHappens(t *testing.T) {
	from, to := newEnd("JPN", "JPN-1"), newEnd("NATO", "NATO-1")
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			t: rt, from: from, to: to, now: start,
			sent: map[place]Sealed{}, bodies: map[place][]byte{}, opened: map[place]bool{}, lost: map[place]bool{}, skipped: map[place]time.Time{},
		}
		w.renew(false)
		rt.Repeat(map[string]func(*rapid.T){
			"send":             func(t *rapid.T) { w.t = t; w.send() },
			"deliver":          func(t *rapid.T) { w.t = t; w.deliver() },
			"deliver damaged":  func(t *rapid.T) { w.t = t; w.damaged() },
			"deliver and fail": func(t *rapid.T) { w.t = t; w.failed() },
			"restart":          func(t *rapid.T) { w.t = t; w.restart() },
			"new generation":   func(t *rapid.T) { w.t = t; w.renew(true) },
			"days pass":        func(t *rapid.T) { w.t = t; w.pass() },
			"":                 func(t *rapid.T) { w.t = t; w.compare() },
		})
	})
}

func (w *world) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) send() {
	n := rapid.IntRange(1, 4).Draw(w.t, "messages")
	lane := Lane(rapid.IntRange(0, 4).Draw(w.t, "lane"))
	for range n {
		in := message(precedence.Level(min(lane, 3)), len(w.sent))
		if lane == Receipts {
			in.Kind, in.ReceiptTo = envelope.Receipt, w.to.party
		}
		s, err := w.tx.Seal(w.from.sign, in)
		w.must(err)
		p := place{len(w.rx) - 1, s.Lane, s.Sequence}
		if _, ok := w.sent[p]; ok {
			w.t.Fatalf("two messages at %v", p)
		}
		w.sent[p], w.bodies[p] = s, in.Body
	}
}

// pick draws any message that was ever sent.
func (w *world) pick() (place, bool) {
	all := slices.SortedFunc(maps.Keys(w.sent), func(a, b place) int {
		return (a.generation-b.generation)*1e6 + int(a.lane-b.lane)*1e4 + int(a.sequence) - int(b.sequence)
	})
	if len(all) == 0 {
		return place{}, false
	}
	return rapid.SampledFrom(all).Draw(w.t, "message"), true
}

func (w *world) deliver() {
	p, ok := w.pick()
	if !ok {
		return
	}
	rx := w.rx[p.generation]
	before, _ := rx.MarshalBinary()
	next := rx.chains[p.lane].next
	o, err := rx.Open(w.sent[p].Envelope, w.now)
	if w.opened[p] || w.lost[p] {
		after, _ := rx.MarshalBinary()
		if !errors.Is(err, ErrReplay) || !bytes.Equal(before, after) {
			w.t.Fatalf("%v again: %v", p, err)
		}
		return
	}
	w.must(err)
	if !bytes.Equal(o.Body, w.bodies[p]) || o.Lane != p.lane || o.Sequence != p.sequence || o.History == Broken || o.Running != w.sent[p].Running {
		w.t.Fatalf("%v opened as %d/%d, history %d", p, o.Lane, o.Sequence, o.History)
	}
	previous := place{p.generation, p.lane, p.sequence - 1}
	if want := p.sequence == 1 || w.opened[previous]; (o.History == Intact) != want {
		w.t.Fatalf("%v has history %d, previous opened: %v", p, o.History, want)
	}
	w.opened[p] = true
	delete(w.skipped, p)
	for q := next; q < p.sequence; q++ {
		w.skipped[place{p.generation, p.lane, q}] = w.now
	}
}

func (w *world) damaged() {
	p, ok := w.pick()
	if !ok {
		return
	}
	env := bytes.Clone(w.sent[p].Envelope)
	env[rapid.IntRange(0, len(env)-1).Draw(w.t, "byte")] ^= byte(rapid.IntRange(1, 255).Draw(w.t, "flip"))
	rx := w.rx[p.generation]
	before, _ := rx.MarshalBinary()
	_, err := rx.Open(env, w.now)
	if after, _ := rx.MarshalBinary(); err == nil || !bytes.Equal(before, after) {
		w.t.Fatalf("damaged %v: %v", p, err)
	}
}

// failed opens a message, and then the disk refuses: the clone goes back.
func (w *world) failed() {
	p, ok := w.pick()
	if !ok || w.opened[p] {
		return
	}
	clone := w.rx[p.generation].Clone()
	_, err := w.rx[p.generation].Open(w.sent[p].Envelope, w.now)
	if (err == nil) == w.lost[p] {
		w.t.Fatalf("%v: %v", p, err)
	}
	w.rx[p.generation] = clone
}

func (w *world) restart() {
	b, err := w.tx.MarshalBinary()
	w.must(err)
	w.tx, err = UnmarshalSender(one, b)
	w.must(err)
	for i, rx := range w.rx {
		b, err := rx.MarshalBinary()
		w.must(err)
		w.rx[i], err = UnmarshalReceiver(one, b)
		w.must(err)
	}
}

// renew makes a new generation and slices it, which ends the one before.
func (w *world) renew(successor bool) {
	if len(w.rx) > 6 {
		return
	}
	in := Start{Group: group, Desk: w.from.desk, Parties: []ident.Party{w.from.party, w.to.party}, Now: w.now}
	if successor {
		in.Previous = w.tx
	}
	tx, err := NewSender(one, in)
	w.must(err)
	env, err := tx.SliceFor(w.from.sign, SliceInput{Desk: w.to.desk, Party: w.to.party, SealPublic: w.to.seal.Public(), SealNumber: w.to.number, Now: w.now})
	w.must(err)
	tx.Forget()
	rx, sl, err := OpenSlice(one, env, w.to.recipient(), peers(w.from), w.now)
	w.must(err)
	if successor {
		last := w.rx[len(w.rx)-1]
		if sl.Predecessor != last.Identity() {
			w.t.Fatal("the slice names another predecessor")
		}
		w.must(last.Close(sl.Last, w.now))
	}
	w.tx, w.rx = tx, append(w.rx, rx)
}

func (w *world) pass() {
	w.now = w.now.Add(time.Duration(rapid.IntRange(1, 100).Draw(w.t, "hours")) * time.Hour)
	for i, rx := range w.rx {
		for _, g := range rx.Expire(w.now) {
			for q := g.From; q <= g.To; q++ {
				p := place{i, g.Lane, q}
				if since, ok := w.skipped[p]; !ok || w.now.Sub(since) < KeepSkipped {
					w.t.Fatalf("%v expired after %v, skipped: %v", p, w.now.Sub(since), ok)
				}
				delete(w.skipped, p)
				w.lost[p] = true
			}
		}
	}
	for p, since := range w.skipped {
		if w.now.Sub(since) >= KeepSkipped {
			w.t.Fatalf("%v did not expire", p)
		}
	}
}

// compare checks what every receiver says is missing: the skipped, and of a
// closed generation also what comes after the newest.
func (w *world) compare() {
	missing := map[place]bool{}
	for i, rx := range w.rx {
		for _, g := range rx.Missing() {
			for q := g.From; q <= g.To; q++ {
				missing[place{i, g.Lane, q}] = true
			}
		}
	}
	for p := range w.sent {
		newest := w.rx[p.generation].chains[p.lane].last()
		closed := p.generation < len(w.rx)-1
		want := !w.opened[p] && !w.lost[p] && (p.sequence <= newest || closed)
		if missing[p] != want {
			w.t.Fatalf("%v missing: %v, want %v", p, missing[p], want)
		}
		delete(missing, p)
	}
	if len(missing) > 0 {
		w.t.Fatalf("missing what was never sent: %v", missing)
	}
}
