package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"hotline/internal/fault"
)

// once lets a request with an Idempotency-Key run a single time: whoever asks
// again with the same key and body gets the first answer, whoever brings
// another body is told so. A request without a key just runs. Only successes
// are kept: after an error a retry is a new try.
func (s *Server) once(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		key := r.Header.Get("Idempotency-Key")
		if key == "" {
			return h(w, r)
		}
		if err := checkKey(key); err != nil {
			return err
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		ctx := context.WithValue(r.Context(), idempotencyKey{}, key)
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if s.Answers == nil {
			return h(w, r)
		}
		who, _ := OfficerFrom(ctx)
		scope := who.Name + " " + r.Method + " " + r.URL.Path
		if !s.begin(scope, key) {
			return fault.New(fault.Busy, "The same request is still being worked on.").WithHint("ask again in a moment")
		}
		defer s.end(scope, key)
		return s.runOnce(w, r, h, scope, key, sha256.Sum256(body))
	}
}

func (s *Server) runOnce(w http.ResponseWriter, r *http.Request, h handler, scope, key string, sum [32]byte) error {
	ctx := r.Context()
	a, ok, err := s.Answers.Recall(ctx, scope, key)
	switch {
	case err != nil:
		return fmt.Errorf("recall answer: %w", err)
	case ok && a.Request != sum:
		return fault.New(fault.Conflict, "This Idempotency-Key was used for another request.")
	case ok:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Idempotent-Replay", "true")
		noStore(w)
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
		return nil
	}
	rec := &recorded{ResponseWriter: w}
	if err := h(rec, r); err != nil {
		return err
	}
	if rec.status/100 != 2 {
		return nil
	}
	// The thing is done: the asker has the answer before a second write to disk
	// keeps it. If that fails, or the process dies before, the rule's own use
	// of the key (see IdempotencyKey) still holds a retry back.
	_ = http.NewResponseController(w).Flush() // a client that left is not our fault
	keep := context.WithoutCancel(ctx)
	if err := s.Answers.Keep(keep, scope, key, Answer{Request: sum, Status: rec.status, Body: rec.body.Bytes()}); err != nil {
		s.log().WarnContext(ctx, "keep answer failed", "err", err)
	}
	return nil
}

func checkKey(key string) error {
	if len(key) < 8 || len(key) > 64 {
		return fault.New(fault.Invalid, "An Idempotency-Key has 8 to 64 characters; a UUID is a good one.")
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			return fault.New(fault.Invalid, "An Idempotency-Key holds printable ASCII only.")
		}
	}
	return nil
}

func (s *Server) begin(scope, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := scope + " " + key
	if s.running[id] {
		return false
	}
	if s.running == nil {
		s.running = map[string]bool{}
	}
	s.running[id] = true
	return true
}

func (s *Server) end(scope, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, scope+" "+key)
}

// recorded keeps a copy of the answer that passes through it.
type recorded struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorded) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorded) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// MemoryAnswers keeps answers in memory: they go with the process.
type MemoryAnswers struct {
	mu sync.Mutex
	// mu guards the following.
	kept map[string]keptAnswer
}

type keptAnswer struct {
	Answer
	until time.Time
}

// NewMemoryAnswers returns an empty memory.
func NewMemoryAnswers() *MemoryAnswers { return &MemoryAnswers{kept: map[string]keptAnswer{}} }

// Recall implements [Answers].
func (m *MemoryAnswers) Recall(_ context.Context, scope, key string) (Answer, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.kept[scope+" "+key]
	if !ok || time.Now().After(a.until) {
		return Answer{}, false, nil
	}
	return a.Answer, true, nil
}

// Keep implements [Answers]; it also forgets what is older than [AnswersFor].
func (m *MemoryAnswers) Keep(_ context.Context, scope, key string, a Answer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for k, old := range m.kept {
		if now.After(old.until) {
			delete(m.kept, k)
		}
	}
	m.kept[scope+" "+key] = keptAnswer{a, now.Add(AnswersFor)}
	return nil
}
