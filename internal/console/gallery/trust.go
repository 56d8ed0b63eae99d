package gallery

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"hotline/internal/qrcode"
)

// trustState is whom the made-up desk knows, and by whose word.
type trustState struct {
	parties, pairings, cutoffs []obj
	facts                      func(line obj) obj // nil: the desk answers 503
}

// said are the words of the made-up ceremonies; heard are the other side's.
var (
	said  = []any{"harbor", "walnut", "magnet", "orbit", "candle", "tunnel"}
	heard = []string{"anchor", "pebble", "violin", "marble", "summer", "ticket"}
)

func pairing(id int, peer, step string, more obj) obj {
	p := obj{
		"id": fmt.Sprint(id), "session": strings.Repeat("5f2a91c4", 4), "peer": peer, "step": step, "attempts_left": 3, "persons": 1, "paired": false,
		"started_at": stamp(Start.Add(-20 * time.Minute)), "expires_at": stamp(Start.AddDate(0, 0, 7)),
	}
	for k, v := range more {
		p[k] = v
	}
	return p
}

func allTrust() trustState {
	file := base64.StdEncoding.EncodeToString([]byte("hotline/1 pairing 1 of 3\nEXERCISE " + strings.Repeat("x", 60)))
	code := obj{"code": "relay.exercise.example:7450/k7q2m-9xt4a", "state": "peer", "until_at": stamp(Start.Add(24 * time.Hour))}
	return trustState{
		parties: []obj{
			{"id": "party1jpn", "name": "JPN", "self": true, "how": "self", "state": "paired", "desks": 1},
			{"id": "party1aus", "name": "AUS", "how": "introduced", "state": "paired", "desks": 1, "paired_at": stamp(Start.AddDate(0, 0, -9))},
			{"id": "party1nato", "name": "NATO", "how": "words", "state": "paired", "desks": 2, "paired_at": stamp(Start.AddDate(0, 0, -20))},
		},
		pairings: []obj{
			pairing(6, "RELIEF", "failed", obj{"ended": "words", "attempts_left": 0, "failed_before": 1}),
			pairing(5, "COAST", "words", obj{"say": said, "persons": 2}),
			pairing(4, "PORT", "words", obj{"say": said}),
			pairing(3, "FIELD", "send_file", obj{"file": file}),
			pairing(2, "AUS", "send_file", obj{"rendezvous": code, "file": file, "again": true}),
			pairing(1, "NATO", "paired", obj{"paired": true, "party": "NATO", "party_id": "party1nato", "say": said, "officer": "WO1", "witness": "CUS1", "paired_at": stamp(Start.AddDate(0, 0, -20))}),
		},
		cutoffs: []obj{},
		facts:   facts,
	}
}

func nobody() trustState {
	return trustState{parties: allTrust().parties[:1], pairings: []obj{}, cutoffs: []obj{}, facts: facts}
}

func unanswered() trustState {
	t := allTrust()
	t.facts = nil
	return t
}

func stoppedParty() trustState {
	t := allTrust()
	t.parties[1]["state"], t.parties[1]["stopped"], t.parties[1]["how"] = "stopped", "EXERCISE: their safe was found open at 222300Z.", "words"
	return t
}

func cut(confirmed int, alarm bool, missing ...any) obj {
	return obj{
		"id": "stmt1cut", "desk": "desk1jpn-2", "desk_name": "JPN-2", "party": "JPN", "by": "WO1", "at": stamp(Start.Add(-3 * time.Minute)),
		"reason": "EXERCISE: the desk was seized at the port office.", "confirmed": confirmed, "of": 39, "unconfirmed": missing, "alarm": alarm, "late": 1,
	}
}

func alarmed() trustState {
	t := allTrust()
	t.cutoffs = []obj{cut(37, true, "AUS-1", "AUS-4")}
	return t
}

// secondDesk puts a desk of ours in the field on every line.
func secondDesk() []obj {
	all := allLines()
	p := all[0]["parties"].([]any)[0].(obj) // the lines share it
	p["desks"] = append(p["desks"].([]any), obj{"id": "desk1jpn-2", "name": "JPN-2", "self": false, "last_heard_at": stamp(Start.Add(-5 * time.Minute))})
	return all
}

func forkedLines() []obj {
	all := allLines()
	all[0]["alarms"] = []any{obj{"kind": "divergence", "text": "NATO-1 has another message under NATO-2/0107 than we.", "at": stamp(Start.Add(-time.Minute))}}
	return all
}

func forked() trustState {
	t := allTrust()
	t.facts = func(line obj) obj {
		f := facts(line)
		f["checks"] = obj{"last_at": stamp(Start.Add(-time.Minute)), "agree": false, "text": "The first difference is at NATO-2/0107: the two sides hold different messages.",
			"alarms": []any{obj{"at": stamp(Start.Add(-time.Minute)), "desk": "NATO-2", "kind": "message-conflict", "verdict": "sender", "text": "Two messages are signed under NATO-2/0107."}},
			"complaints": []any{
				obj{"at": stamp(Start.Add(-2 * time.Minute)), "by": "AUS-1", "about": "NATO-2", "kind": "two-keys", "proven": true, "text": "NATO-2 signed two sending keys under one name; AUS-1 shows both."},
				obj{"at": stamp(Start.Add(-3 * time.Minute)), "by": "AUS-1", "about": "NATO-1", "kind": "garbage", "proven": false, "text": "AUS-1 says that the sending key which NATO-1 sealed to it is not the one that NATO-1 signed for."},
			}, "amber": []any{"NATO-1 claims statements that we lack."}}
		return f
	}
	return t
}

// facts are what GET /lines/{id}/trust says of a line.
func facts(line obj) obj {
	desks := []any{}
	var signed []any
	n := 0
	for _, v := range line["parties"].([]any) {
		p := v.(obj)
		signed = append(signed, p["name"])
		for _, k := range p["desks"].([]any) {
			n++
			d := k.(obj)
			one := obj{
				"id": d["id"], "name": d["name"], "party": p["name"], "self": d["self"], "role": "watch officer", "state": "in", "added_at": stamp(Start.AddDate(0, 0, -20)),
				"expires_at": stamp(Start.AddDate(2, 0, 0)), "holds_my_key": "yes", "roster": "same", "roster_at": stamp(Start.Add(-time.Minute)),
				"seal_key": obj{"number": 12 + n, "age_s": 3600 * 7 * n, "amber": false}, "attested_at": stamp(Start.Add(-2 * time.Minute)), "delegates": []any{fmt.Sprint(p["name"], " duty"), fmt.Sprint(p["name"], " safe")},
			}
			if d["last_heard_at"] != nil {
				one["last_heard_at"] = d["last_heard_at"]
			}
			if d["name"] == "AUS-1" {
				one["holds_my_key"], one["roster"], one["seal_key"], one["delegates"] = "sent", "behind", obj{"number": 3, "age_s": 3 * 86400, "amber": true}, []any{}
				delete(one, "attested_at")
			}
			desks = append(desks, one)
		}
	}
	desks = append(desks, obj{"id": "desk1nato-3", "name": "NATO-3", "party": "NATO", "self": false, "role": "field team", "state": "removed", "holds_my_key": "no", "roster": "unknown", "seal_key": obj{"number": 4, "age_s": 9 * 86400, "amber": true}, "delegates": []any{"NATO duty"}})
	return obj{
		"line": line["id"], "desks": desks, "cutoffs": []any{},
		"charter": obj{"version": 1, "hash": strings.Repeat("41f29c07", 8), "signed": signed, "quorum": len(signed), "record": "attributable", "pending": []any{}},
		"statements": []any{
			obj{"id": "s3", "type": "remove-desk", "text": "NATO removed the desk NATO-3. Reason: EXERCISE, lost in transit.", "author": "NATO", "signer": "NATO duty", "number": 4, "at": stamp(Start.AddDate(0, 0, -4))},
			obj{"id": "s2", "type": "add-desk", "text": "NATO added the desk NATO-2, watch officer; NATO duty and NATO safe may remove it.", "author": "NATO", "signer": "NATO", "number": 2, "at": stamp(Start.AddDate(0, 0, -20))},
			obj{"id": "s1", "type": "add-desk", "text": "JPN added the desk JPN-1, watch officer; JPN duty and JPN safe may remove it.", "author": "JPN", "signer": "JPN", "number": 1, "at": stamp(Start.AddDate(0, 0, -20))},
		},
		"checks": obj{"last_at": stamp(Start.Add(-9 * time.Minute)), "agree": true, "text": ""},
	}
}

// serveTrust adds the addresses of parties, pairings and cut-offs.
func (d *desk) serveTrust() {
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /parties": d.list(func() []obj { return d.trust.parties }), "GET /pairings": d.list(func() []obj { return d.trust.pairings }),
		"GET /cutoffs": d.list(func() []obj { return d.trust.cutoffs }), "GET /delegates": d.getDelegates, "GET /parties/{id}": d.getParty,
		"GET /pairings/{id}": d.getPairing, "GET /pairings/{id}/qr": d.getQR, "GET /pairings/{id}/record": d.getRecord, "POST /pairings": d.begin, "POST /pairings/join": d.begin,
		"POST /pairings/answer": d.begin, "POST /pairings/open": d.begin, "POST /pairings/{id}/open": d.openFile, "POST /pairings/{id}/confirm": d.confirm,
		"POST /pairings/{id}/abandon": d.abandon, "GET /journal/status": d.getJournal, "POST /journal/verify": d.getJournal, "GET /journal/prove/{id}": d.getEvidence, "GET /lines/{id}/export": d.getEvidence,
		"GET /lines/{id}/trust": d.getFacts, "POST /lines/{id}/check": d.done, "POST /lines/{id}/keys/renew": d.done,
		"POST /desks/{id}/cutoff": d.cutOff, "POST /parties/{id}/suspend": d.partyAct, "POST /parties/{id}/reopen": d.partyAct, "POST /parties/{id}/stop": d.partyAct,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		d.mux.HandleFunc(method+" /api/v1"+path, h)
	}
}

// list answers a list under the lock.
func (d *desk) list(of func() []obj) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		writeJSON(w, http.StatusOK, of())
	}
}

func (d *desk) getDelegates(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, []any{obj{"id": "key1duty", "name": "duty", "desks": []any{"JPN-1", "JPN-2"}}})
}

// one finds an object by id.
func one(all []obj, id string) obj {
	i := slices.IndexFunc(all, func(o obj) bool { return o["id"] == id })
	if i < 0 {
		return nil
	}
	return all[i]
}

func (d *desk) getParty(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := one(d.trust.parties, r.PathValue("id"))
	if p == nil {
		problem(w, http.StatusNotFound, "not_found", "There is no such party.", "")
		return
	}
	both := []any{fmt.Sprintf("%v-1", p["name"]), fmt.Sprintf("%v-2", p["name"])}
	out := obj{
		"root": "key1exercise", "commits": true, "rotated": 0, "statements": facts(d.lines[0])["statements"],
		"delegates":  []any{obj{"id": "key1duty", "name": "duty", "desks": both}, obj{"id": "key1safe", "name": "safe", "desks": both}},
		"custodians": []any{obj{"id": "key1a", "name": "first custodian", "desks": both}, obj{"id": "key1b", "name": "second custodian", "desks": both}},
		"contact":    obj{"role": "EXERCISE duty room", "phone": "+00 0000 0000", "note": "any hour"}, "suspended": nil,
	}
	for k, v := range p {
		out[k] = v
	}
	var desks []any
	for i := range 2 {
		desks = append(desks, obj{"id": fmt.Sprintf("desk1%s-%d", strings.ToLower(fmt.Sprint(p["name"])), i+1), "name": fmt.Sprintf("%v-%d", p["name"], i+1), "role": "watch officer", "state": []string{"in", "dormant"}[i]})
	}
	out["desks"] = desks
	writeJSON(w, http.StatusOK, out)
}

func (d *desk) getPairing(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := one(d.trust.pairings, r.PathValue("id")); p != nil {
		writeJSON(w, http.StatusOK, p)
		return
	}
	problem(w, http.StatusNotFound, "not_found", "There is no such pairing.", "")
}

func (d *desk) getQR(w http.ResponseWriter, _ *http.Request) {
	c, err := qrcode.New("EXERCISE relay.exercise.example:7450/k7q2m-9xt4a")
	if err != nil {
		problem(w, http.StatusInternalServerError, "internal", err.Error(), "")
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write(c.SVG()) // a closed connection
}

func (d *desk) getRecord(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, obj{"name": "pairing-1.txt", "file": base64.StdEncoding.EncodeToString([]byte("hotline/1 pairing record\nEXERCISE\n"))})
}

// begin makes a pairing of whatever was given.
func (d *desk) begin(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	peer, _ := body["peer"].(string)
	if code, ok := body["code"].(string); ok && !strings.Contains(code, "/") {
		problem(w, http.StatusBadRequest, "invalid", "That is not a rendezvous code.", "it looks like relay.example:7402/k7q2m-9xt4a")
		return
	}
	if peer == "" {
		peer = "NORTH"
	}
	p := pairing(len(d.trust.pairings)+1, peer, "send_file", obj{"file": d.trust.pairings[0]["file"]})
	if body["rendezvous"] == true || body["code"] != nil {
		p["rendezvous"] = obj{"code": "relay.exercise.example:7450/k7q2m-9xt4a", "state": "peer", "until_at": stamp(Start.Add(24 * time.Hour))}
	}
	d.trust.pairings = slices.Insert(d.trust.pairings, 0, p)
	d.emit("pairing", obj{})
	writeJSON(w, http.StatusCreated, p)
}

func (d *desk) openFile(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	p := one(d.trust.pairings, r.PathValue("id"))
	p["step"], p["say"] = "words", said
	writeJSON(w, http.StatusOK, p)
}

// confirm compares words as a desk does: never which one.
func (d *desk) confirm(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	p := one(d.trust.pairings, r.PathValue("id"))
	if body["password"] != password {
		problem(w, http.StatusForbidden, "denied", "Name and password do not match.", "")
		return
	}
	var words []string
	list, _ := body["words"].([]any)
	for _, v := range list {
		words = append(words, strings.ToLower(fmt.Sprint(v)))
	}
	if !slices.Equal(words, heard) {
		p["attempts_left"] = p["attempts_left"].(int) - 1
		problem(w, http.StatusUnprocessableEntity, "unverified", fmt.Sprintf("The words do not match. %d attempts are left.", p["attempts_left"]), "ask the other side to read them again; if they are read right, somebody sits in between")
		return
	}
	witness, _ := body["witness"].(obj)
	p["step"], p["paired"], p["party"], p["party_id"], p["officer"], p["paired_at"] = "paired", true, p["peer"], "party1"+strings.ToLower(fmt.Sprint(p["peer"])), officer, stamp(d.now())
	p["witness"] = witness["officer"]
	d.trust.parties = append(d.trust.parties, obj{"id": p["party_id"], "name": p["peer"], "how": "words", "state": "paired", "desks": 1, "paired_at": stamp(d.now())})
	writeJSON(w, http.StatusOK, p)
}

func (d *desk) abandon(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	p := one(d.trust.pairings, r.PathValue("id"))
	p["step"], p["ended"] = "failed", "abandoned"
	delete(p, "say")
	writeJSON(w, http.StatusOK, p)
}

func (d *desk) getFacts(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.line(r.PathValue("id"))
	if d.trust.facts == nil || l == nil {
		problem(w, http.StatusServiceUnavailable, "unavailable", "The facts of this line cannot be read.", "look at the desk's log")
		return
	}
	writeJSON(w, http.StatusOK, d.trust.facts(l))
}

func (d *desk) getJournal(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, obj{"size": 4127, "root": strings.Repeat("9c41f27a", 8), "generation": 1, "checkpoint_at": stamp(Start.Add(-time.Minute)), "covered": 4120, "verified_at": stamp(Start.Add(-7 * time.Hour)), "ok": true, "running": false, "done": 0, "of": 0})
}

func (d *desk) getEvidence(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Disposition", `attachment; filename="exercise.evidence"`)
	w.Header().Set("X-Left-Out", "1")
	writeJSON(w, http.StatusOK, obj{"exercise": true})
}

func (d *desk) done(w http.ResponseWriter, r *http.Request) {
	d.note(r)
	writeJSON(w, http.StatusOK, obj{})
}

func (d *desk) partyAct(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if body["password"] != password {
		problem(w, http.StatusForbidden, "denied", "Name and password do not match.", "")
		return
	}
	p := one(d.trust.parties, r.PathValue("id"))
	switch {
	case strings.HasSuffix(r.URL.Path, "/stop"):
		p["state"], p["stopped"] = "stopped", body["reason"]
	case strings.HasSuffix(r.URL.Path, "/suspend"):
		p["state"], p["suspended"] = "suspended", obj{"reason": body["reason"], "at": stamp(d.now())}
	default:
		p["state"], p["suspended"] = "paired", nil
	}
	writeJSON(w, http.StatusOK, p)
}

// cutOff counts up as a desk does, and stays two short of all.
func (d *desk) cutOff(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	if body["password"] != password || body["confirm"] != "JPN-2" {
		problem(w, http.StatusForbidden, "denied", "Name and password do not match.", "")
		return
	}
	c := cut(0, false, "AUS-1", "AUS-4", "NATO-1")
	c["reason"], c["at"], c["late"] = body["reason"], stamp(d.now()), 0
	d.trust.cutoffs = []obj{c}
	time.AfterFunc(300*time.Millisecond, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		next := cut(37, false, "AUS-1", "AUS-4")
		next["reason"], next["at"], next["late"] = c["reason"], c["at"], 0
		d.trust.cutoffs = []obj{next}
		d.emit("cutoff", obj{"cutoff": next})
	})
	writeJSON(w, http.StatusOK, c)
}
