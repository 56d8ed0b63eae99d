package scenario

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"hotline/internal/ceremony"
	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/evidence"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/wire"
)

// reader reads the frozen steps in order. It knows what the desks know: their
// keys, and whatever was read before.
type reader struct {
	*testing.T
	s       suite.Suite
	v       story
	parties map[string]*party
	desks   map[string]*desk
	charter roster.Charter
	set     *roster.Set
	group   ident.Group
	texts   map[ident.Message]*wire.Message
	content map[ident.Message][32]byte
	flash   map[chain.Generation]chain.Opened // the newest of its chain
	stated  []byte                            // the statement that a chain brought
}

func replay(t *testing.T, s suite.Suite, v story) {
	r := &reader{T: t, s: s, v: v, parties: map[string]*party{}, desks: map[string]*desk{}, texts: map[ident.Message]*wire.Message{}, content: map[ident.Message][32]byte{}, flash: map[chain.Generation]chain.Opened{}}
	for _, p := range v.Parties {
		root := ok(s.RootKeyFromSeed(p.RootSeed))(t)
		r.parties[p.Name] = &party{name: p.Name, root: root, id: ident.Party(p.ID)}
		if !bytes.Equal(root.Public(), p.Root) || roster.PartyOf(s, p.Root) != ident.Party(p.ID) {
			t.Errorf("%s has another root or id", p.Name)
		}
	}
	for _, d := range v.Desks {
		k := keysOf(t, s, d)
		k.party, k.id = r.parties[d.Party], ident.Desk(d.ID)
		r.desks[d.Name] = &k
	}
	reads := map[string]func(step){
		doPairing: r.pairing, doCharter: r.readCharter, doStatement: r.statement, doConsent: r.consent, doSlice: r.slice,
		doMessage: r.sealed, doReceipt: r.sealed, doStatements: r.sealed, doAttestation: r.sealed, doConfirmation: r.sealed,
		doCheckpoint: r.checkpoint, doEvidence: r.evidence,
	}
	count := map[string]int{}
	for i, x := range v.Steps {
		count[x.Do]++
		if reads[x.Do] == nil {
			t.Fatalf("step %d: %s is nothing that this reader knows", i, x.Do)
		}
		reads[x.Do](x)
		if t.Failed() {
			t.Fatalf("step %d, %s by %s, reads otherwise", i, x.Do, x.By)
		}
	}
	want := map[string]int{
		doPairing: 1, doCharter: 1, doStatement: 4, doConsent: 1, doSlice: 5, doMessage: 3, doReceipt: 2, doStatements: 1, doAttestation: 3,
		doConfirmation: 1, doCheckpoint: 3, doEvidence: 1,
	}
	if !maps.Equal(count, want) {
		t.Errorf("the story has %v, want %v", count, want)
	}
}

// pairing: each side's words open the other's root and card.
func (r *reader) pairing(x step) {
	for i, other := range []string{x.For, x.By} {
		side := ok(ceremony.Unmarshal(x.Stored[i]))(r.T)
		if words := ok(side.Say(r.s))(r.T); !slices.Equal(words, x.Words[6*i:6*i+6]) {
			r.Errorf("side %d says %v", i, words)
		}
		peer := ok(side.Confirm(r.s, x.Words[6*(1-i):6*(1-i)+6]))(r.T)
		card := ok(joining.ParseCard(r.s, peer.Payload))(r.T)
		if p := r.parties[other]; peer.Name != other || !bytes.Equal(peer.Root, p.root.Public()) || card.Party(r.s) != p.id {
			r.Errorf("side %d is paired with %s", i, peer.Name)
		}
		if desks := ok(card.Open(r.s))(r.T).Desks(); len(desks) != 1 || desks[0].Desk != r.desks[other+"-1"].id {
			r.Errorf("the card of %s has desks %v", other, desks)
		}
	}
	a, b := ok(ceremony.Unmarshal(x.Stored[0]))(r.T), ok(ceremony.Unmarshal(x.Stored[1]))(r.T)
	if !bytes.Equal(a.File(), x.Files[2]) || !bytes.Equal(b.File(), x.Files[1]) || a.Session() != ceremony.Session(x.Files[0][len(x.Files[0])-48:][:16]) {
		r.Error("the sides hand out other files")
	}
}

func (r *reader) readCharter(x step) {
	r.charter = ok(roster.ParseCharter(r.s, x.Data))(r.T)
	line := r.charter.ID(r.s)
	r.group = roster.GroupID(r.s, line, r.charter.Parties())
	if !bytes.Equal(line[:], x.Line) || !bytes.Equal(r.group[:], x.Group) {
		r.Error("line or group is another")
	}
	r.set = ok(roster.CharterSet(r.s, r.charter))(r.T)
}

func (r *reader) statement(x step) {
	st := ok(roster.ParseStatement(x.Data))(r.T)
	if added, err := r.set.Add(st, st.Time); err != nil || !added || st.Author != r.parties[x.By].id {
		r.Errorf("statement of %s: %v", x.By, err)
	}
	if st.Remove != nil && !bytes.Equal(r.stated, x.Data) {
		r.Error("the removal is not the one that came on the line")
	}
	if digest := r.set.Digest(); !bytes.Equal(digest[:], x.Digest) || !maps.Equal(statesOf(r.set, r.desks), x.States) {
		r.Errorf("digest %x, states %v", digest, statesOf(r.set, r.desks))
	}
}

func (r *reader) consent(x step) {
	o := ok(roster.ParseOffer(r.s, x.Data))(r.T)
	if missing := r.set.Unsigned(o.Charter, o.Signatures); len(missing) > 0 || o.Charter.ID(r.s) != r.set.Line() {
		r.Errorf("not signed by %v", missing)
	}
}

// peer gives message keys of desks that are on.
func (r *reader) peer(d ident.Desk) ([]byte, bool) {
	e, in := r.set.Roster().Desk(d)
	return e.Certificate.MessageKey, in
}

func (r *reader) slice(x step) {
	d := r.desks[x.For]
	if r.set.Roster().State(d.id) != roster.StateIn {
		r.Error("a slice for a desk that is not on")
	}
	at := start
	rx, sl, err := chain.OpenSlice(r.s, x.Data, chain.Recipient{Desk: d.id, Party: d.party.id, Key: d.seal, SealNumber: 1}, r.peer, at)
	must(r.T, err)
	id := rx.Identity()
	if !bytes.Equal(id[:], x.Identity) || rx.Sender() != r.desks[x.By].id || !bytes.Equal(sl.Digest[:], x.Digest) {
		r.Error("slice of another key")
	}
	for _, before := range d.held {
		if before.Sender() == rx.Sender() && before.Identity() == sl.Predecessor {
			must(r.T, before.Close(sl.Last, at))
		}
	}
	d.held = append(d.held, rx)
}

// sealed: who has a slice opens it and finds the same; nobody else has its tag.
func (r *reader) sealed(x step) {
	h := ok(envelope.Parse(x.Data))(r.T)
	for name, d := range r.desks {
		i := slices.IndexFunc(d.held, func(rx *chain.Receiver) bool { return rx.Tag() == h.Tag })
		if name == x.By || i < 0 {
			if slices.Contains(x.Readers, name) {
				r.Errorf("%s has no key for it", name)
			}
			continue
		}
		if !slices.Contains(x.Readers, name) {
			if r.set.Roster().State(d.id) != roster.StateIn {
				r.Errorf("%s was cut off and has the key", name)
			}
			continue
		}
		o := ok(d.held[i].Open(x.Data, start))(r.T)
		if o.Sender != r.desks[x.By].id || o.Inside.Kind != kinds[x.Do] || uint8(o.Lane) != x.Lane || o.Sequence != x.Sequence || o.History != chain.Intact {
			r.Errorf("%s opens %v %d/%d, %v", name, o.Inside.Kind, o.Lane, o.Sequence, o.History)
		}
		if !bytes.Equal(o.Body, x.Body) || !bytes.Equal(o.Inside.Message[:], x.Message) || !bytes.Equal(o.Running[:], x.Running) || !bytes.Equal(o.Inside.Digest[:], x.Digest) {
			r.Errorf("%s finds something else in it", name)
		}
		key, _ := r.peer(o.Sender)
		_ = ok(chain.VerifyEvidence(r.s, r.group, o.Sender, key, o.Evidence, o.Body))(r.T)
		if name == x.Readers[0] {
			r.body(x, d.held[i], o)
		}
	}
}

// body reads what was in the envelope.
func (r *reader) body(x step, rx *chain.Receiver, o chain.Opened) {
	if o.Lane == 3 {
		r.flash[rx.Generation()] = o
	}
	switch x.Do {
	case doMessage:
		m := ok(wire.ParseMessage(x.Body))(r.T)
		if !m.Label.Covers(r.charter.Parties()) {
			r.Error("the label does not allow the group")
		}
		r.texts[o.Inside.Message], r.content[o.Inside.Message] = m, wire.ContentHash(x.Body)
	case doReceipt:
		rc := ok(wire.ParseReceipt(x.Body))(r.T)
		if m := r.texts[rc.Message]; m == nil || rc.Content != r.content[rc.Message] || rc.Label != m.Label.Hash() || rc.Group != r.group {
			r.Error("a receipt of something else")
		}
	case doStatements:
		r.stated = x.Body[1:]
	case doAttestation:
		a := ok(checkpoint.ParseAttestation(r.s, x.Body))(r.T)
		must(r.T, a.Verify(r.s, r.desks[x.By].key.Public()))
		last := r.flash[rx.Generation()]
		if l := checkpoint.At(a.Lanes, 3); a.Generation != [16]byte(rx.Generation()) || a.Commitment != rx.Commitment() || l.Last != last.Sequence || l.Running != last.Running || !a.Final {
			r.Errorf("attests %d where %d was opened", l.Last, last.Sequence)
		}
	case doConfirmation:
		st := ok(roster.ParseStatement(r.stated))(r.T)
		if id := st.ID(r.s); !bytes.Equal(x.Body[:32], id[:]) || !bytes.Equal(x.Body[32:64], st.Remove.Desk[:]) {
			r.Error("confirms something else")
		}
	}
}

func (r *reader) checkpoint(x step) {
	d := r.desks[x.By]
	c := ok(checkpoint.Open(r.s, d.id, d.key.Public(), x.Data))(r.T)
	leaf := ok(checkpoint.ParseLeaf(x.Leaf))(r.T)
	var proof []checkpoint.Hash
	for _, h := range x.Proof {
		proof = append(proof, checkpoint.Hash(h))
	}
	if err := checkpoint.Included(proof, c.Size, c.Root, leaf); err != nil || c.Size != x.Size {
		r.Errorf("size %d, %v", c.Size, err)
	}
	id := ident.Message(leaf.Data[:16])
	if content, said := r.content[id]; !said || !bytes.Equal(leaf.Data[len(leaf.Data)-32:], content[:]) {
		r.Error("the leaf is of no message of the story")
	}
}

func (r *reader) evidence(x step) {
	report := ok(evidence.Check(x.Data, r.charter.Parties()))(r.T)
	if len(report.Messages) != 3 || len(report.Findings) != 0 || report.By.Name != x.By || len(report.Messages[0].Receipts) != 2 {
		r.Fatalf("report %+v", report)
	}
	for i, m := range report.Messages {
		if id := ok(ident.ParseMessage(m.ID))(r.T); !m.Attested || !m.Journalled || r.texts[id] == nil {
			r.Errorf("message %d: %+v", i, m)
		}
	}
}
