package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the frozen vectors anew, for a format that was never released")

// vector is one body and what a reader of another make should find in it.
type vector struct {
	Name    string `json:"name"`
	Body    string `json:"body"`
	Fields  any    `json:"fields,omitempty"`  // by the numbers of docs/spec/envelope.md
	Content string `json:"content,omitempty"` // ContentHash
	Label   string `json:"label,omitempty"`   // Label.Hash
}

// vectorFile is one of testdata/vectors.
type vectorFile struct {
	About   string   `json:"about"`
	Good    []vector `json:"good"`
	Refused []vector `json:"refused"`
}

const vectorFolder = "testdata/vectors"

// frozen reads a file of vectors, after writing it if the flag is set.
func frozen(t *testing.T, name string, made vectorFile) (file vectorFile) {
	t.Helper()
	path := filepath.Join(vectorFolder, name)
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatal("vectors are not rewritten in CI")
		}
		b, err := json.MarshalIndent(made, "", " ")
		if err == nil {
			err = os.MkdirAll(vectorFolder, 0o755)
		}
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&file); err != nil {
		t.Fatalf("read %s: %v", path, err)
	}
	return file
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fieldsOf is what the naive reader finds, as JSON has it.
func fieldsOf(t *testing.T, body []byte) any {
	t.Helper()
	v, rest := read(body)
	if len(rest) > 0 {
		t.Fatalf("%d bytes left over", len(rest))
	}
	b, err := json.Marshal(plain(v))
	if err != nil {
		t.Fatal(err)
	}
	var out any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestMessageVectors holds that what this program writes is what the vectors
// say, to the byte, and that two readers find the same in it.
func TestMessageVectors(t *testing.T) {
	made := vectorFile{About: "EXERCISE. Bodies of messages (docs/spec/envelope.md). Frozen: a change here is a new version of the format."}
	all := messages()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b, err := all[name].Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		content, label := ContentHash(b), all[name].Label.Hash()
		made.Good = append(made.Good, vector{name, hex.EncodeToString(b), fieldsOf(t, b), hex.EncodeToString(content[:]), hex.EncodeToString(label[:])})
	}
	made.Refused = refusals(t, must(alert().Encode()), messageRefusals())
	file := frozen(t, "message1.json", made)
	if len(file.Good) != len(all) || len(file.Refused) < 25 {
		t.Fatalf("%d good and %d refused vectors", len(file.Good), len(file.Refused))
	}
	for _, v := range file.Good {
		body := unhex(t, v.Body)
		m, err := ParseMessage(body)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if diff := cmp.Diff(all[v.Name], m); diff != "" {
			t.Errorf("%s: difference (-want +got):\n%s", v.Name, diff)
		}
		content, label := ContentHash(body), m.Label.Hash()
		if hex.EncodeToString(content[:]) != v.Content || hex.EncodeToString(label[:]) != v.Label {
			t.Errorf("%s: content %x, label %x, want %s and %s", v.Name, content, label, v.Content, v.Label)
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%s: written anew as %x, %v", v.Name, again, err)
		}
		if diff := cmp.Diff(v.Fields, fieldsOf(t, body)); diff != "" {
			t.Errorf("%s: another reader finds (-want +got):\n%s", v.Name, diff)
		}
	}
	for _, v := range file.Refused {
		if m, err := ParseMessage(unhex(t, v.Body)); !errors.Is(err, ErrMalformed) || m != nil {
			t.Errorf("%s: %v, error %v, want ErrMalformed", v.Name, m, err)
		}
	}
}

func TestReceiptVectors(t *testing.T) {
	made := vectorFile{About: "EXERCISE. Bodies of receipts (docs/spec/envelope.md). Frozen: a change here is a new version of the format."}
	all := receipts()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b, err := all[name].Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made.Good = append(made.Good, vector{Name: name, Body: hex.EncodeToString(b), Fields: fieldsOf(t, b)})
	}
	made.Refused = refusals(t, must(want().Encode()), receiptRefusals())
	file := frozen(t, "receipt1.json", made)
	if len(file.Good) != len(all) || len(file.Refused) < 10 {
		t.Fatalf("%d good and %d refused vectors", len(file.Good), len(file.Refused))
	}
	for _, v := range file.Good {
		body := unhex(t, v.Body)
		r, err := ParseReceipt(body)
		if err != nil {
			t.Errorf("%s: %v", v.Name, err)
			continue
		}
		if diff := cmp.Diff(all[v.Name], r); diff != "" {
			t.Errorf("%s: difference (-want +got):\n%s", v.Name, diff)
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, body) {
			t.Errorf("%s: written anew as %x, %v", v.Name, again, err)
		}
		if diff := cmp.Diff(v.Fields, fieldsOf(t, body)); diff != "" {
			t.Errorf("%s: another reader finds (-want +got):\n%s", v.Name, diff)
		}
	}
	for _, v := range file.Refused {
		if r, err := ParseReceipt(unhex(t, v.Body)); !errors.Is(err, ErrMalformed) || r != nil {
			t.Errorf("%s: %v, error %v, want ErrMalformed", v.Name, r, err)
		}
	}
}

// refusals makes bad bodies out of a good one. A change that leaves the bytes
// as they were would prove nothing, so it fails here.
func refusals(t *testing.T, good []byte, changes map[string]func(m []pair) any) (out []vector) {
	t.Helper()
	tree, _ := read(good)
	if !bytes.Equal(write(tree), good) {
		t.Fatal("the naive writer does not write what it read")
	}
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		m, _ := read(good)
		bad := write(changes[name](m.([]pair)))
		if bytes.Equal(bad, good) {
			t.Fatalf("%s: changes nothing", name)
		}
		out = append(out, vector{Name: name, Body: hex.EncodeToString(bad)})
	}
	return out
}

func messageRefusals() map[string]func(m []pair) any {
	label := func(m []pair, key uint64, value any) any { return with(m, 13, with(get(m, 13).([]pair), key, value)) }
	return map[string]func(m []pair) any{
		"trailing byte":                 func(m []pair) any { return raw(append(write(m), 0)) },
		"cut by a byte":                 func(m []pair) any { b := write(m); return raw(b[:len(b)-1]) },
		"unknown key":                   func(m []pair) any { return with(m, 20, 1) },
		"unknown key, negative":         func(m []pair) any { return append(slices.Clone(m), pair{raw{0x20}, 1}) },
		"unknown key, text":             func(m []pair) any { return append(slices.Clone(m), pair{"kind", 1}) },
		"key twice":                     func(m []pair) any { return append(slices.Clone(m), pair{uint64(19), "EXERCISE"}) },
		"keys unsorted":                 func(m []pair) any { m[0], m[1] = m[1], m[0]; return m },
		"no kind":                       func(m []pair) any { return without(m, 1) },
		"no label":                      func(m []pair) any { return without(m, 13) },
		"kind as long number":           func(m []pair) any { return with(m, 1, raw{0x18, 0x02}) },
		"key as long number":            func(m []pair) any { m[0].key = raw{0x18, 0x01}; return m },
		"kind above a byte":             func(m []pair) any { return with(m, 1, 258) },
		"kind negative":                 func(m []pair) any { return with(m, 1, raw{0x21}) },
		"kind as float":                 func(m []pair) any { return with(m, 1, raw{0xf9, 0x40, 0x00}) },
		"kind as text":                  func(m []pair) any { return with(m, 1, "alert") },
		"precedence zero, not left out": func(m []pair) any { return with(m, 3, 0) },
		"precedence 4":                  func(m []pair) any { return with(m, 3, 4) },
		"serial null":                   func(m []pair) any { return with(m, 4, raw{0xf6}) },
		"serial as bytes":               func(m []pair) any { return with(m, 4, []byte("JPN-1/0412")) },
		"serial not UTF-8":              func(m []pair) any { return with(m, 4, "JPN\xff") },
		"serial of indefinite length":   func(m []pair) any { return with(m, 4, raw{0x7f, 0x61, 'A', 0xff}) },
		"time tagged":                   func(m []pair) any { return with(m, 5, raw{0xc1, 0x01}) },
		"time negative":                 func(m []pair) any { return with(m, 5, raw{0x20}) },
		"time above 63 bits":            func(m []pair) any { return with(m, 5, uint64(1)<<63) },
		"addressee of 31 bytes":         func(m []pair) any { return with(m, 7, make([]byte, 31)) },
		"addressees as a list":          func(m []pair) any { return with(m, 7, []any{make([]byte, 32)}) },
		"no addressees, not left out":   func(m []pair) any { return with(m, 8, []byte{}) },
		"a reference that is no text":   func(m []pair) any { return with(m, 9, []any{7}) },
		"reply to zero":                 func(m []pair) any { return with(m, 10, make([]byte, 16)) },
		"reply to 15 bytes":             func(m []pair) any { return with(m, 10, make([]byte, 15)) },
		"label is a list":               func(m []pair) any { return with(m, 13, []any{}) },
		"label without TLP":             func(m []pair) any { return with(m, 13, without(get(m, 13).([]pair), 1)) },
		"label without REL":             func(m []pair) any { return with(m, 13, without(get(m, 13).([]pair), 4)) },
		"label with an unknown key":     func(m []pair) any { return label(m, 7, 1) },
		"label with TLP as text":        func(m []pair) any { return label(m, 1, "TLP:RED") },
		"label with ANY and a list":     func(m []pair) any { return label(m, 3, true) },
		"label with ANY false":          func(m []pair) any { return label(m, 3, false) },
		"label with REL unsorted": func(m []pair) any {
			return label(m, 4, append(bytes.Repeat([]byte{3}, 32), bytes.Repeat([]byte{2}, 32)...))
		},
		"label with an abbreviated level": func(m []pair) any { return label(m, 5, "NR") },
		"label with none, not left out":   func(m []pair) any { return label(m, 5, "none") },
		"label with a misspelt level":     func(m []pair) any { return label(m, 5, "NATO RESTRICETD") },
		"label with caveats out of order": func(m []pair) any { return label(m, 6, []any{"EYES ONLY", "ORCON"}) },
		"label with an unknown caveat":    func(m []pair) any { return label(m, 6, []any{"NOFORN"}) },
		"label with no caveats":           func(m []pair) any { return label(m, 6, []any{}) },
		"text as text string":             func(m []pair) any { return with(m, 16, "EXERCISE") },
		"file without key":                func(m []pair) any { return with(m, 18, []any{without(get(m, 18).([]any)[0].([]pair), 6)}) },
		"file with a hash of 31 bytes": func(m []pair) any {
			return with(m, 18, []any{with(get(m, 18).([]any)[0].([]pair), 4, make([]byte, 31))})
		},
		"a list in the place of the map":   func(m []pair) any { return []any{m} },
		"a map of indefinite length":       func(m []pair) any { b := write(m); return raw(append(append([]byte{0xbf}, b[1:]...), 0xff)) },
		"nesting of 17":                    func(m []pair) any { return with(m, 9, deep(17)) },
		"a million references":             func(m []pair) any { return with(m, 9, raw{0x9a, 0x00, 0x0f, 0x42, 0x40}) },
		"a string of four gigabytes":       func(m []pair) any { return with(m, 4, raw{0x7a, 0xff, 0xff, 0xff, 0xff}) },
		"nothing":                          func([]pair) any { return raw{} },
		"a simple value of CBOR, reserved": func(m []pair) any { return with(m, 1, raw{0xf8, 0x02}) },
	}
}

func receiptRefusals() map[string]func(m []pair) any {
	return map[string]func(m []pair) any{
		"trailing byte":              func(m []pair) any { return raw(append(write(m), 0)) },
		"unknown key":                func(m []pair) any { return with(m, 13, 1) },
		"key twice":                  func(m []pair) any { return append(slices.Clone(m), pair{uint64(12), []any{1, 1}}) },
		"keys unsorted":              func(m []pair) any { m[0], m[1] = m[1], m[0]; return m },
		"no group":                   func(m []pair) any { return without(m, 6) },
		"content of 48 bytes":        func(m []pair) any { return with(m, 4, make([]byte, 48)) },
		"message of 32 bytes":        func(m []pair) any { return with(m, 2, make([]byte, 32)) },
		"state as long number":       func(m []pair) any { return with(m, 1, raw{0x18, 0x10}) },
		"state of a later version":   func(m []pair) any { return with(m, 1, 17) },
		"half a gap":                 func(m []pair) any { return with(m, 12, []any{1, 2, 3}) },
		"gaps that touch":            func(m []pair) any { return with(m, 12, []any{1, 2, 3, 1}) },
		"gap above 32 bits":          func(m []pair) any { return with(m, 12, []any{uint64(1) << 32, 1}) },
		"gaps as maps":               func(m []pair) any { return with(m, 12, []any{[]pair{{uint64(1), uint64(1)}}}) },
		"file zero, not left out":    func(m []pair) any { return with(m, 11, 0) },
		"role empty, not left out":   func(m []pair) any { return with(m, 7, "") },
		"a time that is a float":     func(m []pair) any { return with(m, 3, raw{0xfb, 0x41, 0, 0, 0, 0, 0, 0, 0}) },
		"an answer by a time":        func(m []pair) any { return with(m, 9, 1) },
		"a map of indefinite length": func(m []pair) any { b := write(m); return raw(append(append([]byte{0xbf}, b[1:]...), 0xff)) },
	}
}

// deep is a list in a list, n times.
func deep(n int) any {
	v := any([]any{})
	for range n {
		v = []any{v}
	}
	return v
}

// FuzzParseMessage holds that what is read is written as it was, and that
// every error is the one that callers look for.
func FuzzParseMessage(f *testing.F) {
	for _, m := range messages() {
		f.Add(must(m.Encode()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if again, err := m.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x, %v", b, again, err)
		}
		tree, rest := read(b)
		if len(rest) > 0 || !bytes.Equal(write(tree), b) {
			t.Fatalf("another reader finds more in %x", b)
		}
	})
}

// FuzzParseReceipt is the same for receipts.
func FuzzParseReceipt(f *testing.F) {
	for _, r := range receipts() {
		f.Add(must(r.Encode()))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("another error: %v", err)
			}
			return
		}
		if again, err := r.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x is written as %x, %v", b, again, err)
		}
		tree, rest := read(b)
		if len(rest) > 0 || !bytes.Equal(write(tree), b) {
			t.Fatalf("another reader finds more in %x", b)
		}
	})
}
