-- 0012: starts of the own party's other desks, as they told of them: a relay
-- can give such a word again, and it is journalled once.
-- Times are Unix milliseconds, UTC.

CREATE TABLE opened (
	desk      BLOB NOT NULL CHECK (length(desk) = 32),
	opened_at INTEGER NOT NULL,     -- by that desk's clock
	PRIMARY KEY (desk, opened_at)
) STRICT, WITHOUT ROWID;
