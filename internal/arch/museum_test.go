package arch

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tsv reads a table of tab-separated columns; its first line names them.
func tsv(root fs.FS, name string, columns int) (rows [][]string, findings []string) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, []string{fmt.Sprintf("%s: %v", name, err)}
	}
	for i, line := range strings.Split(strings.TrimRight(string(b), "\n"), "\n") {
		row := strings.Split(line, "\t")
		switch {
		case len(row) != columns:
			findings = append(findings, fmt.Sprintf("%s:%d: %d columns, want %d", name, i+1, len(row), columns))
		case i > 0:
			rows = append(rows, row)
		}
	}
	return rows, findings
}

var testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)`)

// testsOf lists the tests and fuzz targets of the package in dir.
func testsOf(tr *tree, dir string) (names []string) {
	p := tr.pkgs[dir]
	if p == nil {
		return nil
	}
	for _, f := range p.files {
		for _, d := range f.ast.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if f.test && ok && fn.Recv == nil && testName.MatchString(fn.Name.Name) {
				names = append(names, fn.Name.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// checkMuseum holds that museum/index.tsv lists each patch once, and that the
// test that must catch it exists. Whether it does, make mutants says.
func checkMuseum(tr *tree, root fs.FS) []string {
	rows, findings := tsv(root, "museum/index.tsv", 4)
	patches, err := fs.Glob(root, "museum/*.patch")
	if err != nil {
		return append(findings, err.Error())
	}
	listed := map[string]int{}
	for _, row := range rows {
		listed[path.Join("museum", row[0])]++
		re, err := regexp.Compile(row[2])
		if err != nil || !slices.ContainsFunc(testsOf(tr, row[1]), re.MatchString) {
			findings = append(findings, fmt.Sprintf("museum/%s: no test of %s matches %q", row[0], row[1], row[2]))
		}
	}
	for _, p := range patches {
		if listed[p] != 1 {
			findings = append(findings, fmt.Sprintf("%s: listed %d times in museum/index.tsv", p, listed[p]))
		}
		delete(listed, p)
	}
	for p := range listed {
		findings = append(findings, p+": listed in museum/index.tsv and not there")
	}
	return findings
}

// checkAttacks holds that docs/spec/attacks.tsv names, for each of the 25
// attacks and the 12 failure classes, tests that exist, and bugs of the museum
// that those tests catch: at least one.
func checkAttacks(tr *tree, root fs.FS) []string {
	rows, findings := tsv(root, "docs/spec/attacks.tsv", 4)
	exhibits, more := tsv(root, "museum/index.tsv", 4)
	findings = append(findings, more...)
	want := map[string]bool{}
	for i := range 25 {
		want[fmt.Sprintf("A%d", i+1)] = true
	}
	for i := range 12 {
		want[fmt.Sprintf("F%d", i+1)] = true
	}
	for _, row := range rows {
		if !want[row[0]] {
			findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s is unknown or stands twice", row[0]))
		}
		delete(want, row[0])
		tests := strings.Fields(row[2])
		if len(tests) == 0 {
			findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s names no test", row[0]))
		}
		for _, name := range tests {
			dir, test, ok := strings.Cut(name, ":")
			if !ok || !slices.Contains(testsOf(tr, dir), test) {
				findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s names %s, which is no test", row[0], name))
			}
		}
		bugs := strings.Fields(row[3])
		if len(bugs) == 0 {
			findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s names no bug of the museum", row[0]))
		}
		for _, bug := range bugs {
			if !slices.ContainsFunc(exhibits, func(e []string) bool { return e[0] == bug+".patch" && caughtBy(e, tests) }) {
				findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s names %s, which none of its tests catches", row[0], bug))
			}
		}
	}
	for id := range want {
		findings = append(findings, fmt.Sprintf("docs/spec/attacks.tsv: %s is missing", id))
	}
	return findings
}

// caughtBy reports whether the test that a row of museum/index.tsv names is one
// of tests, each a package and a name.
func caughtBy(exhibit, tests []string) bool {
	re, err := regexp.Compile(exhibit[2])
	return err == nil && slices.ContainsFunc(tests, func(name string) bool {
		dir, test, _ := strings.Cut(name, ":")
		return dir == exhibit[1] && re.MatchString(test)
	})
}

func TestMuseum(t *testing.T) { report(t, checkMuseum(loadModule(t), root())) }

func TestAttacks(t *testing.T) { report(t, checkAttacks(loadModule(t), root())) }

// A patch that no longer applies plants nothing.
func TestMuseumPatchesApply(t *testing.T) {
	rows, findings := tsv(root(), "museum/index.tsv", 4)
	report(t, findings)
	for _, row := range rows {
		cmd := exec.CommandContext(t.Context(), "git", "apply", "--check", path.Join("museum", row[0]))
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("museum/%s does not apply: %s", row[0], out)
		}
	}
}

func TestMuseumRulesFindWhatIsMissing(t *testing.T) {
	tr := madeUp(t, map[string]string{"internal/roster/a_test.go": "package roster\n\nfunc TestOrder() {}\n"})
	files := fstest.MapFS{
		"museum/0001-a.patch": {}, "museum/0002-b.patch": {},
		"museum/index.tsv":      {Data: []byte("patch\tpackage\ttest\tstory\n0001-a.patch\tinternal/roster\t^TestOrder$\tx\n0003-c.patch\tinternal/roster\t^TestNone$\tx\n")},
		"docs/spec/attacks.tsv": {Data: []byte("id\tattack\ttests\tbugs\nA1\tx\tinternal/roster:TestOrder\t0001-a\nA2\tx\tinternal/roster:TestNone\t0001-a 0009-x\nA1\tx\tinternal/roster:TestOrder\t\n")},
	}
	got := checkMuseum(tr, files)
	want := []string{"no test of internal/roster", "0002-b.patch: listed 0 times", "0003-c.patch: listed in"}
	if !slices.EqualFunc(got, want, strings.Contains) {
		t.Errorf("findings = %q, want parts %q", got, want)
	}
	if got := checkAttacks(tr, files); len(got) != 1+2+2+25+12-2 {
		t.Errorf("findings = %q, want A2's test and its two bugs, A1's second row that names no bug, and 35 that are missing", got)
	}
}
