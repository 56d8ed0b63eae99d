package model

import "math/bits"

// Limits of the cases. They keep a state in a few words.
const (
	Desks       = 3
	Relays      = 2
	MaxChanges  = 3
	MaxMessages = 3
	maxGens     = 6 // generations of one desk's sending key
)

// Set is a set of small numbers: desks, changes or messages.
type Set uint8

// Has reports whether i is in s.
func (s Set) Has(i int) bool { return s>>i&1 == 1 }

func one(i int) Set { return 1 << i }

// Change is a statement that is made while the line is in use.
type Change struct {
	Actor   int  // who makes it, and waits for its confirmation
	Subject int  // the desk that it is about
	Remove  bool // else it adds
}

// Case is what may happen in one search.
type Case struct {
	Name     string
	Members  Set // desks of the line at the start
	Changes  []Change
	Senders  []int // the sender of each message
	Rekeys   int   // new keys on demand
	Drops    int   // copies that a relay loses
	Restarts int   // starts that cannot prove the state of their keys
	Restores int   // 1: a desk may go back to a backup
	Retries  int   // how often desks try again while faults go on; afterwards they do so without end
	// Prompt says that relays hand over confirmations and signatures at once, so
	// that the search has room for the order of all else.
	Prompt bool
	// Both says that every desk has a mailbox at both relays. Otherwise desk i
	// has one, at relay i mod 2.
	Both bool
	// Roster says who belongs to the line when these changes are known. nil
	// means Members and additions, without removals.
	Roster func(known Set) Set
	Fault  Fault
}

// Fault is a bug planted in the rules, to see that the search finds it.
type Fault uint8

// The faults.
const (
	None                 Fault = iota
	AdditionBeatsRemoval       // the later word wins
	RestoreKeepsKey            // a restored desk goes on under its old key
	NoDigest                   // sets are not compared
	NoSealingAnew              // what waits stays sealed for who was there then
	EarlyMessageDropped        // a message before its slice is acknowledged and dropped
	ShowRemoved                // a removed desk is still shown
	NoReplayCheck              // a copy is shown again
	OldReaders                 // a removal makes no new key
	RestoreUntold              // nobody hears that a restored desk has a new seal key
	NoRetry                    // what a relay lost is lost
	faults
)

// desk is what one desk keeps on its disk.
type desk struct {
	known   Set // changes
	cur     uint8
	readers Set // whom the current generation is sealed to
	seq     uint8
	sent    Set // own messages that were sent
	gen     [MaxMessages]uint8
	acked   [MaxMessages]Set // who signed for it
	conf    [MaxChanges]Set  // who confirmed own changes
	held    uint32           // slices, by sender and generation
	waiting uint32           // slices of desks that are not on the line yet
	fresh   Set              // desks whose new seal key after a restore is known
	shown   Set
	twice   bool   // a message was shown again
	after   bool   // a message of a removed desk was shown
	parked  uint32 // messages before their slice, by generation
	pacc    uint64 // signatures before their slice
}

// mail is what a relay holds for one desk: each kind of packet once.
type mail struct {
	statements Set
	conf       [MaxChanges]Set // by change: from whom
	slices     uint32          // sender, generation
	messages   uint32          // message, generation
	acks       uint64          // message, from, generation
	heads      [Desks]uint8    // by sender: bit n set when its set n was said
}

// World is one state of a case.
type World struct {
	desks  [Desks]desk
	net    [Relays][Desks]mail
	backup desk
	kept   uint8 // 1 + the desk that the backup is of
	made   Set   // changes
	// What the adversary may still do.
	drops, restarts, restores, rekeys, retries uint8
	// What happened, for the judge alone.
	gens     [Desks]uint8                       // generations made: a new one is random, and not taken back by a restore
	sealed   [MaxMessages][maxGens]uint8        // 1 + sequence, by generation
	known    [MaxMessages][maxGens]Set          // the sender's set at that moment
	used     [Desks][maxGens][MaxMessages]uint8 // by sequence: 1 + message
	reused   bool                               // one sequence, two messages
	leaked   bool                               // a slice for a desk that its sender knew to be removed
	restored Set                                // desks that came back from a backup
	signed   [MaxMessages]Set                   // who ever signed for it
}

func sg(sender int, gen uint8) int   { return sender*maxGens + int(gen) }
func mg(m int, gen uint8) int        { return m*maxGens + int(gen) }
func ack(m, from int, gen uint8) int { return (m*Desks+from)*maxGens + int(gen) }
func each(s Set, f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros8(uint8(s)))
	}
}
func each32(s uint32, f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros32(s))
	}
}
func each64(s uint64, f func(i int)) {
	for ; s != 0; s &= s - 1 {
		f(bits.TrailingZeros64(s))
	}
}

// none is the generation of a desk that has no sending key.
const none = maxGens

// Start is the first state of c.
func (c *Case) Start() World {
	w := World{drops: uint8(c.Drops), restarts: uint8(c.Restarts), restores: uint8(c.Restores), rekeys: uint8(c.Rekeys), retries: uint8(c.Retries)}
	for i := range w.desks {
		w.desks[i].cur = none
	}
	return w
}

// roster says who belongs to the line for a desk that knows these changes.
func (c *Case) roster(known Set) Set {
	if c.Roster != nil && c.Fault != AdditionBeatsRemoval {
		return c.Roster(known)
	}
	all := c.Members
	var gone Set
	each(known, func(i int) {
		if s := one(c.Changes[i].Subject); c.Changes[i].Remove {
			gone |= s
		} else {
			all |= s
			if c.Fault == AdditionBeatsRemoval {
				gone &^= s
			}
		}
	})
	return all &^ gone
}

// removed says whether a desk is known to be gone.
func (c *Case) removed(known Set, d int) bool {
	for i, ch := range c.Changes {
		if known.Has(i) && ch.Remove && ch.Subject == d {
			return true
		}
	}
	return false
}

// put gives a relay something for a desk: each of its mailboxes gets a copy.
func (c *Case) put(w *World, to int, f func(m *mail)) {
	for r := range Relays {
		if c.Both || r == to%Relays {
			f(&w.net[r][to])
		}
	}
}
