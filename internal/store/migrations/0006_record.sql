-- 0006: who signed what, in which place of which chain; what was attested, what
-- was compared, and what proves that somebody said two different things.

CREATE TABLE generation (       -- sending keys seen or made; none of them is here
	id          INTEGER PRIMARY KEY,
	line        BLOB NOT NULL,                      -- 32 zeros: not known yet
	sender      BLOB NOT NULL CHECK (length(sender) = 32),
	grp         BLOB NOT NULL CHECK (length(grp) = 32),
	name        BLOB NOT NULL CHECK (length(name) = 16),
	identity    BLOB NOT NULL CHECK (length(identity) = 32),
	predecessor BLOB NOT NULL CHECK (length(predecessor) = 32),
	commitment  BLOB NOT NULL CHECK (length(commitment) = 48),
	slice       BLOB NOT NULL,                      -- signed part of its slice; empty: our own
	at          INTEGER NOT NULL,
	UNIQUE (sender, grp, name)
) STRICT;

CREATE TABLE place (            -- one row for each envelope of a chain
	generation INTEGER NOT NULL REFERENCES generation (id),
	lane       INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 4),
	party      BLOB NOT NULL,                       -- lane 4: whose receipts; else 32 zeros
	sequence   INTEGER NOT NULL CHECK (sequence > 0),
	kind       INTEGER NOT NULL,                    -- of the envelope; 0: declared void
	previous   BLOB NOT NULL CHECK (length(previous) = 32), -- running hash before it
	inside     BLOB NOT NULL CHECK (length(inside) = 32),   -- hash of what is signed
	message    BLOB,                                -- of kind message
	attested   INTEGER NOT NULL DEFAULT 0 CHECK (attested IN (0, 1)),
	PRIMARY KEY (generation, lane, party, sequence)
) STRICT, WITHOUT ROWID;
CREATE INDEX place_message ON place (message) WHERE message IS NOT NULL;
CREATE INDEX place_open ON place (generation, kind) WHERE attested = 0;

CREATE TABLE attestation (      -- the newest of each generation; party as in place
	generation INTEGER NOT NULL REFERENCES generation (id),
	party      BLOB NOT NULL,
	at         INTEGER NOT NULL,                    -- as signed
	came_at    INTEGER NOT NULL,
	final      INTEGER NOT NULL CHECK (final IN (0, 1)),
	hash       BLOB NOT NULL CHECK (length(hash) = 32),
	bytes      BLOB NOT NULL,
	PRIMARY KEY (generation, party)
) STRICT;

CREATE TABLE checked (          -- the newest line check of each desk, and how it compared
	grp   BLOB NOT NULL,
	desk  BLOB NOT NULL,
	line  BLOB NOT NULL,
	at    INTEGER NOT NULL,
	nonce BLOB NOT NULL,
	agree INTEGER,                                  -- NULL: being compared
	text  TEXT NOT NULL,
	seal  INTEGER NOT NULL,                         -- number of its newest seal key
	vector BLOB NOT NULL,                           -- its signed vector, when it differed
	PRIMARY KEY (grp, desk)
) STRICT, WITHOUT ROWID;

CREATE TABLE proof (            -- alarms about the record, and what proves them
	id      INTEGER PRIMARY KEY,
	at      INTEGER NOT NULL,
	line    BLOB NOT NULL,
	sender  BLOB NOT NULL,                          -- whom it is about
	kind    TEXT NOT NULL,
	verdict TEXT NOT NULL CHECK (verdict IN ('sender', 'path or sender')),
	text    TEXT NOT NULL,
	a       BLOB NOT NULL,                          -- two signed values; kinds say which (docs/spec/linecheck.md)
	b       BLOB NOT NULL,
	UNIQUE (line, sender, kind, text)
) STRICT;
