package blob_test

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hotline/internal/blob"
	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/suite"
)

// sealer seals and opens as package chain does, under one content key.
type sealer struct{ key [32]byte }

func newSealer() (s sealer, tag blob.Tag) {
	_, _ = rand.Read(s.key[:])
	return s, chain.FileTag(suite.One, s.key)
}

func (s sealer) seal(index uint32, final bool, data []byte) ([]byte, error) {
	return chain.SealChunk(suite.One, chain.ChunkInput{
		Chunk: chain.Chunk{Index: index, Final: final, Data: data}, Key: s.key, Lane: envelope.Files,
		Expiry: time.Unix(1795406400, 0),
	})
}

func (s sealer) open(sealed []byte) (uint32, bool, []byte, error) {
	c, err := chain.OpenChunk(suite.One, sealed, s.key)
	return c.Index, c.Final, c.Data, err
}

func openDir(t testing.TB, path string) *blob.Dir {
	t.Helper()
	d, err := blob.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// sealed makes a file at one desk.
func sealed(t testing.TB, d *blob.Dir, content []byte, chunkSize uint32) (sealer, blob.Tag, blob.Content, *blob.Blob) {
	t.Helper()
	s, tag := newSealer()
	c, err := d.Seal(tag, chunkSize, blob.MaxSize, bytes.NewReader(content), s.seal)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Open(tag)
	if err != nil {
		t.Fatal(err)
	}
	return s, tag, c, b
}

func readAll(t testing.TB, b *blob.Blob, s sealer) []byte {
	t.Helper()
	r, err := b.Reader(s.open)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestFileTravels moves files of awkward sizes, chunks in random order and
// with repeats, over a restart in the middle.
func TestFileTravels(t *testing.T) {
	for _, size := range []int{0, 1, 1023, 1024, 1025, 10 * 1024, 300_001} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			content := random(size)
			from := openDir(t, t.TempDir())
			s, tag, c, out := sealed(t, from, content, 1024)
			if got := readAll(t, out, s); !bytes.Equal(got, content) {
				t.Fatal("the sender reads something else")
			}
			if want := max(1, (size+1023)/1024); int(c.Count) != want || int(c.Size) != size {
				t.Fatalf("Content = %d chunks, %d bytes, want %d, %d", c.Count, c.Size, want, size)
			}

			dir := t.TempDir()
			to := openDir(t, dir)
			in, err := to.Create(tag, c.Layout)
			if err != nil {
				t.Fatal(err)
			}
			order := mrand.Perm(int(c.Count))
			for n, i := range order {
				chunk, err := out.Chunk(uint32(i))
				if err != nil {
					t.Fatal(err)
				}
				for range 1 + n%2 { // some twice
					if err := in.Put(uint32(i), chunk); err != nil {
						t.Fatal(err)
					}
				}
				if n == len(order)/2 {
					if err := in.Sync(); err != nil {
						t.Fatal(err)
					}
					if err := in.Verify(c, s.open, nil); len(order) > 1 && n+1 < len(order) && !errors.Is(err, blob.ErrIncomplete) {
						t.Errorf("Verify() half way = %v", err)
					}
					_ = to.Close()
					to = openDir(t, dir)
					if in, err = to.Open(tag); err != nil {
						t.Fatal(err)
					}
					if have, _ := in.Have(); int(have) != n+1 {
						t.Errorf("%d chunks after the restart, want %d", have, n+1)
					}
				}
			}
			if err := in.Verify(c, s.open, nil); err != nil {
				t.Fatal(err)
			}
			_ = to.Close()
			if in, err = openDir(t, dir).Open(tag); err != nil || !in.Whole() {
				t.Fatalf("after the restart: whole %v, %v", in.Whole(), err)
			}
			if got := readAll(t, in, s); !bytes.Equal(got, content) {
				t.Error("the recipient reads something else")
			}
		})
	}
}

func TestMissingRanges(t *testing.T) {
	from, to := openDir(t, t.TempDir()), openDir(t, t.TempDir())
	_, tag, c, out := sealed(t, from, random(10*1024), 1024)
	in, err := to.Create(tag, c.Layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []uint32{0, 3, 4, 9} {
		chunk, err := out.Chunk(i)
		if err == nil {
			err = in.Put(i, chunk)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if have, of := in.Have(); have != 0 || of != 10 || in.Has(3) {
		t.Errorf("before Sync: %d of %d", have, of)
	}
	if err := in.Sync(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]blob.Range{{1, 2}, {5, 8}}, in.Missing(10)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]blob.Range{{1, 2}}, in.Missing(1)); diff != "" {
		t.Error(diff)
	}
}

// TestWrongContentIsNeverWhole changes what a message says, or what comes.
func TestWrongContentIsNeverWhole(t *testing.T) {
	content := random(5000)
	tests := map[string]struct {
		say   func(*blob.Content)
		chunk func(s sealer, i uint32, sealed []byte) []byte
	}{
		"hash":        {say: func(c *blob.Content) { c.SHA256[0] ^= 1 }},
		"root":        {say: func(c *blob.Content) { c.Root[0] ^= 1 }},
		"longer":      {say: func(c *blob.Content) { c.Size++ }},
		"shorter":     {say: func(c *blob.Content) { c.Size-- }},
		"flipped bit": {chunk: func(_ sealer, i uint32, b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		"another's place": {chunk: func(s sealer, i uint32, _ []byte) []byte {
			b, _ := s.seal(i+7, i == 4, content[i*1024:min(5000, i*1024+1024)])
			return b
		}},
		"early end": {chunk: func(s sealer, i uint32, _ []byte) []byte {
			b, _ := s.seal(i, true, content[i*1024:min(5000, i*1024+1024)])
			return b
		}},
		"no end": {chunk: func(s sealer, i uint32, _ []byte) []byte {
			b, _ := s.seal(i, false, content[i*1024:min(5000, i*1024+1024)])
			return b
		}},
		"short chunk": {chunk: func(s sealer, i uint32, _ []byte) []byte {
			b, _ := s.seal(i, i == 4, content[i*1024:i*1024+10])
			return b
		}},
		"forged by a peer": {chunk: func(s sealer, i uint32, _ []byte) []byte {
			b, _ := s.seal(i, i == 4, bytes.Repeat([]byte("x"), min(1024, 5000-int(i)*1024)))
			return b
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			from, to := openDir(t, t.TempDir()), openDir(t, t.TempDir())
			s, tag, c, out := sealed(t, from, content, 1024)
			in, err := to.Create(tag, c.Layout)
			if err != nil {
				t.Fatal(err)
			}
			fill := func(change bool) {
				for i := range c.Count {
					b, err := out.Chunk(i)
					if err != nil {
						t.Fatal(err)
					}
					if change && tt.chunk != nil {
						b = tt.chunk(s, i, b)
					}
					if err := in.Put(i, b); err != nil {
						t.Fatal(err)
					}
				}
			}
			fill(true)
			said := c
			if tt.say != nil {
				tt.say(&said)
			}
			if err := in.Verify(said, s.open, nil); !errors.Is(err, blob.ErrContent) {
				t.Errorf("Verify() = %v, want ErrContent", err)
			}
			if _, err := in.Reader(s.open); !errors.Is(err, blob.ErrIncomplete) {
				t.Errorf("Reader() = %v, want ErrIncomplete", err)
			}
			// The way out: forget, and get it again.
			if err := in.Reset(); err != nil {
				t.Fatal(err)
			}
			if have, _ := in.Have(); have != 0 {
				t.Errorf("%d chunks after Reset", have)
			}
			fill(false)
			if err := in.Verify(c, s.open, nil); err != nil {
				t.Errorf("Verify() after Reset = %v", err)
			}
		})
	}
}

// TestPackedFile: size and hash are of the file as given, root of what is
// stored.
func TestPackedFile(t *testing.T) {
	given := bytes.Repeat([]byte(`{"type":"indicator"},`), 5000)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(given)
	_ = z.Close()

	d := openDir(t, t.TempDir())
	s, tag := newSealer()
	c, err := d.Seal(tag, 1024, blob.MaxSize, &packed, s.seal)
	if err != nil {
		t.Fatal(err)
	}
	whole := openDir(t, t.TempDir())
	_, _, plain, _ := sealed(t, whole, given, 1024)
	c.Size, c.SHA256 = plain.Size, plain.SHA256
	b, err := d.Open(tag)
	if err != nil {
		t.Fatal(err)
	}
	unpack := func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }
	if err := b.Verify(c, s.open, unpack); err != nil {
		t.Error(err)
	}
	if err := b.Verify(c, s.open, nil); !errors.Is(err, blob.ErrContent) {
		t.Errorf("Verify() without unpacking = %v", err)
	}
	c.Size = 100
	if err := b.Verify(c, s.open, unpack); !errors.Is(err, blob.ErrContent) {
		t.Errorf("Verify() of a bomb = %v", err)
	}
}

// TestTornRecordsDoNotCount cuts and garbles the file at every sort of place,
// as a crash would, and checks that exactly the whole records count.
func TestTornRecordsDoNotCount(t *testing.T) {
	from := openDir(t, t.TempDir())
	_, tag, c, out := sealed(t, from, random(4*1024), 1024)
	dir := t.TempDir()
	to := openDir(t, dir)
	in, err := to.Create(tag, c.Layout)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Count {
		b, err := out.Chunk(i)
		if err == nil {
			err = in.Put(i, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := in.Sync(); err != nil {
		t.Fatal(err)
	}
	_ = to.Close()
	name := filepath.Join(dir, tag.String()+".part")
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	record := (len(good) - 40) / 4 // the last one is shorter at most by its room
	for cut := 40; cut < len(good); cut += 97 {
		if err := os.WriteFile(name, good[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := openDir(t, dir).Open(tag)
		if err != nil {
			t.Fatal(err)
		}
		have, _ := b.Have()
		if most := uint32((cut - 40) / (record - 600)); have > most || have == c.Count {
			t.Errorf("cut at %d: %d chunks count", cut, have)
		}
		garbled := bytes.Clone(good)
		garbled[cut] ^= 0x80
		if err := os.WriteFile(name, garbled, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err = openDir(t, dir).Open(tag); err != nil {
			t.Fatal(err)
		}
		if have, _ := b.Have(); have < c.Count-1 {
			t.Errorf("garbled at %d: %d chunks count", cut, have)
		}
		if b.Has(0) {
			if got, _ := b.Chunk(0); !bytes.Equal(got, first(t, out)) {
				t.Errorf("garbled at %d: chunk 0 counts and is another", cut)
			}
		}
	}
}

func first(t *testing.T, b *blob.Blob) []byte {
	t.Helper()
	c, err := b.Chunk(0)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNothingInClear: neither content nor its hash is in any file.
func TestNothingInClear(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	content := random(3000)
	_, _, c, _ := sealed(t, d, content, 1024)
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) != 1 {
		t.Errorf("files: %v", names)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for what, p := range map[string][]byte{"content": content[:32], "hash": c.SHA256[:], "root": c.Root[:]} {
			if bytes.Contains(b, p) {
				t.Errorf("%s is in %s", what, filepath.Base(name))
			}
		}
		if fi, _ := os.Stat(name); fi.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", fi.Mode())
		}
	}
}

func TestLimitsAndShapes(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	s, tag := newSealer()
	if _, err := d.Seal(tag, 1024, 5000, bytes.NewReader(make([]byte, 5001)), s.seal); !errors.Is(err, blob.ErrShape) {
		t.Errorf("over the limit: %v", err)
	}
	boom := errors.New("boom")
	if _, err := d.Seal(tag, 1024, 5000, io.MultiReader(bytes.NewReader(make([]byte, 3000)), failing{boom}), s.seal); !errors.Is(err, boom) {
		t.Errorf("source fails: %v", err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); names != nil {
		t.Errorf("left behind: %v", names)
	}
	if _, err := d.Seal(tag, 1024, 5000, bytes.NewReader(make([]byte, 5000)), s.seal); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	for _, l := range []blob.Layout{{}, {1024, 0}, {1023, 1}, {64<<10 + 1, 1}, {64 << 10, 403}, {1024, 1 << 31}} {
		if _, err := d.Create(blob.Tag{1}, l); !errors.Is(err, blob.ErrShape) {
			t.Errorf("Create(%+v) = %v, want ErrShape", l, err)
		}
	}
	b, err := d.Create(blob.Tag{2}, blob.Layout{1024, 3})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := d.Create(blob.Tag{2}, blob.Layout{1024, 3}); err != nil || again != b {
		t.Errorf("second Create() = %v", err)
	}
	if _, err := d.Create(blob.Tag{2}, blob.Layout{1024, 4}); !errors.Is(err, blob.ErrShape) {
		t.Errorf("another layout: %v", err)
	}
	for name, err := range map[string]error{
		"beyond the end": b.Put(3, []byte("x")), "empty": b.Put(0, nil), "too long": b.Put(0, make([]byte, 1537)),
	} {
		if !errors.Is(err, blob.ErrShape) {
			t.Errorf("Put() %s = %v, want ErrShape", name, err)
		}
	}
	if _, err := b.Chunk(0); !errors.Is(err, blob.ErrNone) {
		t.Errorf("Chunk() = %v, want ErrNone", err)
	}
	tags, err := d.Tags()
	if err != nil || len(tags) != 2 {
		t.Errorf("Tags() = %v, %v", tags, err)
	}
	if err := errors.Join(d.Remove(tag), d.Remove(blob.Tag{2}), d.Remove(blob.Tag{3})); err != nil {
		t.Error(err)
	}
	if _, err := d.Open(tag); !errors.Is(err, blob.ErrNone) {
		t.Errorf("Open() after Remove = %v", err)
	}
	if err := b.Put(0, []byte("x")); !errors.Is(err, blob.ErrNone) {
		t.Errorf("Put() after Remove = %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestInterruptedSealLeavesNothing: what a crash left of Seal goes at Open.
func TestInterruptedSealLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "00.whole.new"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	openDir(t, dir)
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); names != nil {
		t.Errorf("left behind: %v", names)
	}
}

// TestMemoryIsBounded moves 25 MB and counts what is held at once.
func TestMemoryIsBounded(t *testing.T) {
	const size = 25 << 20
	d := openDir(t, t.TempDir())
	s, tag := newSealer()
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	watch := func(i uint32, final bool, data []byte) ([]byte, error) {
		if i%50 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc)
		}
		return s.seal(i, final, data)
	}
	start := time.Now()
	c, err := d.Seal(tag, 64<<10, size, io.LimitReader(zeros{}, size), watch)
	if err != nil {
		t.Fatal(err)
	}
	b, err := d.Open(tag)
	if err == nil {
		err = b.Verify(c, s.open, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("25 MB sealed and verified in %v; %d kB held", time.Since(start).Round(time.Millisecond), int64(peak-before.HeapAlloc)>>10)
	if peak > before.HeapAlloc+4<<20 {
		t.Errorf("%d kB held", (peak-before.HeapAlloc)>>10)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
