package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// serve starts a desk behind a socket in a new directory.
func serve(t *testing.T, dir string, f *fakeDesk, ev api.Events) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		mapping := func(uint32) api.Officer { return api.Officer{Name: "operator of this system", Role: api.Operator} }
		done <- api.ServeSocket(ctx, filepath.Join(dir, api.SocketName), newServer(f, ev, nil).Handler(), mapping, slog.New(slog.DiscardHandler), func() { close(ready) })
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("serve socket: %v", err)
	}
	var once bool
	stop = func() error {
		if once {
			return nil
		}
		once = true
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return errors.New("the socket does not stop")
		}
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

func TestSocketServesItsUser(t *testing.T) {
	dir := t.TempDir()
	f := &fakeDesk{}
	stop := serve(t, dir, f, nil)
	info, err := os.Stat(filepath.Join(dir, api.SocketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket is %v (%v), want 0600", info.Mode(), err)
	}
	c := api.NewClient(dir)
	var d api.Desk
	if err := c.Get(t.Context(), "/desk", nil, &d); err != nil {
		t.Fatal(err)
	}
	if d.Officer != "operator of this system" || d.Role != "operator" {
		t.Errorf("asked as %q %q", d.Officer, d.Role)
	}
	var b api.Backup
	if err := c.Post(t.Context(), "/backup", "", api.BackupIn{Path: "/tmp/x"}, &b); err != nil || b.Path != "/tmp/x" {
		t.Errorf("a local act: %+v %v", b, err)
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, api.SocketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	err = c.Get(t.Context(), "/desk", nil, &d)
	if k, msg, hint := fault.Visible(err); k != fault.Unavailable || msg != "No desk runs in this directory." || hint == "" {
		t.Errorf("a stopped desk: %v %q %q", k, msg, hint)
	}
}

func TestOnlyTheDesksUserAndRoot(t *testing.T) {
	for _, tt := range []struct {
		uid, own uint32
		want     bool
	}{{1000, 1000, true}, {0, 1000, true}, {1001, 1000, false}, {1000, 0, false}, {65534, 1000, false}} {
		if got := api.Allowed(tt.uid, tt.own); got != tt.want {
			t.Errorf("user %d at the desk of %d: %v, want %v", tt.uid, tt.own, got, tt.want)
		}
	}
}

// TestRequestWithoutKnownUser serves the handler on a plain listener: where
// nobody vouches for the asker, nobody is let in.
func TestRequestWithoutKnownUser(t *testing.T) {
	if w := ask(newServer(&fakeDesk{}, nil, nil).Handler(), nil, "GET", "/api/v1/desk", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("answer %d, want 401", w.Code)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, &fakeDesk{}, nil)
	path := filepath.Join(dir, api.SocketName)
	err := api.ServeSocket(t.Context(), path, http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler), nil)
	if !fault.Is(err, fault.Config) {
		t.Fatalf("a second process: %v, want a fault of kind config", err)
	}
	if err := api.NewClient(dir).Get(t.Context(), "/desk", nil, &api.Desk{}); err != nil {
		t.Errorf("the first one no longer answers: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, api.SocketName)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close() // as after kill -9: the file stays
	err = api.NewClient(dir).Get(t.Context(), "/desk", nil, &api.Desk{})
	if _, msg, _ := fault.Visible(err); msg != "The desk in this directory has stopped." {
		t.Errorf("a dead socket says %q", msg)
	}
	serve(t, dir, &fakeDesk{}, nil)
	if err := api.NewClient(dir).Get(t.Context(), "/desk", nil, &api.Desk{}); err != nil {
		t.Errorf("the new one does not answer: %v", err)
	}
}

func TestOtherFileInThePlaceOfTheSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), api.SocketName)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := api.ServeSocket(t.Context(), path, http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler), nil)
	if !fault.Is(err, fault.Config) {
		t.Errorf("error %v, want a fault of kind config", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "precious" {
		t.Error("the other file is gone")
	}
}

func TestPathTooLong(t *testing.T) {
	path := filepath.Join("/tmp", strings.Repeat("x", 110), api.SocketName)
	if err := api.ServeSocket(t.Context(), path, http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler), nil); !fault.Is(err, fault.Config) {
		t.Errorf("error %v, want a fault of kind config", err)
	}
}

func TestClientFaultsAndFiles(t *testing.T) {
	dir := t.TempDir()
	f := &fakeDesk{}
	serve(t, dir, f, nil)
	c := api.NewClient(dir)
	err := c.Get(t.Context(), "/messages/msg1zz", nil, &api.Message{})
	if k, msg, _ := fault.Visible(err); k != fault.NotFound || msg != "There is no such message." {
		t.Errorf("a missing message: %v %q", k, msg)
	}
	body, err := c.Content(t.Context(), "msg1a")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); err != nil || string(b) != "{\"type\":\"bundle\"}\r\n" {
		t.Errorf("content %q %v", b, err)
	}
	up, err := c.Upload(t.Context(), "警報 1.json", "application/stix+json", strings.NewReader("raw"))
	if err != nil || up.Size != 3 || f.calls[0] != "upload 警報 1.json" {
		t.Errorf("upload %+v %v %q", up, err, f.calls)
	}
}

func TestClientFollowsEvents(t *testing.T) {
	dir := t.TempDir()
	r := newRing(1)
	r.add("message")
	stop := serve(t, dir, &fakeDesk{}, r)
	c := api.NewClient(dir)
	var kinds []string
	last, err := c.Events(t.Context(), nil, func(e api.Event) error {
		kinds = append(kinds, e.Kind)
		switch e.Kind {
		case "snapshot":
			go r.add("line")
		case "line":
			go func() { _ = stop() }()
		}
		return nil
	})
	if got := strings.Join(kinds, " "); err != nil || last != 2 || got != "beat snapshot line" {
		t.Errorf("followed %q to %d (%v), want beat snapshot line to 2: the desk said bye", got, last, err)
	}
	if _, err := c.Events(t.Context(), &last, func(api.Event) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a stopped desk streams: %v", err)
	}
}
