package console

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"hotline/internal/fault"
	"hotline/internal/ident"
)

// sessionOfficer is the one value a session holds.
const sessionOfficer = "officer"

// newSessions returns the session rules of docs/console.md, Section 1. The cookie
// carries eight hex digits of the desk's id: browsers share cookies between
// all ports of a host, and two desks of a demo must not sign each other out.
func newSessions(desk ident.Desk, store SessionStore) *scs.SessionManager {
	s := scs.New()
	s.Store = &scsStore{under: store, last: map[string]touch{}}
	s.IdleTimeout = sessionIdle
	s.Lifetime = sessionLife
	s.HashTokenInStore = true
	s.Cookie.Name = "__Host-hotline-" + deskTag(desk)
	s.Cookie.Secure = true
	s.Cookie.HttpOnly = true
	s.Cookie.SameSite = http.SameSiteStrictMode
	s.Cookie.Path = "/"
	s.Cookie.Persist = false
	return s
}

// deskTag is the part of a desk's id that names cookies.
func deskTag(desk ident.Desk) string { return hex.EncodeToString(desk[:4]) }

// signedIn lets a request through to next when a signed-in officer made it,
// with the officer in its context. Nothing wraps the response, so that next
// can flush and set deadlines, and the context ends at sign-out.
func (c *Console) signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, o, err := c.officer(r)
		if err != nil {
			writeFault(w, err)
			return
		}
		// Sign-in data goes back to the store before the answer: an event
		// stream would otherwise hold it for hours.
		if _, _, err := c.sessions.Commit(ctx); err != nil {
			writeFault(w, err)
			return
		}
		ctx, done := c.live.add(WithOfficer(r.Context(), o), c.sessions.Token(ctx))
		defer done()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// officer returns the officer who made the request, and a context that holds
// the session. The officer is read afresh each time, so that a changed role or
// a removed officer counts at once.
func (c *Console) officer(r *http.Request) (context.Context, Officer, error) {
	var token string
	if cookie, err := r.Cookie(c.sessions.Cookie.Name); err == nil {
		token = cookie.Value
	}
	ctx, err := c.sessions.Load(r.Context(), token)
	if err != nil {
		return nil, Officer{}, err
	}
	name := c.sessions.GetString(ctx, sessionOfficer)
	if name == "" {
		return ctx, Officer{}, errNotSignedIn
	}
	o, err := c.cfg.Accounts.Officer(ctx, name)
	if errors.Is(err, ErrNoOfficer) {
		return ctx, Officer{}, errNotSignedIn
	}
	return ctx, o, err
}

var errNotSignedIn = fault.New(fault.Denied, "You are not signed in at this desk.").WithHint("Sign in again.")

// begin signs o in: a fresh token, and its cookie.
func (c *Console) begin(w http.ResponseWriter, r *http.Request, o Officer) error {
	ctx, err := c.sessions.Load(r.Context(), "")
	if err != nil {
		return err
	}
	c.sessions.Put(ctx, sessionOfficer, o.Name)
	token, expiry, err := c.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	c.sessions.WriteSessionCookie(ctx, w, token, expiry)
	return nil
}

// scsStore puts scs onto a [SessionStore], and writes a sign-in that did not
// change at most once in [touchEvery].
type scsStore struct {
	under SessionStore

	// mu guards the following
	mu   sync.Mutex
	last map[string]touch
}

// touch is what was last written for a token.
type touch struct {
	data   string
	expiry time.Time
}

func (s *scsStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.under.Find(ctx, token)
}

func (s *scsStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	s.mu.Lock()
	t, ok := s.last[token]
	s.mu.Unlock()
	if ok && t.data == string(data) && expiry.Before(t.expiry.Add(touchEvery)) {
		return nil
	}
	if err := s.under.Commit(ctx, token, data, expiry); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) >= throttleKeys {
		clear(s.last) // the next writes fill it again
	}
	s.last[token] = touch{data: string(data), expiry: expiry}
	return nil
}

func (s *scsStore) DeleteCtx(ctx context.Context, token string) error {
	s.mu.Lock()
	delete(s.last, token)
	s.mu.Unlock()
	return s.under.Delete(ctx, token)
}

// Find, Commit and Delete satisfy scs.Store; scs calls the forms above.
func (s *scsStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit satisfies scs.Store.
func (s *scsStore) Commit(token string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, data, expiry)
}

// Delete satisfies scs.Store.
func (s *scsStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// streams knows the requests that run for each sign-in, to end them with it.
type streams struct {
	// mu guards the following
	mu   sync.Mutex
	next uint64
	open map[string]map[uint64]context.CancelFunc
}

func newStreams() *streams { return &streams{open: map[string]map[uint64]context.CancelFunc{}} }

// add returns a context that ends when the sign-in does. The caller calls done.
func (s *streams) add(ctx context.Context, token string) (_ context.Context, done func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	n := s.next
	if s.open[token] == nil {
		s.open[token] = map[uint64]context.CancelFunc{}
	}
	s.open[token][n] = cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open[token], n)
		if len(s.open[token]) == 0 {
			delete(s.open, token)
		}
	}
}

// end ends every request of a sign-in.
func (s *streams) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cancel := range s.open[token] {
		cancel()
	}
}
