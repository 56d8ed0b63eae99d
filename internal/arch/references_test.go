package arch

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	// citation is a page named in a comment, with the section that may follow.
	citation = regexp.MustCompile(`([A-Za-z0-9_./-]+\.(?:md|tsv))(?:, Section (\d+))?`)
	// mdLink is a link or an image in Markdown.
	mdLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	// mdPath is a path of ours in code quotes.
	mdPath = regexp.MustCompile("`((?:docs|internal|cmd|web|scripts)/[A-Za-z0-9_./-]*)`")
)

// checkCitations returns every page named in a Go comment that does not exist,
// or has no such section: a reader would look for it in vain.
func checkCitations(tr *tree, root fs.FS) (findings []string) {
	for _, dir := range tr.dirs() {
		p := tr.pkgs[dir]
		for _, f := range p.files {
			for _, group := range f.ast.Comments {
				for _, m := range citation.FindAllStringSubmatch(strings.Join(strings.Fields(group.Text()), " "), -1) {
					if why := missing(root, m[1], m[2]); why != "" {
						findings = append(findings, fmt.Sprintf("%s cites %s: %s", p.where(&f), m[0], why))
					}
				}
			}
		}
	}
	return findings
}

// missing says what of a citation cannot be found, or nothing.
func missing(root fs.FS, page, section string) string {
	text, err := fs.ReadFile(root, page)
	if err != nil && !strings.Contains(page, "/") {
		text, err = fs.ReadFile(root, path.Join("docs/spec", page)) // as a reader of the specification says it
	}
	switch {
	case err != nil:
		return "there is no such page"
	case section != "" && !strings.Contains(string(text), "\n## "+section+". "):
		return "the page has no such section"
	}
	return ""
}

// checkPages returns every link to a file, and every path in code quotes, in
// the Markdown of the tree that leads nowhere.
func checkPages(root fs.FS) (findings []string, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base[0] == '.' || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".md") {
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		for _, target := range targets(name, string(text)) {
			if _, err := fs.Stat(root, target); err != nil {
				findings = append(findings, fmt.Sprintf("%s leads to %s, which is not there", name, target))
			}
		}
		return nil
	})
	return findings, err
}

// targets lists the paths, seen from the root, that a page leads to.
func targets(name, text string) (out []string) {
	for _, m := range mdLink.FindAllStringSubmatch(text, -1) {
		to, _, _ := strings.Cut(m[1], "#")
		if to != "" && !strings.Contains(to, ":") {
			out = append(out, path.Join(path.Dir(name), to))
		}
	}
	for _, m := range mdPath.FindAllStringSubmatch(text, -1) {
		out = append(out, path.Clean(m[1]))
	}
	return out
}

func TestCitations(t *testing.T) { report(t, checkCitations(loadModule(t), root())) }

func TestPagesLeadSomewhere(t *testing.T) {
	findings, err := checkPages(root())
	if err != nil {
		t.Fatalf("read the pages: %v", err)
	}
	report(t, findings)
}

func TestReferenceRulesFindWhatIsMissing(t *testing.T) {
	pages := fstest.MapFS{
		"docs/spec/line.md": {Data: []byte("# Lines\n\n## 5. Clocks\n\nSee [suite](suite.md), [here](#5), [RFC](https://example.org/a.md) and `internal/roster`.\n")},
	}
	findings, err := checkPages(pages)
	if want := []string{"docs/spec/suite.md", "internal/roster"}; err != nil || !slices.EqualFunc(findings, want, strings.Contains) {
		t.Errorf("findings = %q, %v, want parts %q", findings, err, want)
	}
	tests := map[string]struct {
		comment string
		want    []string // a part of each finding
	}{
		"a page and a section":     {"// x follows docs/spec/line.md,\n// Section 5.", nil},
		"a section that is not":    {"// x follows docs/spec/line.md, Section 6.", []string{"no such section"}},
		"a page by its name":       {"// x follows line.md, Section 5.", nil},
		"a page that is not":       {"// x follows docs/spec/epoch.md.", []string{"no such page"}},
		"a paper from elsewhere":   {"// x follows protocol.md, Section 5.", []string{"no such page"}},
		"nothing is cited":         {"// x is what it is.", nil},
		"a sentence ends with .md": {"// x reads a file ending in .md", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := madeUp(t, map[string]string{"internal/roster/a.go": "package roster\n\n" + tt.comment + "\nvar x int\n"})
			if got := checkCitations(tr, pages); !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("findings = %q, want parts %q", got, tt.want)
			}
		})
	}
}
