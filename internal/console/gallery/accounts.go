package gallery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"hotline/internal/console"
)

// Link is the secret of the gallery's one-time link, which serves for ever.
const Link = "gallery-link"

// accounts has one officer, and one link that is never used up.
type accounts struct {
	mu   sync.Mutex
	hash string
}

func newAccounts() *accounts { return &accounts{hash: console.HashPassword(password)} }

func (a *accounts) Officer(_ context.Context, name string) (console.Officer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name != officer {
		return console.Officer{}, fmt.Errorf("find officer: %w", console.ErrNoOfficer)
	}
	return console.Officer{Name: officer, Role: "operator", Password: a.hash}, nil
}

func (a *accounts) Link(ctx context.Context, hash [32]byte, _ time.Time) (console.Officer, error) {
	if hash != console.LinkHash(Link) {
		return console.Officer{}, fmt.Errorf("find link: %w", console.ErrNoOfficer)
	}
	return a.Officer(ctx, officer)
}

func (a *accounts) UseLink(ctx context.Context, hash [32]byte, _ string, now time.Time) (console.Officer, error) {
	return a.Link(ctx, hash, now) // the gallery keeps its password
}

func (a *accounts) Record(context.Context, console.SignIn) {}

// sessions keeps sign-ins in memory.
type sessions struct {
	mu   sync.Mutex
	data map[string]session
}

type session struct {
	data   []byte
	expiry time.Time
}

func newSessions() *sessions { return &sessions{data: map[string]session{}} }

func (s *sessions) Find(_ context.Context, token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.data[token]
	return e.data, ok && time.Now().Before(e.expiry), nil
}

func (s *sessions) Commit(_ context.Context, token string, data []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[token] = session{data, expiry}
	return nil
}

func (s *sessions) Delete(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, token)
	return nil
}
