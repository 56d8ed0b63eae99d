package roster

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hotline/internal/ident"
)

func TestCharterHasOneSpelling(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	if turned := newCharter(t, "JPN-NATO", nato, jpn); turned.ID(one) != c.ID(one) {
		t.Error("the order in which members are named changes the line")
	}
	got, err := ParseCharter(one, c.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got.ID(one) != c.ID(one) || !bytes.Equal(got.Bytes(), c.Bytes()) {
		t.Error("a parsed charter encodes to other bytes")
	}
	if m, ok := got.Member(nato.id); !ok || m.Name != "NATO" {
		t.Errorf("Member(NATO) = %q, %v", m.Name, ok)
	}
	other := c
	other.Nonce[0]++
	if other.ID(one) == c.ID(one) {
		t.Error("two nonces, one line")
	}
}

func TestCharterRefusals(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	tests := map[string]struct {
		change func(*Charter)
		want   error
	}{
		"deniable record":             {func(c *Charter) { c.Record = Deniable }, ErrReserved},
		"second person":               {func(c *Charter) { c.Release = ReleaseSecond }, ErrReserved},
		"no attestation policy":       {func(c *Charter) { c.Attest = 3 }, ErrMalformed},
		"no record policy":            {func(c *Charter) { c.Record = 0 }, ErrMalformed},
		"one member":                  {func(c *Charter) { c.Members = c.Members[:1] }, ErrMalformed},
		"one member twice":            {func(c *Charter) { c.Members[1] = c.Members[0] }, ErrMalformed},
		"members in another order":    {func(c *Charter) { slices.Reverse(c.Members) }, ErrMalformed},
		"two members of one name":     {func(c *Charter) { c.Members[0].Name = c.Members[1].Name }, ErrMalformed},
		"another root":                {func(c *Charter) { c.Members[0].Root = c.Members[1].Root }, ErrForeign},
		"no name":                     {func(c *Charter) { c.Name = "" }, ErrMalformed},
		"line break in the name":      {func(c *Charter) { c.Name = "JPN\nNATO" }, ErrMalformed},
		"REL by another rule":         {func(c *Charter) { c.Rule.REL = "ANY" }, ErrReserved},
		"long rule":                   {func(c *Charter) { c.Rule.Text = strings.Repeat("x", MaxRule+1) }, ErrMalformed},
		"no receipt clock":            {func(c *Charter) { c.Clocks[0].ReceiptWithin = 0 }, ErrMalformed},
		"half seconds":                {func(c *Charter) { c.Clocks[0].ReceiptWithin = 1500 * time.Millisecond }, ErrMalformed},
		"escalations that fall":       {func(c *Charter) { c.Clocks[3].EscalateAt = []time.Duration{time.Hour, time.Minute} }, ErrMalformed},
		"seal keys for ever":          {func(c *Charter) { c.SealKeyPeriod = MaxSealKeyPeriod + time.Second }, ErrMalformed},
		"a new seal key every second": {func(c *Charter) { c.SealKeyPeriod = time.Second }, ErrMalformed},
		"one relay twice":             {func(c *Charter) { c.Relays = []ident.Relay{{1}, {1}} }, ErrMalformed},
		"made before 1970":            {func(c *Charter) { c.Created = time.Unix(-1, 0) }, ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newCharter(t, "JPN-NATO", jpn, nato)
			tt.change(&c)
			if err := c.Check(one); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
			if name == "half seconds" {
				return // the layout holds whole seconds, so the bytes are another charter's
			}
			if _, err := ParseCharter(one, c.Bytes()); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrReserved) && !errors.Is(err, ErrForeign) {
				t.Errorf("ParseCharter = %v, want a refusal", err)
			}
		})
	}
	for i := range 2 {
		raw := newCharter(t, "JPN-NATO", jpn, nato).Bytes()
		raw[i] += 9
		if _, err := ParseCharter(one, raw); !errors.Is(err, ErrReserved) {
			t.Errorf("another version or suite in byte %d = %v, want ErrReserved", i, err)
		}
	}
}

// line is an open line of two parties with one desk each.
type line struct {
	c          Charter
	jpn, nato  testParty
	j1, n1     testDesk
	addJ, addN Statement
	set        *Set
	sigs       []CharterSignature
}

func openLine(t *testing.T) line {
	t.Helper()
	l := line{jpn: newParty(t, "JPN"), nato: newParty(t, "NATO")}
	l.c = newCharter(t, "JPN-NATO", l.jpn, l.nato)
	l.j1, l.n1 = newDesk(t, l.jpn, 1), newDesk(t, l.nato, 1)
	l.addJ = l.jpn.sign(t, l.j1.addition(t, ident.Line{}, 1, "a.example:1"))
	l.addN = l.nato.sign(t, l.n1.addition(t, ident.Line{}, 1, "a.example:1"))
	l.set = newSet(t, l.c, l.addJ, l.addN)
	l.sigs = []CharterSignature{l.j1.consent(t, l.c), l.n1.consent(t, l.c)}
	return l
}

func TestALineIsOpenWhenAllSigned(t *testing.T) {
	l := openLine(t)
	if got := l.set.Unsigned(l.c, nil); len(got) != 2 {
		t.Errorf("unsigned by %v, want both", got)
	}
	if got := l.set.Unsigned(l.c, l.sigs[:1]); !slices.Equal(got, []ident.Party{l.nato.id}) {
		t.Errorf("unsigned by %v, want NATO", got)
	}
	if got := l.set.Unsigned(l.c, l.sigs); len(got) != 0 {
		t.Errorf("unsigned by %v, want nobody", got)
	}
	// A removed desk's word opens no line.
	if _, err := l.set.Add(l.nato.sign(t, l.n1.removal(ident.Line{}, 2, "EXERCISE")), epoch); err != nil {
		t.Fatal(err)
	}
	if current, err := l.set.CheckSignature(l.c, l.sigs[1]); current || err != nil {
		t.Errorf("signature of a removed desk: current %v, %v", current, err)
	}
	if got := l.set.Unsigned(l.c, l.sigs); !slices.Equal(got, []ident.Party{l.nato.id}) {
		t.Errorf("unsigned by %v after the removal, want NATO", got)
	}
}

func TestCharterSignatureRefusals(t *testing.T) {
	l := openLine(t)
	other := newCharter(t, "another", l.jpn, l.nato)
	home := newParty(t, "HOME")
	tests := map[string]struct {
		sig  CharterSignature
		want error
	}{
		"for another charter":   {l.j1.consent(t, other), ErrForeign},
		"by an unknown desk":    {newDesk(t, l.jpn, 2).consent(t, l.c), ErrUnknownDesk},
		"in the other's name":   {func() CharterSignature { s := l.sigs[0]; s.Party = l.nato.id; return s }(), ErrForeign},
		"with another time":     {func() CharterSignature { s := l.sigs[0]; s.Time = s.Time.Add(time.Hour); return s }(), ErrSignature},
		"with another's bytes":  {func() CharterSignature { s := l.sigs[0]; s.Signature = l.sigs[1].Signature; return s }(), ErrSignature},
		"with half a signature": {func() CharterSignature { s := l.sigs[0]; s.Signature = s.Signature[:64]; return s }(), ErrMalformed},
	}
	for name, tt := range tests {
		if _, err := l.set.CheckSignature(l.c, tt.sig); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := SignCharter(one, l.j1.key, l.c, CharterSignature{Party: home.id, Desk: l.j1.id, Time: epoch}); !errors.Is(err, ErrForeign) {
		t.Errorf("signing for a stranger = %v, want ErrForeign", err)
	}
}

func TestOffersComeBackAsTheyWere(t *testing.T) {
	l := openLine(t)
	offer := Offer{Charter: l.c, Signatures: l.sigs}
	if got, err := ParseOffer(one, offer.Bytes()); err != nil || !bytes.Equal(got.Bytes(), offer.Bytes()) {
		t.Errorf("offer: %v", err)
	}
	for _, s := range l.sigs {
		if got, err := ParseCharterSignature(s.Bytes()); err != nil || !bytes.Equal(got.Bytes(), s.Bytes()) {
			t.Errorf("charter signature: %v", err)
		}
	}
}
