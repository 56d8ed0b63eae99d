package envelope

import (
	"bytes"
	"errors"
	"testing"
)

var header = Header{
	Suite: 1, Type: Chain, Lane: 3, Tag: [16]byte{1, 2, 3}, Masked: [5]byte{4, 5}, Expiry: 0x01020304, Length: 256, Nonce: [12]byte{11: 9},
}

func whole(h Header) []byte { return append(h.Append(nil), make([]byte, int(h.Length)-HeaderSize)...) }

func TestHeaderComesBack(t *testing.T) {
	b := whole(header)
	if len(header.Append(nil)) != HeaderSize {
		t.Fatalf("a header of %d bytes", len(header.Append(nil)))
	}
	got, err := Parse(b)
	if err != nil || got != header {
		t.Errorf("Parse = %+v, %v, want %+v", got, err, header)
	}
	if b[0] != Version || b[1] != 1 || b[2] != 1 || b[3] != 3 || !bytes.Equal(b[25:29], []byte{1, 2, 3, 4}) || !bytes.Equal(b[29:33], []byte{0, 0, 1, 0}) {
		t.Errorf("another layout: %x", b[:HeaderSize])
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]func(b []byte) []byte{
		"nothing":              func([]byte) []byte { return nil },
		"a header alone":       func(b []byte) []byte { return b[:HeaderSize] },
		"a byte cut":           func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":          func(b []byte) []byte { return append(b, 0) },
		"version 0":            func(b []byte) []byte { b[0] = 0; return b },
		"version 2":            func(b []byte) []byte { b[0] = 2; return b },
		"type 0":               func(b []byte) []byte { b[2] = 0; return b },
		"type 5":               func(b []byte) []byte { b[2] = 5; return b },
		"lane 5":               func(b []byte) []byte { b[3] = 5; return b },
		"a length that lies":   func(b []byte) []byte { b[32]++; return b },
		"a length of 4 GB":     func(b []byte) []byte { copy(b[29:], []byte{255, 255, 255, 255}); return b },
		"longer than any must": func([]byte) []byte { h := header; h.Length = MaxSize + 1; return whole(h) },
	}
	for name, change := range tests {
		if h, err := Parse(change(whole(header))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v, want ErrMalformed", name, h, err)
		}
	}
	for _, n := range []uint32{HeaderSize + TagSize, MaxSize} {
		h := header
		h.Length = n
		if got, err := Parse(whole(h)); err != nil || got != h {
			t.Errorf("an envelope of %d bytes: %v", n, err)
		}
	}
}

var inside = Inside{
	Previous: [32]byte{1}, Digest: [32]byte{2}, Message: [16]byte{3}, Kind: Receipt, Precedence: 3, BodyLength: 5,
}

// plain is an opened envelope with a body of 5 bytes and some padding.
func plain(i Inside, padding int) []byte {
	b := append(i.Append(nil), "hello"...)
	b = append(b, bytes.Repeat([]byte{7}, 64)...)
	return append(b, make([]byte, padding)...)
}

func TestInsideComesBack(t *testing.T) {
	if n := len(inside.Append(nil)); n != InsideSize {
		t.Fatalf("an inside of %d bytes", n)
	}
	for _, padding := range []int{0, 1, 300} {
		i, body, sig, err := ParseInside(plain(inside, padding), 64)
		if err != nil || i != inside || string(body) != "hello" || len(sig) != 64 || sig[0] != 7 {
			t.Errorf("padding %d: %+v, %q, %d bytes, %v", padding, i, body, len(sig), err)
		}
	}
}

func TestParseInsideRefuses(t *testing.T) {
	flags, long, longer, over := inside, inside, inside, inside
	flags.Flags = 1
	long.BodyLength = 6
	longer.BodyLength = 1 << 31
	over.BodyLength = MaxSize + 1
	for name, b := range map[string][]byte{
		"nothing":              nil,
		"a header alone":       inside.Append(nil),
		"a signature cut":      plain(inside, 0)[:InsideSize+5+64-1],
		"a flag":               plain(flags, 9),
		"padding of others":    append(plain(inside, 9), 1),
		"a body too long":      plain(long, 0),
		"a body of 2 GB":       plain(longer, 9),
		"a body over all":      append(plain(over, 0), make([]byte, MaxSize+100)...),
		"padding, first byte":  append(plain(inside, 0), 1, 0, 0),
		"padding, middle byte": append(plain(inside, 5), 1, 0, 0),
	} {
		i, body, sig, err := ParseInside(b, 64)
		if !errors.Is(err, ErrMalformed) || i != (Inside{}) || body != nil || sig != nil {
			t.Errorf("%s: %+v, %x, %v, want ErrMalformed and nothing else", name, i, body, err)
		}
	}
}

func TestBuckets(t *testing.T) {
	tests := map[int]int{
		1: 256, 256: 256, 257: 320, 320: 320, 321: 384, 384: 384, 385: 512, 512: 512, 513: 768, 768: 768, 769: 1024,
		1024: 1024, 1025: 1536, 1536: 1536, 1537: 2048, 2048: 2048, 2049: 4096, 4096: 4096, 4097: 8192, 8193: 16384,
		32769: 65536, 65536: 65536, 65537: 67584, 67584: 67584, 67585: 69632,
	}
	for n, want := range tests {
		if got := Bucket(n); got != want {
			t.Errorf("Bucket(%d) = %d, want %d", n, got, want)
		}
	}
	last := 0
	for n := 1; n <= 1<<21; n += 1 + n/977 {
		b := Bucket(n)
		if b < n || b < last || Bucket(b) != b {
			t.Fatalf("Bucket(%d) = %d after %d, which goes to %d", n, b, last, Bucket(b))
		}
		if n > 64<<10 && (b-n)*100 > 12*n {
			t.Fatalf("Bucket(%d) = %d wastes more than 12 %%", n, b)
		}
		last = b
	}
}

func TestIdentify(t *testing.T) {
	a, b := whole(header), whole(header)
	if Identify(a) != Identify(b) {
		t.Error("the same envelope has two ids")
	}
	b[len(b)-1]++
	if Identify(a) == Identify(b) {
		t.Error("two envelopes have one id")
	}
	if s := Identify(nil).String(); s != "38b060a751ac96384cd9327eb1b1e36a" { // SHA-384 of nothing, FIPS 180-4
		t.Errorf("the id of nothing = %s", s)
	}
}

// FuzzParse holds that a header that parses is written as it was.
func FuzzParse(f *testing.F) {
	f.Add(whole(header))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Parse(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if !bytes.Equal(h.Append(nil), b[:HeaderSize]) {
			t.Fatalf("%x is written as %x", b[:HeaderSize], h.Append(nil))
		}
	})
}

// FuzzParseInside holds that what opens has one spelling up to its padding.
func FuzzParseInside(f *testing.F) {
	f.Add(plain(inside, 20))
	f.Fuzz(func(t *testing.T, b []byte) {
		i, body, sig, err := ParseInside(b, 64)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		again := append(append(i.Append(nil), body...), sig...)
		if len(body) != int(i.BodyLength) || !bytes.Equal(again, b[:len(again)]) || len(bytes.Trim(b[len(again):], "\x00")) > 0 {
			t.Fatalf("%x is written as %x", b, again)
		}
	})
}
