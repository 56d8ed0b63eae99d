package blob_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/blob"
	"hotline/internal/envelope"
)

// FuzzFile: a blob's file with other bytes than ours, whole or in part, has no
// layout beyond the bounds, and gives no chunk that does not open.
func FuzzFile(f *testing.F) {
	s, tag := newSealer()
	folder := f.TempDir()
	first := openDir(f, folder)
	data := random(3000)
	made, err := first.Create(tag, blob.Layout{ChunkSize: 1 << 10, Count: 3})
	if err != nil {
		f.Fatal(err)
	}
	for i := range uint32(3) {
		sealed, err := s.seal(i, i == 2, data[i<<10:min(len(data), int(i+1)<<10)])
		if err == nil {
			err = made.Put(i, sealed)
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	if err := made.Sync(); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(folder, tag.String()+".part"))
	if err != nil {
		f.Fatal(err)
	}
	swapped := bytes.Clone(good)
	head := 16 + 16 + 4 + 4
	record := 20 + envelope.Bucket(int(binary.BigEndian.Uint32(good[head:])))
	copy(swapped[head:], good[head+record:head+2*record]) // and its check is made good for the place
	sum := sha256.Sum256(append(make([]byte, 4), swapped[head+20:head+20+int(binary.BigEndian.Uint32(swapped[head:]))]...))
	copy(swapped[head+4:head+20], sum[:])
	f.Add(swapped, true)
	f.Add(good, false)
	f.Add(good, true)
	f.Add(good[:len(good)/2], true)
	f.Add(good[:20], false)
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		dir := t.TempDir()
		d := openDir(t, dir)
		if err := os.WriteFile(filepath.Join(dir, tag.String()+map[bool]string{false: ".part", true: ".whole"}[whole]), b, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := d.Open(tag)
		if err != nil {
			if !errors.Is(err, blob.ErrShape) {
				t.Errorf("%v, want ErrShape", err)
			}
			return
		}
		if l := got.Layout(); l.ChunkSize > 64<<10 || uint64(l.Count-1)*uint64(l.ChunkSize) >= blob.MaxSize {
			t.Errorf("a blob of %d chunks of %d bytes", l.Count, l.ChunkSize)
		}
		if have, of := got.Have(); !whole && have < of != (len(got.Missing(1)) > 0) {
			t.Errorf("%d of %d chunks, missing %v", have, of, got.Missing(1))
		}
		r, err := got.Reader(s.open)
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		if read, err := io.ReadAll(r); !bytes.HasPrefix(data, read) || err == nil && len(read) != len(data) {
			t.Errorf("reads %d bytes that are not the file's: %v", len(read), err)
		}
	})
}
