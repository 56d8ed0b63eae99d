package arch

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

// core is what a reviewer of a line's security reads: the formats and all of
// the line's cryptography.
var core = []string{"chain", "suite", "roster", "ceremony", "wire", "checkpoint"}

// mostCode is how many lines of code the core may have, without tests. It is a
// ratchet: whoever makes the core shorter lowers it, and nobody raises it; 4,500
// is the limit that it was made for. A line of code is one that is neither empty nor only a comment.
const mostCode = 4470

// codeLines counts the lines of code of a file.
func codeLines(src string) (n int) {
	for line := range strings.Lines(src) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			n++
		}
	}
	return n
}

// checkBudget returns the core's size where it is over the budget, and what in
// it is too long to be read in one sitting.
func checkBudget(tr *tree, most int) (findings []string) {
	total := 0
	for _, name := range core {
		p := tr.pkgs[path.Join("internal", name)]
		if p == nil {
			continue
		}
		var s sizes
		for _, f := range p.production() {
			total += f.code
			s.add(tr, p, &f)
		}
		findings = append(findings, s.long...)
	}
	if total > most {
		findings = append(findings, fmt.Sprintf("%s hold %d lines of code, the most is %d", strings.Join(core, ", "), total, most))
	}
	return findings
}

// TestLineBudget holds the core's size, and that each of its files and
// functions can be read in one sitting.
func TestLineBudget(t *testing.T) {
	tr := loadModule(t)
	report(t, checkBudget(tr, mostCode))
	if got := checkBudget(tr, mostCode-100); len(got) == 0 {
		t.Errorf("the core has more than 100 lines of code less than mostCode: lower it")
	}
	short := madeUp(t, map[string]string{
		"internal/wire/a.go":      "// Package wire is.\npackage wire\n\nconst a = 1 // one\n",
		"internal/wire/a_test.go": "package wire\n\nconst b = 2\n",
		"internal/desk/a.go":      "package desk\n",
	})
	if got := checkBudget(short, 2); len(got) != 0 {
		t.Errorf("two lines of code: %q", got)
	}
	if got := checkBudget(short, 1); len(got) != 1 {
		t.Errorf("two lines of code where one is allowed: %q", got)
	}
}
