package arch

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// What a file and a function should stay below, in lines. They are read by
// people (`make shape`), not enforced: a table may be long and still one idea.
const (
	longFile     = 450
	longFunction = 60
)

// sizes collects one floor's figures.
type sizes struct {
	production, test int // lines
	files, functions []int
	long             []string
}

// measure adds up the tree by floor.
func measure(tr *tree) map[int]*sizes {
	out := map[int]*sizes{}
	for _, dir := range tr.dirs() {
		step, ok := floors[dir]
		if !ok {
			continue
		}
		floor := max(int(step), 0)
		if out[floor] == nil {
			out[floor] = &sizes{}
		}
		for _, f := range tr.pkgs[dir].files {
			out[floor].add(tr, tr.pkgs[dir], &f)
		}
	}
	return out
}

// add counts one file.
func (s *sizes) add(tr *tree, p *pkg, f *file) {
	if f.test {
		s.test += f.lines
		return
	}
	s.production += f.lines
	s.files = append(s.files, f.lines)
	if f.lines > longFile {
		s.long = append(s.long, fmt.Sprintf("%s: %d lines", p.where(f), f.lines))
	}
	for _, d := range f.ast.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		n := tr.fset.Position(fn.End()).Line - tr.fset.Position(fn.Pos()).Line + 1
		s.functions = append(s.functions, n)
		if n > longFunction {
			s.long = append(s.long, fmt.Sprintf("%s: %s has %d lines", p.where(f), fn.Name.Name, n))
		}
	}
}

// quantile returns the value below which the share q of v lies.
func quantile(v []int, q float64) int {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// TestShape prints the sizes of files and functions by floor: see it with
// `make shape`. It fails only when there is nothing to measure.
func TestShape(t *testing.T) {
	figures := measure(loadModule(t))
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "floor\tlines\ttest\ttest:lines\tfiles\tmedian\tp90\tfunctions\tmedian\tp90\t")
	for _, floor := range slices.Sorted(maps.Keys(figures)) {
		s := figures[floor]
		fmt.Fprintf(w, "%d\t%d\t%d\t%.2f\t%d\t%d\t%d\t%d\t%d\t%d\t\n", floor, s.production, s.test,
			float64(s.test)/float64(max(1, s.production)),
			len(s.files), quantile(s.files, .5), quantile(s.files, .9),
			len(s.functions), quantile(s.functions, .5), quantile(s.functions, .9))
	}
	w.Flush()
	for _, floor := range slices.Sorted(maps.Keys(figures)) {
		if s := figures[floor]; len(s.long) > 0 {
			fmt.Fprintf(&b, "long: %s\n", strings.Join(s.long, "\nlong: "))
		}
	}
	if len(figures) == 0 {
		t.Error("nothing measured")
	}
	t.Logf("shape of the tree\n%s", b.String())
}
