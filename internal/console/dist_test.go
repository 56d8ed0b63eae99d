package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const web = "../../web"

// sources lists what the build reads, in the order of web/compress.mjs.
func sources(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(web, "src"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"index.html", "vite.config.js", "package-lock.json"} {
		files = append(files, filepath.Join(web, f))
	}
	return files
}

// TestBuildIsOfTheseSources fails when web/ was changed and not built again.
// `npm run check` in web/ goes further: it builds again and compares.
func TestBuildIsOfTheseSources(t *testing.T) {
	files := sources(t)
	sums := map[string]string{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(web, f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(raw)
		sums[filepath.ToSlash(rel)] = hex.EncodeToString(sum[:])
	}
	var names []string
	for n := range sums {
		names = append(names, n)
	}
	slices.Sort(names)
	all := sha256.New()
	for _, n := range names {
		fmt.Fprintf(all, "%s %s\n", sums[n], n)
	}
	want, err := dist.ReadFile("dist/SOURCE")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(all.Sum(nil)); got != strings.TrimSpace(string(want)) {
		t.Errorf("dist was built from other sources: run `make web` (now %s, built %s)", got, bytes.TrimSpace(want))
	}
}

// TestSourcesHoldNoMarkupFromStrings keeps out what the content policy would
// block at best, and what would run a stranger's text at worst.
func TestSourcesHoldNoMarkupFromStrings(t *testing.T) {
	bad := regexp.MustCompile(`\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage|sessionStorage|indexedDB|serviceWorker|[^:a-z-]style="`)
	for _, f := range sources(t) {
		if !strings.HasSuffix(f, ".svelte") && !strings.HasSuffix(f, ".js") && !strings.HasSuffix(f, ".html") {
			continue
		}
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if m := bad.Find(raw); m != nil {
			t.Errorf("%s holds %q", f, m)
		}
		if n := bytes.Count(raw, []byte("\n")); n > 450 {
			t.Errorf("%s has %d lines, want at most 450", f, n)
		}
	}
}

// TestLanguagesHaveTheSameKeys also checks that each text asks for the same
// arguments, so that no language leaves a figure out.
func TestLanguagesHaveTheSameKeys(t *testing.T) {
	en, ja := texts(t, "en"), texts(t, "ja")
	keys := func(m map[string]string) (out []string) {
		for k := range m {
			out = append(out, k)
		}
		slices.Sort(out)
		return out
	}
	if d := cmp.Diff(keys(en), keys(ja)); d != "" {
		t.Errorf("keys of en and ja differ (-en +ja):\n%s", d)
	}
	arg := regexp.MustCompile(`\{(\w+)[},]`)
	for k := range en {
		if en[k] == "" || ja[k] == "" {
			t.Errorf("%s is empty in a language", k)
		}
		want := map[string]bool{}
		for _, m := range arg.FindAllStringSubmatch(ja[k], -1) {
			want[m[1]] = true
		}
		for a := range want {
			if !strings.Contains(en[k], "{"+a) {
				t.Errorf("%s: ja asks for {%s}, en does not", k, a)
			}
		}
	}
}

// TestAssetsAreServedCompressed walks the build: every file answers, keeps for
// ever, and says in which encoding it comes.
func TestAssetsAreServedCompressed(t *testing.T) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		t.Fatal(err)
	}
	s := newStatic(files)
	if len(s.files) < 5 {
		t.Fatalf("the build has %d assets", len(s.files))
	}
	for name, f := range s.files {
		for _, enc := range []string{"", "gzip", "br, gzip"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, name, nil)
			r.Header.Set("Accept-Encoding", enc)
			s.asset(w, r)
			if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
				t.Fatalf("%s = %d, %s", name, w.Code, w.Header().Get("Cache-Control"))
			}
			body := w.Body.Bytes()
			switch w.Header().Get("Content-Encoding") {
			case "gzip":
				z, err := gzip.NewReader(bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				if body, err = io.ReadAll(z); err != nil {
					t.Fatal(err)
				}
			case "br":
				body = f.raw // node checks that it decompresses (web/check-dist.mjs)
			}
			if !bytes.Equal(body, f.raw) {
				t.Errorf("%s with %q is not the file", name, enc)
			}
		}
	}
}

// later are the chunks that come with a screen of their own, not with the first.
var later = []string{
	"Compose", "Line", "Take", "Message", "ja", "trust.ja", "trust.en",
	"Trust", "Begin", "Ceremony", "Party", "LineFacts", "CutOff", "Cutoff", "Grave", "Save", "Scan", "Lock", "trust.svelte",
}

// TestBudgets holds the sizes of docs/console.md, Section 5, in bytes of brotli.
func TestBudgets(t *testing.T) {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		t.Fatal(err)
	}
	s := newStatic(files)
	size := func(name string) int {
		f := s.files["/"+name]
		if f.br != nil {
			return len(f.br)
		}
		return len(f.raw)
	}
	var css, first int
	for name := range s.files {
		n, base := size(name[1:]), filepath.Base(name)
		chunk, _, _ := strings.Cut(base, "-")
		if slices.Contains(later, chunk) {
			if n > 12<<10 {
				t.Errorf("%s has %d B, want at most 12 KiB", base, n)
			}
			continue
		}
		if strings.HasSuffix(name, ".css") {
			css += n
		} else if strings.HasSuffix(name, ".js") {
			first += n
		}
	}
	t.Logf("css %d B, scripts of the first screen %d B", css, first)
	if css > 12<<10 {
		t.Errorf("style sheets have %d B, want at most 12 KiB", css)
	}
	if first > 45<<10 {
		t.Errorf("the first screen needs %d B of script, want at most 45 KiB", first)
	}
}
