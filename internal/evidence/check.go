package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/complaint"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/wire"
)

// signed is one verified inside.
type signed struct {
	desk    ident.Desk
	group   ident.Group
	in      chain.Signed
	inside  [32]byte // its hash
	content [32]byte // of a message
	message *wire.Message
	receipt *wire.Receipt
}

// leafAt is one verified leaf of the maker's journal.
type leafAt struct {
	checkpoint.Leaf
	desk       ident.Desk
	generation uint64
}

// checker holds what was verified so far. Steps run in the order of [Check].
type checker struct {
	f *File
	s suite.Suite

	by       ident.Desk
	line     ident.Line
	charter  roster.Charter         // the one that counts
	members  map[ident.Party]string // of any version, by name
	set      *roster.Set
	certs    map[ident.Desk]roster.Certificate
	audience [][]ident.Party
	groups   []ident.Group

	signed       []signed
	slices       []chain.Slice
	attestations []checkpoint.Attestation
	complaints   []complaint.Complaint
	paths        []path
	points       []checkpoint.Checkpoint
	leaves       []leafAt
	recorded     map[string]bool // data of the leaves of messages
	removed      map[string]bool // the same of those whose text the maker's retention removed
}

// Check verifies a file. With trusted parties given, nothing counts that a party
// signed which is not among them; otherwise the report says which parties' ids
// everything rests on, for the reader to compare. Errors wrap [ErrMalformed] or
// [ErrUnproven] and name the place.
func Check(b []byte, trusted []ident.Party) (*Report, error) {
	f, err := Parse(b)
	if err != nil {
		return nil, err
	}
	c := &checker{f: f, certs: map[ident.Desk]roster.Certificate{}, recorded: map[string]bool{}, removed: map[string]bool{}}
	for _, step := range []func() error{
		c.readTerms, c.readPeople, c.readMaker, c.readGroups, c.readSigned, c.readSlices, c.readAttestations, c.readComplaints, c.readPaths, c.readJournal,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := c.trust(trusted); err != nil {
		return nil, err
	}
	return c.report()
}

// unproven says what does not hold, and where in the file.
func unproven(where string, i int, format string, args ...any) error {
	return fmt.Errorf("%w: %s[%d]: %w", ErrUnproven, where, i, fmt.Errorf(format, args...))
}

// readTerms reads the charter. Its hash is the line, and the roots of its
// members hash to their ids: from here on everything hangs on these ids.
func (c *checker) readTerms() (err error) {
	if c.s, err = suite.ByID(c.f.Suite); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if c.line, err = ident.ParseLine(c.f.Line); err != nil {
		return fmt.Errorf("%w: line: %w", ErrMalformed, err)
	}
	p, err := joining.ParsePack(c.s, c.f.Terms)
	switch {
	case err != nil:
		return fmt.Errorf("%w: terms: %w", ErrUnproven, err)
	case p.Charter.ID(c.s) != c.line || !bytes.Equal(p.Charter.Bytes(), c.f.Charter):
		return fmt.Errorf("%w: terms: they are not those of line %s", ErrUnproven, c.line)
	case len(p.SealKeys)+len(p.Names) > 0:
		return fmt.Errorf("%w: terms: seal keys and names have no place here", ErrUnproven)
	}
	if c.set, err = roster.CharterSet(c.s, p.Charter); err == nil {
		err = c.load(p)
	}
	if err != nil {
		return fmt.Errorf("%w: terms: %w", ErrUnproven, err)
	}
	c.charter, _ = c.set.Current()
	c.members = map[ident.Party]string{}
	for _, ch := range append([]roster.Charter{p.Charter}, charters(p.Versions)...) {
		for _, m := range ch.Members {
			c.members[m.Party] = m.Name
		}
	}
	return nil
}

func charters(offers []roster.Offer) (all []roster.Charter) {
	for _, o := range offers {
		all = append(all, o.Charter)
	}
	return all
}

// load takes in what the members signed, whenever that was: a desk that was
// removed since has signed all the same.
func (c *checker) load(p joining.Pack) error {
	waiting, before := p.Statements, 0
	for pass := 0; pass < 2 || len(waiting) != before; pass++ { // they may wait for a rotation, or for the version that admits their party
		var again []roster.Statement
		for _, st := range waiting {
			_, err := c.set.Add(st, time.Time{})
			switch {
			case errors.Is(err, roster.ErrForeign), errors.Is(err, roster.ErrWaiting):
				again = append(again, st)
			case err != nil && !errors.Is(err, roster.ErrEquivocation):
				return err
			}
		}
		for _, o := range p.Versions {
			if err := c.set.TakeVersion(o); err != nil {
				return err
			}
		}
		waiting, before = again, len(waiting)
	}
	if len(waiting) > 0 {
		return fmt.Errorf("%d statements are of no party of the line, or of no root of theirs", len(waiting))
	}
	missing := p.Charter.Parties()
	for _, sig := range p.Signatures {
		if _, err := c.set.CheckSignature(p.Charter, sig); err != nil {
			return err
		}
		missing = slices.DeleteFunc(missing, func(id ident.Party) bool { return id == sig.Party })
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d members have not signed the charter", len(missing))
	}
	return nil
}

// readPeople reads the certificates of desks that statements added.
func (c *checker) readPeople() error {
	for i, b := range c.f.Certificates {
		cert, err := roster.ParseCertificate(b)
		if err != nil {
			return unproven("certificates", i, "%w", err)
		}
		id := cert.ID(c.s)
		added, ok := c.set.Certificate(id)
		if _, twice := c.certs[id]; !ok || twice || !bytes.Equal(added.Bytes(), b) {
			return unproven("certificates", i, "no statement in the file adds desk %s with it, or it stands there twice", cert.Name)
		}
		c.certs[id] = cert
	}
	return nil
}

// readMaker verifies the signature over the whole file.
func (c *checker) readMaker() (err error) {
	if c.by, err = ident.ParseDesk(c.f.By); err != nil {
		return fmt.Errorf("%w: by: %w", ErrMalformed, err)
	}
	cert, ok := c.certs[c.by]
	if !ok {
		return fmt.Errorf("%w: by: the desk that made the file has no certificate in it", ErrUnproven)
	}
	b, err := c.f.unsigned()
	if err != nil {
		return err
	}
	if c.s.VerifyDesk(cert.DeskKey, labelEvidence, c.f.Signature, b) != nil {
		return fmt.Errorf("%w: signature: desk %s did not sign this file as it is", ErrUnproven, cert.Name)
	}
	return nil
}

func (c *checker) readGroups() error {
	for i, g := range c.f.Groups {
		var parties []ident.Party
		for _, text := range g {
			p, err := ident.ParseParty(text)
			if _, member := c.members[p]; err != nil || !member {
				return unproven("groups", i, "%.60q is no member of the line", text)
			}
			parties = append(parties, p)
		}
		if !slices.IsSortedFunc(parties, compareParties) || len(slices.Compact(slices.Clone(parties))) != len(parties) {
			return unproven("groups", i, "the parties are not in order")
		}
		c.audience = append(c.audience, parties)
		c.groups = append(c.groups, roster.GroupID(c.s, c.line, parties))
	}
	return nil
}

// at finds the desk and group that an entry names.
func (c *checker) at(desk string, group int) (ident.Desk, roster.Certificate, ident.Group, error) {
	id, err := ident.ParseDesk(desk)
	cert, ok := c.certs[id]
	switch {
	case err != nil:
		return id, cert, ident.Group{}, err
	case !ok:
		return id, cert, ident.Group{}, fmt.Errorf("desk %s has no certificate in the file", id)
	case group < 0 || group >= len(c.groups):
		return id, cert, ident.Group{}, fmt.Errorf("there is no group %d", group)
	case !slices.Contains(c.audience[group], cert.Party):
		return id, cert, ident.Group{}, fmt.Errorf("desk %s is of no party of group %d", cert.Name, group)
	}
	return id, cert, c.groups[group], nil
}

func (c *checker) readSigned() error {
	for i, e := range c.f.Signed {
		desk, cert, group, err := c.at(e.Desk, e.Group)
		if err != nil {
			return unproven("signed", i, "%w", err)
		}
		x := signed{desk: desk, group: group}
		if x.in, err = chain.VerifyEvidence(c.s, group, desk, cert.MessageKey, e.Evidence, e.Body); err != nil {
			return unproven("signed", i, "desk %s: %w", cert.Name, err)
		}
		x.inside = chain.EvidenceHash(c.s, e.Evidence, e.Body)
		switch x.in.Kind {
		case envelope.Message:
			x.content = wire.ContentHash(e.Body)
			if x.message, err = wire.ParseMessage(e.Body); err == nil && !x.message.Label.Covers(c.audience[e.Group]) {
				err = fmt.Errorf("its label does not allow its audience")
			}
		case envelope.Receipt:
			if x.receipt, err = wire.ParseReceipt(e.Body); err == nil && x.receipt.Group != group {
				err = fmt.Errorf("it is a receipt for another group")
			}
		}
		if err != nil {
			return unproven("signed", i, "desk %s: %w", cert.Name, err)
		}
		c.signed = append(c.signed, x)
	}
	return nil
}

func (c *checker) readSlices() error {
	key := func(d ident.Desk) ([]byte, bool) { cert, ok := c.certs[d]; return cert.MessageKey, ok }
	for i, b := range c.f.Slices {
		sl, err := chain.VerifySlice(c.s, b, key)
		if err != nil {
			return unproven("slices", i, "%w", err)
		}
		c.slices = append(c.slices, sl)
	}
	return nil
}

func (c *checker) readAttestations() error {
	for i, b := range c.f.Attestations {
		a, err := checkpoint.ParseAttestation(c.s, b)
		if err != nil {
			return unproven("attestations", i, "%w", err)
		}
		cert, ok := c.certs[a.Sender]
		if !ok {
			return unproven("attestations", i, "desk %s has no certificate in the file", a.Sender)
		}
		if err := a.Verify(c.s, cert.DeskKey); err != nil {
			return unproven("attestations", i, "%w", err)
		}
		c.attestations = append(c.attestations, a)
	}
	return nil
}

// readComplaints reads what desks say of others' slices. What a complaint quotes
// counts like what stands in the file itself: it may convict.
func (c *checker) readComplaints() error {
	desks := func(d ident.Desk) (roster.Certificate, bool) { cert, ok := c.certs[d]; return cert, ok }
	for i, b := range c.f.Complaints {
		x, q, err := c.complaint(b, desks)
		if err != nil {
			return unproven("complaints", i, "%w", err)
		}
		c.complaints, c.slices = append(c.complaints, x), append(c.slices, q.Slice)
		if q.Other != nil {
			c.slices = append(c.slices, *q.Other)
		}
		if q.Attestation != nil {
			c.attestations = append(c.attestations, *q.Attestation)
		}
	}
	return nil
}

func (c *checker) readJournal() error {
	for i, b := range c.f.Checkpoints {
		p, err := checkpoint.Open(c.s, c.by, c.certs[c.by].DeskKey, b)
		if err != nil {
			return unproven("checkpoints", i, "%w", err)
		}
		c.points = append(c.points, p)
	}
	for i, e := range c.f.Leaves {
		l, err := checkpoint.ParseLeaf(e.Leaf)
		if err != nil {
			return unproven("leaves", i, "%w", err)
		}
		if e.Checkpoint < 0 || e.Checkpoint >= len(c.points) {
			return unproven("leaves", i, "there is no checkpoint %d", e.Checkpoint)
		}
		var proof []checkpoint.Hash
		for _, h := range e.Proof {
			if len(h) != len(checkpoint.Hash{}) {
				return unproven("leaves", i, "a hash of %d bytes", len(h))
			}
			proof = append(proof, checkpoint.Hash(h))
		}
		p := c.points[e.Checkpoint]
		if err := checkpoint.Included(proof, p.Size, p.Root, l); err != nil {
			return unproven("leaves", i, "leaf %d is not under checkpoint %d", l.Number, e.Checkpoint)
		}
		c.leaves = append(c.leaves, leafAt{l, c.by, p.Generation})
		switch l.Kind {
		case "sent", "received":
			c.recorded[string(l.Data)] = true
		case "text-removed":
			c.removed[string(l.Data)] = true
		}
	}
	return nil
}

// trust refuses what rests on a party that the reader did not name.
func (c *checker) trust(parties []ident.Party) error {
	if len(parties) == 0 {
		return nil
	}
	for _, cert := range c.certs {
		if !slices.Contains(parties, cert.Party) {
			return fmt.Errorf("%w: desk %s is of party %s, which is not among those named", ErrUnproven, cert.Name, cert.Party)
		}
	}
	for _, p := range parties {
		if _, ok := c.members[p]; !ok {
			return fmt.Errorf("%w: party %s is no member of this line", ErrUnproven, p)
		}
	}
	return nil
}

func compareParties(a, b ident.Party) int { return bytes.Compare(a[:], b[:]) }

func sortParties(parties []ident.Party) []ident.Party {
	sorted := slices.Clone(parties)
	slices.SortFunc(sorted, compareParties)
	return slices.Compact(sorted)
}
