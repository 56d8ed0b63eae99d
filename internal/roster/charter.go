package roster

import (
	"bytes"
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

// RelMembers as [LabelRule.REL] means: the parties of the line.
const RelMembers = "members"

// Member is a party of a line.
type Member struct {
	Party ident.Party
	Name  string // as the parties call it on this line, "NATO"
	Root  []byte // public key; its hash is Party
}

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

// Charter is the first version of the terms of a line. Its hash is the line's
// id, so its terms never change under that id. What later versions add
// (quorum, succession, calendars, contact cards) comes with another version
// number, which this program refuses.
type Charter struct {
	Nonce         [32]byte // random: two lines of the same terms differ
	Name          string   // what the parties call the line
	Profile       string   // "bilateral", "alliance", "adversarial", "incident"
	Created       time.Time
	Members       []Member // 2 or more; NewCharter sorts them by party
	Clocks        [4]Clock // by precedence.Level
	Rule          LabelRule
	Ceiling       string        // highest marking that may travel; empty: none set
	Exercise      bool          // only exercise and test traffic
	Relays        []ident.Relay // allowed; empty: any. NewCharter sorts them
	SealKeyPeriod time.Duration // whole seconds
	Record        RecordPolicy
	Release       ReleasePolicy
}

// DefaultClocks returns the clocks of package precedence.
func DefaultClocks() (c [4]Clock) {
	for _, l := range precedence.All() {
		c[l] = Clock{ReceiptWithin: l.ReceiptWithin(), EscalateAt: l.EscalateAt()}
	}
	return c
}

// NewCharter sorts c's lists, checks it whole and returns it. The caller draws
// the nonce.
func NewCharter(v Verifier, c Charter) (Charter, error) {
	c.Created = wholeMilli(c.Created)
	c.Members = slices.Clone(c.Members)
	slices.SortFunc(c.Members, func(a, b Member) int { return compareParties(a.Party, b.Party) })
	c.Relays = slices.Clone(c.Relays)
	slices.SortFunc(c.Relays, compareRelays)
	if err := c.Check(v); err != nil {
		return Charter{}, fmt.Errorf("make charter: %w", err)
	}
	return c, nil
}

// ParseCharter reads a charter and checks it whole, members' ids included.
func ParseCharter(v Verifier, b []byte) (Charter, error) {
	if len(b) > MaxCharter {
		return Charter{}, fmt.Errorf("parse charter: %w: %d bytes", ErrMalformed, len(b))
	}
	r := octets.NewReader(bytes.Clone(b))
	c := readCharter(r)
	if err := r.Done(); err != nil {
		return Charter{}, fmt.Errorf("parse charter: %w", malformed(err))
	}
	if err := c.Check(v); err != nil {
		return Charter{}, fmt.Errorf("parse charter: %w", err)
	}
	return c, nil
}

func readCharter(r *octets.Reader) (c Charter) {
	readVersion(r, "charter", charterVersion)
	r.Into(c.Nonce[:])
	c.Name = r.String(MaxName)
	c.Profile = r.String(MaxName)
	c.Created = readTime(r)
	for n := readCount(r, "members", MaxMembers); n > 0 && r.Err() == nil; n-- {
		var m Member
		r.Into(m.Party[:])
		m.Name = r.String(MaxName)
		m.Root = r.Raw(RootPublicSize)
		c.Members = append(c.Members, m)
	}
	for i := range c.Clocks {
		c.Clocks[i].ReceiptWithin = readSeconds(r)
		for n := readCount(r, "escalations", MaxEscalations); n > 0 && r.Err() == nil; n-- {
			c.Clocks[i].EscalateAt = append(c.Clocks[i].EscalateAt, readSeconds(r))
		}
	}
	c.Rule.Classification = r.String(MaxRule)
	c.Rule.PAP = r.String(MaxRule)
	c.Rule.REL = r.String(MaxRule)
	c.Rule.Text = r.String(MaxRule)
	c.Ceiling = r.String(MaxRule)
	c.Exercise = readBool(r)
	for n := readCount(r, "relays", MaxRelays); n > 0 && r.Err() == nil; n-- {
		var id ident.Relay
		r.Into(id[:])
		c.Relays = append(c.Relays, id)
	}
	c.SealKeyPeriod = readSeconds(r)
	c.Record = RecordPolicy(r.Uint8())
	c.Release = ReleasePolicy(r.Uint8())
	return c
}

// Bytes returns the one spelling of c.
func (c Charter) Bytes() []byte {
	var w octets.Writer
	writeVersion(&w, charterVersion)
	w.Raw(c.Nonce[:])
	w.String(c.Name)
	w.String(c.Profile)
	writeTime(&w, c.Created)
	w.Uint8(uint8(len(c.Members)))
	for _, m := range c.Members {
		w.Raw(m.Party[:])
		w.String(m.Name)
		w.Raw(m.Root)
	}
	for _, k := range c.Clocks {
		writeSeconds(&w, k.ReceiptWithin)
		w.Uint8(uint8(len(k.EscalateAt)))
		for _, at := range k.EscalateAt {
			writeSeconds(&w, at)
		}
	}
	w.String(c.Rule.Classification)
	w.String(c.Rule.PAP)
	w.String(c.Rule.REL)
	w.String(c.Rule.Text)
	w.String(c.Ceiling)
	writeBool(&w, c.Exercise)
	w.Uint8(uint8(len(c.Relays)))
	for _, id := range c.Relays {
		w.Raw(id[:])
	}
	writeSeconds(&w, c.SealKeyPeriod)
	w.Uint8(uint8(c.Record))
	w.Uint8(uint8(c.Release))
	return w.Bytes()
}

// ID returns the id of the line that c founds: the hash of all its bytes.
func (c Charter) ID(v Verifier) (l ident.Line) {
	sum := v.Hash(labelCharter, c.Bytes())
	copy(l[:], sum[:])
	return l
}

// Check returns an error unless every field of c is in its limits, every
// member's id is the hash of its root, and no reserved policy is asked for.
func (c Charter) Check(v Verifier) error {
	if err := c.checkTexts(); err != nil {
		return err
	}
	if err := c.checkMembers(v); err != nil {
		return err
	}
	for l, k := range c.Clocks {
		if err := k.check(); err != nil {
			return fmt.Errorf("clock of %v: %w", precedence.Level(l), err)
		}
	}
	if len(c.Relays) > MaxRelays || !slices.IsSortedFunc(c.Relays, compareRelays) || len(slices.Compact(slices.Clone(c.Relays))) != len(c.Relays) {
		return fmt.Errorf("%w: allowed relays are not sorted, or too many", ErrMalformed)
	}
	if err := checkSeconds("seal-key period", c.SealKeyPeriod, MinSealKeyPeriod, MaxSealKeyPeriod); err != nil {
		return err
	}
	switch {
	case c.Record == Deniable || c.Release == ReleaseSecond:
		return fmt.Errorf("%w: record policy %d, release policy %d", ErrReserved, c.Record, c.Release)
	case c.Record != Attributable || c.Release != ReleaseNone:
		return fmt.Errorf("%w: record policy %d, release policy %d", ErrMalformed, c.Record, c.Release)
	}
	return nil
}

func (c Charter) checkTexts() error {
	if err := checkText("name of the line", c.Name, MaxName, false); err != nil {
		return err
	}
	if err := checkText("profile", c.Profile, MaxName, false); err != nil {
		return err
	}
	for _, t := range []struct{ what, s string }{
		{"classification rule", c.Rule.Classification}, {"PAP rule", c.Rule.PAP}, {"REL rule", c.Rule.REL},
		{"label rule", c.Rule.Text}, {"ceiling", c.Ceiling},
	} {
		if err := checkText(t.what, t.s, MaxRule, true); err != nil {
			return err
		}
	}
	if c.Rule.REL != "" && c.Rule.REL != RelMembers {
		return fmt.Errorf("%w: REL rule %q", ErrReserved, c.Rule.REL)
	}
	return checkTime("time of the charter", c.Created)
}

// checkMembers also wants names to differ: an officer picks a party by name.
func (c Charter) checkMembers(v Verifier) error {
	if len(c.Members) < 2 || len(c.Members) > MaxMembers {
		return fmt.Errorf("%w: %d members, want 2 to %d", ErrMalformed, len(c.Members), MaxMembers)
	}
	for i, m := range c.Members {
		if err := checkText("name of a party", m.Name, MaxName, false); err != nil {
			return err
		}
		if err := checkSize("root key", m.Root, RootPublicSize); err != nil {
			return err
		}
		if PartyOf(v, m.Root) != m.Party {
			return fmt.Errorf("%w: id of %q is not the hash of its root", ErrForeign, m.Name)
		}
		if i > 0 && compareParties(c.Members[i-1].Party, m.Party) >= 0 {
			return fmt.Errorf("%w: members are not in order", ErrMalformed)
		}
		if slices.ContainsFunc(c.Members[:i], func(o Member) bool { return o.Name == m.Name }) {
			return fmt.Errorf("%w: two members are called %q", ErrMalformed, m.Name)
		}
	}
	return nil
}

func (k Clock) check() error {
	if err := checkSeconds("receipt clock", k.ReceiptWithin, time.Second, MaxClock); err != nil {
		return err
	}
	if len(k.EscalateAt) > MaxEscalations {
		return fmt.Errorf("%w: %d escalations", ErrMalformed, len(k.EscalateAt))
	}
	for i, at := range k.EscalateAt {
		if err := checkSeconds("escalation", at, time.Second, MaxClock); err != nil {
			return err
		}
		if i > 0 && at <= k.EscalateAt[i-1] {
			return fmt.Errorf("%w: escalations do not rise", ErrMalformed)
		}
	}
	return nil
}

// Member returns the member with that id.
func (c Charter) Member(p ident.Party) (Member, bool) {
	for _, m := range c.Members {
		if m.Party == p {
			return m, true
		}
	}
	return Member{}, false
}

// Parties lists the members' ids in order.
func (c Charter) Parties() []ident.Party {
	out := make([]ident.Party, len(c.Members))
	for i, m := range c.Members {
		out[i] = m.Party
	}
	return out
}

func compareRelays(a, b ident.Relay) int { return bytes.Compare(a[:], b[:]) }
