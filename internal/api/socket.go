package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"hotline/internal/fault"
)

// SocketName is the control socket's name in a desk's directory.
const SocketName = "control.sock"

// Mapping names the officer behind a user of this machine, who is either the
// desk's own user or root: nobody else gets as far.
type Mapping func(uid uint32) Officer

// ServeSocket serves h on a unix socket at path until ctx ends, and then
// removes the socket. The socket is 0600, and beside that the kernel is asked
// who connects: only the desk's own user and root are let in, and mapped to an
// officer. A socket that a dead process left is replaced; one that still
// answers is a fault of kind Config, and stays.
//
// ready is called once connections are accepted; it may be nil.
func ServeSocket(ctx context.Context, path string, h http.Handler, mapping Mapping, log *slog.Logger, ready func()) error {
	ln, err := listenSocket(ctx, path, log)
	if err != nil {
		return err
	}
	defer ln.remove()
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if k, ok := c.(*knownConn); ok {
				o := mapping(k.uid)
				o.Local = true
				return WithOfficer(ctx, o)
			}
			return ctx // no officer: refused by the handler
		},
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := srv.Shutdown(grace); err != nil {
			_ = srv.Close() // cut off whoever did not leave
		}
	}()
	if ready != nil {
		ready()
	}
	err = srv.Serve(ln)
	if ctx.Err() != nil {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve control socket: %w", err)
}

// socketListener lets in only those whom the kernel names as ours.
type socketListener struct {
	*net.UnixListener
	path string
	info os.FileInfo
	log  *slog.Logger
}

// maxSocketPath is what fits into the kernel's address of a unix socket
// (sun_path, 108 bytes with its zero on Linux, 104 elsewhere).
const maxSocketPath = 103

func listenSocket(ctx context.Context, path string, log *slog.Logger) (*socketListener, error) {
	fresh := path + ".new"
	if len(fresh) > maxSocketPath {
		return nil, fault.New(fault.Config, "The path of the control socket is longer than %d bytes.", maxSocketPath).
			WithHint("choose a directory with a shorter path")
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, err
	}
	// Made beside its place, closed to others, and only then moved there, so
	// that it never stands open.
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("remove old socket: %w", err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on control socket: %w", err)
	}
	ln.SetUnlinkOnClose(false)
	l := &socketListener{UnixListener: ln, path: path, log: log}
	if err := l.place(fresh); err != nil {
		_ = ln.Close()
		_ = os.Remove(fresh)
		return nil, err
	}
	return l, nil
}

func (l *socketListener) place(fresh string) error {
	if err := os.Chmod(fresh, 0o600); err != nil {
		return fmt.Errorf("close control socket to others: %w", err)
	}
	info, err := os.Lstat(fresh)
	if err != nil {
		return fmt.Errorf("look at control socket: %w", err)
	}
	l.info = info
	if err := os.Rename(fresh, l.path); err != nil {
		return fmt.Errorf("place control socket: %w", err)
	}
	return nil
}

// clearStale removes a socket at path that nobody serves.
func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at control socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fault.New(fault.Config, "In the place of the control socket is another file.").
			WithHint("move %s away", filepath.Base(path))
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	c, err := dialer.DialContext(ctx, "unix", path)
	if err == nil {
		_ = c.Close()
		return fault.New(fault.Config, "Another process already serves this directory.").
			WithHint("stop it first; hotline desk status shows whether it answers")
	}
	if !refused(err) {
		return fmt.Errorf("ask control socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale socket: %w", err)
	}
	return nil
}

// remove takes the socket away if it is still this listener's.
func (l *socketListener) remove() {
	_ = l.Close()
	if now, err := os.Lstat(l.path); err == nil && os.SameFile(now, l.info) {
		_ = os.Remove(l.path)
	}
}

// Accept returns the next connection of the desk's own user or of root.
func (l *socketListener) Accept() (net.Conn, error) {
	for {
		c, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		uid, err := peerUID(c)
		if err == nil && allowed(uid, uint32(os.Geteuid())) {
			return &knownConn{UnixConn: c, uid: uid}, nil
		}
		l.log.Warn("control socket refused a user", "uid", uid, "err", err)
		_ = c.Close()
	}
}

// allowed reports whether the user uid may command a desk that runs as own.
func allowed(uid, own uint32) bool { return uid == own || uid == 0 }

// knownConn is a connection whose user the kernel has named.
type knownConn struct {
	*net.UnixConn
	uid uint32
}
