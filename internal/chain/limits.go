package chain

import "time"

const (
	// MaxSkipped is how many messages of one chain may be missing at once. It
	// bounds the work that one forged sequence can cause (measured: 3 to 5 ms)
	// and what a chain with gaps costs on disk (about 45 bytes each).
	MaxSkipped = 1000
	// KeepSkipped is how long the key of a missing message is kept. A week
	// covers the longest silence that a desk is built for.
	KeepSkipped = 7 * 24 * time.Hour
	// MaxSequence ends a chain for good: far above what a fast desk
	// sends under one key, far below where a number wraps.
	MaxSequence = 1 << 20
	// MaxParties bounds the audience of a group, and so a sender's state.
	MaxParties = 256
	// MaxControlBody is the longest body of a control envelope in bytes.
	MaxControlBody = 60 << 10
	// MaxChunk is the longest part of a file in one envelope, in bytes.
	MaxChunk = 64 << 10
)
