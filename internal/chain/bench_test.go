package chain

import (
	"testing"
	"time"

	"hotline/internal/precedence"
)

func benchMessage() SealInput {
	in := message(precedence.Flash, 1)
	in.Body = make([]byte, 1024-212)
	return in
}

func BenchmarkSeal1kB(b *testing.B) {
	p := newPair(b)
	in := benchMessage()
	b.ReportAllocs()
	for b.Loop() {
		p.tx.lanes[3].next = 1
		if s := mustSeal(b, p.tx, p.from.sign, in); len(s.Envelope) != 1024 {
			b.Fatal(len(s.Envelope))
		}
	}
}

func BenchmarkOpen1kB(b *testing.B) {
	p := newPair(b)
	s := mustSeal(b, p.tx, p.from.sign, benchMessage())
	b.ReportAllocs()
	for b.Loop() {
		mustOpen(b, p.rx.Clone(), s.Envelope)
	}
}

func BenchmarkSliceFor(b *testing.B) {
	p := newPair(b)
	for b.Loop() {
		sliceFor(b, p.tx, p.from, p.to)
	}
}

func BenchmarkOpenSlice(b *testing.B) {
	p := newPair(b)
	env := sliceFor(b, p.tx, p.from, p.to)
	for b.Loop() {
		if _, _, err := OpenSlice(one, env, p.to.recipient(), peers(p.from), start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealChunk64kB(b *testing.B) {
	in := ChunkInput{Chunk: Chunk{Data: make([]byte, MaxChunk)}, Key: named("file"), Expiry: start}
	b.SetBytes(MaxChunk)
	for b.Loop() {
		if _, err := SealChunk(one, in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenChunk64kB(b *testing.B) {
	env, err := SealChunk(one, ChunkInput{Chunk: Chunk{Data: make([]byte, MaxChunk)}, Key: named("file"), Expiry: start})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(MaxChunk)
	for b.Loop() {
		if _, err := OpenChunk(one, env, named("file")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStateWrittenPerMessage reports what a receiver writes for each
// message: bytes/op stands for the key cell's size.
func BenchmarkStateWrittenPerMessage(b *testing.B) {
	p := newPair(b)
	var n int
	for b.Loop() {
		n = len(state(b, p.rx))
	}
	b.ReportMetric(float64(n), "state-bytes")
}

// BenchmarkLargestJump is the work that one forged sequence can cause.
func BenchmarkLargestJump(b *testing.B) {
	c := newPair(b).rx.chains[3]
	for b.Loop() {
		if _, err := c.take(one, MaxSkipped+1, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}
