package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the first element of our own import paths.
const module = "hotline"

// file is one Go source file.
type file struct {
	name    string // base name
	test    bool   // name ends in _test.go
	lines   int
	code    int // lines that are neither empty nor comment
	imports []string
	ast     *ast.File
}

// pkg is one folder with Go source.
type pkg struct {
	dir   string // slash-separated, relative to the module's root
	files []file
}

// where names a file of p in a message.
func (p *pkg) where(f *file) string { return path.Join(p.dir, f.name) }

// production lists the files of p that are compiled into a binary.
func (p *pkg) production() []file {
	return slices.DeleteFunc(slices.Clone(p.files), func(f file) bool { return f.test })
}

// tree is all Go source of the module, by folder.
type tree struct {
	fset *token.FileSet
	pkgs map[string]*pkg
}

// dirs lists the folders in order, so that messages come in order.
func (t *tree) dirs() []string { return slices.Sorted(maps.Keys(t.pkgs)) }

// load parses every Go file below root, whatever its build tags: a rule that
// holds on one system only is no rule.
func load(root fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), pkgs: map[string]*pkg{}}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") {
			return nil
		}
		return t.add(root, name)
	})
	return t, err
}

// add parses one file.
func (t *tree) add(root fs.FS, name string) error {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse source: %w", err)
	}
	f := file{
		name: path.Base(name), test: strings.HasSuffix(name, "_test.go"),
		lines: bytes.Count(src, []byte("\n")), code: codeLines(string(src)), ast: parsed,
	}
	for _, spec := range parsed.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("read import in %s: %w", name, err)
		}
		f.imports = append(f.imports, p)
	}
	dir := path.Dir(name)
	if t.pkgs[dir] == nil {
		t.pkgs[dir] = &pkg{dir: dir}
	}
	t.pkgs[dir].files = append(t.pkgs[dir].files, f)
	return nil
}

// root is the module's folder, seen from this package.
func root() fs.FS { return os.DirFS("../..") }

// loadModule parses the module itself.
func loadModule(t *testing.T) *tree {
	t.Helper()
	tr, err := load(root())
	if err != nil {
		t.Fatalf("load the module: %v", err)
	}
	if len(tr.pkgs) < 6 {
		t.Fatalf("found %d packages only: the rules would hold nothing", len(tr.pkgs))
	}
	return tr
}

// report fails the test once for each finding.
func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}
