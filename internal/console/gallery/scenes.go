package gallery

import (
	"fmt"
	"strings"
	"time"
)

// scene is one state of the made-up desk, and the screen that shows it.
type scene struct {
	hash      string // address of the screen
	self      func() obj
	lines     func() []obj
	messages  func() []obj
	broken    bool // the API answers 503
	stale     bool // the event stream does not open
	refuseAck bool // acts fail
	trust     func() trustState
}

// sceneNames gives the scenes their order.
var sceneNames = []string{"sign-in", "link", "take", "watch", "message", "removed", "japanese", "line", "compose", "empty", "error", "stale", "relay-down", "busy", "hostile", "act-fails",
	"trust", "trust-empty", "trust-error", "trust-stale", "pair", "pairing-code", "pairing-hand", "pairing-words", "pairing-two", "paired", "pairing-failed",
	"party", "party-stopped", "line-facts", "line-forked", "cutoff", "cutoff-alarm"}

var scenes = map[string]scene{
	"sign-in":        {hash: "#/in", self: deskUp, lines: allLines, messages: traffic},
	"link":           {hash: "#/in/" + Link, self: deskUp, lines: allLines, messages: traffic},
	"take":           {hash: "#/take", self: deskUp, lines: allLines, messages: traffic},
	"watch":          {hash: "#/", self: deskUp, lines: allLines, messages: traffic},
	"message":        {hash: "#/m/msg1flash", self: deskUp, lines: allLines, messages: traffic},
	"removed":        {hash: "#/m/msg1done", self: deskUp, lines: allLines, messages: removed},
	"japanese":       {hash: "#/m/msg1fimi", self: deskUp, lines: allLines, messages: traffic},
	"line":           {hash: "#/line/line1alliance", self: deskUp, lines: allLines, messages: traffic},
	"compose":        {hash: "#/new?line=line1jpnnato", self: deskUp, lines: allLines, messages: traffic},
	"empty":          {hash: "#/", self: deskUp, lines: noLines, messages: noTraffic},
	"error":          {hash: "#/", self: deskUp, lines: allLines, messages: traffic, broken: true},
	"stale":          {hash: "#/", self: deskUp, lines: allLines, messages: traffic, stale: true},
	"relay-down":     {hash: "#/", self: deskDown, lines: allLines, messages: traffic},
	"busy":           {hash: "#/", self: deskUp, lines: allLines, messages: busy},
	"hostile":        {hash: "#/m/msg1bad0", self: deskUp, lines: allLines, messages: hostile},
	"trust":          {hash: "#/trust", self: deskUp, lines: allLines, messages: traffic},
	"trust-empty":    {hash: "#/trust", self: deskUp, lines: noLines, messages: noTraffic, trust: nobody},
	"trust-error":    {hash: "#/trust/line/line1alliance", self: deskUp, lines: allLines, messages: traffic, trust: unanswered},
	"trust-stale":    {hash: "#/trust", self: deskUp, lines: allLines, messages: traffic, stale: true},
	"pair":           {hash: "#/trust/pair", self: deskUp, lines: allLines, messages: traffic},
	"pairing-code":   {hash: "#/trust/pairing/2", self: deskUp, lines: allLines, messages: traffic},
	"pairing-hand":   {hash: "#/trust/pairing/3", self: deskUp, lines: allLines, messages: traffic},
	"pairing-words":  {hash: "#/trust/pairing/4", self: deskUp, lines: allLines, messages: traffic},
	"pairing-two":    {hash: "#/trust/pairing/5", self: deskUp, lines: allLines, messages: traffic},
	"paired":         {hash: "#/trust/pairing/1", self: deskUp, lines: allLines, messages: traffic},
	"pairing-failed": {hash: "#/trust/pairing/6", self: deskUp, lines: allLines, messages: traffic},
	"party":          {hash: "#/trust/party/party1nato", self: deskUp, lines: allLines, messages: traffic},
	"party-stopped":  {hash: "#/trust/party/party1aus", self: deskUp, lines: allLines, messages: traffic, trust: stoppedParty},
	"line-facts":     {hash: "#/trust/line/line1alliance", self: deskUp, lines: allLines, messages: traffic},
	"line-forked":    {hash: "#/trust/line/line1jpnnato", self: deskUp, lines: forkedLines, messages: traffic, trust: forked},
	"cutoff":         {hash: "#/trust/cut/desk1jpn-2?name=JPN-2", self: deskUp, lines: secondDesk, messages: traffic},
	"cutoff-alarm":   {hash: "#/trust", self: deskUp, lines: allLines, messages: traffic, trust: alarmed},
	"act-fails":      {hash: "#/", self: deskUp, lines: allLines, messages: traffic, refuseAck: true},
}

func deskUp() obj {
	return obj{
		"party": "JPN", "party_id": "party1jpn", "desk": "JPN-1", "desk_id": "desk1jpn1", "version": "gallery", "now": stamp(Start), "role": "operator", "officer": officer,
		"exercise": true, "store": "open", "clock": obj{"suspect": false}, "counts": obj{"awaiting_us": 4, "awaiting_them": 3, "queued": 0},
		"relays": []any{obj{"id": "relay1a", "addr": "relay.exercise.example:7450", "state": "up", "since": stamp(Start.Add(-7 * time.Hour)), "rtt_ms": 212, "waiting": 0}},
	}
}

func deskDown() obj {
	d := deskUp()
	d["relays"] = []any{obj{"id": "relay1a", "addr": "relay.exercise.example:7450", "state": "down", "since": stamp(Start.Add(-4 * time.Minute)), "waiting": 2, "error": "no answer for 4 min"}}
	d["counts"] = obj{"awaiting_us": 4, "awaiting_them": 3, "queued": 2}
	return d
}

func party(name string, self bool, heard time.Time, desks ...string) obj {
	var list []any
	for i, d := range desks {
		k := obj{"id": "desk1" + strings.ToLower(d), "name": d, "self": self && i == 0}
		if !self {
			k["last_heard_at"] = stamp(heard.Add(-time.Duration(i) * 3 * time.Minute))
		}
		list = append(list, k)
	}
	return obj{"id": "party1" + strings.ToLower(name), "name": name, "self": self, "desks": list}
}

func line(id, name, state, health, text string, us, them int, heard time.Time, parties ...any) obj {
	others := 0
	for _, p := range parties {
		others += len(p.(obj)["desks"].([]any))
	}
	return obj{
		"id": id, "name": name, "state": state, "profile": "alliance", "exercise": true, "parties": parties,
		"health":      obj{"state": health, "text": text, "since": stamp(heard), "last_heard_at": stamp(heard)},
		"awaiting_us": us, "awaiting_them": them, "rule": obj{"classification": "none", "pap": "PAP:AMBER", "rel": []any{"members"}},
		"created_at": stamp(Start.AddDate(0, 0, -20)), "keys": obj{"sealed_for": others - 1, "of": others - 1},
	}
}

func allLines() []obj {
	jpn := party("JPN", true, Start, "JPN-1")
	recent := Start.Add(-40 * time.Second)
	dark := Start.Add(-74 * time.Minute)
	alliance := line("line1alliance", "Alliance", "open", "peer_dark", "Nothing from AUS-1 since 0055Z. Their desk or link is down, or the relay withholds. NATO-1 was heard 0208Z.", 2, 1, dark,
		jpn, party("NATO", false, recent, "NATO-1", "NATO-2"), party("AUS", false, dark, "AUS-1"))
	alliance["keys"] = obj{"sealed_for": 2, "of": 3}
	proposed := line("line1relief", "Disaster relief", "proposed", "unknown", "Proposed by us; AUS has not signed the charter yet.", 0, 0, Start, jpn, party("AUS", false, dark, "AUS-1"))
	proposed["health"] = obj{"state": "unknown", "text": "Proposed by us; AUS has not signed the charter yet."}
	return []obj{
		line("line1jpnnato", "JPN–NATO", "open", "up", "Authenticated traffic from NATO-1 within the check interval.", 2, 2, recent, jpn, party("NATO", false, recent, "NATO-1", "NATO-2")),
		alliance,
		line("line1jpnaus", "JPN–AUS", "open", "unknown", "The last evidence is older than the check interval.", 0, 0, dark, jpn, party("AUS", false, dark, "AUS-1")),
		proposed,
		line("line1old", "Line 7", "stopped", "unknown", "A signed statement removed the last desk of the other party.", 0, 0, Start.AddDate(0, 0, -2), jpn, party("AUS", false, dark, "AUS-1")),
	}
}

func noLines() []obj   { return []obj{} }
func noTraffic() []obj { return []obj{} }

func rung(state, party, desk, role string, at time.Time, verified bool, text string) obj {
	return obj{"state": state, "party": party, "desk": desk, "role": role, "at": stamp(at), "verified": verified, "text": text}
}

func label(tlp, pap string, rel ...any) obj {
	return obj{"classification": "none", "tlp": tlp, "pap": pap, "rel": rel, "caveats": []any{}, "text": tlp + " " + pap}
}

// incoming is a message as it stands when it has just come in.
func incoming(id, serial, precedence string, at time.Time, subject, text string) obj {
	from := strings.Split(serial, "-")[0]
	desk, _, _ := strings.Cut(serial, "/")
	due := map[string]time.Duration{"FLASH": 10 * time.Minute, "IMMEDIATE": 30 * time.Minute, "PRIORITY": 3 * time.Hour, "ROUTINE": 6 * time.Hour}[precedence]
	ladder := []any{rung("delivered", "JPN", "JPN-1", "", at, true, "")}
	if precedence == "FLASH" || precedence == "IMMEDIATE" {
		ladder = append(ladder, rung("alarmed", "JPN", "JPN-1", "", at.Add(time.Second), true, ""))
	}
	return obj{
		"id": id, "line": "line1jpnnato", "line_name": "JPN–NATO", "direction": "in", "from": from, "from_desk": desk, "to": []any{"JPN"}, "serial": serial, "kind": "alert",
		"status": "exercise", "exercise_name": "SILENT TIDE 26", "precedence": precedence, "label": label("TLP:AMBER", "PAP:AMBER", "JPN", "NATO"),
		"dtg": strings.ToUpper(at.Add(-time.Minute).Format("021504ZJan06")), "dtg_at": stamp(at.Add(-time.Minute)), "dtg_suspect": false, "committed_at": stamp(at),
		"subject": subject, "language": "en", "text": text, "reference": "", "ack_required": "receipt", "ack_due_at": stamp(at.Add(due)), "overdue": at.Add(due).Before(Start),
		"escalation": 0, "stix": nil, "state": "delivered", "ladder": ladder, "actions": []any{"receipt", "comply", "cannot", "hold"},
	}
}

// outgoing is a message of ours with the ladder given.
func outgoing(id, serial, precedence string, at time.Time, subject, text string, state string, ladder ...any) obj {
	m := incoming(id, serial, precedence, at, subject, text)
	m["direction"], m["to"], m["state"], m["actions"] = "out", []any{"NATO"}, state, []any{}
	m["ladder"] = append([]any{rung("queued", "JPN", "JPN-1", "", at, true, ""), rung("accepted", "JPN", "JPN-1", "", at.Add(time.Second), false, "")}, ladder...)
	return m
}

// busy is a bad day: 300 rows that wait.
func busy() []obj {
	out := traffic()
	levels := []string{"ROUTINE", "PRIORITY", "ROUTINE", "IMMEDIATE"}
	for i := range 300 {
		out = append(out, incoming(fmt.Sprintf("msg1busy%03d", i), fmt.Sprintf("NATO-1/%04d", 1000+i), levels[i%4], Start.Add(-time.Duration(i)*time.Minute),
			fmt.Sprintf("EXERCISE: routine report %d of the morning", i), "EXERCISE text."))
	}
	return out
}

// hostile has every kind of text that should do nothing.
func hostile() []obj {
	texts := []string{
		`<img src=x onerror=alert(1)><script>alert(1)</script> EXERCISE`,
		"EXERCISE \u202egnitide txet sdrawkcab\u202c and \u200bzero\u2060width\u200d, \x1b[31mred\x07",
		"EXERCISE Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f\u031e\u0320\u034dA\u036b\u0357\u0334\u0362\u0335\u031c\u0330\u0354L\u0368\u0367\u0369\u0358\u0320G\u0311\u0357\u030e\u0305\u035b\u0341\u0334\u033b\u0348\u034d\u0354\u0339O",
		strings.Repeat("EXERCISEwithoutanyspace", 40),
		"EXERCISE שלום مرحبا 한국어 日本語 ไทย {{7*7}} ${x} </textarea>",
	}
	var out []obj
	for i, s := range texts {
		m := incoming(fmt.Sprintf("msg1bad%d", i), "NATO-1/00"+s[:3], "IMMEDIATE", Start.Add(-time.Duration(i+1)*time.Minute), s, s+"\n"+s)
		m["from"], m["exercise_name"], m["line_name"] = "NATO", s, s
		m["stix"] = obj{"name": s, "size": 1000, "sha256": strings.Repeat("ab", 32), "state": "whole", "have": 1000, "objects": 1, "summary": []any{obj{"type": s, "count": 1}}}
		m["ladder"] = append(m["ladder"].([]any), rung("cannot", "NATO", s, s, Start, true, s))
		out = append(out, m)
	}
	return out
}
