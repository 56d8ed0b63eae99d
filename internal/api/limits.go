package api

import "time"

// Our own choices, each with its reason.
const (
	// MaxSounding is the most messages that one report of a console may name:
	// more than a screen shows.
	MaxSounding = 64
	// MaxBody is the most JSON that a POST may carry, in bytes: a joining pack of
	// a line of a hundred desks. Bundles go by POST /uploads.
	MaxBody = 4 << 20
	// MaxUpload is the most that an upload may carry, in bytes: the largest
	// STIX bundle that a line takes.
	MaxUpload = 25 << 20
	// MaxPage is the most messages or leaves in one answer.
	MaxPage = 500
	// DefaultPage is what an answer holds when the asker names no limit.
	DefaultPage = 100
	// StreamPage is the most events that are held in memory for one client:
	// the rest waits in the store's ring, so that a slow client costs nothing.
	StreamPage = 64
	// BeatEvery is how often the stream says that it lives. A console shows
	// its stale band after 40 s without one.
	BeatEvery = 15 * time.Second
	// WriteWithin is how long one event may take to leave before the client
	// counts as gone.
	WriteWithin = 10 * time.Second
	// ReadWithin is how long an upload may go without a byte.
	ReadWithin = time.Minute
	// AnswersFor is how long an answer to an Idempotency-Key is kept.
	AnswersFor = 24 * time.Hour
)
