package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"hotline/internal/ident"
	"hotline/internal/octets"
)

// Format begins every file and changes with its layout.
const Format = "hotline/1 evidence"

// The uses of a file: what it claims. All are checked alike.
const (
	Transcript = "transcript" // what was said, by whom, and who confirmed it
	NonAnswer  = "nonanswer"  // a party had a message and no person of it answered
	Conviction = "conviction" // one desk signed two things of which an honest one signs one
)

const (
	// MaxFile bounds a file, and with it every list in it, in bytes.
	MaxFile = 64 << 20
)

var (
	// ErrMalformed means that bytes are not a file of evidence in its one
	// spelling.
	ErrMalformed = errors.New("not a file of evidence")
	// ErrUnproven means that something in a file does not follow from what the
	// parties signed.
	ErrUnproven = errors.New("evidence does not hold")
)

// File is evidence as it is written: JSON in one spelling, whose bytes are in
// base64. Times are Unix milliseconds. Lists may be empty, never absent.
type File struct {
	Format       string     `json:"format"`
	Use          string     `json:"use"`
	Suite        uint8      `json:"suite"`
	At           int64      `json:"at"`           // by the clock of the desk that made it
	By           string     `json:"by"`           // that desk
	Line         string     `json:"line"`         // what it is about
	Message      string     `json:"message"`      // empty: the whole line
	Party        string     `json:"party"`        // of a non-answer: who did not answer
	Due          int64      `json:"due"`          // of a non-answer: when it should have, by the maker's word
	Groups       [][]string `json:"groups"`       // audiences: party ids, sorted
	Terms        []byte     `json:"terms"`        // a joining pack without seal keys: charters, who signed them, all statements
	Charter      []byte     `json:"charter"`      // the first one once more, for the simplest of readers
	Certificates [][]byte   `json:"certificates"` // of the desks below, each signed by its party's root
	Signed       []Signed   `json:"signed"`
	Slices       [][]byte   `json:"slices"`
	Attestations [][]byte   `json:"attestations"`
	Complaints   [][]byte   `json:"complaints"`
	Paths        []Path     `json:"paths"`
	Checkpoints  [][]byte   `json:"checkpoints"` // of the desk that made the file
	Leaves       []Leaf     `json:"leaves"`
	Signature    []byte     `json:"signature"` // of that desk, over all of the above
}

// Signed is one envelope's inside as its desk signed it: a message, a receipt,
// or what else is in a chain of receipts.
type Signed struct {
	Desk     string `json:"desk"`
	Group    int    `json:"group"` // place in Groups
	Evidence []byte `json:"evidence"`
	Body     []byte `json:"body"`
}

// Path is a stretch of one chain, as hashes: it leads from what was signed to
// what is attested, and shows nothing of what lies between.
type Path struct {
	Desk       string   `json:"desk"`
	Group      int      `json:"group"`
	Generation []byte   `json:"generation"`
	Lane       uint8    `json:"lane"`
	To         string   `json:"to"`      // lane of receipts: to which party; else empty
	Insides    [][]byte `json:"insides"` // from sequence 1 on
}

// Leaf is an entry of the maker's journal and the proof that it is under one of
// the checkpoints.
type Leaf struct {
	Checkpoint int      `json:"checkpoint"` // place in Checkpoints
	Leaf       []byte   `json:"leaf"`
	Proof      [][]byte `json:"proof"`
}

// Bytes returns the one spelling of f.
func (f *File) Bytes() ([]byte, error) {
	f.fill()
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // ends with a line end
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	return b.Bytes(), nil
}

// fill makes absent lists empty ones.
func (f *File) fill() {
	for _, list := range []*[][]byte{&f.Certificates, &f.Slices, &f.Attestations, &f.Complaints, &f.Checkpoints} {
		*list = present(*list)
	}
	f.Groups, f.Signed, f.Paths, f.Leaves = present(f.Groups), present(f.Signed), present(f.Paths), present(f.Leaves)
	f.Terms, f.Charter, f.Signature = present(f.Terms), present(f.Charter), present(f.Signature)
	for i := range f.Groups {
		f.Groups[i] = present(f.Groups[i])
	}
	for i := range f.Signed {
		f.Signed[i].Evidence, f.Signed[i].Body = present(f.Signed[i].Evidence), present(f.Signed[i].Body)
	}
	for i := range f.Paths {
		f.Paths[i].Generation, f.Paths[i].Insides = present(f.Paths[i].Generation), present(f.Paths[i].Insides)
	}
	for i := range f.Leaves {
		f.Leaves[i].Leaf, f.Leaves[i].Proof = present(f.Leaves[i].Leaf), present(f.Leaves[i].Proof)
	}
}

func present[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Parse reads a file in its one spelling and nothing else. Nothing is verified.
// Errors wrap [ErrMalformed].
func Parse(b []byte) (*File, error) {
	if len(b) > MaxFile {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrMalformed, len(b), MaxFile)
	}
	f := &File{}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if again, err := f.Bytes(); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("%w: it is not written in its one form", ErrMalformed)
	}
	switch {
	case f.Format != Format:
		return nil, fmt.Errorf("%w: format %.40q, want %q", ErrMalformed, f.Format, Format)
	case f.Use != Transcript && f.Use != NonAnswer && f.Use != Conviction:
		return nil, fmt.Errorf("%w: use %.40q", ErrMalformed, f.Use)
	case f.At < 0 || f.At > octets.MaxTime || f.Due < 0 || f.Due > octets.MaxTime:
		return nil, fmt.Errorf("%w: a time outside 1970 to 9999", ErrMalformed)
	}
	return f, nil
}

// Signer is a desk key.
type Signer interface {
	Sign(label string, parts ...[]byte) []byte
}

const labelEvidence = "hotline/1/evidence"

// Sign has the desk that made f sign it.
func (f *File) Sign(key Signer) error {
	b, err := f.unsigned()
	if err != nil {
		return err
	}
	f.Signature = key.Sign(labelEvidence, b)
	return nil
}

// unsigned is what the signature covers: the file with an empty signature.
func (f *File) unsigned() ([]byte, error) {
	g := *f
	g.Signature = nil
	return g.Bytes()
}

// AddGroup returns the place of an audience in f, adding it if need be.
func (f *File) AddGroup(parties []ident.Party) int {
	var ids []string
	for _, p := range sortParties(parties) {
		ids = append(ids, p.String())
	}
	for i, g := range f.Groups {
		if slices.Equal(g, ids) {
			return i
		}
	}
	f.Groups = append(f.Groups, ids)
	return len(f.Groups) - 1
}
