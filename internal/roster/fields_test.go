package roster

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// TestFieldsOutOfBounds makes things with one field wrong: nobody gets to sign
// them, and nobody takes them in.
func TestFieldsOutOfBounds(t *testing.T) {
	jpn, nato := newParty(t, "JPN"), newParty(t, "NATO")
	d := newDesk(t, jpn, 1)
	long := strings.Repeat("x", MaxName+1)
	general, err := NewSet(one, ident.Line{}, []Member{jpn.member()})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Certificate){
		"no name":                  func(c *Certificate) { c.Name = "" },
		"name begins with space":   func(c *Certificate) { c.Name = " JPN-1" },
		"name ends with a space":   func(c *Certificate) { c.Name = "JPN-1\u3000" },
		"name is not UTF-8":        func(c *Certificate) { c.Name = "JPN\xff" },
		"long role":                func(c *Certificate) { c.Role = long },
		"short message key":        func(c *Certificate) { c.MessageKey = c.MessageKey[1:] },
		"short desk key":           func(c *Certificate) { c.DeskKey = c.DeskKey[1:] },
		"no control key":           func(c *Certificate) { c.ControlKey = nil },
		"begins before 1970":       func(c *Certificate) { c.NotBefore = time.Time{} },
		"ends after the year 9999": func(c *Certificate) { c.NotAfter = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"ends before it begins":    func(c *Certificate) { c.NotAfter = c.NotBefore },
	} {
		c := d.cert
		change(&c)
		if _, err := NewCertificate(one, jpn.root, c); !errors.Is(err, ErrMalformed) {
			t.Errorf("certificate: %s: %v", name, err)
		}
		if err := verifyCertificate(one, c, jpn.root.Public()); !errors.Is(err, ErrMalformed) {
			t.Errorf("certificate: %s: Verify = %v", name, err)
		}
	}
	if err := verifyCertificate(one, d.cert, nato.root.Public()); !errors.Is(err, ErrSignature) {
		t.Errorf("certificate under another root = %v, want ErrSignature", err)
	}
	for name, change := range map[string]func(*Addition){
		"five mailboxes": func(a *Addition) {
			a.Mailboxes = append(a.Mailboxes, a.Mailboxes[0], a.Mailboxes[0], a.Mailboxes[0], a.Mailboxes[0])
		},
		"one mailbox twice":        func(a *Addition) { a.Mailboxes = append(a.Mailboxes, a.Mailboxes[0]) },
		"no address":               func(a *Addition) { a.Mailboxes[0].Addr = "" },
		"a space in the address":   func(a *Addition) { a.Mailboxes[0].Addr = "a.example :1" },
		"an address in Japanese":   func(a *Addition) { a.Mailboxes[0].Addr = "例.example:1" },
		"short putter key":         func(a *Addition) { a.Mailboxes[0].Putter = nil },
		"unsigned certificate":     func(a *Addition) { a.Certificate.Signature = nil },
		"certificate without name": func(a *Addition) { a.Certificate.Name = "" },
		"unsigned seal key":        func(a *Addition) { a.SealKey.Signature = nil },
		"seal key number zero":     func(a *Addition) { a.SealKey.Number = 0 },
		"short seal key":           func(a *Addition) { a.SealKey.Public = nil },
	} {
		s := d.addition(t, ident.Line{}, 1, "a.example:1")
		change(s.Add)
		if _, err := NewStatement(one, jpn.root, s); !errors.Is(err, ErrMalformed) {
			t.Errorf("addition: %s: %v", name, err)
		}
		if _, err := general.Add(jpn.forge(s), epoch); !errors.Is(err, ErrMalformed) {
			t.Errorf("addition: %s: Add = %v", name, err)
		}
	}
	if _, err := NewStatement(one, jpn.root, d.removal(ident.Line{}, 1, strings.Repeat("x", MaxReason+1))); !errors.Is(err, ErrMalformed) {
		t.Errorf("long reason = %v", err)
	}
	if _, err := NewAnnouncement(d.key, Announcement{Desk: d.id, Number: 0, Public: d.cert.ControlKey, Time: epoch}); !errors.Is(err, ErrMalformed) {
		t.Errorf("announcement number zero = %v", err)
	}
	for name, m := range map[string]Member{"short root": {Party: jpn.id, Root: []byte{1}}, "another's id": {Party: nato.id, Root: jpn.root.Public()}} {
		if _, err := NewSet(one, ident.Line{}, []Member{m}); err == nil {
			t.Errorf("set with a member: %s: no error", name)
		}
	}
}

// TestReservedTypesOnTheWire reads statements of types that are none.
func TestReservedTypesOnTheWire(t *testing.T) {
	jpn := newParty(t, "JPN")
	raw := jpn.sign(t, newDesk(t, jpn, 1).removal(ident.Line{}, 1, "")).Bytes()
	for _, typ := range []Type{AdmitParty, RemoveParty} {
		raw[2] = byte(typ)
		if _, err := ParseStatement(raw); !errors.Is(err, ErrReserved) || !strings.Contains(err.Error(), typ.String()) {
			t.Errorf("type %d = %v, want ErrReserved with %q", typ, err, typ)
		}
	}
	for _, typ := range []byte{0, byte(RotateRoot) + 1, 255} {
		raw[2] = typ
		if _, err := ParseStatement(raw); !errors.Is(err, ErrMalformed) {
			t.Errorf("type %d = %v, want ErrMalformed", typ, err)
		}
	}
}

// TestLyingCounts gives lengths and counts that are not there (attack 7): they
// are refused before memory is taken for them.
func TestLyingCounts(t *testing.T) {
	c := newCharter(t, "JPN-NATO", newParty(t, "JPN"), newParty(t, "NATO"))
	build := func(magic string, f func(*octets.Writer)) []byte {
		var w octets.Writer
		w.Raw([]byte(magic))
		f(&w)
		return w.Bytes()
	}
	wrapped := func(w *octets.Writer) { w.Var32(c.Bytes()) }
	for name, tt := range map[string]struct {
		kind string
		form []byte
	}{
		"a charter of 4 GiB":  {"offer", build(magicOffer, func(w *octets.Writer) { w.Uint32(1<<32 - 1) })},
		"too many signatures": {"offer", build(magicOffer, func(w *octets.Writer) { wrapped(w); w.Uint16(maxSignatures + 1) })},
		"too many heads":      {"heads", build(magicHeads, func(w *octets.Writer) { w.Uint16(MaxHeads + 1) })},
		"a head beyond all numbers": {"heads", build(magicHeads, func(w *octets.Writer) {
			w.Uint16(1)
			w.Raw(make([]byte, 96))
			w.Uint64(1 << 63)
			w.Raw(make([]byte, 32))
		})},
		"an offer over the limit":    {"offer", append([]byte(magicOffer), bytes.Repeat([]byte{1}, MaxFile)...)},
		"a charter over the limit":   {"charter", make([]byte, MaxCharter+1)},
		"a statement over the limit": {"statement", make([]byte, MaxStatement+1)},
	} {
		if _, err := decoders[tt.kind](tt.form); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}
