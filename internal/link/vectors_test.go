package link

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
)

var update = flag.Bool("update", false, "write frozen vectors anew; refused when CI is set")

const vectorFile = "../wire/testdata/vectors/link1.json"

// linkVectors are frames as they go over the line. All of it follows from fixed
// values, so that it is compared to the byte.
type linkVectors struct {
	Comment  string   `json:"comment"`
	KeySeed  string   `json:"key_seed"`
	Mailbox  string   `json:"mailbox"`
	Exporter string   `json:"exporter"`
	Relay    string   `json:"relay"`
	Hello    string   `json:"hello"` // the frame, and its WANT
	Invite   string   `json:"invite"`
	Envelope string   `json:"envelope"`
	Whole    string   `json:"whole"`    // ENV
	Parts    []string `json:"parts"`    // ENV and CHUNKs
	Accepted string   `json:"accepted"` // handles 1 to 3, and 9
	Frames   []said   `json:"frames"`   // one by one: what each says
}

func makeVectors(t *testing.T) (v linkVectors) {
	t.Helper()
	fill := func(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }
	key, exporter, relay := ed25519.NewKeyFromSeed(fill(1, 32)), fill(2, 32), ident.Relay(fill(3, 32))
	public := key.Public().(ed25519.PublicKey)
	box := MailboxOf(public)
	h := Hello{Purpose: Urgent, Session: [16]byte(fill(4, 16)), Key: public, Wants: []Want{{Lane: 1, ID: envelope.ID(fill(5, 16)), Have: 700}}}
	body := h.body()
	hello := appendFrame(nil, frameHello, append(body, ed25519.Sign(key, bound(exporter, relay, body))...))
	hello = appendWant(hello, h.Wants[0])
	i := Invite{Addr: "relay.example:8651", Pin: relay, Secret: [16]byte(fill(6, 16)), Quota: 64 << 20, Expiry: time.Unix(1_800_000_000, 0).UTC()}
	env := make([]byte, 1024)
	for i := range env {
		env[i] = byte(i * 7)
	}
	x := hex.EncodeToString
	v = linkVectors{
		Comment: "EXERCISE. Frames between a desk and its relay; docs/spec/link.md. All keys are made up and published.",
		KeySeed: x(fill(1, 32)), Mailbox: x(box[:]), Exporter: x(exporter), Relay: x(relay[:]), Hello: x(hello), Invite: x([]byte(i.Token())), Envelope: x(env),
	}
	o := &outgoing{lane: flashLane, stamp: 2<<48 | 9, env: env}
	rec, _ := o.piece(nil, MaxFrame, true, nil, nil)
	v.Whole = x(rec)
	for o = (&outgoing{lane: immediateLane, stamp: 1<<48 | 10, env: env}); o.pos < len(env); {
		rec, n := o.piece(nil, 400, false, nil, nil)
		if n == 0 {
			t.Fatal("no piece of it goes")
		}
		v.Parts = append(v.Parts, x(rec))
	}
	var s spans
	for _, handle := range []uint64{1, 2, 3, 9} {
		s.add(handle)
	}
	v.Accepted = x(s.append(nil))
	v.Frames = saidFrames(t, key, box)
	return v
}

// TestFrozenVectors: what this program says on a link is what the vectors say.
func TestFrozenVectors(t *testing.T) {
	made := makeVectors(t)
	out, err := json.MarshalIndent(made, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, '\n')
	if *update && os.Getenv("CI") == "" {
		if err := os.WriteFile(vectorFile, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if frozen, err := os.ReadFile(vectorFile); err != nil || !bytes.Equal(frozen, out) {
		t.Errorf("%d bytes of frames are written in another way than the frozen ones: %v", len(out), err)
	}
	named := map[byte]bool{frameHello: true, frameEnv: true, frameChunk: true, frameAccepted: true, frameWant: true}
	for _, f := range made.Frames {
		named[unhex(t, f.Bytes)[0]] = true
	}
	for _, frame := range []byte{
		frameHello, frameEnv, frameChunk, frameAccepted, frameCommitted, frameFlow, frameWant, frameRefuse, framePing, framePong, frameDest,
		frameAllow, frameBulk, frameBye, frameAllowed, frameMeet, frameMet, framePart, frameRevoke, frameForget, frameDropped,
	} {
		if !named[frame] && frame != framePart { // PARTs stand behind a MET
			t.Errorf("no vector shows a frame of type %#x", frame)
		}
	}
}
