package demo

import (
	"bytes"
	"context"
	_ "embed" // the bundles of the exercise
	"net/url"

	"hotline/internal/api"
)

// The bundles of the exercise are written for it: valid STIX 2.1, marked
// EXERCISE in every description, with addresses that belong to documentation
// (RFC 5737, RFC 3849, RFC 2606).
//
//go:embed exercise/intrusion.json
var intrusion []byte

//go:embed exercise/letters.json
var letters []byte

// exerciseName is on every message of the script.
const exerciseName = "LANTERN"

// duty is the role that receipts for NATO in the script.
const duty = "watch officer"

// playFirst sends the first alert, JPN to NATO, and waits until it is on
// NATO's screen. NATO takes it, so that a whole ladder can be seen; then NATO
// has an alert for JPN, which waits for a person.
func (d *demo) playFirst(ctx context.Context, jpn, nato *station) error {
	if d.Quiet {
		return nil
	}
	first := alert("FLASH", "Intrusion at a port authority", "en",
		"EXERCISE EXERCISE EXERCISE. Gate servers of a port authority answer to foreign command servers since 222215Z. "+
			"Container gates stand still. Block the addresses in the bundle at your edge, and say whether you see them.")
	first.Line, first.Label.TLP, first.Label.PAP = bilateral, "TLP:AMBER+STRICT", "PAP:AMBER"
	id, err := d.send(ctx, jpn, first, "intrusion.json", intrusion)
	if err != nil {
		return err
	}
	if err := d.arrives(ctx, nato, id); err != nil {
		return err
	}
	d.done("EXERCISE: a FLASH alert of JPN is on NATO's screen")
	ack := api.Ack{Outcome: "receipt", Role: duty}
	if err := nato.client.Post(ctx, "/messages/"+url.PathEscape(id)+"/ack", "", ack, nil); err != nil {
		return err
	}
	back := alert("FLASH", "Letters with a false log-in page", "en",
		"EXERCISE EXERCISE EXERCISE. Planners of movements by sea get letters that ask for their log-in; two answered. "+
			"Look for the sender and the page in the bundle. Receipt, and say by 0400Z what you found.")
	back.Line, back.Label.TLP, back.Label.PAP = bilateral, "TLP:AMBER+STRICT", "PAP:AMBER"
	id, err = d.send(ctx, nato, back, "letters.json", letters)
	if err != nil {
		return err
	}
	if err := d.arrives(ctx, jpn, id); err != nil {
		return err
	}
	d.done("EXERCISE: a FLASH alert of NATO waits for JPN")
	return nil
}

// playRest plays what goes over the line of all three.
func (d *demo) playRest(ctx context.Context, jpn, nato, aus *station) error {
	if d.Quiet {
		return nil
	}
	fake := alert("IMMEDIATE", "偽情報:港湾の燃料流出", "ja",
		"【演習】【演習】【演習】港で燃料が流出したとする偽の動画が、二十二日夜から三つの言語で広がっている。"+
			"撮影地は別の国の港で、映像は過去のもの。同じ動画を見つけた場合は、投稿の時刻と言語を知らせてほしい。")
	fake.Line, fake.Label.TLP = alliance, "TLP:AMBER"
	id, err := d.send(ctx, jpn, fake, "", nil)
	if err != nil {
		return err
	}
	for _, s := range []*station{nato, aus} {
		if err := d.arrives(ctx, s, id); err != nil {
			return err
		}
	}
	d.done("EXERCISE: a disinformation alert of JPN, in Japanese, is with NATO and AUS")
	routine := alert("ROUTINE", "Watch changes at 0600Z", "en",
		"EXERCISE. AUS changes the watch at 0600Z. The new watch has read the log. Nothing else to report.")
	routine.Line, routine.Kind, routine.Label.TLP = alliance, "informal", "TLP:GREEN"
	id, err = d.send(ctx, aus, routine, "", nil)
	if err != nil {
		return err
	}
	for _, s := range []*station{jpn, nato} {
		if err := d.arrives(ctx, s, id); err != nil {
			return err
		}
	}
	d.done("EXERCISE: a routine text of AUS is with JPN and NATO")
	return nil
}

// alert is a message of the exercise.
func alert(level, subject, language, text string) api.Draft {
	return api.Draft{
		Kind: "alert", Precedence: level, Subject: subject, Language: language, Text: text,
		Status: "exercise", ExerciseName: exerciseName,
	}
}

// send sends a message, with a bundle unless name is empty.
func (d *demo) send(ctx context.Context, s *station, m api.Draft, name string, bundle []byte) (id string, err error) {
	if name != "" {
		up, err := s.client.Upload(ctx, name, "application/stix+json", bytes.NewReader(bundle))
		if err != nil {
			return "", err
		}
		m.Upload = up.Upload
	}
	var sent api.Sent
	err = s.client.Post(ctx, "/messages", "", m, &sent)
	return sent.ID, err
}

// arrives waits until a message is at s.
func (d *demo) arrives(ctx context.Context, s *station, id string) error {
	return await(ctx, "a message did not reach "+s.name, settleWithin, func(ctx context.Context) (bool, error) {
		return has(ctx, s, id)
	})
}
