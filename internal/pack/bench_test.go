package pack

import "testing"

func BenchmarkPackText(b *testing.B) {
	text := []byte(benchText)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Pack(text)
	}
}

func BenchmarkUnpackText(b *testing.B) {
	packed, d := Pack([]byte(benchText))
	b.SetBytes(int64(len(benchText)))
	for b.Loop() {
		if _, err := Unpack(packed, d, 1<<14); err != nil {
			b.Fatal(err)
		}
	}
}

// benchText is a short alert, neither in the corpus nor in the samples.
const benchText = `EXERCISE EXERCISE EXERCISE. The booking system of two ferry lines stopped at 0412Z after its storage was wiped. ` +
	`Entry was by a stolen certificate of the supplier. Check your own systems for log-ins from the addresses in the bundle and answer by 0600Z.`
