package console

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
)

// reports counts the browser's reports of a broken content policy. A report
// can quote what is on the screen, so only the rule's name is logged.
type reports struct {
	count atomic.Uint64
	log   *slog.Logger
}

// directives are the rule names that may stand in the log.
var directives = []string{"default-src", "script-src", "style-src", "connect-src", "img-src", "media-src", "font-src", "worker-src",
	"base-uri", "form-action", "frame-ancestors", "require-trusted-types-for", "trusted-types"}

func (p *reports) serve(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReport))
	if err != nil {
		return // over the limit: counted by nobody, kept by nobody
	}
	var report struct {
		Report struct {
			Directive string `json:"effective-directive"`
			Violated  string `json:"violated-directive"`
		} `json:"csp-report"`
	}
	rule := "unknown"
	if json.Unmarshal(b, &report) == nil {
		for _, d := range directives {
			if strings.HasPrefix(report.Report.Directive, d) || strings.HasPrefix(report.Report.Violated, d) {
				rule = d
				break
			}
		}
	}
	n := p.count.Add(1)
	// A page can report as often as it likes; the log hears powers of two.
	if n&(n-1) == 0 {
		p.log.Warn("content policy violated", "rule", rule, "count", n)
	}
	w.WriteHeader(http.StatusNoContent)
}
