package arch

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// The floors with a name in the rules below.
const (
	ground  = -1  // the words that floor 0 itself is written in
	words   = 0.5 // words of traffic, made of those below; the highest that is values and rules alone
	formats = 1   // bytes in, values out
	files   = 1.5 // what puts formats together; the highest that is pure: no clock, no disk, no network
	tests   = 100 // imported from _test.go files only
)

// floors gives each package its floor. A package may import packages on lower
// floors, and its own parent folder. ARCHITECTURE.md says what may stand where.
var floors = map[string]float64{
	// 0 words: values and rules; standard library only.
	"internal/fault":      ground,
	"internal/ident":      ground,
	"internal/octets":     ground,
	"internal/redact":     ground,
	"internal/dtg":        0,
	"internal/envelope":   0,
	"internal/marking":    0,
	"internal/precedence": 0,
	// on them:
	"internal/traffic": words,
	// 1 formats: bytes in, values out; all cryptography of the line.
	"internal/ceremony":   1,
	"internal/chain":      1,
	"internal/checkpoint": 1,
	"internal/pack":       1,
	"internal/qrcode":     1,
	"internal/rendezvous": 1,
	"internal/roster":     1,
	"internal/shares":     1,
	"internal/stix":       1,
	"internal/suite":      1,
	"internal/wire":       1,
	// on them:
	"internal/complaint":  files,
	"internal/divergence": files,
	"internal/joining":    files,
	// 2 machines: disks, networks, processes.
	"internal/blob":              2,
	"internal/emulate":           2,
	"internal/evidence":          2,
	"internal/keyring":           2,
	"internal/link":              2,
	"internal/spool":             2,
	"internal/spool/sqlitespool": 2,
	"internal/store":             2,
	"internal/tpm":               2,
	// 3 rules: what a desk does.
	"internal/custody":  3,
	"internal/exchange": 3,
	"internal/journal":  3,
	"internal/trust":    3,
	"internal/watch":    3,
	// 4 doors: the outside world, translated to rules.
	"internal/api":             4,
	"internal/config":          4,
	"internal/console":         4,
	"internal/console/gallery": 4,
	// 5 assembly: wiring.
	"internal/desk":  5,
	"internal/relay": 5,
	// 6 scenes: desks and relays, started and measured.
	"internal/bench": 6,
	"internal/demo":  6,
	// 7 the command.
	"cmd/hotline": 7,

	"internal/arch":            tests,
	"internal/endtoend":        tests,
	"internal/hostile":         tests,
	"internal/model":           tests,
	"internal/scenario":        tests,
	"internal/spool/spooltest": tests,
}

// family is the folder that decides who is a stranger: spool/sqlitespool is of
// the family of spool.
func family(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return path.Join(parts[:min(2, len(parts))]...)
}

// checkFloors returns every import that looks up or sideways, and every
// package without a row.
func checkFloors(tr *tree) (findings []string) {
	for _, dir := range tr.dirs() {
		from, ok := floors[dir]
		if !ok {
			findings = append(findings, dir+": give it a row in internal/arch/floors_test.go")
			continue
		}
		p := tr.pkgs[dir]
		for _, f := range p.files {
			for _, imported := range f.imports {
				to, ours := strings.CutPrefix(imported, module+"/")
				if !ours || to == dir {
					continue
				}
				if why := refuseImport(dir, from, to, f.test); why != "" {
					findings = append(findings, fmt.Sprintf("%s imports %s: %s", p.where(&f), to, why))
				}
			}
		}
	}
	return findings
}

// refuseImport says why a file of package dir on floor from may not import
// package to, or nothing.
func refuseImport(dir string, from float64, to string, test bool) string {
	floor, ok := floors[to]
	switch {
	case !ok:
		return "it has no row in internal/arch/floors_test.go"
	case floor == tests && (test || from == tests):
		return ""
	case floor == tests:
		return "it is for tests only"
	case floor < from:
		return ""
	case floor > from:
		return fmt.Sprintf("floor %v looks up to floor %v", from, floor)
	case family(dir) == family(to) && strings.HasPrefix(dir, to+"/"):
		return "" // a child may know its parent
	case family(dir) == family(to) && test:
		return "" // tests of one family are at home
	case test && from == formats && to == "internal/suite":
		return "" // their tests are given the real suite
	}
	return fmt.Sprintf("packages on floor %v are strangers", from)
}

func TestFloors(t *testing.T) { report(t, checkFloors(loadModule(t))) }

// impure are packages that a pure floor does without, even in the standard
// library. log/slog is not among them: a secret says there how it is redacted.
var impure = []string{"os", "net", "syscall", "unsafe", "database/sql", "plugin", "runtime/debug"}

// checkPure returns what floors 0 and 1 import or call although it makes them
// depend on more than their arguments.
func checkPure(tr *tree) (findings []string) {
	for _, dir := range tr.dirs() {
		if floor, ok := floors[dir]; !ok || floor > files {
			continue
		}
		p := tr.pkgs[dir]
		for _, f := range p.production() {
			for _, imported := range f.imports {
				if slices.ContainsFunc(impure, func(s string) bool { return within(imported, s) }) {
					findings = append(findings, fmt.Sprintf("%s imports %s: floors 0 and 1 touch no disk, network or process", p.where(&f), imported))
				}
				if third, _, _ := strings.Cut(imported, "/"); floors[dir] <= words && strings.Contains(third, ".") {
					findings = append(findings, fmt.Sprintf("%s imports %s: floor 0 has the standard library only", p.where(&f), imported))
				}
			}
			for _, call := range clockCalls(f.ast) {
				findings = append(findings, fmt.Sprintf("%s calls time.%s: floors 0 and 1 are given the time", p.where(&f), call))
			}
		}
	}
	return findings
}

// clockCalls lists what f uses of package time that reads or waits for a clock.
func clockCalls(f *ast.File) (calls []string) {
	clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
			calls = append(calls, sel.Sel.Name)
		}
		return true
	})
	return calls
}

func TestPureFloors(t *testing.T) { report(t, checkPure(loadModule(t))) }
