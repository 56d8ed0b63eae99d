package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"hotline/internal/fault"
)

// errNotSignedIn is the one denied fault that is a 401.
var errNotSignedIn = fault.New(fault.Denied, "You are not signed in.")

// statusOf holds the HTTP status of every kind of fault; docs/errors.md shows
// the same table.
var statusOf = map[fault.Kind]int{
	fault.Internal:    http.StatusInternalServerError,
	fault.Invalid:     http.StatusBadRequest,
	fault.NotFound:    http.StatusNotFound,
	fault.Conflict:    http.StatusConflict,
	fault.Refused:     http.StatusUnprocessableEntity,
	fault.Denied:      http.StatusForbidden,
	fault.TooLarge:    http.StatusRequestEntityTooLarge,
	fault.Busy:        http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable,
	fault.Timeout:     http.StatusGatewayTimeout,
	fault.Unverified:  http.StatusUnprocessableEntity,
	fault.Config:      http.StatusInternalServerError,
}

// StatusOf returns the HTTP status for a fault of kind k.
func StatusOf(k fault.Kind) int {
	if st, ok := statusOf[k]; ok {
		return st
	}
	return http.StatusInternalServerError
}

// wrap turns a handler's error into a problem document and a log line, and a
// panic into both. The log holds no content. Where something is wrong with what
// was asked, it has route, status and kind only: the sentence quotes it, and an
// officer may have pasted anything there. Of all else it has the error too.
func (s *Server) wrap(pattern string, h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		tw := &tracked{ResponseWriter: w}
		err := s.caught(tw, r, h) //nolint:contextcheck // the request carries it
		if err == nil {
			s.log().DebugContext(r.Context(), "api request", "route", pattern, "status", tw.status, "ms", time.Since(begun).Milliseconds())
			return
		}
		s.fail(tw, r, pattern, err)
	})
}

// caught calls h and returns a panic of it as an error.
func (s *Server) caught(w http.ResponseWriter, r *http.Request, h handler) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // a panic's value, net/http's own way to drop a connection
			panic(p)
		}
		s.log().ErrorContext(r.Context(), "api handler panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		err = fmt.Errorf("handle request: panic")
	}()
	return h(w, r)
}

func (s *Server) fail(w *tracked, r *http.Request, pattern string, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		s.log().DebugContext(r.Context(), "api client went away", "route", pattern)
		return
	}
	p, status := problem(err)
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	attrs := []any{"route", pattern, "status", status, "kind", p.Kind, "ref", p.Ref}
	if !quotes(err) {
		attrs = append(attrs, "err", err)
	}
	s.log().Log(r.Context(), level, "api request refused", attrs...)
	if w.status != 0 { // the answer has begun: an honest end is a broken one
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	noStore(w)
	w.WriteHeader(status)
	body, _ := json.Marshal(p) // strings only: cannot fail
	_, _ = w.Write(append(body, '\n'))
}

// quotes reports whether the sentence of err may repeat what was asked.
func quotes(err error) bool {
	switch kind, _, _ := fault.Visible(err); kind {
	case fault.Invalid, fault.NotFound, fault.Conflict, fault.Refused:
		return true
	}
	return false
}

// problem returns what may be shown of err.
func problem(err error) (Problem, int) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fault.Wrap(err, fault.TooLarge, "That is larger than the %s which may be sent here.", sizeText(tooLarge.Limit))
	}
	kind, msg, hint := fault.Visible(err)
	status := StatusOf(kind)
	if errors.Is(err, errNotSignedIn) {
		status = http.StatusUnauthorized
	}
	return Problem{Kind: kind.String(), Msg: msg, Hint: hint, Ref: rand.Text()[:10]}, status
}

func sizeText(n int64) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

// tracked remembers whether an answer has begun.
type tracked struct {
	http.ResponseWriter
	status int
}

func (t *tracked) WriteHeader(status int) {
	if t.status == 0 {
		t.status = status
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *tracked) Write(b []byte) (int, error) {
	if t.status == 0 {
		t.status = http.StatusOK
	}
	return t.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach deadlines and flushing.
func (t *tracked) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

// writeJSON answers with v. A nil slice would be null in JSON: handlers pass
// through [list] first.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // JSON is never put into a page as markup
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	noStore(w)
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // a client that left is not our fault
	return nil
}

// list returns l, or an empty list for nil, so that JSON says [] and not null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
