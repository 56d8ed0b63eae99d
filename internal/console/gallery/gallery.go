// Package gallery serves the committed console over a made-up desk, so that
// every screen can be seen and tested in every state without a line, a relay
// or a network.
//
// The console and its sign-in are the real ones; only what stands below them,
// accounts and API, is made up, keeps itself in memory and answers in the JSON
// forms of the desk's API. All traffic in it is invented and marked EXERCISE.
// GET /gallery/ lists the scenes as JSON; GET /gallery/NAME turns the desk to
// a scene and signs the browser in; theme, lang and zone may be given in the query.
//
// This package is on floor 4, beside the console that it shows.
package gallery

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"hotline/internal/console"
	"hotline/internal/ident"
)

// Gallery is the handler. It is safe for concurrent use; all browsers see the
// same desk.
type Gallery struct {
	console *console.Console
	mux     *http.ServeMux
	cookies sync.Mutex
	cookie  string // signed in once, shared: a gallery has no secrets

	// mu guards the following
	mu    sync.Mutex
	desk  *desk
	scene string
}

// officer and password of the one account, which nobody needs to type.
const (
	officer  = "WO1"
	password = "exercise exercise exercise"
)

// Start is the fixed time at which every scene begins.
var Start = time.Date(2026, time.November, 23, 2, 9, 0, 0, time.UTC)

// New returns a gallery in its first scene. log may be nil.
func New(log *slog.Logger) *Gallery {
	g := &Gallery{mux: http.NewServeMux()}
	g.turn("watch")
	g.console = console.New(console.Config{
		API:      http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.current().ServeHTTP(w, r) }),
		Accounts: newAccounts(),
		Sessions: newSessions(),
		DeskID:   ident.Desk{0x41, 0xf2, 0x9c, 0x07},
		DeskName: "JPN-1",
		Version:  "gallery",
		Now:      time.Now,
		Log:      log,
	})
	g.mux.Handle("/", g.console)
	g.mux.HandleFunc("GET /gallery/{$}", g.list)
	g.mux.HandleFunc("GET /gallery/{scene}", g.enter)
	g.mux.HandleFunc("POST /gallery/push", g.push)
	g.mux.HandleFunc("POST /gallery/cut", g.cut)
	g.mux.HandleFunc("GET /gallery/asked", g.asked)
	return g
}

// ServeHTTP answers one request.
func (g *Gallery) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.mux.ServeHTTP(w, r) }

// Violations is how many content policy reports the console has counted.
func (g *Gallery) Violations() uint64 { return g.console.Violations() }

func (g *Gallery) current() *desk {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.desk
}

// turn starts a scene from its beginning.
func (g *Gallery) turn(name string) bool {
	s, ok := scenes[name]
	if !ok {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.desk != nil {
		g.desk.close()
	}
	g.desk, g.scene = newDesk(s), name
	return true
}

// list answers the scenes, for tests and screenshots to walk.
func (g *Gallery) list(w http.ResponseWriter, _ *http.Request) {
	type row struct {
		Name string `json:"name"`
		Hash string `json:"hash"`
	}
	var rows []row
	for _, name := range sceneNames {
		rows = append(rows, row{name, scenes[name].hash})
	}
	writeJSON(w, http.StatusOK, rows)
}

// enter turns to a scene, signs the browser in and shows the scene's screen.
func (g *Gallery) enter(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("scene")
	if !g.turn(name) {
		http.NotFound(w, r)
		return
	}
	if name != "sign-in" && name != "link" {
		w.Header().Add("Set-Cookie", g.signIn(r))
	}
	if q := r.URL.Query(); q.Has("theme") {
		w.Header().Add("Set-Cookie", g.ask(r, "/in/view", map[string]string{"theme": q.Get("theme"), "lang": q.Get("lang"), "zone": q.Get("zone")}))
	}
	http.Redirect(w, r, "/"+scenes[name].hash, http.StatusSeeOther)
}

// signIn goes through the console's own door.
func (g *Gallery) signIn(r *http.Request) string {
	g.cookies.Lock()
	defer g.cookies.Unlock()
	if g.cookie != "" {
		return g.cookie
	}
	g.cookie = g.ask(r, "/in/password", map[string]string{"name": officer, "password": password})
	return g.cookie
}

// ask posts to the console's door and returns the cookie that it sets.
func (g *Gallery) ask(r *http.Request, path string, v map[string]string) string {
	body, _ := json.Marshal(v) // strings always marshal
	in := httptest.NewRequestWithContext(r.Context(), http.MethodPost, path, bytes.NewReader(body))
	in.Host = r.Host
	in.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	g.console.ServeHTTP(rec, in)
	return rec.Header().Get("Set-Cookie")
}

// push takes a message from a test and brings it in as if it had arrived.
func (g *Gallery) push(w http.ResponseWriter, r *http.Request) {
	var m map[string]any
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusOK, g.current().arrive(m))
}

// cut ends every event stream, as a network does; with ?refuse=1 the next ones
// are answered 503 until ?refuse=0.
func (g *Gallery) cut(w http.ResponseWriter, r *http.Request) {
	g.current().cut(r.URL.Query().Get("refuse"))
	w.WriteHeader(http.StatusNoContent)
}

// asked answers what the console has posted, for tests.
func (g *Gallery) asked(w http.ResponseWriter, _ *http.Request) {
	d := g.current()
	d.mu.Lock()
	defer d.mu.Unlock()
	writeJSON(w, http.StatusOK, d.posts)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a closed connection
}
