package evidence_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotline/internal/evidence"
	"hotline/internal/suite"
)

// second runs the checker in JavaScript on a file, and returns what it says.
func second(t *testing.T, b []byte) (string, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.json")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", "../../scripts/journal-check.mjs", name).CombinedOutput()
	return string(out), err
}

// needNode skips where node or its packages are not there, except in CI.
func needNode(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat("../../test/reader/node_modules/@noble/post-quantum")
	}
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("npm ci --prefix test/reader brings the second checker's packages:", err)
	} else if err != nil {
		t.Fatal(err)
	}
}

// TestSecondCheckerAgrees shows files to both checkers: good ones, ones with a
// byte changed, and ones that their maker changed and signed again.
func TestSecondCheckerAgrees(t *testing.T) {
	needNode(t)
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		sc, other := newScene(t, s), newScene(t, s)
		transcript, _ := other.transcript()
		silence, _ := sc.nonAnswer()
		for name, b := range map[string][]byte{"transcript": other.bytes(transcript, other.jpn), "non-answer": sc.bytes(silence, sc.jpn)} {
			check(t, b)
			if out, err := second(t, b); err != nil || !strings.Contains(out, "it holds") {
				t.Fatalf("suite %d: the second checker refuses a good %s: %s", s.ID(), name, out)
			}
		}
		if s != suite.One {
			continue
		}
		changes := map[string]func(f *evidence.File){
			"a body":                   func(f *evidence.File) { f.Signed[1].Body[9] ^= 1 },
			"evidence":                 func(f *evidence.File) { f.Signed[0].Evidence[70] ^= 1 },
			"the desk of a message":    func(f *evidence.File) { f.Signed[0].Desk = sc.jpn.id.String() },
			"an attestation":           func(f *evidence.File) { f.Attestations[0][200] ^= 1 },
			"a certificate":            func(f *evidence.File) { f.Certificates[1][300] ^= 1 },
			"the charter":              func(f *evidence.File) { f.Charter[100] ^= 1 },
			"a path":                   func(f *evidence.File) { f.Paths[0].Insides[1][3] ^= 1 },
			"a path's end":             func(f *evidence.File) { f.Paths[0].Insides = f.Paths[0].Insides[:1] },
			"a group":                  func(f *evidence.File) { f.Groups[0] = f.Groups[0][:1] },
			"due after what is proved": func(f *evidence.File) { f.Due += 3600_000 },
			"a receipt left out":       func(f *evidence.File) { f.Signed = f.Signed[:2] },
			"nothing attested":         func(f *evidence.File) { f.Attestations = nil },
			"a use without reason":     func(f *evidence.File) { f.Use = evidence.Conviction },
			"another message":          func(f *evidence.File) { f.Message = "msg1" + strings.Repeat("a", 26) },
			"its own party":            func(f *evidence.File) { f.Party = sc.jpn.party.String() },
		}
		for name, change := range changes {
			sc.again(silence, change, func(b []byte) {
				_, first := evidence.Check(b, nil)
				out, err := second(t, b)
				if first == nil || err == nil {
					t.Errorf("%s changed and signed again: first checker says %v, second %v: %s", name, first, err, out)
				}
			})
		}
		b := other.bytes(transcript, other.jpn)
		for i := 0; i < len(b); i += len(b) / 6 {
			flipped := append([]byte{}, b...)
			flipped[i] ^= 1
			_, first := evidence.Check(flipped, nil)
			if _, err := second(t, flipped); first == nil || err == nil {
				t.Errorf("byte %d flipped: first checker says %v, second %v", i, first, err)
			}
		}
	}
}

// TestSecondCheckerConvicts: both find the same double dealing.
func TestSecondCheckerConvicts(t *testing.T) {
	needNode(t)
	sc := newScene(t, suite.One)
	f := sc.file(evidence.Conviction, sc.nato)
	before := sc.jpn.sender.Clone()
	add(f, sc.jpn.says("one"))
	sc.jpn.sender = before
	add(f, sc.jpn.says("another one"))
	b := sc.bytes(f, sc.nato)
	check(t, b)
	if out, err := second(t, b); err != nil || !strings.Contains(out, "CONVICTS: desk JPN-1") {
		t.Errorf("second checker: %v: %s", err, out)
	}
}

// again changes a copy of f, has the maker sign it, and gives it to fn.
func (sc *scene) again(f *evidence.File, change func(*evidence.File), fn func([]byte)) {
	b := sc.bytes(f, sc.jpn)
	g, err := evidence.Parse(b)
	if err != nil {
		sc.tb.Fatal(err)
	}
	change(g)
	fn(sc.bytes(g, sc.jpn))
}
