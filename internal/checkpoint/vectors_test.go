package checkpoint_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/checkpoint"
	"hotline/internal/suite"
)

var update = flag.Bool("update", false, "write the frozen vectors anew")

var vectorFile = filepath.FromSlash("../wire/testdata/vectors/attestation1.json")

// frozen is the file of vectors: what a second reader has to come to.
type frozen struct {
	Comment     string              `json:"comment"`
	DeskPublic  string              `json:"desk_public"`
	Attestation []frozenAttestation `json:"attestation"`
	Vector      struct {
		Bytes  string        `json:"bytes"`
		Hash   string        `json:"hash"`
		Digest string        `json:"digest"`
		Holder string        `json:"holder"`
		Chains []frozenChain `json:"chains"`
	} `json:"vector"`
}

type frozenAttestation struct {
	Bytes      string `json:"bytes"`
	Hash       string `json:"hash"`
	Sender     string `json:"sender"`
	Group      string `json:"group"`
	Generation string `json:"generation"`
	Commitment string `json:"commitment"`
	Before     string `json:"before"`
	To         string `json:"to"`
	TimeMs     int64  `json:"time_ms"`
	Final      bool   `json:"final"`
	Lanes      []lane `json:"lanes"`
}

type frozenChain struct {
	Sender     string `json:"sender"`
	Generation string `json:"generation"`
	Before     string `json:"before"`
	Lanes      []lane `json:"lanes"`
}

type lane struct {
	Lane    uint8  `json:"lane"`
	Last    uint32 `json:"last"`
	Running string `json:"running"`
}

func lanesOf(all []checkpoint.Lane) []lane {
	out := []lane{}
	for _, l := range all {
		out = append(out, lane{l.Lane, l.Last, hex.EncodeToString(l.Running[:])})
	}
	return out
}

// fill sets all fields but the bytes from what the bytes say.
func (f *frozen) fill(t *testing.T) {
	t.Helper()
	public := unhex(t, f.DeskPublic)
	for i := range f.Attestation {
		x := &f.Attestation[i]
		a, err := checkpoint.ParseAttestation(one, unhex(t, x.Bytes))
		if err != nil || a.Verify(one, public) != nil {
			t.Fatalf("attestation %d: %v", i, err)
		}
		h := a.Hash(one)
		x.Hash, x.Sender, x.Group = hex.EncodeToString(h[:]), hex.EncodeToString(a.Sender[:]), hex.EncodeToString(a.Group[:])
		x.Generation, x.Commitment = hex.EncodeToString(a.Generation[:]), hex.EncodeToString(a.Commitment[:])
		x.Before, x.To = hex.EncodeToString(a.Before[:]), hex.EncodeToString(a.To[:])
		x.TimeMs, x.Final, x.Lanes = a.Time.UnixMilli(), a.Final, lanesOf(a.Lanes)
	}
	v, err := checkpoint.ParseVector(one, unhex(t, f.Vector.Bytes))
	if err != nil || v.Verify(one, public) != nil {
		t.Fatalf("vector: %v", err)
	}
	h, d := v.Hash(one), v.Digest(one)
	f.Vector.Hash, f.Vector.Digest, f.Vector.Holder = hex.EncodeToString(h[:]), hex.EncodeToString(d[:]), hex.EncodeToString(v.Holder[:])
	f.Vector.Chains = f.Vector.Chains[:0]
	for _, c := range v.Chains {
		f.Vector.Chains = append(f.Vector.Chains, frozenChain{hex.EncodeToString(c.Sender[:]), hex.EncodeToString(c.Generation[:]), hex.EncodeToString(c.Before[:]), lanesOf(c.Lanes)})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestFrozenVectors: bytes that were written once read as they did then.
func TestFrozenVectors(t *testing.T) {
	var f frozen
	if *update {
		key := suite.One.NewDeskKey()
		f.Comment = "EXERCISE. Attestations and a vector of attested chains, suite 1 (docs/spec/linecheck.md)"
		f.DeskPublic = hex.EncodeToString(key.Public())
		f.Attestation = make([]frozenAttestation, 2)
		f.Attestation[0].Bytes = hex.EncodeToString(attestation().Sign(one, key).Bytes(one))
		f.Attestation[1].Bytes = hex.EncodeToString(receiptsOf("party NATO").Sign(one, key).Bytes(one))
		f.Vector.Bytes = hex.EncodeToString(vector().Sign(one, key).Bytes(one))
		f.fill(t)
		if err := os.WriteFile(vectorFile, encode(t, f), 0o644); err != nil { //nolint:gosec // read by everybody
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &f); err != nil {
		t.Fatal(err)
	}
	f.fill(t)
	if !bytes.Equal(encode(t, f), want) {
		t.Errorf("%s reads otherwise than it did", vectorFile)
	}
}

func encode(t *testing.T, f frozen) []byte {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}
