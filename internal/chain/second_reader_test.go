package chain_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/fips140"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// This file is a second reader of the chain format: written from
// docs/spec/{suite,envelope,chain}.md with the standard library alone, and
// sharing no line with the program. What it cannot open, the specification does
// not say, or the program does not do.

type object = map[string]any

func hx(o object, key string) []byte {
	b, err := hex.DecodeString(o[key].(string))
	if err != nil {
		panic(err)
	}
	return b
}

func num(o object, key string) uint64 { return uint64(o[key].(float64)) }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

// bind is suite.md, Section 2.
func bind(label string, parts ...[]byte) []byte {
	label = "hotline/1/" + label
	out := binary.BigEndian.AppendUint16(nil, uint16(len(label)))
	out = append(out, label...)
	for _, p := range parts {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(p))), p...)
	}
	return out
}

func hash(label string, parts ...[]byte) []byte {
	sum := sha512.Sum384(bind(label, parts...))
	return sum[:]
}

func expand(prk []byte, label string, context []byte, n int) []byte {
	out, err := hkdf.Expand(sha512.New384, prk, string(bind(label, context)), n)
	if err != nil {
		panic(err)
	}
	return out
}

func decrypt(key, prefix, env []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var gcm cipher.AEAD
	fips140.WithoutEnforcement(func() { gcm, err = cipher.NewGCM(block) })
	if err != nil {
		return nil, err
	}
	return gcm.Open(nil, env[33:45], env[45:], prefix) // envelope.md, Section 2
}

// hpkeOpen is suite.md, Section 1: X-Wing, HKDF-SHA-384, AES-256-GCM, base mode.
func hpkeOpen(t *testing.T, seed []byte, label string, env []byte) []byte {
	t.Helper()
	key, err := hpke.MLKEM768X25519().NewPrivateKey(seed)
	if err != nil {
		t.Fatal(err)
	}
	if tag := hash(label+"-tag", key.PublicKey().Bytes()); !bytes.Equal(env[4:20], tag[:16]) {
		t.Errorf("%s: tag %x, want %x", label, env[4:20], tag[:16])
	}
	r, err := hpke.NewRecipient(env[45:45+1120], key, hpke.HKDFSHA384(), hpke.AES256GCM(), bind(label))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := r.Open(env[:45], env[45+1120:])
	if err != nil {
		t.Fatalf("%s does not open: %v", label, err)
	}
	return plain
}

func TestSecondReaderReadsWhatWeWrite(t *testing.T) {
	file, err := os.ReadFile("../wire/testdata/vectors/chain1.json")
	if err != nil {
		t.Fatal(err)
	}
	var v object
	if err := json.Unmarshal(file, &v); err != nil {
		t.Fatal(err)
	}
	public := []byte(ed25519.NewKeyFromSeed(hx(v, "message_seed")).Public().(ed25519.PublicKey))
	key := readSlice(t, v, public)
	readMessages(t, v, public, key)
	readRest(t, v)
}

// readSlice is chain.md, Section 4. It returns the sending key.
func readSlice(t *testing.T, v object, public []byte) []byte {
	s := v["slice"].(object)
	env := hx(s, "envelope")
	plain := hpkeOpen(t, hx(s, "seal_seed"), "slice", env)
	if len(env) != 1536 {
		t.Errorf("slice of %d bytes", len(env))
	}
	var last []byte
	for _, n := range s["last"].([]any) {
		last = binary.BigEndian.AppendUint32(last, uint32(n.(float64)))
	}
	statement := join(hx(v, "commitment"), hx(v, "group"), hx(v, "sender"), hx(v, "generation"), hx(v, "predecessor"), hx(s, "digest"),
		binary.BigEndian.AppendUint64(nil, num(s, "time_unix_ms")), []byte{0}, last)
	if got := plain[32 : 32+len(statement)]; !bytes.Equal(got, statement) {
		t.Errorf("statement %x, want %x", got, statement)
	}
	rest := plain[32+len(statement):]
	if !ed25519.Verify(public, bind("slice", hx(s, "recipient"), binary.BigEndian.AppendUint64(nil, num(s, "seal_number")), statement), rest[:64]) {
		t.Error("slice's signature is not valid")
	}
	if len(bytes.Trim(rest[64:], "\x00")) != 0 {
		t.Error("slice is padded with something")
	}
	key := plain[:32]
	if !bytes.Equal(key, hx(v, "sending_key")) || !bytes.Equal(hash("commitment", key, hx(v, "sender"), hx(v, "group"), hx(v, "generation")), hx(v, "commitment")) {
		t.Error("slice holds another key")
	}
	return key
}

// readMessages is chain.md, Sections 2 and 3.
func readMessages(t *testing.T, v object, public, key []byte) {
	group, sender, generation := hx(v, "group"), hx(v, "sender"), hx(v, "generation")
	prk, err := hkdf.Extract(sha512.New384, key, group)
	if err != nil {
		t.Fatal(err)
	}
	derive := func(label string, purpose []byte, n int) []byte {
		return expand(prk, label, join(sender, generation, purpose), n)
	}
	headerKey := derive("header-key", nil, 32)
	if !bytes.Equal(derive("group-tag", nil, 16), hx(v, "tag")) || !bytes.Equal(headerKey, hx(v, "header_key")) {
		t.Error("tag or header key differ")
	}
	if id := hash("generation", group, sender, generation, hx(v, "predecessor")); !bytes.Equal(id[:32], hx(v, "identity")) {
		t.Error("identity differs")
	}
	chains, running, next := map[string][]byte{}, map[string][]byte{}, map[string]uint32{}
	for i, m := range v["messages"].([]any) {
		m := m.(object)
		env := hx(m, "envelope")
		mask := expand(headerKey, "mask", env[33:45], 5)
		for j := range mask {
			mask[j] ^= env[20+j]
		}
		label, purpose := "lane", mask[:1]
		if mask[0] == 4 {
			label, purpose = "receipts", hx(m, "receipt_to")
		}
		name := label + string(purpose)
		if chains[name] == nil {
			chains[name] = derive(label, purpose, 32)
			running[name] = hash("running-start", group, sender, generation, purpose)[:32]
		}
		next[name]++
		if sequence := binary.BigEndian.Uint32(mask[1:]); sequence != next[name] || uint64(sequence) != num(m, "sequence") || uint64(mask[0]) != num(m, "lane") {
			t.Fatalf("message %d at %d/%d", i, mask[0], sequence)
		}
		messageKey := expand(chains[name], "message-key", nil, 32)
		chains[name] = expand(chains[name], "next-key", nil, 32)
		prefix := join(env[:20], mask, env[25:33])
		plain, err := decrypt(messageKey, prefix, env)
		if err != nil {
			t.Fatalf("message %d does not open: %v", i, err)
		}
		body := hx(m, "body")
		signed := join(running[name], hx(m, "digest"), hx(m, "message"), []byte{byte(num(m, "kind")), byte(num(m, "precedence")), 0},
			binary.BigEndian.AppendUint32(nil, uint32(len(body))), body)
		if !bytes.HasPrefix(plain, signed) {
			t.Fatalf("message %d holds %x, want %x", i, plain, signed)
		}
		if !ed25519.Verify(public, bind("message", group, sender, generation, prefix, signed), plain[len(signed):len(signed)+64]) {
			t.Errorf("message %d: signature is not valid", i)
		}
		if len(bytes.Trim(plain[len(signed)+64:], "\x00")) != 0 {
			t.Errorf("message %d is padded with something", i)
		}
		running[name] = hash("running", running[name], hash("inside", signed)[:32])[:32]
		if !bytes.Equal(running[name], hx(m, "running")) {
			t.Errorf("message %d: another running hash", i)
		}
	}
}

// readRest is chain.md, Sections 5 and 6. Of the control envelope's hybrid
// signature it checks the half that the standard library can.
func readRest(t *testing.T, v object) {
	c := v["control"].(object)
	plain := hpkeOpen(t, hx(c, "control_seed"), "control", hx(c, "envelope"))
	body, sender, kind := hx(c, "body"), hx(v, "sender"), []byte{byte(num(c, "kind"))}
	want := join(sender, kind, binary.BigEndian.AppendUint32(nil, uint32(len(body))), body)
	if !bytes.HasPrefix(plain, want) {
		t.Fatalf("control holds %x", plain)
	}
	key, err := hpke.MLKEM768X25519().NewPrivateKey(hx(c, "control_seed"))
	if err != nil {
		t.Fatal(err)
	}
	signed := bind("hybrid/ed25519+ml-dsa-65", []byte("hotline/1/control"), key.PublicKey().Bytes(), sender, kind, body)
	if !ed25519.Verify(hx(v, "desk_public")[:32], signed, plain[len(want):len(want)+64]) {
		t.Error("control's signature is not valid")
	}
	for i, c := range v["chunks"].([]any) {
		c := c.(object)
		env, content := hx(c, "envelope"), hx(c, "content_key")
		plain, err := decrypt(expand(content, "chunk-key", nil, 32), env[:33], env)
		if err != nil {
			t.Fatalf("chunk %d does not open: %v", i, err)
		}
		data, final := hx(c, "data"), byte(0)
		if c["final"].(bool) {
			final = 1
		}
		if want := join([]byte{final}, binary.BigEndian.AppendUint32(nil, uint32(len(data))), data); !bytes.HasPrefix(plain, want) || binary.BigEndian.Uint32(env[21:]) != uint32(num(c, "index")) {
			t.Errorf("chunk %d holds %x", i, plain)
		}
		if !bytes.Equal(env[4:20], expand(content, "file-tag", nil, 16)) {
			t.Errorf("chunk %d has another tag", i)
		}
	}
}
