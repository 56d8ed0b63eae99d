package roster

import (
	"fmt"
	"slices"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// RecordPolicy says what a record of the line proves to others.
type RecordPolicy uint8

// The record policies.
const (
	Attributable RecordPolicy = 1 // every message is signed by its sender
	Deniable     RecordPolicy = 2 // reserved and refused until it exists
)

// ReleasePolicy says whether a second person releases a message.
type ReleasePolicy uint8

// The release policies.
const (
	ReleaseNone   ReleasePolicy = 1 // one person sends
	ReleaseSecond ReleasePolicy = 2 // reserved and refused until it exists
)

// AttestPolicy says how often a desk signs its chains with the long-lived key.
type AttestPolicy uint8

// The attestation policies.
const (
	AttestAmortised AttestPolicy = 1 // every 64 messages, 15 minutes and at the end of a key
	AttestEvery     AttestPolicy = 2 // with each message
)

// RelMembers as [LabelRule.REL] means: the parties of the line.
const RelMembers = "members"

// Member is a party of a line.
type Member struct {
	Party ident.Party
	Name  string // as the parties call it on this line, "NATO"
	Root  []byte // the founding one; its hash is Party
}

func (m Member) check(v Verifier) error {
	suite := v.ID()
	if err := octets.Check(func(c *octets.Coder) { Version(c, "member", &suite); RootKey(c, &m.Root) }); err != nil {
		return err
	}
	if PartyOf(v, m.Root) != m.Party {
		return fmt.Errorf("%w: id of %q is not the hash of its root", ErrForeign, m.Name)
	}
	return nil
}

func compareMembers(a, b Member) int { return ident.Compare(a.Party, b.Party) }

// Clock is the acknowledgement clock of one precedence.
type Clock struct {
	ReceiptWithin time.Duration   // whole seconds, at least one
	EscalateAt    []time.Duration // after delivery, rising, whole seconds
}

// LabelRule fills the fields of a label that a person left open. An empty
// field has no rule: a person must choose it. TLP has none ever.
type LabelRule struct {
	Classification string // "none"
	PAP            string // "PAP:AMBER"
	REL            string // [RelMembers]
	Text           string // the rule in words, for people; may be empty
}

// Charter is one version of the terms of a line. The hash of the first is the
// line's id. A later one names the version before it and is signed by that
// one's quorum: see [Set.Current].
type Charter struct {
	Suite    uint8
	Version  uint64       // from 1
	Line     ident.Line   // zero in version 1, whose hash it is
	Previous []ident.Line // hashes of the version before; all of them, where several compete
	Taken    []Head       // statements that the signers had before them; a checkpoint for people

	Nonce         [32]byte // random: two lines of the same terms differ
	Name          string   // what the parties call the line
	Profile       string   // "bilateral", "alliance", "adversarial", "incident"
	Created       time.Time
	Members       []Member // 2 or more; NewCharter sorts them by party
	Quorum        uint8    // how many members sign the next version: more than half, of two both
	Clocks        [4]Clock // by precedence.Level
	Rule          LabelRule
	Ceiling       string        // highest marking that may travel; empty: none set
	Exercise      bool          // only exercise and test traffic
	Relays        []ident.Relay // allowed; empty: any. NewCharter sorts them
	SealKeyPeriod time.Duration // whole seconds
	Record        RecordPolicy
	Release       ReleasePolicy
	Attest        AttestPolicy // zero in NewCharter: amortised
}

func (x *Charter) fields(c *octets.Coder) {
	Version(c, "charter", &x.Suite)
	c.Number("charter version", &x.Version, MaxNumber)
	c.Array(x.Line[:])
	octets.List(c, "versions before", &x.Previous, 0, MaxCompeting, ident.Compare[ident.Line], func(l *ident.Line) { c.Array(l[:]) })
	first := x.Version == 1
	c.Must(first == (len(x.Previous) == 0) && first == (x.Line == ident.Line{}), "version %d after %d others", x.Version, len(x.Previous))
	heads(c, &x.Taken)
	c.Array(x.Nonce[:])
	c.Text("name of the line", &x.Name, MaxName, false)
	c.Text("profile", &x.Profile, MaxName, false)
	c.Time("time of the charter", &x.Created)
	octets.List(c, "members", &x.Members, 2, MaxMembers, compareMembers, func(m *Member) {
		c.Array(m.Party[:])
		c.Text("name of a party", &m.Name, MaxName, false)
		RootKey(c, &m.Root)
	})
	c.Uint8(&x.Quorum)
	n := len(x.Members)
	c.Must(int(x.Quorum) > n/2 && int(x.Quorum) <= n, "quorum of %d among %d", x.Quorum, n)
	for i := range x.Clocks {
		x.Clocks[i].fields(c, precedence.Level(i))
	}
	c.Text("classification rule", &x.Rule.Classification, MaxRule, true)
	c.Text("PAP rule", &x.Rule.PAP, MaxRule, true)
	c.Text("REL rule", &x.Rule.REL, MaxRule, true)
	c.Text("label rule", &x.Rule.Text, MaxRule, true)
	c.Text("ceiling", &x.Ceiling, MaxRule, true)
	c.Flag("exercise", &x.Exercise)
	octets.List(c, "allowed relays", &x.Relays, 0, MaxRelays, ident.Compare[ident.Relay], func(id *ident.Relay) { c.Array(id[:]) })
	c.Seconds("seal-key period", &x.SealKeyPeriod, MinSealKeyPeriod, MaxSealKeyPeriod)
	c.Uint8((*uint8)(&x.Record))
	c.Uint8((*uint8)(&x.Release))
	c.Uint8((*uint8)(&x.Attest))
	x.policies(c)
}

// policies refuses what is reserved: a line whose terms this program cannot
// keep is not opened at all.
func (x *Charter) policies(c *octets.Coder) {
	switch {
	case x.Record == Deniable:
		c.Fail(fmt.Errorf("%w: a deniable record; messages are signed, so every record of this line will be attributable", ErrReserved))
	case x.Release == ReleaseSecond:
		c.Fail(fmt.Errorf("%w: release by a second person", ErrReserved))
	case x.Rule.REL != "" && x.Rule.REL != RelMembers:
		c.Fail(fmt.Errorf("%w: REL rule %q", ErrReserved, x.Rule.REL))
	}
	c.Must(x.Record == Attributable && x.Release == ReleaseNone && (x.Attest == AttestAmortised || x.Attest == AttestEvery),
		"record policy %d, release policy %d, attestation policy %d", x.Record, x.Release, x.Attest)
}

func (k *Clock) fields(c *octets.Coder, l precedence.Level) {
	c.Seconds("receipt clock of "+l.String(), &k.ReceiptWithin, time.Second, MaxClock)
	rising := func(a, b time.Duration) int { return int(a/time.Second - b/time.Second) }
	octets.List(c, "escalations", &k.EscalateAt, 0, MaxEscalations, rising, func(at *time.Duration) {
		c.Seconds("escalation of "+l.String(), at, time.Second, MaxClock)
	})
}

// DefaultClocks returns the clocks of package precedence.
func DefaultClocks() (c [4]Clock) {
	for _, l := range precedence.All() {
		c[l] = Clock{ReceiptWithin: l.ReceiptWithin(), EscalateAt: l.EscalateAt()}
	}
	return c
}

// NewCharter sorts c's lists, checks it whole and returns it. The caller draws
// the nonce. A zero version is 1, a zero quorum more than half.
func NewCharter(v Verifier, c Charter) (Charter, error) {
	c.Suite, c.Version, c.Attest, c.Created = v.ID(), max(c.Version, 1), max(c.Attest, AttestAmortised), wholeMilli(c.Created)
	if c.Quorum == 0 {
		c.Quorum = uint8(len(c.Members)/2 + 1)
	}
	c.Members = slices.SortedFunc(slices.Values(c.Members), compareMembers)
	c.Relays = slices.SortedFunc(slices.Values(c.Relays), ident.Compare[ident.Relay])
	if err := c.Check(v); err != nil {
		return Charter{}, fmt.Errorf("make charter: %w", err)
	}
	return c, nil
}

// ParseCharter reads a charter and checks it whole, members' ids included.
func ParseCharter(v Verifier, b []byte) (c Charter, err error) {
	if err = octets.Parse("charter", b, MaxCharter, c.fields); err == nil {
		err = c.Check(v)
	}
	return c, err
}

// Bytes returns the one spelling of c.
func (x Charter) Bytes() []byte { return octets.Encode(x.fields) }

// Hash names this version of the charter.
func (x Charter) Hash(v Verifier) ident.Line {
	return ident.Line(short(v.Hash(labelCharter, x.Bytes())))
}

// ID returns the id of the line: the hash of the first version.
func (x Charter) ID(v Verifier) ident.Line {
	if x.Version > 1 {
		return x.Line
	}
	return x.Hash(v)
}

// Check returns an error unless every field of c is in its limits, every
// member's id is the hash of its root, names differ (an officer picks a party
// by name), and no reserved policy is asked for.
func (x Charter) Check(v Verifier) error {
	if err := octets.Check(x.fields); err != nil {
		return err
	}
	if x.Suite != v.ID() {
		return fmt.Errorf("%w: charter of suite %d", ErrForeign, x.Suite)
	}
	for i, m := range x.Members {
		if err := m.check(v); err != nil {
			return err
		}
		if slices.ContainsFunc(x.Members[:i], func(o Member) bool { return o.Name == m.Name }) {
			return fmt.Errorf("%w: two members are called %q", ErrMalformed, m.Name)
		}
	}
	return nil
}

// Member returns the member with that id.
func (x Charter) Member(p ident.Party) (Member, bool) {
	i := slices.IndexFunc(x.Members, func(m Member) bool { return m.Party == p })
	if i < 0 {
		return Member{}, false
	}
	return x.Members[i], true
}

// Parties lists the members' ids in order.
func (x Charter) Parties() []ident.Party {
	out := make([]ident.Party, len(x.Members))
	for i, m := range x.Members {
		out[i] = m.Party
	}
	return out
}
