package chain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/octets"
	"hotline/internal/precedence"
	"hotline/internal/redact"
)

// fullReceiver has gaps, borders, receipts and an end.
func fullReceiver(t testing.TB, p *pair) *Receiver {
	for i := range 9 {
		env := mustSeal(t, p.tx, p.from.sign, message(precedence.Level(i%2), i)).Envelope
		if i == 0 || i > 4 {
			mustOpen(t, p.rx, env)
		}
	}
	if err := p.rx.Close([lanes]uint32{5, 9, 0, 0, 2}, start); err != nil {
		t.Fatal(err)
	}
	return p.rx
}

func TestStateIsSmallAndHasOneSpelling(t *testing.T) {
	p := newPair(t)
	for i := range 1000 {
		mustSeal(t, p.tx, p.from.sign, message(precedence.Level(i%4), i))
	}
	sender, receiver := state(t, p.tx), state(t, p.rx)
	if len(sender) > 1536 || len(receiver) > 1536 {
		t.Errorf("sender %d, receiver %d bytes, want at most 1,536", len(sender), len(receiver))
	}
	if again := state(t, restartSender(t, p.tx)); !bytes.Equal(again, sender) {
		t.Error("a sender does not come back as it was")
	}
	full := fullReceiver(t, newPair(t))
	if again := state(t, restart(t, full)); !bytes.Equal(again, state(t, full)) {
		t.Error("a receiver does not come back as it was")
	}
	if c := full.Clone(); !bytes.Equal(state(t, c), state(t, full)) {
		t.Error("a clone is not the same")
	}
}

func TestCloneSharesNothing(t *testing.T) {
	p := newPair(t)
	var sent [][]byte
	for i := range 4 {
		sent = append(sent, mustSeal(t, p.tx, p.from.sign, message(3, i)).Envelope)
	}
	mustOpen(t, p.rx, sent[3])
	snapshot, before := p.rx.Clone(), state(t, p.rx)
	mustOpen(t, p.rx, sent[1])
	mustOpen(t, p.rx, sent[0])
	p.rx.Expire(start.Add(2 * KeepSkipped))
	unchanged(t, snapshot, before, "work on the original")
	mustOpen(t, snapshot, sent[1])

	tx, was := p.tx.Clone(), state(t, p.tx)
	mustSeal(t, p.tx, p.from.sign, message(3, 9))
	in := message(3, 9)
	in.Kind, in.ReceiptTo = 2, p.to.party
	mustSeal(t, p.tx, p.from.sign, in)
	p.tx.Forget()
	if !bytes.Equal(state(t, tx), was) {
		t.Error("work on the sender changed its clone")
	}
}

// TestStateCannotBePrinted looks for keys in every verb and handler.
func TestStateCannotBePrinted(t *testing.T) {
	p := newPair(t)
	type holder struct {
		s *Sender
		r *Receiver
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	jlog := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{p.tx, p.rx, holder{p.tx, p.rx}, &holder{p.tx, p.rx}, []*Sender{p.tx}, map[string]*Receiver{"r": p.rx}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("state", "v", v)
		jlog.Info("state", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	text := strings.ToLower(out.String())
	for name, key := range map[string][]byte{"sending key": p.tx.key[:], "header key": p.tx.headerKey[:], "chain key": p.rx.chains[0].key[:]} {
		part := key[8:16]
		for _, spelling := range []string{hex.EncodeToString(part), strings.Trim(fmt.Sprint(part), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(part), "[]"), " ", ",")} {
			if strings.Contains(text, spelling) {
				t.Errorf("the %s is printed as %s", name, spelling)
			}
		}
	}
	if p.tx.String() != redact.Placeholder || p.rx.GoString() != redact.Placeholder {
		t.Error("String or GoString is not the placeholder")
	}
	if got := fmt.Sprint(p.tx, p.rx); got != "(redacted) (redacted)" {
		t.Errorf("printed as %q", got)
	}
}

func TestMalformedStateIsRefused(t *testing.T) {
	p := newPair(t)
	tx, rx := state(t, p.tx), state(t, fullReceiver(t, p))
	for n := range len(tx) {
		if _, err := UnmarshalSender(one, tx[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("sender cut to %d bytes: %v", n, err)
		}
	}
	for n := range len(rx) {
		if _, err := UnmarshalReceiver(one, rx[:n]); !errors.Is(err, ErrState) {
			t.Fatalf("receiver cut to %d bytes: %v", n, err)
		}
	}
	for name, err := range map[string]error{
		"sender with a byte more":   second(UnmarshalSender(one, append(bytes.Clone(tx), 0))),
		"receiver with a byte more": second(UnmarshalReceiver(one, append(bytes.Clone(rx), 0))),
		"sender as receiver":        second(UnmarshalReceiver(one, tx)),
		"receiver as sender":        second(UnmarshalSender(one, rx)),
		"newer version":             second(UnmarshalSender(one, append([]byte{tx[0], 2}, tx[2:]...))),
		"other suite":               second(UnmarshalSender(one, append([]byte{tx[0], tx[1], other()}, tx[3:]...))),
	} {
		if !errors.Is(err, ErrState) {
			t.Errorf("%s: %v, want ErrState", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// FuzzUnmarshalSender: what is accepted is written back byte for byte, and
// seals without panicking.
func FuzzUnmarshalSender(f *testing.F) {
	p := newPair(f)
	f.Add(state(f, p.tx))
	p.tx.Forget()
	f.Add(state(f, p.tx))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := UnmarshalSender(one, b)
		if err != nil {
			return
		}
		if !bytes.Equal(state(t, m), b) {
			t.Error("second spelling accepted")
		}
		_, _ = m.Seal(p.from.sign, message(3, 1))
	})
}

// FuzzUnmarshalReceiver: the same for receivers.
func FuzzUnmarshalReceiver(f *testing.F) {
	p := newPair(f)
	f.Add(state(f, p.rx))
	f.Add(state(f, fullReceiver(f, p)))
	env := mustSeal(f, p.tx, p.from.sign, message(3, 1)).Envelope
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := UnmarshalReceiver(one, b)
		if err != nil {
			return
		}
		if !bytes.Equal(state(t, r), b) {
			t.Error("second spelling accepted")
		}
		_, _ = r.Open(env, start)
		_ = r.Missing()
		_ = r.Expire(start.Add(time.Hour))
	})
}

// FuzzOpen: whatever comes, as an envelope and as the plaintext of one that is
// sealed and signed by the sender itself, an error leaves the state alone.
func FuzzOpen(f *testing.F) {
	p := newPair(f)
	good := mustSeal(f, p.tx.Clone(), p.from.sign, message(3, 1)).Envelope
	f.Add(good)
	f.Add(good[45:])
	before := state(f, p.rx)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, env := range [][]byte{b, dress(p, b)} {
			rx := p.rx.Clone()
			if _, err := rx.Open(env, start); err != nil && !bytes.Equal(state(t, rx), before) {
				t.Error("an error changed the receiver")
			}
		}
	})
}

// dress seals plain as the first FLASH of p.
func dress(p *pair, plain []byte) []byte {
	h := headerOf(p, len(plain))
	c := p.tx.lanes[3].ratchet
	key := c.step(one)
	return sealRaw(h, key[:], plain, &p.tx.headerKey)
}

// FuzzSlice: a slice's plaintext from a stranger, the proof of one, and the
// evidence of a message.
func FuzzSlice(f *testing.F) {
	p := newPair(f)
	f.Add(p.slice.Proof)
	f.Fuzz(func(t *testing.T, b []byte) {
		var sl Slice
		if err := octets.Decode(b, sl.fields); err == nil && !bytes.Equal(octets.Encode(sl.fields), b) {
			t.Error("second spelling accepted")
		}
		if _, err := VerifyEvidence(one, group, p.from.desk, p.from.sign.Public(), b, nil); err == nil {
			t.Error("evidence that nobody signed verifies")
		}
		if sl, err := VerifySlice(one, b, peers(p.from)); err == nil && !bytes.Equal(sl.Proof, b) {
			t.Error("proof changed")
		}
		plain := make([]byte, SliceSize(one)-45-encapsulated(one))
		copy(plain, b)
		env, err := sealTo(one, sealed{kind: 2, tag: SliceTag(one, p.to.seal.Public()), label: labelSlice, public: p.to.seal.Public(), plain: plain})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenSlice(one, env, p.to.recipient(), peers(p.from), start); err == nil {
			t.Error("a slice that nobody signed opens")
		}
	})
}

// FuzzRepair: what somebody who knows the reader's seal key puts into a repair is
// the message that its sender signed, to the byte, or nothing.
func FuzzRepair(f *testing.F) {
	p := newPair(f)
	in := message(3, 1)
	e := mustSeal(f, p.tx, p.from.sign, in).Evidence
	good := octets.Encode((&Repair{Sender: p.from.desk, Group: group, Evidence: e, Body: in.Body}).fields)
	f.Add(good)
	f.Add(good[:70])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4000 {
			return
		}
		env, err := sealTo(one, sealed{kind: envelope.Control, tag: SliceTag(one, p.to.seal.Public()), expiry: start, label: labelRepair, public: p.to.seal.Public(), plain: bytes.Clone(b)})
		if err != nil {
			t.Fatal(err)
		}
		r, err := OpenRepair(one, env, p.to.seal, peers(p.from))
		if err == nil && (!bytes.Equal(r.Body, in.Body) || !bytes.Equal(r.Evidence, e) || r.Signed.Message != in.Message) {
			t.Errorf("opens as %+v", r)
		}
	})
}

// FuzzChunkAndControl: the plaintext layouts that need no chain.
func FuzzChunkAndControl(f *testing.F) {
	p := newPair(f)
	key := named("content key")
	f.Add([]byte{1, 0, 0, 0, 0})
	f.Add(make([]byte, 4000))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4000 {
			return
		}
		_, _ = OpenChunk(one, b, key)
		h := chunkHeader(key, len(b))
		if c, err := OpenChunk(one, sealRaw(h, chunkKey(one, key), b, nil), key); err == nil && len(c.Data) > len(b) {
			t.Error("more data than there was")
		}
		_, _ = OpenControl(one, b, p.to.seal, nobody)
		env := unpadded(t, ControlTag(one, p.to.seal.Public()), labelControl, p.to.seal.Public(), b)
		if _, err := OpenControl(one, env, p.to.seal, nobody); err == nil {
			t.Error("a control message of nobody opens")
		}
		_, _ = OpenRepair(one, b, p.to.seal, peers(p.from))
		env = unpadded(t, SliceTag(one, p.to.seal.Public()), labelRepair, p.to.seal.Public(), b)
		if _, err := OpenRepair(one, env, p.to.seal, peers(p.from)); err == nil {
			t.Error("a repair that nobody signed opens")
		}
	})
}

func nobody(Control) ([]byte, bool) { return nil, false }

// unpadded seals plain to a key as it is, which no desk of ours does.
func unpadded(t *testing.T, tag [16]byte, label string, public, plain []byte) []byte {
	t.Helper()
	size := uint32(envelope.HeaderSize + encapsulated(one) + len(plain))
	header := (&envelope.Header{Suite: one.ID(), Type: envelope.Control, Tag: tag, Length: size}).Append(nil)
	box, err := one.SealTo(public, label, header, plain)
	if err != nil {
		t.Fatal(err)
	}
	return append(header, box...)
}
