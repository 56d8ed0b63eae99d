package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/evidence"
	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/store"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// NonAnswer returns a certificate that a party had a message of ours and that no
// person there has answered it, up to what its desks attest. With text the
// message itself is in it.
func (k *Keeper) NonAnswer(ctx context.Context, id ident.Message, party ident.Party, text bool) ([]byte, error) {
	row, body, err := k.message(ctx, id)
	if err == nil && text {
		err = k.MayLeave(body)
	}
	if err != nil {
		return nil, err
	}
	if row.Party != k.Party {
		return nil, fault.New(fault.Conflict, "That message came from the other side; a certificate is about messages of ours.")
	}
	m, err := k.newMaker(ctx, evidence.NonAnswer, row.Line)
	if err != nil {
		return nil, err
	}
	if text && !row.RemovedAt.IsZero() {
		return nil, fault.New(fault.Conflict, "The text of that message was removed here; a certificate can name it, not show it.").WithHint("leave out --text")
	}
	due := row.DueAt
	if due.IsZero() && body.AckWanted != traffic.AckNone {
		due = row.CommittedAt.Add(time.Duration(body.AckDue) * time.Second)
	}
	if due.IsZero() {
		return nil, fault.New(fault.Conflict, "No acknowledgement was asked for with that message, so none is missing.")
	}
	m.f.Message, m.f.Party, m.f.Due = id.String(), party.String(), due.UnixMilli()
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		group, ok := m.group(row.Group, body)
		if !ok {
			return fmt.Errorf("message %s: its group is none of the line's", id)
		}
		if text {
			m.f.Signed = append(m.f.Signed, m.signed(row.Desk, group, row.Evidence, row.Body))
		}
		return m.silence(tx, &row, party, group)
	})
	if err != nil {
		return nil, err
	}
	b, err := m.finish(ctx)
	if errors.Is(err, evidence.ErrUnproven) {
		return nil, fault.Wrap(err, fault.Conflict, "There is no non-answer to certify: %s.", reason(err)).
			WithHint("a desk attests its receipts within 15 minutes; ask again after the next line check")
	}
	return b, err
}

// reason is what the check said, without where.
func reason(err error) string {
	text := err.Error()
	if i := len("check evidence before it leaves: " + evidence.ErrUnproven.Error() + ": "); len(text) > i {
		return text[i:]
	}
	return text
}

// silence adds the chains of receipts of every desk of a party that has the
// message.
func (m *maker) silence(tx *store.Tx, row *store.Message, party ident.Party, group int) error {
	receipts, err := tx.ReceiptsOf(row.ID)
	if err != nil {
		return fmt.Errorf("list receipts of %s: %w", row.ID, err)
	}
	seen := map[ident.Desk]bool{}
	for _, r := range receipts {
		said, err := wire.ParseReceipt(r.Body)
		if err != nil || said.State != traffic.Delivered || r.Group != row.Group || m.certs[r.Desk].Party != party || seen[r.Desk] {
			continue
		}
		seen[r.Desk] = true
		g, err := tx.Generation(r.Desk, r.Group, r.Generation)
		if err != nil {
			return fmt.Errorf("read generation: %w", err)
		}
		if err := m.quiet(tx, g, group); err != nil {
			return err
		}
	}
	return nil
}

// quiet adds a desk's chain of receipts to us under a sending key, and those of
// the keys that follow.
func (m *maker) quiet(tx *store.Tx, g store.Generation, group int) error {
	for {
		all, err := tx.ReceiptChain(g.Sender, g.Name, m.Party)
		if err != nil {
			return fmt.Errorf("list receipts: %w", err)
		}
		p := evidence.Path{Desk: g.Sender.String(), Group: group, Generation: g.Name[:], Lane: uint8(chain.Receipts), To: m.Party.String()}
		for _, r := range all {
			if r.Removed {
				return fault.New(fault.Conflict, "There is no non-answer to certify: the text of an answer of that time was removed here, and all of them must be shown.")
			}
			inside := chain.EvidenceHash(m.Suite, r.Evidence, r.Body)
			p.Insides = append(p.Insides, inside[:])
			m.f.Signed = append(m.f.Signed, m.signed(r.Desk, group, r.Evidence, r.Body))
		}
		if len(all) > 0 {
			m.f.Paths = append(m.f.Paths, p)
		}
		if len(g.Slice) > 0 {
			m.f.Slices = append(m.f.Slices, g.Slice)
		}
		row, err := tx.Attestation(g.ID, m.Party)
		if err == nil {
			m.f.Attestations = append(m.f.Attestations, row.Bytes)
		} else if !errors.Is(err, store.ErrNone) {
			return fmt.Errorf("read attestation: %w", err)
		}
		m.desks[g.Sender] = true
		next, err := tx.Successor(g)
		if errors.Is(err, store.ErrNone) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read generation: %w", err)
		}
		g = next
	}
}

// proofs adds what was kept because two things that a desk signed contradict
// each other.
func (m *maker) proofs(tx *store.Tx) error {
	all, err := tx.Proofs(m.line.ID, page)
	if err != nil {
		return fmt.Errorf("list proofs: %w", err)
	}
	for _, p := range all {
		for _, b := range [][]byte{p.A, p.B} {
			m.proof(p.Sender, b)
		}
	}
	return m.complaints(tx)
}

// complaints adds what desks said of slices that they refused, ours too: proofs
// first, and words in a room of their own. One that a reader would refuse stays
// out, as of a desk that no statement of the line adds; else it would cost the file.
func (m *maker) complaints(tx *store.Tx) error {
	for _, worth := range []store.Worth{store.Proven, store.Word} {
		rows, err := tx.Complaints(m.line.ID, worth, page)
		if err != nil {
			return fmt.Errorf("list complaints: %w", err)
		}
		for _, row := range rows {
			x, err := m.reader.Complaint(row.Bytes)
			if err != nil {
				m.Log.Warn("complaint left out of evidence", "line", row.Line.String(), "desk", row.By.String(), "err", err)
				continue
			}
			m.f.Complaints = append(m.f.Complaints, row.Bytes)
			for _, d := range []ident.Desk{x.By, x.About, x.To()} {
				if m.known(d) { // a slice may be made out to any 32 bytes
					m.desks[d] = true
				}
			}
		}
	}
	return nil
}

// proof adds one signed value, whatever it is. What does not verify convicts
// nobody and stays out.
func (m *maker) proof(sender ident.Desk, b []byte) {
	if len(b) == 0 || !m.known(sender) {
		return
	}
	a, err := checkpoint.ParseAttestation(m.Suite, b)
	if err == nil && a.Sender == sender && a.Verify(m.Suite, m.certs[sender].DeskKey) == nil {
		m.f.Attestations, m.desks[sender] = append(m.f.Attestations, b), true
		return
	}
	if sl, err := chain.VerifySlice(m.Suite, b, m.messageKey); err == nil && sl.Sender == sender {
		m.f.Slices, m.desks[sender] = append(m.f.Slices, b), true
		return
	}
	m.signedProof(sender, b)
}

func (m *maker) messageKey(d ident.Desk) ([]byte, bool) {
	cert, ok := m.certs[d]
	return cert.MessageKey, ok
}

// signedProof adds a message as its sender signed it, for whichever group of
// the line it was.
func (m *maker) signedProof(sender ident.Desk, b []byte) {
	r := octets.NewReader(b)
	ev, body := r.Var16(1<<10), r.Var32(envelope.MaxSize)
	if r.Done() != nil {
		return
	}
	msg, err := wire.ParseMessage(body)
	if err == nil && m.MayLeave(msg) != nil {
		return
	}
	for _, parties := range m.audiences(msg) {
		if err == nil && !msg.Label.Covers(parties) {
			continue
		}
		group := roster.GroupID(m.Suite, m.line.ID, parties)
		if _, err := chain.VerifyEvidence(m.Suite, group, sender, m.certs[sender].MessageKey, ev, body); err == nil {
			m.f.Signed = append(m.f.Signed, m.signed(sender, m.f.AddGroup(parties), ev, body))
			return
		}
	}
}
