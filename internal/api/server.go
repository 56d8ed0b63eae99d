package api

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"hotline/internal/fault"
)

// Server is the door. A concern left nil answers "not served here". Set the
// fields, then call [Server.Handler] once; the handler is safe for concurrent
// use.
type Server struct {
	Status   Status
	Lines    Lines
	Joining  Joining
	Standing Standing
	Trust    Trust
	Messages Messages
	Uploads  Uploads
	Pairings Pairings
	Vouching Vouching
	Events   Events
	Journal  Journal
	Custody  Custody
	Answers  Answers // nil: Idempotency-Key is passed on, answers are not kept
	Log      *slog.Logger

	mu sync.Mutex
	// mu guards the following.
	running map[string]bool // idempotency keys whose first request still runs
}

// handler is an HTTP handler that leaves its errors to the wrapper.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is one row of the role table.
type route struct {
	pattern string // method and path below /api/v1
	need    Role
	served  bool // the concern behind it is there
	handle  handler
	local   bool // on the control socket only
	once    bool // makes something: takes an Idempotency-Key
}

// routes is the whole API: what there is, and who may use it.
func (s *Server) routes() []route {
	return []route{
		{pattern: "GET /desk", need: Viewer, served: s.Status != nil, handle: s.getDesk},
		{pattern: "GET /parties", need: Viewer, served: s.Status != nil, handle: s.listParties},
		{pattern: "POST /presence", need: Viewer, served: s.Status != nil, handle: s.postPresence},
		{pattern: "POST /duress/{desk}/settle", need: Operator, served: s.Status != nil, handle: s.settleDuress},

		{pattern: "GET /lines", need: Viewer, served: s.Lines != nil, handle: s.listLines},
		{pattern: "GET /lines/{id}", need: Viewer, served: s.Lines != nil, handle: s.getLine},
		{pattern: "POST /lines", need: Operator, served: s.Lines != nil, handle: s.createLine, once: true},
		{pattern: "POST /lines/{id}/accept", need: Operator, served: s.Lines != nil, handle: s.acceptLine, once: true},
		{pattern: "POST /lines/{id}/leave", need: Operator, served: s.Lines != nil, handle: s.leaveLine, once: true},
		{pattern: "GET /lines/{id}/check", need: Viewer, served: s.Lines != nil, handle: s.getCheck},
		{pattern: "POST /lines/{id}/check", need: Operator, served: s.Lines != nil, handle: s.checkLine},
		{pattern: "POST /lines/{id}/keys/renew", need: Operator, served: s.Lines != nil, handle: s.renewKeys, once: true},

		{pattern: "GET /card", need: Viewer, served: s.Joining != nil, handle: s.getCard},
		{pattern: "POST /lines/{id}/desks", need: Operator, served: s.Joining != nil, handle: s.addDesk, once: true},
		{pattern: "POST /lines/join", need: Operator, served: s.Joining != nil, handle: s.joinLine, once: true},

		{pattern: "GET /lines/{id}/trust", need: Viewer, served: s.Trust != nil, handle: s.lineTrust},
		{pattern: "GET /parties/{id}", need: Viewer, served: s.Standing != nil, handle: s.getParty},
		{pattern: "POST /parties/{id}/suspend", need: Operator, served: s.Standing != nil, handle: s.suspendParty, once: true},
		{pattern: "POST /parties/{id}/reopen", need: Operator, served: s.Standing != nil, handle: s.reopenParty},
		{pattern: "POST /statements", need: Operator, served: s.Standing != nil, handle: s.postStatement},
		{pattern: "GET /lines/{id}/versions", need: Viewer, served: s.Standing != nil, handle: s.listVersions},
		{pattern: "POST /lines/{id}/versions", need: Operator, served: s.Standing != nil, handle: s.proposeVersion, once: true},
		{pattern: "POST /lines/versions", need: Operator, served: s.Standing != nil, handle: s.signVersion},
		{pattern: "GET /cutoffs", need: Viewer, served: s.Trust != nil, handle: s.listCutoffs},
		{pattern: "GET /cutoffs/{id}", need: Viewer, served: s.Trust != nil, handle: s.getCutoff},
		{pattern: "POST /desks/{desk}/cutoff", need: Operator, served: s.Trust != nil, handle: s.cutOff, once: true},
		{pattern: "GET /delegates", need: Viewer, served: s.Trust != nil, handle: s.listDelegates},
		{pattern: "POST /delegates", need: Operator, served: s.Trust != nil, handle: s.importDelegate, local: true},

		{pattern: "GET /messages", need: Viewer, served: s.Messages != nil, handle: s.listMessages},
		{pattern: "GET /messages/{id}", need: Viewer, served: s.Messages != nil, handle: s.getMessage},
		{pattern: "GET /messages/{id}/stix", need: Viewer, served: s.Messages != nil, handle: s.getContent},
		{pattern: "POST /messages/{id}/ack", need: Operator, served: s.Messages != nil, handle: s.ackMessage, once: true},
		{pattern: "POST /messages/{id}/opened", need: Viewer, served: s.Messages != nil, handle: s.openedMessage},
		{pattern: "POST /messages", need: Operator, served: s.Messages != nil, handle: s.sendMessage, once: true},
		{pattern: "POST /review", need: Operator, served: s.Messages != nil, handle: s.reviewMessage},
		{pattern: "POST /uploads", need: Operator, served: s.Uploads != nil, handle: s.postUpload},

		{pattern: "GET /pairings", need: Viewer, served: s.Pairings != nil, handle: s.listPairings},
		{pattern: "GET /pairings/{id}", need: Operator, served: s.Pairings != nil, handle: s.getPairing},
		{pattern: "POST /pairings", need: Operator, served: s.Pairings != nil, handle: s.startPairing, once: true},
		{pattern: "POST /pairings/answer", need: Operator, served: s.Pairings != nil, handle: s.answerPairingFile, once: true},
		{pattern: "POST /pairings/join", need: Operator, served: s.Pairings != nil, handle: s.joinPairing, once: true},
		{pattern: "POST /pairings/open", need: Operator, served: s.Pairings != nil, handle: s.openPairing, once: true},
		{pattern: "POST /pairings/{id}/open", need: Operator, served: s.Pairings != nil, handle: s.openPairing, once: true},
		{pattern: "POST /pairings/{id}/confirm", need: Operator, served: s.Pairings != nil, handle: s.confirmPairing},
		{pattern: "POST /pairings/{id}/abandon", need: Operator, served: s.Pairings != nil, handle: s.abandonPairing, once: true},
		{pattern: "GET /pairings/{id}/record", need: Viewer, served: s.Pairings != nil, handle: s.getPairingRecord},
		{pattern: "GET /pairings/{id}/qr", need: Operator, served: s.Pairings != nil, handle: s.getPairingQR},
		{pattern: "POST /parties/{id}/stop", need: Operator, served: s.Pairings != nil, handle: s.stopParty},

		{pattern: "GET /events", need: Viewer, served: s.Events != nil, handle: s.streamEvents},
		{pattern: "GET /journal", need: Viewer, served: s.Journal != nil, handle: s.listJournal},
		{pattern: "GET /journal/status", need: Viewer, served: s.Journal != nil, handle: s.getJournalStatus},
		{pattern: "POST /journal/verify", need: Viewer, served: s.Journal != nil, handle: s.verifyJournal},
		{pattern: "GET /journal/prove/{id}", need: Operator, served: s.Journal != nil, handle: s.proveMessage},
		{pattern: "GET /lines/{id}/export", need: Operator, served: s.Journal != nil, handle: s.exportLine},

		{pattern: "POST /backup", need: Operator, served: s.Custody != nil, handle: s.postBackup, local: true},
		{pattern: "POST /sign-in-links", need: Operator, served: s.Custody != nil, handle: s.postSignInLink, local: true},
		{pattern: "POST /zeroize", need: Operator, served: s.Custody != nil, handle: s.postZeroize, local: true},
	}
}

// Prefix is where the API stands on every door.
const Prefix = "/api/v1"

// Handler returns the handler of everything below [Prefix]. The context of a
// request must hold an [Officer]; without one the answer is 401.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		method, path, _ := strings.Cut(rt.pattern, " ")
		mux.Handle(method+" "+Prefix+path, s.guard(rt))
	}
	// Anything else, and a known address with another method.
	mux.Handle("/", s.wrap("", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "There is nothing at this address.")
	}))
	return mux
}

// guard puts the checks of a route before its handler: is it served, who asks,
// may they, and has this been asked before.
func (s *Server) guard(rt route) http.Handler {
	h := rt.handle
	if rt.once {
		h = s.once(h)
	}
	return s.wrap(rt.pattern, func(w http.ResponseWriter, r *http.Request) error {
		who, ok := OfficerFrom(r.Context())
		switch {
		case !ok:
			return errNotSignedIn
		case rt.local && !who.Local:
			return fault.New(fault.NotFound, "There is nothing at this address.")
		case !who.Role.may(rt.need):
			return fault.New(fault.Denied, "Your role does not allow this.").
				WithHint("ask an officer with the role %s", rt.need)
		case !rt.served:
			return fault.New(fault.Unavailable, "This desk does not serve that.")
		}
		return h(w, r)
	})
}
