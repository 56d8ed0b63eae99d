package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Example returns the text of a configuration file: every key with its
// meaning, those of c that differ from the defaults set, and the others as
// comments. c and defaults are pointers to the same struct. A file of
// Example(d, d) changes nothing.
func Example(title string, c, defaults any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n# Unknown keys are errors. HOTLINE_SECTION_KEY in the environment goes above a key here.\n", title)
	docs := sectionDocs(c)
	values := map[string]reflect.Value{}
	walk(defaults, func(f field) { values[f.key] = f.value })
	last := ""
	walk(c, func(f field) {
		section, name, _ := strings.Cut(f.key, ".")
		if section != last {
			fmt.Fprintf(&b, "\n# %s\n[%s]\n", docs[section], section)
			last = section
		}
		for line := range strings.SplitSeq(wrapText(f.doc, 100), "\n") {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		mark := ""
		if reflect.DeepEqual(f.value.Interface(), values[f.key].Interface()) {
			mark = "# "
		}
		fmt.Fprintf(&b, "%s%s = %s\n", mark, name, literal(f.value.Interface()))
	})
	return b.String()
}

func sectionDocs(c any) map[string]string {
	t := reflect.TypeOf(c).Elem()
	docs := map[string]string{}
	for i := range t.NumField() {
		docs[t.Field(i).Tag.Get("toml")] = t.Field(i).Tag.Get("doc")
	}
	return docs
}

// literal writes v as TOML.
func literal(v any) string {
	if s, ok := v.(string); ok && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return `"` + s + `"` // as people write it
	}
	body, err := toml.Marshal(map[string]any{"v": v})
	if err != nil {
		panic(fmt.Sprintf("config: a field cannot be written as TOML: %v", err)) // a type of ours, seen by every test
	}
	return strings.TrimSpace(strings.TrimPrefix(string(body), "v = "))
}

// wrapText breaks s into lines of at most width bytes, at blanks.
func wrapText(s string, width int) string {
	var b strings.Builder
	n := 0
	for word := range strings.FieldsSeq(s) {
		switch {
		case n == 0:
		case n+1+len(word) > width:
			b.WriteByte('\n')
			n = 0
		default:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(word)
		n += len(word)
	}
	return b.String()
}
