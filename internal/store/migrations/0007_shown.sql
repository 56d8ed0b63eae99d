-- 0007: what each desk last showed of the statements that it holds, and what we
-- held before, so that "behind" can be told from "ahead".

ALTER TABLE heard ADD COLUMN digest BLOB;

CREATE TABLE held_digest (      -- of our statement set of a line, each that there ever was
	line   BLOB NOT NULL,
	digest BLOB NOT NULL CHECK (length(digest) = 32),
	PRIMARY KEY (line, digest)
) STRICT, WITHOUT ROWID;
