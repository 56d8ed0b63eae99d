package wire

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"hotline/internal/ident"
	"hotline/internal/octets"
	"hotline/internal/precedence"
)

// ErrMalformed means that bytes are not a body that this package would have
// written. Every error of a parser wraps it.
var ErrMalformed = errors.New("malformed body")

// Purposes of hashes, the same form as in package suite.
const (
	contentLabel = "hotline/1/content"
	labelLabel   = "hotline/1/label"
)

// The maps, with their keys. A key that is not used yet in docs/spec/envelope.md
// is refused until a version gives it a meaning. What is empty is left out, and
// a reader refuses it when it stands there all the same.
type (
	messageMap struct {
		Kind       uint8     `cbor:"1,keyasint"`
		Status     uint8     `cbor:"2,keyasint"`
		Precedence uint8     `cbor:"3,keyasint,omitempty"`
		Serial     string    `cbor:"4,keyasint"`
		Composed   int64     `cbor:"5,keyasint"`
		Role       string    `cbor:"6,keyasint,omitempty"`
		Action     []byte    `cbor:"7,keyasint,omitempty"` // places in REL, or ids if REL is ANY
		Info       []byte    `cbor:"8,keyasint,omitempty"`
		References []string  `cbor:"9,keyasint,omitempty"`
		ReplyTo    []byte    `cbor:"10,keyasint,omitempty"`
		AckWanted  uint8     `cbor:"11,keyasint,omitempty"`
		AckDue     uint32    `cbor:"12,keyasint,omitempty"`
		Label      labelMap  `cbor:"13,keyasint"`
		Subject    string    `cbor:"14,keyasint,omitempty"`
		Language   string    `cbor:"15,keyasint,omitempty"`
		Text       []byte    `cbor:"16,keyasint,omitempty"`
		Dictionary uint8     `cbor:"17,keyasint,omitempty"`
		Files      []fileMap `cbor:"18,keyasint,omitempty"`
		Exercise   string    `cbor:"19,keyasint,omitempty"`
	}
	labelMap struct {
		TLP            uint8    `cbor:"1,keyasint"`
		PAP            uint8    `cbor:"2,keyasint"`
		Any            bool     `cbor:"3,keyasint,omitempty"`
		REL            []byte   `cbor:"4,keyasint,omitempty"` // ids of 32 bytes each, sorted
		Classification string   `cbor:"5,keyasint,omitempty"` // left out: none
		Caveats        []string `cbor:"6,keyasint,omitempty"`
	}
	fileMap struct {
		Name      string `cbor:"1,keyasint"`
		Media     string `cbor:"2,keyasint,omitempty"`
		Size      uint64 `cbor:"3,keyasint,omitempty"`
		SHA256    []byte `cbor:"4,keyasint"`
		Root      []byte `cbor:"5,keyasint"`
		Key       []byte `cbor:"6,keyasint"`
		ChunkSize uint32 `cbor:"7,keyasint"`
		Count     uint32 `cbor:"8,keyasint"`
		Purpose   uint8  `cbor:"9,keyasint,omitempty"`
		Packed    uint8  `cbor:"10,keyasint,omitempty"`
	}
	receiptMap struct {
		State     uint8    `cbor:"1,keyasint"`
		Message   []byte   `cbor:"2,keyasint"`
		At        int64    `cbor:"3,keyasint"`
		Content   []byte   `cbor:"4,keyasint"`
		Label     []byte   `cbor:"5,keyasint"`
		Group     []byte   `cbor:"6,keyasint"`
		Role      string   `cbor:"7,keyasint,omitempty"`
		Text      string   `cbor:"8,keyasint,omitempty"`
		AnswerBy  int64    `cbor:"9,keyasint,omitempty"`
		Withdraws uint8    `cbor:"10,keyasint,omitempty"`
		File      uint8    `cbor:"11,keyasint,omitempty"`
		Missing   []uint32 `cbor:"12,keyasint,omitempty"` // first and count in turn
	}
)

var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   maxDepth,
		MaxArrayElements:  2 * MaxParties,
		MaxMapPairs:       64,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

// must unwraps what only a mistake in this file could break.
func must[T any](v T, err error) T {
	if err != nil {
		panic("wire: " + err.Error())
	}
	return v
}

// ContentHash returns the first 32 bytes of SHA-384 over an encoded message,
// label included. Receipts and journals bind it; it stays the same however
// often the message is sealed.
func ContentHash(body []byte) [32]byte { return hash(contentLabel, body) }

func hash(label string, b []byte) (h [32]byte) {
	var w octets.Writer
	w.String(label)
	w.Var32(b)
	sum := sha512.Sum384(w.Bytes())
	copy(h[:], sum[:])
	return h
}

// Encode returns the one spelling of m, or the error of [Message.Check].
func (m *Message) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	b := must(encoder.Marshal(m.toMap()))
	if len(b) > MaxBody {
		return nil, tooLarge("The message has %d bytes with all its parts; the most is %d.", len(b), MaxBody)
	}
	return b, nil
}

// ParseMessage reads the body of a message. It accepts what
// [Message.Encode] writes, and nothing else; errors wrap [ErrMalformed].
func ParseMessage(b []byte) (*Message, error) {
	var rep messageMap
	if err := parse(b, &rep); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	m, err := rep.message()
	if err == nil {
		err = m.Check()
	}
	if err == nil {
		err = oneSpelling(m.toMap(), b)
	}
	if err != nil {
		return nil, fmt.Errorf("read message: %w: %w", ErrMalformed, err)
	}
	return m, nil
}

// Encode returns the one spelling of r, or the error of [Receipt.Check].
func (r *Receipt) Encode() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return must(encoder.Marshal(r.toMap())), nil
}

// ParseReceipt reads the body of a receipt. It accepts what [Receipt.Encode]
// writes, and nothing else; errors wrap [ErrMalformed].
func ParseReceipt(b []byte) (*Receipt, error) {
	var rep receiptMap
	if err := parse(b, &rep); err != nil {
		return nil, fmt.Errorf("read receipt: %w", err)
	}
	r, err := rep.receipt()
	if err == nil {
		err = r.Check()
	}
	if err == nil {
		err = oneSpelling(r.toMap(), b)
	}
	if err != nil {
		return nil, fmt.Errorf("read receipt: %w: %w", ErrMalformed, err)
	}
	return r, nil
}

// parse reads b into a map.
func parse(b []byte, rep any) error {
	if len(b) > MaxBody {
		return fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if err := decoder.Unmarshal(b, rep); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return nil
}

// oneSpelling holds that writing what was read gives b again. That comparison
// catches every second spelling: unsorted keys, long numbers, empty values
// that should be left out, abbreviated levels, caveats in another order.
func oneSpelling(rep any, b []byte) error {
	if !bytes.Equal(must(encoder.Marshal(rep)), b) {
		return errors.New("not in its one spelling")
	}
	return nil
}

func (m *Message) toMap() messageMap {
	rep := messageMap{
		Kind: uint8(m.Kind), Status: uint8(m.Status), Precedence: uint8(m.Precedence), Serial: m.Serial, Composed: m.Composed,
		Role: m.Role, Action: m.Label.places(m.Action), Info: m.Label.places(m.Info), References: m.References,
		AckWanted: uint8(m.AckWanted), AckDue: m.AckDue, Label: m.Label.toMap(), Subject: m.Subject, Language: m.Language,
		Text: m.Text, Dictionary: m.Dictionary, Exercise: m.Exercise,
	}
	if m.ReplyTo != (ident.Message{}) {
		rep.ReplyTo = m.ReplyTo[:]
	}
	for _, f := range m.Files {
		rep.Files = append(rep.Files, fileMap{
			Name: f.Name, Media: f.Media, Size: f.Size, SHA256: f.SHA256[:], Root: f.Root[:], Key: f.Key[:],
			ChunkSize: f.ChunkSize, Count: f.Count, Purpose: uint8(f.Purpose), Packed: f.Packed,
		})
	}
	return rep
}

func (rep *messageMap) message() (*Message, error) {
	m := &Message{
		Kind: Kind(rep.Kind), Status: Status(rep.Status), Precedence: precedence.Level(rep.Precedence), Serial: rep.Serial,
		Composed: rep.Composed, Role: rep.Role, References: rep.References, AckWanted: Ack(rep.AckWanted), AckDue: rep.AckDue,
		Subject: rep.Subject, Language: rep.Language, Text: rep.Text, Dictionary: rep.Dictionary, Exercise: rep.Exercise,
	}
	var err error
	if m.Label, err = rep.Label.label(); err != nil {
		return nil, err
	}
	if m.Action, err = m.Label.parties(rep.Action); err != nil {
		return nil, err
	}
	if m.Info, err = m.Label.parties(rep.Info); err != nil {
		return nil, err
	}
	if rep.ReplyTo != nil {
		if err := fill(m.ReplyTo[:], rep.ReplyTo); err != nil {
			return nil, err
		}
		if m.ReplyTo == (ident.Message{}) {
			return nil, errors.New("a reply to message zero")
		}
	}
	for _, f := range rep.Files {
		out := File{
			Name: f.Name, Media: f.Media, Size: f.Size, ChunkSize: f.ChunkSize, Count: f.Count,
			Purpose: Purpose(f.Purpose), Packed: f.Packed,
		}
		if err := errors.Join(fill(out.SHA256[:], f.SHA256), fill(out.Root[:], f.Root), fill(out.Key[:], f.Key)); err != nil {
			return nil, err
		}
		m.Files = append(m.Files, out)
	}
	return m, nil
}

func (r *Receipt) toMap() receiptMap {
	rep := receiptMap{
		State: uint8(r.State), Message: r.Message[:], At: r.At, Content: r.Content[:], Label: r.Label[:], Group: r.Group[:],
		Role: r.Role, Text: r.Text, AnswerBy: r.AnswerBy, Withdraws: uint8(r.Withdraws), File: r.File,
	}
	for _, g := range r.Missing {
		rep.Missing = append(rep.Missing, g.First, g.Count)
	}
	return rep
}

func (rep *receiptMap) receipt() (*Receipt, error) {
	r := &Receipt{
		State: State(rep.State), At: rep.At, Role: rep.Role, Text: rep.Text, AnswerBy: rep.AnswerBy,
		Withdraws: State(rep.Withdraws), File: rep.File,
	}
	if len(rep.Missing)%2 != 0 {
		return nil, errors.New("half a range")
	}
	for i := 0; i < len(rep.Missing); i += 2 {
		r.Missing = append(r.Missing, Range{rep.Missing[i], rep.Missing[i+1]})
	}
	return r, errors.Join(
		fill(r.Message[:], rep.Message), fill(r.Content[:], rep.Content), fill(r.Label[:], rep.Label), fill(r.Group[:], rep.Group))
}

// fill copies a field of fixed size.
func fill(dst, src []byte) error {
	if len(src) != len(dst) {
		return fmt.Errorf("field of %d bytes, want %d", len(src), len(dst))
	}
	copy(dst, src)
	return nil
}

func joinParties(ids []ident.Party) []byte {
	var b []byte
	for _, id := range ids {
		b = append(b, id[:]...)
	}
	return b
}

func splitParties(b []byte) ([]ident.Party, error) {
	if len(b)%len(ident.Party{}) != 0 {
		return nil, fmt.Errorf("list of parties of %d bytes", len(b))
	}
	var ids []ident.Party
	for ; len(b) > 0; b = b[len(ident.Party{}):] {
		ids = append(ids, ident.Party(b[:len(ident.Party{})]))
	}
	return ids, nil
}
