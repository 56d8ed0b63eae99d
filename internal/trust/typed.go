package trust

import "strings"

// typedWords splits what somebody typed into words as the list of a pairing
// spells them: case, spaces, commas and full-width letters do not matter. A
// Japanese input method may leave full-width letters and spaces.
func typedWords(typed []string) []string {
	s := strings.Map(func(c rune) rune {
		if c >= '！' && c <= '～' {
			c -= '！' - '!'
		}
		if c == '　' || c == ',' || c == '、' || c == '.' || c == '-' {
			return ' '
		}
		return c
	}, strings.Join(typed, " "))
	return strings.Fields(strings.ToLower(s))
}
