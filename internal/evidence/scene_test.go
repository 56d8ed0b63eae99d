package evidence_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/checkpoint"
	"hotline/internal/envelope"
	"hotline/internal/evidence"
	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/roster"
	"hotline/internal/suite"
	"hotline/internal/traffic"
	"hotline/internal/wire"
)

// Everything in here is EXERCISE data.

var start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)

func named(name string) [32]byte { return sha256.Sum256([]byte("EXERCISE " + name)) }

// desk is one desk of a party, with all its keys.
type desk struct {
	sc      *scene
	party   ident.Party
	name    string
	root    suite.RootKey
	key     suite.DeskKey
	message suite.MessageKey
	seal    suite.SealKey
	cert    roster.Certificate
	id      ident.Desk
	sender  *chain.Sender
	last    chain.Sealed // receipt
}

// scene is a line of two parties with a desk each.
type scene struct {
	tb         testing.TB
	s          suite.Suite
	jpn, nato  *desk
	charter    roster.Charter
	line       ident.Line
	group      ident.Group
	statements []roster.Statement
	consents   []roster.CharterSignature
	sent       int
}

func newScene(tb testing.TB, s suite.Suite) *scene {
	tb.Helper()
	sc := &scene{tb: tb, s: s}
	sc.jpn, sc.nato = sc.desk("JPN"), sc.desk("NATO")
	charter := roster.Charter{
		Suite: s.ID(), Version: 1, Nonce: named("nonce"), Name: "JPN-NATO", Profile: "bilateral", Created: start, Quorum: 2,
		Clocks: roster.DefaultClocks(), Rule: roster.LabelRule{Classification: "none", PAP: "PAP:CLEAR", REL: roster.RelMembers},
		Exercise: true, SealKeyPeriod: 24 * time.Hour, Record: roster.Attributable, Release: roster.ReleaseNone,
	}
	for _, d := range []*desk{sc.jpn, sc.nato} {
		charter.Members = append(charter.Members, roster.Member{Party: d.party, Name: d.name[:len(d.name)-2], Root: d.root.Public()})
	}
	var err error
	if sc.charter, err = roster.NewCharter(s, charter); err != nil {
		tb.Fatal(err)
	}
	sc.line = sc.charter.ID(s)
	sc.group = roster.GroupID(s, sc.line, sc.charter.Parties())
	for _, d := range []*desk{sc.jpn, sc.nato} {
		sc.statements = append(sc.statements, d.added())
		sig, err := roster.SignCharter(s, d.key, sc.charter, roster.CharterSignature{Party: d.party, Desk: d.id, Time: start})
		if err != nil {
			tb.Fatal(err)
		}
		sc.consents = append(sc.consents, sig)
		d.sender = d.newSender(nil)
	}
	return sc
}

func (sc *scene) desk(party string) *desk {
	d := &desk{sc: sc, name: party + "-1", root: sc.s.NewRootKey(), key: sc.s.NewDeskKey(), message: sc.s.NewMessageKey(), seal: sc.s.NewSealKey()}
	var err error
	d.cert, err = roster.NewCertificate(sc.s, d.root, roster.Certificate{
		Name: d.name, Role: "watch officer", MessageKey: d.message.Public(), DeskKey: d.key.Public(), ControlKey: sc.s.NewSealKey().Public(),
		NotBefore: start.Add(-time.Hour), NotAfter: start.Add(365 * 24 * time.Hour),
	})
	if err != nil {
		sc.tb.Fatal(err)
	}
	d.party, d.id = d.cert.Party, d.cert.ID(sc.s)
	return d
}

// added is the statement that adds the desk.
func (d *desk) added() roster.Statement {
	a, err := roster.NewAnnouncement(d.key, roster.Announcement{Suite: d.sc.s.ID(), Desk: d.id, Number: 1, Public: d.seal.Public(), Time: start})
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	box := roster.Mailbox{Addr: "relay.example:8650", Relay: named("relay"), Box: named("box " + d.name), Putter: make([]byte, roster.PutterSize)}
	st, err := roster.NewStatement(d.sc.s, d.root, roster.Statement{
		Type: roster.AddDesk, Number: 1, Time: start, Add: &roster.Addition{Certificate: d.cert, Mailboxes: []roster.Mailbox{box}, SealKey: a},
	})
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	return st
}

func (d *desk) newSender(previous *chain.Sender) *chain.Sender {
	m, err := chain.NewSender(d.sc.s, chain.Start{Group: d.sc.group, Desk: d.id, Parties: []ident.Party{d.sc.jpn.party, d.sc.nato.party}, Previous: previous, Now: start})
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	d.last = chain.Sealed{}
	return m
}

// item is one thing that a desk signed, and its hash in its chain.
type item struct {
	evidence.Signed
	id      ident.Message
	inside  [32]byte
	content [32]byte
}

func (d *desk) sealed(in chain.SealInput) item {
	in.Expiry, in.Digest = start.Add(time.Hour), named("digest")
	x, err := d.sender.Seal(d.message, in)
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	if in.Kind == envelope.Receipt {
		d.last = x
	}
	return item{
		Signed: evidence.Signed{Desk: d.id.String(), Evidence: x.Evidence, Body: in.Body}, id: in.Message, inside: x.Inside,
		content: wire.ContentHash(in.Body),
	}
}

func (sc *scene) label() wire.Label {
	return wire.Label{Classification: marking.Unclassified, TLP: marking.TLPClear, PAP: marking.PAPClear, Any: true}
}

// says is a FLASH with the next serial, or with the one given.
func (d *desk) says(text string, serial ...string) item {
	d.sc.sent++
	m := wire.Message{
		Kind: traffic.Alert, Status: traffic.Exercise, Exercise: "EXERCISE FIRST LIGHT", Precedence: precedence.Flash,
		Serial: fmt.Sprintf("%s/%04d", d.name, d.sc.sent), Composed: start.UnixMilli(), Label: d.sc.label(), Action: []ident.Party{d.other().party},
		Subject: "EXERCISE", Text: []byte("EXERCISE EXERCISE EXERCISE. " + text),
	}
	if len(serial) > 0 {
		m.Serial = serial[0]
	}
	return d.saysBody(&m, ident.NewMessage())
}

func (d *desk) saysBody(m *wire.Message, id ident.Message) item {
	body, err := m.Encode()
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	return d.sealed(chain.SealInput{Kind: envelope.Message, Precedence: precedence.Flash, Message: id, Body: body})
}

// receipt is what the desk says of a message of the other party.
func (d *desk) receipt(about item, state traffic.State) item {
	label := d.sc.label()
	r := wire.Receipt{State: state, Message: about.id, At: start.Add(time.Minute).UnixMilli(), Content: about.content, Label: label.Hash(), Group: d.sc.group}
	if state.ByPerson() {
		r.Role = "watch officer"
	}
	if state == traffic.Withdrawn {
		r.Withdraws = traffic.Receipted
	}
	body, err := r.Encode()
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	return d.sealed(chain.SealInput{
		Kind: envelope.Receipt, Precedence: precedence.Flash, ReceiptTo: d.other().party, Message: ident.NewMessage(), Body: body,
	})
}

func (d *desk) other() *desk {
	if d == d.sc.jpn {
		return d.sc.nato
	}
	return d.sc.jpn
}

// attests is the desk's word for its chains: to is set for receipts.
func (d *desk) attests(to ident.Party, at time.Time) checkpoint.Attestation {
	a := checkpoint.Attestation{Sender: d.id, Group: d.sc.group, Generation: d.sender.Generation(), Commitment: d.sender.Commitment(), To: to, Time: at}
	if to != (ident.Party{}) {
		if d.last.Sequence > 0 {
			a.Lanes = []checkpoint.Lane{{Lane: 4, Last: d.last.Sequence, Running: d.last.Running}}
		}
	} else if n, running := d.sender.Last(precedence.Flash); n > 0 {
		a.Lanes = []checkpoint.Lane{{Lane: 3, Last: n, Running: running}}
	}
	return a.Sign(d.sc.s, d.key)
}

// slice is the signed part of a slice of the desk's sending key.
func (d *desk) slice(at time.Time) []byte {
	to := d.other()
	env, err := d.sender.SliceFor(d.message, chain.SliceInput{
		Desk: to.id, Party: to.party, SealPublic: to.seal.Public(), SealNumber: 1, Precedence: precedence.Flash, Expiry: at.Add(time.Hour), Now: at,
	})
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	peer := func(ident.Desk) ([]byte, bool) { return d.message.Public(), true }
	_, sl, err := chain.OpenSlice(d.sc.s, env, chain.Recipient{Desk: to.id, Party: to.party, Key: to.seal, SealNumber: 1}, peer, at)
	if err != nil {
		d.sc.tb.Fatal(err)
	}
	return sl.Proof
}

// path is a chain from its start: all that the items are.
func (d *desk) path(lane uint8, to ident.Party, items ...item) evidence.Path {
	g := d.sender.Generation()
	p := evidence.Path{Desk: d.id.String(), Generation: g[:], Lane: lane}
	if to != (ident.Party{}) {
		p.To = to.String()
	}
	for _, x := range items {
		p.Insides = append(p.Insides, x.inside[:])
	}
	return p
}

// file is an empty file of evidence by a desk.
func (sc *scene) file(use string, by *desk) *evidence.File {
	f := &evidence.File{
		Format: evidence.Format, Use: use, Suite: sc.s.ID(), At: start.Add(time.Hour).UnixMilli(), By: by.id.String(), Line: sc.line.String(),
		Terms: joining.Pack{Charter: sc.charter, Signatures: sc.consents, Statements: sc.statements}.Bytes(), Charter: sc.charter.Bytes(),
		Certificates: [][]byte{sc.jpn.cert.Bytes(), sc.nato.cert.Bytes()},
	}
	f.AddGroup([]ident.Party{sc.nato.party, sc.jpn.party})
	return f
}

func add(f *evidence.File, items ...item) {
	for _, x := range items {
		f.Signed = append(f.Signed, x.Signed)
	}
}

func attest(f *evidence.File, s suite.Suite, all ...checkpoint.Attestation) {
	for _, a := range all {
		f.Attestations = append(f.Attestations, a.Bytes(s))
	}
}

// journal puts leaves of the messages under a checkpoint of the maker.
func (sc *scene) journal(f *evidence.File, by *desk, kind string, from *desk, items ...item) {
	sc.journalOf(f, by, []string{kind}, from, items...)
}

// journalOf is journal with a leaf of each kind for each item.
func (sc *scene) journalOf(f *evidence.File, by *desk, kinds []string, from *desk, items ...item) {
	var edge checkpoint.Edge
	var stored []checkpoint.Hash
	var leaves []checkpoint.Leaf
	for _, kind := range kinds {
		for _, x := range items {
			data := append(append(append(append([]byte{}, x.id[:]...), sc.line[:]...), from.id[:]...), byte(precedence.Flash))
			l := checkpoint.Leaf{Number: int64(len(leaves) + 1), At: start, Kind: kind, Data: append(data, x.content[:]...)}
			_, added := edge.Add(l.Hash())
			stored, leaves = append(stored, added...), append(leaves, l)
		}
	}
	c := checkpoint.Checkpoint{Desk: by.id, Size: edge.Size, Root: edge.Root(), Generation: 7, Time: start}
	note, err := c.Note(by.key, by.key.Public())
	if err != nil {
		sc.tb.Fatal(err)
	}
	f.Checkpoints = append(f.Checkpoints, note)
	for _, l := range leaves {
		proof, err := checkpoint.Include(c.Size, l.Number, func(places []int64) (out []checkpoint.Hash, err error) {
			for _, p := range places {
				out = append(out, stored[p])
			}
			return out, nil
		})
		if err != nil {
			sc.tb.Fatal(err)
		}
		e := evidence.Leaf{Checkpoint: len(f.Checkpoints) - 1, Leaf: l.Bytes()}
		for _, h := range proof {
			e.Proof = append(e.Proof, h[:])
		}
		f.Leaves = append(f.Leaves, e)
	}
}

// bytes signs f and writes it.
func (sc *scene) bytes(f *evidence.File, by *desk) []byte {
	sc.tb.Helper()
	if err := f.Sign(by.key); err != nil {
		sc.tb.Fatal(err)
	}
	b, err := f.Bytes()
	if err != nil {
		sc.tb.Fatal(err)
	}
	return b
}

// transcript is JPN's record of three messages, all delivered and one receipted.
func (sc *scene) transcript() (*evidence.File, []item) {
	f := sc.file(evidence.Transcript, sc.jpn)
	var said, heard []item
	for _, text := range []string{"one", "two", "three"} {
		said = append(said, sc.jpn.says(text))
	}
	for _, m := range said {
		heard = append(heard, sc.nato.receipt(m, traffic.Delivered))
	}
	heard = append(heard, sc.nato.receipt(said[0], traffic.Receipted))
	add(f, said...)
	add(f, heard...)
	attest(f, sc.s, sc.jpn.attests(ident.Party{}, start.Add(15*time.Minute)))
	f.Paths = append(f.Paths, sc.jpn.path(3, ident.Party{}, said...))
	sc.journal(f, sc.jpn, "sent", sc.jpn, said...)
	return f, said
}

// nonAnswer is JPN's certificate that NATO had the second of two messages and
// answered only the first.
func (sc *scene) nonAnswer() (*evidence.File, item) {
	f := sc.file(evidence.NonAnswer, sc.jpn)
	first, second := sc.jpn.says("one"), sc.jpn.says("two")
	chain := []item{sc.nato.receipt(first, traffic.Delivered), sc.nato.receipt(second, traffic.Delivered), sc.nato.receipt(first, traffic.Receipted)}
	f.Message, f.Party, f.Due = second.id.String(), sc.nato.party.String(), start.Add(10*time.Minute).UnixMilli()
	add(f, chain...)
	attest(f, sc.s, sc.nato.attests(sc.jpn.party, start.Add(15*time.Minute)))
	f.Paths = append(f.Paths, sc.nato.path(4, sc.jpn.party, chain...))
	return f, second
}
