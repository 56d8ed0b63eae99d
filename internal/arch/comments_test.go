package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// checkPackageComments returns every package that has not exactly one package
// comment, in production code, that begins as a package comment does.
func checkPackageComments(tr *tree) (findings []string) {
	for _, dir := range tr.dirs() {
		files := tr.pkgs[dir].production()
		if len(files) == 0 {
			continue
		}
		var docs []string
		for _, f := range files {
			if f.ast.Doc != nil {
				docs = append(docs, f.ast.Doc.Text())
			}
		}
		name := files[0].ast.Name.Name
		want := "Package " + name + " "
		if name == "main" {
			want = "Command "
		}
		switch {
		case len(docs) != 1:
			findings = append(findings, fmt.Sprintf("%s: has %d package comments, want 1", dir, len(docs)))
		case !strings.HasPrefix(docs[0], want) && (name != "main" || !strings.HasPrefix(docs[0], "Hotline ")):
			findings = append(findings, fmt.Sprintf("%s: the package comment begins %.30q, want %q", dir, docs[0], want))
		}
	}
	return findings
}

func TestPackageComments(t *testing.T) { report(t, checkPackageComments(loadModule(t))) }

// spoken are methods whose name says all: those of interfaces that every Go
// reader knows.
var spoken = []string{
	"String", "Error", "Unwrap", "Is", "LogValue", "Len", "Less", "Swap", "Read", "Write", "Close",
	"MarshalText", "UnmarshalText", "MarshalBinary", "UnmarshalBinary", "MarshalJSON", "UnmarshalJSON",
}

// checkDocumented returns every exported name on floors 0 and 1 without a
// comment.
func checkDocumented(tr *tree) (findings []string) {
	for _, dir := range tr.dirs() {
		if floor, ok := floors[dir]; !ok || floor > files {
			continue
		}
		p := tr.pkgs[dir]
		for _, f := range p.production() {
			for _, name := range undocumented(f.ast) {
				findings = append(findings, fmt.Sprintf("%s: %s has no comment", p.where(&f), name))
			}
		}
	}
	return findings
}

// undocumented lists the exported names of f without a comment of their own
// or of their group.
func undocumented(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && d.Name.IsExported() && !(d.Recv != nil && (slices.Contains(spoken, d.Name.Name) || !exportedReceiver(d))) {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				names = append(names, undocumentedSpec(d, s)...)
			}
		}
	}
	return names
}

// undocumentedSpec lists what one line of a declaration leaves without words.
// One comment over a group of constants or variables speaks for all of it.
func undocumentedSpec(d *ast.GenDecl, s ast.Spec) (names []string) {
	switch s := s.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || d.Lparen.IsValid()) {
			names = append(names, s.Name.Name)
		}
	case *ast.ValueSpec:
		if d.Doc != nil || s.Doc != nil || s.Comment != nil {
			return nil
		}
		for _, n := range s.Names {
			if n.IsExported() {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

// exportedReceiver reports whether d is a method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if ix, ok := t.(*ast.IndexExpr); ok {
		t = ix.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

func TestExportedNamesAreDocumented(t *testing.T) { report(t, checkDocumented(loadModule(t))) }
