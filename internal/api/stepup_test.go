package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestConfirmAsksWhoConfirms: on the web the officer's own password comes
// first, so that a wrong one spends no attempt; a witness is another officer,
// who may do it too and gives a password of their own.
func TestConfirmAsksWhoConfirms(t *testing.T) {
	const words = `"words":["a","b","c","d","e","f"]`
	for _, c := range []struct {
		name, body string
		local      bool
		status     int
		called     string
	}{
		{"own password", `{` + words + `,"password":"good"}`, false, http.StatusOK, "confirm"},
		{"no password", `{` + words + `}`, false, http.StatusBadRequest, ""},
		{"wrong password", `{` + words + `,"password":"guess"}`, false, http.StatusForbidden, ""},
		{"the machine vouches", `{` + words + `}`, true, http.StatusOK, "confirm"},
		{"with a witness", `{` + words + `,"password":"good","witness":{"officer":"CUS1","password":"good"}}`, false, http.StatusOK, "confirm CUS1"},
		{"witness at the socket", `{` + words + `,"witness":{"officer":"CUS1","password":"good"}}`, true, http.StatusOK, "confirm CUS1"},
		{"witness with a wrong password", `{` + words + `,"password":"good","witness":{"officer":"CUS1","password":"guess"}}`, false, http.StatusForbidden, ""},
		{"the same person twice", `{` + words + `,"password":"good","witness":{"officer":"WO1","password":"good"}}`, false, http.StatusUnprocessableEntity, ""},
		{"a witness who may only read", `{` + words + `,"password":"good","witness":{"officer":"AUD1","password":"good"}}`, false, http.StatusForbidden, ""},
		{"a witness without a name", `{` + words + `,"password":"good","witness":{"officer":" ","password":"good"}}`, false, http.StatusBadRequest, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeDesk{}
			who := remote
			if c.local {
				who = operator
			}
			w := ask(newServer(f, nil, nil).Handler(), who, "POST", "/api/v1/pairings/p/confirm", c.body)
			if got := strings.Join(f.calls, ";"); w.Code != c.status || got != c.called {
				t.Errorf("answer %d %s, called %q; want %d and %q", w.Code, w.Body, got, c.status, c.called)
			}
		})
	}
}
