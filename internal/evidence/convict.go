package evidence

import (
	"fmt"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
)

// Finding is that one desk signed two things of which an honest desk signs one.
// Nobody else can have made it up.
type Finding struct {
	Desk string `json:"desk"`
	Name string `json:"name"`
	Kind string `json:"kind"` // "place", "id", "key", "attestation", "journal"
	Text string `json:"text"`
}

// convict looks for contradictions in all that was verified.
func (c *checker) convict() (once []Finding) {
	seen := map[Finding]bool{}
	for _, look := range []func() []Finding{c.twoPlaces, c.twoKeys, c.twoAttestations, c.otherThanAttested, c.twoJournals} {
		for _, f := range look() {
			if !seen[f] {
				seen[f], once = true, append(once, f)
			}
		}
	}
	return once
}

func (c *checker) finding(desk ident.Desk, kind, format string, args ...any) Finding {
	name := c.deskName(desk)
	return Finding{desk.String(), name, kind, fmt.Sprintf("Desk %s signed ", name) + fmt.Sprintf(format, args...)}
}

// twoPlaces finds two insides in one place of a chain, and two bodies under one
// id.
func (c *checker) twoPlaces() (found []Finding) {
	type place struct {
		desk       ident.Desk
		generation chain.Generation
		lane       chain.Lane
		sequence   uint32
		previous   [32]byte // of receipts: there is one chain for each party
	}
	type name struct {
		desk ident.Desk
		id   ident.Message
	}
	places, ids := map[place]*signed{}, map[name]*signed{}
	for i := range c.signed {
		x := &c.signed[i]
		at := place{desk: x.desk, generation: x.in.Generation, lane: x.in.Lane, sequence: x.in.Sequence}
		if at.lane == chain.Receipts {
			at.previous = x.in.Previous
		}
		if y := places[at]; y != nil && y.inside != x.inside {
			found = append(found, c.finding(x.desk, "place", "two messages for one place of a chain: %s and %s.", y.words(), x.words()))
		}
		places[at] = x
		if x.in.Kind != envelope.Message {
			continue
		}
		as := name{x.desk, x.in.Message}
		if y := ids[as]; y != nil && y.content != x.content {
			found = append(found, c.finding(x.desk, "id", "two bodies under one id: %s and %s.", y.words(), x.words()))
		}
		ids[as] = x
	}
	return found
}

// words names one signed thing.
func (x *signed) words() string {
	switch {
	case x.message != nil:
		return fmt.Sprintf("%s (content %x…)", x.message.Serial, x.content[:6])
	case x.receipt != nil:
		return fmt.Sprintf("a receipt, %s of %s", x.receipt.State, x.receipt.Message)
	default:
		return fmt.Sprintf("an inside of kind %d (%x…)", x.in.Kind, x.inside[:6])
	}
}

// twoKeys finds one generation with two sending keys or two predecessors, by
// slices and by attestations.
func (c *checker) twoKeys() (found []Finding) {
	for i, a := range c.slices {
		for _, b := range c.slices[:i] {
			if a.Sender == b.Sender && a.Group == b.Group && a.Generation == b.Generation &&
				(a.Commitment != b.Commitment || a.Predecessor != b.Predecessor) {
				found = append(found, c.finding(a.Sender, "key", "two sending keys under one name."))
			}
		}
		for _, b := range c.attestations {
			if a.Sender == b.Sender && a.Group == b.Group && a.Generation == b.Generation && a.Commitment != b.Commitment {
				found = append(found, c.finding(a.Sender, "key", "another sending key than the one that it attests."))
			}
		}
	}
	return found
}

func (c *checker) twoAttestations() (found []Finding) {
	for i, a := range c.attestations {
		for _, b := range c.attestations[:i] {
			if a.Contradicts(b) {
				found = append(found, c.finding(a.Sender, "attestation", "two attestations that contradict each other, of %s and %s.", clock(b.Time), clock(a.Time)))
			}
		}
	}
	return found
}

// otherThanAttested finds a message signed in its place and an attestation of
// another one there.
func (c *checker) otherThanAttested() (found []Finding) {
	for _, p := range c.paths {
		for _, a := range c.attestations {
			last, running, ok := attestedIn(a, p.chainID)
			if ok && last > 0 && int(last) < len(p.running) && p.running[last] != running && c.signedAt(p, last) {
				found = append(found, c.finding(a.Sender, "attestation", "another message %d of lane %d than it attests.", last, p.lane))
			}
		}
	}
	return found
}

// twoJournals finds two logs of one generation: two roots of one size, or two
// leaves under one number.
func (c *checker) twoJournals() (found []Finding) {
	for i, a := range c.points {
		for _, b := range c.points[:i] {
			if a.Desk == b.Desk && a.Generation == b.Generation && a.Size == b.Size && a.Root != b.Root {
				found = append(found, c.finding(a.Desk, "journal", "two journals of %d leaves.", a.Size))
			}
		}
	}
	type number struct {
		desk       ident.Desk
		generation uint64
		n          int64
	}
	seen := map[number]leafAt{}
	for _, l := range c.leaves {
		at := number{l.desk, l.generation, l.Number}
		if other, ok := seen[at]; ok && string(other.Bytes()) != string(l.Bytes()) {
			found = append(found, c.finding(l.desk, "journal", "two journals that differ at leaf %d.", l.Number))
		}
		seen[at] = l
	}
	return found
}
