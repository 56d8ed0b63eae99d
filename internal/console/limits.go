package console

import "time"

const (
	// maxHeader bounds a request's header. Browsers send under 2 KiB here.
	maxHeader = 16 << 10
	// maxForm bounds the body of a sign-in: a name, a link, a password.
	maxForm = 8 << 10
	// maxBody bounds any request to the API: the largest STIX bundle, 25 MB,
	// and room for its frame. The API holds each route to less.
	maxBody = 26 << 20
	// maxReport bounds the report of a broken content policy.
	maxReport = 16 << 10

	// minPassword is in characters, and is about guessing at a throttled door
	// (NIST SP 800-63B asks for 8 or more; a watch desk can bear 12).
	minPassword = 12
	// maxPassword is in bytes; longer input only serves to make work.
	maxPassword = 1024

	// sessionIdle and sessionLife end a sign-in (docs/console.md,
	// Section 1).
	// Presence, which the page reports every 20 s, counts as life: a watch
	// seat does not expire while it is held.
	sessionIdle = 30 * time.Minute
	sessionLife = 12 * time.Hour
	// touchEvery is how far a sign-in's stored end may lag behind, so that
	// a page that asks twice a second does not write twice a second.
	touchEvery = time.Minute

	// hashesAtOnce and hashesWaiting bound the memory that strangers can make
	// the desk use: each password check takes 64 MiB.
	hashesAtOnce  = 2
	hashesWaiting = 16
)
