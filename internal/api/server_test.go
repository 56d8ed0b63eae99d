package api_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"hotline/internal/api"
	"hotline/internal/fault"
)

const draft = `{"line":"jp-nato","precedence":"FLASH","label":{"tlp":"TLP:RED"},"text":"CANARY-7 text"}`

// everyRoute is each endpoint with a body that it takes. changes is empty for
// endpoints that read.
var everyRoute = []struct {
	method, path, body string
	need               api.Role
	local              bool
	changes            string
}{
	{"GET", "/desk", "", api.Viewer, false, ""},
	{"GET", "/parties", "", api.Viewer, false, ""},
	{"POST", "/presence", `{"sound":"proven","visible":true}`, api.Viewer, false, "presence"},
	{"POST", "/duress/JPN-2/settle", `{"password":"p"}`, api.Operator, false, "settle JPN-2"},
	{"GET", "/lines", "", api.Viewer, false, ""},
	{"GET", "/lines/jp-nato", "", api.Viewer, false, ""},
	{"POST", "/lines", `{"name":"n","parties":["NATO"]}`, api.Operator, false, "create"},
	{"POST", "/lines/jp-nato/accept", ``, api.Operator, false, "accept"},
	{"POST", "/lines/jp-nato/leave", `{}`, api.Operator, false, "leave"},
	{"GET", "/lines/jp-nato/check", "", api.Viewer, false, ""},
	{"POST", "/lines/jp-nato/check", ``, api.Operator, false, "check"},
	{"POST", "/lines/jp-nato/keys/renew", ``, api.Operator, false, "renew-keys"},
	{"GET", "/card", "", api.Viewer, false, ""},
	{"POST", "/lines/jp-nato/desks", `{"card":"eA=="}`, api.Operator, false, "add-desk"},
	{"POST", "/lines/join", `{"pack":"eA=="}`, api.Operator, false, "join"},
	{"GET", "/lines/jp-nato/trust", "", api.Viewer, false, ""},
	{"GET", "/parties/NATO", "", api.Viewer, false, ""},
	{"POST", "/parties/NATO/suspend", `{"reason":"silence","password":"p"}`, api.Operator, false, "suspend NATO silence"},
	{"POST", "/parties/NATO/reopen", `{"statement":"eA=="}`, api.Operator, false, "state x"},
	{"POST", "/statements", `{"statement":"eA=="}`, api.Operator, false, "state x"},
	{"GET", "/lines/jp-nato/versions", "", api.Viewer, false, ""},
	{"POST", "/lines/jp-nato/versions", `{"name":"n"}`, api.Operator, false, "propose n"},
	{"POST", "/lines/versions", `{"file":"eA=="}`, api.Operator, false, "sign x"},
	{"GET", "/cutoffs", "", api.Viewer, false, ""},
	{"GET", "/cutoffs/c", "", api.Viewer, false, ""},
	{"POST", "/desks/JPN-2/cutoff", `{"reason":"seized","confirm":"JPN-2","password":"p"}`, api.Operator, false, "cutoff JPN-2 seized"},
	{"GET", "/delegates", "", api.Viewer, false, ""},
	{"POST", "/delegates", `{"key":"eA=="}`, api.Operator, true, "delegate x"},
	{"GET", "/messages", "", api.Viewer, false, ""},
	{"GET", "/messages/msg1a", "", api.Viewer, false, ""},
	{"GET", "/messages/msg1a/stix", "", api.Viewer, false, ""},
	{"POST", "/messages", draft, api.Operator, false, "send"},
	{"POST", "/review", draft, api.Operator, false, ""},
	{"POST", "/messages/msg1a/ack", `{"outcome":"receipt"}`, api.Operator, false, "ack"},
	{"POST", "/messages/msg1a/opened", ``, api.Viewer, false, "opened"},
	{"POST", "/uploads", "raw", api.Operator, false, "upload "},
	{"GET", "/pairings", "", api.Viewer, false, ""},
	{"GET", "/pairings/p", "", api.Operator, false, ""},
	{"POST", "/pairings", `{"peer":"NATO"}`, api.Operator, false, "start"},
	{"POST", "/pairings/answer", `{"file":"eA=="}`, api.Operator, false, "answer"},
	{"POST", "/pairings/p/open", `{"file":"eA=="}`, api.Operator, false, "open"},
	{"POST", "/pairings/p/confirm", `{"words":["a","b","c","d","e","f"],"password":"good"}`, api.Operator, false, "confirm"},
	{"POST", "/pairings/join", `{"code":"relay.example:1/k7q2m-9xt4a"}`, api.Operator, false, "join-pairing"},
	{"POST", "/pairings/open", `{"file":"eA=="}`, api.Operator, false, "open"},
	{"POST", "/pairings/p/abandon", `{}`, api.Operator, false, "abandon"},
	{"GET", "/pairings/p/record", "", api.Viewer, false, ""},
	{"GET", "/pairings/p/qr?of=words", "", api.Operator, false, ""},
	{"POST", "/parties/party1x/stop", `{"reason":"r","confirm":"NATO","password":"good"}`, api.Operator, false, "stop"},
	{"GET", "/journal", "", api.Viewer, false, ""},
	{"GET", "/journal/status", "", api.Viewer, false, ""},
	{"POST", "/journal/verify", `{"signatures":true}`, api.Viewer, false, "verify true"},
	{"GET", "/journal/prove/msg1b?nonanswer=1&party=NATO&text=1", "", api.Operator, false, "nonanswer msg1b NATO true"},
	{"GET", "/lines/jp-nato/export", "", api.Operator, false, "export jp-nato"},
	{"POST", "/backup", `{"path":"/tmp/b"}`, api.Operator, true, "backup"},
	{"POST", "/zeroize", `{"confirm":"JPN-1"}`, api.Operator, true, "zeroize JPN-1"},
	{"POST", "/sign-in-links", `{"officer":""}`, api.Operator, true, "link"},
}

// TestRoleMatrix asks every endpoint as every kind of officer: whoever may not
// is refused before any rule is called.
func TestRoleMatrix(t *testing.T) {
	askers := []struct {
		name string
		who  *api.Officer
	}{{"nobody", nil}, {"stranger", nobody}, {"viewer", viewer}, {"remote operator", remote}, {"local operator", operator}}
	for _, rt := range everyRoute {
		for _, a := range askers {
			t.Run(rt.method+" "+rt.path+" as "+a.name, func(t *testing.T) {
				f := &fakeDesk{}
				w := ask(newServer(f, nil, nil).Handler(), a.who, rt.method, api.Prefix+rt.path, rt.body)
				allowed := a.who != nil && (a.who.Role == api.Operator || a.who.Role == rt.need) && (!rt.local || a.who.Local)
				switch {
				case allowed && w.Code/100 != 2:
					t.Fatalf("answer %d %s, want success", w.Code, w.Body)
				case allowed:
					if got := strings.Join(f.calls, " "); got != rt.changes {
						t.Errorf("called %q, want %q", got, rt.changes)
					}
				case a.who == nil && w.Code != http.StatusUnauthorized:
					t.Errorf("answer %d, want 401", w.Code)
				case a.who != nil && w.Code != http.StatusForbidden && (!rt.local || w.Code != http.StatusNotFound):
					t.Errorf("answer %d, want 403", w.Code)
				}
				if !allowed && len(f.calls) > 0 {
					t.Errorf("refused, but called %q", f.calls)
				}
				if !allowed {
					problemOf(t, w)
				}
			})
		}
	}
}

// TestEveryRouteIsInTheMatrix keeps the table above whole.
func TestEveryRouteIsInTheMatrix(t *testing.T) {
	if got, want := len(api.Routes(&api.Server{})), len(everyRoute)+1; got != want { // + GET /events
		t.Errorf("the API has %d routes, the matrix %d", got, want)
	}
}

func TestUnknownAddresses(t *testing.T) {
	h := newServer(&fakeDesk{}, nil, nil).Handler()
	for _, c := range [][2]string{{"GET", "/api/v1/nothing"}, {"GET", "/"}, {"DELETE", "/api/v1/messages/msg1a"}, {"PUT", "/api/v1/desk"}, {"GET", "/api/v1/backup"}, {"GET", "/api/v1/messages/../desk"}} {
		w := ask(h, operator, c[0], c[1], "")
		if c[1] == "/api/v1/messages/../desk" { // cleaned by net/http into a redirect
			if w.Code/100 == 2 {
				t.Errorf("%s %s = %d", c[0], c[1], w.Code)
			}
			continue
		}
		if w.Code != http.StatusNotFound {
			t.Errorf("%s %s = %d, want 404", c[0], c[1], w.Code)
		}
		problemOf(t, w)
	}
}

func TestConcernsThatAreNotThere(t *testing.T) {
	h := (&api.Server{}).Handler()
	w := ask(h, operator, "GET", "/api/v1/desk", "")
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("GET /desk without rules = %d, want 503", w.Code)
	}
}

// TestFaultsBecomeProblems gives one fault of each kind to the wrapper.
func TestFaultsBecomeProblems(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		kind   string
		msg    string
	}{
		"invalid":          {fault.New(fault.Invalid, "No."), 400, "invalid", "No."},
		"denied":           {fault.New(fault.Denied, "No."), 403, "denied", "No."},
		"not found":        {fault.New(fault.NotFound, "No."), 404, "not_found", "No."},
		"conflict":         {fault.New(fault.Conflict, "No."), 409, "conflict", "No."},
		"too large":        {fault.New(fault.TooLarge, "No."), 413, "too_large", "No."},
		"refused":          {fault.New(fault.Refused, "No."), 422, "refused", "No."},
		"busy":             {fault.New(fault.Busy, "No."), 429, "busy", "No."},
		"unavailable":      {fault.New(fault.Unavailable, "No."), 503, "unavailable", "No."},
		"timeout":          {fault.New(fault.Timeout, "No."), 504, "timeout", "No."},
		"unverified":       {fault.New(fault.Unverified, "No."), 422, "unverified", "No."},
		"config":           {fault.New(fault.Config, "No."), 500, "config", "No."},
		"an error of ours": {fmt.Errorf("open /var/lib/secret-path: broken"), 500, "internal", "Something failed inside this desk. The log has the details."},
		"a wrapped fault":  {fmt.Errorf("send: %w", fault.Wrap(fmt.Errorf("/secret-path"), fault.Busy, "Full.")), 429, "busy", "Full."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := ask(newServer(&fakeDesk{err: tt.err}, nil, &log).Handler(), operator, "POST", "/api/v1/messages", draft)
			p := problemOf(t, w)
			if w.Code != tt.status || p.Kind != tt.kind || p.Msg != tt.msg {
				t.Errorf("answer %d %+v, want %d %s %q", w.Code, p, tt.status, tt.kind, tt.msg)
			}
			if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
			if strings.Contains(w.Body.String(), "secret-path") {
				t.Error("the answer shows what only the log may hold")
			}
			quotes := tt.kind == "invalid" || tt.kind == "not_found" || tt.kind == "conflict" || tt.kind == "refused"
			if !strings.Contains(log.String(), "ref="+p.Ref) || strings.Contains(log.String(), "err=") == quotes {
				t.Errorf("the log lacks the reference or the cause, or repeats what was asked:\n%s", log.String())
			}
			if strings.Contains(log.String(), "CANARY-7") {
				t.Error("the log holds content")
			}
		})
	}
}

func TestPanicIsAProblem(t *testing.T) {
	var log bytes.Buffer
	w := ask(newServer(&fakeDesk{}, nil, &log).Handler(), operator, "GET", "/api/v1/messages/panic", "")
	if p := problemOf(t, w); w.Code != 500 || p.Kind != "internal" || strings.Contains(p.Msg, "invariant") {
		t.Errorf("a panic answers %d %+v", w.Code, p)
	}
	if !strings.Contains(log.String(), "broken invariant") {
		t.Error("the panic is not in the log")
	}
}

func TestRefusedBodies(t *testing.T) {
	ok := `{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED"}}`
	tests := map[string]struct {
		body, media string
		status      int
	}{
		"a good one":                 {ok, "application/json", 201},
		"with a character set":       {ok, "application/json; charset=utf-8", 201},
		"as a form":                  {ok, "text/plain", 400},
		"without a content type":     {ok, "", 400},
		"empty":                      {"", "application/json", 400},
		"cut short":                  {ok[:20], "application/json", 400},
		"unknown field":              {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED"},"color":"x"}`, "application/json", 400},
		"unknown field in the label": {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED","text":"TLP:CLEAR"}}`, "application/json", 400},
		"a field twice":              {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED","tlp":"TLP:CLEAR"}}`, "application/json", 400},
		"a label twice":              {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED"},"label":{"pap":"PAP:RED"}}`, "application/json", 400},
		"a field in capitals":        {`{"line":"l","precedence":"FLASH","label":{"TLP":"TLP:CLEAR"}}`, "application/json", 400},
		"a field both ways":          {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED","TLP":"TLP:CLEAR"}}`, "application/json", 400},
		"a long s for an s":          {`{"line":"l","precedence":"FLASH","label":{"tlp":"TLP:RED"},"\u017Fubject":"x"}`, "application/json", 400},
		"a second value":             {ok + ok, "application/json", 400},
		"a tail":                     {ok + "]", "application/json", 400},
		"white space after it":       {ok + " \n", "application/json", 201},
		"broken UTF-8":               {"{\"line\":\"l\xff\",\"precedence\":\"FLASH\",\"label\":{\"tlp\":\"TLP:RED\"}}", "application/json", 400},
		"half a character":           {`{"line":"l\ud800","precedence":"FLASH","label":{"tlp":"TLP:RED"}}`, "application/json", 400},
		"a number for a text":        {`{"line":7,"precedence":"FLASH","label":{"tlp":"TLP:RED"}}`, "application/json", 400},
		"too deep":                   {`{"line":[[[[[[[[[]]]]]]]]]}`, "application/json", 400},
		"a list":                     {`[]`, "application/json", 400},
		"no line":                    {`{"precedence":"FLASH","label":{"tlp":"TLP:RED"}}`, "application/json", 400},
		"no precedence":              {`{"line":"l","label":{"tlp":"TLP:RED"}}`, "application/json", 422},
		"no marking":                 {`{"line":"l","precedence":"FLASH","label":{"pap":"PAP:RED"}}`, "application/json", 422},
		"too long":                   {`{"line":"` + strings.Repeat("x", api.MaxBody) + `"}`, "application/json", 413},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeDesk{}
			w := ask(newServer(f, nil, nil).Handler(), operator, "POST", "/api/v1/messages", tt.body, "Content-Type", tt.media)
			if w.Code != tt.status {
				t.Fatalf("answer %d %s, want %d", w.Code, w.Body, tt.status)
			}
			if n := len(f.sent); (n == 1) != (tt.status == 201) {
				t.Errorf("%d messages were sent", n)
			}
			if tt.status != 201 {
				problemOf(t, w)
			}
		})
	}
}

func TestListsAreNeverNull(t *testing.T) {
	h := newServer(&fakeDesk{}, nil, nil).Handler()
	for _, rt := range everyRoute {
		w := ask(h, operator, rt.method, api.Prefix+rt.path, rt.body)
		body := strings.ReplaceAll(strings.ReplaceAll(w.Body.String(), `"stix":null`, ""), `"refused":null`, "")
		body = strings.ReplaceAll(body, `"new_keys":null`, "") // an object, when there is one
		// An instant that is always there is null when the fake leaves it out.
		for _, at := range []string{`"now":null`, `"at":null`, `"expires_at":null`, `"agree":null`} {
			body = strings.ReplaceAll(body, at, "")
		}
		if strings.Contains(body, "null") {
			t.Errorf("%s %s answers %s", rt.method, rt.path, w.Body)
		}
	}
}

func TestPairingListHoldsNoWords(t *testing.T) {
	h := newServer(&fakeDesk{}, nil, nil).Handler()
	if w := ask(h, operator, "GET", "/api/v1/pairings", ""); strings.Contains(w.Body.String(), "one") {
		t.Errorf("the list of pairings shows words: %s", w.Body)
	}
	if w := ask(h, operator, "GET", "/api/v1/pairings/p", ""); !strings.Contains(w.Body.String(), "one") {
		t.Errorf("the pairing shows no words: %s", w.Body)
	}
}

func TestContentIsByteForByte(t *testing.T) {
	w := ask(newServer(&fakeDesk{}, nil, nil).Handler(), viewer, "GET", "/api/v1/messages/msg1a/stix", "")
	if got, want := w.Body.String(), "{\"type\":\"bundle\"}\r\n"; got != want {
		t.Errorf("content is %q, want %q", got, want)
	}
	if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment") || strings.ContainsAny(got, "\r\n") {
		t.Errorf("disposition %q", got)
	}
	if got := w.Header().Get("Content-Type"); got != "application/octet-stream" {
		t.Errorf("content type %q: a browser could show it", got)
	}
}

func TestUploadLimit(t *testing.T) {
	for name, tt := range map[string]struct {
		size   int
		status int
	}{"at the limit": {api.MaxUpload, 201}, "one byte over": {api.MaxUpload + 1, 413}} {
		t.Run(name, func(t *testing.T) {
			f := &fakeDesk{}
			w := ask(newServer(f, nil, nil).Handler(), operator, "POST", "/api/v1/uploads", strings.Repeat("x", tt.size), "X-Name", "%E8%AD%A6%E5%A0%B1.json")
			if w.Code != tt.status {
				t.Fatalf("answer %d %s, want %d", w.Code, w.Body, tt.status)
			}
			if tt.status == 201 && (len(f.calls) != 1 || f.calls[0] != "upload 警報.json") {
				t.Errorf("calls %q", f.calls)
			}
		})
	}
}
