// Package endtoend drives the real binary: a demo of a relay and three desks,
// each a process of its own, and the command line beside it.
//
// It is nothing but tests, and they use no door that a user does not have.
// What they hold is what the whole promises: a bundle arrives byte for byte and
// both ends show the same ladder, what a send returned arrives once whatever is
// killed meanwhile, and a text is nowhere on a disk in clear.
// HOTLINE_LONG=1 makes them take minutes instead of seconds.
//
// This package stands beside the floors: nothing imports it.
package endtoend
