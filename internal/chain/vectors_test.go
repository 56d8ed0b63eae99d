package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/precedence"
	"hotline/internal/suite"
)

// update writes vectors anew. The format is frozen: whoever uses it has changed
// the format and says so in the changelog. In CI it fails instead.
var update = flag.Bool("update", false, "write frozen vectors anew")

func vectorFile() string { return fmt.Sprintf("../wire/testdata/vectors/chain%d.json", one) }

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors is one generation from key to envelopes. Everything is EXERCISE.
type vectors struct {
	Comment            string          `json:"comment"`
	SendingKey         hexa            `json:"sending_key"`
	Group              hexa            `json:"group"`
	Sender             hexa            `json:"sender"`
	Generation         hexa            `json:"generation"`
	PreviousGeneration hexa            `json:"previous_generation"` // without a predecessor of its own
	Predecessor        hexa            `json:"predecessor"`
	Parties            []hexa          `json:"parties"`
	MessageSeed        hexa            `json:"message_seed"`
	DeskSeed           hexa            `json:"desk_seed"`
	DeskPublic         hexa            `json:"desk_public"`
	Tag                hexa            `json:"tag"`
	HeaderKey          hexa            `json:"header_key"`
	Commitment         hexa            `json:"commitment"`
	Identity           hexa            `json:"identity"`
	Messages           []vectorMessage `json:"messages"`
	Slice              vectorSlice     `json:"slice"`
	Control            vectorControl   `json:"control"`
	Chunks             []vectorChunk   `json:"chunks"`
	SenderState        hexa            `json:"sender_state"`
	RecvState          hexa            `json:"receiver_state"`
}

type vectorMessage struct {
	Lane       Lane   `json:"lane"`
	Sequence   uint32 `json:"sequence"`
	Kind       uint8  `json:"kind"`
	Precedence uint8  `json:"precedence"`
	ReceiptTo  hexa   `json:"receipt_to"`
	Message    hexa   `json:"message"`
	Digest     hexa   `json:"digest"`
	Body       hexa   `json:"body"`
	Expiry     int64  `json:"expiry_unix"`
	Running    hexa   `json:"running"`
	Evidence   hexa   `json:"evidence"`
	Envelope   hexa   `json:"envelope"`
}

type vectorSlice struct {
	Recipient  hexa          `json:"recipient"`
	Party      hexa          `json:"party"`
	SealSeed   hexa          `json:"seal_seed"`
	SealNumber uint64        `json:"seal_number"`
	Digest     hexa          `json:"digest"`
	TimeMs     int64         `json:"time_unix_ms"`
	Last       [lanes]uint32 `json:"last"`
	Proof      hexa          `json:"proof"`
	Envelope   hexa          `json:"envelope"`
}

type vectorControl struct {
	ControlSeed hexa  `json:"control_seed"`
	Kind        uint8 `json:"kind"`
	Body        hexa  `json:"body"`
	Envelope    hexa  `json:"envelope"`
}

type vectorChunk struct {
	ContentKey hexa   `json:"content_key"`
	Index      uint32 `json:"index"`
	Final      bool   `json:"final"`
	Lane       uint8  `json:"lane"`
	Expiry     int64  `json:"expiry_unix"`
	Data       hexa   `json:"data"`
	Envelope   hexa   `json:"envelope"`
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	b, err := os.ReadFile(vectorFile())
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("read %s: %v", vectorFile(), err)
	}
	return v
}

// TestFrozenVectors: what this program seals and opens is what the vectors say,
// byte for byte in what is signed and derived. Sealing draws nonces and more, so
// that of sealed bytes only the opening can be compared.
func TestFrozenVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	v := readVectors(t)
	tx, sign := v.sender(t)
	if !bytes.Equal(tx.tag[:], v.Tag) || !bytes.Equal(tx.headerKey[:], v.HeaderKey) || !bytes.Equal(tx.commitment[:], v.Commitment) {
		t.Error("tag, header key or commitment differ")
	}
	if !bytes.Equal(tx.predecessor[:], v.Predecessor) {
		t.Error("predecessor's identity differs")
	}
	if id := tx.Identity(); !bytes.Equal(id[:], v.Identity) {
		t.Errorf("identity %x, want %x", id, []byte(v.Identity))
	}
	to, know := v.recipient(t)
	rx, sl, err := OpenSlice(one, v.Slice.Envelope, to, know, time.UnixMilli(v.Slice.TimeMs))
	if err != nil {
		t.Fatalf("open the slice: %v", err)
	}
	if !bytes.Equal(sl.Proof, v.Slice.Proof) || sl.Last != v.Slice.Last || sl.Time.UnixMilli() != v.Slice.TimeMs || !bytes.Equal(sl.Digest[:], v.Slice.Digest) {
		t.Errorf("slice says %+v", sl)
	}
	for i, m := range v.Messages {
		s, err := tx.Seal(sign, m.input())
		if err != nil || !bytes.Equal(s.Evidence, m.Evidence) || len(s.Envelope) != len(m.Envelope) || s.Lane != m.Lane || s.Sequence != m.Sequence || !bytes.Equal(s.Running[:], m.Running) {
			t.Errorf("message %d seals to other bytes, %v", i, err)
		}
		o, err := rx.Open(m.Envelope, time.UnixMilli(v.Slice.TimeMs))
		if err != nil || !bytes.Equal(o.Body, m.Body) || !bytes.Equal(o.Evidence, m.Evidence) || !bytes.Equal(o.Inside.Message[:], m.Message) || o.Sequence != m.Sequence || o.Lane != m.Lane || !bytes.Equal(o.Running[:], m.Running) || o.History != Intact {
			t.Errorf("message %d opens as %+v, %v", i, o, err)
		}
	}
	if !bytes.Equal(state(t, tx), v.SenderState) || !bytes.Equal(state(t, rx), v.RecvState) {
		t.Error("marshalled state differs: stored state of a desk could not be read")
	}
	v.checkPlain(t)
}

// checkPlain checks chunks and the control envelope.
func (v vectors) checkPlain(t *testing.T) {
	t.Helper()
	for i, c := range v.Chunks {
		in := ChunkInput{Chunk: Chunk{c.Index, c.Final, c.Data}, Key: [32]byte(c.ContentKey), Lane: c.Lane, Expiry: time.Unix(c.Expiry, 0)}
		if env, err := SealChunk(one, in); err != nil || len(env) != len(c.Envelope) || !bytes.Equal(env[:envelope.PrefixSize], c.Envelope[:envelope.PrefixSize]) {
			t.Errorf("chunk %d has another header, %v", i, err)
		}
		if got, err := OpenChunk(one, c.Envelope, in.Key); err != nil || got.Index != c.Index || got.Final != c.Final || !bytes.Equal(got.Data, c.Data) {
			t.Errorf("chunk %d opens as %+v, %v", i, got, err)
		}
	}
	key, err := one.ParseSealKey(v.Control.ControlSeed)
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenControl(one, v.Control.Envelope, key, func(c Control) ([]byte, bool) { return v.DeskPublic, true })
	if err != nil || c.Kind != v.Control.Kind || !bytes.Equal(c.Body, v.Control.Body) || !bytes.Equal(c.Sender[:], v.Sender) {
		t.Errorf("control opens as %+v, %v", c, err)
	}
}

// sender is the vectors' sending key at its start.
func (v vectors) sender(t *testing.T) (*Sender, suite.MessageKey) {
	t.Helper()
	sign, err := one.MessageKeyFromSeed(v.MessageSeed)
	if err != nil {
		t.Fatal(err)
	}
	in := Start{Group: ident.Group(v.Group), Desk: ident.Desk(v.Sender), Now: time.UnixMilli(v.Slice.TimeMs)}
	for _, p := range v.Parties {
		in.Parties = append(in.Parties, ident.Party(p))
	}
	// Of the predecessor only its name and its last sequences matter.
	in.Previous, err = newSender(one, in, named("previous sending key"), Generation(v.PreviousGeneration))
	if err != nil {
		t.Fatal(err)
	}
	for l := range in.Previous.lanes {
		in.Previous.lanes[l].next = v.Slice.Last[l] + 1
	}
	for i, c := range in.Previous.receipts {
		if c.party == ident.Party(v.Slice.Party) {
			in.Previous.receipts[i].next = v.Slice.Last[Receipts] + 1
		}
	}
	m, err := newSender(one, in, [32]byte(v.SendingKey), Generation(v.Generation))
	if err != nil {
		t.Fatal(err)
	}
	return m, sign
}

func (v vectors) recipient(t *testing.T) (Recipient, func(ident.Desk) ([]byte, bool)) {
	t.Helper()
	key, err := one.ParseSealKey(v.Slice.SealSeed)
	if err != nil {
		t.Fatal(err)
	}
	_, sign := v.sender(t)
	return Recipient{Desk: ident.Desk(v.Slice.Recipient), Party: ident.Party(v.Slice.Party), Key: key, SealNumber: v.Slice.SealNumber},
		func(d ident.Desk) ([]byte, bool) { return sign.Public(), d == ident.Desk(v.Sender) }
}

func (m vectorMessage) input() SealInput {
	in := SealInput{
		Kind: envelope.Kind(m.Kind), Precedence: precedence.Level(m.Precedence), Message: ident.Message(m.Message),
		Digest: [32]byte(m.Digest), Body: m.Body, Expiry: time.Unix(m.Expiry, 0),
	}
	if len(m.ReceiptTo) > 0 {
		in.ReceiptTo = ident.Party(m.ReceiptTo)
	}
	return in
}

// writeVectors makes the file. Keys are hashes of names, so only
// nonces, HPKE and ML-DSA are drawn at random.
func writeVectors(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("vectors are frozen: CI does not write them")
	}
	h := func(name string) hexa { b := named(name); return b[:] }
	long := func(name string, n int) hexa { return append(h(name), h(name+", the rest")...)[:n] }
	v := vectors{
		Comment:    fmt.Sprintf("EXERCISE. Chain vectors of suite %d; docs/spec/chain.md says how each value follows. All keys are made up and published.", one),
		SendingKey: h("sending key"), Group: h("group"), Sender: h("desk JPN-1"), Generation: h("generation")[:16], PreviousGeneration: h("previous generation")[:16],
		Parties: []hexa{h("party JPN"), h("party NATO"), h("party AUS")}, MessageSeed: long("message seed", len(one.NewMessageKey().Seed())),
		DeskSeed: long("desk seed", len(one.NewDeskKey().Seed())),
		Slice: vectorSlice{
			Recipient: h("desk NATO-1"), Party: h("party NATO"), SealSeed: long("seal seed", len(one.NewSealKey().Bytes())), SealNumber: 41,
			Digest: h("digest"), TimeMs: 1795399740123, Last: [lanes]uint32{7, 0, 1, 12, 3},
		},
		Control: vectorControl{ControlSeed: long("control seed", len(one.NewSealKey().Bytes())), Kind: 3, Body: hexa("EXERCISE control body")},
	}
	tx, sign := v.sender(t)
	to, know := v.recipient(t)
	id := tx.Identity()
	v.Tag, v.HeaderKey, v.Commitment, v.Identity, v.Predecessor = tx.tag[:], tx.headerKey[:], tx.commitment[:], id[:], tx.predecessor[:]
	env, err := tx.SliceFor(sign, SliceInput{
		Desk: to.Desk, Party: to.Party, SealPublic: to.Key.Public(), SealNumber: to.SealNumber, Digest: [32]byte(v.Slice.Digest),
		Precedence: precedence.Flash, Expiry: time.Unix(1795486140, 0), Now: time.UnixMilli(v.Slice.TimeMs),
	})
	if err != nil {
		t.Fatal(err)
	}
	rx, sl, err := OpenSlice(one, env, to, know, time.UnixMilli(v.Slice.TimeMs))
	if err != nil {
		t.Fatal(err)
	}
	v.Slice.Envelope, v.Slice.Proof = env, sl.Proof
	v.Messages = sealVectors(t, tx, rx, sign, h)
	v.SenderState, v.RecvState = state(t, tx), state(t, rx)
	v.fillPlain(t, h)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(vectorFile()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile(), append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("wrote %s: a frozen format has changed", vectorFile())
}

func sealVectors(t *testing.T, tx *Sender, rx *Receiver, sign Signer, h func(string) hexa) (all []vectorMessage) {
	t.Helper()
	for i, m := range []vectorMessage{
		{Kind: 1, Precedence: 3, Body: hexa("EXERCISE EXERCISE EXERCISE first FLASH")},
		{Kind: 1, Precedence: 3, Body: hexa{}},
		{Kind: 1, Precedence: 0, Body: bytes.Repeat([]byte("EXERCISE routine "), 30)},
		{Kind: 2, Precedence: 3, Body: hexa("EXERCISE delivered"), ReceiptTo: h("party NATO")},
		{Kind: 2, Precedence: 0, Body: hexa("EXERCISE receipted"), ReceiptTo: h("party NATO")},
		{Kind: 3, Precedence: 3, Body: hexa("EXERCISE statement")},
	} {
		m.Message, m.Digest, m.Expiry = h("message " + string(rune('0'+i)))[:16], h("digest"), 1795486140
		s, err := tx.Seal(sign, m.input())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rx.Open(s.Envelope, rx.created); err != nil {
			t.Fatal(err)
		}
		m.Lane, m.Sequence, m.Running, m.Evidence, m.Envelope = s.Lane, s.Sequence, s.Running[:], s.Evidence, s.Envelope
		all = append(all, m)
	}
	return all
}

func (v *vectors) fillPlain(t *testing.T, h func(string) hexa) {
	t.Helper()
	desk, err := one.DeskKeyFromSeed(v.DeskSeed)
	if err != nil {
		t.Fatal(err)
	}
	control, err := one.ParseSealKey(v.Control.ControlSeed)
	if err != nil {
		t.Fatal(err)
	}
	v.DeskPublic = desk.Public()
	v.Control.Envelope, err = SealControl(one, desk, ControlInput{
		Control: Control{ident.Desk(v.Sender), v.Control.Kind, v.Control.Body}, Public: control.Public(), Precedence: 2, Expiry: time.Unix(1795486140, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range []string{"EXERCISE first part", "EXERCISE last part"} {
		c := vectorChunk{ContentKey: h("content key"), Index: uint32(i), Final: i == 1, Lane: 4, Expiry: 1795486140, Data: hexa(data)}
		c.Envelope, err = SealChunk(one, ChunkInput{Chunk: Chunk{c.Index, c.Final, c.Data}, Key: [32]byte(c.ContentKey), Lane: c.Lane, Expiry: time.Unix(c.Expiry, 0)})
		if err != nil {
			t.Fatal(err)
		}
		v.Chunks = append(v.Chunks, c)
	}
}
