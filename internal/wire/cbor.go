package wire

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"hotline/internal/fault"
	"hotline/internal/ident"
	"hotline/internal/octets"
)

// ErrMalformed means that bytes are not a body that this package would have
// written. Every error of a parser wraps it.
var ErrMalformed = errors.New("malformed body")

// Purposes of hashes, the same form as in package suite.
const (
	contentLabel = "hotline/1/content"
	labelLabel   = "hotline/1/label"
)

// The maps that are written. Their keys stand at the fields of [Message],
// [File], [Label] and [Receipt]; here is what is written in another form than
// it is held. A key that is not used yet in docs/spec/envelope.md is refused
// until a version gives it a meaning. What is empty is left out, and a reader
// refuses it when it stands there all the same.
type (
	messageMap struct {
		Message
		Action []byte   `cbor:"7,keyasint,omitempty"` // places in REL, or ids if REL is ANY
		Info   []byte   `cbor:"8,keyasint,omitempty"`
		Label  labelMap `cbor:"13,keyasint"`
	}
	labelMap struct {
		Label
		REL            []byte   `cbor:"4,keyasint,omitempty"` // ids of 32 bytes each, sorted
		Classification string   `cbor:"5,keyasint,omitempty"` // left out: none
		Caveats        []string `cbor:"6,keyasint,omitempty"`
	}
	receiptMap struct {
		Receipt
		Missing []uint32 `cbor:"12,keyasint,omitempty"` // first and count in turn
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

func hash(label string, b []byte) [32]byte {
	var w octets.Writer
	w.String(label)
	w.Var32(b)
	sum := sha512.Sum384(w.Bytes())
	return [32]byte(sum[:32])
}

// Encode returns the one spelling of m, or the error of [Message.Check].
func (m *Message) Encode() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	b := must(encoder.Marshal(m.write()))
	if len(b) > MaxBody {
		return nil, fault.New(fault.TooLarge, "The message has %d bytes with all its parts; the most is %d.", len(b), MaxBody)
	}
	return b, nil
}

// ParseMessage reads the body of a message. It accepts what
// [Message.Encode] writes, and nothing else; errors wrap [ErrMalformed].
func ParseMessage(b []byte) (*Message, error) {
	return parse("message", b, messageMap.read)
}

// Encode returns the one spelling of r, or the error of [Receipt.Check].
func (r *Receipt) Encode() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	return must(encoder.Marshal(r.write())), nil
}

// ParseReceipt reads the body of a receipt. It accepts what [Receipt.Encode]
// writes, and nothing else; errors wrap [ErrMalformed].
func ParseReceipt(b []byte) (*Receipt, error) {
	return parse("receipt", b, receiptMap.read)
}

// body is a message or a receipt, and Map is what it is written as.
type body[Map any] interface {
	Check() error
	write() Map
}

// parse reads a body, and holds its rules and that writing it gives b again.
// That comparison catches every second spelling: unsorted keys, long numbers,
// ids that are short or long, empty values that should be left out,
// abbreviated levels, caveats in another order.
func parse[Map any, B body[Map]](what string, b []byte, read func(Map) (B, error)) (x B, err error) {
	var w Map
	if len(b) > MaxBody {
		err = fmt.Errorf("%d bytes", len(b))
	} else if err = decoder.Unmarshal(b, &w); err == nil {
		x, err = read(w)
	}
	if err == nil {
		err = x.Check()
	}
	if err == nil && !bytes.Equal(must(encoder.Marshal(x.write())), b) {
		err = errors.New("not in its one spelling")
	}
	if err != nil {
		return *new(B), fmt.Errorf("read %s: %w: %w", what, ErrMalformed, err)
	}
	return x, nil
}

func (m *Message) write() messageMap {
	return messageMap{*m, m.Label.places(m.Action), m.Label.places(m.Info), m.Label.write()}
}

func (w messageMap) read() (*Message, error) {
	m, err := w.Message, error(nil)
	if m.Label, err = w.Label.read(); err != nil {
		return nil, err
	}
	if m.Action, err = m.Label.parties(w.Action); err != nil {
		return nil, err
	}
	m.Info, err = m.Label.parties(w.Info)
	return &m, err
}

func (r *Receipt) write() receiptMap {
	w := receiptMap{Receipt: *r}
	for _, g := range r.Missing {
		w.Missing = append(w.Missing, g.First, g.Count)
	}
	return w
}

func (w receiptMap) read() (*Receipt, error) {
	r := w.Receipt
	if len(w.Missing)%2 != 0 {
		return nil, errors.New("half a range")
	}
	for i := 0; i < len(w.Missing); i += 2 {
		r.Missing = append(r.Missing, Range{w.Missing[i], w.Missing[i+1]})
	}
	return &r, nil
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
