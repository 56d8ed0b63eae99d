package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// unsafeRune reports whether a terminal, or a reader's eye, could be led astray
// by r: controls (an escape sequence can repaint a line), the marks that turn
// the direction of writing, invisible characters, and line separators. A line
// end and a tab are text.
func unsafeRune(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	case r == 0x00ad, r == 0x061c, r == 0x180e:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0xfeff, r >= 0xfff9 && r <= 0xfffb:
		return true
	case r >= 0xe0000 && r <= 0xe0fff: // tags and variation selectors without a glyph
		return true
	}
	return unicode.Is(unicode.Co, r)
}

// inert returns text from outside as it may stand on a terminal: what is
// dangerous or invisible becomes a visible mark, such as <U+202E>.
func inert(s string) string {
	clean := true
	for _, r := range s {
		if r == utf8.RuneError || unsafeRune(r) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, w := 0, 0; i < len(s); i += w {
		var r rune
		r, w = utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && w == 1:
			fmt.Fprintf(&b, "<%02X>", s[i])
		case unsafeRune(r):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// inertLine is [inert] for a table: line ends and tabs are marks too.
func inertLine(s string) string {
	s = inert(s)
	if !strings.ContainsAny(s, "\n\t") {
		return s
	}
	return strings.NewReplacer("\n", "⏎ ", "\t", " ").Replace(s)
}

// inertJSON escapes the same characters in JSON text, where they can only
// stand inside strings: the value stays what it was.
func inertJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i, w := 0, 0; i < len(b); i += w {
		var r rune
		r, w = utf8.DecodeRune(b[i:])
		switch {
		case r < 0x20 || !unsafeRune(r):
			out = append(out, b[i:i+w]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
