package scenario

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"hotline/internal/chain"
	"hotline/internal/envelope"
	"hotline/internal/ident"
	"hotline/internal/suite"
)

// update writes vectors anew. The format is frozen: whoever uses it has changed
// the format and says so in the changelog. In CI it fails instead.
var update = flag.Bool("update", false, "write frozen vectors anew")

// hexa is bytes as the vectors write them.
type hexa []byte

func (h hexa) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexa) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

// story is the whole file: who is there, and what happens in which order.
type story struct {
	Comment string       `json:"comment"`
	Suite   uint8        `json:"suite"`
	Parties []storyParty `json:"parties"`
	Desks   []storyDesk  `json:"desks"`
	Steps   []step       `json:"steps"`
}

type storyParty struct {
	Name     string `json:"name"`
	RootSeed hexa   `json:"root_seed"`
	Root     hexa   `json:"root"`
	ID       hexa   `json:"party"`
}

type storyDesk struct {
	Name        string `json:"name"`
	Party       string `json:"of"`
	DeskSeed    hexa   `json:"desk_seed"`
	MessageSeed hexa   `json:"message_seed"`
	ControlSeed hexa   `json:"control_seed"`
	SealSeed    hexa   `json:"seal_seed"`
	ID          hexa   `json:"desk"`
}

// step is one thing that happens. Which fields it has depends on what it does.
type step struct {
	Do   string `json:"do"`
	By   string `json:"by"`
	For  string `json:"for,omitempty"`
	Data hexa   `json:"data,omitempty"` // what travels: envelope, statement, offer, note, file

	// pairing
	Files  []hexa   `json:"files,omitempty"`
	Stored []hexa   `json:"stored,omitempty"` // of both sides, when they compare
	Words  []string `json:"words,omitempty"`
	// charter
	Line  hexa `json:"line,omitempty"`
	Group hexa `json:"group,omitempty"`
	// statement
	Digest hexa              `json:"digest,omitempty"`
	States map[string]string `json:"states,omitempty"`
	// slice
	Identity hexa `json:"identity,omitempty"`
	// message, receipt, statements, attestation, confirmation
	Readers  []string `json:"readers,omitempty"` // whoever has a slice of it
	Lane     uint8    `json:"lane,omitempty"`
	Sequence uint32   `json:"sequence,omitempty"`
	Message  hexa     `json:"message,omitempty"`
	Body     hexa     `json:"body,omitempty"`
	Running  hexa     `json:"running,omitempty"`
	// checkpoint
	Leaf  hexa   `json:"leaf,omitempty"`
	Proof []hexa `json:"proof,omitempty"`
	Size  int64  `json:"size,omitempty"`
}

// What a step does.
const (
	doPairing      = "pairing"
	doCharter      = "charter"
	doStatement    = "statement"
	doConsent      = "consent"
	doSlice        = "slice"
	doMessage      = "message"
	doReceipt      = "receipt"
	doStatements   = "statements"
	doAttestation  = "attestation"
	doConfirmation = "confirmation"
	doCheckpoint   = "checkpoint"
	doEvidence     = "evidence"
)

var kinds = map[string]envelope.Kind{doMessage: 1, doReceipt: 2, doStatements: 3, doAttestation: 4, doConfirmation: 6}

var start = time.Date(2026, 11, 23, 2, 9, 0, 0, time.UTC)

func named(format string, args ...any) [32]byte {
	return sha256.Sum256([]byte("EXERCISE " + fmt.Sprintf(format, args...)))
}

// seed is n bytes that the name decides.
func seed(n int, name string) []byte {
	var out []byte
	for i := 0; len(out) < n; i++ {
		b := named("%s %d", name, i)
		out = append(out, b[:]...)
	}
	return out[:n]
}

// TestScenario holds that the frozen exercise reads, step by step, as it was
// played. Sending keys, nonces and signatures are drawn, so that it is not played
// again to the byte: what is frozen is what this program must go on reading.
func TestScenario(t *testing.T) {
	for _, s := range []suite.Suite{suite.One, suite.Two} {
		t.Run(fmt.Sprint("suite", s.ID()), func(t *testing.T) {
			name := fmt.Sprintf("../wire/testdata/vectors/scenario%d.json", s.ID())
			if *update {
				if os.Getenv("CI") != "" {
					t.Fatal("frozen vectors are not rewritten in CI")
				}
				out, err := json.MarshalIndent(play(t, s), "", " ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, append(out, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var v story
			d := json.NewDecoder(bytes.NewReader(raw))
			d.DisallowUnknownFields()
			if err := d.Decode(&v); err != nil {
				t.Fatalf("read %s: %v", name, err)
			}
			replay(t, s, v)
		})
	}
}

// desk is one desk with all its keys, when the story is told and when it is read.
type desk struct {
	name    string
	party   *party
	key     suite.DeskKey
	message suite.MessageKey
	control suite.SealKey
	seal    suite.SealKey
	id      ident.Desk
	sender  *chain.Sender     // told
	held    []*chain.Receiver // read: the sending keys that it has slices of
	final   [32]byte
}

type party struct {
	name string
	root suite.RootKey
	id   ident.Party
}

// keysOf makes a desk's keys from seeds.
func keysOf(t *testing.T, s suite.Suite, d storyDesk) (out desk) {
	t.Helper()
	var errs [4]error
	out.name = d.Name
	out.key, errs[0] = s.DeskKeyFromSeed(d.DeskSeed)
	out.message, errs[1] = s.MessageKeyFromSeed(d.MessageSeed)
	out.control, errs[2] = s.ParseSealKey(d.ControlSeed)
	out.seal, errs[3] = s.ParseSealKey(d.SealSeed)
	for _, err := range errs {
		must(t, err)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ok[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		must(t, err)
		return v
	}
}
