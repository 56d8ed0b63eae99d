package gallery

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// review answers as a desk would: the charter's rule fills, the audience
// follows from line and REL, and what cannot be is refused with a sentence.
func (d *desk) review(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	answer, ok := d.look(body)
	if !ok {
		problem(w, http.StatusNotFound, "not_found", "There is no such line at this desk.", "")
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

func (d *desk) look(body obj) (obj, bool) {
	line := d.line(body["line"])
	if line == nil {
		return nil, false
	}
	in, _ := body["label"].(obj)
	label, filled := fill(in, line)
	readers, not := audience(line, label["rel"].([]any))
	var refused any
	warnings := []any{}
	switch {
	case label["tlp"] == "":
		refused = "Choose a TLP: there is no rule that fills it."
	case len(readers) < 2:
		refused = "The REL of this message names no other party of the line, so nobody could read it."
	case body["precedence"] == "FLASH" && len(fmt.Sprint(body["text"])) > 4000:
		refused = "A FLASH of this length is refused: shorten it, or send the detail as IMMEDIATE."
	}
	if label["classification"] == "NATO SECRET" {
		refused = "The ceiling of this line is unclassified: no approval of a security authority is recorded."
	}
	if len(not) > 0 {
		warnings = append(warnings, "This message makes a narrower audience than the line, with its own running numbers.")
	}
	return obj{
		"label": label, "filled": filled, "readers": readers, "not": not, "sealed_bytes": 1024 + len(fmt.Sprint(body["text"])),
		"link_seconds": 0.4, "new_keys": keyCost(readers, body), "warnings": warnings, "refused": refused, "hash": strings.Repeat("9c41f27a", 8),
	}, true
}

// keyCost is what new keys cost the alliance on a thin link.
func keyCost(readers []any, body obj) any {
	if len(readers) < 3 {
		return nil
	}
	first := 2
	if a, ok := body["action"].([]any); ok {
		first = len(a)
	}
	return obj{"desks": 3, "bytes": 4608, "seconds": 15.4, "first_desks": first, "first_seconds": 5.1 * float64(first), "other_desks": []any{"JPN-2"}, "text": ""}
}

func (d *desk) line(id any) obj {
	i := slices.IndexFunc(d.lines, func(l obj) bool { return l["id"] == id || l["name"] == id })
	if i < 0 {
		return nil
	}
	return d.lines[i]
}

func fill(in, line obj) (label obj, filled []any) {
	text := func(k string) string { s, _ := in[k].(string); return s }
	rel, _ := in["rel"].([]any)
	caveats, _ := in["caveats"].([]any)
	rule := line["rule"].(obj)
	label = obj{"tlp": text("tlp"), "classification": text("classification"), "pap": text("pap"), "rel": rel, "caveats": caveats}
	filled = []any{}
	for _, k := range []string{"classification", "pap"} {
		if label[k] == "" {
			label[k] = rule[k]
			filled = append(filled, fmt.Sprintf("%s %v by the charter's rule", k, rule[k]))
		}
	}
	if len(rel) == 0 {
		var all []any
		for _, p := range line["parties"].([]any) {
			all = append(all, p.(obj)["name"])
		}
		label["rel"] = all
		filled = append(filled, "REL to all members by the charter's rule")
	}
	return label, filled
}

func audience(line obj, rel []any) (readers, not []any) {
	readers, not = []any{}, []any{}
	for _, v := range line["parties"].([]any) {
		p := v.(obj)
		if !slices.Contains(rel, p["name"]) {
			not = append(not, obj{"party": p["name"], "reason": "REL does not name it"})
			continue
		}
		var desks []any
		for _, k := range p["desks"].([]any) {
			desks = append(desks, k.(obj)["name"])
		}
		readers = append(readers, obj{"party": p["name"], "self": p["self"], "desks": desks})
	}
	return readers, not
}

// send takes a message as a desk would, and lets its ladder climb.
func (d *desk) send(w http.ResponseWriter, r *http.Request) {
	body := d.note(r)
	d.mu.Lock()
	defer d.mu.Unlock()
	answer, ok := d.look(body)
	if !ok || answer["refused"] != nil {
		problem(w, http.StatusUnprocessableEntity, "refused", fmt.Sprint(answer["refused"]), "")
		return
	}
	d.serial++
	line := d.line(body["line"])
	to := []any{}
	for _, p := range answer["readers"].([]any) {
		if p.(obj)["self"] != true {
			to = append(to, p.(obj)["party"])
		}
	}
	now := d.now()
	m := obj{
		"id": fmt.Sprintf("msg1sent%04d", d.serial), "line": line["id"], "line_name": line["name"], "direction": "out", "from": "JPN", "from_desk": "JPN-1", "to": to,
		"serial": fmt.Sprintf("JPN-1/%04d", d.serial), "kind": body["kind"], "status": body["status"], "exercise_name": body["exercise_name"], "precedence": body["precedence"],
		"label": answer["label"], "dtg": strings.ToUpper(now.Format("021504ZJan06")), "dtg_at": stamp(now), "committed_at": stamp(now), "subject": body["subject"],
		"language": body["language"], "text": body["text"], "reference": body["reference"], "ack_required": body["ack_required"], "ack_due_at": stamp(now.Add(10 * time.Minute)),
		"stix": nil, "state": "queued", "ladder": []any{rung("queued", "JPN", "JPN-1", "", now, true, "")}, "actions": []any{},
	}
	if u, ok := d.uploads[fmt.Sprint(body["upload"])]; ok {
		m["stix"] = obj{"name": "bundle.json", "size": u["size"], "sha256": u["sha256"], "state": "partial", "have": 0, "objects": u["objects"], "summary": u["summary"]}
	}
	d.messages = slices.Insert(d.messages, 0, m)
	d.emit("message", obj{"message": m})
	writeJSON(w, http.StatusOK, obj{"id": m["id"], "state": "queued", "label": answer["label"], "filled": answer["filled"], "serial": m["serial"], "readers": answer["readers"], "reachable": true})
}

// arrive brings in a message made of defaults and m.
func (d *desk) arrive(m obj) obj {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serial++
	now := d.now()
	full := incoming(fmt.Sprintf("msg1push%04d", d.serial), fmt.Sprintf("NATO-1/%04d", d.serial), "ROUTINE", now, "EXERCISE: a message that a test sent", "")
	for k, v := range m {
		full[k] = v
	}
	if old := d.find(fmt.Sprint(full["id"])); old != nil {
		for k, v := range m {
			old[k] = v
		}
		full = old
	} else {
		d.messages = slices.Insert(d.messages, 0, full)
	}
	d.emit("alarm", obj{"message": full})
	return full
}

// emit adds an event; d.mu is held.
func (d *desk) emit(kind string, data obj) {
	b, err := json.Marshal(data)
	if err != nil {
		panic("gallery: " + err.Error()) // plain data always marshals
	}
	d.events = append(d.events, event{len(d.events) + 1, kind, b})
	close(d.changed)
	d.changed = make(chan struct{})
}

// cut ends all streams, and refuses new ones while refuse is "1".
func (d *desk) cut(refuse string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusing = refuse == "1"
	close(d.cutting)
	d.cutting = make(chan struct{})
}

func (d *desk) close() { d.cut("1") }

// stream sends events as the API does: ids that rise, beats with the desk's
// clock, and what was missed after a cut.
func (d *desk) stream(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	cutting, refusing := d.cutting, d.refusing
	at := len(d.events)
	d.mu.Unlock()
	if refusing || d.scene.stale {
		problem(w, http.StatusServiceUnavailable, "unavailable", "The stream is not served at this moment.", "")
		return
	}
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	if n, err := strconv.Atoi(after); err == nil && n <= at {
		at = n
	}
	rc := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprintf(w, "retry: 200\nid: %d\nevent: beat\ndata: {\"now\":%q}\n\n", at, stamp(d.now()))
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	for {
		d.mu.Lock()
		pending, changed := d.events[at:], d.changed
		d.mu.Unlock()
		for _, e := range pending {
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.data)
			at = e.id
		}
		if rc.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			fmt.Fprintf(w, "event: beat\ndata: {\"now\":%q}\n\n", stamp(d.now()))
		case <-cutting:
			return
		case <-r.Context().Done():
			return
		}
	}
}
