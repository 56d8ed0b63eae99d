package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"hotline/internal/api"
)

// ring is an event ring that forgets what is older than keep events.
type ring struct {
	mu      sync.Mutex
	events  []api.Event
	first   uint64 // the id of events[0]
	head    uint64
	changed chan struct{}
	largest int // the most events asked for at once
	broken  bool
}

func newRing(first uint64) *ring {
	return &ring{first: first, head: first - 1, changed: make(chan struct{})}
}

func (r *ring) add(kind string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.head++
	r.events = append(r.events, api.Event{ID: r.head, Kind: kind, Data: json.RawMessage(fmt.Sprintf("{\"n\":\n %d}", r.head))})
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *ring) After(_ context.Context, after uint64, limit int) ([]api.Event, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken {
		return nil, false, errors.New("disk")
	}
	r.largest = max(r.largest, limit)
	if after+1 < r.first || after > r.head {
		return nil, false, nil
	}
	rest := r.events[after+1-r.first:]
	return rest[:min(limit, len(rest))], true, nil
}

func (r *ring) Snapshot(context.Context) (api.Event, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return api.Event{ID: r.head, Kind: "snapshot", Data: json.RawMessage(`{}`)}, nil
}

func (r *ring) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// pipe is a client: what is written comes out of seen; stuck makes writes fail
// as a write deadline does.
type pipe struct {
	head  http.Header
	mu    sync.Mutex
	text  strings.Builder
	stuck bool
}

func (p *pipe) Header() http.Header { return p.head }
func (p *pipe) WriteHeader(int)     {}
func (p *pipe) Flush()              {}
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stuck {
		return 0, errors.New("deadline")
	}
	return p.text.Write(b)
}
func (p *pipe) setStuck() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck = true
}

// kinds returns what came, as "kind:id kind:id", beats without their id.
func (p *pipe) kinds(t *testing.T) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for block := range strings.SplitSeq(strings.TrimSuffix(p.text.String(), "\n\n"), "\n\n") {
		var id, kind string
		for line := range strings.SplitSeq(block, "\n") {
			field, value, _ := strings.Cut(line, ": ")
			switch field {
			case "id":
				id = ":" + value
			case "event":
				kind = value
			case "data":
				if !json.Valid([]byte(value)) {
					t.Errorf("data %q is not one line of JSON", value)
				}
			case "retry":
			default:
				t.Errorf("stray line %q", line)
			}
		}
		if kind != "" {
			out = append(out, kind+id)
		}
	}
	return strings.Join(out, " ")
}

// open starts a stream inside a bubble; stop ends the request.
func open(t *testing.T, r *ring, query, last string) (p *pipe, stop func()) {
	t.Helper()
	p = &pipe{head: http.Header{}}
	ctx, cancel := context.WithCancel(api.WithOfficer(t.Context(), *viewer))
	req := httptest.NewRequest("GET", "/api/v1/events"+query, nil).WithContext(ctx)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	done := make(chan struct{})
	h := newServer(&fakeDesk{}, r, nil).Handler()
	go func() {
		defer close(done)
		h.ServeHTTP(p, req)
	}()
	synctest.Wait()
	return p, func() { cancel(); <-done }
}

func TestStream(t *testing.T) {
	tests := map[string]struct {
		query, last string
		before      int // events in the ring when the client comes; ids from 5
		then        int // events while it is there
		want        string
	}{
		"a new client gets the whole state": {before: 2, then: 1, want: "beat snapshot:6 message:7 bye"},
		"it resumes after an id":            {query: "?after=5", before: 3, then: 1, want: "beat message:6 message:7 message:8 bye"},
		"the header wins":                   {query: "?after=4", last: "6", before: 3, want: "beat message:7 bye"},
		"nothing is new":                    {query: "?after=7", before: 3, want: "beat bye"},
		"older than the ring":               {query: "?after=3", before: 3, want: "beat snapshot:7 bye"},
		"just inside the ring":              {query: "?after=4", before: 3, want: "beat message:5 message:6 message:7 bye"},
		"from another desk's future":        {query: "?after=99", before: 3, want: "beat snapshot:7 bye"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRing(5)
				for range tt.before {
					r.add("message")
				}
				p, stop := open(t, r, tt.query, tt.last)
				for range tt.then {
					r.add("message")
					synctest.Wait()
				}
				stop()
				if got := p.kinds(t); got != tt.want {
					t.Errorf("stream is\n%s, want\n%s", got, tt.want)
				}
			})
		})
	}
}

func TestStreamBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(1)
		p, stop := open(t, r, "?after=0", "")
		time.Sleep(4*api.BeatEvery + time.Second)
		stop()
		if got, want := p.kinds(t), "beat beat beat beat beat bye"; got != want {
			t.Errorf("a minute of silence is %q, want %q", got, want)
		}
	})
}

// TestStreamBeatsUnderLoad has a client that never catches up: it must still
// hear that the stream lives.
func TestStreamBeatsUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(1)
		busy := &slowRing{ring: r}
		p := &pipe{head: http.Header{}}
		ctx, cancel := context.WithCancel(api.WithOfficer(t.Context(), *viewer))
		done := make(chan struct{})
		go func() {
			defer close(done)
			req := httptest.NewRequest("GET", "/api/v1/events?after=0", nil).WithContext(ctx)
			newServer(&fakeDesk{}, busy, nil).Handler().ServeHTTP(p, req)
		}()
		time.Sleep(api.BeatEvery + 2*time.Second)
		cancel()
		<-done
		if n := strings.Count(p.kinds(t), "beat"); n != 2 {
			t.Errorf("%d beats, want 2", n)
		}
	})
}

// slowRing always has one more event, a second later.
type slowRing struct{ *ring }

func (s *slowRing) After(ctx context.Context, after uint64, limit int) ([]api.Event, bool, error) {
	time.Sleep(time.Second)
	s.add("message")
	return s.ring.After(ctx, after, limit)
}

func TestStreamHoldsOnePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(1)
		for range 200 {
			r.add("message")
		}
		p, stop := open(t, r, "?after=0", "")
		stop()
		if n := strings.Count(p.kinds(t), "message"); n != 200 {
			t.Errorf("%d events came, want 200", n)
		}
		if r.largest > api.StreamPage {
			t.Errorf("%d events were held at once, want %d", r.largest, api.StreamPage)
		}
	})
}

func TestStuckClientIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(1)
		p, stop := open(t, r, "?after=0", "")
		p.setStuck()
		r.add("message")
		stop() // returns only when the handler has ended
	})
}

func TestBrokenRingEndsWithBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRing(1)
		r.broken = true
		p, stop := open(t, r, "?after=0", "")
		if got := p.kinds(t); got != "beat bye" {
			t.Errorf("stream is %q: the client must come back, not wait", got)
		}
		stop()
	})
}

func TestBadResumePoint(t *testing.T) {
	h := newServer(&fakeDesk{}, newRing(1), nil).Handler()
	for _, q := range []string{"?after=-1", "?after=x", "?after=99999999999999999999"} {
		if w := ask(h, viewer, "GET", "/api/v1/events"+q, ""); w.Code != 400 {
			t.Errorf("%s answers %d, want 400", q, w.Code)
		}
	}
}
