// Package link carries sealed envelopes between a desk and a relay.
//
// A link is TLS 1.3 (X25519MLKEM768) over TCP: one connection that is always
// up for what is urgent (FLASH, IMMEDIATE and all control frames), and a second
// one that is opened when there is bulk (PRIORITY, ROUTINE, files), so that a
// lost segment of a file never holds back a FLASH behind it. Both share one
// scheduler and one budget per direction, because they share one path: strict
// precedence, short frames, and about one bandwidth-delay product in flight.
// Leave one of the three out and a FLASH waits behind a file
// (docs/spec/link.md).
//
// The relay is authenticated by the pin of its key, the desk by a mailbox key
// that serves nothing else, over an exporter of the TLS session. Before that
// only reads of a fixed size happen. A put is answered after the relay's
// commit and may be repeated at will; a delivery is repeated until the desk
// says that it has committed it.
//
// [Client] is the desk's end. [Session] is what both ends have in common, and
// package relay builds the other end from it. This package is on floor 2.
package link
