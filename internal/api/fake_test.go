package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// fakeDesk stands for all the rules; calls counts what changed something.
type fakeDesk struct {
	mu    sync.Mutex
	calls []string
	sent  []api.Draft
	keys  []string
	err   error         // returned by Send
	hold  chan struct{} // Send waits for it when set
	in    chan struct{} // Send says that it has begun
	up    []byte
	upErr error
}

func (f *fakeDesk) did(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, what)
}

func (f *fakeDesk) Desk(context.Context) (api.Desk, error) {
	return api.Desk{Party: "JPN", Desk: "JPN-1", Store: "open"}, nil
}
func (f *fakeDesk) Parties(context.Context) ([]api.Party, error) { return nil, nil }
func (f *fakeDesk) Presence(context.Context, api.Presence) error { f.did("presence"); return nil }
func (f *fakeDesk) SettleDuress(_ context.Context, desk string) error {
	f.did("settle " + desk)
	return nil
}

type fakeLines struct{ *fakeDesk }

func (f fakeLines) List(context.Context) ([]api.Line, error) { return []api.Line{{Name: "a"}}, nil }
func (f fakeLines) Get(_ context.Context, ref string) (api.Line, error) {
	if ref != "jp-nato" {
		return api.Line{}, fault.New(fault.NotFound, "There is no line of that name.")
	}
	return api.Line{Name: ref}, nil
}
func (f fakeLines) Create(context.Context, api.LineNew) (api.Line, error) {
	f.did("create")
	return api.Line{}, nil
}
func (f fakeLines) Accept(context.Context, string) (api.Line, error) {
	f.did("accept")
	return api.Line{}, nil
}
func (f fakeLines) Leave(context.Context, string) (api.Line, error) {
	f.did("leave")
	return api.Line{}, nil
}

func (f fakeLines) Check(context.Context, string) (api.TrustChecks, error) {
	f.did("check")
	return api.TrustChecks{}, nil
}
func (f fakeLines) Checks(context.Context, string) (api.TrustChecks, error) {
	return api.TrustChecks{}, nil
}
func (f fakeLines) RenewKeys(context.Context, string) (api.Line, error) {
	f.did("renew-keys")
	return api.Line{}, nil
}

type fakeJoining struct{ *fakeDesk }

func (f fakeJoining) Card(context.Context) (api.File, error) {
	return api.File{Name: "card", File: []byte("c")}, nil
}
func (f fakeJoining) AddDesk(context.Context, string, []byte) (api.File, error) {
	f.did("add-desk")
	return api.File{File: []byte("p")}, nil
}
func (f fakeJoining) Join(context.Context, []byte) (api.Line, error) {
	f.did("join")
	return api.Line{}, nil
}

type fakeTrust struct{ *fakeDesk }

func (f fakeTrust) LineTrust(context.Context, string) (api.LineTrust, error) {
	at := api.TimeMS(1) // agree and at are null while they are not known
	return api.LineTrust{
		Desks: []api.TrustDesk{{Name: "JPN-1"}}, Cutoffs: []api.Cutoff{{At: at}}, Checks: api.TrustChecks{Agree: new(bool)},
	}, nil
}
func (f fakeTrust) CutOff(_ context.Context, desk string, in api.CutoffIn) (api.Cutoff, error) {
	f.did("cutoff " + desk + " " + in.Reason + in.Password)
	return api.Cutoff{DeskName: desk}, nil
}
func (f fakeTrust) Cutoffs(context.Context) ([]api.Cutoff, error) { return nil, nil }
func (f fakeTrust) Cutoff(context.Context, string) (api.Cutoff, error) {
	return api.Cutoff{}, nil
}
func (f fakeTrust) Delegates(context.Context) ([]api.Delegate, error) { return nil, nil }
func (f fakeTrust) ImportDelegate(_ context.Context, in api.DelegateIn) (api.Delegate, error) {
	f.did("delegate " + string(in.Key))
	return api.Delegate{}, nil
}

// Vouch knows one password.
func (f fakeTrust) Vouch(_ context.Context, name, password string) (api.Officer, error) {
	if password != "p" && password != "good" {
		return api.Officer{}, fault.New(fault.Denied, "That is not the password.")
	}
	if name == "AUD1" {
		return api.Officer{Name: name, Role: api.Viewer}, nil
	}
	return api.Officer{Name: name, Role: api.Operator}, nil
}

type fakeMessages struct{ *fakeDesk }

func (f fakeMessages) List(context.Context, api.MessageQuery) ([]api.Message, error) {
	return nil, nil
}
func (f fakeMessages) Get(_ context.Context, ref string) (api.Message, error) {
	if ref == "panic" {
		panic("broken invariant")
	}
	if ref != "msg1a" {
		return api.Message{}, fault.New(fault.NotFound, "There is no such message.")
	}
	return api.Message{ID: ref}, nil
}
func (f fakeMessages) Review(context.Context, api.Draft) (api.Review, error) {
	return api.Review{}, nil
}
func (f fakeMessages) Send(ctx context.Context, d api.Draft) (api.Sent, error) {
	if f.in != nil {
		f.in <- struct{}{}
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return api.Sent{}, f.err
	}
	f.calls = append(f.calls, "send")
	f.sent = append(f.sent, d)
	f.keys = append(f.keys, api.IdempotencyKey(ctx))
	return api.Sent{ID: fmt.Sprintf("msg%d", len(f.sent)), State: "queued"}, nil
}
func (f fakeMessages) Ack(context.Context, string, api.Ack) (api.Message, error) {
	f.did("ack")
	return api.Message{}, nil
}
func (f fakeMessages) Opened(_ context.Context, ref string) error {
	f.did("opened")
	_, err := f.Get(context.Background(), ref)
	return err
}

func (f fakeMessages) Content(context.Context, string) (api.Content, error) {
	const raw = "{\"type\":\"bundle\"}\r\n"
	return api.Content{
		Name: "アラート.json", Size: int64(len(raw)), Body: io.NopCloser(strings.NewReader(raw)),
		SHA256: "8e35c2cd3bf6641bdb0e2050b76932cbb2e6034a0ddacc1d9bea82a6ba57f7cf",
	}, nil
}

type fakeUploads struct{ *fakeDesk }

func (f fakeUploads) Put(_ context.Context, name, _ string, r io.Reader) (api.Upload, error) {
	b, err := io.ReadAll(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up, f.upErr = b, err
	if err != nil {
		return api.Upload{}, fmt.Errorf("read upload: %w", err)
	}
	f.calls = append(f.calls, "upload "+name)
	return api.Upload{Upload: "up1", Size: int64(len(b))}, nil
}

type fakePairings struct{ *fakeDesk }

func (f fakePairings) Start(context.Context, api.PairingNew) (api.Pairing, error) {
	f.did("start")
	return api.Pairing{}, nil
}
func (f fakePairings) Answer(context.Context, api.PairingFile) (api.Pairing, error) {
	f.did("answer")
	return api.Pairing{}, nil
}
func (f fakePairings) Open(context.Context, string, []byte) (api.Pairing, error) {
	f.did("open")
	return api.Pairing{}, nil
}
func (f fakePairings) List(context.Context) ([]api.Pairing, error) {
	return []api.Pairing{{ID: "p", Say: []string{"one"}, File: []byte("x")}}, nil
}
func (f fakePairings) Get(context.Context, string) (api.Pairing, error) {
	return api.Pairing{ID: "p", Say: []string{"one"}}, nil
}
func (f fakePairings) Join(context.Context, api.PairingCode) (api.Pairing, error) {
	f.did("join-pairing")
	return api.Pairing{}, nil
}
func (f fakePairings) Confirm(_ context.Context, _ string, _ []string, witness string) (api.Pairing, error) {
	f.did(strings.TrimSpace("confirm " + witness))
	return api.Pairing{}, nil
}
func (f fakePairings) Abandon(context.Context, string) (api.Pairing, error) {
	f.did("abandon")
	return api.Pairing{}, nil
}
func (f fakePairings) Record(context.Context, string) (api.File, error) {
	return api.File{Name: "record.txt", File: []byte("r")}, nil
}
func (f fakePairings) Stop(context.Context, string, string, string) (api.Party, error) {
	f.did("stop")
	return api.Party{}, nil
}

type fakeStanding struct{ *fakeDesk }

func (f fakeStanding) Party(_ context.Context, ref string) (api.PartyDetail, error) {
	return api.PartyDetail{Name: ref}, nil
}
func (f fakeStanding) Suspend(_ context.Context, ref string, in api.SuspendIn) (api.PartyDetail, error) {
	f.did("suspend " + ref + " " + in.Reason + in.Password)
	return api.PartyDetail{Name: ref}, nil
}
func (f fakeStanding) State(_ context.Context, statement []byte) (api.TrustStatement, error) {
	f.did("state " + string(statement))
	return api.TrustStatement{}, nil
}
func (f fakeStanding) Versions(context.Context, string) ([]api.CharterVersion, error) {
	return []api.CharterVersion{{Version: 1}}, nil
}
func (f fakeStanding) Propose(_ context.Context, _ string, c api.CharterChange) (api.CharterVersion, error) {
	f.did("propose " + c.Name)
	return api.CharterVersion{Version: 2}, nil
}
func (f fakeStanding) Sign(_ context.Context, version []byte) (api.CharterVersion, error) {
	f.did("sign " + string(version))
	return api.CharterVersion{Version: 2}, nil
}

type fakeJournal struct{ *fakeDesk }

func (f fakeJournal) Leaves(context.Context, uint64, int) ([]api.Leaf, error) { return nil, nil }
func (f fakeJournal) JournalStatus(context.Context) (api.JournalStatus, error) {
	return api.JournalStatus{OK: true}, nil
}
func (f fakeJournal) Verify(_ context.Context, signatures bool) (api.JournalStatus, error) {
	f.did(fmt.Sprint("verify ", signatures))
	return api.JournalStatus{OK: true}, nil
}
func (f fakeJournal) Prove(_ context.Context, message string) (api.File, error) {
	f.did("prove " + message)
	return api.File{Name: "p", File: []byte("{}\n")}, nil
}
func (f fakeJournal) Export(_ context.Context, line string) (api.File, error) {
	f.did("export " + line)
	return api.File{Name: "e", File: []byte("{}\n"), LeftOut: 2}, nil
}
func (f fakeJournal) NonAnswer(_ context.Context, message, party string, text bool) (api.File, error) {
	f.did(fmt.Sprint("nonanswer ", message, " ", party, " ", text))
	return api.File{Name: "n", File: []byte("{}\n")}, nil
}

type fakeCustody struct{ *fakeDesk }

func (f fakeCustody) Backup(_ context.Context, path string) (api.Backup, error) {
	f.did("backup")
	return api.Backup{Path: path}, nil
}
func (f fakeCustody) Zeroize(_ context.Context, confirm string) error {
	f.did("zeroize " + confirm)
	return nil
}

func (f fakeCustody) SignInLink(context.Context, string) (api.SignInLink, error) {
	f.did("link")
	return api.SignInLink{}, nil
}

func newServer(f *fakeDesk, ev api.Events, log *bytes.Buffer) *api.Server {
	s := &api.Server{
		Status: f, Lines: fakeLines{f}, Joining: fakeJoining{f}, Trust: fakeTrust{f}, Standing: fakeStanding{f}, Vouching: fakeTrust{f}, Messages: fakeMessages{f}, Uploads: fakeUploads{f},
		Pairings: fakePairings{f}, Events: ev, Journal: fakeJournal{f}, Custody: fakeCustody{f}, Answers: api.NewMemoryAnswers(),
	}
	if log != nil {
		s.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return s
}

var (
	operator = &api.Officer{Name: "WO1", Role: api.Operator, Local: true}
	remote   = &api.Officer{Name: "WO1", Role: api.Operator}
	viewer   = &api.Officer{Name: "AUD1", Role: api.Viewer, Local: true}
	nobody   = &api.Officer{Name: "X", Role: "stranger", Local: true}
)

// ask sends one request as an officer (nil: nobody is signed in).
func ask(h http.Handler, who *api.Officer, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	if who != nil {
		r = r.WithContext(api.WithOfficer(r.Context(), *who))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Kind == "" || p.Ref == "" {
		t.Fatalf("answer %d %q is no problem document (%v)", w.Code, w.Body, err)
	}
	return p
}
