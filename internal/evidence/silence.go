package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/traffic"
)

// Silence is that a party had a message and nobody there answered it, up to a
// time. It proves that the desk had it; not that a person heard, nor why nobody
// spoke. A receipt that turns up later annuls it.
type Silence struct {
	Grade   string      `json:"grade"` // "B": delivered, no receipt of a person; whether it was manned is not in the file
	Message string      `json:"message"`
	Serial  string      `json:"serial,omitempty"` // when the message is in the file
	Party   string      `json:"party"`
	Due     time.Time   `json:"due"`   // by the word of the desk that made the file
	Until   time.Time   `json:"until"` // the earliest of the times below
	Desks   []DeskQuiet `json:"desks"`
	Text    string      `json:"text"`
}

// DeskQuiet is what one desk signed: it had the message, and so many receipts
// in all up to a time, none of them a person's for this message.
type DeskQuiet struct {
	Desk      string    `json:"desk"`
	Delivered time.Time `json:"delivered"` // by that desk's clock
	Receipts  int       `json:"receipts"`
	Until     time.Time `json:"until"`  // by that desk's clock
	Signed    string    `json:"signed"` // "attestation" (hybrid) or "slice"
}

// silence checks what a non-answer claims. For each desk of the party that
// signed "delivered", its chain of receipts to the maker's party is read from
// its start up to what the desk itself attests, and nothing in it is a person's
// word on the message.
func (c *checker) silence() (*Silence, error) {
	id, err := ident.ParseMessage(c.f.Message)
	if err != nil {
		return nil, fmt.Errorf("%w: message: %w", ErrMalformed, err)
	}
	party, err := ident.ParseParty(c.f.Party)
	if err != nil {
		return nil, fmt.Errorf("%w: party: %w", ErrMalformed, err)
	}
	if party == c.certs[c.by].Party {
		return nil, fmt.Errorf("%w: a party cannot certify that it did not answer itself", ErrUnproven)
	}
	if late := c.answered(id, party); late != "" {
		return nil, fmt.Errorf("%w: %s", ErrUnproven, late)
	}
	s := &Silence{Grade: "B", Message: c.f.Message, Party: c.partyName(party), Due: time.UnixMilli(c.f.Due).UTC()}
	for i := range c.signed {
		x := &c.signed[i]
		if x.message != nil && ident.Message(x.in.Message) == id {
			s.Serial = x.message.Serial
		}
		if x.receipt == nil || x.receipt.Message != id || x.receipt.State != traffic.Delivered || c.certs[x.desk].Party != party {
			continue
		}
		q, err := c.quiet(x)
		if err != nil {
			return nil, err
		}
		s.Desks = append(s.Desks, q)
	}
	if len(s.Desks) == 0 {
		return nil, fmt.Errorf("%w: no desk of %s has signed that it has the message", ErrUnproven, s.Party)
	}
	s.Until = slices.MinFunc(s.Desks, func(a, b DeskQuiet) int { return a.Until.Compare(b.Until) }).Until
	if s.Until.Before(s.Due) {
		return nil, fmt.Errorf("%w: what %s attests ends at %s, before the answer fell due at %s", ErrUnproven, s.Party, clock(s.Until), clock(s.Due))
	}
	s.Text = fmt.Sprintf("%s had message %s and no person there had signed a receipt for it at %s; it fell due at %s.",
		s.Party, cmp.Or(s.Serial, s.Message), clock(s.Until), clock(s.Due))
	return s, nil
}

// answered says who answered, if anybody of the party did.
func (c *checker) answered(id ident.Message, party ident.Party) string {
	standing, text := false, ""
	for i := range c.signed {
		x := &c.signed[i]
		if x.receipt == nil || x.receipt.Message != id || c.certs[x.desk].Party != party || !x.receipt.State.ByPerson() {
			continue
		}
		standing = x.receipt.State != traffic.Withdrawn
		text = fmt.Sprintf("a person at desk %s signed %q at %s", c.deskName(x.desk), x.receipt.State, clock(time.UnixMilli(x.receipt.At)))
	}
	if !standing {
		return ""
	}
	return text
}

// quiet follows the chains of receipts of the desk that signed d, from the
// sending key under which it signed to the newest that the file shows.
func (c *checker) quiet(d *signed) (q DeskQuiet, err error) {
	q = DeskQuiet{Desk: c.deskName(d.desk), Delivered: time.UnixMilli(d.receipt.At).UTC()}
	to := c.certs[c.by].Party
	id := chainID{desk: d.desk, group: d.group, generation: d.in.Generation, lane: uint8(chain.Receipts), to: to}
	for {
		p, n, err := c.receiptsShown(id)
		if err != nil {
			return q, err
		}
		if d.in.Generation == id.generation {
			if _, ok := p.place(d); !ok {
				return q, fmt.Errorf("%w: desk %s's word that it has the message is not in the chain that is shown", ErrUnproven, q.Desk)
			}
		}
		q.Receipts += n
		next, ok := c.successor(id)
		if !ok {
			return c.endOf(q, id, p)
		}
		if int(next.Last[chain.Receipts]) != len(p.insides) {
			return q, fmt.Errorf("%w: desk %s ended a chain of receipts at %d and the file shows %d", ErrUnproven, q.Desk, next.Last[chain.Receipts], len(p.insides))
		}
		if next.Restart {
			return q, fmt.Errorf("%w: desk %s started anew without knowing where its chains ended", ErrUnproven, q.Desk)
		}
		q.Until, q.Signed, id.generation = next.Time, "slice", next.Generation
	}
}

// receiptsShown finds a chain and makes sure that all of it is in the file.
func (c *checker) receiptsShown(id chainID) (p path, receipts int, err error) {
	i := slices.IndexFunc(c.paths, func(p path) bool { return p.chainID == id })
	if i < 0 {
		return path{chainID: id}, 0, nil // nothing was signed in it, if its end says so
	}
	p = c.paths[i]
	shown := map[[32]byte]*signed{}
	for i := range c.signed {
		if x := &c.signed[i]; p.holds(x) {
			shown[x.inside] = x
		}
	}
	for i, h := range p.insides {
		x, ok := shown[h]
		if !ok || x.in.Previous != p.running[i] || x.in.Sequence != uint32(i+1) {
			return p, 0, fmt.Errorf("%w: number %d of desk %s's receipts is not shown", ErrUnproven, i+1, c.deskName(id.desk))
		}
		if x.in.Kind == envelope.Receipt {
			receipts++
		}
	}
	return p, receipts, nil
}

// successor finds the slice by which a desk went on from a sending key.
func (c *checker) successor(id chainID) (next chain.Slice, ok bool) {
	for _, own := range c.slices {
		if own.Sender != id.desk || own.Group != id.group || own.Generation != id.generation {
			continue
		}
		identity := own.Identity(c.s)
		for _, sl := range c.slices {
			if sl.Sender == id.desk && sl.Group == id.group && sl.Predecessor == identity && sl.Predecessor != ([32]byte{}) && c.toMaker(sl) {
				return sl, true
			}
		}
	}
	return chain.Slice{}, false
}

// endOf takes the newest word of a desk on its last chain: at that time nothing
// followed what it attests. The attestation itself stands behind that.
func (c *checker) endOf(q DeskQuiet, id chainID, p path) (DeskQuiet, error) {
	for _, a := range c.attestations {
		last, running, ok := attestedIn(a, id)
		if ok && int(last) <= len(p.insides) && p.running[last] == running && a.Time.After(q.Until) {
			q.Until, q.Signed = a.Time, "attestation"
		}
	}
	if q.Until.IsZero() {
		return q, fmt.Errorf("%w: desk %s attests nothing of the chain of receipts that is shown", ErrUnproven, q.Desk)
	}
	return q, nil
}

// toMaker reports whether a slice was for a desk of the maker's party: its last
// sequence of receipts is about those. The recipient stands first in the proof.
func (c *checker) toMaker(sl chain.Slice) bool {
	var d ident.Desk
	copy(d[:], sl.Proof)
	cert, ok := c.certs[d]
	return ok && cert.Party == c.certs[c.by].Party
}
