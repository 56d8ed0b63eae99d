package ceremony

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write the frozen vectors anew; refused when CI is set")

const vectorsPath = "../wire/testdata/vectors/ceremony1.json"

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// vectorSide is what one side brings.
type vectorSide struct {
	Name    string `json:"name"`
	Root    hexa   `json:"root"`
	Payload hexa   `json:"payload"`
	Nonce   hexa   `json:"nonce"`
}

// vector is one whole ceremony with fixed nonces.
type vector struct {
	Comment    string     `json:"comment"`
	A          vectorSide `json:"a"`
	B          vectorSide `json:"b"`
	Commitment hexa       `json:"file_1"`
	Answer     hexa       `json:"file_2"`
	Opening    hexa       `json:"file_3"`
	Words      []string   `json:"words"` // A says the first six
	WaitingA   hexa       `json:"stored_a_waiting"`
	CompareA   hexa       `json:"stored_a_compare"`
	CompareB   hexa       `json:"stored_b_compare"`
	DoneA      hexa       `json:"stored_a_done"`
}

func makeVector(t *testing.T) vector {
	t.Helper()
	jpn, nato := selfOf("JPN"), selfOf("NATO")
	nonceA, nonceB := bytes.Repeat([]byte{0xa5}, nonceSize), bytes.Repeat([]byte{0x5a}, nonceSize)
	v := vector{
		Comment: "EXERCISE. One pairing ceremony; docs/spec/pairing.md says how each value follows. Roots are made-up bytes of the right size.",
		A:       vectorSide{jpn.Name, jpn.Root, jpn.Payload, nonceA},
		B:       vectorSide{nato.Name, nato.Root, nato.Payload, nonceB},
	}
	a, file1, err := begin(one, jpn, slices.Clone(nonceA))
	if err != nil {
		t.Fatal(err)
	}
	v.WaitingA = stored(t, a)
	b, file2, err := answer(one, nato, file1, slices.Clone(nonceB))
	if err != nil {
		t.Fatal(err)
	}
	file3, err := a.Open(one, file2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(one, file3); err != nil {
		t.Fatal(err)
	}
	v.Commitment, v.Answer, v.Opening = file1, file2, file3
	v.Words = append(say(t, a), say(t, b)...)
	v.CompareA, v.CompareB = stored(t, a), stored(t, b)
	if _, err := a.Confirm(one, v.Words[half:]); err != nil {
		t.Fatal(err)
	}
	v.DoneA = stored(t, a)
	return v
}

func stored(t *testing.T, p *Pairing) []byte {
	t.Helper()
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors holds the bytes of a ceremony still: another program, or a later
// version of this one, must come to the same words.
func TestVectors(t *testing.T) {
	got, err := json.MarshalIndent(makeVector(t), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("frozen vectors are not rewritten in CI")
		}
		if err := os.WriteFile(vectorsPath, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(vectorsPath)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the ceremony gives other bytes than %s", vectorsPath)
	}
}
