package endtoend

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hotline/internal/api"
)

// examples is where bundles of others lie when they are there: beside the
// checkout, never in it.
const examples = "../../../shared/data/stix/*.json"

// bundles returns the names of bundle files to send: those of others, and our
// own of several sizes up to the limit.
func bundles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(examples)
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(name string) bool { return !isBundle(t, name) })
	if len(files) == 0 {
		t.Logf("no bundles at %s: with our own only", examples)
	}
	for _, n := range []int{1 << 10, 64 << 10, 64<<10 + 1, 3 << 20, api.MaxUpload} {
		name := filepath.Join(t.TempDir(), fmt.Sprintf("own-%d.json", n))
		if err := os.WriteFile(name, ownBundle(n), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, name)
	}
	return files
}

// isBundle reports whether a file says that it is one: not all examples do.
func isBundle(t *testing.T, name string) bool {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var top struct{ Type string }
	return json.Unmarshal(b, &top) == nil && top.Type == "bundle"
}

// ownBundle returns a bundle of exactly n bytes, with spaces and an order of
// keys that no encoder would write.
func ownBundle(n int) []byte {
	b := []byte("{ \"objects\" : [\n")
	for i := 0; ; i++ {
		object := fmt.Sprintf("\t{\"type\":\"indicator\", \"spec_version\":\"2.1\",\"id\":\"indicator--%08x-0000-4000-8000-000000000000\","+
			"\"created\":\"2026-11-23T00:00:00.000Z\",\"modified\":\"2026-11-23T00:00:00.000Z\",\"name\":\"EXERCISE 演習 %d\","+
			"\"pattern\":\"[ipv4-addr:value = '192.0.2.%d']\",\"pattern_type\":\"stix\",\"valid_from\":\"2026-11-23T00:00:00Z\"}", i+1, i, i%256)
		if i > 0 {
			if len(b)+len(object)+200 > n {
				break
			}
			b = append(b, ",\r\n"...)
		}
		b = append(b, object...)
	}
	b = append(b, "],\n \"id\":\"bundle--00000000-0000-4000-8000-000000000001\", \"type\":\"bundle\"}"...)
	for len(b) < n {
		b = append(b, ' ') // white space at the end belongs to the file too
	}
	return b
}

// TestBundlesArriveByteForByte sends files from JPN to NATO, has a person
// there take them, and compares both ends.
func TestBundlesArriveByteForByte(t *testing.T) {
	s := shared
	type sent struct{ file, id string }
	var all []sent
	for _, file := range bundles(t) {
		r := s.send(t, "JPN", s.line(2), "-p", "PRIORITY", "-m", "TLP:AMBER", "--exercise", "LANTERN", "--stix", file)
		all = append(all, sent{file, r.ID})
	}
	for _, one := range all {
		t.Run(filepath.Base(one.file), func(t *testing.T) {
			given, err := os.ReadFile(one.file)
			if err != nil {
				t.Fatal(err)
			}
			s.awaitMessage(t, "NATO", one.id, "whole", func(m api.Message) bool { return m.STIX != nil && m.STIX.State == "whole" })
			got := s.must(t, "show", one.id, "--stix", "--dir", s.desk("NATO"))
			if sum(given) != sum([]byte(got)) {
				t.Errorf("%d bytes arrived as %d others", len(given), len(got))
			}
			m := s.show(t, "NATO", one.id)
			if m.STIX.SHA256 != sum(given) || m.STIX.Size != int64(len(given)) {
				t.Errorf("NATO shows %+v", m.STIX)
			}
			if n := objects(t, given); m.STIX.Objects != n {
				t.Errorf("NATO counts %d objects of %d", m.STIX.Objects, n)
			}
			s.must(t, "ack", one.id, "--role", "watch officer", "--dir", s.desk("NATO"))
			sameLadder(t, s, one.id, "receipted")
		})
	}
}

// sameLadder waits until both ends have reached a state, and compares the
// rungs that NATO signed: every one verified, and the same at both ends.
func sameLadder(t *testing.T, s *scene, id, state string) {
	t.Helper()
	climbed := func(m api.Message) bool {
		for _, r := range m.Ladder {
			if r.State == state {
				return true
			}
		}
		return false
	}
	ours := signed(s.awaitMessage(t, "JPN", id, state, climbed))
	theirs := signed(s.awaitMessage(t, "NATO", id, state, climbed))
	byState := cmpopts.SortSlices(func(x, y api.Rung) bool { return x.State+x.Desk < y.State+y.Desk })
	if diff := cmp.Diff(ours, theirs, byState); diff != "" {
		t.Errorf("the ladders differ (-JPN +NATO):\n%s", diff)
	}
	for _, r := range ours {
		if !r.Verified || r.Party != "NATO" {
			t.Errorf("JPN shows %+v", r)
		}
	}
	if len(ours) < 2 {
		t.Errorf("JPN shows %d rungs from delivered on: %+v", len(ours), ours)
	}
}

// signed returns the rungs from delivered on.
func signed(m api.Message) (all []api.Rung) {
	for _, r := range m.Ladder {
		if r.State != "queued" && r.State != "accepted" {
			all = append(all, r)
		}
	}
	return all
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func objects(t *testing.T, bundle []byte) int {
	t.Helper()
	var b struct {
		Objects []json.RawMessage `json:"objects"`
	}
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	return len(b.Objects)
}
