package gallery

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// obj is a JSON object. The gallery writes the API's forms by hand, because it
// must not share code with what it stands in for.
type obj = map[string]any

// desk is the made-up desk of one scene.
type desk struct {
	mux   *http.ServeMux
	scene scene
	begun time.Time // real time at which the scene began

	// mu guards the following
	mu       sync.Mutex
	self     obj
	lines    []obj
	messages []obj // newest first
	posts    []obj // what the console has posted, for tests
	uploads  map[string]obj
	events   []event
	changed  chan struct{} // closed and replaced at each event
	cutting  chan struct{} // closed and replaced to end all streams
	refusing bool
	serial   int
	trust    trustState
}

type event struct {
	id   int
	kind string
	data []byte
}

func newDesk(s scene) *desk {
	d := &desk{
		mux: http.NewServeMux(), scene: s, begun: time.Now(), posts: []obj{}, uploads: map[string]obj{},
		changed: make(chan struct{}), cutting: make(chan struct{}), serial: 420,
	}
	d.self, d.lines, d.messages, d.trust = s.self(), s.lines(), s.messages(), allTrust()
	if s.trust != nil {
		d.trust = s.trust()
	}
	d.serveTrust()
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /desk": d.getDesk, "GET /lines": d.getLines, "GET /messages": d.getMessages, "GET /messages/{id}": d.getMessage,
		"GET /messages/{id}/stix": d.getSTIX, "POST /messages/{id}/ack": d.ack, "POST /messages/{id}/opened": d.opened, "POST /messages": d.send, "POST /review": d.review,
		"POST /uploads": d.upload, "POST /presence": d.presence, "GET /events": d.stream,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		d.mux.HandleFunc(method+" /api/v1"+path, h)
	}
	return d
}

// ServeHTTP answers one request of the console.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if d.scene.broken && !strings.HasSuffix(r.URL.Path, "/presence") {
		problem(w, http.StatusServiceUnavailable, "unavailable", "The store of this desk does not answer.", "look at the desk's log")
		return
	}
	d.mux.ServeHTTP(w, r)
}

// now is the scene's clock: it begins at [Start] and runs.
func (d *desk) now() time.Time { return Start.Add(time.Since(d.begun)) }

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func problem(w http.ResponseWriter, status int, kind, msg, hint string) {
	writeJSON(w, status, obj{"kind": kind, "msg": msg, "hint": hint, "ref": "EXERCISE"})
}

func (d *desk) getDesk(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.self["now"] = stamp(d.now())
	writeJSON(w, http.StatusOK, d.self)
}

func (d *desk) getLines(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	writeJSON(w, http.StatusOK, d.lines)
}

func (d *desk) getMessages(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []obj{}
	line := r.URL.Query().Get("line")
	for _, m := range d.messages {
		if line == "" || m["line"] == line {
			out = append(out, m)
		}
	}
	writeJSON(w, http.StatusOK, out)
}

func (d *desk) find(id string) obj {
	i := slices.IndexFunc(d.messages, func(m obj) bool { return m["id"] == id })
	if i < 0 {
		return nil
	}
	return d.messages[i]
}

func (d *desk) getMessage(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if m := d.find(r.PathValue("id")); m != nil {
		writeJSON(w, http.StatusOK, m)
		return
	}
	problem(w, http.StatusNotFound, "not_found", "There is no such message at this desk.", "")
}

func (d *desk) getSTIX(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/stix+json;version=2.1")
	w.Header().Set("Content-Disposition", `attachment; filename="exercise.json"`)
	_, _ = io.WriteString(w, bundle) // a closed connection
}

func (d *desk) presence(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	w.WriteHeader(http.StatusNoContent)
}

// note remembers what was posted and returns it.
func (d *desk) note(r *http.Request) obj {
	var body obj
	_ = json.NewDecoder(r.Body).Decode(&body) // an empty body notes nothing
	d.mu.Lock()
	defer d.mu.Unlock()
	d.posts = append(d.posts, obj{"path": strings.TrimPrefix(r.URL.Path, "/api/v1"), "body": body, "key": r.Header.Get("Idempotency-Key")})
	return body
}

// outcomes maps what an officer may do to the rung that it makes and to what
// may be done afterwards.
var outcomes = map[string]struct {
	rung  string
	after []any
}{
	"receipt":  {"receipted", []any{"comply", "cannot", "hold", "withdraw"}},
	"comply":   {"comply", []any{}},
	"cannot":   {"cannot", []any{}},
	"hold":     {"holding", []any{"comply", "cannot"}},
	"withdraw": {"withdrawn", []any{"receipt", "comply", "cannot", "hold"}},
}

// opened notes that the console says who reads what.
func (d *desk) opened(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	w.WriteHeader(http.StatusNoContent)
}

func (d *desk) ack(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	outcome, _ := body["outcome"].(string)
	o, ok := outcomes[outcome]
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.find(r.PathValue("id"))
	if !ok || m == nil {
		problem(w, http.StatusBadRequest, "invalid", "There is no such outcome.", "")
		return
	}
	if d.scene.refuseAck {
		problem(w, http.StatusServiceUnavailable, "unavailable", "The store of this desk does not answer.", "")
		return
	}
	m["state"], m["actions"], m["overdue"] = o.rung, o.after, false
	text, _ := body["text"].(string)
	if by, _ := body["answer_by"].(string); by != "" {
		text = strings.TrimSpace("answer by " + by + " " + text)
	}
	m["ladder"] = append(m["ladder"].([]any), rung(o.rung, "JPN", "JPN-1", "watch officer", d.now(), true, text))
	d.emit("ladder", obj{"message": m})
	writeJSON(w, http.StatusOK, m)
}

func (d *desk) upload(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return // the console gave up
	}
	var in struct {
		Type    string           `json:"type"`
		Objects []map[string]any `json:"objects"`
	}
	if json.Unmarshal(b, &in) != nil || in.Type != "bundle" {
		problem(w, http.StatusBadRequest, "invalid", "The file is not a STIX bundle.", "a bundle is one JSON object with \"type\": \"bundle\"")
		return
	}
	counts := map[string]int{}
	for _, o := range in.Objects {
		counts[fmt.Sprint(o["type"])]++
	}
	var summary []any
	for t, n := range counts {
		summary = append(summary, obj{"type": t, "count": n})
	}
	sum := sha256.Sum256(b)
	u := obj{"upload": "up-" + hex.EncodeToString(sum[:4]), "sha256": hex.EncodeToString(sum[:]), "size": len(b), "objects": len(in.Objects), "summary": summary}
	d.mu.Lock()
	d.uploads[u["upload"].(string)] = u
	d.mu.Unlock()
	writeJSON(w, http.StatusOK, u)
}
