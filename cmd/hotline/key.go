package main

import "crypto/rand"

// newKey returns an Idempotency-Key for one act, so that the desk does nothing
// twice if the request is sent again.
func newKey() string { return rand.Text() }
