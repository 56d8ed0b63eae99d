package ceremony

import (
	"bytes"
	"testing"

	"hotline/internal/octets"
)

// FuzzFiles gives both sides any bytes as the next file: whatever is taken in
// has one spelling, and no side gets past its step by a file that the other
// side did not make.
func FuzzFiles(f *testing.F) {
	a, file1, _ := begin(one, selfOf("JPN"), bytes.Repeat([]byte{1}, nonceSize))
	b, file2, _ := answer(one, selfOf("NATO"), file1, bytes.Repeat([]byte{2}, nonceSize))
	file3, _ := a.Open(one, file2)
	for _, seed := range [][]byte{file1, file2, file3, nil} {
		f.Add(seed)
	}
	stored, _ := b.MarshalBinary()
	f.Fuzz(func(t *testing.T, file []byte) {
		if s, c, err := parseCommitment(file); err == nil {
			p := Pairing{role: A, step: Waiting, own: s, commitment: c}
			if !bytes.Equal(p.commitmentFile(), file) {
				t.Error("file 1 has two spellings")
			}
		}
		for _, magic := range []string{magicAnswer, magicOpening} {
			if hash, s, err := a.parseSide(magic, file); err == nil && !bytes.Equal(octets.Encode(sideFields(magic, &hash, &s)), file) {
				t.Errorf("%q has two spellings", magic)
			}
		}
		p, err := Unmarshal(stored)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Open(one, file); err == nil && !bytes.Equal(file, file3) {
			t.Error("B took an opening that A did not make")
		} else if err != nil && p.Step() == Compare {
			t.Error("a refused file moved the pairing on")
		}
	})
}

// FuzzUnmarshal checks that every stored form that loads stores the same.
func FuzzUnmarshal(f *testing.F) {
	a, file1, _ := begin(one, selfOf("JPN"), bytes.Repeat([]byte{1}, nonceSize))
	for _, p := range []*Pairing{a, {role: A, step: Dead}, {role: B, step: Done}} {
		raw, _ := p.MarshalBinary()
		f.Add(raw)
	}
	_, file2, _ := answer(one, selfOf("NATO"), file1, bytes.Repeat([]byte{2}, nonceSize))
	if _, err := a.Open(one, file2); err != nil {
		f.Fatal(err)
	}
	raw, _ := a.MarshalBinary()
	f.Add(raw)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Unmarshal(b)
		if err != nil {
			return
		}
		if again, _ := p.MarshalBinary(); !bytes.Equal(again, b) {
			t.Errorf("stored form has two spellings")
		}
		if p.Step() == Compare {
			if _, err := p.Say(one); err != nil {
				t.Errorf("Say = %v", err)
			}
		}
	})
}
