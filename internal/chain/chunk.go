package chain

import (
	"encoding/binary"
	"fmt"
	"time"

	"hotline/internal/envelope"
	"hotline/internal/octets"
)

// Chunk is one part of a file.
type Chunk struct {
	Index uint32
	Final bool // the last one
	Data  []byte
}

// fields are what of a chunk is not in the header.
func (x *Chunk) fields(c *octets.Coder) {
	c.Flag("final", &x.Final)
	c.Field("data", &x.Data, MaxChunk)
}

// ChunkInput is a chunk and how it travels.
type ChunkInput struct {
	Chunk
	Key    [32]byte // the file's content key: random, for this file alone
	Lane   uint8    // 0 to 3, or [envelope.Files]
	Expiry time.Time
}

// FileTag is the tag of all chunks of a file.
func FileTag(s Symmetric, key [32]byte) [16]byte {
	return [16]byte(s.Expand(key[:], labelFileTag, nil, 16))
}

// SealChunk seals one chunk. Only the last chunk is padded to a bucket; the
// others are as long as the file's chunk size makes them. What is sent again is
// the same envelope, so that a relay drops it as a duplicate. Errors wrap
// [ErrInput].
func SealChunk(s Symmetric, in ChunkInput) ([]byte, error) {
	if len(in.Data) > MaxChunk || in.Lane > envelope.Files || (len(in.Data) == 0 && !in.Final) {
		return nil, fmt.Errorf("seal chunk %d of %d bytes: %w", in.Index, len(in.Data), ErrInput)
	}
	size := envelope.HeaderSize + 1 + 4 + len(in.Data) + envelope.TagSize
	if in.Final {
		size = envelope.Bucket(size)
	}
	plain := make([]byte, size-envelope.HeaderSize-envelope.TagSize)
	copy(plain, octets.Encode(in.Chunk.fields))

	h := envelope.Header{
		Suite: s.ID(), Type: envelope.Chunk, Lane: in.Lane, Tag: FileTag(s, in.Key),
		Expiry: minutes(in.Expiry), Length: uint32(size),
	}
	binary.BigEndian.PutUint32(h.Masked[1:], in.Index)
	prefix := h.Append(make([]byte, 0, size))[:envelope.PrefixSize]
	return s.Seal(prefix, chunkKey(s, in.Key), prefix, plain), nil
}

// OpenChunk opens a chunk of the file with this content key. Whether it belongs
// there is for the file's root hash to say: everybody who can read the file
// holds the key. Errors wrap [ErrOpen] or [ErrRefused].
func OpenChunk(s Symmetric, env []byte, key [32]byte) (Chunk, error) {
	h, err := envelope.Parse(env)
	if err != nil {
		return Chunk{}, fmt.Errorf("open chunk: %w: %w", ErrOpen, err)
	}
	if h.Suite != s.ID() || h.Type != envelope.Chunk || h.Tag != FileTag(s, key) || h.Masked[0] != 0 {
		return Chunk{}, fmt.Errorf("open chunk: %w", ErrOpen)
	}
	plain, err := s.Open(chunkKey(s, key), env[:envelope.PrefixSize], env[envelope.PrefixSize:])
	if err != nil {
		return Chunk{}, fmt.Errorf("open chunk: %w", ErrOpen)
	}
	c := Chunk{Index: binary.BigEndian.Uint32(h.Masked[1:])}
	r := octets.Coder{From: octets.NewReader(plain)}
	c.fields(&r)
	padding := r.From.Rest()
	want := len(env) - len(padding)
	if c.Final {
		want = envelope.Bucket(want)
	}
	if r.Err() != nil || !zeros(padding) || want != len(env) || (len(c.Data) == 0 && !c.Final) {
		return Chunk{}, fmt.Errorf("open chunk %d: layout: %w", c.Index, ErrRefused)
	}
	return c, nil
}

func chunkKey(s Symmetric, key [32]byte) []byte { return s.Expand(key[:], labelChunkKey, nil, 32) }
