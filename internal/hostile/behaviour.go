package hostile

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"slices"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/link"
)

// mrand is the relay's own source: the same seed gives the same misdeeds.
type mrand = mathrand.Rand

func newRand(seed uint64) *mrand { return mathrand.New(mathrand.NewPCG(seed, 0xdead)) }

// Behaviour is one way in which a relay misbehaves.
type Behaviour struct {
	// Name says what it does; the number is that of docs/spec/hostile.md.
	Name string
	// Start runs when it begins.
	Start func(r *Relay)
	// Put decides about an envelope; nil is honest.
	Put func(r *Relay, x *Parcel)
	// Answer changes what the relay says in HELLO.
	Answer func(r *Relay, a *link.Answer)
	// Restart has the desks restarted while it goes on.
	Restart bool
	// Early: it begins before the desks have each other's keys.
	Early bool
	// Lasts is how long it goes on after the last message, 20 minutes at least.
	Lasts time.Duration
	// Noticed says by what the desks must notice it; see the tests.
	Noticed Notice
}

// Notice is what a behaviour must be noticed by.
type Notice uint8

// What the desks notice.
const (
	Nothing     Notice = iota // it does no harm that an officer could help
	Anew                      // the sender seals anew what nobody signed for
	Refused                   // the sender's ladder has the relay's refusal
	Dropped                   // the desk logs and drops what it cannot open
	Lost                      // the desk journals that the relay lost its spool
	Undone                    // the sender is told that a message was accepted and is not delivered
	Diverged                  // the next line check names the difference
	Unconfirmed               // the party that cut a desk off is told who has not confirmed it
)

// Behaviours are those of docs/spec/hostile.md. With long some go on for more
// than a day, through a change of seal keys; otherwise for an hour at most. What
// is held back for longer comes when the relay is healed.
func Behaviours(long bool) []*Behaviour {
	month, day := time.Hour, time.Duration(0)
	if long {
		month, day = 30*24*time.Hour, 26*time.Hour
	}
	return []*Behaviour{
		{Name: "01 drop", Noticed: Undone, Put: drop(0.3)},
		{Name: "02 delay", Put: delay(0.2, month), Lasts: day},
		{Name: "03 withhold FLASH", Noticed: Undone, Put: withhold(func(x *Parcel) bool { return x.Lane == 3 })},
		{Name: "04 duplicate", Put: duplicate},
		{Name: "05 replay", Put: replay(month), Restart: true, Lasts: day},
		{Name: "06 reorder", Put: reorder()},
		{Name: "07 truncate", Noticed: Dropped, Put: mangle(truncate)},
		{Name: "08 flip bits", Noticed: Dropped, Put: mangle(flip)},
		{Name: "09 swap", Put: swap},
		{Name: "10 fork", Noticed: Diverged, Put: fork()},
		{Name: "11 withhold statements", Put: withholdQuiet},
		{Name: "12 invent acceptance", Noticed: Undone, Put: pretend},
		{Name: "13 garbage", Noticed: Dropped, Put: garbage},
		{Name: "14 wipe and restart", Noticed: Lost, Put: wiping()},
		{Name: "15 lie about quota", Noticed: Refused, Put: quota, Answer: lyingAnswer},
		{Name: "16 flood", Noticed: Dropped, Put: flood},
		{Name: "17 stall", Put: stall},
		{Name: "18 lose each key once", Put: loseKeys(), Early: true},
		{Name: "19 fork and check", Noticed: Diverged, Put: selective},
		{Name: "20 withhold removals", Noticed: Unconfirmed, Put: selective},
	}
}

// drop accepts and loses a share of everything.
func drop(p float64) func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		if r.chance(p) {
			r.say(x)
			return
		}
		r.honest(x)
	}
}

// delay holds envelopes back for 1 s to most, each order of magnitude as often.
func delay(p float64, most time.Duration) func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		r.say(x)
		for _, to := range x.To {
			if !r.chance(p) {
				r.once(to, x)
				continue
			}
			d := time.Second
			for d < most && r.rand.IntN(2) == 0 {
				d *= 4
			}
			r.later(min(d, most), true, func() { r.once(to, x) })
		}
	}
}

// withhold accepts and holds back what fits, until it is healed.
func withhold(which func(*Parcel) bool) func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		if !which(x) {
			r.honest(x)
			return
		}
		r.counted++
		r.say(x)
		r.held = append(r.held, func() {
			for _, to := range x.To {
				r.once(to, x)
			}
		})
	}
}

// withholdQuiet holds back what looks like statements and keys: control
// envelopes, and what is small on the ROUTINE lane and for more than one desk.
func withholdQuiet(r *Relay, x *Parcel) {
	withhold(func(x *Parcel) bool {
		return x.Header.Type == envelope.Control || x.Header.Type == envelope.Slice && x.Lane == 0
	})(r, x)
}

// duplicate delivers twice or more.
func duplicate(r *Relay, x *Parcel) {
	r.honest(x)
	for r.chance(0.6) {
		for _, to := range x.To {
			r.deliver(to, x.Lane, x.Bytes)
		}
	}
}

// replay delivers what was delivered, from 1 s to most later, also to whoever
// it was not for.
func replay(most time.Duration) func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		r.honest(x)
		for r.chance(0.3) {
			d := time.Second
			for d < most && r.rand.IntN(3) > 0 {
				d *= 5
			}
			r.later(min(d, most), true, func() {
				for _, to := range x.To {
					r.deliver(to, x.Lane, x.Bytes)
				}
			})
		}
	}
}

// reorder keeps up to 1,000 envelopes of a mailbox and lets a random one go.
func reorder() func(*Relay, *Parcel) {
	type waiting struct {
		to ident.Mailbox
		x  *Parcel
	}
	var pool []waiting
	return func(r *Relay, x *Parcel) {
		r.say(x)
		if pool == nil {
			r.held = append(r.held, func() {
				for _, w := range pool {
					r.once(w.to, w.x)
				}
				pool = nil
			})
		}
		for _, to := range x.To {
			pool = append(pool, waiting{to, x})
		}
		for len(pool) > 990 || len(pool) > 0 && r.rand.IntN(2) == 0 {
			r.counted++
			i := r.rand.IntN(len(pool))
			w := pool[i]
			pool = slices.Delete(pool, i, i+1)
			r.once(w.to, w.x)
		}
	}
}

// mangle delivers a spoilt copy, and in half of the cases the true one too.
func mangle(spoil func(*mrand, []byte) []byte) func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		if !r.chance(0.5) {
			r.honest(x)
			return
		}
		r.say(x)
		for _, to := range x.To {
			if bad := spoil(r.rand, slices.Clone(x.Bytes)); len(bad) > 0 {
				r.deliver(to, x.Lane, bad)
			}
			if r.rand.IntN(2) == 0 {
				r.once(to, x)
			}
		}
	}
}

// lengthAt is where the header says how long the envelope is
// (docs/spec/envelope.md, Section 2).
const lengthAt = 29

func truncate(rnd *mrand, b []byte) []byte {
	n := rnd.IntN(len(b))
	if rnd.IntN(2) == 0 && n >= envelope.HeaderSize { // a length that fits what is left
		binary.BigEndian.PutUint32(b[lengthAt:], uint32(n))
	}
	return b[:n]
}

// flip changes one to three bits, in the header as often as behind it.
func flip(rnd *mrand, b []byte) []byte {
	for range 1 + rnd.IntN(3) {
		at := rnd.IntN(len(b))
		if rnd.IntN(2) == 0 {
			at = rnd.IntN(min(len(b), envelope.HeaderSize))
		}
		b[at] ^= 1 << rnd.IntN(8)
	}
	return b
}

// swap gives envelopes to mailboxes that they are not for, and on lanes that
// they are not of; their own owners get them too.
func swap(r *Relay, x *Parcel) {
	r.honest(x)
	if !r.chance(0.5) {
		return
	}
	for id := range r.boxes {
		if !slices.Contains(x.To, id) {
			r.deliver(id, x.Lane, x.Bytes)
		}
	}
}

// fork shows desks of one party different histories: what it drops for one it
// gives to the other.
func fork() func(*Relay, *Parcel) {
	return func(r *Relay, x *Parcel) {
		r.say(x)
		for i, to := range x.To {
			if len(x.To) > 1 && x.Header.Type == envelope.Chain && i == x.Number%len(x.To) {
				r.counted++
				continue
			}
			r.once(to, x)
		}
	}
}

// pretend says "accepted" and keeps nothing of messages.
func pretend(r *Relay, x *Parcel) {
	if x.Header.Type == envelope.Chain && r.chance(0.8) {
		r.say(x)
		return
	}
	r.honest(x)
}

// garbage mixes in what is none of the desks' doing: random bytes with a valid
// header, under tags that are in use, and slices of keys that nobody has.
func garbage(r *Relay, x *Parcel) {
	r.honest(x)
	for r.chance(0.5) {
		h := x.Header
		h.Type = envelope.Type(r.rand.IntN(6))
		h.Length = uint32(envelope.Bucket(envelope.HeaderSize + r.rand.IntN(2000)))
		_, _ = rand.Read(h.Nonce[:])
		if r.rand.IntN(2) == 0 {
			_, _ = rand.Read(h.Tag[:])
		}
		b := h.Append(nil)
		b = append(b, make([]byte, int(h.Length)-len(b))...)
		_, _ = rand.Read(b[envelope.HeaderSize:])
		for _, to := range x.To {
			r.deliver(to, x.Lane, b)
		}
	}
}

// wiping loses all that it has and breaks every link, every few seconds while
// there is traffic.
func wiping() func(*Relay, *Parcel) {
	var next time.Time
	return func(r *Relay, x *Parcel) {
		if now := time.Now(); now.After(next) {
			next = now.Add(time.Duration(2+r.rand.IntN(20)) * time.Second)
			r.counted++
			r.say(x)
			r.wipe()
			return
		}
		r.honest(x)
	}
}

// quota refuses at random, as if mailboxes were full.
func quota(r *Relay, x *Parcel) {
	if r.chance(0.3) {
		r.refuse(x, []link.Reason{link.ReasonQuota, link.ReasonBusy, link.ReasonShare, link.ReasonNotAllowed, link.ReasonUnknownMailbox}[r.rand.IntN(5)])
		return
	}
	r.honest(x)
}

// lyingAnswer says what is not so in HELLO.
func lyingAnswer(r *Relay, a *link.Answer) {
	a.Quota, a.Used = 1, 1<<62
	a.Time = time.Now().Add(time.Duration(r.rand.Int64N(int64(2 * time.Hour))))
	_, _ = rand.Read(a.AllowHash[:])
}

// flood puts a hundred times what it was given into every mailbox.
func flood(r *Relay, x *Parcel) {
	r.honest(x)
	if len(x.To) == 0 || !r.chance(0.2) {
		return
	}
	for range 100 {
		h := x.Header
		_, _ = rand.Read(h.Nonce[:])
		if r.rand.IntN(4) > 0 {
			_, _ = rand.Read(h.Tag[:])
		}
		b := h.Append(nil)
		b = append(b, x.Bytes[envelope.HeaderSize:]...)
		r.deliver(x.To[0], x.Lane, b)
	}
}

// stall answers nothing for minutes at a time, and then all of it.
func stall(r *Relay, x *Parcel) {
	if !r.chance(0.2) {
		r.honest(x)
		return
	}
	r.later(time.Duration(1+r.rand.IntN(300))*time.Second, true, func() { r.honest(x) })
}

// loseKeys accepts and loses the first copy of every slice.
func loseKeys() func(*Relay, *Parcel) {
	seen := map[envelope.ID]bool{}
	return func(r *Relay, x *Parcel) {
		id := envelope.Identify(x.Bytes)
		if x.Header.Type == envelope.Slice && !seen[id] {
			seen[id] = true
			r.counted++
			r.say(x)
			return
		}
		r.honest(x)
	}
}

// selective keeps what [Relay.Pick] says from whom it says.
func selective(r *Relay, x *Parcel) {
	r.say(x)
	for _, to := range x.To {
		if r.pick != nil && r.pick(x, to) {
			r.counted++
			r.kept = append(r.kept, kept{to, x})
			continue
		}
		r.once(to, x)
	}
}
