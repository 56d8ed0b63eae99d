-- 0014: what desks signed about slices that they refused, our own words too.
-- Times are Unix milliseconds, UTC.
CREATE TABLE complaint (
	id         INTEGER PRIMARY KEY,
	at         INTEGER NOT NULL,                    -- made, or came, by our clock
	line       BLOB NOT NULL CHECK (length(line) = 32),
	desk       BLOB NOT NULL CHECK (length(desk) = 32),
	about      BLOB NOT NULL CHECK (length(about) = 32), -- who signed the slice
	grp        BLOB NOT NULL CHECK (length(grp) = 32),
	generation BLOB NOT NULL CHECK (length(generation) = 16),
	kind       INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 4),
	bytes      BLOB NOT NULL,                       -- as signed (docs/spec/complaint.md)
	UNIQUE (about, grp, generation, kind, desk)
) STRICT;
CREATE INDEX complaint_line ON complaint (line);
