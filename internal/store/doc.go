// Package store keeps a desk's state in one encrypted SQLite file, line.db,
// and its used keys out of every file.
//
// A desk says "delivered" only when a message is on its disk and the key that
// opened it is on no disk any more. Both promises are kept in one place, the
// end of [Store.Update]: when it returns nil, the transaction is durable and
// every key that it replaced is erased.
//
// # Keys are erased by overwriting 64 bytes, not by deleting rows
//
// A database cannot erase: it writes pages elsewhere, logs them and leaves
// the old ones to the file system. So a secret lives in a cell: its row holds
// the secret sealed under a key of its own (AES-256-GCM), and that key lives
// in a slot of 64 bytes in the file keys/cells. Each time the secret changes,
// the slot's key takes one step forward through a hash. The row of epoch n+1
// is sealed under K(n+1) = H(K(n)), the slot is then overwritten in place with
// K(n+1), and from that moment every copy of the older row (in free pages, in
// the write-ahead log, in a backup) is noise.
//
// # Crash order
//
// An Update that touches cells does this, and nothing else, in this order:
//
//  1. grow keys/cells if free slots run out (random keys; fsync) — before the
//     commit, so that no row is ever sealed under a key that is not on disk;
//  2. commit: the rows of epoch n+1 are in the write-ahead log (fsync);
//  3. wal_checkpoint(TRUNCATE): the rows are in line.db (fsync), the log is
//     cut to nothing, secure_delete has zeroed what the rows replaced;
//  4. overwrite the touched slots in place: K(n+1) for a changed cell, a fresh
//     random key for a dropped one; one fsync for all of them;
//  5. return.
//
// A crash before 2 leaves rows and slots of epoch n. A crash between 2 and 4
// leaves rows one epoch ahead of their slots: [Open] steps those slots forward
// and erases every slot that no row uses, before anything else happens. A slot
// ahead of its row cannot come from a crash: the database was rolled back, and
// [Provenance] says so. A failed fsync at 2 or 3, or a failed write at 4, stops
// the store for good ([ErrStopped]); the next Open finds one of the two states
// above.
//
// What an attacker with the disk, a copy of it or the passphrase gets is in
// docs/spec/store.md.
//
// An Update that touches no cell ends at 2; the log is checkpointed when a
// later one touches a cell or removes a text, when it has a megabyte, and at
// Close.
//
// This package is on floor 2: it owns the folder of a desk, and it alone
// imports the encrypting SQLite.
package store
