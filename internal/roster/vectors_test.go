package roster

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/suite"
)

// update writes vectors anew. The format is frozen: whoever uses it has changed
// the format and says so in the changelog. In CI it fails instead.
var update = flag.Bool("update", false, "write frozen vectors anew")

func vectorFile() string { return fmt.Sprintf("../wire/testdata/vectors/roster%d.json", plain.ID()) }

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors is one line from its roots to its joining pack. Signatures of ML-DSA
// are drawn anew each time, so what holds still is what is signed, and that
// these signatures verify.
type vectors struct {
	Comment       string            `json:"comment"`
	Parties       []vectorParty     `json:"parties"`
	Desks         []vectorDesk      `json:"desks"`
	Charter       hexa              `json:"charter"`
	Line          hexa              `json:"line"`
	LineText      string            `json:"line_text"`
	Signatures    []hexa            `json:"charter_signatures"`
	Announcements []hexa            `json:"seal_key_announcements"`
	Statements    []vectorStatement `json:"statements"` // of the set, in its order
	SetHash       hexa              `json:"set_sha256"` // of the stored form
	Digest        hexa              `json:"digest"`
	Heads         hexa              `json:"heads"`
	Roster        []string          `json:"roster"` // desks that are on
	Removed       []string          `json:"removed"`
	States        map[string]string `json:"states"`    // of every desk that a statement names
	Suspended     []vectorNotice    `json:"suspended"` // who sends whom nothing new
	Warrants      []hexa            `json:"warrants"`
	Rotation      vectorRotation    `json:"rotation"`
	Succession    vectorSuccession  `json:"succession"`
	Contested     int               `json:"contested"` // numbers used twice
	Group         hexa              `json:"group_of_both"`
	GroupOfOne    hexa              `json:"group_of_first_party"`
	Card          hexa              `json:"card"`
	Offer         hexa              `json:"offer"`
	Pack          hexa              `json:"pack"`
	Refused       []vectorRefusal   `json:"refused"`
}

type vectorNotice struct {
	Author  string `json:"author"`
	Subject string `json:"subject"`
	Notice  uint64 `json:"notice"`
}

// vectorRotation is a party of its own whose root was replaced.
type vectorRotation struct {
	Root       hexa              `json:"founding_root"` // public key and commitment
	Party      string            `json:"party_text"`
	Statements []hexa            `json:"statements"` // in whatever order
	Now        hexa              `json:"root_now"`
	States     map[string]string `json:"states"`
}

// vectorSuccession is the later versions of a line of three.
type vectorSuccession struct {
	First   hexa   `json:"first"`
	Offers  []hexa `json:"offers"` // in whatever order
	Current hexa   `json:"current_hash"`
	Version uint64 `json:"current_version"`
}

type vectorParty struct {
	Name     string `json:"name"`
	RootSeed hexa   `json:"root_seed"`
	Root     hexa   `json:"root"`
	Party    hexa   `json:"party"`
	Text     string `json:"party_text"`
}

type vectorDesk struct {
	Seed        hexa   `json:"desk_seed"`
	Certificate hexa   `json:"certificate"`
	Fingerprint hexa   `json:"fingerprint"`
	Desk        hexa   `json:"desk"`
	Text        string `json:"desk_text"`
}

type vectorStatement struct {
	Note  string `json:"note"`
	Bytes hexa   `json:"bytes"`
	ID    hexa   `json:"id"`
}

// vectorRefusal is a statement that no set of this line takes in.
type vectorRefusal struct {
	Note  string `json:"note"`
	Bytes hexa   `json:"bytes"`
}

func makeVectors(t *testing.T) (v vectors) {
	c, pool, desks := pool(t)
	jpn, nato := desks[0].party, desks[2].party
	line := c.ID(one)
	v.Comment = fmt.Sprintf("EXERCISE. Roster vectors of suite %d; docs/spec/line.md says how each value follows. All keys are made up and published.", plain.ID())
	for _, p := range []testParty{jpn, nato} {
		v.Parties = append(v.Parties, vectorParty{p.name, p.root.Seed(), p.root.Public(), p.id[:], p.id.String()})
	}
	for _, d := range desks {
		f := d.cert.Fingerprint(one)
		v.Desks = append(v.Desks, vectorDesk{d.key.Seed(), d.cert.Bytes(), f[:], d.id[:], d.id.String()})
		v.Announcements = append(v.Announcements, d.announce(t, 2).Bytes())
	}
	sigs := []CharterSignature{desks[0].consent(t, c), desks[3].consent(t, c)}
	v.Charter, v.Line, v.LineText = c.Bytes(), line[:], line.String()
	v.Signatures = []hexa{sigs[0].Bytes(), sigs[1].Bytes()}
	s := newSet(t, c)
	addAll(t, s, pool)
	for _, st := range s.Statements() {
		id := st.ID(one)
		v.Statements = append(v.Statements, vectorStatement{st.Type.String(), st.Bytes(), id[:]})
	}
	v.Heads, v.Contested = MarshalHeads(s.Heads()), len(conflicts(s))
	v.Offer = Offer{Charter: c, Signatures: sigs[:1]}.Bytes()
	v.Card, v.Pack = makeFiles(jpn, nato, pool, Offer{c, sigs}, []Announcement{desks[0].announce(t, 3)})
	v.Refused = []vectorRefusal{
		{"a party adds the other's desk", jpn.forge(desks[2].addition(t, line, 9, "a.example:1")).Bytes()},
		{"a party removes the other's desk", jpn.forge(desks[2].removal(line, 9, "")).Bytes()},
		{"for another line", jpn.sign(t, desks[0].removal(ident.Line{9}, 9, "")).Bytes()},
		{"a root made at home", func() hexa {
			h := newParty(t, "HOME")
			return h.sign(t, newDesk(t, h, 1).addition(t, line, 1, "a.example:1")).Bytes()
		}()},
	}
	for _, st := range pool {
		for _, e := range st.Endorsements {
			if e.Warrant != nil {
				v.Warrants = append(v.Warrants, e.Warrant.Bytes())
			}
		}
	}
	v.makeRotation(t)
	v.makeSuccession(t)
	v.derive(t)
	return v
}

// makeFiles spells out the files of package joining, which knows this one.
func makeFiles(jpn, nato testParty, pool []Statement, first Offer, seals []Announcement) (card, pack []byte) {
	suite, root, name := plain.ID(), jpn.root.Public(), nato.name
	card = octets.Encode(func(c *octets.Coder) {
		c.Magic("hotline/1 desk card\n")
		Version(c, "desk card", &suite)
		c.Text("name", &jpn.name, MaxName, false)
		RootKey(c, &root)
		one := pool[:1]
		Statements(c, &one)
	})
	pack = octets.Encode(func(c *octets.Coder) {
		c.Magic("hotline/1 joining pack\n")
		first.Fields(c)
		none, two := uint16(0), octets.Sorted([]Statement{pool[0], pool[9]}, CompareStatements)
		c.Uint16(&none)
		Statements(c, &two)
		Announcements(c, &seals)
		names := uint16(1)
		c.Uint16(&names)
		c.Array(nato.id[:])
		c.Text("name", &name, MaxName, false)
	})
	return card, pack
}

func (v *vectors) makeRotation(t *testing.T) {
	p := newDynasty(t, "KOR")
	kept, dropped, fresh := p.desk(t, 0, 1), p.desk(t, 0, 2), p.desk(t, 1, 3)
	a, b := p.by(t, 0, kept.addition(t, ident.Line{}, 1, "a.example:1")), p.by(t, 0, dropped.addition(t, ident.Line{}, 2, "a.example:1"))
	v.Rotation.Root, v.Rotation.Party = p.roots[0].Public(), p.id.String()
	for _, st := range []Statement{p.by(t, 1, fresh.addition(t, ident.Line{}, 1, "a.example:1")), a, b, p.rotate(t, 0, 3, a)} {
		v.Rotation.Statements = append(v.Rotation.Statements, st.Bytes())
	}
}

func (v *vectors) makeSuccession(t *testing.T) {
	f := newFounders(t, 3)
	two := f.next(t, 2, rename("EXERCISE second version"), f.c)
	three := f.next(t, 3, func(c *Charter) { c.Members = append(c.Members, f.parties[3].member()); c.Quorum = 0 }, two)
	v.Succession.First = f.c.Bytes()
	for _, o := range []Offer{f.offer(t, three, f.parties[0], f.parties[1], f.parties[3]), f.offer(t, two, f.parties[1], f.parties[2])} {
		v.Succession.Offers = append(v.Succession.Offers, o.Bytes())
	}
}

// deriveScenarios fills in what the rotation and the versions come to.
func (v *vectors) deriveScenarios(t *testing.T) {
	party, err := ident.ParseParty(v.Rotation.Party)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSet(plain, ident.Line{}, []Member{{Party: party, Root: v.Rotation.Root}})
	if err != nil {
		t.Fatal(err)
	}
	var all []Statement
	for _, raw := range v.Rotation.Statements {
		st, err := ParseStatement(raw)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, st)
	}
	offer(t, s, all...)
	v.Rotation.Now, v.Rotation.States = s.Roster().Root(party), stateNames(s.Roster())
	first, err := ParseCharter(plain, v.Succession.First)
	if err != nil {
		t.Fatal(err)
	}
	line := newSet(t, first)
	for _, raw := range v.Succession.Offers {
		o, err := ParseOffer(plain, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := line.TakeVersion(o); err != nil {
			t.Fatal(err)
		}
	}
	current, _ := line.Current()
	hash := current.Hash(plain)
	v.Succession.Current, v.Succession.Version = hash[:], current.Version
}

func stateNames(r *Roster) map[string]string {
	out := make(map[string]string)
	for desk, state := range r.states {
		out[desk.String()] = state.String()
	}
	return out
}

// derive fills in what follows from the set and the charter by hashing.
func (v *vectors) derive(t *testing.T) {
	c, err := ParseCharter(plain, v.Charter)
	if err != nil {
		t.Fatal(err)
	}
	line, s := c.ID(plain), newSet(t, c)
	for _, raw := range v.Statements {
		st, err := ParseStatement(raw.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		addAll(t, s, []Statement{st})
	}
	d, both, single := s.Digest(), GroupID(plain, line, c.Parties()), GroupID(plain, line, c.Parties()[:1])
	v.Line, v.LineText, v.Digest, v.Group, v.GroupOfOne = line[:], line.String(), d[:], both[:], single[:]
	hash := sha256.Sum256(stored(s))
	v.SetHash, v.Roster, v.Removed = hash[:], nil, nil
	v.States, v.Suspended = stateNames(s.Roster()), nil
	for _, n := range s.Roster().Suspensions() {
		v.Suspended = append(v.Suspended, vectorNotice{n.Author.String(), n.Subject.String(), n.Notice})
	}
	v.deriveScenarios(t)
	for _, e := range s.Roster().Desks() {
		v.Roster = append(v.Roster, e.Desk.String())
	}
	for _, id := range sortedRemovals(s.Roster()) {
		v.Removed = append(v.Removed, id.String())
	}
}

// TestVectors: each suite has its frozen line.
func TestVectors(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		inSuite(t, s, checkVectors)
	}
}

func checkVectors(t *testing.T) {
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("frozen vectors are not rewritten in CI")
		}
		out, err := json.MarshalIndent(makeVectors(t), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile(), append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(vectorFile())
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	again := v
	again.derive(t)
	if out, _ := json.MarshalIndent(again, "", " "); !bytes.Equal(append(out, '\n'), raw) {
		t.Error("ids, digest or roster of the vectors come out differently")
	}
	checkVectorKeys(t, v)
	checkVectorStatements(t, v)
	checkVectorFiles(t, v)
}

// checkVectorKeys compares what is signed with what this program would sign,
// and verifies the signatures.
func checkVectorKeys(t *testing.T, v vectors) {
	c, _, desks := pool(t)
	if !bytes.Equal(c.Bytes(), v.Charter) {
		t.Error("the charter is spelt differently")
	}
	for _, p := range v.Parties {
		root, err := plain.RootKeyFromSeed(p.RootSeed)
		if err != nil || !bytes.Equal(root.Public(), p.Root) {
			t.Errorf("root of %s: %v", p.Name, err)
		}
		if id := PartyOf(plain, p.Root); !bytes.Equal(id[:], p.Party) || id.String() != p.Text {
			t.Errorf("id of %s = %v, want %s", p.Name, id, p.Text)
		}
	}
	for i, d := range v.Desks {
		cert, err := ParseCertificate(d.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		root := v.Parties[0].Root
		if PartyOf(plain, root) != cert.Party {
			root = v.Parties[1].Root
		}
		if err := verifyCertificate(plain, cert, root); err != nil {
			t.Error(err)
		}
		f, id := cert.Fingerprint(plain), cert.ID(plain)
		if !bytes.Equal(f[:], d.Fingerprint) || !bytes.Equal(id[:], d.Desk) || id.String() != d.Text {
			t.Errorf("desk %d: id = %v, want %s", i, id, d.Text)
		}
		if !bytes.Equal(octets.Encode(cert.body), octets.Encode(desks[i].cert.body)) {
			t.Errorf("certificate %d is spelt differently", i)
		}
		a, err := ParseAnnouncement(v.Announcements[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Verify(plain, cert); err != nil {
			t.Error(err)
		}
		if want := desks[i].announce(t, 2); !bytes.Equal(octets.Encode(a.body), octets.Encode(want.body)) {
			t.Errorf("announcement %d is spelt differently", i)
		}
	}
}

func checkVectorStatements(t *testing.T, v vectors) {
	c, err := ParseCharter(plain, v.Charter)
	if err != nil {
		t.Fatal(err)
	}
	s, err := CharterSet(plain, c)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range v.Statements {
		st, err := ParseStatement(want.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if id := st.ID(plain); !bytes.Equal(id[:], want.ID) || st.Type.String() != want.Note {
			t.Errorf("statement %d (%s): id = %v", i, want.Note, id)
		}
		if _, err := s.Add(st, epoch); err != nil && !errors.Is(err, ErrEquivocation) {
			t.Error(err)
		}
	}
	if !bytes.Equal(MarshalHeads(s.Heads()), v.Heads) || len(conflicts(s)) != v.Contested {
		t.Error("the statements make another set")
	}
	for _, r := range v.Refused {
		st, err := ParseStatement(r.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if added, err := s.Add(st, epoch); added || !errors.Is(err, ErrForeign) {
			t.Errorf("%s: Add = %v, %v", r.Note, added, err)
		}
	}
	for _, raw := range v.Signatures {
		sig, err := ParseCharterSignature(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CheckSignature(c, sig); err != nil {
			t.Error(err)
		}
	}
}

func checkVectorFiles(t *testing.T, v vectors) {
	for name, form := range map[string]hexa{"offer": v.Offer, "heads": v.Heads} {
		if again, err := decoders[name](form); err != nil || !bytes.Equal(again, form) {
			t.Errorf("%s of the vectors: %v", name, err)
		}
	}
}
