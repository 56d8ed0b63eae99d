package gallery

import (
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hotline/internal/console"
)

const e2e = "../../../web/e2e"

// TestServe serves the gallery for a person until it is stopped:
//
//	HOTLINE_GALLERY=127.0.0.1:8090 go test -run TestServe -timeout 0 ./internal/console/gallery
func TestServe(t *testing.T) {
	addr := os.Getenv("HOTLINE_GALLERY")
	if addr == "" {
		t.Skip("set HOTLINE_GALLERY=ADDR to look at the gallery")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("http://%s/gallery/", l.Addr())
	if err := console.Server(New(nil), nil).Serve(l); err != nil {
		t.Fatal(err)
	}
}

var update = flag.Bool("update", false, "make the pictures of docs/images anew")

// serve serves a gallery and returns it with its address.
func serve(t *testing.T) (*Gallery, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := New(nil)
	s := console.Server(g, nil)
	go func() {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve gallery: %v", err)
		}
	}()
	t.Cleanup(func() { _ = s.Close() })
	return g, "http://" + l.Addr().String()
}

// browser returns node and Chromium, or leaves the test out with a line that
// says what is missing. With HOTLINE_BROWSER=require (CI) nothing may be.
func browser(t *testing.T) (node, chromium string) {
	t.Helper()
	missing := func(what string) {
		if os.Getenv("HOTLINE_BROWSER") == "require" {
			t.Fatalf("browser tests are required, and %s", what)
		}
		t.Skipf("browser tests left out: %s", what)
	}
	node, err := exec.LookPath("node")
	if err != nil {
		missing("node is not installed")
	}
	if chromium = os.Getenv("HOTLINE_CHROMIUM"); chromium == "" {
		for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
			if p, err := exec.LookPath(name); err == nil {
				chromium = p
				break
			}
		}
	}
	if chromium == "" {
		missing("Chromium is not installed")
	}
	if _, err := os.Stat(filepath.Join(e2e, "node_modules/playwright-core")); err != nil {
		missing("the packages of web/e2e are not: run `npm ci --ignore-scripts` there")
	}
	return node, chromium
}

// run runs node in web/e2e against the gallery at url.
func run(t *testing.T, url string, args ...string) error {
	t.Helper()
	node, chromium := browser(t)
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Dir = e2e
	cmd.Env = append(os.Environ(), "HOTLINE_GALLERY_URL="+url, "HOTLINE_CHROMIUM="+chromium)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%s", out)
	}
	return err
}

// TestBrowser drives every scene in Chromium (web/e2e): keys, lists, stream,
// sending, sign-in, sound, accessibility, and no word of the content policy.
func TestBrowser(t *testing.T) {
	browser(t)
	g, url := serve(t)
	if err := run(t, url, "--test", "--test-concurrency=1", "."); err != nil {
		t.Errorf("browser tests: %v", err)
	}
	if n := g.Violations(); n != 0 {
		t.Errorf("the browser reported %d content policy violations, want 0", n)
	}
}

// TestScreenshots makes the pictures of the documents:
//
//	go test ./internal/console/gallery -run TestScreenshots -update
func TestScreenshots(t *testing.T) {
	if !*update {
		t.Skip("pictures are made with -update")
	}
	browser(t)
	_, url := serve(t)
	dir, err := filepath.Abs("../../../docs/images")
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t, url, "screenshots.mjs", dir); err != nil {
		t.Errorf("screenshots: %v", err)
	}
}
