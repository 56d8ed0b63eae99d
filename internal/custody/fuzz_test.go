package custody

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/fault"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

// FuzzAuthority: what a root's file or its shares hold reads in one way.
func FuzzAuthority(f *testing.F) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		root, next := Found(s)
		f.Add(root.bytes())
		f.Add(next.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := parseAuthority(b); err == nil && !bytes.Equal(a.bytes(), b) {
			t.Error("a root has two spellings")
		}
	})
}

// FuzzFacts: the public file beside a root, which anybody can change on its
// medium, is read or refused with a sentence.
func FuzzFacts(f *testing.F) {
	s := suite.One
	root, _ := Found(s)
	w, err := roster.NewWarrant(s, root, roster.Warrant{Party: root.Party, Office: roster.Custodian, Name: "EXERCISE", Public: s.NewDeskKey().Public()})
	if err != nil {
		f.Fatal(err)
	}
	good, err := json.Marshal(Facts{Name: "JPN", Root: root.Public(), Rotations: [][]byte{{1}}, Warrants: [][]byte{w.Bytes()}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"warrants":["AAAA"]}`))
	f.Add([]byte(`{"name":1`))
	r := Root{File: filepath.Join(f.TempDir(), "JPN.root")}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(r.facts(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		facts, err := r.Facts()
		if _, ok := errors.AsType[*fault.Error](err); err != nil && !ok {
			t.Errorf("%v has no sentence for people", err)
		}
		for _, office := range []roster.Office{roster.Delegate, roster.Custodian} {
			holders, err := facts.Holders(s, office)
			if err == nil && len(holders) > len(facts.Warrants) {
				t.Errorf("%d warrants make %d of %s", len(facts.Warrants), len(holders), office)
			}
		}
	})
}
