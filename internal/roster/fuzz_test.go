package roster

import (
	"bytes"
	"errors"
	"testing"

	"hotline/internal/ident"
)

// decoders are all that takes a stranger's bytes. Each returns the bytes that
// the value encodes to.
var decoders = map[string]func([]byte) ([]byte, error){
	"certificate":  func(b []byte) ([]byte, error) { v, err := ParseCertificate(b); return v.Bytes(), err },
	"announcement": func(b []byte) ([]byte, error) { v, err := ParseAnnouncement(b); return v.Bytes(), err },
	"statement":    func(b []byte) ([]byte, error) { v, err := ParseStatement(b); return v.Bytes(), err },
	"charter":      func(b []byte) ([]byte, error) { v, err := ParseCharter(one, b); return v.Bytes(), err },
	"signature":    func(b []byte) ([]byte, error) { v, err := ParseCharterSignature(b); return v.Bytes(), err },
	"warrant":      func(b []byte) ([]byte, error) { v, err := ParseWarrant(b); return v.Bytes(), err },
	"offer":        func(b []byte) ([]byte, error) { v, err := ParseOffer(one, b); return v.Bytes(), err },
	"heads":        func(b []byte) ([]byte, error) { v, err := ParseHeads(b); return MarshalHeads(v), err },
}

// FuzzDecoders gives any bytes to every decoder: whatever is accepted encodes
// to the same bytes again.
func FuzzDecoders(f *testing.F) {
	jpn, nato := newParty(f, "JPN"), newParty(f, "NATO")
	c := newCharter(f, "JPN-NATO", jpn, nato)
	d := newDesk(f, jpn, 1)
	add := jpn.sign(f, d.addition(f, ident.Line{}, 1, "a.example:1"))
	cut := jpn.sign(f, d.removal(c.ID(one), 1, "EXERCISE"))
	s := newSet(f, c, add, cut)
	sigs := []CharterSignature{d.consent(f, c)}
	for _, seed := range [][]byte{
		d.cert.Bytes(), add.Add.SealKey.Bytes(), add.Bytes(), cut.Bytes(), c.Bytes(), sigs[0].Bytes(),
		Offer{Charter: c, Signatures: sigs}.Bytes(),
		MarshalHeads(s.Heads()),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, decode := range decoders {
			if again, err := decode(b); err == nil && !bytes.Equal(again, b) {
				t.Errorf("%s has two spellings", name)
			}
		}
	})
}

// TestDecodersAreStrict cuts every form short, adds a byte, and takes each for
// every other.
func TestDecodersAreStrict(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	d := newDesk(t, jpn, 1)
	add := jpn.sign(t, d.addition(t, ident.Line{}, 1, "a.example:1"))
	s := newSet(t, c, add)
	sigs := []CharterSignature{d.consent(t, c)}
	forms := map[string][]byte{
		"certificate": d.cert.Bytes(), "announcement": add.Add.SealKey.Bytes(), "statement": add.Bytes(),
		"charter": c.Bytes(), "signature": sigs[0].Bytes(), "heads": MarshalHeads(s.Heads()),
		"offer": Offer{Charter: c, Signatures: sigs}.Bytes(),
	}
	for name, form := range forms {
		if again, err := decoders[name](form); err != nil || !bytes.Equal(again, form) {
			t.Errorf("%s does not come back: %v", name, err)
		}
		if _, err := decoders[name](append(bytes.Clone(form), 0)); err == nil {
			t.Errorf("%s with a byte more is taken", name)
		}
		for n := 0; n < len(form); n += max(1, len(form)/200) {
			if _, err := decoders[name](form[:n]); err == nil {
				t.Errorf("%s cut to %d bytes is taken", name, n)
			}
		}
		for other, decode := range decoders {
			if _, err := decode(form); other != name && err == nil {
				t.Errorf("a %s is taken for a %s", name, other)
			}
		}
	}
}

// TestListsHaveOneOrder swaps neighbours in each list, and doubles them: other
// orders would be other spellings of one thing.
func TestListsHaveOneOrder(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	c := newCharter(t, "JPN-NATO", jpn, nato)
	j, n := newDesk(t, jpn, 1), newDesk(t, nato, 1)
	add := jpn.sign(t, j.addition(t, ident.Line{}, 1, "a.example:1"))
	s := newSet(t, c, add, nato.sign(t, n.addition(t, ident.Line{}, 1, "a.example:1")))
	head := func(h Head) []byte { return MarshalHeads([]Head{h})[len(magicHeads)+2:] }
	tests := map[string]struct {
		kind string
		form []byte
		a, b []byte // two entries of the list
	}{
		"charter signatures": {"offer", Offer{Charter: c, Signatures: []CharterSignature{j.consent(t, c), n.consent(t, c)}}.Bytes(), nil, nil},
		"heads":              {"heads", MarshalHeads(s.Heads()), head(s.Heads()[0]), head(s.Heads()[1])},
	}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			if tt.a == nil { // the last two entries, of one size
				size := len(j.consent(t, c).Bytes())
				end := len(tt.form)
				tt.a, tt.b = tt.form[end-2*size:end-size], tt.form[end-size:]
			}
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
				if _, err := decoders[tt.kind](bad); !errors.Is(err, ErrMalformed) {
					t.Errorf("out of order: %v, want ErrMalformed", err)
				}
			}
		})
	}
	// A yes that is neither 0 nor 1: the exercise flag is followed by the relays,
	// the period and the two policies.
	raw := c.Bytes()
	raw[len(raw)-1-1-1-4-32*len(c.Relays)-2-1] = 2
	if _, err := ParseCharter(one, raw); !errors.Is(err, ErrMalformed) {
		t.Errorf("exercise flag 2 = %v, want ErrMalformed", err)
	}
}
