package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// labelPrefix begins every string that keeps one use of the cryptography apart
// from all others (docs/spec/suite.md, Section 3).
const labelPrefix = "hotline/1/"

// labelsOf lists the labels in f, without the prefix and whatever ends them.
func labelsOf(f *ast.File) (labels []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if name, ok := strings.CutPrefix(strings.TrimRight(s, "\x00 "), labelPrefix); err == nil && ok && name != "" {
			labels = append(labels, name)
		}
		return true
	})
	return labels
}

// checkLabels returns every label that two packages use, or that the page on
// the suite does not list.
func checkLabels(tr *tree, page string) (findings []string) {
	first := map[string]string{}
	for _, dir := range tr.dirs() {
		p := tr.pkgs[dir]
		for _, f := range p.production() {
			for _, label := range labelsOf(f.ast) {
				if other, seen := first[label]; seen {
					if other != dir {
						findings = append(findings, fmt.Sprintf("%s: label %q is of %s already: one label, one purpose", p.where(&f), label, other))
					}
					continue
				}
				first[label] = dir
				if !strings.Contains(page, "`"+label+"`") {
					findings = append(findings, fmt.Sprintf("%s: label %q is not in docs/spec/suite.md, Section 3", p.where(&f), label))
				}
			}
		}
	}
	return findings
}

func TestLabels(t *testing.T) {
	page, err := fs.ReadFile(root(), "docs/spec/suite.md")
	if err != nil {
		t.Fatalf("read the list of labels: %v", err)
	}
	report(t, checkLabels(loadModule(t), string(page)))
}

func TestLabelRuleFindsWhatItForbids(t *testing.T) {
	const page = "| `party`, `desk` |"
	tests := map[string]struct {
		src  map[string]string
		want []string // a part of each finding
	}{
		"each once and listed": {map[string]string{"internal/roster/a.go": "package roster\nconst a, b = \"hotline/1/party\", \"hotline/1/desk\""}, nil},
		"in two packages": {
			map[string]string{
				"internal/chain/a.go":  "package chain\nconst a = \"hotline/1/party\"",
				"internal/roster/a.go": "package roster\nconst a = \"hotline/1/party\"",
			}, []string{"is of internal/chain already"},
		},
		"twice in one package": {map[string]string{
			"internal/roster/a.go": "package roster\nconst a = \"hotline/1/party\"",
			"internal/roster/b.go": "package roster\nconst b = \"hotline/1/party\\x00\"",
		}, nil},
		"not listed": {map[string]string{"internal/roster/a.go": "package roster\nconst a = \"hotline/1/new\""}, []string{"is not in docs/spec/suite.md"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := checkLabels(madeUp(t, tt.src), page)
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("findings = %q, want parts %q", got, tt.want)
			}
		})
	}
}
