package complaint_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"hotline/internal/complaint"
	"hotline/internal/ident"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

var update = flag.Bool("update", false, "write the frozen vectors anew")

var vectorFile = filepath.FromSlash("../wire/testdata/vectors/complaint1.json")

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// frozen is the file of vectors: what a second reader has to come to.
type frozen struct {
	Comment    string            `json:"comment"`
	Desks      []frozenDesk      `json:"desks"`
	Line       hexa              `json:"line"`
	Complaints []frozenComplaint `json:"complaints"`
}

type frozenDesk struct {
	Name    string `json:"name"`
	Party   hexa   `json:"of"`
	Desk    hexa   `json:"desk"`
	Message hexa   `json:"message_public,omitempty"` // of the one that signs slices
	Key     hexa   `json:"desk_public,omitempty"`    // of those that sign complaints or attestations
}

type frozenComplaint struct {
	Bytes      hexa   `json:"bytes"`
	By         hexa   `json:"by"`
	About      hexa   `json:"about"`
	To         hexa   `json:"to"` // whom the quoted slice is made out to
	Group      hexa   `json:"group"`
	Generation hexa   `json:"generation"`
	Kind       uint8  `json:"kind"`
	Proves     bool   `json:"proves"`
	TimeMs     int64  `json:"time_ms"`
	Slice      hexa   `json:"slice"`
	Beside     hexa   `json:"beside"`
	Text       string `json:"text"`
}

// desks are those of the file.
func (f *frozen) desks(id ident.Desk) (roster.Certificate, bool) {
	for _, d := range f.Desks {
		if bytes.Equal(d.Desk, id[:]) {
			return roster.Certificate{Party: ident.Party(d.Party), Name: d.Name, MessageKey: d.Message, DeskKey: d.Key}, true
		}
	}
	return roster.Certificate{}, false
}

// read sets all fields but the bytes from what the bytes say.
func (f *frozen) read(t *testing.T) {
	t.Helper()
	for i := range f.Complaints {
		v := &f.Complaints[i]
		x, err := complaint.Parse(suite.One, v.Bytes)
		if err == nil {
			_, err = x.Verify(suite.One, f.desks)
		}
		if err != nil || !bytes.Equal(x.Line[:], f.Line) {
			t.Fatalf("complaint %d: %v", i, err)
		}
		to, group := x.To(), x.Group(suite.One)
		*v = frozenComplaint{
			Bytes: v.Bytes, By: x.By[:], About: x.About[:], To: to[:], Group: group[:], Generation: x.Generation[:], Kind: uint8(x.Kind),
			Proves: x.Kind.Proves(), TimeMs: x.Time.UnixMilli(), Slice: x.Slice, Beside: x.Beside,
			Text: x.Text(func(d ident.Desk) string { c, _ := f.desks(d); return c.Name }),
		}
	}
}

// TestFrozenVectors: bytes that were written once read as they did then.
func TestFrozenVectors(t *testing.T) {
	var f frozen
	if *update {
		sc := newScene(t, suite.One)
		f.Comment = "EXERCISE. A complaint of each kind, suite 1 (docs/spec/complaint.md)"
		f.Line = sc.line[:]
		f.Desks = []frozenDesk{
			{sc.jpn.name, sc.jpn.party[:], sc.jpn.id[:], sc.jpn.message.Public(), sc.jpn.key.Public()},
			{sc.nato.name, sc.nato.party[:], sc.nato.id[:], nil, sc.nato.key.Public()},
			{sc.aus.name, sc.aus.party[:], sc.aus.id[:], nil, nil},
		}
		for _, x := range sc.all() {
			f.Complaints = append(f.Complaints, frozenComplaint{Bytes: x.Bytes(sc.s)})
		}
		f.read(t)
		if err := os.WriteFile(vectorFile, encode(t, f), 0o644); err != nil { //nolint:gosec // read by everybody
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(want, &f); err != nil {
		t.Fatal(err)
	}
	f.read(t)
	if len(f.Complaints) != 4 || !bytes.Equal(encode(t, f), want) {
		t.Errorf("%s reads otherwise than it did", vectorFile)
	}
}

func encode(t *testing.T, f frozen) []byte {
	t.Helper()
	b, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}
