package octets

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
)

// all writes one field of each sort.
func all() []byte {
	var w Writer
	w.Uint8(0xab)
	w.Uint16(0x0102)
	w.Uint32(0x03040506)
	w.Uint64(0x0708090a0b0c0d0e)
	w.Raw([]byte{1, 2, 3})
	w.Var16([]byte("sixteen"))
	w.Var32([]byte("thirty-two"))
	w.String("text")
	return w.Bytes()
}

func TestLayout(t *testing.T) {
	want := "\xab\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x01\x02\x03\x00\x07sixteen\x00\x00\x00\x0athirty-two\x00\x04text"
	if got := all(); string(got) != want {
		t.Errorf("wrote %x, want %x", got, want)
	}
}

// readAll reads what all writes and returns the first error.
func readAll(b []byte) error {
	r := NewReader(b)
	var raw [3]byte
	u8, u16, u32, u64 := r.Uint8(), r.Uint16(), r.Uint32(), r.Uint64()
	r.Into(raw[:])
	v16, v32, s := r.Var16(7), r.Var32(10), r.String(4)
	if err := r.Done(); err != nil {
		return err
	}
	if u8 != 0xab || u16 != 0x0102 || u32 != 0x03040506 || u64 != 0x0708090a0b0c0d0e ||
		raw != [3]byte{1, 2, 3} || string(v16) != "sixteen" || string(v32) != "thirty-two" || s != "text" {
		return errors.New("read other values than were written")
	}
	return nil
}

func TestReaderIsStrict(t *testing.T) {
	b := all()
	if err := readAll(b); err != nil {
		t.Fatal(err)
	}
	for n := range b {
		if err := readAll(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v, want ErrMalformed", n, err)
		}
	}
	if err := readAll(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("a byte left over: %v, want ErrMalformed", err)
	}
}

func TestLengthsThatLie(t *testing.T) {
	tests := map[string]func(*Reader) []byte{
		"over the limit, 16": func(r *Reader) []byte { return r.Var16(6) },
		"over the limit, 32": func(r *Reader) []byte { return r.Var32(1 << 16) },
		"over the text":      func(r *Reader) []byte { return r.Var16(1 << 16) },
		"negative":           func(r *Reader) []byte { return r.Raw(-1) },
		"far too many":       func(r *Reader) []byte { return r.Raw(1 << 40) },
	}
	for name, take := range tests {
		r := NewReader([]byte{0, 7, 0xff, 0xff, 0xff, 0xff})
		if got := take(r); got != nil || !errors.Is(r.Err(), ErrMalformed) {
			t.Errorf("%s: %x, %v, want ErrMalformed", name, got, r.Err())
		}
		// Memory is taken for what is there, not for what is said.
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 10 {
			take(NewReader([]byte{0, 7, 0xff, 0xff, 0xff, 0xff}))
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: ten take %d bytes of memory", name, got)
		}
	}
}

func TestTheFirstErrorSticks(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	r := NewReader([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
	r.Fail(first)
	r.Fail(second)
	var into [2]byte
	r.Into(into[:])
	if r.Uint8() != 0 || r.Uint16() != 0 || r.Uint32() != 0 || r.Uint64() != 0 || r.Raw(1) != nil || r.Rest() != nil || r.String(9) != "" || into != [2]byte{} {
		t.Error("a failed reader goes on reading")
	}
	if !errors.Is(r.Err(), first) || !errors.Is(r.Done(), first) {
		t.Errorf("Err = %v, Done = %v, want the first", r.Err(), r.Done())
	}
	if r.Len() != 9 {
		t.Errorf("Len = %d: a failed reader consumes", r.Len())
	}
}

func TestRestEmptiesTheReader(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	if r.Uint8(); r.Len() != 2 || !bytes.Equal(r.Rest(), []byte{2, 3}) || r.Len() != 0 || r.Done() != nil {
		t.Error("Rest leaves something")
	}
	if got := NewReader(nil).Rest(); len(got) != 0 {
		t.Errorf("Rest of nothing = %x", got)
	}
}

// TestFieldsDoNotOverlap holds that appending to a field cannot change what
// follows it.
func TestFieldsDoNotOverlap(t *testing.T) {
	b := []byte{1, 2, 3, 4}
	_ = append(NewReader(b).Raw(2), 9)
	if b[2] != 3 {
		t.Error("appending to a field changed its neighbour")
	}
}

func TestVar16Panics(t *testing.T) {
	var w Writer
	w.Var16(make([]byte, 1<<16-1))
	defer func() {
		if recover() == nil {
			t.Error("a field of 65,536 bytes was written behind a length that cannot hold it")
		}
	}()
	w.Var16(make([]byte, 1<<16))
}

// FuzzReader holds that what reads without error writes as it was.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\x01\x00\x03abc\x00\x00\x00\x01z"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		n, v16, v32 := r.Uint8(), r.Var16(64), r.Var32(64)
		if err := r.Done(); err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		var w Writer
		w.Uint8(n)
		w.Var16(v16)
		w.Var32(v32)
		if !bytes.Equal(w.Bytes(), b) {
			t.Fatalf("%x is written as %x", b, w.Bytes())
		}
	})
}
