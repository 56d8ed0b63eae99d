CREATE TABLE version (          -- later versions of a line's charter, whether they count or not
	line  BLOB NOT NULL REFERENCES line (id),
	hash  BLOB NOT NULL CHECK (length(hash) = 32),
	offer BLOB NOT NULL,                         -- roster.Offer: the charter and the signatures so far
	at    INTEGER NOT NULL,
	PRIMARY KEY (line, hash)
) STRICT;
