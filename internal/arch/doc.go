// Package arch holds the shape of the tree: which package may import which.
//
// It is nothing but tests. A reader who trusts them may judge a package by its
// imports alone: floors only look down, packages on one floor are strangers,
// each heavy library stays behind one package, and whatever is new must first
// be given a place here. The rules read Go source; they run nothing.
//
// This package stands beside the floors: nothing imports it.
package arch
