// Package qrcode draws a short text as a QR code, for a terminal and for a
// page, without asking anybody on a network.
//
// What goes into one is what people would otherwise read aloud or type: the
// code of a rendezvous, the first file of a pairing, six words. This package is
// on floor 1 and is the only importer of rsc.io/qr.
package qrcode

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// MaxText is the longest text, in bytes: what a camera still reads off a
// screen at arm's length.
const MaxText = 1000

// quiet is the white frame that a reader needs (ISO/IEC 18004 asks for 4
// modules; on a dark terminal fewer are missed).
const quiet = 4

// Code is a QR code.
type Code struct{ c *qr.Code }

// New encodes a text so that a quarter of its area may be hidden by glare.
func New(text string) (Code, error) {
	if len(text) > MaxText {
		return Code{}, fmt.Errorf("draw QR code: %d bytes, at most %d", len(text), MaxText)
	}
	c, err := qr.Encode(text, qr.Q)
	if err != nil {
		return Code{}, fmt.Errorf("draw QR code: %w", err)
	}
	return Code{c}, nil
}

// dark reports whether a module is dark; the frame is light.
func (c Code) dark(x, y int) bool {
	return c.c.Black(x-quiet, y-quiet)
}

func (c Code) size() int { return c.c.Size + 2*quiet }

// Terminal returns the code in half blocks, two modules a character, in the
// terminal's own colours reversed: it is read on dark and on light ones.
func (c Code) Terminal() string {
	var b strings.Builder
	for y := 0; y < c.size(); y += 2 {
		b.WriteString("\x1b[30;107m") // black on white
		for x := range c.size() {
			switch up, down := c.dark(x, y), c.dark(x, y+1); {
			case up && down:
				b.WriteString("█")
			case up:
				b.WriteString("▀")
			case down:
				b.WriteString("▄")
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

// SVG returns the code as a picture. It scales; it holds no script, no style and
// no text.
func (c Code) SVG() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="100%%" height="100%%" fill="#fff"/><path fill="#000" d="`, c.size(), c.size())
	for y := range c.size() {
		for x := 0; x < c.size(); x++ {
			n := 0
			for c.dark(x+n, y) {
				n++
			}
			if n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, n, n)
				x += n
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String())
}
