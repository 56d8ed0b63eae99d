// Package evidence reads and checks files that prove what was said on a line,
// with nothing but the ids of the parties.
//
// A file holds the charter, the statements of its members, and what was signed
// under them: messages, receipts, attestations, leaves of a journal with their
// proofs. [Check] verifies all of it and says what follows: a transcript, that
// nobody answered, or that one desk signed two things of which an honest one
// signs one (docs/spec/journal.md, Section 4). No server is asked and no key but
// those in the file is needed; whose they are follows from the parties' ids.
//
// This package is on floor 2: it reads no disk and no clock, but knows all
// formats.
package evidence
