-- 0005: the journal as a Merkle log whose heads are signed, and what records
-- need beside it: receipts as they were signed.
-- Times are Unix milliseconds, UTC.

DROP TABLE journal;             -- its hashes were a chain

CREATE TABLE journal (          -- append-only
	seq  INTEGER PRIMARY KEY CHECK (seq > 0),
	kind TEXT NOT NULL,
	at   INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;

CREATE INDEX journal_at ON journal (at); -- finds the leaf of a message

CREATE TABLE tree (             -- hashes of the log, each leaf's before those that it completes
	place INTEGER PRIMARY KEY CHECK (place >= 0),
	hash  BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TABLE checkpoint (       -- signed notes
	generation INTEGER NOT NULL,
	size       INTEGER NOT NULL CHECK (size > 0),
	at         INTEGER NOT NULL,
	note       BLOB NOT NULL,
	PRIMARY KEY (generation, size)
) STRICT, WITHOUT ROWID;
CREATE INDEX checkpoint_size ON checkpoint (size, generation);

CREATE TABLE receipt (          -- what was sealed or opened in the chains of receipts
	id         INTEGER PRIMARY KEY,
	message    BLOB NOT NULL,   -- that it is about; zeros: it is no receipt
	line       BLOB NOT NULL,
	grp        BLOB NOT NULL,
	desk       BLOB NOT NULL,   -- that signed it
	party      BLOB NOT NULL,   -- whose chain of receipts it is in
	generation BLOB NOT NULL CHECK (length(generation) = 16),
	sequence   INTEGER NOT NULL,
	evidence   BLOB NOT NULL,
	body       BLOB NOT NULL,
	UNIQUE (desk, generation, party, sequence)
) STRICT;
CREATE INDEX receipt_message ON receipt (message);
CREATE INDEX receipt_line ON receipt (line, id);
