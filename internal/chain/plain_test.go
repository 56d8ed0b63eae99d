package chain

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/suite"
)

func TestChunks(t *testing.T) {
	key := named("content key")
	for _, n := range []int{0, 1, 1000, MaxChunk} {
		for _, final := range []bool{true, false} {
			if n == 0 && !final {
				continue
			}
			in := ChunkInput{Chunk: Chunk{Index: 1<<32 - 1, Final: final, Data: bytes.Repeat([]byte{byte(n)}, n)}, Key: key, Lane: envelope.Files, Expiry: start}
			env, err := SealChunk(one, in)
			if err != nil {
				t.Fatalf("SealChunk of %d bytes: %v", n, err)
			}
			c, err := OpenChunk(one, env, key)
			if err != nil || c.Index != in.Index || c.Final != final || !bytes.Equal(c.Data, in.Data) {
				t.Errorf("%d bytes, final %v: opened %d bytes at %d, final %v, %v", n, final, len(c.Data), c.Index, c.Final, err)
			}
			if final != (envelope.Bucket(len(env)) == len(env)) {
				t.Errorf("%d bytes, final %v: envelope of %d bytes", n, final, len(env))
			}
			if _, err := OpenChunk(one, env, named("another file")); !errors.Is(err, ErrOpen) {
				t.Errorf("another file's key: %v", err)
			}
		}
	}
}

// TestChunkNonceNeverRepeats: all chunks of a file have one key, so that no two
// may have one nonce, even if they are the same.
func TestChunkNonceNeverRepeats(t *testing.T) {
	base := ChunkInput{Chunk: Chunk{Index: 1, Data: []byte("a")}, Key: named("content key"), Lane: envelope.Files, Expiry: start}
	changes := map[string]func(*ChunkInput){
		"nothing": func(*ChunkInput) {},
		"again":   func(*ChunkInput) {},
		"index":   func(in *ChunkInput) { in.Index++ },
		"data":    func(in *ChunkInput) { in.Data = []byte("b") },
		"final":   func(in *ChunkInput) { in.Final = true },
		"expiry":  func(in *ChunkInput) { in.Expiry = in.Expiry.Add(time.Hour) },
		"lane":    func(in *ChunkInput) { in.Lane = 2 },
	}
	seen := map[[12]byte]string{}
	for name, change := range changes {
		in := base
		change(&in)
		env, err := SealChunk(one, in)
		if err != nil {
			t.Fatal(err)
		}
		h, _ := envelope.Parse(env)
		if other, ok := seen[h.Nonce]; ok {
			t.Errorf("%q and %q have one nonce", name, other)
		}
		seen[h.Nonce] = name
	}
}

func TestChunkRefuses(t *testing.T) {
	key := named("content key")
	for name, in := range map[string]ChunkInput{
		"too long":                   {Chunk: Chunk{Data: make([]byte, MaxChunk+1)}},
		"empty and not the last":     {},
		"a lane that does not exist": {Chunk: Chunk{Final: true}, Lane: 5},
	} {
		in.Key = key
		if _, err := SealChunk(one, in); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
	env, err := SealChunk(one, ChunkInput{Chunk: Chunk{Index: 3, Final: true, Data: []byte("EXERCISE")}, Key: key, Expiry: start})
	if err != nil {
		t.Fatal(err)
	}
	for i := range env {
		bad := bytes.Clone(env)
		bad[i] ^= 4
		if _, err := OpenChunk(one, bad, key); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
	}
	// Sealed as it should be, with a plaintext that nobody writes.
	for name, plain := range map[string][]byte{
		"flag 2":               {2, 0, 0, 0, 1, 'x'},
		"length over":          {0, 0, 0, 0, 2, 'x'},
		"length of 4 GiB":      {0, 255, 255, 255, 255, 'x'},
		"padded, not the last": {0, 0, 0, 0, 1, 'x', 0},
		"last, not padded":     {1, 0, 0, 0, 1, 'x'},
		"empty, not the last":  {0, 0, 0, 0, 0},
		"cut":                  {0, 0},
	} {
		h := envelope.Header{Suite: one.ID(), Type: envelope.Chunk, Tag: FileTag(one, key), Length: uint32(envelope.HeaderSize + len(plain) + 16)}
		if _, err := OpenChunk(one, sealRaw(h, chunkKey(one, key), plain, nil), key); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want ErrRefused", name, err)
		}
	}
}

func TestControl(t *testing.T) {
	key, sender, to := one.NewDeskKey(), ident.Desk(named("desk JPN-1")), one.NewSealKey()
	know := func(d suite.DeskKey) func(Control) ([]byte, bool) {
		return func(c Control) ([]byte, bool) { return d.Public(), c.Sender == sender }
	}
	for _, n := range []int{0, 1, 5000, MaxControlBody} {
		in := ControlInput{Control: Control{Sender: sender, Kind: 9, Body: bytes.Repeat([]byte{7}, n)}, Public: to.Public(), Precedence: 3, Expiry: start}
		env, err := SealControl(one, key, in)
		if err != nil {
			t.Fatalf("SealControl of %d bytes: %v", n, err)
		}
		if h, err := envelope.Parse(env); err != nil || h.Tag != ControlTag(one, to.Public()) || envelope.Bucket(len(env)) != len(env) {
			t.Errorf("envelope of %d bytes: %v", len(env), err)
		}
		c, err := OpenControl(one, env, to, know(key))
		if err != nil || c.Sender != sender || c.Kind != 9 || !bytes.Equal(c.Body, in.Body) {
			t.Errorf("%d bytes: opened kind %d, %d bytes, %v", n, c.Kind, len(c.Body), err)
		}
	}
	env, err := SealControl(one, key, ControlInput{Control: Control{Sender: sender, Kind: 1, Body: []byte("EXERCISE")}, Public: to.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenControl(one, env, to, know(one.NewDeskKey())); !errors.Is(err, ErrSignature) {
		t.Errorf("another desk's key: %v", err)
	}
	if _, err := OpenControl(one, env, to, func(Control) ([]byte, bool) { return nil, false }); !errors.Is(err, ErrUnknownDesk) {
		t.Errorf("unknown desk: %v", err)
	}
	if _, err := OpenControl(one, env, one.NewSealKey(), know(key)); !errors.Is(err, ErrOpen) {
		t.Errorf("another control key: %v", err)
	}
	// The recipient passes it on to a third desk as if it had been sent there.
	third := one.NewSealKey()
	plain, err := openSealed(one, env, envelope.Control, ControlTag(one, to.Public()), labelControl, to, func(c *octets.Coder) { c.From.Raw(len(env) - envelope.HeaderSize - encapsulated(one)) })
	if err != nil {
		t.Fatal(err)
	}
	forwarded, err := sealTo(one, sealed{kind: envelope.Control, tag: ControlTag(one, third.Public()), label: labelControl, public: third.Public(), plain: bytes.Clone(plain)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenControl(one, forwarded, third, know(key)); !errors.Is(err, ErrSignature) {
		t.Errorf("forwarded to a third desk: %v, want ErrSignature", err)
	}
	// Signed as it should be, and padded with something.
	padded := bytes.Clone(plain)
	padded[len(padded)-1] = 1
	dirty, err := sealTo(one, sealed{kind: envelope.Control, tag: ControlTag(one, to.Public()), label: labelControl, public: to.Public(), plain: padded})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenControl(one, dirty, to, know(key)); !errors.Is(err, ErrRefused) {
		t.Errorf("padding that is not zero: %v, want ErrRefused", err)
	}
	for name, in := range map[string]ControlInput{
		"kind 0":       {Control: Control{Kind: 0}, Public: to.Public()},
		"too long":     {Control: Control{Kind: 1, Body: make([]byte, MaxControlBody+1)}, Public: to.Public()},
		"precedence 4": {Control: Control{Kind: 1}, Public: to.Public(), Precedence: 4},
		"a bad key":    {Control: Control{Kind: 1}, Public: []byte("short")},
	} {
		if _, err := SealControl(one, key, in); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
}

// TestNoTypeIsTakenForAnother presents every kind of envelope to every opener.
func TestNoTypeIsTakenForAnother(t *testing.T) {
	p := newPair(t)
	file, desk := named("content key"), one.NewDeskKey()
	chunk, err := SealChunk(one, ChunkInput{Chunk: Chunk{Final: true}, Key: file, Expiry: start})
	if err != nil {
		t.Fatal(err)
	}
	control, err := SealControl(one, desk, ControlInput{Control: Control{Sender: p.from.desk, Kind: 1}, Public: p.to.seal.Public()})
	if err != nil {
		t.Fatal(err)
	}
	envelopes := map[envelope.Type][]byte{
		envelope.Chain: mustSeal(t, p.tx, p.from.sign, message(3, 1)).Envelope,
		envelope.Slice: sliceFor(t, p.tx, p.from, p.to), envelope.Control: control, envelope.Chunk: chunk,
	}
	openers := map[envelope.Type]func([]byte) error{
		envelope.Chain: func(e []byte) error { _, err := p.rx.Clone().Open(e, start); return err },
		envelope.Slice: func(e []byte) error {
			_, _, err := OpenSlice(one, e, p.to.recipient(), peers(p.from), start)
			return err
		},
		envelope.Control: func(e []byte) error {
			_, err := OpenControl(one, e, p.to.seal, func(Control) ([]byte, bool) { return desk.Public(), true })
			return err
		},
		envelope.Chunk: func(e []byte) error { _, err := OpenChunk(one, e, file); return err },
	}
	for is, env := range envelopes {
		for as, open := range openers {
			if err := open(env); (err == nil) != (is == as) {
				t.Errorf("type %d opened as %d: %v", is, as, err)
			}
			// The same with type, suite and tag rewritten to what is expected.
			h, _ := envelope.Parse(env)
			want, _ := envelope.Parse(envelopes[as])
			h.Type, h.Tag = as, want.Tag
			forged := append(h.Append(nil), env[envelope.HeaderSize:]...)
			if err := open(forged); (err == nil) != (is == as) {
				t.Errorf("type %d dressed as %d: %v", is, as, err)
			}
			h.Suite = other()
			if err := open(append(h.Append(nil), env[envelope.HeaderSize:]...)); !errors.Is(err, ErrOpen) {
				t.Errorf("type %d under the other suite: %v", is, err)
			}
		}
	}
}

// TestHeaderIsCheckedThoughItIsAuthentic: envelopes sealed under a header that
// is not theirs, by somebody who holds the key.
func TestHeaderIsCheckedThoughItIsAuthentic(t *testing.T) {
	p := newPair(t)
	body := make([]byte, 256-envelope.HeaderSize-envelope.TagSize)
	for name, change := range map[string]func(*envelope.Header){
		"other suite": func(h *envelope.Header) { h.Suite = other() },
		"type":        func(h *envelope.Header) { h.Type = h.Type%4 + 1 },
		"another tag": func(h *envelope.Header) { h.Tag[0] ^= 1 },
		"masked":      func(h *envelope.Header) { h.Masked[0] = 9 },
	} {
		h := headerOf(p, len(body))
		change(&h)
		c := p.tx.lanes[3].ratchet
		key := c.step(one)
		if _, err := p.rx.Clone().Open(sealRaw(h, key[:], body, &p.tx.headerKey), start); !errors.Is(err, ErrOpen) {
			t.Errorf("chain with %s: %v, want ErrOpen", name, err)
		}

		file := named("content key")
		h = chunkHeader(file, 6)
		change(&h)
		if _, err := OpenChunk(one, sealRaw(h, chunkKey(one, file), []byte{0, 0, 0, 0, 1, 'x'}, nil), file); !errors.Is(err, ErrOpen) {
			t.Errorf("chunk with %s: %v, want ErrOpen", name, err)
		}

		public := p.to.seal.Public()
		h = envelope.Header{Suite: one.ID(), Type: envelope.Slice, Tag: SliceTag(one, public), Length: uint32(SliceSize(one))}
		change(&h)
		header := h.Append(nil)
		box, err := one.SealTo(public, labelSlice, header, make([]byte, SliceSize(one)-envelope.HeaderSize-encapsulated(one)))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenSlice(one, append(header, box...), p.to.recipient(), peers(p.from), start); !errors.Is(err, ErrOpen) {
			t.Errorf("slice with %s: %v, want ErrOpen", name, err)
		}
	}
}
