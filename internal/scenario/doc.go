// Package scenario freezes one whole exercise as vectors, for each suite: two
// parties pair, sign a charter, write, take a desk in, cut it off, go on under
// new keys, and prove it all with a checkpoint and a file of evidence.
//
// It is nothing but tests. One reads the frozen steps in order through the doors
// that other packages export; the second reader (test/reader) reads the same
// file from docs/spec alone. Everything in it is EXERCISE.
//
// This package stands beside the floors: nothing imports it.
package scenario
