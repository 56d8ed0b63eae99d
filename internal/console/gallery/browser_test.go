package gallery

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hotline/internal/console"
)

const (
	e2e      = "../../../web/e2e"
	chromium = "/usr/bin/chromium"
)

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

// TestBrowser drives every scene in Chromium (web/e2e). It needs node, the
// packages of web/e2e and Chromium, and says so when they are not there.
func TestBrowser(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("browser tests left out: node is not installed")
	}
	if _, err := os.Stat(chromium); err != nil {
		t.Skipf("browser tests left out: %s is not installed", chromium)
	}
	if _, err := os.Stat(filepath.Join(e2e, "node_modules/playwright-core")); err != nil {
		t.Skip("browser tests left out: run `npm ci --ignore-scripts` in web/e2e")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := New(nil)
	s := console.Server(g, nil)
	go func() {
		if err := s.Serve(l); err != http.ErrServerClosed {
			t.Errorf("serve gallery: %v", err)
		}
	}()
	t.Cleanup(func() { _ = s.Close() })

	cmd := exec.CommandContext(t.Context(), node, "--test", "--test-concurrency=1", ".")
	cmd.Dir = e2e
	cmd.Env = append(os.Environ(), "HOTLINE_GALLERY_URL=http://"+l.Addr().String(), "HOTLINE_CHROMIUM="+chromium)
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Errorf("browser tests: %v\n%s", err, out.Bytes())
	}
	if n := g.Violations(); n != 0 {
		t.Errorf("the browser reported %d content policy violations, want 0", n)
	}
}
