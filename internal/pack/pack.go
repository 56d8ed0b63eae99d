// Package pack makes texts and STIX bundles shorter before they are sealed.
//
// A FLASH has to pass links of a few kilobits, and its 200 words are too short
// for a compressor to learn anything from. So both ends hold a dictionary, a
// text made up for that purpose in the words of alerts, which the compressor
// has already read. Each message is packed by itself: nothing of one shows in
// the length of another.
//
// What a peer packed is unpacked under hard limits, which are checked before
// memory is used. Dictionaries are numbered and never change; a new one gets
// a new number, and a number that this version does not have is said so.
//
// This package is on floor 1: bytes in, bytes out. It imports the zstd
// library, alone in this module.
package pack

import (
	"bytes"
	_ "embed" // the dictionary
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Errors of [Unpack]. A caller may tell a person which it was.
var (
	ErrUnknownDictionary = errors.New("packed with a dictionary that this version does not have")
	ErrTooLarge          = errors.New("unpacks to more than is allowed")
	ErrMalformed         = errors.New("malformed packed bytes")
)

// The dictionaries. Their numbers are part of the wire format.
const (
	None   uint8 = 0 // as given
	Latest uint8 = 1 // alerts in English and Japanese, and STIX 2.1
)

//go:embed dict/1.zstd
var dictionary1 []byte

// level is that of every encoder. The next one up saves one byte in
// twenty-five, takes 2.5 ms for a text instead of 20 µs, and keeps tables of
// 32 MB.
const level = zstd.SpeedBetterCompression

// magic begins every zstd frame (RFC 8878, Section 3.1.1). It says nothing
// here and is left out.
var magic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Encoders and decoders keep buffers for one user at a time. One decoder, which
// takes next to nothing, serves four at once. An encoder with its dictionary takes
// about 16 MB: a desk that only reads never makes one, a desk that writes keeps
// one, and texts take turns at it. (In a pool it would be given up at each
// collection of garbage, and made again for the next text, at ten times the
// cost of packing it.)
var (
	encoder = sync.OnceValue(newEncoder)
	turn    sync.Mutex // of the encoder
	decoder = sync.OnceValue(func() *zstd.Decoder {
		return must(zstd.NewReader(nil,
			zstd.WithDecoderDicts(dictionary1), zstd.WithDecoderConcurrency(4), zstd.WithDecodeAllCapLimit(true),
			zstd.WithDecoderMaxMemory(MaxUnpacked)))
	})
)

// maxTurn is the most that takes a turn at the encoder that is kept, in bytes: a
// large bundle takes a second, and has an encoder of its own, so that no FLASH
// waits for it.
const maxTurn = 64 << 10

func newEncoder() *zstd.Encoder {
	return must(zstd.NewWriter(nil,
		zstd.WithEncoderDict(dictionary1), zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)))
}

// encode returns b as a zstd frame.
func encode(b []byte) []byte {
	room := make([]byte, 0, len(b)/2+64)
	if len(b) > maxTurn {
		return newEncoder().EncodeAll(b, room)
	}
	turn.Lock()
	defer turn.Unlock()
	return encoder().EncodeAll(b, room)
}

// must unwraps what only a broken embedded dictionary could break.
func must[T any](v T, err error) T {
	if err != nil {
		panic("pack: " + err.Error())
	}
	return v
}

// Pack returns b packed, and the number of the dictionary that unpacks it; or
// b itself and [None] if that is not longer, or if b is so repetitive that
// [Unpack] would take its packed form for a bomb. It never fails. It may be
// called by several goroutines.
func Pack(b []byte) (packed []byte, dictionary uint8) {
	if len(b) == 0 || len(b) > MaxUnpacked {
		return b, None
	}
	packed, ok := bytes.CutPrefix(encode(b), magic)
	if !ok || len(packed) >= len(b) || tooDense(len(b), len(packed)) {
		return b, None
	}
	return packed, Latest
}

// tooDense reports whether an honest packer would not have made n bytes of
// plain out of so few.
func tooDense(n, packed int) bool { return n > FreeOutput && n/MaxRatio > packed }

// Unpack undoes [Pack]. The result has at most limit bytes; a frame that says
// or holds more is [ErrTooLarge], before memory is used for it. For [None] it
// returns packed itself.
func Unpack(packed []byte, dictionary uint8, limit int) ([]byte, error) {
	switch {
	case dictionary == None && len(packed) > limit:
		return nil, fmt.Errorf("unpack: %w: %d bytes, limit %d", ErrTooLarge, len(packed), limit)
	case dictionary == None:
		return packed, nil
	case dictionary != Latest:
		return nil, fmt.Errorf("unpack: %w: number %d", ErrUnknownDictionary, dictionary)
	}
	frame := append(bytes.Clone(magic), packed...)
	n, err := declared(frame)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	if n > uint64(min(limit, MaxUnpacked)) || tooDense(int(n), len(packed)) {
		return nil, fmt.Errorf("unpack: %w: %d bytes out of %d, limit %d", ErrTooLarge, n, len(packed), limit)
	}
	out, err := decoder().DecodeAll(frame, make([]byte, 0, n))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w: %w", ErrMalformed, err)
	}
	if uint64(len(out)) != n {
		return nil, fmt.Errorf("unpack: %w: says %d bytes, holds %d", ErrMalformed, n, len(out))
	}
	return out, nil
}

// declared returns the size that a frame says it has. Frames of other shapes
// than ours, which do not say it or name another dictionary, are malformed.
func declared(frame []byte) (uint64, error) {
	var h zstd.Header
	if err := h.Decode(frame); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if h.Skippable || !h.HasFCS || !h.SingleSegment || h.HasCheckSum || h.DictionaryID != uint32(Latest) {
		return 0, fmt.Errorf("%w: not a frame of this package", ErrMalformed)
	}
	return h.FrameContentSize, nil
}
