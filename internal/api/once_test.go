package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

const key = "6f1c1f9e-0c4e-4a52-9c57-2f8f1f5f0001"

func TestSameKeySendsOnce(t *testing.T) {
	f := &fakeDesk{}
	h := newServer(f, nil, nil).Handler()
	first := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key)
	again := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key)
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() {
		t.Errorf("answers %d %s and %d %s, want the same", first.Code, first.Body, again.Code, again.Body)
	}
	if len(f.sent) != 1 || f.keys[0] != key {
		t.Errorf("sent %d messages with keys %q, want one with the key", len(f.sent), f.keys)
	}
	if w := ask(h, operator, "POST", "/api/v1/messages", strings.Replace(draft, "FLASH", "ROUTINE", 1), "Idempotency-Key", key); w.Code != 409 {
		t.Errorf("another body under the key answers %d, want 409", w.Code)
	}
	other := &api.Officer{Name: "WO2", Role: api.Operator}
	if w := ask(h, other, "POST", "/api/v1/messages", draft, "Idempotency-Key", key); w.Code != 201 || len(f.sent) != 2 {
		t.Errorf("another officer's key: %d, %d sent", w.Code, len(f.sent))
	}
	ask(h, operator, "POST", "/api/v1/messages", draft)
	ask(h, operator, "POST", "/api/v1/messages", draft)
	if len(f.sent) != 4 {
		t.Errorf("without a key: %d sent, want 4", len(f.sent))
	}
}

// TestAnswerComesBeforeItIsKept has a memory that takes its time: the asker
// must not wait for it.
func TestAnswerComesBeforeItIsKept(t *testing.T) {
	s := newServer(&fakeDesk{}, nil, nil)
	slow := &slowAnswers{Answers: api.NewMemoryAnswers(), keep: make(chan struct{})}
	s.Answers = slow
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Handler().ServeHTTP(w, r.WithContext(api.WithOfficer(r.Context(), *operator)))
	}))
	defer srv.Close()
	defer close(slow.keep)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/api/v1/messages", strings.NewReader(draft))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	resp, err := srv.Client().Do(req.WithContext(ctx))
	if err != nil {
		t.Fatalf("the answer waits for the memory: %v", err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 201 || !json.Valid(body) {
		t.Errorf("answer %d %q %v", resp.StatusCode, body, err)
	}
}

// slowAnswers keeps nothing until its channel is closed.
type slowAnswers struct {
	api.Answers
	keep chan struct{}
}

func (s *slowAnswers) Keep(ctx context.Context, scope, key string, a api.Answer) error {
	<-s.keep
	return s.Answers.Keep(ctx, scope, key, a)
}

func TestErrorsAreTriedAgain(t *testing.T) {
	f := &fakeDesk{err: fault.New(fault.Busy, "Full.")}
	h := newServer(f, nil, nil).Handler()
	if w := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key); w.Code != 429 {
		t.Fatalf("answer %d", w.Code)
	}
	f.err = nil
	if w := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key); w.Code != 201 || len(f.sent) != 1 {
		t.Errorf("retry answers %d, %d sent", w.Code, len(f.sent))
	}
}

func TestSameKeyAtTheSameTime(t *testing.T) {
	f := &fakeDesk{hold: make(chan struct{}), in: make(chan struct{}, 2)}
	h := newServer(f, nil, nil).Handler()
	done := make(chan int)
	go func() { done <- ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key).Code }()
	<-f.in // the first is inside
	if w := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key); w.Code != 429 {
		t.Errorf("the second answers %d, want 429", w.Code)
	}
	close(f.hold)
	if code := <-done; code != 201 || len(f.sent) != 1 {
		t.Errorf("the first answers %d, %d sent", code, len(f.sent))
	}
}

func TestBadKeys(t *testing.T) {
	h := newServer(&fakeDesk{}, nil, nil).Handler()
	for _, k := range []string{"short", strings.Repeat("k", 65), "with space", "café-café"} {
		if w := ask(h, operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", k); w.Code != 400 {
			t.Errorf("key %q answers %d, want 400", k, w.Code)
		}
	}
}

func TestAnswersAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := api.NewMemoryAnswers()
		if err := m.Keep(t.Context(), "s", "k", api.Answer{Status: 201}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(api.AnswersFor - time.Second)
		if _, ok, err := m.Recall(t.Context(), "s", "k"); !ok || err != nil {
			t.Errorf("just before its end: %v %v", ok, err)
		}
		time.Sleep(2 * time.Second)
		if _, ok, _ := m.Recall(t.Context(), "s", "k"); ok {
			t.Error("still there after a day")
		}
	})
}

func TestBrokenMemoryDoesNotSend(t *testing.T) {
	f := &fakeDesk{}
	s := newServer(f, nil, nil)
	s.Answers = failing{}
	if w := ask(s.Handler(), operator, "POST", "/api/v1/messages", draft, "Idempotency-Key", key); w.Code != 500 || len(f.sent) != 0 {
		t.Errorf("answer %d, %d sent: an unreadable memory must not lead to a second message", w.Code, len(f.sent))
	}
}

var errDisk = errors.New("disk")

// failing is a memory whose disk is broken.
type failing struct{}

func (failing) Recall(context.Context, string, string) (api.Answer, bool, error) {
	return api.Answer{}, false, errDisk
}
func (failing) Keep(context.Context, string, string, api.Answer) error { return errDisk }
