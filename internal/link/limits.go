package link

import "time"

// Our own choices, each with its reason.
const (
	// MaxFanOut is how many mailboxes one put may name: a line has far fewer
	// desks, and the list must fit one control frame.
	MaxFanOut = 256
	// MaxFrame is the longest body of a frame in bytes. One TLS record holds
	// it, and no peer can make us allocate more than this per read.
	MaxFrame = 16 << 10
	// maxQueuedBytes bounds what one lane of a client holds unanswered: a file
	// waits in the desk's store, not in memory.
	maxQueuedBytes = 4 << 20
	// maxDeliver bounds one call of Deliver, so that a FLASH that arrives
	// while a file is being committed waits for little.
	maxDeliver = 64

	minBackoff = 200 * time.Millisecond
	maxBackoff = 30 * time.Second
)
