// Package checkpoint holds what a desk signs about a record so that nobody's
// word is needed for it later.
//
// Single messages carry an Ed25519 signature, because they must be small. What
// has to hold for years is signed with the desk's hybrid key, and rarely: an
// [Attestation] says where the chains of one sending key stand, and so proves
// every message before that point; a [Vector] says which attested chains a desk
// holds of everybody in a group, so that two desks can find the first message
// in which they differ (docs/spec/linecheck.md).
//
// This package is on floor 1: bytes in, values out. It knows no primitive: the
// assembly hands it a suite. It reads no clock.
package checkpoint
