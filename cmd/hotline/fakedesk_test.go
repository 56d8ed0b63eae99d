package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"hotline/internal/api"
	"hotline/internal/fault"
)

// fakeDesk is the program "fakedesk [down|slow]": the API of a desk over made-up
// EXERCISE data, on the control socket of HOTLINE_DIR. It shows what the
// commands do with answers; real desks are in real-line.txtar.
//
// With "down" it has no relay; with "mute" nobody ever answers; with "tamper"
// its bundle is not the one whose digest the message names.
func fakeDesk() {
	mode := ""
	if len(os.Args) > 1 {
		mode = os.Args[1]
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d := newPaperDesk(mode)
	s := &api.Server{Status: d, Lines: paperLines{d}, Messages: paperMessages{d}, Uploads: d, Pairings: paperPairings{d}, Joining: paperJoining{d}, Custody: d, Events: d, Answers: api.NewMemoryAnswers()}
	mapping := func(uint32) api.Officer { return api.Officer{Name: "operator of this system", Role: api.Operator} }
	err := api.ServeSocket(ctx, filepath.Join(os.Getenv("HOTLINE_DIR"), api.SocketName), s.Handler(), mapping, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

const paperBundle = `{"type":"bundle","id":"bundle--5d0092c5-5f74-4287-9642-33f4c354e56d","objects":[]}` + "\r\n"

// evilText is what a stranger could send to a terminal.
const evilText = "Water plant: isolate\x1b[2J\x1b]0;owned\a controllers\u202e txt.exe\nSecond line\u200b."

type paperDesk struct {
	mode string

	mu       sync.Mutex
	messages []api.Message
	uploads  map[string]int64
	pairing  *api.Pairing
	events   []api.Event
	changed  chan struct{}
}

func newPaperDesk(mode string) *paperDesk {
	sum := sha256.Sum256([]byte(paperBundle))
	digest := hex.EncodeToString(sum[:])
	if mode == "tamper" {
		digest = strings.Repeat("0", 64)
	}
	at := time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)
	label := api.Label{Classification: "none", TLP: "TLP:AMBER+STRICT", PAP: "PAP:AMBER", REL: []string{"JPN", "NATO"}, Text: "TLP:AMBER+STRICT PAP:AMBER REL TO JPN, NATO"}
	in := api.Message{
		ID: "msg1aaaaaaaaaaaaaaaaaaaaaaaaaa", Line: "line1exercise", LineName: "JPN-NATO", Direction: "in", From: "NATO", FromDesk: "NATO-1", To: []string{"JPN"},
		Serial: "NATO-1/0042", Kind: "alert", Status: "exercise", ExerciseName: "PAPER LANTERN", Precedence: "FLASH", Label: label,
		DTG: "230209ZNOV26", DTGAt: api.Time{Time: at}, DTGSuspect: true, CommittedAt: api.Time{Time: at}, Subject: "Port\x1b[31m authority", Language: "en", Text: evilText,
		AckRequired: "receipt", AckDueAt: api.Time{Time: at.Add(10 * time.Minute)}, Overdue: true, State: "delivered",
		STIX:    &api.STIX{Name: "bundle.json", Size: int64(len(paperBundle)), SHA256: digest, State: "whole", Have: int64(len(paperBundle)), Objects: 0, Summary: []api.Count{{Type: "indicator", Count: 12}}},
		Ladder:  []api.Rung{{State: "delivered", Party: "JPN", Desk: "JPN-1", At: api.Time{Time: at}, Verified: true}},
		Actions: []string{"receipt", "comply", "cannot", "hold"},
	}
	return &paperDesk{mode: mode, messages: []api.Message{in}, uploads: map[string]int64{}, changed: make(chan struct{})}
}

func (d *paperDesk) Desk(context.Context) (api.Desk, error) {
	state := "up"
	if d.mode == "down" {
		state = "down"
	}
	return api.Desk{
		Party: "JPN", PartyID: "party1exercise", Desk: "JPN-1", DeskID: "desk1exercise", Version: "0.1.0", Now: api.Time{Time: time.Now()}, Store: "open", Exercise: true,
		Relays: []api.Relay{{ID: "relay1x", Addr: "relay.example.org:8651", State: state}}, Counts: api.Counts{AwaitingUs: 1},
	}, nil
}
func (d *paperDesk) Parties(context.Context) ([]api.Party, error) {
	return []api.Party{{ID: "party1exercise", Name: "JPN", Self: true, Desks: 1}, {ID: "party1other", Name: "NATO", Desks: 1}}, nil
}
func (d *paperDesk) Presence(context.Context, api.Presence) error { return nil }
func (d *paperDesk) SettleDuress(context.Context, string) error   { return nil }
func (d *paperDesk) Backup(_ context.Context, path string) (api.Backup, error) {
	return api.Backup{Path: path, Bytes: 4096}, os.WriteFile(path, []byte("sealed"), 0o600)
}
func (d *paperDesk) Zeroize(context.Context, string) error { return nil }

func (d *paperDesk) SignInLink(context.Context, string) (api.SignInLink, error) {
	return api.SignInLink{URL: "http://localhost:8650/#/in/secret"}, nil
}
func (d *paperDesk) Put(_ context.Context, name, _ string, r io.Reader) (api.Upload, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return api.Upload{}, err
	}
	if !json.Valid(b) {
		return api.Upload{}, fault.New(fault.Invalid, "The file is not JSON.")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id := fmt.Sprintf("up%d-%s", len(d.uploads), name)
	d.uploads[id] = int64(len(b))
	return api.Upload{Upload: id, Size: int64(len(b))}, nil
}

// event adds an event; d.mu is held.
func (d *paperDesk) event(m api.Message) {
	data, _ := json.Marshal(api.MessageData{Message: m.Filled()})
	d.events = append(d.events, api.Event{ID: uint64(len(d.events) + 1), Kind: "message", Data: data})
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *paperDesk) After(_ context.Context, after uint64, limit int) ([]api.Event, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if after > uint64(len(d.events)) {
		return nil, false, nil
	}
	rest := d.events[after:]
	return slices.Clone(rest[:min(limit, len(rest))]), true, nil
}
func (d *paperDesk) Snapshot(ctx context.Context) (api.Event, error) {
	desk, _ := d.Desk(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	snap := api.Snapshot{Desk: desk, Lines: []api.Line{paperLine}, Messages: slices.Clone(d.messages)}
	data, err := json.Marshal(snap)
	return api.Event{ID: uint64(len(d.events)), Kind: "snapshot", Data: data}, err
}
func (d *paperDesk) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

var paperLine = api.Line{
	ID: "line1exercise", Name: "JPN-NATO", State: "open", Profile: "alliance", Exercise: true,
	Parties: []api.LineParty{
		{ID: "party1exercise", Name: "JPN", Self: true, Desks: []api.LineDesk{{ID: "desk1exercise", Name: "JPN-1", Self: true}}},
		{ID: "party1other", Name: "NATO", Desks: []api.LineDesk{{ID: "desk1other", Name: "NATO-1"}}},
	},
	Health: api.Health{State: "up", Text: "Up."}, Rule: api.LineRule{Classification: "none", PAP: "PAP:AMBER", REL: []string{"JPN", "NATO"}},
	Keys: api.LineKeys{SealedFor: 1, Of: 1}, AwaitingUs: 1,
}

type paperLines struct{ d *paperDesk }

func (p paperLines) List(context.Context) ([]api.Line, error) { return []api.Line{paperLine}, nil }
func (p paperLines) Get(_ context.Context, ref string) (api.Line, error) {
	if ref != paperLine.Name && ref != paperLine.ID {
		return api.Line{}, fault.New(fault.NotFound, "There is no line %q here.", ref).WithHint("hotline line list shows all")
	}
	return paperLine, nil
}
func (p paperLines) Create(_ context.Context, in api.LineNew) (api.Line, error) {
	l := paperLine
	l.Name, l.State, l.Exercise = in.Name, "proposed", in.Exercise
	return l, nil
}
func (p paperLines) Accept(ctx context.Context, ref string) (api.Line, error) { return p.Get(ctx, ref) }
func (p paperLines) Leave(ctx context.Context, ref string) (api.Line, error) {
	l, err := p.Get(ctx, ref)
	l.State = "left"
	return l, err
}

func (p paperLines) Check(ctx context.Context, ref string) (api.TrustChecks, error) {
	return p.Checks(ctx, ref)
}
func (p paperLines) Checks(ctx context.Context, ref string) (api.TrustChecks, error) {
	if _, err := p.Get(ctx, ref); err != nil {
		return api.TrustChecks{}, err
	}
	agree, now := true, api.Time{Time: time.Now().UTC()}
	return api.TrustChecks{
		LastAt: now, Agree: &agree, Text: "1 of 1 desks that were heard hold the same record.",
		Desks: []api.TrustCheck{{Desk: "desk1other", Name: "NATO-1", At: now, Agree: &agree}},
		Complaints: []api.TrustComplaint{
			{At: now, By: "NATO-1", About: "AUS-1", Kind: "garbage", Text: "NATO-1 says that the sending key which AUS-1 sealed to it\x1b[2J is not the one that AUS-1 signed for."},
			{At: now, By: "NATO-1", About: "AUS-1", Kind: "two-keys", Proven: true, Text: "AUS-1 signed two sending keys under one name; NATO-1 shows both."},
		},
		Amber: []string{"NATO-1 claims statements\x1b[2J that this desk lacks."},
	}, nil
}
func (p paperLines) RenewKeys(ctx context.Context, ref string) (api.Line, error) {
	return p.Get(ctx, ref)
}

type paperJoining struct{ d *paperDesk }

func (p paperJoining) Card(context.Context) (api.File, error) {
	return api.File{Name: "JPN-2.card", File: []byte("card of JPN-2")}, nil
}
func (p paperJoining) AddDesk(_ context.Context, _ string, card []byte) (api.File, error) {
	return api.File{Name: "JPN-2.join", File: append([]byte("pack for "), card...)}, nil
}
func (p paperJoining) Join(_ context.Context, pack []byte) (api.Line, error) {
	if !bytes.HasPrefix(pack, []byte("pack for ")) {
		return api.Line{}, fault.New(fault.Unverified, "This is not a joining pack of this party.")
	}
	return paperLine, nil
}

type paperMessages struct{ d *paperDesk }

func (p paperMessages) find(ref string) (int, error) {
	for i, m := range p.d.messages {
		if strings.HasPrefix(m.ID, ref) || m.Serial == ref {
			return i, nil
		}
	}
	return 0, fault.New(fault.NotFound, "There is no message %q here.", ref)
}
func (p paperMessages) List(_ context.Context, q api.MessageQuery) ([]api.Message, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	var out []api.Message
	for _, m := range slices.Backward(p.d.messages) {
		if (q.Box == "" || q.Box == m.Direction) && (q.Waiting == "" || len(m.Actions) > 0) {
			out = append(out, m)
		}
	}
	return out, nil
}
func (p paperMessages) Get(_ context.Context, ref string) (api.Message, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	i, err := p.find(ref)
	if err != nil {
		return api.Message{}, err
	}
	return p.d.messages[i], nil
}
func (p paperMessages) Review(_ context.Context, d api.Draft) (api.Review, error) {
	rv := api.Review{Label: api.Label{Text: d.Label.TLP + " PAP:AMBER"}, Filled: []string{"PAP by the charter's rule"}, Readers: paperReaders, SealedBytes: 900, LinkSeconds: 0.2, Hash: "9c41f27a"}
	if slices.Equal(d.Label.REL, []string{"JPN"}) {
		rv.Refused = new("REL names none of the other parties of this line.")
	}
	return rv, nil
}

var paperReaders = []api.Reader{{Party: "JPN", Self: true, Desks: []string{"JPN-1"}}, {Party: "NATO", Desks: []string{"NATO-1"}}}

func (p paperMessages) Send(ctx context.Context, in api.Draft) (api.Sent, error) {
	if _, err := paperLines(p).Get(ctx, in.Line); err != nil {
		return api.Sent{}, err
	}
	if slices.Equal(in.Label.REL, []string{"JPN"}) {
		return api.Sent{}, fault.New(fault.Refused, "REL names none of the other parties of this line.")
	}
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	m := api.Message{
		ID: fmt.Sprintf("msg1bbbbbbbbbbbbbbbbbbbbbbbbb%d", len(p.d.messages)), Line: paperLine.ID, LineName: in.Line, Direction: "out", From: "JPN", FromDesk: "JPN-1", To: []string{"NATO"},
		Serial: fmt.Sprintf("JPN-1/%04d", 411+len(p.d.messages)), Kind: in.Kind, Status: "exercise", Precedence: in.Precedence, Label: api.Label{TLP: in.Label.TLP, PAP: in.Label.PAP, REL: in.Label.REL, Text: in.Label.TLP},
		DTG: "230210ZNOV26", Subject: in.Subject, Text: in.Text, State: "queued", CommittedAt: api.Time{Time: time.Now()}, AckRequired: fmt.Sprint(in.AckByS),
	}
	p.d.messages = append(p.d.messages, m)
	if p.d.mode == "" {
		go p.climb(len(p.d.messages) - 1)
	}
	return api.Sent{ID: m.ID, State: "queued", Serial: m.Serial, Label: m.Label, Filled: []string{"PAP by the charter's rule"}, Readers: paperReaders, Reachable: p.d.mode != "down"}, nil
}

// climb takes a message up the ladder, a rung at a time.
func (p paperMessages) climb(i int) {
	for _, state := range []string{"accepted", "delivered", "receipted"} {
		<-time.After(50 * time.Millisecond)
		p.d.mu.Lock()
		p.d.messages[i].State = state
		p.d.messages[i].Ladder = append(p.d.messages[i].Ladder, api.Rung{State: state, Party: "NATO", Desk: "NATO-1", At: api.Time{Time: time.Now()}, Verified: state != "accepted"})
		p.d.event(p.d.messages[i])
		p.d.mu.Unlock()
	}
}
func (p paperMessages) Opened(_ context.Context, ref string) error {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	i, err := p.find(ref)
	if err == nil {
		p.d.messages[i].OpenedAt = api.Time{Time: time.Now()}
	}
	return err
}

func (p paperMessages) Ack(_ context.Context, ref string, a api.Ack) (api.Message, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	i, err := p.find(ref)
	if err != nil {
		return api.Message{}, err
	}
	m := &p.d.messages[i]
	if m.Direction == "out" {
		return api.Message{}, fault.New(fault.Conflict, "This message is our own.")
	}
	m.State = map[string]string{"receipt": "receipted", "comply": "comply", "cannot": "cannot", "hold": "holding", "withdraw": "delivered"}[a.Outcome]
	m.Ladder = append(m.Ladder, api.Rung{State: m.State, Party: "JPN", Desk: "JPN-1", Role: a.Role, At: a.AnswerBy, Verified: true, Text: a.Text})
	p.d.event(*m)
	return *m, nil
}
func (p paperMessages) Content(_ context.Context, ref string) (api.Content, error) {
	if _, err := p.find(ref); err != nil {
		return api.Content{}, err
	}
	return api.Content{Name: "bundle.json", Size: int64(len(paperBundle)), Body: io.NopCloser(strings.NewReader(paperBundle))}, nil
}

// paperPairings is one ceremony whose words are in NATO's spelling alphabet.
type paperPairings struct{ d *paperDesk }

var paperWords = []string{"alfa", "bravo", "charlie", "delta", "echo", "foxtrot"}

func (p paperPairings) set(step string, file string) (api.Pairing, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.d.pairing == nil {
		p.d.pairing = &api.Pairing{ID: "p1", Peer: "AUS", AttemptsLeft: 3}
	}
	p.d.pairing.Step, p.d.pairing.File = step, []byte(file)
	if step == "words" {
		p.d.pairing.Say = paperWords
	}
	return *p.d.pairing, nil
}
func (p paperPairings) Start(_ context.Context, in api.PairingNew) (api.Pairing, error) {
	out, err := p.set("send_file", "file 1")
	if in.Rendezvous {
		out.Rendezvous = &api.Rendezvous{Code: "relay.example:7402/k7q2m-9xt4a", State: "relay"}
	}
	return out, err
}
func (p paperPairings) Join(_ context.Context, in api.PairingCode) (api.Pairing, error) {
	if in.Code != "relay.example:7402/k7q2m-9xt4a" {
		return api.Pairing{}, fault.New(fault.NotFound, "There is nothing under that code at the relay.")
	}
	return p.set("words", "")
}
func (p paperPairings) Abandon(context.Context, string) (api.Pairing, error) {
	return p.set("failed", "")
}
func (p paperPairings) Record(_ context.Context, id string) (api.File, error) {
	return api.File{Name: "r.txt", File: []byte("hotline/1 pairing record " + id + "\n")}, nil
}
func (p paperPairings) Stop(_ context.Context, party, reason, confirm string) (api.Party, error) {
	if party != confirm || reason == "" {
		return api.Party{}, fault.New(fault.Invalid, "Type the name of the party.")
	}
	return api.Party{Name: party, State: "stopped"}, nil
}
func (p paperPairings) Answer(_ context.Context, in api.PairingFile) (api.Pairing, error) {
	return p.set("send_file", "file 2 for "+string(in.File)+in.Peer)
}
func (p paperPairings) Open(_ context.Context, _ string, file []byte) (api.Pairing, error) {
	if !bytes.HasPrefix(file, []byte("file 2")) {
		return api.Pairing{}, fault.New(fault.Unverified, "This file does not belong to this pairing.")
	}
	return p.set("words", "file 3")
}
func (p paperPairings) List(context.Context) ([]api.Pairing, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.d.pairing == nil {
		return nil, nil
	}
	return []api.Pairing{*p.d.pairing}, nil
}
func (p paperPairings) Get(_ context.Context, id string) (api.Pairing, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if p.d.pairing == nil || id != p.d.pairing.ID {
		return api.Pairing{}, fault.New(fault.NotFound, "There is no such pairing.")
	}
	return *p.d.pairing, nil
}
func (p paperPairings) Confirm(_ context.Context, _ string, words []string, _ string) (api.Pairing, error) {
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	if !slices.Equal(words, []string{"golf", "hotel", "india", "juliett", "kilo", "lima"}) {
		p.d.pairing.AttemptsLeft--
		return *p.d.pairing, nil
	}
	p.d.pairing.Paired, p.d.pairing.Step, p.d.pairing.Party, p.d.pairing.PartyID = true, "paired", "AUS", "party1aus"
	return *p.d.pairing, nil
}
