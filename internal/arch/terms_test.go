package arch

import (
	"fmt"
	"go/ast"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// fieldsOf lists the fields of a struct of the package in dir.
func fieldsOf(tr *tree, dir, name string) (out []string) {
	p := tr.pkgs[dir]
	if p == nil {
		return nil
	}
	for _, f := range p.production() {
		ast.Inspect(f.ast, func(n ast.Node) bool {
			s, ok := n.(*ast.TypeSpec)
			if !ok || s.Name.Name != name {
				return true
			}
			if st, ok := s.Type.(*ast.StructType); ok {
				for _, field := range st.Fields.List {
					for _, id := range field.Names {
						out = append(out, id.Name)
					}
				}
			}
			return false
		})
	}
	return out
}

// checkTerms holds that docs/spec/terms.tsv names, for each field of a
// charter, what it does and tests that see it: no term is taken and ignored.
func checkTerms(tr *tree, root fs.FS) []string {
	const page = "docs/spec/terms.tsv"
	rows, findings := tsv(root, page, 3)
	want := fieldsOf(tr, "internal/roster", "Charter")
	if len(want) == 0 {
		findings = append(findings, page+": a charter has no fields")
	}
	for _, row := range rows {
		i := slices.Index(want, row[0])
		if i < 0 {
			findings = append(findings, fmt.Sprintf("%s: a charter has no %s, or it stands twice", page, row[0]))
			continue
		}
		want = slices.Delete(want, i, i+1)
		tests := strings.Fields(row[2])
		if len(tests) == 0 {
			findings = append(findings, fmt.Sprintf("%s: %s names no test", page, row[0]))
		}
		for _, name := range tests {
			if dir, test, _ := strings.Cut(name, ":"); !slices.Contains(testsOf(tr, dir), test) {
				findings = append(findings, fmt.Sprintf("%s: %s names %s, which is no test", page, row[0], name))
			}
		}
	}
	for _, f := range want {
		findings = append(findings, fmt.Sprintf("%s: %s is missing: nobody has seen that it does anything", page, f))
	}
	return findings
}

func TestTerms(t *testing.T) { report(t, checkTerms(loadModule(t), root())) }

func TestTermsRuleFindsWhatIsMissing(t *testing.T) {
	tr := madeUp(t, map[string]string{
		"internal/roster/charter.go": "package roster\n\ntype Charter struct {\n\tName, Profile string\n\tQuorum uint8\n}\n",
		"internal/roster/a_test.go":  "package roster\n\nfunc TestOrder() {}\n",
	})
	files := fstest.MapFS{"docs/spec/terms.tsv": {Data: []byte("field\tdoes\ttests\nName\tx\tinternal/roster:TestOrder\nQuorum\tx\tinternal/roster:TestNone\nOld\tx\tinternal/roster:TestOrder\n")}}
	want := []string{"names internal/roster:TestNone", "no Old", "Profile is missing"}
	if got := checkTerms(tr, files); !slices.EqualFunc(got, want, strings.Contains) {
		t.Errorf("findings = %q, want parts %q", got, want)
	}
}
