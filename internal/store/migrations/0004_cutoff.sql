-- 0004: cut-offs: what was removed, who has confirmed it, and what came from a
-- removed desk afterwards.

CREATE TABLE cutoff (           -- a desk that was removed, one row a desk
	desk      BLOB PRIMARY KEY CHECK (length(desk) = 32),
	statement BLOB NOT NULL CHECK (length(statement) = 32),  -- of the removal
	party     BLOB NOT NULL,
	name      TEXT NOT NULL,
	reason    TEXT NOT NULL,
	officer   TEXT NOT NULL,                                 -- who cut it off; empty: it was done elsewhere
	at        INTEGER NOT NULL,                              -- it took effect here
	alarmed   INTEGER NOT NULL DEFAULT 0 CHECK (alarmed IN (0, 1)),
	tries     INTEGER NOT NULL DEFAULT 0,                    -- of telling who has not confirmed
	next_at   INTEGER                                        -- NULL: all have, or it is not ours to count
) STRICT;

CREATE TABLE confirmation (     -- desks that are to confirm, and their word
	desk     BLOB NOT NULL,                 -- the removed one; its row may come later
	by       BLOB NOT NULL,
	at       INTEGER,                                        -- NULL: not yet
	evidence BLOB,
	PRIMARY KEY (desk, by)
) STRICT, WITHOUT ROWID;

CREATE TABLE late (             -- came after its desk was removed: held, never shown
	message BLOB PRIMARY KEY,
	desk    BLOB NOT NULL,
	line    BLOB NOT NULL,
	body    BLOB NOT NULL,
	at      INTEGER NOT NULL
) STRICT;
CREATE INDEX late_desk ON late (desk);
