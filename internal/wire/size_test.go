package wire

import (
	"bytes"
	"testing"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/marking"
	"hotline/internal/precedence"
	"hotline/internal/traffic"
)

// TestSizesSealed holds the sizes that docs/spec/envelope.md promises, header,
// signature and padding included.
func TestSizesSealed(t *testing.T) {
	sealed := func(b []byte, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		return envelope.Bucket(envelope.Overhead + 64 + len(b))
	}
	// A FLASH of 200 words between two parties: package pack brings texts of
	// that length to 491 to 578 bytes, and 347 Japanese characters to 582.
	flash := func(text int, files []File) *Message {
		return &Message{
			Kind: traffic.Alert, Status: traffic.Actual, Precedence: precedence.Flash, Serial: "JPN-1/0412", Composed: composed, Role: "watch officer",
			Action: []ident.Party{party(2)}, AckWanted: traffic.AckReceipt, AckDue: 600,
			Label:   Label{Classification: marking.Unclassified, TLP: marking.TLPAmber, PAP: marking.PAPAmber, REL: []ident.Party{party(1), party(2)}},
			Subject: "Attack on port control systems", Language: "en", Text: bytes.Repeat([]byte{0xff}, text), Dictionary: 1, Files: files,
		}
	}
	bundle := alert().Files
	comply := byRole(traffic.Comply)
	cannot := byRole(traffic.Cannot)
	cannot.Text = "The responsible authority has not been reached."
	tests := map[string]struct {
		got  int
		most int
	}{
		"delivered":                         {sealed(delivered().Encode()), 384},
		"will comply, by the watch officer": {sealed(comply.Encode()), 384},
		"cannot comply, one sentence":       {sealed(cannot.Encode()), 512},
		"FLASH of 20 words":                 {sealed(flash(70, nil).Encode()), 512},
		"FLASH of 200 words":                {sealed(flash(578, nil).Encode()), 1024},
		"FLASH of 350 Japanese characters":  {sealed(flash(582, nil).Encode()), 1024},
		"FLASH of 200 words with a bundle":  {sealed(flash(578, bundle).Encode()), 1536},
	}
	for name, tt := range tests {
		t.Logf("%s: %d bytes sealed", name, tt.got)
		if tt.got > tt.most {
			t.Errorf("%s: %d bytes sealed, want at most %d", name, tt.got, tt.most)
		}
	}
	t.Logf("bodies: %d bytes for a FLASH beside its text, %d for delivered", len(must(flash(578, nil).Encode()))-578, len(must(delivered().Encode())))
}
