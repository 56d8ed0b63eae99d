// Package journal keeps a desk's record honest: it signs checkpoints of the
// journal, verifies it whole, and takes evidence out of it.
//
// Before a checkpoint is signed the right edge of the tree and every leaf since
// the last one are computed anew from the files, and once a day all of it: what
// was damaged between writing and signing is never signed. While the record
// does not verify, nothing is cleaned away.
//
// This package is on floor 3.
package journal
