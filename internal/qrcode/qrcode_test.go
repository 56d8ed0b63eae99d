package qrcode_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"hotline/internal/qrcode"
)

// TestPictureAndTerminalAgree: both show the same modules, with a frame. That a
// reader reads them is tried by hand (docs/spec/pairing.md, Section 8).
func TestPictureAndTerminalAgree(t *testing.T) {
	c, err := qrcode.New("HOTLINE CODE relay.example:7402/k7q2m-9xt4a")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(c.Terminal(), "\n"), "\n")
	width := len([]rune(strings.TrimSuffix(strings.TrimPrefix(lines[0], "\x1b[30;107m"), "\x1b[0m")))
	if width != 2*len(lines)-1 && width != 2*len(lines) {
		t.Errorf("%d lines of %d", len(lines), width)
	}
	if strings.ContainsAny(lines[0], "█▀▄") || strings.ContainsAny(lines[1], "█▀▄") {
		t.Error("no white frame")
	}
	var svg struct {
		View string `xml:"viewBox,attr"`
	}
	if err := xml.Unmarshal(c.SVG(), &svg); err != nil || svg.View == "" {
		t.Errorf("picture: %v, %q", err, svg.View)
	}
	if strings.Contains(string(c.SVG()), "script") || strings.Contains(string(c.SVG()), "style") {
		t.Error("picture holds more than a picture")
	}
	if _, err := qrcode.New(strings.Repeat("x", qrcode.MaxText+1)); err == nil {
		t.Error("a text that no camera reads is taken")
	}
}
