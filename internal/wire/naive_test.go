package wire

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
)

// A second, naive reader and writer of CBOR, which shares no line with the
// library that the package uses (RFC 8949, Section 3). The tests hold the two
// against each other.

// pair is a member of a map, in the order of the bytes.
type pair struct{ key, value any }

// raw is CBOR to be put as it is.
type raw []byte

// write encodes what read returns. It keeps the order of maps, so that tests
// can write what no good writer writes.
func write(v any) []byte {
	head := func(major byte, n uint64) []byte {
		switch {
		case n < 24:
			return []byte{major<<5 | byte(n)}
		case n < 1<<8:
			return []byte{major<<5 | 24, byte(n)}
		case n < 1<<16:
			return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
		case n < 1<<32:
			return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
		default:
			return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
		}
	}
	switch v := v.(type) {
	case raw:
		return v
	case int:
		return head(0, uint64(v))
	case uint64:
		return head(0, v)
	case []byte:
		return append(head(2, uint64(len(v))), v...)
	case string:
		return append(head(3, uint64(len(v))), v...)
	case bool:
		if v {
			return []byte{0xf5}
		}
		return []byte{0xf4}
	case []any:
		b := head(4, uint64(len(v)))
		for _, e := range v {
			b = append(b, write(e)...)
		}
		return b
	case []pair:
		b := head(5, uint64(len(v)))
		for _, p := range v {
			b = append(append(b, write(p.key)...), write(p.value)...)
		}
		return b
	}
	panic(fmt.Sprintf("write %T", v))
}

// read decodes one item and returns what follows it. It knows only what our
// bodies need, and panics on the rest: it reads vectors, not strangers.
func read(b []byte) (v any, rest []byte) {
	major, n := b[0]>>5, uint64(b[0]&31)
	b = b[1:]
	if size := map[uint64]int{24: 1, 25: 2, 26: 4, 27: 8}[n]; size > 0 {
		n = 0
		for _, c := range b[:size] {
			n = n<<8 | uint64(c)
		}
		b = b[size:]
	} else if n > 27 {
		panic("length without end")
	}
	switch major {
	case 0:
		return n, b
	case 2:
		return b[:n:n], b[n:]
	case 3:
		return string(b[:n]), b[n:]
	case 4:
		list := []any{}
		for range n {
			v, b = read(b)
			list = append(list, v)
		}
		return list, b
	case 5:
		pairs := []pair{}
		for range n {
			var p pair
			p.key, b = read(b)
			p.value, b = read(b)
			pairs = append(pairs, p)
		}
		return pairs, b
	case 7:
		return n == 21, b
	}
	panic(fmt.Sprintf("major type %d", major))
}

// plain turns what read returns into what JSON can hold: keys as numbers in
// text, byte strings as h'…'.
func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return "h'" + hex.EncodeToString(v) + "'"
	case []any:
		out := []any{}
		for _, e := range v {
			out = append(out, plain(e))
		}
		return out
	case []pair:
		out := map[string]any{}
		for _, p := range v {
			out[strconv.FormatUint(p.key.(uint64), 10)] = plain(p.value)
		}
		return out
	default:
		return v
	}
}

// with returns m with key set to value, in its place by size of key.
func with(m []pair, key uint64, value any) []pair {
	out := without(m, key)
	i := slices.IndexFunc(out, func(p pair) bool { return p.key.(uint64) > key })
	if i < 0 {
		i = len(out)
	}
	return slices.Insert(out, i, pair{key, value})
}

// without returns m without key.
func without(m []pair, key uint64) []pair {
	return slices.DeleteFunc(slices.Clone(m), func(p pair) bool { return p.key == key })
}

// get returns the value under key.
func get(m []pair, key uint64) any {
	for _, p := range m {
		if p.key == key {
			return p.value
		}
	}
	return nil
}
