package pack

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestHeldOutTextsShrink measures the dictionary on texts that had no part in
// it: reports of 200 words and of 350 to 380 characters. docs/spec/envelope.md quotes
// the bounds.
func TestHeldOutTextsShrink(t *testing.T) {
	most := map[string]int{
		"flash-en-cyber.txt": 570, "flash-en-informal.txt": 585, "flash-en-maritime.txt": 500, "flash-ja.txt": 540, "flash-ja-2.txt": 600,
	}
	for name, want := range most {
		text := read(t, filepath.Join("testdata", "heldout", name))
		packed, d := Pack(text)
		t.Logf("%s: %d to %d bytes", name, len(text), len(packed))
		if len(packed) > want || d != Latest {
			t.Errorf("%s packs to %d bytes with dictionary %d, want at most %d with %d", name, len(packed), d, want, Latest)
		}
		if got, err := Unpack(packed, d, len(text)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s comes back as %d bytes, error %v", name, len(got), err)
		}
	}
}

func TestPackNeverMakesLonger(t *testing.T) {
	noise := make([]byte, 4096)
	rand.Read(noise)
	tests := map[string][]byte{
		"nothing":                       {},
		"one byte":                      {'x'},
		"what does not compress":        noise,
		"what would pass for a bomb":    make([]byte, 1<<20),
		"a repetition that is no bomb":  bytes.Repeat([]byte("EXERCISE "), 500),
		"a bundle with many indicators": []byte(strings.Repeat(`{"type":"indicator","id":"`+benchText+`"},`, 300)),
	}
	for name, b := range tests {
		t.Run(name, func(t *testing.T) {
			packed, d := Pack(b)
			if len(packed) > len(b) {
				t.Errorf("Pack(%d bytes) = %d bytes", len(b), len(packed))
			}
			got, err := Unpack(packed, d, len(b))
			if err != nil || !bytes.Equal(got, b) {
				t.Errorf("Unpack gave %d bytes, error %v, want the %d bytes of before", len(got), err, len(b))
			}
		})
	}
}

// frame packs b with other options than ours, without its magic.
func frame(t *testing.T, b []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimPrefix(enc.EncodeAll(b, nil), magic)
}

func TestUnpackRefuses(t *testing.T) {
	text := []byte(benchText)
	good, d := Pack(text)
	if d != Latest {
		t.Fatalf("dictionary %d", d)
	}
	ours := []zstd.EOption{zstd.WithEncoderDict(dictionary1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true)}
	zeros := frame(t, make([]byte, 8<<20), ours...)
	// A frame that says 10 bytes and holds more: the size is the byte after
	// descriptor and dictionary number, with a second one above 255.
	lying := bytes.Clone(frame(t, text[:200], ours...))
	lying[2] = 10
	// A second frame behind the first.
	double := bytes.Join([][]byte{good, good}, magic)
	// A frame that says four gigabytes.
	huge := append(binary.LittleEndian.AppendUint64([]byte{0xe1, Latest}, 1<<32), 1, 0, 0)
	tests := map[string]struct {
		packed     []byte
		dictionary uint8
		limit      int
		want       error
	}{
		"a dictionary of a later version":   {good, Latest + 1, 1 << 20, ErrUnknownDictionary},
		"the last number of a dictionary":   {good, 255, 1 << 20, ErrUnknownDictionary},
		"one byte over the limit":           {good, Latest, len(text) - 1, ErrTooLarge},
		"as given, one byte over the limit": {text, None, len(text) - 1, ErrTooLarge},
		"a bomb":                            {zeros, Latest, 16 << 20, ErrTooLarge},
		"four gigabytes":                    {huge, Latest, 1 << 30, ErrTooLarge},
		"nothing":                           {nil, Latest, 1 << 20, ErrMalformed},
		"noise":                             {[]byte("not a frame at all"), Latest, 1 << 20, ErrMalformed},
		"a cut frame":                       {good[:len(good)-3], Latest, 1 << 20, ErrMalformed},
		"a frame that holds more than said": {lying, Latest, 1 << 20, ErrMalformed},
		"two frames":                        {double, Latest, 1 << 20, ErrMalformed},
		"no dictionary in the frame":        {frame(t, text, zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true)), Latest, 1 << 20, ErrMalformed},
		"a checksum in the frame":           {frame(t, text, zstd.WithEncoderDict(dictionary1), zstd.WithSingleSegment(true)), Latest, 1 << 20, ErrMalformed},
		"a skippable frame":                 {append([]byte{0x50, 0x2a, 0x4d, 0x18}, 1, 0, 0, 0, 0), Latest, 1 << 20, ErrMalformed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Unpack(tt.packed, tt.dictionary, tt.limit)
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("Unpack = %d bytes, error %v, want %v", len(got), err, tt.want)
			}
		})
	}
	if got, err := Unpack(good, Latest, len(text)); err != nil || !bytes.Equal(got, text) {
		t.Errorf("Unpack at the limit = %d bytes, error %v", len(got), err)
	}
}

// TestBombsCostNoMemory holds that a bomb is refused before it is unpacked.
func TestBombsCostNoMemory(t *testing.T) {
	bomb := frame(t, make([]byte, 48<<20), zstd.WithEncoderDict(dictionary1), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		if _, err := Unpack(bomb, Latest, MaxUnpacked); !errors.Is(err, ErrTooLarge) {
			t.Fatal("unpack a bomb:", err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("100 bombs of %d bytes took %d bytes of memory", len(bomb), n)
	}
}

func TestManyAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			text := bytes.Repeat([]byte(benchText), i+1)
			for range 50 {
				packed, d := Pack(text)
				if got, err := Unpack(packed, d, len(text)); err != nil || !bytes.Equal(got, text) {
					t.Errorf("round %d: %d bytes, error %v", i, len(got), err)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzUnpack holds that hostile bytes never unpack to more than the limit, and
// that what unpacks packs and unpacks to the same again.
func FuzzUnpack(f *testing.F) {
	good, _ := Pack([]byte(benchText))
	f.Add(good, Latest)
	f.Add(good[:20], Latest)
	f.Add([]byte{0x23, 1, 0, 0, 0, 0}, Latest)
	f.Add([]byte("plain"), None)
	f.Fuzz(func(t *testing.T, b []byte, dictionary uint8) {
		const limit = 1 << 16
		out, err := Unpack(b, dictionary, limit)
		if err != nil {
			return
		}
		if len(out) > limit {
			t.Fatalf("%d bytes over a limit of %d", len(out), limit)
		}
		packed, d := Pack(out)
		if again, err := Unpack(packed, d, limit); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("pack and unpack of %d bytes gave %d, error %v", len(out), len(again), err)
		}
	})
}
