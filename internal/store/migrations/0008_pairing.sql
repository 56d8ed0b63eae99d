-- 0008: how a party was verified, by whom, and rendezvous of pairings.

ALTER TABLE party ADD COLUMN how TEXT NOT NULL DEFAULT 'self'   -- by words, by another desk of ours, or our own
	CHECK (how IN ('self', 'words', 'introduced'));
ALTER TABLE party ADD COLUMN stopped_at INTEGER;                -- its lines stand still until a new ceremony; NULL: no
ALTER TABLE party ADD COLUMN stopped TEXT NOT NULL DEFAULT '';  -- why

ALTER TABLE pairing ADD COLUMN officer TEXT NOT NULL DEFAULT '';  -- who began it here
ALTER TABLE pairing ADD COLUMN ended   TEXT NOT NULL DEFAULT '';  -- why it failed

CREATE TABLE pairing_record (   -- a ceremony that held: which root, who, when
	pairing INTEGER PRIMARY KEY REFERENCES pairing (id),
	party   BLOB NOT NULL CHECK (length(party) = 32),
	at      INTEGER NOT NULL,
	officer TEXT NOT NULL CHECK (officer <> ''),
	witness TEXT NOT NULL,      -- empty: this party asks for one person
	text    TEXT NOT NULL       -- signed by this desk
) STRICT;
CREATE INDEX pairing_record_party ON pairing_record (party);

-- Nothing makes a party but words that held: not even this desk's own code.
CREATE TRIGGER party_by_words BEFORE INSERT ON party
WHEN NEW.how = 'words' AND NOT EXISTS (SELECT 1 FROM pairing_record r JOIN pairing p ON p.id = r.pairing
	WHERE r.party = NEW.id AND p.step = 'paired')
BEGIN SELECT RAISE(ABORT, 'a party without words'); END;
CREATE TRIGGER party_self BEFORE INSERT ON party WHEN (NEW.how = 'self') <> NEW.self
BEGIN SELECT RAISE(ABORT, 'a party without words'); END;

CREATE TABLE rendezvous (       -- where the files of a pairing pass without a courier
	pairing INTEGER PRIMARY KEY REFERENCES pairing (id),
	code    TEXT NOT NULL,
	relay   BLOB NOT NULL CHECK (length(relay) = 32),
	keys    BLOB NOT NULL,      -- slot and key, from the code
	until   INTEGER NOT NULL,
	state   TEXT NOT NULL       -- what it waits for, in words
) STRICT;
