package api_test

import (
	"net/http"
	"strings"
	"testing"

	"hotline/internal/api"
)

// TestEvidenceLeavesAsItIs: its bytes are signed, and what is not in it is said.
func TestEvidenceLeavesAsItIs(t *testing.T) {
	f := &fakeDesk{}
	h := newServer(f, nil, nil).Handler()
	w := ask(h, operator, "GET", api.Prefix+"/lines/jp-nato/export", "")
	if w.Body.String() != "{}\n" || w.Header().Get("X-Left-Out") != "2" || !strings.Contains(w.Header().Get("Content-Disposition"), "attachment") {
		t.Errorf("answer %q with %v", w.Body, w.Header())
	}
	if w := ask(h, operator, "GET", api.Prefix+"/journal/prove/msg1a", ""); w.Code != http.StatusOK || f.calls[len(f.calls)-1] != "prove msg1a" {
		t.Errorf("answer %d, called %q", w.Code, f.calls)
	}
	if w := ask(h, operator, "GET", api.Prefix+"/journal/prove/msg1a?nonanswer=2", ""); w.Code != http.StatusBadRequest {
		t.Errorf("answer %d", w.Code)
	}
}
