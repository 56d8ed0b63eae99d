package journal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/evidence"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/wire"
)

// maker puts one file of evidence together.
type maker struct {
	*Keeper
	f      *evidence.File
	line   store.Line
	terms  joining.Pack
	reader *evidence.Terms // as readers of the file take the terms
	certs  map[ident.Desk]roster.Certificate
	desks  map[ident.Desk]bool
	point  store.Checkpoint // newest; its leaves are proved
	chains map[chainKey]bool
	order  []entry
	left   Left
}

// chainKey names one chain by the store's number of its sending key.
type chainKey struct {
	generation int64
	lane       uint8
	party      ident.Party
}

// entry is a message with what was signed about it, for the order of the file.
type entry struct {
	desk   ident.Desk
	serial string
	signed []evidence.Signed
}

// newMaker begins a file about a line.
func (k *Keeper) newMaker(ctx context.Context, use string, line ident.Line) (*maker, error) {
	if _, err := k.Checkpoint(ctx); err != nil && !errors.Is(err, ErrNotSettled) {
		return nil, err
	}
	m := &maker{Keeper: k, desks: map[ident.Desk]bool{k.Desk: true}, chains: map[chainKey]bool{}}
	m.f = &evidence.File{Format: evidence.Format, Use: use, Suite: k.Suite.ID(), At: time.Now().UnixMilli(), By: k.Desk.String(), Line: line.String()}
	return m, k.Store.View(ctx, func(tx *store.Tx) (err error) {
		if m.line, err = tx.Line(line); errors.Is(err, store.ErrNone) {
			return fault.New(fault.NotFound, "This desk has no such line.")
		} else if err != nil {
			return fmt.Errorf("read line: %w", err)
		}
		if m.terms, err = terms(k.Suite, tx, m.line); err != nil {
			return err
		}
		if m.point, err = tx.LastCheckpoint(); err != nil && !errors.Is(err, store.ErrNone) {
			return fmt.Errorf("read last checkpoint: %w", err)
		}
		if m.point.Note != nil {
			m.f.Checkpoints = [][]byte{m.point.Note}
		}
		m.f.Terms, m.f.Charter = m.terms.Bytes(), m.terms.Charter.Bytes()
		if m.reader, err = evidence.ReadTerms(m.f); err != nil {
			return fmt.Errorf("read terms for evidence: %w", err)
		}
		m.certs = m.reader.Certificates()
		return nil
	})
}

// Left counts messages whose text is not in a file.
type Left struct {
	Marking int // theirs does not let them leave
	Removed int // retention removed it here
}

// Export returns everything that this desk can prove about a line: messages and
// what was signed about them, what attests them, and what convicts anybody.
// Messages that may not leave in a file are not in it, and counted. Of one whose
// text was removed here the leaf, the receipts and the place in its chain are.
func (k *Keeper) Export(ctx context.Context, line ident.Line) (b []byte, left Left, err error) {
	m, err := k.newMaker(ctx, evidence.Transcript, line)
	if err != nil {
		return nil, left, err
	}
	for after, more := int64(0), true; more; {
		err := k.Store.View(ctx, func(tx *store.Tx) error {
			all, err := tx.MessagesOn(line, after, signedPage)
			if err != nil {
				return fmt.Errorf("list messages: %w", err)
			}
			more = len(all) == signedPage
			for i := range all {
				if err := m.message(tx, &all[i]); err != nil {
					return err
				}
				after = all[i].Seq
			}
			return nil
		})
		if err != nil {
			return nil, left, err
		}
	}
	if err := k.Store.View(ctx, m.proofs); err != nil {
		return nil, left, err
	}
	b, err = m.finish(ctx)
	return b, m.left, err
}

// Prove returns the same about one message: its journal leaf under a
// checkpoint, and what was signed about it.
func (k *Keeper) Prove(ctx context.Context, id ident.Message) ([]byte, error) {
	row, body, err := k.message(ctx, id)
	if err == nil {
		err = k.MayLeave(body)
	}
	if err != nil {
		return nil, err
	}
	m, err := k.newMaker(ctx, evidence.Transcript, row.Line)
	if err != nil {
		return nil, err
	}
	m.f.Message = id.String()
	if err := k.Store.View(ctx, func(tx *store.Tx) error { return m.message(tx, &row) }); err != nil {
		return nil, err
	}
	return m.finish(ctx)
}

func (k *Keeper) message(ctx context.Context, id ident.Message) (m store.Message, body *wire.Message, err error) {
	err = k.Store.View(ctx, func(tx *store.Tx) (err error) { m, err = tx.Message(id); return err })
	if errors.Is(err, store.ErrNone) {
		return m, nil, fault.New(fault.NotFound, "This desk has no such message.")
	}
	if err == nil {
		body, err = wire.ParseMessage(m.Body)
	}
	if err != nil {
		return m, nil, fmt.Errorf("read message %s: %w", id, err)
	}
	return m, body, nil
}

// message takes in a message, its receipts and its leaf.
func (m *maker) message(tx *store.Tx, row *store.Message) error {
	body, err := wire.ParseMessage(row.Body)
	if err != nil {
		return fmt.Errorf("read message %s: %w", row.ID, err)
	}
	if m.MayLeave(body) != nil {
		m.left.Marking++
		return nil //nolint:nilerr // what its label holds back is counted, not exported
	}
	e := entry{desk: row.Desk, serial: body.Serial}
	group, ok := m.group(row.Group, body)
	if !ok {
		return fmt.Errorf("message %s: its group is none of the line's", row.ID)
	}
	if row.RemovedAt.IsZero() {
		e.signed = append(e.signed, m.signed(row.Desk, group, row.Evidence, row.Body))
	} else {
		m.left.Removed++
	}
	receipts, err := tx.ReceiptsOf(row.ID)
	if err != nil {
		return fmt.Errorf("list receipts of %s: %w", row.ID, err)
	}
	for _, r := range receipts {
		if r.Group == row.Group && m.known(r.Desk) && !r.Removed {
			e.signed = append(e.signed, m.signed(r.Desk, group, r.Evidence, r.Body))
		}
	}
	m.order = append(m.order, e)
	p, err := tx.PlaceOf(row.ID)
	if err == nil {
		m.chains[chainKey{p.Generation, p.Lane, p.Party}] = true
	} else if !errors.Is(err, store.ErrNone) {
		return fmt.Errorf("read place of %s: %w", row.ID, err)
	}
	if err := m.leaf(tx, row, row.CommittedAt, "sent", "received"); err != nil || row.RemovedAt.IsZero() {
		return err
	}
	return m.leaf(tx, row, row.RemovedAt, "text-removed")
}

// known reports whether a statement ever added the desk. What others signed
// cannot be shown to anybody.
func (m *maker) known(d ident.Desk) bool { _, ok := m.certs[d]; return ok }

func (m *maker) signed(desk ident.Desk, group int, ev, body []byte) evidence.Signed {
	m.desks[desk] = true
	return evidence.Signed{Desk: desk.String(), Group: group, Evidence: ev, Body: body}
}

// group finds the parties of the group of a message.
func (m *maker) group(id ident.Group, body *wire.Message) (int, bool) {
	for _, parties := range m.audiences(body) {
		if roster.GroupID(m.Suite, m.line.ID, parties) == id {
			return m.f.AddGroup(parties), true
		}
	}
	return 0, false
}

// audiences lists who may have been meant: the members of a version of the
// charter, or those of them whom the message's label allows.
func (m *maker) audiences(body *wire.Message) (all [][]ident.Party) {
	for _, c := range append([]roster.Charter{m.terms.Charter}, versions(m.terms)...) {
		all = append(all, c.Parties())
		if body != nil {
			all = append(all, slices.DeleteFunc(c.Parties(), func(p ident.Party) bool { return !body.Label.Covers([]ident.Party{p}) }))
		}
	}
	return all
}

func versions(p joining.Pack) (all []roster.Charter) {
	for _, o := range p.Versions {
		all = append(all, o.Charter)
	}
	return all
}

// leaf proves the journal's leaf of a message, of one of these kinds and that
// time, under the newest checkpoint.
func (m *maker) leaf(tx *store.Tx, row *store.Message, at time.Time, kinds ...string) error {
	leaves, err := tx.JournalAt(at)
	if err != nil {
		return err
	}
	want := string(Leaf(row))
	for _, l := range leaves {
		if !slices.Contains(kinds, l.Kind) || string(l.Data) != want || l.Number > m.point.Size {
			continue
		}
		proof, err := checkpoint.Include(m.point.Size, l.Number, tx.Tree())
		if err != nil {
			return fmt.Errorf("prove leaf %d: %w", l.Number, err)
		}
		e := evidence.Leaf{Leaf: l.Bytes()}
		for _, h := range proof {
			e.Proof = append(e.Proof, h[:])
		}
		m.f.Leaves = append(m.f.Leaves, e)
		return nil
	}
	return nil
}

// finish adds what leads to attestations, orders, signs, and verifies the file
// as anybody else would: what does not hold never leaves.
func (m *maker) finish(ctx context.Context) ([]byte, error) {
	keys := make([]chainKey, 0, len(m.chains))
	for key := range m.chains {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b chainKey) int {
		return cmp.Or(cmp.Compare(a.generation, b.generation), cmp.Compare(a.lane, b.lane), slices.Compare(a.party[:], b.party[:]))
	})
	for _, key := range keys {
		if err := m.chain(ctx, key); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(m.order, func(a, b entry) int {
		return cmp.Or(slices.Compare(a.desk[:], b.desk[:]), evidence.CompareSerials(a.serial, b.serial))
	})
	for _, e := range m.order {
		m.f.Signed = append(m.f.Signed, e.signed...)
	}
	desks := make([]ident.Desk, 0, len(m.desks))
	for d := range m.desks {
		desks = append(desks, d)
	}
	slices.SortFunc(desks, func(a, b ident.Desk) int { return slices.Compare(a[:], b[:]) })
	for _, d := range desks {
		m.f.Certificates = append(m.f.Certificates, m.certs[d].Bytes())
	}
	if err := m.f.Sign(m.Key); err != nil {
		return nil, err
	}
	b, err := m.f.Bytes()
	if err != nil {
		return nil, err
	}
	if len(b) > evidence.MaxFile {
		return nil, fault.New(fault.TooLarge, "That would be %d MB of evidence; a file holds %d MB.", len(b)>>20, evidence.MaxFile>>20).
			WithHint("prove single messages instead")
	}
	if _, err := evidence.Check(b, nil); err != nil {
		return nil, fmt.Errorf("check evidence before it leaves: %w", err)
	}
	return b, nil
}

// chain adds the newest attestation of a chain and the way to it, when all of
// the way is here.
func (m *maker) chain(ctx context.Context, key chainKey) error {
	var p evidence.Path
	var last uint32
	from := uint32(1)
	for more := true; more; {
		err := m.Store.View(ctx, func(tx *store.Tx) (err error) {
			if from == 1 {
				if p, last, err = m.attested(tx, key); err != nil || last == 0 {
					more = false
					return err
				}
			}
			places, err := tx.Places(key.generation, key.lane, key.party, from, page)
			if err != nil {
				return fmt.Errorf("list places: %w", err)
			}
			more = len(places) == page
			for _, at := range places {
				if at.Sequence != from || from > last {
					more = false
					break
				}
				p.Insides, from = append(p.Insides, at.Inside[:]), from+1
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if last > 0 && from == last+1 {
		m.f.Paths = append(m.f.Paths, p)
	}
	return nil
}

// attested adds the newest attestation of a chain, and says how far it goes.
func (m *maker) attested(tx *store.Tx, key chainKey) (p evidence.Path, last uint32, err error) {
	row, err := tx.Attestation(key.generation, key.party)
	if errors.Is(err, store.ErrNone) {
		return p, 0, nil
	}
	if err != nil {
		return p, 0, fmt.Errorf("read attestation: %w", err)
	}
	a, err := checkpoint.ParseAttestation(m.Suite, row.Bytes)
	if err != nil {
		return p, 0, fmt.Errorf("read attestation: %w", err)
	}
	group, ok := m.groupOf(a.Group)
	if !ok || !m.known(a.Sender) {
		return p, 0, nil
	}
	for _, l := range a.Lanes {
		if l.Lane == key.lane {
			last = l.Last
		}
	}
	m.desks[a.Sender] = true
	if !slices.ContainsFunc(m.f.Attestations, func(b []byte) bool { return slices.Equal(b, row.Bytes) }) {
		m.f.Attestations = append(m.f.Attestations, row.Bytes)
	}
	p = evidence.Path{Desk: a.Sender.String(), Group: group, Generation: a.Generation[:], Lane: key.lane}
	if key.lane == uint8(chain.Receipts) {
		p.To = key.party.String()
	}
	return p, last, nil
}

// groupOf finds a group that the file has already.
func (m *maker) groupOf(id ident.Group) (int, bool) {
	for i, g := range m.f.Groups {
		var parties []ident.Party
		for _, text := range g {
			p, _ := ident.ParseParty(text) // the file is ours
			parties = append(parties, p)
		}
		if roster.GroupID(m.Suite, m.line.ID, parties) == id {
			return i, true
		}
	}
	return 0, false
}
