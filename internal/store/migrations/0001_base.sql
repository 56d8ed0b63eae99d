-- 0001: what every desk has: settings, the journal's leaves, the events of the
-- screens, and the cells that hold secrets.
-- Times are Unix milliseconds, UTC.

CREATE TABLE setting (
	name  TEXT PRIMARY KEY,
	value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (          -- append-only; hash covers all leaves up to this one
	seq  INTEGER PRIMARY KEY CHECK (seq > 0),
	kind TEXT NOT NULL,
	at   INTEGER NOT NULL,
	data BLOB NOT NULL,
	hash BLOB NOT NULL CHECK (length(hash) = 48)
) STRICT;

CREATE TABLE event (            -- a ring for screens that come back; ids never repeat
	id   INTEGER PRIMARY KEY AUTOINCREMENT,
	kind TEXT NOT NULL,
	at   INTEGER NOT NULL,
	data BLOB NOT NULL
) STRICT;

CREATE TABLE cell (             -- a secret under the key in its slot of keys/cells
	slot   INTEGER PRIMARY KEY CHECK (slot >= 0),
	epoch  INTEGER NOT NULL CHECK (epoch > 0),
	kind   TEXT NOT NULL,
	ref    BLOB NOT NULL,
	sealed BLOB NOT NULL,
	UNIQUE (kind, ref)
) STRICT;
