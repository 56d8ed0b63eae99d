package gallery

import (
	"strings"
	"time"
)

// bundle is what GET /messages/ID/stix hands out.
const bundle = `{"type":"bundle","id":"bundle--9c41f27a-0d4f-4a63-8f4e-3b5a1d2c7e90","objects":[]}`

// traffic is the night of exercise SILENT TIDE 26, newest first. Everything in
// it is invented.
func traffic() []obj {
	ago := func(m, s int) time.Time {
		return Start.Add(-time.Duration(m)*time.Minute - time.Duration(s)*time.Second)
	}
	flash := incoming("msg1flash", "NATO-1/0042", "FLASH", ago(2, 9), "EXERCISE: wiper on the port's directory servers, ferry-ad01 affected",
		"EXERCISE EXERCISE EXERCISE\n\n1. Since 230120Z NOV 26 destructive malware is active on directory servers of the ferry operator. Host ferry-ad01 in your network answers the same controller.\n2. Impact large, worsening. Confidence high.\n3. Isolate the named hosts; preserve memory; tell us within 30 min whether you see the listed indicators.\n\nSTIX bundle attached: 12 indicators, 1 malware, 1 infrastructure.\n\nEXERCISE EXERCISE EXERCISE")
	flash["label"] = label("TLP:AMBER+STRICT", "PAP:AMBER", "JPN", "NATO")
	flash["stix"] = obj{
		"name": "ferry-wiper-indicators.json", "size": 48213, "sha256": strings.Repeat("4be1", 16), "state": "whole", "have": 48213, "objects": 17,
		"summary": []any{obj{"type": "indicator", "count": 12}, obj{"type": "malware", "count": 1}, obj{"type": "infrastructure", "count": 1}, obj{"type": "relationship", "count": 2}, obj{"type": "report", "count": 1}},
	}
	fimi := incoming("msg1fimi", "AUS-1/0031", "IMMEDIATE", ago(7, 7), "【訓練】避難指示を装う偽情報の拡散について",
		"【訓練】訓練 EXERCISE\n\n一 230140Z 以降、避難指示を装う偽の動画と投稿が三つの経路で同時に拡散している。\n二 発信元は先週確認した工作活動と手法が一致する。確度は中程度。\n三 公式の発信は避難指示が出ていないことを確認済み。貴方の広報当局と調整し、30分以内に共同声明の可否を知らせてほしい。\n\n訓練 EXERCISE")
	fimi["language"], fimi["line"], fimi["line_name"], fimi["to"] = "ja", "line1alliance", "Alliance", []any{"JPN", "NATO"}
	fimi["label"] = label("TLP:AMBER", "PAP:GREEN", "AUS", "JPN", "NATO")
	fimi["stix"] = obj{"name": "narratives-and-channels.json", "size": 3600412, "sha256": strings.Repeat("07d3", 16), "state": "partial", "have": 1311720, "objects": 0, "summary": []any{}}
	radar := incoming("msg1radar", "NATO-2/0107", "PRIORITY", ago(181, 42), "EXERCISE: ship positions in the strait differ from the radar picture", "EXERCISE. Reported positions of 14 vessels jumped by 30 nautical miles between 222200Z and 222310Z. Please compare with your own picture.")
	radar["label"] = label("TLP:GREEN", "PAP:CLEAR", "ANY")
	radar["overdue"], radar["escalation"] = true, 1
	radar["ladder"] = append(radar["ladder"].([]any), rung("overdue", "JPN", "JPN-1", "", ago(1, 42), true, ""))
	check := incoming("msg1note", "NATO-1/0041", "ROUTINE", ago(55, 0), "EXERCISE: change of the watch at 0600Z", "EXERCISE. The relief takes over at 0600Z. The line check stays at the full hour.")
	check["kind"], check["label"] = "service", label("TLP:CLEAR", "PAP:CLEAR", "ANY")

	isolate := outgoing("msg1isolate", "JPN-1/0412", "FLASH", ago(3, 50), "EXERCISE: cut the tunnel to ferry-ad01 now", "EXERCISE. Cut the site-to-site tunnel towards 198.51.100.0/24 and confirm.", "alarmed",
		rung("delivered", "NATO", "NATO-1", "", ago(3, 46), true, ""), rung("alarmed", "NATO", "NATO-1", "", ago(3, 45), true, ""))
	isolate["label"] = label("TLP:AMBER+STRICT", "PAP:AMBER", "JPN", "NATO")
	rfi := outgoing("msg1rfi", "JPN-1/0407", "IMMEDIATE", ago(25, 0), "EXERCISE: hashes of the loader, please", "EXERCISE. Do you hold samples or hashes of the first-stage loader?", "holding",
		rung("delivered", "NATO", "NATO-1", "", ago(24, 57), true, ""), rung("receipted", "NATO", "NATO-1", "watch officer", ago(24, 20), true, ""),
		rung("holding", "NATO", "NATO-1", "watch officer", ago(23, 2), true, "Authority consulted. Answer by 230230Z NOV 26."))
	rfi["kind"], rfi["ack_required"], rfi["ack_due_at"] = "rfi", "answer", stamp(Start.Add(21*time.Minute))
	group := outgoing("msg1group", "JPN-1/0409", "PRIORITY", ago(31, 10), "EXERCISE: warning to all ports on the line", "EXERCISE. Raise monitoring of directory services at all ports until 1200Z.", "receipted",
		rung("delivered", "NATO", "NATO-1", "", ago(31, 4), true, ""), rung("receipted", "NATO", "NATO-1", "watch officer", ago(29, 0), true, ""), rung("comply", "NATO", "NATO-1", "watch officer", ago(28, 30), true, ""))
	group["to"], group["line"], group["line_name"] = []any{"NATO", "AUS"}, "line1alliance", "Alliance"
	group["label"] = label("TLP:GREEN", "PAP:GREEN", "AUS", "JPN", "NATO")

	held := incoming("msg1held", "NATO-1/0039", "IMMEDIATE", ago(48, 0), "EXERCISE: may we name the affected operator to the press?", "EXERCISE. Answer needed before our statement at 0300Z.")
	held["state"], held["actions"], held["ack_due_at"] = "holding", []any{"comply", "cannot"}, stamp(Start.Add(36*time.Minute))
	held["ladder"] = append(held["ladder"].([]any), rung("receipted", "JPN", "JPN-1", "watch officer", ago(46, 0), true, ""), rung("holding", "JPN", "JPN-1", "watch officer", ago(45, 0), true, "Authority consulted. Answer by 230245Z NOV 26."))
	done := incoming("msg1done", "NATO-1/0038", "ROUTINE", ago(90, 0), "EXERCISE: list of contact roles, revised", "EXERCISE. Roles only, no names.")
	done["state"], done["actions"] = "comply", []any{}
	done["ladder"] = append(done["ladder"].([]any), rung("receipted", "JPN", "JPN-1", "watch officer", ago(80, 0), true, ""), rung("comply", "JPN", "JPN-1", "watch officer", ago(79, 0), true, ""))
	cannot := outgoing("msg1cannot", "JPN-1/0398", "PRIORITY", ago(130, 0), "EXERCISE: release of the full packet capture", "EXERCISE. Please release the capture of 222300Z.", "cannot",
		rung("delivered", "NATO", "NATO-1", "", ago(129, 55), true, ""), rung("receipted", "NATO", "NATO-2", "watch officer", ago(121, 0), true, ""), rung("cannot", "NATO", "NATO-2", "watch officer", ago(118, 0), true, "The capture holds data of third parties. An extract follows by 0500Z."))
	return []obj{flash, isolate, fimi, rfi, group, held, check, done, cannot, radar}
}

// removed is the traffic after retention has taken the text of one message.
func removed() []obj {
	all := traffic()
	for _, m := range all {
		if m["id"] == "msg1done" {
			m["subject"], m["text"], m["removed_at"] = "", "", stamp(Start.Add(-time.Minute))
		}
	}
	return all
}
