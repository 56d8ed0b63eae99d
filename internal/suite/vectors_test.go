package suite

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// update writes vectors anew. The format is frozen: whoever uses it has changed
// the format and says so in the changelog. In CI it fails instead.
var update = flag.Bool("update", false, "write frozen vectors anew")

func vectorFile() string { return fmt.Sprintf("../wire/testdata/vectors/suite%d.json", s) }

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectors fixes every operation of the suite once. All keys are published.
type vectors struct {
	Comment string `json:"comment"`
	Label   string `json:"label"`
	Parts   []hexa `json:"parts"`
	Hash    hexa   `json:"hash"`
	Extract hexa   `json:"extract"` // of parts[1] under salt parts[0]
	Expand  hexa   `json:"expand"`  // of extract, context parts[0]
	Key     hexa   `json:"key"`
	Sealed  hexa   `json:"sealed"` // nonce, then parts[1] under aad parts[0]

	SealSeed   hexa `json:"seal_seed"`
	SealPublic hexa `json:"seal_public"`
	SealedTo   hexa `json:"sealed_to"` // parts[1] under aad parts[0]

	MessageSeed      hexa `json:"message_seed"`
	MessagePublic    hexa `json:"message_public"`
	MessageSignature hexa `json:"message_signature"`
	DeskSeed         hexa `json:"desk_seed"`
	DeskPublic       hexa `json:"desk_public"`
	DeskSignature    hexa `json:"desk_signature"`
	RootSeed         hexa `json:"root_seed"`
	RootPublic       hexa `json:"root_public"`
	RootSignature    hexa `json:"root_signature"`
}

func (v vectors) parts() [][]byte {
	var out [][]byte
	for _, p := range v.Parts {
		out = append(out, p)
	}
	return out
}

// fill computes all that follows from the inputs. Sealing and ML-DSA draw
// randomness, so those differ each time.
func (v vectors) fill(t *testing.T) vectors {
	t.Helper()
	sum := s.Hash(v.Label, v.parts()...)
	v.Hash = sum[:]
	v.Extract = s.Extract(v.Parts[0], v.Parts[1])
	v.Expand = s.Expand(v.Extract, v.Label, v.Parts[0], 80)
	v.Sealed = s.Seal(nil, v.Key, v.Parts[0], v.Parts[1])
	k, errK := s.ParseSealKey(v.SealSeed)
	m, errM := s.MessageKeyFromSeed(v.MessageSeed)
	d, errD := s.DeskKeyFromSeed(v.DeskSeed)
	r, errR := s.RootKeyFromSeed(v.RootSeed)
	for _, err := range []error{errK, errM, errD, errR} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v.SealPublic, v.MessagePublic, v.DeskPublic, v.RootPublic = k.Public(), m.Public(), d.Public(), r.Public()
	var err error
	if v.SealedTo, err = s.SealTo(v.SealPublic, v.Label, v.Parts[0], v.Parts[1]); err != nil {
		t.Fatal(err)
	}
	v.MessageSignature = m.Sign(v.Label, v.parts()...)
	v.DeskSignature = d.Sign(v.Label, v.parts()...)
	v.RootSignature = r.Sign(v.Label, v.parts()...)
	return v
}

func TestFrozenVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	b, err := os.ReadFile(vectorFile())
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	got := v.fill(t)
	for name, p := range map[string][2]hexa{
		"hash": {got.Hash, v.Hash}, "extract": {got.Extract, v.Extract}, "expand": {got.Expand, v.Expand},

		"seal public": {got.SealPublic, v.SealPublic}, "message public": {got.MessagePublic, v.MessagePublic},
		"desk public": {got.DeskPublic, v.DeskPublic}, "root public": {got.RootPublic, v.RootPublic},
		"message signature": {got.MessageSignature, v.MessageSignature}, "Ed25519 of desk": {classic(got.DeskSignature), classic(v.DeskSignature)},
	} {
		if !bytes.Equal(p[0], p[1]) {
			t.Errorf("%s = %x, want %x", name, []byte(p[0]), []byte(p[1]))
		}
	}
	k, err := s.ParseSealKey(v.SealSeed)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := s.Open(v.Key, v.Parts[0], v.Sealed); err != nil || !bytes.Equal(plain, v.Parts[1]) {
		t.Errorf("sealed opens as %x, %v", plain, err)
	}
	if plain, err := k.Open(v.Label, v.Parts[0], v.SealedTo); err != nil || !bytes.Equal(plain, v.Parts[1]) {
		t.Errorf("sealed_to opens as %x, %v", plain, err)
	}
	for name, err := range map[string]error{
		"message": s.VerifyMessage(v.MessagePublic, v.Label, v.MessageSignature, v.parts()...),
		"desk":    s.VerifyDesk(v.DeskPublic, v.Label, v.DeskSignature, v.parts()...),
		"root":    s.VerifyRoot(v.RootPublic, v.Label, v.RootSignature, v.parts()...),
	} {
		if err != nil {
			t.Errorf("%s signature: %v", name, err)
		}
	}
}

// classic is the Ed25519 half of a hybrid signature: the part that repeats.
func classic(sig hexa) hexa {
	if s == One {
		return sig[:64]
	}
	return nil
}

func writeVectors(t *testing.T) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal("vectors are frozen: CI does not write them")
	}
	fixed := func(name string, n int) hexa { return s.Expand(s.Extract(nil, []byte("EXERCISE")), name, nil, n) }
	v := vectors{
		Comment: fmt.Sprintf("EXERCISE. Vectors of suite %d; docs/spec/suite.md says how each follows. All keys are made up and published.", s),
		Label:   "hotline/1/exercise", Parts: []hexa{hexa("EXERCISE first part"), hexa("EXERCISE second part"), {}},
		Key: fixed("key", 32), SealSeed: fixed("seal", len(s.NewSealKey().Bytes())), MessageSeed: fixed("message", len(s.NewMessageKey().Seed())),
		DeskSeed: fixed("desk", len(s.NewDeskKey().Seed())), RootSeed: fixed("root", len(s.NewRootKey().Seed())),
	}
	b, err := json.MarshalIndent(v.fill(t), "", " ")
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
