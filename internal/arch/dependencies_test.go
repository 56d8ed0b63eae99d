package arch

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dependencyPage is where each library of others has its reason.
const dependencyPage = "docs/dependencies.md"

// requireLine is one requirement in go.mod.
var requireLine = regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.-]+\.[a-z]+/\S+) (v\S+)`)

// tableRows returns the cells of each row of the Markdown tables in text whose
// first cell is a module path.
func tableRows(text string) (rows [][]string) {
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) >= 5 && strings.Contains(cells[0], "/") {
			rows = append(rows, cells)
		}
	}
	return rows
}

// checkDependencies compares go.mod with the page, and the page's importers
// with the table of libraries.
func checkDependencies(gomod, page string) (findings []string) {
	rows := tableRows(page)
	listed := map[string]bool{}
	for _, r := range rows {
		listed[r[0]+" "+r[1]] = true
		if len(r) == 6 {
			findings = append(findings, checkImporters(r[0], r[4])...)
		}
	}
	required := map[string]bool{}
	for _, m := range requireLine.FindAllStringSubmatch(gomod, -1) {
		key := m[1] + " " + m[2]
		required[key] = true
		if !listed[key] {
			findings = append(findings, fmt.Sprintf("go.mod requires %s: %s does not list it", key, dependencyPage))
		}
	}
	for _, r := range rows {
		if key := r[0] + " " + r[1]; !required[key] {
			findings = append(findings, fmt.Sprintf("%s lists %s: go.mod does not require it", dependencyPage, key))
		}
	}
	return findings
}

// checkImporters compares the importers that the page gives for a module with
// those that the table allows.
func checkImporters(module, importers string) []string {
	var only []string
	for _, l := range libraries {
		if within(l.path, module) {
			only = append(only, l.only...)
		}
	}
	want := strings.Join(only, ", ")
	if want == "" {
		want = "tests"
	}
	if importers == want {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s is imported by %q, the table in internal/arch says %q", dependencyPage, module, importers, want)}
}

func TestDependenciesPage(t *testing.T) {
	var texts [2]string
	for i, name := range []string{"go.mod", dependencyPage} {
		b, err := fs.ReadFile(root(), name)
		if err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		texts[i] = string(b)
	}
	if n := len(requireLine.FindAllString(texts[0], -1)); n < 10 {
		t.Fatalf("found %d requirements in go.mod: the comparison would hold nothing", n)
	}
	report(t, checkDependencies(texts[0], texts[1]))
}

func TestDependencyRulesFindDifferences(t *testing.T) {
	const row = "| github.com/spf13/cobra | v1.10.2 | 2025-12-03 | Apache-2.0 | cmd/hotline | commands |\n"
	tests := map[string]struct {
		gomod, page string
		want        []string // a part of each finding
	}{
		"equal": {"require github.com/spf13/cobra v1.10.2\n", row, nil},
		"not on the page": {
			"require (\n\tgithub.com/spf13/cobra v1.10.2\n\texample.org/new v0.1.0 // indirect\n)\n", row, []string{"does not list it"},
		},
		"another version": {"require github.com/spf13/cobra v1.11.0\n", row, []string{"does not list it", "does not require it"}},
		"another importer": {
			"require github.com/spf13/cobra v1.10.2\n", strings.Replace(row, "cmd/hotline", "internal/desk", 1), []string{"the table in internal/arch says"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := checkDependencies(tt.gomod, tt.page)
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("findings = %q, want parts %q", got, tt.want)
			}
		})
	}
}
