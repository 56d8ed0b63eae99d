// Package console is the officers' door: it serves the watch console, signs
// officers in, and lets nothing else reach the desk's API.
//
// The console itself is a page that the desk carries inside its binary
// (dist/, built from web/). This package gives that page to a browser under
// headers that leave a stranger's text no way to run, knows who sits in front
// of it, and passes what the page asks to the API handler it was given. It
// holds no rules of the desk: what an officer may do is decided below, by the
// officer that [OfficerFrom] names.
//
// An officer comes in by a one-time link first and by a password afterwards
// (docs/console.md, Section 1). The link's secret stands in the URL's
// fragment, so that no log and no proxy ever has it.
//
// This package is on floor 4: translation only. It is the one importer of scs
// and of argon2 for officers' passwords; accounts and sign-ins are kept behind
// [Accounts] and [SessionStore], which the assembly backs with the desk's
// database.
package console

import (
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"hotline/internal/fault"
	"hotline/internal/ident"
)

// Config says what a console stands on. API, Accounts and Sessions are
// required; the rest has a working zero value.
type Config struct {
	// API answers everything under /api/v1/, path unchanged, once the officer
	// is known; it finds the officer by [OfficerFrom]. It sets its own write
	// deadlines and flushes through [http.NewResponseController].
	API      http.Handler
	Accounts Accounts
	Sessions SessionStore
	// Voucher checks passwords; the desk shares it with its other doors, so
	// that all of them count wrong ones together. Nil makes one of its own.
	Voucher *Voucher

	// DeskID tells the cookies of two desks on one host apart.
	DeskID ident.Desk
	// DeskName heads the sign-in page, such as "JPN-1"; it is not a secret.
	DeskName string
	// Version is shown in the frame and tells a page that it is out of date.
	Version string
	// Hosts are the names, without port, by which the console may be asked
	// for. Empty means the loopback names only. Any other name is answered
	// with 421, which is what stops DNS rebinding.
	Hosts []string

	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // nil means that nothing is logged
}

// Console is the handler of one desk's console. It is safe for concurrent use.
type Console struct {
	cfg      Config
	sessions *scs.SessionManager
	live     *streams
	passes   *passwords
	throttle *throttle
	reports  *reports
	static   *static
	handler  http.Handler
}

// New returns the console of one desk. It panics when a required field of cfg
// is missing, because a console without accounts must not start.
func New(cfg Config) *Console {
	if cfg.API == nil || cfg.Accounts == nil || cfg.Sessions == nil {
		panic("console: API, Accounts and Sessions are required")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.Hosts) == 0 {
		cfg.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("console: " + err.Error()) // the path is a constant
	}
	if cfg.Voucher == nil {
		cfg.Voucher = NewVoucher(cfg.Accounts, cfg.Now)
	}
	c := &Console{
		cfg:      cfg,
		sessions: newSessions(cfg.DeskID, cfg.Sessions),
		live:     newStreams(),
		passes:   cfg.Voucher.passes,
		throttle: cfg.Voucher.throttle,
		reports:  &reports{log: cfg.Log},
		static:   newStatic(files),
	}
	c.handler = c.routes()
	return c
}

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// Violations is how many reports of a broken content policy have come in since
// the start. Anything above zero deserves a look at the log.
func (c *Console) Violations() uint64 { return c.reports.count.Load() }

// routes builds the handler, outermost rule first: headers on every answer,
// then the host name, then the origin, then who is asking.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.page)
	mux.HandleFunc("GET /assets/", c.static.asset)
	mux.HandleFunc("POST /in/link", c.showLink)
	mux.HandleFunc("POST /in/first", c.firstPassword)
	mux.HandleFunc("POST /in/password", c.signIn)
	mux.HandleFunc("POST /in/out", c.signOut)
	mux.HandleFunc("POST /in/view", c.setView)
	mux.HandleFunc("GET /in/me", c.me)
	mux.HandleFunc("POST /api/v1/csp", c.reports.serve)
	mux.Handle("/api/v1/", c.signedIn(c.cfg.API))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, fault.New(fault.NotFound, "There is nothing at this address."))
	})
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeFault(w, fault.New(fault.Denied, "This request came from another site."))
	}))
	return withHeaders(withHost(c.cfg.Hosts, origin.Handler(mux)))
}

// Server returns a server for h with the limits that a console needs: bounds
// on what a stranger may send before anything is known about them, and no
// deadline on writing, since events are written for hours. Handlers of single
// answers set their own.
func Server(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
	}
	if log != nil {
		s.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return s
}
