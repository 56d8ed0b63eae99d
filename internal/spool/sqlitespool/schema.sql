-- 0001: the spool of a relay. Times are Unix seconds, UTC. Names of mailboxes
-- are hashes; nothing here says who or what.
CREATE TABLE meta (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	epoch  INTEGER NOT NULL,               -- of this spool's history, at random
	file   TEXT    NOT NULL                -- device and inode: a copy is noticed
) STRICT;
CREATE TABLE mailbox (
	num    INTEGER PRIMARY KEY,
	id     BLOB    NOT NULL UNIQUE CHECK (length(id) = 32),
	owner  BLOB    NOT NULL CHECK (length(owner) = 32),
	quota  INTEGER NOT NULL
) STRICT;
CREATE TABLE allow (
	mailbox INTEGER NOT NULL REFERENCES mailbox (num),
	putter  BLOB    NOT NULL CHECK (length(putter) = 32),
	PRIMARY KEY (mailbox, putter)
) STRICT, WITHOUT ROWID;
CREATE TABLE invitation (
	hash   BLOB    PRIMARY KEY CHECK (length(hash) = 48),
	uses   INTEGER NOT NULL,
	quota  INTEGER NOT NULL,
	expiry INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The next sequence of a lane outlives its items, so that none is given twice.
CREATE TABLE lane (
	mailbox INTEGER NOT NULL,
	lane    INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 4),
	next    INTEGER NOT NULL,
	PRIMARY KEY (mailbox, lane)
) STRICT, WITHOUT ROWID;
-- One row per put, however many mailboxes it is for.
CREATE TABLE envelope (
	num    INTEGER PRIMARY KEY,
	refs   INTEGER NOT NULL,
	body   BLOB    NOT NULL
) STRICT;
CREATE TABLE item (
	mailbox  INTEGER NOT NULL,
	lane     INTEGER NOT NULL,
	seq      INTEGER NOT NULL,
	envelope INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	expiry   INTEGER NOT NULL,
	putter   BLOB    NOT NULL CHECK (length(putter) = 32),
	part     BLOB,                          -- the id of a part of a file: it may come again when it was taken
	PRIMARY KEY (mailbox, lane, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX item_part ON item (mailbox, part) WHERE part IS NOT NULL;
-- What was taken, until it expires: a put may be repeated. The expiry comes
-- first, so that new rows go to one end and old ones leave at the other.
CREATE TABLE seen (
	expiry  INTEGER NOT NULL,
	id      BLOB    NOT NULL,
	mailbox INTEGER NOT NULL,
	PRIMARY KEY (expiry, id, mailbox)
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
