package joining_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"hotline/internal/ident"
	"hotline/internal/joining"
	"hotline/internal/octets"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// decoders are all that takes a stranger's bytes. Each returns the bytes that
// the value encodes to.
var decoders = map[string]func([]byte) ([]byte, error){
	"card": func(b []byte) ([]byte, error) { v, err := joining.ParseCard(one, b); return v.Bytes(), err },
	"pack": func(b []byte) ([]byte, error) { v, err := joining.ParsePack(one, b); return v.Bytes(), err },
}

func (l line) card(statements ...roster.Statement) joining.Card {
	return joining.Card{Name: "JPN", Root: l.jpn.root.Public(), Statements: statements}
}

func (l line) pack() joining.Pack {
	return joining.Pack{Charter: l.c, Signatures: l.sigs, Statements: []roster.Statement{l.addJ, l.addN}}
}

func TestCards(t *testing.T) {
	l := openLine(t)
	card := l.card(l.addJ).Bytes()
	got, err := joining.ParseCard(one, card)
	if err != nil || got.Party(one) != l.jpn.id || !bytes.Equal(got.Bytes(), card) {
		t.Fatalf("card: %v", err)
	}
	if r, err := got.Open(one); err != nil || len(r.Desks()) != 1 || r.Desks()[0].Desk != l.j1.id {
		t.Errorf("the card's roster: %v", err)
	}
	if _, err := joining.ParseCard(one, l.card(l.addJ, l.addN).Bytes()); !errors.Is(err, roster.ErrForeign) {
		t.Errorf("a card with another party's desk = %v, want ErrForeign", err)
	}
	if _, err := joining.ParseCard(one, l.pack().Bytes()); !errors.Is(err, roster.ErrMalformed) {
		t.Errorf("a pack in the place of a card = %v, want ErrMalformed", err)
	}
	noRoot, noName := l.card(l.addJ), l.card(l.addJ)
	noRoot.Root, noName.Name = nil, ""
	for name, c := range map[string]joining.Card{"empty": l.card(), "no root": noRoot, "no name": noName} {
		if _, err := c.Open(one); !errors.Is(err, roster.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestJoiningPack(t *testing.T) {
	l := openLine(t)
	j2 := newDesk(t, l.jpn, 2)
	good := func() joining.Pack {
		return joining.Pack{
			Charter: l.c, Signatures: l.sigs,
			Statements: []roster.Statement{l.addJ, l.addN, l.jpn.sign(t, j2.addition(t, 2))},
			SealKeys:   []roster.Announcement{l.n1.announce(t, 7), l.n1.announce(t, 6)},
			Names:      []joining.PartyName{{Party: l.nato.id, Name: "NATO"}, {Party: l.jpn.id, Name: "JPN"}},
		}
	}
	own := l.jpn.root.Public()
	raw := good().Bytes()
	p, err := joining.ParsePack(one, raw)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Bytes(), raw) || len(p.SealKeys) != 1 || p.SealKeys[0].Number != 7 {
		t.Error("the pack does not come back in its one spelling")
	}
	s, err := p.Open(one, own)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Roster().Desks()); got != 3 {
		t.Errorf("%d desks, want 3", got)
	}

	retired := l.jpn.sign(t, l.j1.removal(3))
	tests := map[string]struct {
		change func(*joining.Pack)
		root   []byte
		want   error
	}{
		"a party that is no member":            {func(*joining.Pack) {}, newParty(t, "HOME").root.Public(), roster.ErrForeign},
		"NATO did not sign":                    {func(p *joining.Pack) { p.Signatures = p.Signatures[:1] }, own, roster.ErrSignature},
		"own party did not sign":               {func(p *joining.Pack) { p.Signatures = p.Signatures[1:] }, own, roster.ErrSignature},
		"own party signed with a removed desk": {func(p *joining.Pack) { p.Statements = append(p.Statements, retired) }, own, roster.ErrSignature},
		"a signature that does not hold":       {func(p *joining.Pack) { p.Signatures = slices.Clone(l.sigs); p.Signatures[1].Time = epoch.Add(1e9) }, own, roster.ErrSignature},
		"a statement of a stranger": {func(p *joining.Pack) {
			h := newParty(t, "HOME")
			p.Statements = append(p.Statements, h.sign(t, newDesk(t, h, 1).addition(t, 1)))
		}, own, roster.ErrForeign},
		"a seal key of nobody":                  {func(p *joining.Pack) { p.SealKeys = []roster.Announcement{newDesk(t, l.nato, 2).announce(t, 1)} }, own, roster.ErrUnknownDesk},
		"a seal key that the desk did not sign": {func(p *joining.Pack) { a := l.n1.announce(t, 7); a.Number++; p.SealKeys = []roster.Announcement{a} }, own, roster.ErrSignature},
		"a version of no line":                  {func(p *joining.Pack) { p.Versions = []roster.Offer{{Charter: l.c}} }, own, roster.ErrForeign},
		"a name for a stranger":                 {func(p *joining.Pack) { p.Names[0].Party = ident.Party{1} }, own, roster.ErrForeign},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := good()
			tt.change(&p)
			p, err := joining.ParsePack(one, p.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Open(one, tt.root); !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
		})
	}
	// The other party's signing desk may have retired since; another desk of
	// one's own vouches for the line.
	p = good()
	p.Statements = append(p.Statements, l.nato.sign(t, l.n1.removal(2)), retired)
	p.Signatures = append(p.Signatures, j2.consent(t, l.c))
	if _, err := p.Open(one, own); err != nil {
		t.Errorf("a line whose founders' desks retired: %v", err)
	}
}

// TestPortionsOfAnOffer: a charter with many signatures goes in several
// messages, and comes to the same.
func TestPortionsOfAnOffer(t *testing.T) {
	l := openLine(t)
	whole := roster.Offer{Charter: l.c, Signatures: l.sigs}
	for n := 2; n < 4; n++ {
		whole.Signatures = append(whole.Signatures, newDesk(t, l.jpn, n).consent(t, l.c))
	}
	size := func(n int) int { return len(roster.Offer{Charter: l.c, Signatures: whole.Signatures[:n]}.Bytes()) }
	for limit, want := range map[int]int{1: 4, size(1): 4, size(2): 2, roster.MaxFile: 1} {
		parts := joining.Portions(whole, limit)
		var together roster.Offer
		for _, p := range parts {
			if len(p.Signatures) == 0 || limit >= size(1) && len(p.Bytes()) > limit {
				t.Errorf("limit %d: a part of %d signatures, %d bytes", limit, len(p.Signatures), len(p.Bytes()))
			}
			together = roster.Offer{Charter: p.Charter, Signatures: append(together.Signatures, p.Signatures...)}
		}
		if len(parts) != want || !bytes.Equal(together.Bytes(), whole.Bytes()) {
			t.Errorf("limit %d: %d parts, want %d that come to the same", limit, len(parts), want)
		}
	}
	if parts := joining.Portions(roster.Offer{Charter: l.c}, 1); len(parts) != 1 {
		t.Errorf("a charter without signatures goes in %d parts", len(parts))
	}
}

// TestVectors reads the frozen files of package roster's vectors.
func TestVectors(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		readVectors(t, s)
	}
}

func readVectors(t *testing.T, s suite.Suite) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("../wire/testdata/vectors/roster%d.json", s.ID()))
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Parties    []struct{ Name, Root string }
		Card, Pack string
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	bytesOf := func(s string) []byte { return must[[]byte](t)(hex.DecodeString(s)) }
	card := must[joining.Card](t)(joining.ParseCard(s, bytesOf(v.Card)))
	p := must[joining.Pack](t)(joining.ParsePack(s, bytesOf(v.Pack)))
	if !bytes.Equal(card.Bytes(), bytesOf(v.Card)) || !bytes.Equal(p.Bytes(), bytesOf(v.Pack)) {
		t.Errorf("the card or the pack of suite %d is spelt in another way", s.ID())
	}
	for _, party := range v.Parties {
		if set, err := p.Open(s, bytesOf(party.Root)); err != nil || len(set.Statements()) != 2 {
			t.Errorf("pack of suite %d for %s: %v", s.ID(), party.Name, err)
		}
	}
	if len(v.Parties) != 2 {
		t.Errorf("%d parties in the vectors", len(v.Parties))
	}
}

// TestDecodersAreStrict cuts each form short, adds a byte, and takes it for the
// other.
func TestDecodersAreStrict(t *testing.T) {
	l := openLine(t)
	for name, form := range map[string][]byte{"card": l.card(l.addJ).Bytes(), "pack": l.pack().Bytes()} {
		if _, err := decoders[name](append(bytes.Clone(form), 0)); !errors.Is(err, roster.ErrMalformed) {
			t.Errorf("%s with a byte more: %v", name, err)
		}
		for n := 0; n < len(form); n += len(form) / 100 {
			if _, err := decoders[name](form[:n]); !errors.Is(err, roster.ErrMalformed) {
				t.Errorf("%s cut to %d bytes: %v", name, n, err)
			}
		}
		for other, decode := range decoders {
			if _, err := decode(form); other != name && !errors.Is(err, roster.ErrMalformed) {
				t.Errorf("a %s is taken for a %s: %v", name, other, err)
			}
		}
	}
}

// TestListsHaveOneOrder swaps neighbours in each list, and doubles them: other
// orders would be other spellings of one thing.
func TestListsHaveOneOrder(t *testing.T) {
	l := openLine(t)
	first, second := l.jpn.sign(t, l.j1.removal(2)), l.jpn.sign(t, l.j1.removal(3))
	pack := l.pack()
	pack.SealKeys = []roster.Announcement{l.j1.announce(t, 1), l.n1.announce(t, 1)}
	pack.Names = []joining.PartyName{{Party: l.jpn.id, Name: "AAA"}, {Party: l.nato.id, Name: "BBB"}}
	name := func(n joining.PartyName) []byte { return append(append(n.Party[:], 0, 3), n.Name...) }
	for what, tt := range map[string]struct {
		kind string
		form []byte
		a, b []byte // two entries of the list
	}{
		"statements": {"card", l.card(l.addJ, first, second).Bytes(), first.Bytes(), second.Bytes()},
		"seal keys":  {"pack", pack.Bytes(), pack.SealKeys[0].Bytes(), pack.SealKeys[1].Bytes()},
		"names":      {"pack", pack.Bytes(), name(pack.Names[0]), name(pack.Names[1])},
	} {
		t.Run(what, func(t *testing.T) {
			if again, err := decoders[tt.kind](tt.form); err != nil || !bytes.Equal(again, tt.form) {
				t.Fatalf("in order: %v", err)
			}
			mark := bytes.Repeat([]byte{0xee}, len(tt.a))
			swapped := bytes.Replace(tt.form, tt.a, mark, 1)
			swapped = bytes.Replace(swapped, tt.b, tt.a, 1)
			swapped = bytes.Replace(swapped, mark, tt.b, 1)
			doubled := bytes.Replace(tt.form, tt.a, tt.b, 1)
			for _, bad := range [][]byte{swapped, doubled} {
				if bytes.Equal(bad, tt.form) {
					t.Fatal("nothing was swapped")
				}
				if _, err := decoders[tt.kind](bad); !errors.Is(err, roster.ErrMalformed) {
					t.Errorf("out of order: %v, want ErrMalformed", err)
				}
			}
		})
	}
}

// TestLyingCounts gives lengths and counts that are not there (attack 7): they
// are refused before memory is taken for them.
func TestLyingCounts(t *testing.T) {
	l := openLine(t)
	card := func(end func(*octets.Writer)) []byte {
		var w octets.Writer
		w.Raw([]byte("hotline/1 desk card\n"))
		w.Uint16(0x0101)
		w.String("JPN")
		w.Var32(l.jpn.root.Public())
		end(&w)
		return w.Bytes()
	}
	// A pack without signatures, versions and statements, up to its seal keys.
	pack := func(counts ...uint16) []byte {
		var w octets.Writer
		w.Raw([]byte("hotline/1 joining pack\n"))
		w.Var32(l.c.Bytes())
		for _, n := range append([]uint16{0, 0, 0}, counts...) {
			w.Uint16(n)
		}
		return w.Bytes()
	}
	for name, tt := range map[string]struct {
		kind string
		form []byte
	}{
		"sixty-five thousand statements": {"card", card(func(w *octets.Writer) { w.Uint16(1<<16 - 1) })},
		"statements that are not there":  {"card", card(func(w *octets.Writer) { w.Uint16(1) })},
		"a statement of 4 GiB":           {"card", card(func(w *octets.Writer) { w.Uint16(1); w.Uint32(1<<32 - 1) })},
		"too many seal keys":             {"pack", pack(1<<16 - 1)},
		"too many names":                 {"pack", pack(0, roster.MaxMembers+1)},
		"a card over the limit":          {"card", card(func(w *octets.Writer) { w.Raw(make([]byte, roster.MaxFile)) })},
		"a pack over the limit":          {"pack", append(pack(), make([]byte, roster.MaxFile)...)},
	} {
		if _, err := decoders[tt.kind](tt.form); !errors.Is(err, roster.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	if _, err := joining.ParsePack(one, pack(0, 0)); err != nil {
		t.Errorf("an empty pack: %v", err)
	}
}

// FuzzDecoders gives any bytes to every decoder: whatever is accepted encodes
// to the same bytes again.
func FuzzDecoders(f *testing.F) {
	l := openLine(f)
	f.Add(l.card(l.addJ).Bytes())
	f.Add(l.pack().Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, decode := range decoders {
			if again, err := decode(b); err == nil && !bytes.Equal(again, b) {
				t.Errorf("%s has two spellings", name)
			}
		}
	})
}
