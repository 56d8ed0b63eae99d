package arch

import (
	"strings"
	"testing"
	"testing/fstest"
)

// madeUp returns a tree of the given files.
func madeUp(t *testing.T, src map[string]string) *tree {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range src {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tr, err := load(files)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return tr
}

// TestRulesFindWhatTheyForbid runs each rule over a small made-up tree: a rule
// that stays silent there would stay silent over the real one.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	tests := map[string]struct {
		check func(*tree) []string
		path  string
		src   string
		want  string // part of the only finding; empty: none
	}{
		"a floor may look down": {checkFloors, "internal/wire/a.go", `package wire; import _ "hotline/internal/ident"`, ""},
		"a floor must not look up": {
			checkFloors, "internal/ident/a.go", `package ident; import _ "hotline/internal/wire"`, "looks up",
		},
		"the ground is everybody's": {
			checkFloors, "internal/marking/a.go", `package marking; import _ "hotline/internal/ident"`, "",
		},
		"the ground is no cellar": {
			checkFloors, "internal/ident/a.go", `package ident; import _ "hotline/internal/octets"`, "strangers",
		},
		"strangers on one floor": {
			checkFloors, "internal/chain/a.go", `package chain; import _ "hotline/internal/suite"`, "strangers",
		},
		"a test on floor 1 is given the suite": {
			checkFloors, "internal/chain/a_test.go", `package chain; import _ "hotline/internal/suite"`, "",
		},
		"other strangers stay strangers in tests": {
			checkFloors, "internal/chain/a_test.go", `package chain; import _ "hotline/internal/wire"`, "strangers",
		},
		"a child knows its parent": {
			checkFloors, "internal/spool/sqlitespool/a.go", `package sqlitespool; import _ "hotline/internal/spool"`, "",
		},
		"a parent does not know its child": {
			checkFloors, "internal/spool/a.go", `package spool; import _ "hotline/internal/spool/sqlitespool"`, "strangers",
		},
		"a contract suite is for tests": {
			checkFloors, "internal/desk/a.go", `package desk; import _ "hotline/internal/spool/spooltest"`, "for tests only",
		},
		"a new package has no row": {checkFloors, "internal/glue/a.go", `package glue`, "give it a row"},
		"an import without a row": {
			checkFloors, "internal/desk/a.go", `package desk; import _ "hotline/internal/glue"`, "no row",
		},
		"a format opens no file": {checkPure, "internal/wire/a.go", `package wire; import _ "os"`, "no disk"},
		"a format dials nobody":  {checkPure, "internal/wire/a.go", `package wire; import _ "net/http"`, "no disk"},
		"a format reads no clock": {
			checkPure, "internal/roster/a.go", "package roster; import \"time\"; var x = time.Now", "given the time",
		},
		"a machine may read the clock": {
			checkPure, "internal/link/a.go", "package link; import \"time\"; var x = time.Now", "",
		},
		"a word needs no library": {
			checkPure, "internal/dtg/a.go", `package dtg; import _ "example.org/dates"`, "standard library only",
		},
		"sqlite stays behind the store": {
			checkLibraries, "internal/desk/a.go", `package desk; import _ "github.com/ncruces/go-sqlite3/driver"`, "only internal/store",
		},
		"the store has sqlite": {
			checkLibraries, "internal/store/a.go", `package store; import _ "github.com/ncruces/go-sqlite3/driver"`, "",
		},
		"a new library has no row": {
			checkLibraries, "internal/desk/a.go", `package desk; import _ "github.com/ncruces/go-sqlite3-extra"`, "needs a row",
		},
		"weak randomness": {
			checkLibraries, "internal/desk/a.go", `package desk; import _ "math/rand/v2"`, "crypto/rand",
		},
		"weak randomness in a test": {
			checkLibraries, "internal/desk/a_test.go", `package desk; import _ "math/rand/v2"`, "",
		},
		"no debug pages, not even in a test": {
			checkLibraries, "internal/desk/a_test.go", `package desk; import _ "net/http/pprof"`, "heap profile",
		},
		"a package without a comment": {checkPackageComments, "internal/desk/a.go", `package desk`, "0 package comments"},
		"a comment about something else": {
			checkPackageComments, "internal/desk/a.go", "// Some words.\npackage desk", "begins",
		},
		"an exported name without words": {
			checkDocumented, "internal/dtg/a.go", "package dtg\n\nfunc Parse() {}\n", "Parse has no comment",
		},
		"names with words": {
			checkDocumented, "internal/dtg/a.go", "package dtg\n\n// Parse reads.\nfunc Parse() {}\n\n// Max is.\nconst Max = 1\n\nconst min = 2\n", "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := tt.check(madeUp(t, map[string]string{tt.path: tt.src}))
			switch {
			case tt.want == "" && len(got) != 0:
				t.Errorf("findings = %q, want none", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("findings = %q, want one with %q", got, tt.want)
			}
		})
	}
}
