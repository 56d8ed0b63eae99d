package scenario

import (
	"slices"
	"testing"
	"time"

	"hotline/internal/ceremony"
	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/evidence"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/marking"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// stage is the exercise while it is played.
type stage struct {
	*testing.T
	s       suite.Suite
	v       story
	parties map[string]*party
	desks   map[string]*desk
	certs   map[string]roster.Certificate
	adds    map[string]roster.Statement // by desk
	charter roster.Charter
	group   ident.Group
	set     *roster.Set
	now     time.Time

	consents []roster.CharterSignature
	file     evidence.File
	insides  map[chain.Generation][]hexa // lane 3
	edge     checkpoint.Edge
	stored   []checkpoint.Hash
	leaves   []checkpoint.Leaf
}

// play tells the story once and returns what a recorder beside it would have.
func play(t *testing.T, s suite.Suite) story {
	p := &stage{
		T: t, s: s, now: start, parties: map[string]*party{}, desks: map[string]*desk{}, certs: map[string]roster.Certificate{},
		adds: map[string]roster.Statement{}, insides: map[chain.Generation][]hexa{},
	}
	p.v.Suite = s.ID()
	p.v.Comment = "EXERCISE. One line from its pairing to the proof of what was said; docs/spec says how each value follows. All keys are made up and published."
	p.found("JPN", "JPN-1")
	p.found("NATO", "NATO-1", "NATO-2")
	p.pair()
	p.open()

	first := p.newKey("JPN-1", "NATO-1")
	p.newKey("NATO-1", "JPN-1")
	warning := p.says("JPN-1", "One: intruder in the mail system, EXERCISE. Act on annex A.", "NATO-1")
	p.receipt("NATO-1", warning, traffic.Delivered, "JPN-1")
	p.receipt("NATO-1", warning, traffic.Receipted, "JPN-1")
	p.attests("JPN-1", first, true, "NATO-1")

	p.takes(p.adds["NATO-2"], "NATO")
	second := p.newKey("JPN-1", "NATO-1", "NATO-2")
	p.says("JPN-1", "Two: NATO-2 is on the line, EXERCISE.", "NATO-1", "NATO-2")
	p.cutOff("NATO-2")
	p.attests("JPN-1", second, true, "NATO-1", "NATO-2")

	third := p.newKey("JPN-1", "NATO-1")
	p.says("JPN-1", "Three: NATO-2 cannot read this, EXERCISE.", "NATO-1")
	p.attests("JPN-1", third, true, "NATO-1")
	p.checkpoint("JPN-1")
	p.evidence("JPN-1")
	return p.v
}

func (p *stage) step(s step) { p.v.Steps = append(p.v.Steps, s) }

// found makes a party with desks. The party's root has signed all of them.
func (p *stage) found(name string, desks ...string) {
	p.Helper()
	v := storyParty{Name: name, RootSeed: seed(map[uint8]int{1: 64, 2: 32}[p.s.ID()], name+" root")}
	root := ok(p.s.RootKeyFromSeed(v.RootSeed))(p.T)
	x := &party{name: name, root: root, id: roster.PartyOf(p.s, root.Public())}
	v.Root, v.ID, p.parties[name] = root.Public(), x.id[:], x
	p.v.Parties = append(p.v.Parties, v)
	for i, name := range desks {
		v := storyDesk{Name: name, Party: x.name}
		size := map[uint8][4]int{1: {64, 32, 32, 32}, 2: {32, 48, 64, 64}}[p.s.ID()]
		v.DeskSeed, v.MessageSeed = seed(size[0], name+" desk"), seed(size[1], name+" message")
		v.ControlSeed, v.SealSeed = seed(size[2], name+" control"), seed(size[3], name+" seal")
		d := keysOf(p.T, p.s, v)
		d.party = x
		cert := ok(roster.NewCertificate(p.s, root, roster.Certificate{
			Name: name, Role: "watch officer", MessageKey: d.message.Public(), DeskKey: d.key.Public(), ControlKey: d.control.Public(),
			NotBefore: start.Add(-time.Hour), NotAfter: start.Add(365 * 24 * time.Hour),
		}))(p.T)
		d.id = cert.ID(p.s)
		v.ID, p.desks[name], p.certs[name] = d.id[:], &d, cert
		p.adds[name] = p.addition(&d, uint64(i+1))
		p.v.Desks = append(p.v.Desks, v)
	}
}

// delegate is the nth delegate of a party.
func (p *stage) delegate(x *party, n string) roster.Keeper {
	key := ok(p.s.DeskKeyFromSeed(seed(map[uint8]int{1: 64, 2: 32}[p.s.ID()], x.name+" delegate "+n)))(p.T)
	w := ok(roster.NewWarrant(p.s, x.root, roster.Warrant{Office: roster.Delegate, Name: x.name + " delegate " + n, Public: key.Public()}))(p.T)
	return roster.Keeper{Signer: key, Warrant: w}
}

func (p *stage) addition(d *desk, number uint64) roster.Statement {
	a := ok(roster.NewAnnouncement(d.key, roster.Announcement{Suite: p.s.ID(), Desk: d.id, Number: 1, Public: d.seal.Public(), Time: start}))(p.T)
	box := roster.Mailbox{Addr: "relay.example:8650", Relay: named("relay"), Box: named("box %s", d.name), Putter: seed(roster.PutterSize, "putter "+d.name)}
	var holders []roster.Holder
	for _, n := range []string{"a", "b"} {
		holders = append(holders, p.delegate(d.party, n).Warrant.Holder(p.s))
	}
	return ok(roster.NewStatement(p.s, d.party.root, roster.Statement{
		Type: roster.AddDesk, Number: number, Time: start,
		Add: &roster.Addition{Certificate: p.certs[d.name], Mailboxes: []roster.Mailbox{box}, SealKey: a, Delegates: roster.SortHolders(holders)},
	}))(p.T)
}

// pair takes both parties through the ceremony, each with its card.
func (p *stage) pair() {
	self := func(name, desk string) ceremony.Self {
		x := p.parties[name]
		card := joining.Card{Name: name, Root: x.root.Public(), Statements: []roster.Statement{p.adds[desk]}}
		return ceremony.Self{Name: name, Root: x.root.Public(), Payload: card.Bytes()}
	}
	a, one, err := ceremony.Begin(p.s, self("JPN", "JPN-1"))
	must(p.T, err)
	b, two, err := ceremony.Answer(p.s, self("NATO", "NATO-1"), one)
	must(p.T, err)
	three := ok(a.Open(p.s, two))(p.T)
	_ = ok(b.Open(p.s, three))(p.T)
	words := append(ok(a.Say(p.s))(p.T), ok(b.Say(p.s))(p.T)...)
	p.step(step{Do: doPairing, By: "JPN", For: "NATO", Files: []hexa{one, two, three}, Stored: []hexa{ok(a.MarshalBinary())(p.T), ok(b.MarshalBinary())(p.T)}, Words: words})
}

// open makes the line, which both sign.
func (p *stage) open() {
	c := roster.Charter{
		Suite: p.s.ID(), Version: 1, Nonce: named("nonce"), Name: "JPN-NATO", Profile: "bilateral", Created: start, Quorum: 2,
		Clocks: roster.DefaultClocks(), Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers},
		Exercise: true, SealKeyPeriod: 24 * time.Hour, Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	for _, name := range []string{"JPN", "NATO"} {
		x := p.parties[name]
		c.Members = append(c.Members, roster.Member{Party: x.id, Name: name, Root: x.root.Public()})
	}
	p.charter = ok(roster.NewCharter(p.s, c))(p.T)
	line := p.charter.ID(p.s)
	p.group = roster.GroupID(p.s, line, p.charter.Parties())
	p.set = ok(roster.CharterSet(p.s, p.charter))(p.T)
	p.step(step{Do: doCharter, By: "JPN", Data: p.charter.Bytes(), Line: line[:], Group: p.group[:]})
	p.takes(p.adds["JPN-1"], "JPN")
	p.takes(p.adds["NATO-1"], "NATO")
	for _, name := range []string{"JPN-1", "NATO-1"} {
		d := p.desks[name]
		sig := ok(roster.SignCharter(p.s, d.key, p.charter, roster.CharterSignature{Party: d.party.id, Desk: d.id, Time: p.now}))(p.T)
		p.consents = append(p.consents, sig)
	}
	p.step(step{Do: doConsent, By: "NATO", Data: roster.Offer{Charter: p.charter, Signatures: p.consents}.Bytes()})
}

// takes is a statement that everybody takes in.
func (p *stage) takes(st roster.Statement, by string) {
	p.Helper()
	_ = ok(p.set.Add(st, p.now))(p.T)
	digest := p.set.Digest()
	p.step(step{Do: doStatement, By: by, Data: st.Bytes(), Digest: digest[:], States: statesOf(p.set, p.desks)})
}

func statesOf(set *roster.Set, desks map[string]*desk) map[string]string {
	out := map[string]string{}
	for name, d := range desks {
		if s := set.Roster().State(d.id); s != roster.StateUnknown {
			out[name] = s.String()
		}
	}
	return out
}

// newKey gives a desk a sending key, and the others slices of it.
func (p *stage) newKey(by string, to ...string) *chain.Sender {
	p.Helper()
	d := p.desks[by]
	p.now = p.now.Add(time.Minute)
	d.sender = ok(chain.NewSender(p.s, chain.Start{Group: p.group, Desk: d.id, Parties: p.charter.Parties(), Previous: d.sender, Now: p.now}))(p.T)
	id := d.sender.Identity()
	for _, name := range to {
		r := p.desks[name]
		env := ok(d.sender.SliceFor(d.message, chain.SliceInput{
			Desk: r.id, Party: r.party.id, SealPublic: r.seal.Public(), SealNumber: 1, Digest: p.set.Digest(), Precedence: precedence.Flash,
			Expiry: start.Add(time.Hour), Now: p.now,
		}))(p.T)
		p.step(step{Do: doSlice, By: by, For: name, Data: env, Identity: id[:], Digest: digestOf(p.set)})
	}
	d.sender.Forget()
	return d.sender
}

func digestOf(set *roster.Set) hexa { d := set.Digest(); return d[:] }

// seal puts a body into a desk's chain.
func (p *stage) seal(do, by string, level precedence.Level, to ident.Party, body []byte, readers ...string) chain.Sealed {
	p.Helper()
	d := p.desks[by]
	id := ident.Message(seed(16, "message "+string(rune('a'+len(p.v.Steps)))+by))
	x := ok(d.sender.Seal(d.message, chain.SealInput{
		Kind: kinds[do], Precedence: level, ReceiptTo: to, Message: id, Digest: p.set.Digest(), Body: body, Expiry: start.Add(time.Hour),
	}))(p.T)
	p.step(step{
		Do: do, By: by, Data: x.Envelope, Readers: readers, Lane: uint8(x.Lane), Sequence: x.Sequence, Message: id[:], Body: body,
		Digest: digestOf(p.set), Running: x.Running[:],
	})
	if do == doMessage || do == doReceipt {
		p.file.Signed = append(p.file.Signed, evidence.Signed{Desk: d.id.String(), Evidence: x.Evidence, Body: body})
	}
	if x.Lane == 3 && by == "JPN-1" {
		p.insides[d.sender.Generation()] = append(p.insides[d.sender.Generation()], x.Inside[:])
	}
	return x
}

// said is a message as its readers answer it.
type said struct {
	id      ident.Message
	content [32]byte
}

func (p *stage) label() wire.Label {
	return wire.Label{
		Classification: marking.Unclassified, TLP: marking.TLPAmber, PAP: marking.PAPClear,
		REL: octets.Sorted(slices.Clone(p.charter.Parties()), ident.Compare[ident.Party]),
	}
}

func (p *stage) says(by, text string, readers ...string) said {
	p.Helper()
	d := p.desks[by]
	m := wire.Message{
		Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "EXERCISE FIRST LIGHT", Precedence: precedence.Flash, Serial: by + "/" + string(rune('1'+len(p.leaves))),
		Composed: p.now.UnixMilli(), Label: p.label(), Action: []ident.Party{p.parties["NATO"].id}, Subject: "EXERCISE", Text: []byte("EXERCISE EXERCISE EXERCISE. " + text),
	}
	body := ok(m.Encode())(p.T)
	p.seal(doMessage, by, precedence.Flash, ident.Party{}, body, readers...)
	x := said{ident.Message(p.v.Steps[len(p.v.Steps)-1].Message), wire.ContentHash(body)}
	line := p.charter.ID(p.s)
	data := slices.Concat(x.id[:], line[:], d.id[:], []byte{byte(precedence.Flash)}, x.content[:])
	leaf := checkpoint.Leaf{Number: int64(len(p.leaves) + 1), At: p.now, Kind: "sent", Data: data}
	_, added := p.edge.Add(leaf.Hash())
	p.stored, p.leaves = append(p.stored, added...), append(p.leaves, leaf)
	return x
}

func (p *stage) receipt(by string, about said, state traffic.State, readers ...string) {
	p.Helper()
	label := p.label()
	r := wire.Receipt{State: state, Message: about.id, At: p.now.Add(time.Second).UnixMilli(), Content: about.content, Label: label.Hash(), Group: p.group}
	if state.ByPerson() {
		r.Role = "watch officer"
	}
	p.seal(doReceipt, by, precedence.Flash, p.parties["JPN"].id, ok(r.Encode())(p.T), readers...)
}

// attests is a desk's word for the FLASH chain of a sending key, in lane 0.
func (p *stage) attests(by string, key *chain.Sender, final bool, readers ...string) {
	p.Helper()
	d := p.desks[by]
	a := checkpoint.Attestation{
		Sender: d.id, Group: p.group, Generation: key.Generation(), Commitment: key.Commitment(), Before: d.final, Time: p.now, Final: final,
	}
	n, running := key.Last(precedence.Flash)
	a.Lanes = []checkpoint.Lane{{Lane: 3, Last: n, Running: running}}
	a = a.Sign(p.s, d.key)
	if final {
		d.final = a.Hash(p.s)
	}
	p.file.Attestations = append(p.file.Attestations, a.Bytes(p.s))
	g := key.Generation()
	path := evidence.Path{Desk: d.id.String(), Generation: g[:], Lane: 3}
	for _, x := range p.insides[g] {
		path.Insides = append(path.Insides, x)
	}
	p.file.Paths = append(p.file.Paths, path)
	p.seal(doAttestation, by, precedence.Routine, ident.Party{}, a.Bytes(p.s), readers...)
}

// cutOff removes a desk by a delegate that its addition names. NATO-1 tells it
// under the key that it has, and JPN-1 confirms.
func (p *stage) cutOff(name string) {
	p.Helper()
	d := p.desks[name]
	p.now = p.now.Add(time.Minute)
	st := ok(roster.NewStatementBy(p.s, roster.Statement{
		Type: roster.RemoveDesk, Number: 1, Time: p.now, Remove: &roster.Cut{Desk: d.id, Fingerprint: p.certs[name].Fingerprint(p.s), Reason: "EXERCISE: in wrong hands"},
	}, p.delegate(d.party, "b")))(p.T)
	p.seal(doStatements, "NATO-1", precedence.Flash, ident.Party{}, append([]byte{2}, st.Bytes()...), "JPN-1")
	p.takes(st, "NATO")
	id, at := st.ID(p.s), octets.Encode(func(c *octets.Coder) { c.Time("time", &p.now) })
	p.seal(doConfirmation, "JPN-1", precedence.Flash, d.party.id, slices.Concat(id[:], d.id[:], at), "NATO-1", "NATO-2")
}

func (p *stage) checkpoint(by string) {
	p.Helper()
	d := p.desks[by]
	c := checkpoint.Checkpoint{Desk: d.id, Size: p.edge.Size, Root: p.edge.Root(), Generation: 7, Time: p.now}
	note := ok(c.Note(d.key, d.key.Public()))(p.T)
	p.file.Checkpoints = [][]byte{note}
	for _, l := range p.leaves {
		proof := ok(checkpoint.Include(c.Size, l.Number, func(places []int64) (out []checkpoint.Hash, err error) {
			for _, n := range places {
				out = append(out, p.stored[n])
			}
			return out, nil
		}))(p.T)
		s, e := step{Do: doCheckpoint, By: by, Data: note, Leaf: l.Bytes(), Size: c.Size}, evidence.Leaf{Leaf: l.Bytes()}
		for _, h := range proof {
			s.Proof, e.Proof = append(s.Proof, h[:]), append(e.Proof, h[:])
		}
		p.step(s)
		p.file.Leaves = append(p.file.Leaves, e)
	}
}

func (p *stage) evidence(by string) {
	p.Helper()
	f := &p.file
	f.Format, f.Use, f.Suite, f.At = evidence.Format, evidence.Transcript, p.s.ID(), p.now.UnixMilli()
	f.By, f.Line, f.Charter = p.desks[by].id.String(), p.charter.ID(p.s).String(), p.charter.Bytes()
	f.Terms = joining.Pack{Charter: p.charter, Signatures: p.consents, Statements: p.set.Statements()}.Bytes()
	f.AddGroup(p.charter.Parties())
	for _, name := range []string{"JPN-1", "NATO-1"} {
		f.Certificates = append(f.Certificates, p.certs[name].Bytes())
	}
	must(p.T, f.Sign(p.desks[by].key))
	p.step(step{Do: doEvidence, By: by, Data: ok(f.Bytes())(p.T)})
}
