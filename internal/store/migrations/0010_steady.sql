-- 0008: retries run on the steady clock: since when a relay has had an
-- envelope, and when a desk was last heard, by it.

ALTER TABLE target ADD COLUMN accepted_at INTEGER;
ALTER TABLE heard ADD COLUMN steady INTEGER NOT NULL DEFAULT 0;
