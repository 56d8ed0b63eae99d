package trust

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// maxPending is how many versions of one charter may wait for signatures here.
const maxPending = 16

// MaxOffer is how much of an offer goes into one control message: a version
// with the signatures of many custodians goes in several.
const MaxOffer = 56 << 10

// Change is what a new version of a charter changes. Empty fields stay.
type Change struct {
	Name           string
	Admit          []string // parties, by name or id: they become members
	Remove         []string
	Quorum         int
	Classification string
	PAP            string
	SealKeyPeriod  time.Duration
	Record         string // "attributable"; "deniable" is refused
	Attest         string // "amortised" or "every"
	Exercise       *bool
}

// Version is one version of a line's charter, for people.
type Version struct {
	Number  uint64
	Hash    ident.Line
	State   string        // "current", "past", "competing", "pending", "void"
	Signed  []ident.Party // whose consent is there whole
	Missing []ident.Party
	Quorum  int
	Created time.Time
	Text    []string // what it changes against the version before it
	Offer   roster.Offer
}

// terms are a line's row, its set, and the charter that counts.
type terms struct {
	store.Line
	first, now roster.Charter
	competing  []roster.Charter
	set        *roster.Set
}

func (k *Book) terms(tx *store.Tx, l store.Line) (t terms, err error) {
	if t.first, err = roster.ParseCharter(k.Suite, l.Charter); err != nil {
		return t, fmt.Errorf("read charter: %w", err)
	}
	if t.set, err = k.lineSet(tx, t.first); err != nil {
		return t, err
	}
	t.Line = l
	t.now, t.competing = t.set.Current()
	return t, nil
}

// Propose writes a next version of a line's charter and sends it to its members
// and to those whom it admits. It counts when enough of them have signed.
func (k *Book) Propose(ctx context.Context, ref string, change Change) (v Version, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		l, err := find(o.Store(), ref)
		if err != nil {
			return err
		}
		if l.State != "open" {
			return fault.New(fault.Conflict, "Line %s is %s; the charter of an open line has versions.", l.Name, l.State)
		}
		t, err := k.terms(o.Store(), l)
		if err != nil {
			return err
		}
		c, err := k.next(o.Store(), t, change)
		if err != nil {
			return err
		}
		if err := k.keepVersion(o, t, roster.Offer{Charter: c}); err != nil {
			return err
		}
		v, err = k.version(o.Store(), l, c.Hash(k.Suite))
		return err
	})
	return v, err
}

// next writes the version down.
func (k *Book) next(tx *store.Tx, t terms, change Change) (roster.Charter, error) {
	c := t.now
	c.Previous, c.Version, c.Line = []ident.Line{t.now.Hash(k.Suite)}, t.now.Version+1, t.set.Line()
	if len(t.competing) > 0 {
		c.Version, c.Previous = c.Version+1, nil
		for _, other := range t.competing {
			c.Previous = append(c.Previous, other.Hash(k.Suite))
		}
		slices.SortFunc(c.Previous, func(a, b ident.Line) int { return slices.Compare(a[:], b[:]) })
	}
	_, _ = rand.Read(c.Nonce[:]) // never fails
	c.Created, c.Members = time.Now(), slices.Clone(c.Members)
	if c.Taken = t.set.Heads(); len(c.Taken) > roster.MaxHeads {
		c.Taken = nil
	}
	if err := k.alter(tx, &c, change); err != nil {
		return c, err
	}
	c, err := roster.NewCharter(k.Suite, c)
	switch {
	case errors.Is(err, roster.ErrReserved):
		_, why, _ := strings.Cut(err.Error(), roster.ErrReserved.Error()+": ")
		return c, fault.Wrap(err, fault.Refused, "This version cannot keep such terms: %s.", why)
	case err != nil:
		_, why, _ := strings.Cut(err.Error(), roster.ErrMalformed.Error()+": ")
		return c, fault.Wrap(err, fault.Invalid, "These terms do not make a charter: %s.", cmp.Or(why, err.Error()))
	}
	return c, nil
}

// alter makes the change.
func (k *Book) alter(tx *store.Tx, c *roster.Charter, change Change) error {
	c.Name = cmp.Or(change.Name, c.Name)
	c.Rule.Classification, c.Rule.PAP = cmp.Or(change.Classification, c.Rule.Classification), cmp.Or(change.PAP, c.Rule.PAP)
	c.SealKeyPeriod = cmp.Or(change.SealKeyPeriod, c.SealKeyPeriod)
	if change.Exercise != nil {
		c.Exercise = *change.Exercise
	}
	var known bool
	if c.Record, known = map[string]roster.RecordPolicy{"": c.Record, "attributable": roster.Attributable, "deniable": roster.Deniable}[change.Record]; !known {
		return fault.New(fault.Invalid, "%q is no record policy.", change.Record).WithHint("attributable is the one there is")
	}
	if c.Attest, known = map[string]roster.AttestPolicy{"": c.Attest, "amortised": roster.AttestAmortised, "every": roster.AttestEvery}[change.Attest]; !known {
		return fault.New(fault.Invalid, "%q is no attestation policy.", change.Attest).WithHint("amortised or every")
	}
	if rule, err := marking.ParseRule(c.Rule.Classification, c.Rule.PAP, c.Rule.REL); err != nil {
		return fault.Wrap(err, fault.Invalid, "%s", err.Error())
	} else if rule.Classification != marking.Unclassified {
		return fault.New(fault.Refused, "A line carries unclassified information only, until a security authority has approved more.")
	}
	for _, ref := range change.Admit {
		p, err := party(tx, ref)
		if err != nil {
			return err
		}
		if _, is := c.Member(p.ID); is {
			return fault.New(fault.Conflict, "%s is on this line already.", p.Name)
		}
		c.Members = append(c.Members, roster.Member{Party: p.ID, Name: p.Name, Root: p.Root})
	}
	for _, ref := range change.Remove {
		p, err := party(tx, ref)
		if err != nil {
			return err
		}
		if _, is := c.Member(p.ID); !is {
			return fault.New(fault.Conflict, "%s is not on this line.", p.Name)
		}
		c.Members = slices.DeleteFunc(c.Members, func(m roster.Member) bool { return m.Party == p.ID })
	}
	if len(change.Admit)+len(change.Remove) > 0 {
		c.Quorum = 0 // more than half of those who are left
	}
	if change.Quorum > 0 {
		c.Quorum = uint8(min(change.Quorum, 255))
	}
	return nil
}

// Sign takes a version in with signatures that were made elsewhere, by
// custodians' keys that never come near this desk, and tells the others.
func (k *Book) Sign(ctx context.Context, raw []byte) (v Version, err error) {
	offer, err := roster.ParseOffer(k.Suite, raw)
	if err != nil {
		return v, fault.Wrap(err, fault.Invalid, "This is not a version of a charter.")
	}
	if err := kept(offer.Charter); err != nil {
		return v, err
	}
	err = k.Step(ctx, func(o Outlet) error {
		l, err := o.Store().Line(offer.Charter.ID(k.Suite))
		if err != nil {
			return fault.Wrap(err, fault.NotFound, "This version is for no line of this desk.")
		}
		t, err := k.terms(o.Store(), l)
		if err != nil {
			return err
		}
		for _, s := range offer.Signatures {
			if s.Party != k.Self.Party {
				continue
			}
			if _, err := t.set.CheckSignature(offer.Charter, s); err != nil {
				return fault.Wrap(err, fault.Unverified, "A signature under this version does not hold.")
			}
		}
		if err := k.keepVersion(o, t, offer); err != nil {
			return err
		}
		v, err = k.version(o.Store(), l, offer.Charter.Hash(k.Suite))
		return err
	})
	return v, err
}

// keepVersion stores a version that this desk proposes or signed, and sends
// what is signed so far to everybody whom it concerns.
func (k *Book) keepVersion(o Outlet, t terms, offer roster.Offer) error {
	merged, err := k.takeVersion(o, t, offer)
	if err != nil {
		return err
	}
	to := append(t.now.Parties(), merged.Charter.Parties()...)
	slices.SortFunc(to, func(a, b ident.Party) int { return slices.Compare(a[:], b[:]) })
	for _, p := range slices.Compact(to) {
		for _, part := range joining.Portions(merged, MaxOffer) {
			if err := o.Tell(p, KindOffer, part.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeVersion stores a version with the signatures that hold, and shows it. It
// returns it with all signatures that are known.
func (k *Book) takeVersion(o Outlet, t terms, offer roster.Offer) (roster.Offer, error) {
	c := offer.Charter
	hash := c.Hash(k.Suite)
	if c.Version == 1 || c.ID(k.Suite) != t.set.Line() {
		return offer, fault.New(fault.Invalid, "This is no later version of the charter of line %s.", t.Name)
	}
	before := t.set.Digest()
	pending := t.set.Pending()
	held := slices.IndexFunc(append(pending, k.chain(t)...), func(p roster.Offer) bool { return p.Charter.Hash(k.Suite) == hash })
	if held < 0 && len(pending) >= maxPending {
		return offer, fault.New(fault.Refused, "%d versions of the charter of line %s wait for signatures already.", len(pending), t.Name)
	}
	next := t.set.Clone()
	if err := next.TakeVersion(offer); err != nil {
		return offer, fault.Wrap(err, fault.Invalid, "This version of a charter cannot be taken in.")
	}
	merged := next.Version(hash)
	merged.Signatures = slices.DeleteFunc(merged.Signatures, func(s roster.CharterSignature) bool {
		_, err := next.CheckSignature(c, s)
		return err != nil
	})
	if old := t.set.Version(hash); held >= 0 && len(old.Signatures) == len(merged.Signatures) {
		return merged, nil // nothing new
	}
	if err := o.Store().PutVersion(t.set.Line(), hash, merged.Bytes(), time.Now()); err != nil {
		return offer, fmt.Errorf("store charter version: %w", err)
	}
	kind := "charter-version-proposed"
	if next.Digest() != before {
		kind = "charter-version"
	}
	if err := o.Leaf(kind, merged.Bytes()); err != nil {
		return offer, err
	}
	now, _ := next.Current()
	if err := k.introduceMembers(o, now, nil); err != nil {
		return offer, err
	}
	if err := o.Reload(); err != nil {
		return offer, err
	}
	id := t.set.Line()
	return merged, o.Event(eventLine, id[:])
}

// chain lists the later versions that count.
func (k *Book) chain(t terms) (out []roster.Offer) {
	for _, c := range t.set.Chain()[1:] {
		out = append(out, roster.Offer{Charter: c})
	}
	return out
}

// offeredVersion takes in what a paired desk sent. What has no signature of a
// member's custodian is somebody's wish; it is taken from a desk of a member.
func (k *Book) offeredVersion(o Outlet, from roster.Entry, offer roster.Offer) error {
	l, err := o.Store().Line(offer.Charter.ID(k.Suite))
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "A version of a charter is for no line of this desk.")
	}
	t, err := k.terms(o.Store(), l)
	if err != nil {
		return err
	}
	if _, member := t.now.Member(from.Party); !member {
		if _, admitted := offer.Charter.Member(from.Party); !admitted {
			return fault.New(fault.Refused, "A version of a charter came from a party that is not on the line.")
		}
	}
	_, err = k.takeVersion(o, t, offer)
	return err
}

// Versions lists the versions of a line's charter, the first first.
func (k *Book) Versions(tx *store.Tx, ref string) ([]Version, error) {
	l, err := find(tx, ref)
	if err != nil {
		return nil, err
	}
	return k.versions(tx, l)
}

func (k *Book) version(tx *store.Tx, l store.Line, hash ident.Line) (Version, error) {
	all, err := k.versions(tx, l)
	if err != nil {
		return Version{}, err
	}
	for _, v := range all {
		if v.Hash == hash {
			return v, nil
		}
	}
	return Version{}, fault.New(fault.NotFound, "Line %s has no such version.", l.Name)
}

func (k *Book) versions(tx *store.Tx, l store.Line) (out []Version, err error) {
	t, err := k.terms(tx, l)
	if err != nil {
		return nil, err
	}
	sigs, err := signatures(tx, l.ID)
	if err != nil {
		return nil, err
	}
	add := func(o roster.Offer, state string) {
		c := o.Charter
		v := Version{Number: c.Version, Hash: c.Hash(k.Suite), State: state, Quorum: int(t.now.Quorum), Created: c.Created, Offer: o}
		v.Missing = t.set.Unsigned(c, o.Signatures)
		for _, p := range c.Parties() {
			if !slices.Contains(v.Missing, p) {
				v.Signed = append(v.Signed, p)
			}
		}
		for _, older := range t.set.Chain() {
			if slices.Contains(c.Previous, older.Hash(k.Suite)) {
				v.Text, v.Quorum = Differences(older, c), int(older.Quorum)
			}
		}
		out = append(out, v)
	}
	now := t.now.Hash(k.Suite)
	for _, c := range t.set.Chain() {
		o, state, hash := t.set.Version(c.Hash(k.Suite)), "past", c.Hash(k.Suite)
		switch {
		case hash == now:
			state = "current"
		case slices.ContainsFunc(t.competing, func(x roster.Charter) bool { return x.Hash(k.Suite) == hash }):
			state = "competing"
		}
		if c.Version == 1 {
			o = roster.Offer{Charter: c, Signatures: sigs}
		}
		add(o, state)
	}
	for _, o := range t.set.Pending() {
		state := "pending"
		if o.Charter.Version <= t.now.Version {
			state = "void" // another came first
		}
		add(o, state)
	}
	return out, nil
}

// Differences says in sentences what the charter b changes against a.
func Differences(a, b roster.Charter) (out []string) {
	say := func(changed bool, format string, args ...any) {
		if changed {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	for _, m := range b.Members {
		_, was := a.Member(m.Party)
		say(!was, "%s joins the line.", m.Name)
	}
	for _, m := range a.Members {
		_, is := b.Member(m.Party)
		say(!is, "%s leaves the line.", m.Name)
	}
	say(a.Name != b.Name, "The line is called %s.", b.Name)
	say(a.Quorum != b.Quorum, "%d of %d parties sign the next version.", b.Quorum, len(b.Members))
	say(a.Rule != b.Rule, "The label rule is %s %s.", b.Rule.Classification, b.Rule.PAP)
	say(a.Ceiling != b.Ceiling, "The highest marking is %s.", b.Ceiling)
	say(a.Exercise != b.Exercise, "Exercise traffic only: %t.", b.Exercise)
	say(a.SealKeyPeriod != b.SealKeyPeriod, "Seal keys live %v.", b.SealKeyPeriod)
	say(a.Attest != b.Attest, "Each message is attested by itself: %t.", b.Attest == roster.AttestEvery)
	say(!slices.Equal(a.Relays, b.Relays), "%d relays are allowed by name.", len(b.Relays))
	if len(out) == 0 {
		out = []string{"It changes nothing but its number."}
	}
	return out
}
