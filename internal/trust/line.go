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
	"hotline/internal/marking"
	"hotline/internal/roster"
	"hotline/internal/store"
)

// Terms are what a person chooses of a new line.
type Terms struct {
	Name           string
	Parties        []string // the others: names or ids of paired parties
	Exercise       bool
	Classification string // of the label rule; empty: "none"
	PAP            string // of the label rule; empty: "PAP:CLEAR"
	Record         string // "attributable", or empty for it
	Attest         string // "amortised", or empty for it, or "every"
}

// Create makes a charter, signs it and offers it to the other parties. The line
// opens when all of them have signed the same charter.
func (k *Book) Create(ctx context.Context, t Terms) (id ident.Line, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		c, err := k.charter(o.Store(), t)
		if err != nil {
			return err
		}
		if held, err := taken(o.Store(), t.Name); err != nil {
			return err
		} else if held {
			return fault.New(fault.Conflict, "There is a line named %q already.", t.Name).WithHint("choose another name")
		}
		id = c.ID(k.Suite)
		row := store.Line{ID: id, Name: t.Name, Charter: c.Bytes(), State: "proposed", CreatedAt: c.Created}
		if err := o.Store().PutLine(row); err != nil {
			return fmt.Errorf("store line: %w", err)
		}
		if err := o.Leaf("line-proposed", id[:]); err != nil {
			return err
		}
		return k.sign(o, c)
	})
	return id, err
}

// charter writes the terms down.
// policies writes what the terms say of the record into a charter.
func (t Terms) policies(c *roster.Charter) error {
	switch t.Record {
	case "", "attributable":
	case "deniable":
		return fault.New(fault.Refused, "A deniable record does not exist yet: messages are signed, so every record of a line is attributable.").
			WithHint("leave --record out, and say on paper what must not be on record")
	default:
		return fault.New(fault.Invalid, "The record of a line is attributable.")
	}
	switch t.Attest {
	case "", "amortised":
		c.Attest = roster.AttestAmortised
	case "every":
		c.Attest = roster.AttestEvery
	default:
		return fault.New(fault.Invalid, "Attestation is amortised, or every: with each message.")
	}
	return nil
}

func (k *Book) charter(tx *store.Tx, t Terms) (roster.Charter, error) {
	c := roster.Charter{
		Name: t.Name, Profile: "bilateral", Created: time.Now().UTC().Truncate(time.Millisecond), Clocks: roster.DefaultClocks(),
		Exercise: t.Exercise, SealKeyPeriod: 24 * time.Hour, Record: roster.Attributable, Release: roster.ReleaseNone,
		Rule: roster.LabelRule{Classification: t.Classification, PAP: t.PAP, REL: roster.RelMembers},
	}
	if c.Rule.Classification == "" {
		c.Rule.Classification = "none"
	}
	if c.Rule.PAP == "" {
		c.Rule.PAP = "PAP:CLEAR"
	}
	rule, err := marking.ParseRule(c.Rule.Classification, c.Rule.PAP, c.Rule.REL)
	if err != nil {
		return c, fault.Wrap(err, fault.Invalid, "%s", err.Error())
	}
	if rule.Classification != marking.Unclassified {
		// Every line starts there; raising it needs a recorded approval, which
		// this version cannot record (docs/spec/line.md).
		return c, fault.New(fault.Refused, "A line carries unclassified information only, until a security authority has approved more.").
			WithHint("leave the classification of the rule at none")
	}
	if err := t.policies(&c); err != nil {
		return c, err
	}
	if len(t.Parties) == 0 {
		return c, fault.New(fault.Invalid, "A line needs another party.")
	}
	if len(t.Parties) > 1 {
		c.Profile = "alliance"
	}
	c.Members = []roster.Member{{Party: k.Self.Party, Name: k.Self.PartyName, Root: k.Self.Root}}
	for _, ref := range t.Parties {
		p, err := party(tx, ref)
		if err != nil {
			return c, err
		}
		if p.Self {
			return c, fault.New(fault.Invalid, "%s is this desk's own party; name the others only.", p.Name)
		}
		standing, err := k.Party(tx, p.ID.String())
		if err != nil {
			return c, err
		}
		if standing.Roster.Frozen(p.ID) {
			return c, fault.New(fault.Refused, "%s has rotated its root in two ways at once; nobody knows who holds it.", p.Name).
				WithHint("only a new ceremony with %s helps", p.Name)
		}
		if _, twice := c.Member(p.ID); twice {
			return c, fault.New(fault.Invalid, "%s is named twice.", p.Name)
		}
		c.Members = append(c.Members, roster.Member{Party: p.ID, Name: p.Name, Root: p.Root})
	}
	_, _ = rand.Read(c.Nonce[:]) // never fails
	c, err = roster.NewCharter(k.Suite, c)
	if err != nil {
		_, why, _ := strings.Cut(err.Error(), roster.ErrMalformed.Error()+": ")
		return c, fault.Wrap(err, fault.Invalid, "These terms do not make a charter: %s.", cmp.Or(why, err.Error()))
	}
	return c, nil
}

// sign adds our party's signature to a charter, sends what is signed so far to
// all members, and opens the line if ours was the last one missing.
func (k *Book) sign(o Outlet, c roster.Charter) error {
	s, err := roster.SignCharter(k.Suite, k.Self.DeskKey, c, roster.CharterSignature{
		Party: k.Self.Party, Desk: k.Self.Desk, Time: time.Now().UTC().Truncate(time.Millisecond),
	})
	if err != nil {
		return fmt.Errorf("sign charter: %w", err)
	}
	id := c.ID(k.Suite)
	if err := o.Store().PutCharterSignature(id, k.Self.Party, s.Bytes()); err != nil {
		return fmt.Errorf("store charter signature: %w", err)
	}
	if err := o.Leaf("charter-signed", s.Bytes()); err != nil {
		return err
	}
	if err := k.offer(o, c, nil); err != nil {
		return err
	}
	return k.opened(o, c)
}

// offer sends the charter and the signatures so far to members: all of them,
// or those in only.
func (k *Book) offer(o Outlet, c roster.Charter, only []ident.Party) error {
	sigs, err := signatures(o.Store(), c.ID(k.Suite))
	if err != nil {
		return err
	}
	body := roster.Offer{Charter: c, Signatures: sigs}.Bytes()
	to := only
	if to == nil {
		to = c.Parties()
	}
	for _, p := range to {
		if err := o.Tell(p, KindOffer, body); err != nil {
			return err
		}
	}
	return nil
}

// opened opens a line that every member has signed.
func (k *Book) opened(o Outlet, c roster.Charter) error {
	id := c.ID(k.Suite)
	sigs, err := signatures(o.Store(), id)
	if err != nil {
		return err
	}
	set, err := k.lineSet(o.Store(), c)
	if err != nil {
		return err
	}
	if len(set.Unsigned(c, sigs)) == 0 {
		row, err := o.Store().Line(id)
		if err != nil {
			return fmt.Errorf("read line %s: %w", id, err)
		}
		if row.State == "proposed" {
			if err := o.Store().SetLineState(id, "open"); err != nil {
				return fmt.Errorf("open line %s: %w", id, err)
			}
			if err := o.Leaf("line-open", c.Bytes()); err != nil {
				return err
			}
		}
	}
	if err := o.Reload(); err != nil {
		return err
	}
	return o.Event(eventLine, id[:])
}

// Accept signs a charter that another party proposed.
func (k *Book) Accept(ctx context.Context, ref string) (id ident.Line, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		l, err := find(o.Store(), ref)
		if err != nil {
			return err
		}
		id = l.ID
		sigs, err := signatures(o.Store(), l.ID)
		if err != nil {
			return err
		}
		for _, s := range sigs {
			if s.Party == k.Self.Party {
				return fault.New(fault.Conflict, "%s has signed the charter of line %s already.", k.Self.PartyName, l.Name)
			}
		}
		if l.State != "proposed" {
			return fault.New(fault.Conflict, "Line %s is %s; there is nothing to accept.", l.Name, l.State)
		}
		c, err := roster.ParseCharter(k.Suite, l.Charter)
		if err != nil {
			return fmt.Errorf("read charter: %w", err)
		}
		if err := kept(c); err != nil {
			return err
		}
		return k.sign(o, c)
	})
	return id, err
}

// Control handles what a paired desk says about lines. A fault drops it.
func (k *Book) Control(o Outlet, from roster.Entry, kind uint8, body []byte) error {
	switch kind {
	case KindOffer:
		offer, err := roster.ParseOffer(k.Suite, body)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "An offer of a line cannot be read.")
		}
		if offer.Charter.Version > 1 {
			return k.offeredVersion(o, from, offer)
		}
		return k.offered(o, offer)
	case KindSignature:
		s, err := roster.ParseCharterSignature(body)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "A charter signature cannot be read.")
		}
		l, err := o.Store().Line(s.Line)
		if err != nil {
			return fault.Wrap(err, fault.NotFound, "A charter signature is for no line of this desk.")
		}
		c, err := roster.ParseCharter(k.Suite, l.Charter)
		if err != nil {
			return fmt.Errorf("read charter: %w", err)
		}
		return k.offered(o, roster.Offer{Charter: c, Signatures: []roster.CharterSignature{s}})
	case KindLeave:
		return k.departed(o, from, body)
	case KindOpened:
		return k.deskOpened(o, from, body, time.Now())
	default:
		return fault.New(fault.Invalid, "A control message is of unknown kind %d.", kind)
	}
}

// offered takes an offer in: it shows the line as proposed, never more, and
// keeps signatures that hold.
func (k *Book) offered(o Outlet, offer roster.Offer) error {
	c, id := offer.Charter, offer.Charter.ID(k.Suite)
	if _, ok := c.Member(k.Self.Party); !ok {
		return fault.New(fault.Refused, "An offer is for a line that %s is not on.", k.Self.PartyName)
	}
	known := map[ident.Party]bool{}
	all, err := o.Store().Parties()
	if err != nil {
		return fmt.Errorf("list parties: %w", err)
	}
	for _, p := range all {
		known[p.ID] = true // the id is the hash of the root: the same id, the same root
	}
	for _, m := range c.Members {
		if !known[m.Party] {
			return fault.New(fault.Refused, "A line was offered with %s, with whom this desk is not paired.", m.Name)
		}
	}
	row, err := o.Store().Line(id)
	news := errors.Is(err, store.ErrNone)
	if news {
		if err := k.propose(o, c, id); err != nil {
			return err
		}
	} else if err != nil {
		return fmt.Errorf("read line %s: %w", id, err)
	}
	signed, err := signatures(o.Store(), id)
	if err != nil {
		return err
	}
	set, err := k.lineSet(o.Store(), c)
	if err != nil {
		return err
	}
	for _, s := range offer.Signatures {
		if s.Line != id || slices.ContainsFunc(signed, func(o roster.CharterSignature) bool { return o.Party == s.Party }) {
			continue
		}
		if current, err := set.CheckSignature(c, s); err != nil || !current {
			continue // one that does not hold counts for nothing; the others may
		}
		if err := o.Store().PutCharterSignature(id, s.Party, s.Bytes()); err != nil {
			return fmt.Errorf("store charter signature: %w", err)
		}
		news = true
	}
	if !news && (row.State != "proposed" || len(signed) < len(c.Members)) {
		return nil // a copy, or what is known
	}
	return k.opened(o, c)
}

// propose stores an offered line under a name that is free here.
func (k *Book) propose(o Outlet, c roster.Charter, id ident.Line) error {
	all, err := o.Store().Lines()
	if err != nil {
		return fmt.Errorf("list lines: %w", err)
	}
	if err := room(all); err != nil {
		return err
	}
	name := c.Name
	for n := 2; ; n++ {
		held, err := taken(o.Store(), name)
		switch {
		case err != nil:
			return err
		case held && n > 100:
			return fault.New(fault.Refused, "A line was offered under a name that a hundred others have.")
		}
		if !held {
			break
		}
		name = fmt.Sprintf("%s-%d", c.Name, n)
	}
	if err := o.Store().PutLine(store.Line{ID: id, Name: name, Charter: c.Bytes(), State: "proposed", CreatedAt: time.Now()}); err != nil {
		return fmt.Errorf("store line: %w", err)
	}
	return o.Leaf("line-offered", c.Bytes())
}

// maxProposed is how many lines may wait for an answer here: each is a row on
// somebody's screen, and a peer can offer as many as it likes.
const maxProposed = 64

// room refuses an offer when too many wait.
func room(all []store.Line) error {
	waiting := 0
	for _, l := range all {
		if l.State == "proposed" {
			waiting++
		}
	}
	if waiting >= maxProposed {
		return fault.New(fault.Refused, "A line was offered while %d others wait for an answer.", waiting)
	}
	return nil
}

// Remind offers proposed lines again to the members whose signatures are
// missing here: an offer that came before a pairing, or was lost, is made good.
func (k *Book) Remind(ctx context.Context) error {
	return k.Step(ctx, func(o Outlet) error {
		lines, err := o.Store().Lines()
		if err != nil {
			return fmt.Errorf("list lines: %w", err)
		}
		for _, l := range lines {
			if l.State != "proposed" {
				continue
			}
			c, err := roster.ParseCharter(k.Suite, l.Charter)
			if err != nil {
				return fmt.Errorf("read charter: %w", err)
			}
			sigs, err := signatures(o.Store(), l.ID)
			if err != nil {
				return err
			}
			missing, ours := c.Parties(), false
			for _, s := range sigs {
				ours = ours || s.Party == k.Self.Party
			}
			if !ours {
				continue // not ours to push
			}
			if err := k.offer(o, c, missing); err != nil {
				return err
			}
		}
		return nil
	})
}

// Leave takes this desk off a line for good and says so to the others.
func (k *Book) Leave(ctx context.Context, ref string) (id ident.Line, err error) {
	err = k.Step(ctx, func(o Outlet) error {
		l, err := find(o.Store(), ref)
		if err != nil {
			return err
		}
		if id = l.ID; l.State == "left" {
			return fault.New(fault.Conflict, "This desk has left line %s already.", l.Name)
		}
		t, err := k.terms(o.Store(), l)
		if err != nil {
			return err
		}
		for _, p := range t.now.Parties() {
			if err := o.Tell(p, KindLeave, id[:]); err != nil {
				return err
			}
		}
		if err := o.Store().SetLineState(id, "left"); err != nil {
			return fmt.Errorf("leave line %s: %w", id, err)
		}
		if err := o.Leaf("line-left", id[:]); err != nil {
			return err
		}
		if err := o.Reload(); err != nil {
			return err
		}
		return o.Event(eventLine, id[:])
	})
	return id, err
}

// departed notes that a desk left a line, by its own signed word.
func (k *Book) departed(o Outlet, from roster.Entry, body []byte) error {
	var id ident.Line
	if len(body) != len(id) {
		return fault.New(fault.Invalid, "A desk left a line that cannot be read.")
	}
	copy(id[:], body)
	l, err := o.Store().Line(id)
	if err != nil {
		return fault.Wrap(err, fault.NotFound, "A desk left a line that is not ours.")
	}
	t, err := k.terms(o.Store(), l)
	if err != nil {
		return err
	}
	if _, ok := t.now.Member(from.Party); !ok {
		return fault.New(fault.Refused, "A desk left a line that its party is not on.")
	}
	added, err := o.Store().PutDeparture(id, from.Desk, body, time.Now())
	if err != nil || !added {
		return err
	}
	if err := o.Leaf("desk-left", append(from.Desk[:], id[:]...)); err != nil {
		return err
	}
	if err := o.Reload(); err != nil {
		return err
	}
	return o.Event(eventLine, id[:])
}
