package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"hotline/internal/ident"
)

// fakeAccounts has officers and links in memory.
type fakeAccounts struct {
	mu       sync.Mutex
	officers map[string]Officer
	links    map[[32]byte]string
	expires  time.Time
	acts     []string
}

func (a *fakeAccounts) Officer(_ context.Context, name string) (Officer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o, ok := a.officers[name]
	if !ok {
		return o, fmt.Errorf("find officer: %w", ErrNoOfficer)
	}
	return o, nil
}

func (a *fakeAccounts) Link(_ context.Context, hash [32]byte, now time.Time) (Officer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name, ok := a.links[hash]
	if !ok || now.After(a.expires) {
		return Officer{}, fmt.Errorf("find link: %w", ErrNoOfficer)
	}
	return a.officers[name], nil
}

func (a *fakeAccounts) UseLink(ctx context.Context, hash [32]byte, password string, now time.Time) (Officer, error) {
	o, err := a.Link(ctx, hash, now)
	if err != nil {
		return o, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.links, hash)
	o.Password = password
	a.officers[o.Name] = o
	return o, nil
}

func (a *fakeAccounts) Record(_ context.Context, e SignIn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acts = append(a.acts, strings.TrimSpace(e.Act+" "+e.Officer))
}

// fakeSessions keeps sign-ins, and counts how often they were written.
type fakeSessions struct {
	mu     sync.Mutex
	data   map[string][]byte
	writes int
}

func (s *fakeSessions) Find(_ context.Context, token string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.data[token]
	return b, ok, nil
}

func (s *fakeSessions) Commit(_ context.Context, token string, b []byte, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[token] = b
	s.writes++
	return nil
}

func (s *fakeSessions) Delete(_ context.Context, token string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, token)
	return nil
}

// door is a console behind a TLS server (its cookies are Secure), and a client
// with a cookie jar.
type door struct {
	t        *testing.T
	console  *Console
	server   *httptest.Server
	client   *http.Client
	accounts *fakeAccounts
	sessions *fakeSessions
	link     string
	log      *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

func (d *door) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *door) pass(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

const good = "correct horse battery"

func newDoor(t *testing.T, api http.HandlerFunc) *door {
	t.Helper()
	d := &door{
		t: t, link: NewLink(), log: &bytes.Buffer{}, now: time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC),
		accounts: &fakeAccounts{officers: map[string]Officer{"WO1": {Name: "WO1", Role: "operator"}}},
		sessions: &fakeSessions{data: map[string][]byte{}},
	}
	d.accounts.links = map[[32]byte]string{LinkHash(d.link): "WO1"}
	d.accounts.expires = d.now.Add(LinkLife)
	if api == nil {
		api = func(w http.ResponseWriter, r *http.Request) {
			o, ok := OfficerFrom(r.Context())
			fmt.Fprintf(w, "%s %s %v %q", o.Name, o.Role, ok, o.Password)
		}
	}
	d.console = New(Config{
		API: api, Accounts: d.accounts, Sessions: d.sessions, DeskID: ident.Desk{0x41, 0xf2, 0x9c, 0x07}, DeskName: "JPN-1",
		Now: d.clock, Log: slog.New(slog.NewTextHandler(d.log, nil)),
	})
	d.server = httptest.NewTLSServer(d.console)
	t.Cleanup(d.server.Close)
	d.client = d.server.Client()
	d.client.Jar, _ = cookiejar.New(nil) // never fails
	return d
}

// ask makes one request; a body makes it a POST of JSON.
func (d *door) ask(path string, body any, header ...string) (status int, text string, h http.Header) {
	d.t.Helper()
	req, err := http.NewRequest(http.MethodGet, d.server.URL+path, nil)
	if body != nil {
		b, _ := json.Marshal(body)
		req, err = http.NewRequest(http.MethodPost, d.server.URL+path, bytes.NewReader(b))
		req.Header.Set("Content-Type", "application/json")
	}
	if err != nil {
		d.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := d.client.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b), res.Header
}

func (d *door) want(status int, path string, body any, header ...string) string {
	d.t.Helper()
	got, text, _ := d.ask(path, body, header...)
	if got != status {
		d.t.Fatalf("%s = %d %s, want %d", path, got, text, status)
	}
	return text
}

type form map[string]string

// signIn uses the link up and sets the password.
func (d *door) signIn() {
	d.t.Helper()
	d.want(200, "/in/first", form{"link": d.link, "password": good})
}

func TestLinkThenPassword(t *testing.T) {
	d := newDoor(t, nil)
	d.want(401, "/api/v1/desk", nil)
	if got := d.want(200, "/in/link", form{"link": d.link}); !strings.Contains(got, `"officer":"WO1"`) {
		t.Errorf("link is for %s, want WO1", got)
	}
	d.want(400, "/in/first", form{"link": d.link, "password": "too short"})
	d.want(401, "/api/v1/desk", nil)
	d.signIn()
	if got, want := d.want(200, "/api/v1/desk", nil), `WO1 operator true ""`; got != want {
		t.Errorf("the API saw %s, want %s", got, want)
	}
	d.want(401, "/in/link", form{"link": d.link})
	d.want(401, "/in/first", form{"link": d.link, "password": good})

	d.want(204, "/in/out", form{})
	d.want(401, "/api/v1/desk", nil)
	d.want(401, "/in/password", form{"name": "WO1", "password": good + "x"})
	d.want(200, "/in/password", form{"name": "WO1", "password": good})
	d.want(200, "/api/v1/desk", nil)
}

func TestLinkExpires(t *testing.T) {
	d := newDoor(t, nil)
	d.pass(LinkLife + time.Second)
	d.want(401, "/in/link", form{"link": d.link})
	d.want(401, "/in/first", form{"link": d.link, "password": good})
}

func TestUnknownNameLooksLikeWrongPassword(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	strip := func(s string) string { before, _, _ := strings.Cut(s, `"ref"`); return before }
	a := strip(d.want(401, "/in/password", form{"name": "WO1", "password": "wrong wrong wrong"}))
	b := strip(d.want(401, "/in/password", form{"name": "nobody", "password": "wrong wrong wrong"}))
	if a != b {
		t.Errorf("answers differ:\n%s\n%s", a, b)
	}
}

func TestOfficerWithoutPasswordCannotSignIn(t *testing.T) {
	d := newDoor(t, nil)
	d.want(401, "/in/password", form{"name": "WO1", "password": ""})
	d.want(401, "/in/password", form{"name": "WO1", "password": good})
}

// TestThrottlePerAccount begins with four failures on record, since each real
// one costs 64 MiB and a good part of a second.
func TestThrottlePerAccount(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	for range triesPerAccount - 1 {
		d.console.throttle.failed(nameKey("WO1"), triesPerAccount)
	}
	d.want(401, "/in/password", form{"name": "WO1", "password": "wrong wrong wrong"})
	status, _, h := d.ask("/in/password", form{"name": "WO1", "password": good})
	if status != 429 || h.Get("Retry-After") != "60" {
		t.Errorf("sixth try = %d, Retry-After %q, want 429 and 60", status, h.Get("Retry-After"))
	}
	d.pass(61 * time.Second)
	d.console.throttle.failed(nameKey("WO1"), triesPerAccount)
	_, _, h = d.ask("/in/password", form{"name": "WO1", "password": good})
	if h.Get("Retry-After") != "120" {
		t.Errorf("after a further failure Retry-After is %q, want 120", h.Get("Retry-After"))
	}
	d.pass(121 * time.Second)
	d.want(200, "/in/password", form{"name": "WO1", "password": good})
}

func TestThrottlePerAddress(t *testing.T) {
	d := newDoor(t, nil)
	for i := range 20 {
		d.want(401, "/in/link", form{"link": fmt.Sprint("guess", i)})
	}
	d.want(429, "/in/link", form{"link": d.link})
	d.want(429, "/in/password", form{"name": "WO1", "password": good})
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	d := newDoor(t, nil)
	for _, path := range []string{"/", "/nothing", "/api/v1/desk", "/assets/none.js", "/in/me"} {
		_, _, h := d.ask(path, nil)
		for _, k := range []string{"Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy"} {
			if h.Get(k) == "" {
				t.Errorf("%s has no %s", path, k)
			}
		}
		if h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s has Cache-Control %q, want no-store", path, h.Get("Cache-Control"))
		}
	}
	d.signIn()
	_, _, h := d.ask("/", nil, "Host", "rebound.example")
	if h.Get("Content-Security-Policy") == "" {
		t.Error("the answer to a foreign name has no policy")
	}
}

func TestForeignNameIsMisdirected(t *testing.T) {
	d := newDoor(t, nil)
	for _, host := range []string{"rebound.example", "127.0.0.1.evil.example", "localhost.evil:80", ""} {
		if host != "" {
			d.want(421, "/", nil, "Host", host)
		}
	}
	for _, host := range []string{"localhost:8421", "127.0.0.1", "[::1]:8421", "LOCALHOST"} {
		d.want(200, "/", nil, "Host", host)
	}
}

func TestPostsFromElsewhereAreRefused(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	d.want(401, "/api/v1/messages", form{}, "Sec-Fetch-Site", "cross-site")
	d.want(401, "/api/v1/messages", form{}, "Sec-Fetch-Site", "same-site")
	d.want(401, "/in/out", form{}, "Origin", "http://127.0.0.1:9")
	d.want(200, "/api/v1/messages", form{}, "Sec-Fetch-Site", "same-origin")
}

func TestCookies(t *testing.T) {
	d := newDoor(t, nil)
	_, _, h := d.ask("/in/first", form{"link": d.link, "password": good})
	c := h.Get("Set-Cookie")
	for _, want := range []string{"__Host-hotline-41f29c07=", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(c, want) {
			t.Errorf("cookie %q lacks %q", c, want)
		}
	}
	u, _ := url.Parse(d.server.URL)
	token := d.client.Jar.Cookies(u)[0].Value
	for k := range d.sessions.data {
		if k == token {
			t.Error("the store holds the token itself, want its hash")
		}
	}
}

func TestPresenceDoesNotWriteEachTime(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	before := d.sessions.writes
	for range 10 {
		d.want(200, "/api/v1/presence", form{})
	}
	if n := d.sessions.writes - before; n > 1 {
		t.Errorf("ten requests wrote the session %d times, want at most once", n)
	}
}

func TestRemovedOfficerIsOutAtOnce(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	d.accounts.mu.Lock()
	delete(d.accounts.officers, "WO1")
	d.accounts.mu.Unlock()
	d.want(401, "/api/v1/desk", nil)
}

// TestStreamFlushesAndEndsAtSignOut checks what events need: each write leaves
// at once, a write deadline can be set, and sign-out ends the stream.
func TestStreamFlushesAndEndsAtSignOut(t *testing.T) {
	ended := make(chan struct{})
	d := newDoor(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Errorf("set write deadline: %v", err)
		}
		fmt.Fprint(w, "first")
		if err := rc.Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
		<-r.Context().Done()
		close(ended)
	})
	d.signIn()
	res, err := d.client.Get(d.server.URL + "/api/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 5)
	if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "first" {
		t.Fatalf("read %q, %v while the stream is open, want first", b, err)
	}
	d.want(204, "/in/out", form{})
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream outlived the sign-in")
	}
}

func TestReportIsCountedWithoutContent(t *testing.T) {
	d := newDoor(t, nil)
	body := `{"csp-report":{"effective-directive":"script-src-elem","blocked-uri":"https://CANARY.example","script-sample":"CANARY"}}`
	res, err := d.client.Post(d.server.URL+"/api/v1/csp", "application/csp-report", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := d.console.Violations(); n != 1 {
		t.Errorf("counted %d violations, want 1", n)
	}
	if s := d.log.String(); !strings.Contains(s, "rule=script-src") || strings.Contains(s, "CANARY") {
		t.Errorf("log is %s, want the rule and nothing of the content", s)
	}
}

func TestNothingSecretIsLogged(t *testing.T) {
	d := newDoor(t, nil)
	d.signIn()
	d.ask("/in/password", form{"name": "CANARYNAME", "password": "CANARYPASSWORD"})
	d.ask("/in/link", form{"link": "CANARYLINK"})
	if s := d.log.String(); strings.Contains(s, "CANARY") || strings.Contains(s, d.link) || strings.Contains(s, good) {
		t.Errorf("the log holds what was typed: %s", s)
	}
	if got := strings.Join(d.accounts.acts, ", "); got != "link_used WO1, refused, refused" {
		t.Errorf("recorded %q, want the three acts without what was typed", got)
	}
}

func TestViewIsWrittenIntoThePage(t *testing.T) {
	d := newDoor(t, nil)
	if _, text, _ := d.ask("/", nil, "Accept-Language", "ja-JP,ja;q=0.9"); !strings.Contains(text, `<html lang="ja" data-theme="auto">`) {
		t.Errorf("a Japanese browser gets %.200s", text)
	}
	d.want(400, "/in/view", form{"theme": "pink", "lang": "en", "zone": "zulu"})
	d.want(204, "/in/view", form{"theme": "night", "lang": "ja", "zone": "local"})
	text := d.want(200, "/", nil)
	if !strings.Contains(text, `<html lang="ja" data-theme="night">`) || !strings.Contains(text, `"zone":"local"`) {
		t.Errorf("the page does not have the view: %.300s", text)
	}
	if strings.Contains(text, `"officer"`) {
		t.Error("the page names an officer while nobody is signed in")
	}
	d.signIn()
	if text := d.want(200, "/", nil); !strings.Contains(text, `"officer":"WO1","role":"operator"`) {
		t.Errorf("the page does not name the officer: %.600s", text)
	}
}
