-- 0011: desks of the own party that were opened with a duress word.
-- Times are Unix milliseconds, UTC.

CREATE TABLE duress (
	desk       BLOB NOT NULL CHECK (length(desk) = 32),
	opened_at  INTEGER NOT NULL,    -- by that desk's clock; with desk it tells a repeat
	heard_at   INTEGER NOT NULL,
	settled_at INTEGER,             -- NULL: the alarm stands
	settled_by TEXT NOT NULL DEFAULT '',
	PRIMARY KEY (desk, opened_at)
) STRICT, WITHOUT ROWID;
