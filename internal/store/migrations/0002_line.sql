-- 0002: parties, lines, messages, and what waits to leave.
-- Times are Unix milliseconds, UTC. Ids are the raw bytes of package ident.

CREATE TABLE party (            -- roots that a ceremony verified, and our own
	id        BLOB PRIMARY KEY CHECK (length(id) = 32),
	name      TEXT NOT NULL UNIQUE,
	root      BLOB NOT NULL,
	self      INTEGER NOT NULL CHECK (self IN (0, 1)),
	paired_at INTEGER NOT NULL
) STRICT;

CREATE TABLE pairing (          -- ceremonies under way, and how they ended
	id         INTEGER PRIMARY KEY,
	peer       TEXT NOT NULL,
	step       TEXT NOT NULL CHECK (step IN ('started', 'answered', 'words', 'paired', 'failed')),
	state      BLOB NOT NULL,
	created_at INTEGER NOT NULL,
	updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE line (
	id         BLOB PRIMARY KEY CHECK (length(id) = 32),
	name       TEXT NOT NULL UNIQUE,
	charter    BLOB NOT NULL,
	state      TEXT NOT NULL CHECK (state IN ('proposed', 'open', 'left')),
	created_at INTEGER NOT NULL,
	serial     INTEGER NOT NULL DEFAULT 0    -- last serial for the whole line
) STRICT;

CREATE TABLE audience (         -- serial numbers of audiences narrower than a line
	line   BLOB NOT NULL REFERENCES line (id),
	grp    BLOB NOT NULL CHECK (length(grp) = 32),
	serial INTEGER NOT NULL,
	PRIMARY KEY (line, grp)
) STRICT, WITHOUT ROWID;

CREATE TABLE charter_signature (
	line  BLOB NOT NULL REFERENCES line (id),
	party BLOB NOT NULL,
	bytes BLOB NOT NULL,
	PRIMARY KEY (line, party)
) STRICT;

CREATE TABLE departure (        -- desks that left a line, by their own signed word
	line  BLOB NOT NULL REFERENCES line (id),
	desk  BLOB NOT NULL,
	bytes BLOB NOT NULL,
	at    INTEGER NOT NULL,
	PRIMARY KEY (line, desk)
) STRICT;

CREATE TABLE statement (        -- signed, grow-only; line is 32 zeros for "all lines of the party"
	id    BLOB PRIMARY KEY CHECK (length(id) = 32),
	party BLOB NOT NULL,
	line  BLOB NOT NULL CHECK (length(line) = 32),
	bytes BLOB NOT NULL
) STRICT;
CREATE INDEX statement_party ON statement (party);

CREATE TABLE seal_key (         -- announcements; private halves are key cells
	desk         BLOB NOT NULL CHECK (length(desk) = 32),
	number       INTEGER NOT NULL,
	announcement BLOB NOT NULL,
	seen_at      INTEGER NOT NULL,
	PRIMARY KEY (desk, number)
) STRICT;

CREATE TABLE heard (            -- last authenticated traffic
	line BLOB NOT NULL,
	desk BLOB NOT NULL,
	at   INTEGER NOT NULL,
	PRIMARY KEY (line, desk)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
	id           BLOB PRIMARY KEY CHECK (length(id) = 16),
	seq          INTEGER NOT NULL UNIQUE,        -- order on this desk
	line         BLOB NOT NULL REFERENCES line (id),
	grp          BLOB NOT NULL CHECK (length(grp) = 32),
	outgoing     INTEGER NOT NULL CHECK (outgoing IN (0, 1)),
	party        BLOB NOT NULL,                  -- originator
	desk         BLOB NOT NULL,
	precedence   INTEGER NOT NULL CHECK (precedence BETWEEN 0 AND 3),
	exercise     INTEGER NOT NULL CHECK (exercise IN (0, 1)),
	content      BLOB NOT NULL CHECK (length(content) = 32),  -- hash of label and body
	body         BLOB NOT NULL,                  -- wire.Message
	envelope     BLOB NOT NULL,                  -- id of the envelope it came or left in
	evidence     BLOB NOT NULL,                  -- what its signature covers, and the signature
	committed_at INTEGER NOT NULL,
	due_at       INTEGER,                        -- acknowledgement falls due; NULL: none asked
	next_at      INTEGER,                        -- next step of escalation
	step         INTEGER NOT NULL DEFAULT 0,     -- steps taken
	settled_at   INTEGER,                        -- receipted by a person, or no longer waiting
	told         INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)) -- incoming: delivered was sealed
) STRICT;
CREATE INDEX message_line ON message (line, seq);
CREATE INDEX message_envelope ON message (envelope);
CREATE INDEX message_clock ON message (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX message_waiting ON message (outgoing, seq) WHERE settled_at IS NULL AND due_at IS NOT NULL;
CREATE INDEX message_untold ON message (seq) WHERE told = 0 AND outgoing = 0;

CREATE TABLE rung (             -- the ladder, one row a step and desk
	id       INTEGER PRIMARY KEY,
	message  BLOB NOT NULL,                      -- may come before its message
	desk     BLOB NOT NULL,                      -- 32 zeros for a relay's word
	party    BLOB NOT NULL,
	state    TEXT NOT NULL,
	role     TEXT NOT NULL,
	text     TEXT NOT NULL,
	at       INTEGER NOT NULL,
	answer_by INTEGER,
	verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
	evidence BLOB NOT NULL,
	UNIQUE (message, desk, state, role, at)
) STRICT;

CREATE TABLE outbox (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	envelope BLOB NOT NULL UNIQUE,
	purpose  TEXT NOT NULL CHECK (purpose IN ('message', 'receipt', 'slice', 'control', 'statement')),
	message  BLOB,                               -- of purpose message and receipt
	grp      BLOB,                               -- of purpose slice: the group
	tag      BLOB,                               -- of purpose slice: the generation
	lane     INTEGER NOT NULL CHECK (lane BETWEEN 0 AND 4),
	bytes    BLOB NOT NULL,
	made_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_message ON outbox (message);

CREATE TABLE target (           -- one desk that an outbox row is for
	outbox   INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
	desk     BLOB NOT NULL,
	relay    BLOB NOT NULL,
	box      BLOB NOT NULL,
	state    INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),  -- 0 queued, 1 accepted, 2 done, 3 refused
	tries    INTEGER NOT NULL DEFAULT 0,
	retry_at INTEGER,                            -- when to put it again without an answer
	PRIMARY KEY (outbox, desk, relay)
) STRICT, WITHOUT ROWID;
CREATE INDEX target_queue ON target (relay, state, outbox);
CREATE INDEX target_retry ON target (retry_at) WHERE retry_at IS NOT NULL;
CREATE INDEX target_desk ON target (desk, state);

CREATE TABLE parked (           -- envelopes whose key has not come yet
	envelope BLOB PRIMARY KEY,
	tag      BLOB NOT NULL,
	lane     INTEGER NOT NULL,
	bytes    BLOB NOT NULL,
	at       INTEGER NOT NULL
) STRICT;
CREATE INDEX parked_tag ON parked (tag);

CREATE TABLE file (
	tag      BLOB PRIMARY KEY CHECK (length(tag) = 16),
	message  BLOB NOT NULL,
	outgoing INTEGER NOT NULL CHECK (outgoing IN (0, 1)),
	number   INTEGER NOT NULL,                   -- place in the message's list
	lane     INTEGER NOT NULL,
	state    TEXT NOT NULL CHECK (state IN ('partial', 'whole', 'broken')),
	at       INTEGER NOT NULL
) STRICT;
CREATE INDEX file_message ON file (message);

CREATE TABLE file_target (      -- desks that have not said that they have all of it
	tag   BLOB NOT NULL REFERENCES file (tag) ON DELETE CASCADE,
	desk  BLOB NOT NULL,
	relay BLOB NOT NULL,
	box   BLOB NOT NULL,
	whole INTEGER NOT NULL CHECK (whole IN (0, 1)),
	sent  INTEGER NOT NULL DEFAULT 0,            -- parts that the relay has, from the first without a gap
	PRIMARY KEY (tag, desk, relay)
) STRICT, WITHOUT ROWID;

CREATE TABLE upload (           -- files given to this desk, not yet part of a message
	id     TEXT PRIMARY KEY,
	name   TEXT NOT NULL,
	media  TEXT NOT NULL,
	file   BLOB NOT NULL,                        -- wire.File, content key included
	made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE officer (
	name     TEXT PRIMARY KEY,
	role     TEXT NOT NULL,
	password BLOB NOT NULL
) STRICT;

CREATE TABLE login_link (
	hash       BLOB PRIMARY KEY,
	officer    TEXT NOT NULL,
	role       TEXT NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
	token      TEXT PRIMARY KEY,
	data       BLOB NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE answer (           -- of idempotent requests, kept 24 h
	key     TEXT PRIMARY KEY,
	status  INTEGER NOT NULL,
	body    BLOB NOT NULL,
	made_at INTEGER NOT NULL
) STRICT;
